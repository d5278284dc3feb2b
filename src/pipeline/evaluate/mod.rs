//! How good the answers are: a catalogue's tags and searches beside what people said of its photos.
//!
//! Everything goes the product's own way: tags are what the rows say, searches are those of the
//! catalogue. The photos that nobody said anything of count neither way.

mod bootstrap;
mod measure;
mod tags;
mod truth;

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use showroom_catalog::asked::{AskedWords, compose};
use showroom_catalog::seams::{Catalogue, Columns, ModelError, StoreError, TextQuery};
use showroom_catalog::{Query, Record};

pub(crate) use bootstrap::estimate;
pub use bootstrap::{Estimate, Resampling};
pub(crate) use measure::Ranked;
pub use measure::{Bin, Calibration, Confusion};
pub use tags::TagResult;
pub use truth::{BadTruth, Expected, Question, Table, read_questions, read_truth};

use self::bootstrap::Random;
use crate::cancel::Cancel;

/// Files without a photo that are named one by one.
const MAX_MISSING: usize = 20;

/// How to measure. It stands in the results, so that they can be repeated.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EvaluateOptions {
    /// Only photos of this split; empty takes all.
    pub split: String,
    /// Photos that are searched with at the most, drawn with the seed.
    pub questions: usize,
    /// Hits of a search that are looked at; average precision ends there.
    pub depth: usize,
    pub resampling: Resampling,
}

/// What an evaluation works on.
pub struct Subject<'a> {
    pub catalogue: &'a dyn Catalogue,
    /// Understands words; needed where there are questions.
    pub words: Option<&'a dyn TextQuery>,
    /// The search for photos like one of the catalogue, as the product makes it.
    pub like: &'a dyn Fn(&Record) -> Query,
}

/// How well a search finds what it should.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Retrieval {
    /// Share of the questions with a right photo in the first 1, 5 and 10.
    pub recall_at_1: Estimate,
    pub recall_at_5: Estimate,
    pub recall_at_10: Estimate,
    /// Mean average precision over the hits that are looked at.
    pub mean_average_precision: Estimate,
}

/// What was measured. A part is `None` where the truth says nothing of it.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation {
    /// Photos of the catalogue that the truth speaks of.
    pub photos: usize,
    /// Photos of the catalogue that it does not speak of.
    pub unknown: usize,
    /// Rows of the truth without a photo in the catalogue; the first are named.
    pub missing: usize,
    pub missing_files: Vec<String>,
    /// BLAKE3 over the names and contents of the photos, hex.
    pub photos_hash: String,
    /// Ids of the taggers that tagged these photos.
    pub taggers: Vec<String>,
    /// Photo → another photo of the same item.
    pub same_item: Option<Retrieval>,
    /// Photo → a photo with the same label.
    pub same_label: Option<Retrieval>,
    /// Words → a right photo, by kind of question; `all` is all of them. Average precision counts right
    /// photos of the catalogue.
    pub text: BTreeMap<String, Retrieval>,
    /// Questions that no photo is right for, or that the product could not understand.
    pub left_out_questions: Vec<String>,
    pub category: Option<TagResult>,
    pub colour: Option<TagResult>,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error("{0}")]
    NothingToMeasure(String),
    #[error("interrupted")]
    Interrupted,
}

/// A photo of the catalogue beside what is known of it.
struct Known {
    record: Record,
    expected: Expected,
}

impl Known {
    /// Photos of one group are no independent evidence.
    fn group(&self) -> &str {
        match self.expected.item.as_str() {
            "" => &self.record.source.uri,
            item => item,
        }
    }
}

/// One question's outcome and the group that it belongs to.
pub(crate) type Outcome<'a> = (&'a str, Ranked);

