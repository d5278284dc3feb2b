//! Findings as CSV (RFC 4180) and JSON lines.

use std::io::{self, Write};

use serde::Serialize;
use showroom_studio::check::{CheckReport, Finding};

/// A photo and what was found: `check --json` prints one a line.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    pub uri: String,
    pub photo: String,
    pub sku: Option<String>,
    #[serde(flatten)]
    pub report: CheckReport,
    /// Name of the file that keeps the rules.
    pub fixed_file: Option<String>,
}

const HEADER: &str = "uri,sku,photo_verdict,rule,level,verdict,value,limit,says,remedy,fixed_file,fixed_verdict,where";

/// A line for each photo and rule, under a header.
pub fn csv(found: &[Found], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{HEADER}")?;
    for one in found {
        for finding in &one.report.findings {
            writeln!(out, "{}", line(one, finding))?;
        }
    }
    out.flush()
}

/// A line for each photo.
pub fn jsonl(found: &[Found], out: &mut dyn Write) -> io::Result<()> {
    for one in found {
        writeln!(out, "{}", serde_json::to_string(one)?)?;
    }
    out.flush()
}

fn line(one: &Found, finding: &Finding) -> String {
    let value = match &finding.value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    };
    let fixed = one.report.fixed.as_ref().and_then(|fixed| {
        let same = fixed
            .findings
            .iter()
            .find(|other| other.measure == finding.measure && other.limit == finding.limit);
        same.map(|finding| finding.verdict.name().to_string())
    });
    let places = match finding.measure.as_str() {
        "text" | "text-share" => places(&one.report),
        _ => String::new(),
    };
    let level = format!("{:?}", finding.level).to_lowercase();
    let fields = [
        one.uri.as_str(),
        one.sku.as_deref().unwrap_or_default(),
        one.report.verdict.name(),
        &finding.measure,
        &level,
        finding.verdict.name(),
        &value,
        &finding.limit,
        &finding.says,
        finding.remedy.as_deref().unwrap_or_default(),
        one.fixed_file.as_deref().unwrap_or_default(),
        fixed.as_deref().unwrap_or_default(),
        &places,
    ];
    fields.map(quoted).join(",")
}

/// The boxes of text that is not on the product: `x y width height`, with `;` between them.
fn places(report: &CheckReport) -> String {
    let found = report.text.iter().flatten();
    let beside = found.filter(|one| one.on_product != Some(true));
    let places: Vec<String> = beside
        .map(|one| format!("{} {} {} {}", one.x, one.y, one.width, one.height))
        .collect();
    places.join(";")
}

fn quoted(field: &str) -> String {
    match field.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_string(),
    }
}
