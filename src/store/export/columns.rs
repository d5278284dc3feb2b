//! The columns of the exports that are tables: CSV and Parquet.
//!
//! `sku`, `title` and `image`, then the shop's attributes under their names, then what was measured
//! and tagged under names that begin with `showroom_`: a feed that is read in again passes over these.
//! An attribute's heading says its kind where a reader could not tell: `size:text`.

use std::collections::BTreeSet;

use showroom_catalog::seams::{Catalogue, Columns};
use showroom_catalog::{AttributeKind, AttributeValue, Filter, Record};

use super::ExportError;
use crate::attributes::AttributeKinds;

/// A column of attributes.
pub(super) struct Attribute {
    pub(super) heading: String,
    pub(super) name: String,
    pub(super) kind: AttributeKind,
}

/// The attributes that photos which pass the filter have. `spelt` says of every kind, as CSV, which
/// knows no types, needs it.
pub(super) async fn attributes(
    catalogue: &dyn Catalogue,
    filter: Option<&Filter>,
    spelt: bool,
) -> Result<Vec<Attribute>, ExportError> {
    let mut kinds = AttributeKinds::new();
    // Names and kinds of texts of which at least one reads as nothing but a text.
    let mut plain = BTreeSet::new();
    // Names of numbers of which one has so many digits that a reader takes it for a key.
    let mut long = BTreeSet::new();
    catalogue
        .scan(filter.cloned(), Columns::Tags, &mut |records| {
            for (name, value) in records.iter().flat_map(|record| &record.attributes) {
                kinds.entry(name.clone()).or_default().insert(value.kind());
                if matches!(value, AttributeValue::Number(number) if number.abs() >= 1e11) {
                    long.insert(name.clone());
                }
                if let AttributeValue::Text(text) = value
                    && !plain.contains(name)
                    && !reads_as_typed(text)
                {
                    plain.insert(name.clone());
                }
            }
            true
        })
        .await?;
    let mut attributes = Vec::new();
    for (name, kinds) in kinds {
        for kind in &kinds {
            let is_clear = kinds.len() == 1
                && match kind {
                    AttributeKind::List => !spelt,
                    AttributeKind::Text => !spelt || plain.contains(&name),
                    AttributeKind::Number => !spelt || !long.contains(&name),
                    AttributeKind::Bool => true,
                };
            attributes.push(Attribute {
                heading: match is_clear {
                    true => name.clone(),
                    false => format!("{name}:{}", kind.name()),
                },
                name: name.clone(),
                kind: *kind,
            });
        }
    }
    Ok(attributes)
}

/// Whether a reader of CSV may take it for a number or a truth value.
fn reads_as_typed(text: &str) -> bool {
    text.parse::<f64>().is_ok() || matches!(text.to_ascii_lowercase().as_str(), "true" | "false")
}

/// Heading of a column, and how its text is made.
type Column = (&'static str, fn(&Record) -> Option<String>);

/// What is known of every photo, as texts.
pub(super) const MEASURED: [Column; 9] = [
    ("showroom_id", |r| Some(r.id.to_string())),
    ("showroom_category_id", |r| {
        Some(r.category.as_ref()?.id.clone())
    }),
    ("showroom_category", |r| {
        Some(r.category.as_ref()?.path.join(" > "))
    }),
    ("showroom_category_score", |r| {
        Some(r.category.as_ref()?.score.to_string())
    }),
    ("showroom_colours", |r| {
        let names: Vec<&str> = r
            .colours
            .iter()
            .map(|colour| colour.name.as_str())
            .collect();
        (!names.is_empty()).then(|| names.join("|"))
    }),
    ("showroom_labels", |r| {
        let used = r
            .labels
            .iter()
            .filter(|l| l.decision != showroom_catalog::Decision::Reject);
        let names: Vec<&str> = used.map(|label| label.name.as_str()).collect();
        (!names.is_empty()).then(|| names.join("|"))
    }),
    ("showroom_width", |r| Some(r.facts.width.to_string())),
    ("showroom_height", |r| Some(r.facts.height.to_string())),
    ("showroom_sharpness", |r| {
        Some(r.facts.sharpness.to_string())
    }),
];
