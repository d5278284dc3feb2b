//! From the evidence of a model to the probability that it is right, and how well that holds.

use serde::{Deserialize, Serialize};

/// Bins of a reliability curve, equally wide.
const BINS: usize = 10;
/// Newton steps at the most; it takes fewer than ten.
const MAX_STEPS: usize = 100;
const MIN_GRADIENT: f64 = 1e-7;
/// Added to the Hessian's diagonal, so that it can be inverted.
const RIDGE: f64 = 1e-12;
/// Shortest step that a line search tries.
const MIN_STEP: f64 = 1e-10;

/// Platt's scaling: the probability is `1 / (1 + exp(-(slope · evidence + offset)))`.
///
/// Sources: Platt, Probabilistic Outputs for Support Vector Machines, 1999, with the targets of its
/// section 2.2, which keep few examples from claiming certainty; fitted as in Lin, Lin and Weng, A
/// Note on Platt's Probabilistic Outputs, Machine Learning 68, 2007. With the few examples that a
/// shop has it does better than isotonic regression (Niculescu-Mizil and Caruana, Predicting Good
/// Probabilities with Supervised Learning, ICML 2005, figure 7).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Platt {
    /// Never negative: evidence that speaks against itself is no evidence.
    pub slope: f32,
    pub offset: f32,
}

/// The same while it is being fitted.
#[derive(Clone, Copy)]
struct Line {
    slope: f64,
    offset: f64,
}

impl Platt {
    /// Fits evidence to what was right. `None` where nothing, or everything, was.
    pub fn fit(pairs: &[(f32, bool)]) -> Option<Platt> {
        let right = pairs.iter().filter(|(_, is_right)| *is_right).count() as f64;
        let wrong = pairs.len() as f64 - right;
        if right == 0.0 || wrong == 0.0 {
            return None;
        }
        let (high, low) = ((right + 1.0) / (right + 2.0), 1.0 / (wrong + 2.0));
        let points: Vec<(f64, f64)> = pairs
            .iter()
            .map(|(evidence, is_right)| (f64::from(*evidence), if *is_right { high } else { low }))
            .collect();
        let base = Line {
            slope: 0.0,
            offset: ((right + 1.0) / (wrong + 1.0)).ln(),
        };
        let mut at = base;
        let mut loss = at.loss(&points);
        for _ in 0..MAX_STEPS {
            let Some((slope, offset, descent)) = at.newton(&points) else {
                break;
            };
            let mut step = 1.0;
            let next = loop {
                let tried = Line {
                    slope: at.slope + step * slope,
                    offset: at.offset + step * offset,
                };
                let tried_loss = tried.loss(&points);
                if tried_loss < loss + 1e-4 * step * descent {
                    break Some((tried, tried_loss));
                }
                step /= 2.0;
                if step < MIN_STEP {
                    break None;
                }
            };
            match next {
                Some(next) => (at, loss) = next,
                None => break,
            }
        }
        let best = if at.slope > 0.0 { at } else { base };
        Some(Platt {
            slope: best.slope as f32,
            offset: best.offset as f32,
        })
    }

    /// 0–1.
    pub fn probability(&self, evidence: f32) -> f32 {
        sigmoid(f64::from(self.slope) * f64::from(evidence) + f64::from(self.offset)) as f32
    }
}

impl Line {
    /// Cross entropy with the targets.
    fn loss(&self, points: &[(f64, f64)]) -> f64 {
        points
            .iter()
            .map(|(evidence, target)| {
                let z = self.slope * evidence + self.offset;
                // ln(1 + exp(z)) − target · z, without overflow.
                z.max(0.0) + (-z.abs()).exp().ln_1p() - target * z
            })
            .sum()
    }

    /// Newton's step, and how steeply the loss falls along it; `None` at the bottom.
    fn newton(&self, points: &[(f64, f64)]) -> Option<(f64, f64, f64)> {
        let (mut h11, mut h22, mut h21) = (RIDGE, RIDGE, 0.0);
        let (mut g1, mut g2) = (0.0, 0.0);
        for (evidence, target) in points {
            let p = sigmoid(self.slope * evidence + self.offset);
            let (off, weight) = (p - target, p * (1.0 - p));
            g1 += off * evidence;
            g2 += off;
            h11 += weight * evidence * evidence;
            h22 += weight;
            h21 += weight * evidence;
        }
        if g1.abs() < MIN_GRADIENT && g2.abs() < MIN_GRADIENT {
            return None;
        }
        let determinant = h11 * h22 - h21 * h21;
        let slope = -(h22 * g1 - h21 * g2) / determinant;
        let offset = -(h11 * g2 - h21 * g1) / determinant;
        Some((slope, offset, g1 * slope + g2 * offset))
    }
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// One bin of a reliability curve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Lower edge of the probabilities in it; the upper one is 0.1 more.
    pub from: f32,
    pub count: usize,
    /// Mean of the probabilities, 0–1.
    pub said: f32,
    /// Share that was right, 0–1.
    pub right: f32,
}

