//! `showroom labels show`: what was measured when labels were learned.

use serde::Serialize;
use showroom_catalog::seams::Catalogue;
use showroom_vision::labels::{GroupReport, LabelSet};

use super::sets;
use crate::args::labels::Show;
use crate::config::Config;
use crate::exit::Failure;
use crate::table::{counted, plain, print, print_json, table};
use crate::wire;

/// An element of `labels show --json`, and what `labels learn --json` prints.
#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    id: &'a str,
    groups: Vec<&'a GroupReport>,
}

pub fn run(config: &Config, verb: &Show) -> Result<(), Failure> {
    let catalogue = wire::runtime()?.block_on(wire::open(config))?;
    let sets = sets(config, &verb.sets, catalogue.manifest())?;
    if sets.is_empty() {
        config.say("no label sets; `showroom labels learn` makes one");
        return Ok(());
    }
    print_sets(config, &sets)
}

/// A line of JSON for each set, or tables.
pub fn print_sets(config: &Config, sets: &[LabelSet]) -> Result<(), Failure> {
    for set in sets {
        if config.json {
            print_json(&Shown {
                name: set.name(),
                id: set.id(),
                groups: set.reports().collect(),
            })?;
            continue;
        }
        for report in set.reports() {
            print(headline(set.name(), report))?;
            print_labels(report)?;
            print_reliability(report)?;
        }
    }
    Ok(())
}

fn headline(set: &str, report: &GroupReport) -> String {
    let kind = if report.exclusive { "one of" } else { "any of" };
    let labels = counted(report.labels.len() as u64, "label");
    let mut line = format!("{set}: {} ({kind} {labels}), by ", plain(&report.name));
    line += match report.way.as_str() {
        "neighbours" => "the nearest examples",
        "head" => "a linear head",
        _ => "words",
    };
    match report.accuracy {
        Some(accuracy) => {
            let photos = counted(report.held_back as u64, "photo");
            line += &format!("; right for {accuracy:.2} of {photos} held back");
        }
        None => line += "; not calibrated: review at the most, until photos are judged",
    }
    let others: Vec<String> = report
        .compared
        .iter()
        .filter(|(way, _)| *way != report.way)
        .map(|(way, accuracy)| format!("{way} {accuracy:.2}"))
        .collect();
    if !others.is_empty() {
        line += &format!(" ({})", others.join(", "));
    }
    line
}

fn print_labels(report: &GroupReport) -> Result<(), Failure> {
    let mut rows = table(&[
        "LABEL",
        "EXAMPLES",
        "AGAINST",
        "ACCEPT FROM",
        "RIGHT",
        "FOUND",
        "ECE",
    ]);
    let number = |value: Option<f32>| value.map_or(String::new(), |value| format!("{value:.2}"));
    for label in &report.labels {
        let accept = match label.accept_from {
            Some(from) => format!("{from:.2}"),
            None => "never".into(),
        };
        rows.add_row([
            plain(&label.name),
            label.examples.to_string(),
            label.counter_examples.to_string(),
            accept,
            number(label.precision),
            number(label.recall),
            label.ece.map_or(String::new(), |ece| format!("{ece:.3}")),
        ]);
    }
    print(rows)
}

fn print_reliability(report: &GroupReport) -> Result<(), Failure> {
    let Some(reliability) = &report.reliability else {
        return Ok(());
    };
    if let (Some(accepted), Some(right)) = (report.accepted, report.accepted_right) {
        print(format!(
            "accepted {accepted:.2} of the answers, {right:.2} of these right"
        ))?;
    }
    print(format!("expected calibration error {:.3}", reliability.ece))?;
    let mut rows = table(&["SAID", "RIGHT", "ANSWERS"]);
    for bin in &reliability.bins {
        rows.add_row([
            format!("{:.2}", bin.said),
            format!("{:.2}", bin.right),
            bin.count.to_string(),
        ]);
    }
    print(rows)
}
