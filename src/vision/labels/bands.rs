//! From what was said of held-back examples to probabilities, bands, and how far they can be trusted.
//!
//! The examples of a fold were judged by a model that had not seen them, and are calibrated here by
//! the examples of the other folds alone. So what is measured on them holds for new photos. What is
//! kept is calibrated on all of them, as scikit-learn's `CalibratedClassifierCV(ensemble=False)` does.

use super::calibration::{Platt, Reliability};
use super::judge::{Said, Sample};

/// Examples for and against from which a label has a calibration of its own; with fewer it shares
/// that of its group.
const MIN_OWN: usize = 8;
/// Held-back photos that must have been accepted, for the precision to be told at all.
const MIN_ACCEPTED: usize = 8;
/// Probability from which a label is worth a look; below, it is more likely wrong.
pub const REVIEW_FROM: f32 = 0.5;

/// A held-back example, and what was said of it.
pub struct Held<'a> {
    pub sample: &'a Sample,
    pub fold: usize,
    /// One a label.
    pub said: Vec<Said>,
    /// Similarity with the nearest example that was not held back.
    pub nearest: Option<f32>,
}

/// What was measured of a label.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Band {
    pub accept_from: Option<f32>,
    pub precision: Option<f32>,
    pub recall: Option<f32>,
    pub ece: Option<f32>,
}

/// What was measured of a group.
pub struct Measured {
    /// One a label.
    pub platts: Vec<Platt>,
    pub bands: Vec<Band>,
    pub accuracy: f32,
    pub accepted: f32,
    pub accepted_right: Option<f32>,
    pub reliability: Reliability,
}