/// Measures. `progress` is called with searches done and searches to do.
pub async fn evaluate(
    subject: Subject<'_>,
    truth: Vec<Expected>,
    questions: &[Question],
    options: &EvaluateOptions,
    cancel: &Cancel,
    progress: &mut (dyn FnMut(usize, usize) + Send),
) -> Result<Evaluation, EvaluateError> {
    let truth: Vec<Expected> = truth
        .into_iter()
        .filter(|row| options.split.is_empty() || row.split == options.split)
        .collect();
    let (photos, unknown, missing) = join(subject.catalogue, truth).await?;
    if photos.is_empty() {
        return Err(EvaluateError::NothingToMeasure(
            "no photo of the catalogue is named in the truth; its column `file` holds the end of a \
             photo's path, as shoes/red.jpg"
                .to_string(),
        ));
    }
    let by_uri: HashMap<&str, &Known> = photos
        .iter()
        .map(|known| (known.record.source.uri.as_str(), known))
        .collect();
    let run = Run {
        subject: &subject,
        options,
        by_uri,
        photos: &photos,
    };
    let asking = run.sample();
    let all = asking.len() + questions.len();
    let (mut same_item, mut same_label) = (Vec::new(), Vec::new());
    for (done, known) in asking.into_iter().enumerate() {
        check(cancel)?;
        progress(done, all);
        let found = run.search((subject.like)(&known.record)).await?;
        let rank = |of: fn(&Expected) -> &str| -> Option<Outcome> {
            let wanted = of(&known.expected);
            let relevant = run.count(|other| of(&other.expected) == wanted) - 1;
            let right = found
                .iter()
                .map(|hit| of(&hit.expected) == wanted)
                .collect();
            let asks = !wanted.is_empty() && relevant > 0;
            asks.then_some((known.group(), Ranked { right, relevant }))
        };
        same_item.extend(rank(|expected| &expected.item));
        same_label.extend(rank(|expected| &expected.label));
    }
    let mut text: BTreeMap<String, Vec<Outcome>> = BTreeMap::new();
    let mut left_out_questions = Vec::new();
    for (done, question) in questions.iter().enumerate() {
        check(cancel)?;
        progress(all - questions.len() + done, all);
        match run.ask(question).await? {
            Ok(ranked) => {
                for kind in ["all", &question.kind] {
                    let outcomes = text.entry(kind.to_string()).or_default();
                    outcomes.push((&question.words, ranked.clone()));
                }
            }
            Err(reason) => left_out_questions.push(format!("{}: {reason}", question.words)),
        }
    }
    let mut taggers: Vec<String> = photos.iter().map(|k| k.record.tagger.clone()).collect();
    taggers.sort();
    taggers.dedup();
    let retrieval = |outcomes: &[Outcome]| retrieval(outcomes, options.resampling);
    Ok(Evaluation {
        photos: photos.len(),
        unknown,
        missing: missing.len(),
        missing_files: missing.into_iter().take(MAX_MISSING).collect(),
        photos_hash: hash(&photos),
        taggers,
        same_item: retrieval(&same_item),
        same_label: retrieval(&same_label),
        text: text
            .iter()
            .filter_map(|(kind, outcomes)| Some((kind.clone(), retrieval(outcomes)?)))
            .collect(),
        left_out_questions,
        category: tags::category(&photos, options.resampling),
        colour: tags::colour(&photos, options.resampling),
    })
}

fn check(cancel: &Cancel) -> Result<(), EvaluateError> {
    match cancel.is_cancelled() {
        true => Err(EvaluateError::Interrupted),
        false => Ok(()),
    }
}

/// The photos with what is known of them, in the order of their URIs; how many nothing is known of; the
/// files without a photo.
async fn join(
    catalogue: &dyn Catalogue,
    truth: Vec<Expected>,
) -> Result<(Vec<Known>, usize, Vec<String>), StoreError> {
    // A file that is named twice counts by its last row.
    let mut rows: BTreeMap<String, Expected> = truth
        .into_iter()
        .map(|row| (row.file.trim_start_matches("./").to_string(), row))
        .collect();
    let (mut photos, mut unknown) = (Vec::new(), 0);
    let mut each = |records: Vec<Record>| {
        for mut record in records {
            let uri = record.source.uri.replace('\\', "/");
            // The longest end of the path that the truth names.
            let starts = std::iter::once(0).chain(uri.match_indices('/').map(|(at, _)| at + 1));
            match starts.clone().find_map(|at| rows.remove(&uri[at..])) {
                Some(expected) => {
                    // The text vector is not asked with, and of the rest only a search needs it.
                    record.vectors.text = Vec::new();
                    record.classes = Vec::new();
                    photos.push(Known { record, expected });
                }
                None => unknown += 1,
            }
        }
        true
    };
    catalogue.scan(None, Columns::All, &mut each).await?;
    Ok((photos, unknown, rows.into_keys().collect()))
}

