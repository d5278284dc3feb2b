//! Ways of telling labels apart, and what each of them says of a photo.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use showroom_catalog::PhotoId;
use showroom_catalog::embedding::dot;

use super::error::LabelError;
use super::features::nearness;
use super::head::{self, Examples};

/// The nearest examples that are asked.
const NEAREST: usize = 3;
/// Evidence of a label that has no example to be near to: no cosine is lower.
const NO_EXAMPLE: f32 = -1.0;
/// Examples of a group that are kept to compare with.
const MAX_EXEMPLARS: usize = 4000;

/// One judged photo as a group of labels sees it.
#[derive(Clone, Debug)]
pub struct Sample {
    pub id: PhotoId,
    pub item: String,
    /// Unit length.
    pub features: Vec<f32>,
    pub text: Vec<f32>,
    /// Of each label: whether it is right, where that is known.
    pub targets: Vec<Option<bool>>,
}

impl Sample {
    /// The label that is right, where exactly one is.
    pub fn only(&self) -> Option<usize> {
        let mut right = (0..self.targets.len()).filter(|&at| self.targets[at] == Some(true));
        right.next().filter(|_| right.next().is_none())
    }
}

/// A way of telling labels apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    /// By the nearest examples.
    Neighbours,
    /// By a linear head that was trained with this strength.
    Head(f32),
    /// By the labels' phrases.
    Words,
}

/// What a way has learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "way", rename_all = "lowercase")]
pub enum Model {
    /// The examples of the group are all there is.
    Neighbours,
    Head {
        /// Labels × width.
        weights: Packed,
        bias: Packed,
        strength: f32,
    },
    /// Of each label the vector of each phrase, to be compared with the text vector of a photo.
    Words { phrases: Vec<Vec<Packed>> },
}

/// Examples to compare with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Exemplars {
    pub vectors: Vec<Packed>,
    /// Of each example: of each label whether it is right, where that is known.
    pub targets: Vec<Vec<Option<bool>>>,
}

/// What is said of one label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Said {
    /// Raw score, 0–1.
    pub score: f32,
    /// What is calibrated: higher where the label is more likely to be right.
    pub evidence: f32,
}

impl Exemplars {
    /// Those that show a label first, each label its turn, so that all keep some where there are too
    /// many.
    pub fn of(samples: &[&Sample], labels: usize) -> Exemplars {
        let mut order: Vec<(usize, PhotoId, usize)> = Vec::with_capacity(samples.len());
        let mut seen = vec![0; labels + 1];
        for (at, sample) in samples.iter().enumerate() {
            let shown = (0..labels).find(|&label| sample.targets[label] == Some(true));
            let turn = &mut seen[shown.unwrap_or(labels)];
            order.push((*turn, sample.id, at));
            *turn += 1;
        }
        order.sort();
        order.truncate(MAX_EXEMPLARS);
        let kept = || order.iter().map(|(.., at)| samples[*at]);
        Exemplars {
            vectors: kept()
                .map(|sample| Packed(sample.features.clone()))
                .collect(),
            targets: kept().map(|sample| sample.targets.clone()).collect(),
        }
    }

    /// Similarity with the nearest of all, −1 to 1; `None` where there are none.
    pub fn nearest(&self, features: &[f32]) -> Option<f32> {
        nearness(features, self.vectors.iter().map(|v| v.0.as_slice()), 1)
    }

    /// Similarity with the nearest of which this is known of a label.
    fn near(&self, features: &[f32], label: usize, is_right: bool) -> Option<f32> {
        let such = self.vectors.iter().zip(&self.targets);
        let such = such.filter(|(_, targets)| targets[label] == Some(is_right));
        nearness(
            features,
            such.map(|(vector, _)| vector.0.as_slice()),
            NEAREST,
        )
    }
}

