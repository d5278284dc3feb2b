//! A label set that has been learned: what it says of a photo, and how it is kept.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use showroom_catalog::label::{LABELS, LabelAt, PERSON};
use showroom_catalog::manifest::StoreManifest;
use showroom_catalog::seams::Labeller;
use showroom_catalog::{Decision, Decisions, PhotoId, Tag, Vectors, Verdict};

use super::bands::{REVIEW_FROM, likeliest};
use super::calibration::Platt;
use super::error::LabelError;
use super::features::features;
use super::judge::{Exemplars, Model, Said};
use super::report::GroupReport;

/// Changes with what is kept or with what it means.
const FORMAT: u32 = 1;
/// Scores of a catalogue that bands are settled by.
const MAX_OBSERVED: usize = 20_000_000;
/// An outlier stands this many deviations above the median, the deviation being that of a normal
/// distribution with the same median absolute deviation. Source: Leys et al., Detecting Outliers,
/// Journal of Experimental Social Psychology 49, 2013.
const OUTLIER: f32 = 3.0;
const MAD_TO_DEVIATION: f32 = 1.4826;
/// Share of the best evidence in the catalogue that is asked for besides, since most scores of words
/// are all but zero and their deviation too.
const OF_THE_BEST: f32 = 0.4;

/// What tells the labels of a shop, group by group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelSet {
    format: u32,
    name: String,
    /// The encoder whose vectors it judges.
    encoder: String,
    pub(super) groups: Vec<Group>,
    #[serde(skip)]
    source: String,
    /// Name and hash.
    #[serde(skip)]
    id: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Group {
    pub report: GroupReport,
    /// Weight of colour beside shape.
    pub colour: f32,
    pub model: Model,
    pub exemplars: Exemplars,
    /// One a label; empty where nothing could be calibrated.
    pub platts: Vec<Platt>,
    /// One a label, evidence from which it is worth a look; empty where probabilities are calibrated.
    pub review_evidence: Vec<f32>,
}

impl LabelSet {
    pub(super) fn new(name: &str, encoder: &str, groups: Vec<Group>) -> LabelSet {
        LabelSet {
            format: FORMAT,
            name: name.into(),
            encoder: encoder.into(),
            groups,
            source: String::new(),
            id: String::new(),
        }
        .named()
    }

    /// Reads a kept label set, for a catalogue of this manifest.
    pub fn from_bytes(bytes: &[u8], manifest: &StoreManifest) -> Result<LabelSet, LabelError> {
        let bad = |reason: String| {
            LabelError::Set(format!(
                "{reason}; learn it again with `showroom labels learn`"
            ))
        };
        let set: LabelSet = serde_json::from_slice(bytes)
            .map_err(|error| bad(format!("this is no label set: {error}")))?;
        if set.format != FORMAT {
            return Err(bad(format!("it is of format {}, not {FORMAT}", set.format)));
        }
        if set.encoder != manifest.encoder {
            return Err(bad(format!(
                "it was learned for photos encoded by {}, the catalogue's by {}",
                set.encoder, manifest.encoder
            )));
        }
        for group in &set.groups {
            if !group.fits(manifest) {
                let name = &group.report.name;
                return Err(bad(format!("its group {name} does not fit the catalogue")));
            }
        }
        Ok(set.named())
    }

    /// What [`LabelSet::from_bytes`] reads: JSON.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Nothing in it can fail: keys are words and numbers finite.
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Name and hash: what [`Tag::model`] of its tags says.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What was measured, group by group.
    pub fn reports(&self) -> impl Iterator<Item = &GroupReport> {
        self.groups.iter().map(|group| &group.report)
    }

    /// Groups whose bands are to be settled by the catalogue's own scores.
    pub fn unbanded(&self) -> Option<Unbanded> {
        let labels: Vec<LabelAt> = self
            .groups
            .iter()
            .enumerate()
            .filter(|(_, found)| found.platts.is_empty())
            .flat_map(|(group, found)| {
                let all = 0..found.report.labels.len();
                all.map(move |label| LabelAt { group, label })
            })
            .collect();
        (!labels.is_empty()).then(|| Unbanded {
            evidence: vec![Vec::new(); labels.len()],
            labels,
        })
    }

