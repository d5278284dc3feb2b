//! Examples and phrases → a label set.

use std::collections::BTreeSet;

use showroom_catalog::label::Example;

use super::MIN_HELD_BACK;
use super::bands::{Band, Held, Measured, measure};
use super::error::LabelError;
use super::features::features;
use super::folds::{Photo, folds};
use super::judge::{Exemplars, Model, Sample, Way};
use super::report::{GroupReport, LabelReport};
use super::set::{Group, LabelSet};
use super::spec::{GroupSpec, Spec};

/// Items a label, in the mean, from which a head is tried. Whether it is better than the nearest
/// examples is for the held-back ones to say.
const HEAD_FROM: usize = 8;
/// Strengths of the head that are tried: inverses of the penalty, as scikit-learn's `C`.
const STRENGTHS: [f32; 3] = [1.0, 10.0, 100.0];
/// Share of the held-back examples that may be less familiar than a photo must be.
const UNFAMILIAR: f32 = 0.02;

/// How to learn.
#[derive(Clone, Debug)]
pub struct LearnOptions {
    /// What the label set is called.
    pub name: String,
    /// The encoder that made the examples' vectors.
    pub encoder: String,
    /// Precision on held-back examples at which a label is accepted, 0–1.
    pub accept_precision: f32,
}

/// Vectors of the phrases of a group: of each label, of each phrase. `None` where the group does not
/// go by words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Phrasings(Vec<Option<Vec<Vec<Vec<f32>>>>>);

impl Phrasings {
    /// Embeds the phrases of the groups that go by words: those that give phrases, and those in which
    /// a label has no example, where the name stands for what is not given. `words` is not called
    /// where there are none.
    pub fn encode<E>(
        spec: &Spec,
        examples: &[Example],
        mut words: impl FnMut(&str) -> Result<Vec<f32>, E>,
    ) -> Result<Phrasings, E> {
        let mut shown: Vec<Vec<bool>> = spec
            .groups
            .iter()
            .map(|g| vec![false; g.labels.len()])
            .collect();
        for (at, is_right) in examples.iter().flat_map(|example| &example.judged) {
            shown[at.group][at.label] |= is_right;
        }
        let mut groups = Vec::with_capacity(spec.groups.len());
        for (group, shown) in spec.groups.iter().zip(shown) {
            let gives_words = group.labels.iter().any(|label| !label.phrases.is_empty());
            if !gives_words && shown.iter().all(|shown| *shown) {
                groups.push(None);
                continue;
            }
            let mut labels = Vec::with_capacity(group.labels.len());
            for label in &group.labels {
                let name = label.name.replace(['-', '_'], " ");
                labels.push(match label.phrases.as_slice() {
                    [] => vec![words(&name)?],
                    phrases => phrases
                        .iter()
                        .map(|phrase| words(phrase))
                        .collect::<Result<_, _>>()?,
                });
            }
            groups.push(Some(labels));
        }
        Ok(Phrasings(groups))
    }
}

/// Learns every group of `spec`. Where [`LabelSet::unbanded`] says so, bands are still to be settled
/// by the catalogue.
pub fn learn(
    spec: &Spec,
    examples: &[Example],
    phrasings: &Phrasings,
    options: &LearnOptions,
) -> Result<LabelSet, LabelError> {
    let groups = spec
        .groups
        .iter()
        .enumerate()
        .map(|(at, group)| {
            let phrases = phrasings.0.get(at).and_then(Option::as_deref);
            learn_group(group, &samples(at, group, examples), phrases, options)
        })
        .collect::<Result<_, _>>()?;
    Ok(LabelSet::new(&options.name, &options.encoder, groups))
}

