//! `showroom check`: photos against the rules of a marketplace.

use std::cmp::Reverse;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use showroom_catalog::AssetKind;
use showroom_catalog::seams::Maker;
use showroom_pipeline::AssetEvent;
use showroom_pixels::Limits;
use showroom_studio::check::{CheckMaker, CheckReport, RuleSet, Verdict};

use super::check_sink::CheckSink;
use super::findings::{self, Found};
use super::{ended, is_file, make, read_text, said, short_hash};
use crate::args::studio::Check;
use crate::config::Config;
use crate::exit::Failure;
use crate::table::{counted, plain, print, print_json, table};
use crate::whole::write_whole;
use crate::wire::{self, Work};

/// The mask network that looks; the cut-outs of `--fix` have their own.
pub(super) const LOOKS: &str = "u2netp";
/// Boxes of text that are shown to people.
const BOXES_SHOWN: usize = 3;
pub(super) const NOT_ASKED: &str = "no rule asks for it";
/// Photos that are shown to people; the report and the JSON have all.
const SHOWN: usize = 50;

pub fn run(config: &Config, verb: &Check) -> Result<(), Failure> {
    let (rules, hash) = rules(&verb.rules)?;
    let report = verb.report.as_deref().map(report_kind).transpose()?;
    let rules = Arc::new(rules);
    let (engine, looking) = wire::matting(config, LOOKS, Work::Bulk)?;
    config.say(&engine);
    let mut cutting = match verb.fix {
        true => wire::matting(config, &verb.model, Work::Bulk)?.1,
        false => Vec::new(),
    };
    let mut text = match rules.asks_for_text() {
        true => wire::text_detectors(config, looking.len())?,
        false => Ok(Vec::new()),
    };
    if let Err(why) = &text {
        config.say(format!("text is not looked for: {why}"));
    }
    let makers = looking
        .into_iter()
        .map(|matting| -> Box<dyn Maker> {
            Box::new(CheckMaker {
                rules: rules.clone(),
                rules_hash: hash.clone(),
                matting,
                text: match &mut text {
                    Ok(detectors) => detectors.pop().ok_or_else(|| NOT_ASKED.to_string()),
                    Err(why) => Err(why.clone()),
                },
                cutter: cutting.pop(),
                limits: Limits::default(),
            })
        })
        .collect();
    let sink = CheckSink::open(verb.output.as_deref())?;
    let mut found: Vec<Found> = Vec::new();
    let summary = make(config, &verb.photos, makers, &sink, &mut |event| {
        if let AssetEvent::Done { assets, .. } = event
            && let Some(asset) = assets.iter().find(|asset| asset.kind == AssetKind::Check)
            && let Some((report, fixed_file)) = sink.report(&asset.key)
        {
            found.push(Found {
                uri: asset.uri.clone(),
                photo: asset.photo.to_string(),
                sku: asset.sku.clone(),
                report,
                fixed_file,
            });
        }
    })?;
    found.sort_by(|a, b| a.uri.cmp(&b.uri));
    if let (Some(path), Some(kind)) = (&verb.report, report) {
        write_whole(path, |out: &mut (dyn Write + Send)| {
            let written = match kind {
                ReportKind::Csv => findings::csv(&found, out),
                ReportKind::Jsonl => findings::jsonl(&found, out),
            };
            written.map_err(|error| Failure::write(path, &error))
        })?;
    }
    match config.json {
        true => found.iter().try_for_each(print_json)?,
        false => show(&rules, &found)?,
    }
    config.say(said(&summary, "checked"));
    ended(&summary, &verb.photos)?;
    let bad = found
        .iter()
        .filter(|one| one.report.verdict >= Verdict::Unknown);
    match bad.count() {
        bad if bad > 0 && verb.photos.strict => Err(Failure::Rejects(format!(
            "{} of {} do not keep the rules of {}, or cannot be told",
            bad,
            counted(found.len() as u64, "photo"),
            rules.title
        ))),
        _ => Ok(()),
    }
}

