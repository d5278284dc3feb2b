//! `showroom labels review`: what a person should look at, the most doubtful first.

use serde::Serialize;
use showroom_catalog::label::{LABELS, PERSON};
use showroom_catalog::seams::{Catalogue, Columns};
use showroom_catalog::{Decision, PhotoId, Record, Tag};

use crate::args::labels::Review;
use crate::config::Config;
use crate::exit::Failure;
use crate::table::{counted, plain, print, print_json, table};
use crate::wire;

/// A line of `labels review --json`.
#[derive(Clone, Debug, Serialize)]
struct Line {
    id: PhotoId,
    uri: String,
    sku: Option<String>,
    /// Id of the label: what `labels decide` takes.
    label: String,
    name: String,
    score: f32,
    /// Probability that the label is right; `null` where it is not calibrated.
    calibrated: Option<f32>,
    source: String,
}

impl Line {
    fn new(record: &Record, tag: &Tag) -> Line {
        Line {
            id: record.id,
            uri: record.source.uri.clone(),
            sku: record.source.sku.clone(),
            label: tag.id.clone(),
            name: tag.name.clone(),
            score: tag.score,
            calibrated: tag.calibrated,
            source: tag.source.clone(),
        }
    }

    /// Lower is more doubtful: nothing is known of what is not calibrated, and of what is, one half
    /// says least. Of the uncalibrated the likeliest come first, since they are the soonest done.
    fn certainty(&self) -> (f32, f32) {
        match self.calibrated {
            Some(p) => ((p - 0.5).abs(), -self.score),
            None => (0.0, -self.score),
        }
    }
}

pub fn run(config: &Config, verb: &Review) -> Result<(), Failure> {
    let wanted = verb.label.as_ref().map(|label| label.trim().to_lowercase());
    let is_wanted = |tag: &&Tag| {
        let is_own = verb.all || tag.source.starts_with(LABELS);
        let is_named = wanted.as_ref().is_none_or(|wanted| {
            tag.id.to_lowercase() == *wanted || tag.name.to_lowercase() == *wanted
        });
        is_own && is_named && tag.decision == Decision::Review && tag.model != PERSON
    };
    let limit = verb.limit as usize;
    let mut total = 0u64;
    let mut lines: Vec<Line> = Vec::new();
    let sort = |lines: &mut Vec<Line>| {
        lines.sort_by(|a, b| {
            let (a_key, b_key) = (a.certainty(), b.certainty());
            let order = a_key
                .0
                .total_cmp(&b_key.0)
                .then(a_key.1.total_cmp(&b_key.1));
            order.then_with(|| (&a.uri, &a.label).cmp(&(&b.uri, &b.label)))
        });
        lines.truncate(limit);
    };
    wire::runtime()?.block_on(async {
        let catalogue = wire::open(config).await?;
        let mut each = |records: Vec<Record>| {
            for record in &records {
                for tag in record.labels.iter().filter(is_wanted) {
                    total += 1;
                    lines.push(Line::new(record, tag));
                }
            }
            // Memory stays bounded, however much there is to review.
            if lines.len() > limit.saturating_mul(2) {
                sort(&mut lines);
            }
            true
        };
        catalogue.scan(None, Columns::Tags, &mut each).await
    })?;
    sort(&mut lines);
    if config.json {
        return lines.iter().try_for_each(print_json);
    }
    if lines.is_empty() {
        config.say("nothing to review");
        return Ok(());
    }
    let mut rows = table(&["PROBABILITY", "SCORE", "LABEL", "SKU", "PHOTO"]);
    for line in &lines {
        let p = line.calibrated.map_or("?".into(), |p| format!("{p:.2}"));
        rows.add_row([
            p,
            format!("{:.2}", line.score),
            plain(&line.label),
            plain(line.sku.as_deref().unwrap_or("")),
            plain(&line.uri),
        ]);
    }
    print(rows)?;
    config.say(format!(
        "{} of {} to review; `showroom labels decide SKU LABEL accept|reject` settles one",
        lines.len(),
        counted(total, "label")
    ));
    Ok(())
}