/// The examples as this group sees them.
fn samples(at: usize, group: &GroupSpec, examples: &[Example]) -> Vec<Sample> {
    let sample = |example: &Example| {
        let mut targets = vec![None; group.labels.len()];
        for (label, is_right) in &example.judged {
            if label.group != at {
                continue;
            }
            // What is said last counts.
            if *is_right && group.exclusive {
                targets.fill(Some(false));
            }
            targets[label.label] = Some(*is_right);
        }
        if example.is_complete && targets.contains(&Some(true)) {
            targets
                .iter_mut()
                .for_each(|target| *target = target.or(Some(false)));
        }
        targets.iter().any(Option::is_some).then(|| Sample {
            id: example.id,
            item: example.item.clone(),
            features: features(&example.vectors, group.colour),
            text: example.vectors.text.clone(),
            targets,
        })
    };
    examples.iter().filter_map(sample).collect()
}

fn learn_group(
    group: &GroupSpec,
    samples: &[Sample],
    phrases: Option<&[Vec<Vec<f32>>]>,
    options: &LearnOptions,
) -> Result<Group, LabelError> {
    let task = Task {
        labels: group.labels.len(),
        exclusive: group.exclusive,
        phrases: phrases.unwrap_or_default(),
        samples,
    };
    let ways = task.ways(phrases.is_some());
    let Some(first) = ways.first() else {
        let missing = (0..task.labels)
            .find(|&label| task.items(label, true) == 0)
            .unwrap_or(0);
        return Err(LabelError::Examples(format!(
            "no photo shows the label {} of the group {}",
            group.labels[missing].name, group.name
        )));
    };
    let mut compared: Vec<(String, f32)> = Vec::new();
    let mut best: Option<(Way, Measured, Option<f32>)> = None;
    if let Some(folds) = task.folds() {
        for way in &ways {
            let held = task.hold_back(*way, &folds)?;
            let target = options.accept_precision;
            let Some(measured) = measure(&held, task.labels, task.exclusive, target) else {
                continue;
            };
            note(&mut compared, *way, measured.accuracy);
            if best
                .as_ref()
                .is_none_or(|(_, best, _)| measured.accuracy > best.accuracy)
            {
                best = Some((*way, measured, familiar_from(*way, &held)));
            }
        }
    }
    let all: Vec<&Sample> = samples.iter().collect();
    // Nothing could be held back: words, where there are any, say more than single examples.
    let way = best
        .as_ref()
        .map_or(*ways.last().unwrap_or(first), |(way, ..)| *way);
    let exemplars = match way {
        Way::Words => Exemplars::default(),
        _ => Exemplars::of(&all, task.labels),
    };
    let (measured, familiar_from) = match best {
        Some((_, measured, familiar_from)) => (Some(measured), familiar_from),
        None => (None, None),
    };
    let bands = measured.as_ref().map(|measured| measured.bands.as_slice());
    Ok(Group {
        colour: group.colour,
        model: Model::learn(way, &all, task.labels, task.exclusive, task.phrases)?,
        exemplars,
        report: GroupReport {
            name: group.name.clone(),
            exclusive: group.exclusive,
            way: name(way).into(),
            compared,
            held_back: measured.as_ref().map_or(0, |_| samples.len()),
            accuracy: measured.as_ref().map(|measured| measured.accuracy),
            accepted: measured.as_ref().map(|measured| measured.accepted),
            accepted_right: measured
                .as_ref()
                .and_then(|measured| measured.accepted_right),
            reliability: measured
                .as_ref()
                .map(|measured| measured.reliability.clone()),
            familiar_from,
            labels: task.label_reports(group, bands),
        },
        platts: measured.map(|measured| measured.platts).unwrap_or_default(),
        review_evidence: Vec::new(),
    })
}

fn name(way: Way) -> &'static str {
    match way {
        Way::Neighbours => "neighbours",
        Way::Head(_) => "head",
        Way::Words => "words",
    }
}

/// A head counts once, with the strength that did best.
fn note(compared: &mut Vec<(String, f32)>, way: Way, accuracy: f32) {
    match compared.iter_mut().find(|(known, _)| known == name(way)) {
        Some((_, known)) => *known = known.max(accuracy),
        None => compared.push((name(way).into(), accuracy)),
    }
}

