//! What an adapter is learned from, and whether it helps.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use showroom_catalog::adapter::{HeldBack, Titled, TitledPhoto};
use showroom_catalog::seams::{Catalogue, Columns, StoreError};
use showroom_catalog::{PhotoId, Record, Vectors};

use crate::evaluate::{Estimate, Ranked, Resampling, Retrieval, estimate, retrieval};

/// Photos that are learned from at the most: those with the smallest hashes, which is as good as drawn
/// by lot. Their vectors are held in memory, 10 KB each.
pub const MAX_PHOTOS: usize = 50_000;

/// The photos of the catalogue whose products have a title. Titles that only differ in their case or
/// spaces are one, as are all titles of one SKU.
pub async fn gather(catalogue: &dyn Catalogue) -> Result<Titled, StoreError> {
    // By hash, so that a picture that two products show is one photo.
    let mut found: BTreeMap<PhotoId, Found> = BTreeMap::new();
    let mut each = |records: Vec<Record>| {
        for record in records {
            let title = record.title.as_deref().map(tidy).unwrap_or_default();
            if !title.is_empty() {
                found.entry(record.id).or_insert(Found {
                    title,
                    sku: record.source.sku,
                    vectors: record.vectors,
                });
            }
            if found.len() > MAX_PHOTOS {
                found.pop_last();
            }
        }
        true
    };
    catalogue.scan(None, Columns::All, &mut each).await?;
    let mut title_of_sku: HashMap<String, usize> = HashMap::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut pairs = Titled::default();
    for photo in found.into_values() {
        let known = photo.sku.as_ref().and_then(|sku| title_of_sku.get(sku));
        let title = match known {
            Some(title) => *title,
            None => *places.entry(photo.title.to_lowercase()).or_insert_with(|| {
                pairs.titles.push(photo.title);
                pairs.titles.len() - 1
            }),
        };
        if let Some(sku) = photo.sku {
            title_of_sku.entry(sku).or_insert(title);
        }
        pairs.photos.push(TitledPhoto {
            title,
            vectors: photo.vectors,
        });
    }
    Ok(pairs)
}

struct Found {
    title: String,
    sku: Option<String>,
    vectors: Vectors,
}

fn tidy(title: &str) -> String {
    title.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether an adapter helps, on titles that it was not learned from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// Place of the setting that serves best in all.
    pub setting: usize,
    /// Photos found by the words of their title, by the words alone.
    pub alone: Retrieval,
    /// The same with the adapter, each part of the titles with the setting that serves the others best.
    pub adapted: Retrieval,
    /// How much average precision the adapter adds to a title, in the mean; below 0 where it harms.
    pub gain: Estimate,
    /// Whether the gain is above 0 with all of its interval.
    pub helps: bool,
}

/// Judges rehearsals; `None` where there are none. No title's own outcome settles the setting that it is
/// judged with.
pub fn judge(outcomes: &[HeldBack], resampling: Resampling) -> Option<Verdict> {
    let names: Vec<String> = outcomes.iter().map(|one| one.title.to_string()).collect();
    let mut best_without: HashMap<usize, usize> = HashMap::new();
    for outcome in outcomes {
        if let Entry::Vacant(place) = best_without.entry(outcome.part) {
            let others = outcomes.iter().filter(|one| one.part != outcome.part);
            place.insert(best(others)?);
        }
    }
    let (mut alone, mut adapted, mut gains) = (Vec::new(), Vec::new(), Vec::new());
    for (name, outcome) in names.iter().zip(outcomes) {
        let with = ranked(outcome.adapted.get(best_without[&outcome.part])?);
        let without = ranked(&outcome.alone);
        let gain = with.average_precision() - without.average_precision();
        gains.push((name.as_str(), gain));
        alone.push((name.as_str(), without));
        adapted.push((name.as_str(), with));
    }
    let gain = estimate(gains.into_iter(), resampling)?;
    Some(Verdict {
        setting: best(outcomes.iter())?,
        alone: retrieval(&alone, resampling)?,
        adapted: retrieval(&adapted, resampling)?,
        gain,
        helps: gain.low > 0.0,
    })
}

/// The setting with the best mean average precision; of equals the first.
fn best<'a>(outcomes: impl Iterator<Item = &'a HeldBack>) -> Option<usize> {
    let mut sums: Vec<f64> = Vec::new();
    for outcome in outcomes {
        sums.resize(outcome.adapted.len(), 0.0);
        for (sum, ranks) in sums.iter_mut().zip(&outcome.adapted) {
            *sum += ranked(ranks).average_precision();
        }
    }
    let places = (0..sums.len()).rev();
    places.max_by(|a, b| sums[*a].total_cmp(&sums[*b]))
}

/// The hits down to the last right one.
fn ranked(ranks: &[usize]) -> Ranked {
    let mut right = vec![false; ranks.last().map_or(0, |last| last + 1)];
    for rank in ranks {
        right[*rank] = true;
    }
    Ranked {
        right,
        relevant: ranks.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESAMPLING: Resampling = Resampling {
        seed: 1,
        times: 500,
    };

    fn held_back(title: usize, alone: usize, adapted: &[usize]) -> HeldBack {
        HeldBack {
            title,
            part: title % 2,
            alone: vec![alone],
            adapted: adapted.iter().map(|rank| vec![*rank]).collect(),
        }
    }

    #[test]
    fn an_adapter_helps_where_the_others_settings_help() {
        // By words alone every title is second; the second setting makes all of them first.
        let outcomes: Vec<_> = (0..40).map(|at| held_back(at, 1, &[3, 0])).collect();
        let verdict = judge(&outcomes, RESAMPLING).unwrap();
        assert_eq!((verdict.setting, verdict.helps), (1, true));
        assert_eq!(verdict.alone.recall_at_1.value, 0.0);
        assert_eq!(verdict.alone.mean_average_precision.value, 0.5);
        assert_eq!(verdict.adapted.mean_average_precision.value, 1.0);
        assert_eq!((verdict.gain.low, verdict.gain.value), (0.5, 0.5));
    }

    #[test]
    fn what_only_a_titles_own_part_likes_is_no_help() {
        // Each part would be served by the setting that harms the other.
        let setting = |at| if at % 2 == 0 { [0, 9] } else { [9, 0] };
        let outcomes: Vec<_> = (0..40).map(|at| held_back(at, 1, &setting(at))).collect();
        let verdict = judge(&outcomes, RESAMPLING).unwrap();
        assert!(!verdict.helps);
        let adapted = verdict.adapted.mean_average_precision.value;
        assert!((adapted - 0.1).abs() < 1e-12, "{adapted}");
        // A gain of some that is a loss of as many others is none.
        let outcomes: Vec<_> = (0..40)
            .map(|at| held_back(at, 1, &[if at % 4 < 2 { 0 } else { 3 }]))
            .collect();
        let verdict = judge(&outcomes, RESAMPLING).unwrap();
        assert!(verdict.gain.low < verdict.gain.value);
        assert_eq!(judge(&[], RESAMPLING), None);
    }

    #[test]
    fn several_photos_of_a_title_are_all_to_be_found() {
        let verdict = judge(
            &[
                HeldBack {
                    title: 0,
                    part: 0,
                    alone: vec![0, 2],
                    adapted: vec![vec![0, 1]],
                },
                held_back(1, 0, &[0]),
            ],
            RESAMPLING,
        );
        // (1 + 2/3) / 2 and 1.
        let alone = verdict.unwrap().alone.mean_average_precision.value;
        assert!((alone - (5.0 / 6.0 + 1.0) / 2.0).abs() < 1e-12, "{alone}");
    }
}