/// Rules by name or from a file, with the hash of what they say.
fn rules(word: &str) -> Result<(RuleSet, String), Failure> {
    let bad = |reason: String| Failure::BadInput(format!("{word}: {reason}"));
    if let Some(rules) = RuleSet::built_in(word) {
        let rules = rules.map_err(bad)?;
        let hash = rules_hash(&rules);
        return Ok((rules, hash));
    }
    let Some(path) = is_file(word) else {
        let names: Vec<&str> = RuleSet::built_in_names().collect();
        return Err(Failure::Usage(format!(
            "there are no rules called {word:?}; there are {}, or name a TOML file",
            names.join(", ")
        )));
    };
    let rules = RuleSet::parse(&read_text(&path)?).map_err(bad)?;
    let hash = rules_hash(&rules);
    Ok((rules, hash))
}

/// Changes whenever what they say does.
pub(super) fn rules_hash(rules: &RuleSet) -> String {
    short_hash(format!("{rules:?}").as_bytes())
}

/// The boxes beside the product, largest first, in words.
fn where_text_is(report: &CheckReport) -> Option<String> {
    let found = report.text.as_deref().unwrap_or_default().iter();
    let mut beside: Vec<_> = found.filter(|one| one.on_product != Some(true)).collect();
    beside.sort_by_key(|one| Reverse(u64::from(one.width) * u64::from(one.height)));
    let boxes = beside
        .iter()
        .take(BOXES_SHOWN)
        .map(|one| format!("{} × {} at {}, {}", one.width, one.height, one.x, one.y));
    let more = match beside.len().saturating_sub(BOXES_SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let boxes: Vec<String> = boxes.collect();
    (!boxes.is_empty()).then(|| format!("text: {}{more}", boxes.join("; ")))
}

#[derive(Clone, Copy)]
enum ReportKind {
    Csv,
    Jsonl,
}

fn report_kind(path: &Path) -> Result<ReportKind, Failure> {
    let ending = path.extension().and_then(|ending| ending.to_str());
    match ending {
        Some("csv") => Ok(ReportKind::Csv),
        Some("jsonl" | "ndjson" | "json") => Ok(ReportKind::Jsonl),
        _ => Err(Failure::Usage(format!(
            "{}: a report ends in .csv or .jsonl",
            path.display()
        ))),
    }
}

fn show(rules: &RuleSet, found: &[Found]) -> Result<(), Failure> {
    print(format!(
        "{} ({}, read {})",
        rules.title, rules.source, rules.read
    ))?;
    let mut rows = table(&[
        "PHOTO",
        "VERDICT",
        "RULE",
        "MEASURED",
        "LIMIT",
        "WHAT TO DO",
    ]);
    for one in found.iter().take(SHOWN) {
        let mut name = plain(&one.uri);
        let not_kept = one.report.findings.iter();
        let mut not_kept = not_kept
            .filter(|finding| finding.verdict != Verdict::Pass)
            .peekable();
        if not_kept.peek().is_none() {
            rows.add_row([name.as_str(), "pass", "", "", "", ""]);
            continue;
        }
        for finding in not_kept {
            let value = match &finding.value {
                serde_json::Value::Null => "?".to_string(),
                serde_json::Value::String(text) => text.clone(),
                number => number.to_string(),
            };
            let row = [
                &name,
                finding.verdict.name(),
                &finding.says,
                &value,
                &finding.limit,
                finding.remedy.as_deref().unwrap_or("take another photo"),
            ];
            rows.add_row(row);
            name.clear();
        }
        if let Some(where_text_is) = where_text_is(&one.report) {
            rows.add_row(["", "", &where_text_is, "", "", ""]);
        }
        if let (Some(fixed), Some(file)) = (&one.report.fixed, &one.fixed_file) {
            let made = format!("made {}", plain(file));
            rows.add_row(["", fixed.verdict.name(), &made, "", "", ""]);
        }
        if let Some(reason) = &one.report.not_fixed {
            rows.add_row(["", "", &format!("not made: {}", plain(reason)), "", "", ""]);
        }
    }
    print(rows)?;
    if found.len() > SHOWN {
        print(format!(
            "and {} more: --report and --json have them all",
            found.len() - SHOWN
        ))?;
    }
    for verdict in [
        Verdict::Pass,
        Verdict::Warn,
        Verdict::Unknown,
        Verdict::Fail,
    ] {
        let of = |one: &&Found| one.report.verdict == verdict;
        let count = found.iter().filter(of).count();
        if count > 0 {
            print(format!(
                "{}: {}",
                verdict.name(),
                counted(count as u64, "photo")
            ))?;
        }
    }
    rules
        .notes
        .iter()
        .try_for_each(|note| print(format!("note: {note}")))
}