    /// `vectors` belong to a row of the catalogue.
    fn judge(&self, group: &Group, vectors: &Vectors) -> (Vec<f32>, Vec<Said>) {
        let features = features(vectors, group.colour);
        let said = group.model.judge(
            &features,
            &vectors.text,
            &group.exemplars,
            group.report.labels.len(),
            group.report.exclusive,
        );
        (features, said)
    }

    fn named(mut self) -> LabelSet {
        let hash = Sha256::digest(self.to_bytes());
        let hash: String = hash
            .iter()
            .take(6)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        self.source = format!("{LABELS}{}", self.name);
        self.id = format!("{}-{hash}", self.source);
        self
    }

    /// A tag of what the models say, or of what a person decided.
    fn tag(&self, group: &Group, label: usize, score: f32, by: By) -> Tag {
        let report = &group.report.labels[label];
        let (calibrated, decision, model) = match by {
            By::Model(calibrated, decision) => (calibrated, decision, self.id.clone()),
            By::Person(Verdict::Accept) => (Some(1.0), Decision::Accept, PERSON.into()),
            By::Person(Verdict::Reject) => (Some(0.0), Decision::Reject, PERSON.into()),
        };
        Tag {
            id: report.id.clone(),
            name: report.name.clone(),
            score,
            calibrated,
            decision,
            source: self.source.clone(),
            model,
        }
    }
}

enum By {
    Model(Option<f32>, Decision),
    Person(Verdict),
}

impl Group {
    /// Whether every length is what it must be, so that judging cannot fail.
    fn fits(&self, manifest: &StoreManifest) -> bool {
        let dimensions = &manifest.dimensions;
        let labels = self.report.labels.len();
        let width = dimensions.shape
            + if self.colour > 0.0 {
                dimensions.colour
            } else {
                0
            };
        let one_each = |length: usize| length == labels;
        let exemplars = &self.exemplars;
        (1..=1000).contains(&labels)
            && (!self.report.exclusive || labels > 1)
            && (self.platts.is_empty() || one_each(self.platts.len()))
            && (self.review_evidence.is_empty() || one_each(self.review_evidence.len()))
            && exemplars.vectors.len() == exemplars.targets.len()
            && exemplars
                .vectors
                .iter()
                .all(|vector| vector.0.len() == width)
            && exemplars
                .targets
                .iter()
                .all(|targets| one_each(targets.len()))
            && match &self.model {
                Model::Neighbours => true,
                Model::Head { weights, bias, .. } => {
                    one_each(bias.0.len()) && weights.0.len() == labels * width
                }
                Model::Words { phrases } => {
                    one_each(phrases.len())
                        && phrases
                            .iter()
                            .flatten()
                            .all(|phrase| phrase.0.len() == dimensions.text)
                }
            }
    }

    /// What is to be done with each label of a photo, by the model alone: of labels that exclude one
    /// another at most the likeliest that is not in `rejected`.
    fn decide(&self, features: &[f32], said: &[Said], rejected: &[bool]) -> Vec<Option<By>> {
        let mut decided: Vec<Option<By>> = said.iter().map(|_| None).collect();
        let known = self.report.familiar_from;
        let is_familiar = || self.exemplars.nearest(features) >= known;
        if known.is_some() && !is_familiar() {
            return decided;
        }
        let calibrated: Vec<Option<f32>> = (0..said.len())
            .map(|label| Some(self.platts.get(label)?.probability(said[label].evidence)))
            .collect();
        let candidates: Vec<usize> = if self.report.exclusive {
            let rank = |label: usize| match rejected[label] {
                true => f32::NEG_INFINITY,
                false => calibrated[label].unwrap_or(said[label].evidence),
            };
            let ranks: Vec<f32> = (0..said.len()).map(rank).collect();
            likeliest(&ranks, said).into_iter().collect()
        } else {
            (0..said.len()).collect()
        };
        for label in candidates.into_iter().filter(|&label| !rejected[label]) {
            let report = &self.report.labels[label];
            let decision = match calibrated[label] {
                Some(p) if report.accept_from.is_some_and(|from| p >= from) => Decision::Accept,
                Some(p) if p >= REVIEW_FROM => Decision::Review,
                Some(_) => continue,
                None => {
                    let from = self.review_evidence.get(label);
                    if from.is_none_or(|from| said[label].evidence < *from) {
                        continue;
                    }
                    Decision::Review
                }
            };
            decided[label] = Some(By::Model(calibrated[label], decision));
        }
        decided
    }
}

