//! The numbers: pure functions of ranks, answers and scores.

use std::collections::BTreeMap;

use serde::Serialize;

/// Equal steps of the score that calibration is looked at in.
const BINS: usize = 10;

/// What one question found, best hit first: whether each hit is right.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    pub right: Vec<bool>,
    /// How many photos would have been right.
    pub relevant: usize,
}

impl Ranked {
    /// Whether one of the first `k` is right: 1 or 0.
    pub fn found_within(&self, k: usize) -> f64 {
        f64::from(self.right.iter().take(k).any(|right| *right))
    }

    /// Average precision over the hits, 0–1: the mean, over the photos that are right, of the share of
    /// right ones among all down to each. Those that are not among the hits count 0; where more are
    /// right than there are hits, all hits right is 1.
    pub fn average_precision(&self) -> f64 {
        let mut found = 0.0;
        let mut sum = 0.0;
        for (rank, _) in self.right.iter().enumerate().filter(|(_, right)| **right) {
            found += 1.0;
            sum += found / (rank + 1) as f64;
        }
        sum / self.relevant.min(self.right.len()).max(1) as f64
    }
}

/// Answers whose score lies in one step.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Bin {
    /// Where the step begins, 0–0.9.
    pub from: f64,
    pub answers: usize,
    /// Their mean score.
    pub score: f64,
    /// Share of them that is right.
    pub right: f64,
}

/// How far scores are the probabilities that they claim to be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Calibration {
    /// Expected calibration error, 0–1: the mean distance of score and share of right ones over the
    /// steps, each as heavy as it has answers.
    pub ece: f64,
    /// The steps that have answers.
    pub reliability: Vec<Bin>,
}

/// Calibration of (score, right) pairs, scores 0–1; none where there is no pair.
pub fn calibration(answers: &[(f64, bool)]) -> Option<Calibration> {
    let mut bins = vec![Bin::default(); BINS];
    for (score, right) in answers {
        let bin = &mut bins[((score * BINS as f64) as usize).min(BINS - 1)];
        bin.answers += 1;
        bin.score += score;
        bin.right += f64::from(*right);
    }
    let mut ece = 0.0;
    for (at, bin) in bins.iter_mut().enumerate() {
        let count = bin.answers.max(1) as f64;
        bin.from = at as f64 / BINS as f64;
        bin.score /= count;
        bin.right /= count;
        ece += bin.answers as f64 / answers.len() as f64 * (bin.score - bin.right).abs();
    }
    bins.retain(|bin| bin.answers > 0);
    (!answers.is_empty()).then_some(Calibration {
        ece,
        reliability: bins,
    })
}

/// How often one answer was given where another is right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Confusion {
    pub truth: String,
    /// `(not sure)` where nothing was said.
    pub said: String,
    pub photos: usize,
}

/// Counts pairs of truth and answer, most frequent first, equals by name.
pub fn confusion(pairs: impl Iterator<Item = (String, String)>) -> Vec<Confusion> {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for pair in pairs {
        *counts.entry(pair).or_default() += 1;
    }
    let mut table: Vec<Confusion> = counts
        .into_iter()
        .map(|((truth, said), photos)| Confusion {
            truth,
            said,
            photos,
        })
        .collect();
    table.sort_by_key(|cell| std::cmp::Reverse(cell.photos));
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn average_precision_is_that_of_the_textbook() {
        // Right at ranks 1, 3 and 6 of 6: (1 + 2/3 + 3/6) / 3.
        let right = vec![true, false, true, false, false, true];
        let mut ranked = Ranked { right, relevant: 3 };
        assert!((ranked.average_precision() - (1.0 + 2.0 / 3.0 + 0.5) / 3.0).abs() < 1e-12);
        assert_eq!(
            (ranked.found_within(1), ranked.found_within(10)),
            (1.0, 1.0)
        );
        // A fourth that was never found halves nothing but the mean.
        ranked.relevant = 4;
        assert!((ranked.average_precision() - (1.0 + 2.0 / 3.0 + 0.5) / 4.0).abs() < 1e-12);
        let none = Ranked {
            right: vec![],
            relevant: 2,
        };
        assert_eq!((none.average_precision(), none.found_within(5)), (0.0, 0.0));
        // Twenty are right and two were asked for: both right is as good as can be.
        let full = Ranked {
            right: vec![true, true],
            relevant: 20,
        };
        assert_eq!(full.average_precision(), 1.0);
    }

    #[test]
    fn calibration_counts_by_score() {
        // Two at .95, one right; two at .25, none right; 1.0 falls into the last step.
        let told = calibration(&[(0.95, true), (0.95, false), (0.25, false), (0.25, false)]);
        let told = told.unwrap();
        assert!((told.ece - (0.5 * 0.45 + 0.5 * 0.25)).abs() < 1e-12);
        let froms: Vec<f64> = told.reliability.iter().map(|bin| bin.from).collect();
        assert_eq!(froms, [0.2, 0.9]);
        assert_eq!(calibration(&[(1.0, true)]).unwrap().ece, 0.0);
        assert_eq!(calibration(&[]), None);
    }

    #[test]
    fn confusion_puts_the_most_frequent_first() {
        let pairs = [("red", "pink"), ("red", "red"), ("red", "red")];
        let table = confusion(pairs.map(|(a, b)| (a.into(), b.into())).into_iter());
        assert_eq!((table[0].said.as_str(), table[0].photos), ("red", 2));
        assert_eq!((table[1].said.as_str(), table[1].photos), ("pink", 1));
    }
}
