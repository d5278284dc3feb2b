//! Category and main colour beside the truth: how many are answered, how many of those are right, which is
//! taken for which, and whether the scores are the probabilities that they claim to be.

use serde::Serialize;

use super::bootstrap::{Estimate, Resampling, estimate};
use super::measure::{Calibration, Confusion, calibration};
use super::{Known, measure};

/// What stands where nothing was said.
const NOT_SURE: &str = "(not sure)";

/// One kind of tag beside the truth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TagResult {
    /// Coverage: share of the photos with an answer.
    pub answered: Estimate,
    /// Share of the answers that are right: of a category its top level.
    pub right: Option<Estimate>,
    /// Of categories: share of the answers that are right at every level that both sides name.
    pub right_to_the_end: Option<Estimate>,
    /// Of categories: scores beside `right_to_the_end`.
    pub calibration: Option<Calibration>,
    /// At the top level; also the right ones.
    pub confusion: Vec<Confusion>,
}

/// One photo's answer.
struct Answer<'a> {
    group: &'a str,
    truth: &'a str,
    /// What was said, its score, whether it is right at the top, and to the end.
    said: Option<(&'a str, f64, bool, bool)>,
}

pub(super) fn category(photos: &[Known], resampling: Resampling) -> Option<TagResult> {
    let answers = photos.iter().filter_map(|known| {
        let paths = &known.expected.categories;
        let said = known.record.category.as_ref().and_then(|category| {
            let agrees = |depth: usize| {
                paths.iter().any(|path| {
                    let mut levels = path.iter().zip(&category.path).take(depth);
                    levels.all(|(wanted, said)| wanted.eq_ignore_ascii_case(said))
                })
            };
            let name = category.path.first()?;
            let score = f64::from(category.score);
            Some((name.as_str(), score, agrees(1), agrees(usize::MAX)))
        });
        Some(Answer {
            group: known.group(),
            truth: paths.first()?.first()?,
            said,
        })
    });
    let answers: Vec<Answer> = answers.collect();
    let scored = answers.iter().filter_map(|answer| answer.said);
    let scored: Vec<(f64, bool)> = scored.map(|(_, score, _, right)| (score, right)).collect();
    let to_the_end = answers.iter().filter_map(|answer| {
        let (_, _, _, right) = answer.said?;
        Some((answer.group, f64::from(right)))
    });
    let right_to_the_end = estimate(to_the_end, resampling);
    Some(TagResult {
        right_to_the_end,
        calibration: calibration(&scored),
        ..result(&answers, resampling)?
    })
}

pub(super) fn colour(photos: &[Known], resampling: Resampling) -> Option<TagResult> {
    let answers = photos.iter().filter_map(|known| {
        let colours = &known.expected.colours;
        let said = known.record.colours.first().map(|colour| {
            let right = colours.contains(&colour.name);
            (colour.name.as_str(), f64::from(colour.share), right, right)
        });
        Some(Answer {
            group: known.group(),
            truth: colours.first()?,
            said,
        })
    });
    result(&answers.collect::<Vec<_>>(), resampling)
}

fn result(answers: &[Answer], resampling: Resampling) -> Option<TagResult> {
    let answered = answers
        .iter()
        .map(|answer| (answer.group, f64::from(answer.said.is_some())));
    let right = answers.iter().filter_map(|answer| {
        let (_, _, right, _) = answer.said?;
        Some((answer.group, f64::from(right)))
    });
    let pairs = answers.iter().map(|answer| {
        let said = match answer.said {
            // Of several that are right the one that was said.
            Some((_, _, true, _)) => answer.truth,
            Some((said, ..)) => said,
            None => NOT_SURE,
        };
        (name(answer.truth), name(said))
    });
    Some(TagResult {
        answered: estimate(answered, resampling)?,
        right: estimate(right, resampling),
        right_to_the_end: None,
        calibration: None,
        confusion: measure::confusion(pairs),
    })
}

/// Truth is kept in lower case, taxonomies are not: one writing for the table.
fn name(text: &str) -> String {
    text.to_lowercase()
}
