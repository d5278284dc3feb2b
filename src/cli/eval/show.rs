//! The results for people: a table in the terminal, the same and more as Markdown.

use std::fmt::Write;

use showroom_pipeline::{Calibration, Confusion, Estimate, Evaluation, TagResult};

use super::Results;
use crate::table::{counted, plain, table};

/// Mistakes that are shown.
const MOST_MISTAKES: usize = 8;

/// The kind that all questions by words belong to.
const ALL_KINDS: &str = "all";

/// One line of the table: what was measured, and the number where there is one.
type Line = (String, Option<Estimate>);

/// `brief` keeps of each kind of question the one number that is looked at first.
fn lines(results: &Evaluation, brief: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut add = |name: String, estimate| lines.push((name, estimate));
    let searches = [
        ("same item".to_string(), false, results.same_item.as_ref()),
        ("same label".to_string(), false, results.same_label.as_ref()),
    ];
    let text = results.text.iter().map(|(kind, found)| {
        let name = format!("words to photo ({})", plain(kind));
        (name, brief && kind != ALL_KINDS, Some(found))
    });
    for (name, one_number, found) in searches.into_iter().chain(text) {
        let Some(found) = found else { continue };
        add(format!("{name}, first 5"), Some(found.recall_at_5));
        if !one_number {
            add(format!("{name}, first 1"), Some(found.recall_at_1));
            add(format!("{name}, first 10"), Some(found.recall_at_10));
            add(format!("{name}, mAP"), Some(found.mean_average_precision));
        }
    }
    let tags = [
        ("category", &results.category),
        ("main colour", &results.colour),
    ];
    for (name, tag) in tags {
        let Some(tag) = tag else { continue };
        add(format!("{name}, answered"), Some(tag.answered));
        add(format!("{name}, right of these"), tag.right);
        if let Some(deep) = tag.right_to_the_end {
            add(format!("{name}, right to the end"), Some(deep));
        }
    }
    lines
}

fn number(estimate: &Estimate) -> [String; 3] {
    [
        format!("{:.3}", estimate.value),
        format!("{:.3}–{:.3}", estimate.low, estimate.high),
        estimate.of.to_string(),
    ]
}

/// For the terminal.
pub fn text(results: &Results) -> String {
    let found = &results.results;
    let mut rows = table(&["WHAT", "SHARE", "95 %", "OF"]);
    for (name, estimate) in lines(found, true) {
        let [share, interval, of] = estimate.as_ref().map(number).unwrap_or_default();
        rows.add_row([name, share, interval, of]);
    }
    let mut text = format!("{rows}\n");
    if let Some(calibration) = calibration_of(found) {
        let _ = writeln!(
            text,
            "calibration error of the category: {:.3}",
            calibration.ece
        );
    }
    for (name, tag) in [
        ("category", &found.category),
        ("main colour", &found.colour),
    ] {
        let mistakes: Vec<String> = mistakes(tag)
            .take(MOST_MISTAKES)
            .map(|cell| {
                let (truth, said) = (plain(&cell.truth), plain(&cell.said));
                format!("{truth} as {said} {}", cell.photos)
            })
            .collect();
        if !mistakes.is_empty() {
            let _ = writeln!(text, "{name}, most mistaken: {}", mistakes.join("; "));
        }
    }
    let _ = write!(
        text,
        "{} measured, {} of unknown truth, {} rejected",
        counted(found.photos as u64, "photo"),
        found.unknown,
        results.rejects
    );
    text
}

fn calibration_of(found: &Evaluation) -> Option<&Calibration> {
    found.category.as_ref()?.calibration.as_ref()
}

fn mistakes(tag: &Option<TagResult>) -> impl Iterator<Item = &Confusion> {
    let cells = tag.iter().flat_map(|tag| &tag.confusion);
    cells.filter(|cell| cell.truth != cell.said)
}

/// The same as a page, with the whole confusion tables, the reliability, and how to repeat it.
pub fn markdown(results: &Results) -> String {
    let found = &results.results;
    let manifest = &results.manifest;
    let mut page = format!(
        "# Measured\n\n{} (BLAKE3 `{}`), encoder `{}`, showroom {}.\n\n\
         | what | share | 95 % | of |\n|---|---|---|---|\n",
        counted(found.photos as u64, "photo"),
        found.photos_hash,
        cell(&manifest.encoder),
        manifest.showroom
    );
    // Writing to a string cannot fail.
    for (name, estimate) in lines(found, false) {
        let [share, interval, of] = estimate.as_ref().map(number).unwrap_or_default();
        let _ = writeln!(page, "| {} | {share} | {interval} | {of} |", cell(&name));
    }
    if let Some(calibration) = calibration_of(found) {
        let _ = writeln!(
            page,
            "\n## Calibration of the category\n\nExpected calibration error {:.3}.\n\n\
             | score from | answers | mean score | right |\n|---|---|---|---|",
            calibration.ece
        );
        for bin in &calibration.reliability {
            let (from, score, right) = (bin.from, bin.score, bin.right);
            let answers = bin.answers;
            let _ = writeln!(page, "| {from:.1} | {answers} | {score:.3} | {right:.3} |");
        }
    }
    for (name, tag) in [
        ("category", &found.category),
        ("main colour", &found.colour),
    ] {
        let Some(tag) = tag else { continue };
        let _ = writeln!(
            page,
            "\n## What is taken for what: {name}\n\n| truth | said | photos |\n|---|---|---|"
        );
        for one in &tag.confusion {
            let (truth, said) = (cell(&one.truth), cell(&one.said));
            let _ = writeln!(page, "| {truth} | {said} | {} |", one.photos);
        }
    }
    page.trim_end().to_string()
}

/// Safe in a cell of a Markdown table.
fn cell(text: &str) -> String {
    plain(text).replace('|', "\\|")
}