/// `None` where there are too few examples for anything to be said. `target` is the precision, 0–1,
/// at which a label is accepted.
pub fn measure(held: &[Held<'_>], labels: usize, exclusive: bool, target: f32) -> Option<Measured> {
    let probabilities = cross_fitted(held, labels)?;
    let answers = answers(held, &probabilities, exclusive);
    let all: Vec<(f32, bool)> = answers.iter().flatten().copied().collect();
    let right = |label: usize| {
        let have = held
            .iter()
            .filter(|held| held.sample.targets[label] == Some(true));
        have.count()
    };
    let bands: Vec<Band> = (0..labels)
        .map(|label| band(&answers[label], right(label), target))
        .enumerate()
        .map(|(label, band)| Band {
            ece: Reliability::of(&known(held, &probabilities, label)).map(|found| found.ece),
            ..band
        })
        .collect();
    let is_accepted = |label: usize, p: f32| bands[label].accept_from.is_some_and(|from| p >= from);
    let accepted: Vec<bool> = (0..labels)
        .flat_map(|label| {
            let said = answers[label].iter();
            said.filter(move |(p, _)| is_accepted(label, *p))
                .map(|(_, is_right)| *is_right)
        })
        .collect();
    let of_all = |count: usize, all: usize| count as f32 / all as f32;
    let accepted_right = accepted.iter().filter(|is_right| **is_right).count();
    Some(Measured {
        platts: platts(held.iter(), labels)?,
        accuracy: accuracy(held, &probabilities, exclusive)?,
        accepted: of_all(accepted.len(), all.len()),
        accepted_right: (!accepted.is_empty()).then(|| of_all(accepted_right, accepted.len())),
        reliability: Reliability::of(&all)?,
        bands,
    })
}

/// Of each label what was answered with it: the probability, and whether that was right. Where labels
/// exclude one another a photo is answered with the likeliest alone.
fn answers(
    held: &[Held<'_>],
    probabilities: &[Vec<f32>],
    exclusive: bool,
) -> Vec<Vec<(f32, bool)>> {
    let labels = probabilities.first().map_or(0, Vec::len);
    if !exclusive {
        return (0..labels)
            .map(|label| known(held, probabilities, label))
            .collect();
    }
    let mut answers = vec![Vec::new(); labels];
    for (held, p) in held.iter().zip(probabilities) {
        if let Some(top) = likeliest(p, &held.said)
            && let Some(is_right) = held.sample.targets[top]
        {
            answers[top].push((p[top], is_right));
        }
    }
    answers
}

/// The label of the highest probability; among equals that of the highest evidence.
pub fn likeliest(probabilities: &[f32], said: &[Said]) -> Option<usize> {
    (0..probabilities.len()).reduce(|best, label| {
        let by = |at: usize| (probabilities[at], said[at].evidence);
        let (new, old) = (by(label), by(best));
        if new
            .0
            .total_cmp(&old.0)
            .then(new.1.total_cmp(&old.1))
            .is_gt()
        {
            label
        } else {
            best
        }
    })
}

/// Where a label may be accepted: the lowest probability at and above which held-back answers were
/// right often enough. `right` counts the photos that have the label.
fn band(answers: &[(f32, bool)], right: usize, target: f32) -> Band {
    let mut sorted = answers.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut band = Band::default();
    let mut hits = 0;
    for (at, (p, is_right)) in sorted.iter().enumerate() {
        hits += usize::from(*is_right);
        let count = at + 1;
        // Equal probabilities are accepted together.
        let is_edge = sorted.get(count).is_none_or(|(next, _)| next < p);
        let precision = hits as f32 / count as f32;
        if is_edge && count >= MIN_ACCEPTED && precision >= target && *p >= REVIEW_FROM {
            band.accept_from = Some(*p);
            band.precision = Some(precision);
            band.recall = (right > 0).then(|| hits as f32 / right as f32);
        }
    }
    band
}

/// What was said of a label, and whether it was right, where that is known.
fn known(held: &[Held<'_>], probabilities: &[Vec<f32>], label: usize) -> Vec<(f32, bool)> {
    let pairs = held.iter().zip(probabilities);
    pairs
        .filter_map(|(held, p)| Some((p[label], held.sample.targets[label]?)))
        .collect()
}

/// Probabilities of each held-back example, calibrated by those of the other folds.
fn cross_fitted(held: &[Held<'_>], labels: usize) -> Option<Vec<Vec<f32>>> {
    let folds = held.iter().map(|held| held.fold).max()? + 1;
    let of_fold: Vec<Vec<Platt>> = (0..folds)
        .map(|fold| platts(held.iter().filter(|held| held.fold != fold), labels))
        .collect::<Option<_>>()?;
    let probabilities = |held: &Held<'_>| {
        let platts = of_fold[held.fold].iter();
        platts
            .zip(&held.said)
            .map(|(platt, said)| platt.probability(said.evidence))
            .collect()
    };
    Some(held.iter().map(probabilities).collect())
}

/// A calibration for each label; `None` where everything, or nothing, is right.
fn platts<'a>(
    held: impl Iterator<Item = &'a Held<'a>> + Clone,
    labels: usize,
) -> Option<Vec<Platt>> {
    let pairs = |label: usize| -> Vec<(f32, bool)> {
        let known = held.clone();
        known
            .filter_map(|held| Some((held.said[label].evidence, held.sample.targets[label]?)))
            .collect()
    };
    let by_label: Vec<Vec<(f32, bool)>> = (0..labels).map(pairs).collect();
    let shared = Platt::fit(&by_label.concat())?;
    let own = |pairs: &Vec<(f32, bool)>| {
        let right = pairs.iter().filter(|(_, is_right)| *is_right).count();
        if right < MIN_OWN || pairs.len() - right < MIN_OWN {
            return shared;
        }
        Platt::fit(pairs).unwrap_or(shared)
    };
    Some(by_label.iter().map(own).collect())
}

/// How often the answers were right; see [`super::GroupReport::compared`].
fn accuracy(held: &[Held<'_>], probabilities: &[Vec<f32>], exclusive: bool) -> Option<f32> {
    if exclusive {
        let shown = || {
            held.iter()
                .zip(probabilities)
                .filter(|(held, _)| held.sample.only().is_some())
        };
        let right = shown().filter(|(held, p)| likeliest(p, &held.said) == held.sample.only());
        let count = shown().count();
        return (count > 0).then(|| right.count() as f32 / count as f32);
    }
    let labels = probabilities.first().map_or(0, Vec::len);
    let balanced = |label: usize| -> Option<f32> {
        let pairs = known(held, probabilities, label);
        let share = |wanted: bool| {
            let such: Vec<bool> = pairs
                .iter()
                .filter(|(_, is_right)| *is_right == wanted)
                .map(|(p, _)| (*p >= REVIEW_FROM) == wanted)
                .collect();
            let hits = such.iter().filter(|hit| **hit).count();
            (!such.is_empty()).then(|| hits as f32 / such.len() as f32)
        };
        Some((share(true)? + share(false)?) / 2.0)
    };
    let found: Vec<f32> = (0..labels).filter_map(balanced).collect();
    (!found.is_empty()).then(|| found.iter().sum::<f32>() / found.len() as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_accepted_from_where_it_was_right_often_enough() {
        let mut answers: Vec<(f32, bool)> =
            (0..20).map(|at| (0.99 - at as f32 * 0.01, true)).collect();
        // 20 right, then one wrong, one right, three wrong.
        answers.extend([
            (0.75, false),
            (0.74, true),
            (0.73, false),
            (0.72, false),
            (0.71, false),
        ]);
        let found = band(&answers, 30, 0.95);
        assert_eq!(found.accept_from, Some(0.74));
        assert_eq!(found.precision, Some(21.0 / 22.0));
        assert_eq!(found.recall, Some(0.7));
        assert_eq!(band(&answers, 30, 1.0).accept_from, Some(answers[19].0));
    }

    #[test]
    fn too_few_to_be_shown_right_are_never_accepted() {
        let answers = [(0.99, true); 7];
        assert_eq!(band(&answers, 7, 0.5), Band::default());
        let unlikely = [(0.4, true); 20];
        assert_eq!(band(&unlikely, 20, 0.5), Band::default());
        // Of equals none is accepted without the others.
        let mut equal = vec![(0.9, true); 8];
        equal.push((0.9, false));
        assert_eq!(band(&equal, 8, 0.95), Band::default());
    }
}