/// How like an example a photo must be: all but the oddest of the held-back ones are.
fn familiar_from(way: Way, held: &[Held<'_>]) -> Option<f32> {
    let shown = held
        .iter()
        .filter(|held| held.sample.targets.contains(&Some(true)));
    let mut nearest: Vec<f32> = shown.filter_map(|held| held.nearest).collect();
    if way == Way::Words || nearest.is_empty() {
        return None;
    }
    nearest.sort_by(f32::total_cmp);
    Some(nearest[(UNFAMILIAR * nearest.len() as f32) as usize])
}

/// The samples of a group.
struct Task<'a> {
    labels: usize,
    exclusive: bool,
    phrases: &'a [Vec<Vec<f32>>],
    samples: &'a [Sample],
}

impl Task<'_> {
    /// What can be tried, the simplest first.
    fn ways(&self, has_words: bool) -> Vec<Way> {
        let mut ways = Vec::new();
        if (0..self.labels).all(|label| self.items(label, true) > 0) {
            ways.push(Way::Neighbours);
            // Of each label some must be left to train on when others are held back.
            let enough = |label| {
                self.items(label, true) >= MIN_HELD_BACK
                    && self.items(label, false) >= MIN_HELD_BACK
            };
            let shown: usize = (0..self.labels).map(|label| self.items(label, true)).sum();
            if shown >= HEAD_FROM * self.labels && (0..self.labels).all(enough) {
                ways.extend(STRENGTHS.map(Way::Head));
            }
        }
        if has_words {
            ways.push(Way::Words);
        }
        ways
    }

    /// Items of which this is known of the label.
    fn items(&self, label: usize, is_right: bool) -> usize {
        let such = self
            .samples
            .iter()
            .filter(|sample| sample.targets[label] == Some(is_right));
        such.map(|sample| sample.item.as_str())
            .collect::<BTreeSet<_>>()
            .len()
    }

    fn folds(&self) -> Option<Vec<usize>> {
        let photos: Vec<Photo<'_>> = self
            .samples
            .iter()
            .map(|sample| Photo {
                id: sample.id,
                item: &sample.item,
                label: (0..self.labels).find(|&label| sample.targets[label] == Some(true)),
            })
            .collect();
        folds(&photos)
    }

    /// Judges the samples of each fold by what the others teach.
    fn hold_back(&self, way: Way, folds: &[usize]) -> Result<Vec<Held<'_>>, LabelError> {
        let mut held = Vec::with_capacity(self.samples.len());
        for fold in 0..=folds.iter().copied().max().unwrap_or(0) {
            let rest: Vec<&Sample> = self
                .samples
                .iter()
                .zip(folds)
                .filter(|(_, of)| **of != fold)
                .map(|(sample, _)| sample)
                .collect();
            let model = Model::learn(way, &rest, self.labels, self.exclusive, self.phrases)?;
            let exemplars = Exemplars::of(&rest, self.labels);
            for (sample, _) in self
                .samples
                .iter()
                .zip(folds)
                .filter(|(_, of)| **of == fold)
            {
                held.push(Held {
                    sample,
                    fold,
                    said: model.judge(
                        &sample.features,
                        &sample.text,
                        &exemplars,
                        self.labels,
                        self.exclusive,
                    ),
                    nearest: exemplars.nearest(&sample.features),
                });
            }
        }
        Ok(held)
    }

    fn label_reports(&self, group: &GroupSpec, bands: Option<&[Band]>) -> Vec<LabelReport> {
        let photos = |label: usize, is_right| {
            let such = self
                .samples
                .iter()
                .filter(|s| s.targets[label] == Some(is_right));
            such.count()
        };
        (group.labels.iter().enumerate())
            .map(|(at, label)| {
                let band = bands.and_then(|bands| bands.get(at)).cloned();
                let Band {
                    accept_from,
                    precision,
                    recall,
                    ece,
                } = band.unwrap_or_default();
                LabelReport {
                    id: super::spec::id(&group.name, &label.name),
                    name: label.name.clone(),
                    examples: photos(at, true),
                    counter_examples: photos(at, false),
                    calibrated: bands.is_some(),
                    accept_from,
                    precision,
                    recall,
                    ece,
                }
            })
            .collect()
    }
}