fn hash(photos: &[Known]) -> String {
    let mut lines: Vec<String> = photos
        .iter()
        .map(|known| format!("{} {}\n", known.record.id, known.expected.file))
        .collect();
    lines.sort();
    showroom_pixels::photo_id(lines.concat().as_bytes()).to_string()
}

struct Run<'a> {
    subject: &'a Subject<'a>,
    options: &'a EvaluateOptions,
    photos: &'a [Known],
    by_uri: HashMap<&'a str, &'a Known>,
}

impl<'a> Run<'a> {
    /// The photos to search with: those that have a companion to find.
    fn sample(&self) -> Vec<&'a Known> {
        let mut counts: HashMap<(bool, &str), usize> = HashMap::new();
        for Known { expected, .. } in self.photos {
            *counts.entry((true, &expected.item)).or_default() += 1;
            *counts.entry((false, &expected.label)).or_default() += 1;
        }
        let has_companion = |known: &&Known| {
            let companions = |is_item, name: &str| {
                !name.is_empty() && counts.get(&(is_item, name)).is_some_and(|n| *n > 1)
            };
            companions(true, &known.expected.item) || companions(false, &known.expected.label)
        };
        let asking: Vec<&Known> = self.photos.iter().filter(has_companion).collect();
        Random(self.options.resampling.seed).sample(asking, self.options.questions)
    }

    fn count(&self, is_right: impl Fn(&Known) -> bool) -> usize {
        self.photos.iter().filter(|known| is_right(known)).count()
    }

    /// The hits that something is known of, best first.
    async fn search(&self, query: Query) -> Result<Vec<&'a Known>, StoreError> {
        let query = Query {
            k: self.options.depth,
            ..query
        };
        let hits = self.subject.catalogue.search(query).await?.hits;
        let known = hits
            .iter()
            .filter_map(|hit| self.by_uri.get(hit.record.source.uri.as_str()));
        Ok(known.copied().collect())
    }

    /// The outer error ends the run, the inner one is about this question alone.
    async fn ask(&self, question: &Question) -> Result<Result<Ranked, String>, EvaluateError> {
        let is_right = |known: &Known| {
            let of_colour = |colour| question.colours.contains(colour);
            question.labels.contains(&known.expected.label)
                && (question.colours.is_empty() || known.expected.colours.iter().any(of_colour))
        };
        let relevant = self.count(is_right);
        if relevant == 0 {
            return Ok(Err("no photo is right for it".to_string()));
        }
        let Some(words) = self.subject.words else {
            return Ok(Err("there is no model for words".to_string()));
        };
        let understood = match words.understand(&question.words) {
            Ok(understood) => understood,
            Err(ModelError::BadInput(reason)) => return Ok(Err(reason)),
            Err(error) => return Err(error.into()),
        };
        let mut query = Query::default();
        let asked = AskedWords {
            understood,
            weight: 1.0,
        };
        compose(&mut query, Vec::new(), vec![asked], 0.0);
        let hits = self.search(query).await?;
        let right = hits.into_iter().filter_map(|known| {
            let right = is_right(known);
            let counts = right || !question.also_ok.contains(&known.expected.label);
            counts.then_some(right)
        });
        Ok(Ok(Ranked {
            right: right.collect(),
            relevant,
        }))
    }
}

pub(crate) fn retrieval(outcomes: &[Outcome], resampling: Resampling) -> Option<Retrieval> {
    let mean = |value: &dyn Fn(&Ranked) -> f64| {
        let values = outcomes
            .iter()
            .map(|(group, ranked)| (*group, value(ranked)));
        estimate(values, resampling)
    };
    Some(Retrieval {
        recall_at_1: mean(&|ranked| ranked.found_within(1))?,
        recall_at_5: mean(&|ranked| ranked.found_within(5))?,
        recall_at_10: mean(&|ranked| ranked.found_within(10))?,
        mean_average_precision: mean(&Ranked::average_precision)?,
    })
}