impl Labeller for LabelSet {
    fn source(&self) -> &str {
        &self.source
    }

    fn label(&self, photo: PhotoId, vectors: &Vectors, decisions: &Decisions) -> Vec<Tag> {
        let mut tags = Vec::new();
        for group in &self.groups {
            let (features, said) = self.judge(group, vectors);
            let verdicts: Vec<Option<Verdict>> = group
                .report
                .labels
                .iter()
                .map(|label| decisions.of(photo, &label.id))
                .collect();
            let is = |verdict| verdicts.iter().map(move |found| *found == Some(verdict));
            let rejected: Vec<bool> = is(Verdict::Reject).collect();
            // Where a person named the label, there is nothing left for the model to say.
            let is_settled = group.report.exclusive && is(Verdict::Accept).any(|accepted| accepted);
            let mut decided = group.decide(&features, &said, &rejected);
            for (label, verdict) in verdicts.into_iter().enumerate() {
                let by = match verdict {
                    Some(verdict) => Some(By::Person(verdict)),
                    None if is_settled => None,
                    None => decided[label].take(),
                };
                if let Some(by) = by {
                    tags.push(self.tag(group, label, said[label].score, by));
                }
            }
        }
        tags
    }
}

/// Scores of the catalogue for labels without judged examples.
pub struct Unbanded {
    labels: Vec<LabelAt>,
    /// One list a label.
    evidence: Vec<Vec<f32>>,
}

impl Unbanded {
    /// Takes a row in; `false` where enough have been seen.
    pub fn observe(&mut self, set: &LabelSet, vectors: &Vectors) -> bool {
        for (group, found) in set.groups.iter().enumerate() {
            let mine = || {
                self.labels
                    .iter()
                    .enumerate()
                    .filter(|(_, at)| at.group == group)
            };
            if mine().next().is_none() {
                continue;
            }
            let (_, said) = set.judge(found, vectors);
            let new: Vec<(usize, f32)> =
                mine().map(|(at, l)| (at, said[l.label].evidence)).collect();
            for (at, evidence) in new {
                self.evidence[at].push(evidence);
            }
        }
        let rows = self.evidence.first().map_or(0, Vec::len);
        (rows + 1) * self.labels.len() <= MAX_OBSERVED
    }

    /// A label is worth a look where its evidence stands out from the rest of the catalogue.
    pub fn settle(mut self, set: LabelSet) -> LabelSet {
        let mut set = set;
        for (at, evidence) in self.labels.iter().zip(&mut self.evidence) {
            let group = &mut set.groups[at.group];
            let labels = group.report.labels.len();
            group.review_evidence.resize(labels, f32::MAX);
            group.review_evidence[at.label] = outlier(evidence);
        }
        set.named()
    }
}

/// From where on a score is an outlier among these.
fn outlier(scores: &mut [f32]) -> f32 {
    let Some(best) = scores.iter().copied().reduce(f32::max) else {
        return f32::MAX;
    };
    let middle = median(scores);
    let mut off: Vec<f32> = scores.iter().map(|score| (score - middle).abs()).collect();
    let deviation = MAD_TO_DEVIATION * median(&mut off);
    (middle + OUTLIER * deviation)
        .max(OF_THE_BEST * best)
        .max(f32::MIN_POSITIVE)
}

/// The middle one; of an even number the upper of the two.
fn median(numbers: &mut [f32]) -> f32 {
    let middle = numbers.len() / 2;
    *numbers.select_nth_unstable_by(middle, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::outlier;

    #[test]
    fn what_stands_out_is_an_outlier() {
        let mut scores: Vec<f32> = (0..95).map(|at| at as f32 / 1000.0).collect();
        scores.extend([0.5, 0.55, 0.6, 0.65, 0.7]);
        let from = outlier(&mut scores);
        assert!((0.1..0.5).contains(&from), "{from}");
        // All but a few are exactly zero.
        let mut scores = vec![0.0; 50];
        scores.extend([0.01, 0.3, 0.5]);
        let from = outlier(&mut scores);
        assert!((0.01..0.3).contains(&from), "{from}");
        assert!(outlier(&mut [0.0; 9]) > 0.0, "nothing is no evidence");
        assert_eq!(outlier(&mut []), f32::MAX);
    }
}