/// What probabilities are worth.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reliability {
    /// Those with something in them, from the lowest.
    pub bins: Vec<Bin>,
    /// Expected calibration error, 0–1: the mean distance between what was said and what was right,
    /// bins weighted by their counts. Source: Naeini, Cooper and Hauskrecht, Obtaining Well
    /// Calibrated Probabilities Using Bayesian Binning, AAAI 2015; Guo et al., On Calibration of
    /// Modern Neural Networks, ICML 2017, equation 3.
    pub ece: f32,
}

impl Reliability {
    /// `pairs`: what was said, 0–1, and whether it was right. `None` where there are none.
    pub fn of(pairs: &[(f32, bool)]) -> Option<Reliability> {
        if pairs.is_empty() {
            return None;
        }
        let mut bins = [(0usize, 0f64, 0usize); BINS];
        for (said, is_right) in pairs {
            // The last bin holds its upper edge too.
            let at = ((said * BINS as f32) as usize).min(BINS - 1);
            bins[at].0 += 1;
            bins[at].1 += f64::from(*said);
            bins[at].2 += usize::from(*is_right);
        }
        let mut ece = 0.0;
        let mut found = Vec::new();
        for (at, (count, said, right)) in bins.into_iter().enumerate().filter(|(_, b)| b.0 > 0) {
            ece += (said - right as f64).abs() / pairs.len() as f64;
            found.push(Bin {
                from: at as f32 / BINS as f32,
                count,
                said: (said / count as f64) as f32,
                right: right as f32 / count as f32,
            });
        }
        Some(Reliability {
            bins: found,
            ece: ece as f32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: .95 and .85 are right, .9 is wrong; .3 is wrong, .3 is right. Bin .8 holds .85 (off
    /// by .15 of one), bin .9 holds .95 and .9 (said .925, right .5, off by .425 of two), bin .3
    /// holds two (said .3, right .5, off by .2 of two). (.15 + .85 + .4) / 5 = .28.
    #[test]
    fn the_calibration_error_is_that_worked_out_by_hand() {
        let pairs = [
            (0.95, true),
            (0.85, true),
            (0.90, false),
            (0.30, false),
            (0.30, true),
        ];
        let found = Reliability::of(&pairs).unwrap();
        assert!((found.ece - 0.28).abs() < 1e-6, "{found:?}");
        let counts: Vec<(usize, f32)> = found.bins.iter().map(|b| (b.count, b.right)).collect();
        assert_eq!(counts, [(2, 0.5), (1, 1.0), (2, 0.5)]);
        assert_eq!(Reliability::of(&[]), None);
    }

    #[test]
    fn what_is_said_with_certainty_has_a_bin() {
        let found = Reliability::of(&[(1.0, true), (0.0, false)]).unwrap();
        assert_eq!(found.ece, 0.0);
        assert_eq!(found.bins.len(), 2);
    }

    #[test]
    fn evidence_that_says_nothing_gives_the_base_rate() {
        let mut pairs: Vec<(f32, bool)> = (0..40).map(|at| (at as f32, at % 4 == 0)).collect();
        let platt = Platt::fit(&pairs).unwrap();
        assert!((platt.probability(20.0) - 0.25).abs() < 0.03, "{platt:?}");
        // The more evidence the less right: no use is made of it.
        pairs
            .iter_mut()
            .for_each(|(evidence, is_right)| *is_right = *evidence < 10.0);
        assert_eq!(Platt::fit(&pairs).unwrap().slope, 0.0);
        assert_eq!(Platt::fit(&[(1.0, true), (2.0, true)]), None);
    }

    #[test]
    fn few_examples_claim_no_certainty() {
        let pairs = [(1.0, true), (0.9, true), (-1.0, false), (-0.9, false)];
        let platt = Platt::fit(&pairs).unwrap();
        let p = platt.probability(1.0);
        assert!(
            (0.70..0.80).contains(&p),
            "3 of 4 is what two examples allow: {p}"
        );
    }
}