impl Model {
    /// Learns from these samples. `phrases` are needed by [`Way::Words`] alone.
    pub fn learn(
        way: Way,
        samples: &[&Sample],
        labels: usize,
        exclusive: bool,
        phrases: &[Vec<Vec<f32>>],
    ) -> Result<Model, LabelError> {
        let strength = match way {
            Way::Neighbours => return Ok(Model::Neighbours),
            Way::Words => {
                let packed = |label: &Vec<Vec<f32>>| label.iter().cloned().map(Packed).collect();
                return Ok(Model::Words {
                    phrases: phrases.iter().map(packed).collect(),
                });
            }
            Way::Head(strength) => strength,
        };
        let (mut rows, mut targets, mut known) = (Vec::new(), Vec::new(), Vec::new());
        let of_use = |sample: &&&Sample| !exclusive || sample.only().is_some();
        for sample in samples.iter().filter(of_use) {
            rows.extend_from_slice(&sample.features);
            for target in &sample.targets {
                targets.push(f32::from(u8::from(*target == Some(true))));
                known.push(f32::from(u8::from(exclusive || target.is_some())));
            }
        }
        let width = samples.first().map_or(0, |sample| sample.features.len());
        if rows.is_empty() || width == 0 {
            return Err(LabelError::Examples("there is nothing to train on".into()));
        }
        let trained = head::train(
            &Examples {
                rows: &rows,
                width,
                targets: &targets,
                known: &known,
                labels,
                exclusive,
            },
            strength,
        )?;
        Ok(Model::Head {
            weights: Packed(trained.weights),
            bias: Packed(trained.bias),
            strength,
        })
    }

    /// What it says of each label on a photo with these features and text vector.
    pub fn judge(
        &self,
        features: &[f32],
        text: &[f32],
        exemplars: &Exemplars,
        labels: usize,
        exclusive: bool,
    ) -> Vec<Said> {
        match self {
            Model::Neighbours => (0..labels)
                .map(|label| {
                    let right = exemplars.near(features, label, true);
                    let wrong = exemplars.near(features, label, false);
                    let right = right.unwrap_or(NO_EXAMPLE);
                    Said {
                        score: right.clamp(0.0, 1.0),
                        evidence: right - wrong.unwrap_or(0.0),
                    }
                })
                .collect(),
            Model::Head { weights, bias, .. } => {
                let rows = weights.0.chunks_exact(features.len());
                let scores: Vec<f32> = rows
                    .zip(&bias.0)
                    .map(|(row, bias)| dot(row, features) + bias)
                    .collect();
                let evidence = if exclusive { odds(&scores) } else { scores };
                let said = |evidence: f32| Said {
                    score: 1.0 / (1.0 + (-evidence).exp()),
                    evidence,
                };
                evidence.into_iter().map(said).collect()
            }
            Model::Words { phrases } => {
                let likest = |label: &Vec<Packed>| {
                    let likeness = label.iter().map(|phrase| dot(&phrase.0, text));
                    likeness.fold(0.0, f32::max)
                };
                let scores: Vec<f32> = phrases.iter().map(likest).collect();
                let against = |label: usize| {
                    let others = scores.iter().enumerate().filter(|(at, _)| *at != label);
                    others.map(|(_, score)| *score).fold(0.0, f32::max)
                };
                (0..scores.len())
                    .map(|label| Said {
                        score: scores[label].clamp(0.0, 1.0),
                        evidence: scores[label] - if exclusive { against(label) } else { 0.0 },
                    })
                    .collect()
            }
        }
    }
}

/// Logarithm of the odds of each label under a softmax: its score against all others together.
fn odds(scores: &[f32]) -> Vec<f32> {
    let against = |label: usize| {
        let others = || {
            scores
                .iter()
                .enumerate()
                .filter(move |(at, _)| *at != label)
        };
        let most = others().map(|(_, score)| *score).fold(f32::MIN, f32::max);
        most + others()
            .map(|(_, score)| (score - most).exp())
            .sum::<f32>()
            .ln()
    };
    (0..scores.len())
        .map(|label| scores[label] - against(label))
        .collect()
}

/// Numbers that are kept as base64 of their little-endian bytes: exact, and a third of the length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Packed(pub Vec<f32>);

impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.0.iter().flat_map(|x| x.to_le_bytes()).collect();
        serializer.serialize_str(&STANDARD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Packed, D::Error> {
        use serde::de::Error;
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text).map_err(D::Error::custom)?;
        let (words, rest) = bytes.as_chunks::<4>();
        let numbers: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
        if !rest.is_empty() || numbers.iter().any(|number| !number.is_finite()) {
            return Err(D::Error::custom("numbers that are broken or not finite"));
        }
        Ok(Packed(numbers))
    }
}
