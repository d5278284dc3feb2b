//! What people decide about tags: a log to which lines are only ever added, and what of it counts.
//!
//! A decision is about the bytes of one photo and one thing said of it: a label, or the category. What
//! was decided together is a batch; a batch is undone by a line more, after which the log counts as if
//! its lines were not there. Nothing is ever taken out of the log.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::photo::PhotoId;
use crate::tag::{Category, Tag};

/// [`Tag::model`] of what a person said.
pub const PERSON: &str = "person";

/// [`HumanDecision::label`] of a decision about the category; no label is called so.
pub const CATEGORY: &str = "@category";

/// What a person says of one label, or one category, on one photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Accept,
    Reject,
}

/// A category without what a tagger thinks of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategoryNode {
    /// Shopify taxonomy id, e.g. `aa-8-8`.
    pub id: String,
    /// Name of the node; the last of `path`.
    pub name: String,
    /// Names from the top level down.
    pub path: Vec<String>,
}

impl From<&Category> for CategoryNode {
    fn from(category: &Category) -> Self {
        CategoryNode {
            id: category.id.clone(),
            name: category.name.clone(),
            path: category.path.clone(),
        }
    }
}

/// A line of the decision log about one photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HumanDecision {
    /// When it was made, milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
    /// What it holds for: these bytes, wherever they are. Another picture under the same name is
    /// another photo, and nobody has judged it yet.
    pub photo: PhotoId,
    /// Where the photo was, for people.
    pub uri: String,
    pub sku: Option<String>,
    /// [`Tag::id`], e.g. `neckline/v-neck`, or [`CATEGORY`].
    pub label: String,
    pub verdict: Verdict,
    /// Lines of before there were batches have none of it.
    #[serde(flatten)]
    pub details: Details,
}

/// What a line says besides: who, with what, and what was there before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// The same for all that was decided together; what is undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
    /// Who decided, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// [`Tag::name`] and [`Tag::source`] of the label, so that it can be written to a row that
    /// does not have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Of a decision about the category: which one is right, or wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<CategoryNode>,
    /// What a model had said, to go back to; `None` where it had said nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Tag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category_before: Option<Category>,
    /// Labels that the accepted one excludes, and that left the row for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub displaced: Vec<Tag>,
}

/// A line of the decision log that takes a batch back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Undo {
    /// When, milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
    /// [`Details::batch`] of what does not count any more.
    pub undo: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// A line of the decision log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LogEntry {
    Decision(Box<HumanDecision>),
    Undo(Undo),
}

/// What the decision log says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DecisionLog {
    /// In the order in which they were written.
    pub entries: Vec<LogEntry>,
    /// A sentence about each line that cannot be read.
    pub problems: Vec<String>,
}

impl DecisionLog {
    /// Batches that were taken back.
    pub fn undone(&self) -> HashSet<&str> {
        let undone = self.entries.iter().filter_map(|entry| match entry {
            LogEntry::Undo(undo) => Some(undo.undo.as_str()),
            LogEntry::Decision(_) => None,
        });
        undone.collect()
    }

    /// The decisions that count, in the order in which they were made.
    pub fn counting(&self) -> impl Iterator<Item = &HumanDecision> {
        let undone = self.undone();
        self.entries.iter().filter_map(move |entry| match entry {
            LogEntry::Decision(decision) => {
                let batch = decision.details.batch.as_deref();
                let counts = batch.is_none_or(|batch| !undone.contains(batch));
                counts.then_some(&**decision)
            }
            LogEntry::Undo(_) => None,
        })
    }

    /// The lines about these photos, in their order, each with whether it counts.
    pub fn about(
        &self,
        photos: &HashSet<PhotoId>,
    ) -> HashMap<PhotoId, Vec<(&HumanDecision, bool)>> {
        let undone = self.undone();
        let mut lines: HashMap<PhotoId, Vec<(&HumanDecision, bool)>> = HashMap::new();
        for entry in &self.entries {
            let LogEntry::Decision(line) = entry else {
                continue;
            };
            if photos.contains(&line.photo) {
                let batch = line.details.batch.as_deref();
                let counts = batch.is_none_or(|batch| !undone.contains(batch));
                lines.entry(line.photo).or_default().push((line, counts));
            }
        }
        lines
    }

    /// The last word on each thing said of each photo.
    pub fn decisions(&self) -> Decisions {
        Decisions::new(self.counting().cloned())
    }
}

/// What people decided; the last word on a label, or on the category, of a photo counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decisions(HashMap<PhotoId, HashMap<String, HumanDecision>>);

impl Decisions {
    /// `log` in the order in which the decisions were made, without what was undone.
    pub fn new(log: impl IntoIterator<Item = HumanDecision>) -> Decisions {
        let mut decisions = Decisions::default();
        log.into_iter().for_each(|decision| decisions.add(decision));
        decisions
    }

    /// A word more, which is the last one now.
    pub fn add(&mut self, decision: HumanDecision) {
        let words = self.0.entry(decision.photo).or_default();
        words.insert(decision.label.clone(), decision);
    }

    /// What was decided of this label (a [`Tag::id`], or [`CATEGORY`]) on this photo.
    pub fn of(&self, photo: PhotoId, label: &str) -> Option<Verdict> {
        Some(self.last(photo, label)?.verdict)
    }

    /// The line that says so.
    pub fn last(&self, photo: PhotoId, label: &str) -> Option<&HumanDecision> {
        self.0.get(&photo)?.get(label)
    }

    /// All that was decided of this photo, in the order of the labels.
    pub fn on(&self, photo: PhotoId) -> Vec<&HumanDecision> {
        let words = self.0.get(&photo).into_iter().flatten();
        let mut decisions: Vec<&HumanDecision> = words.map(|(_, decision)| decision).collect();
        decisions.sort_by(|a, b| a.label.cmp(&b.label));
        decisions
    }

    /// Only what was decided of these photos.
    pub fn about(&self, photos: &[PhotoId]) -> Decisions {
        let of = |photo: &PhotoId| Some((*photo, self.0.get(photo)?.clone()));
        Decisions(photos.iter().filter_map(of).collect())
    }

    /// Every decision, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (PhotoId, &str, Verdict)> {
        self.0.iter().flat_map(|(photo, words)| {
            words
                .iter()
                .map(|(label, decision)| (*photo, label.as_str(), decision.verdict))
        })
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(photo: u8, label: &str, verdict: Verdict, batch: &str) -> HumanDecision {
        HumanDecision {
            at_ms: 0,
            photo: PhotoId([photo; 32]),
            uri: String::new(),
            sku: None,
            label: label.into(),
            verdict,
            details: Details {
                batch: Some(batch.into()),
                ..Details::default()
            },
        }
    }

    #[test]
    fn the_last_decision_on_a_photo_counts() {
        let decisions = Decisions::new([
            decision(1, "a", Verdict::Accept, "1"),
            decision(2, "a", Verdict::Accept, "2"),
            decision(1, "a", Verdict::Reject, "3"),
        ]);
        assert_eq!(decisions.of(PhotoId([1; 32]), "a"), Some(Verdict::Reject));
        assert_eq!(decisions.of(PhotoId([2; 32]), "a"), Some(Verdict::Accept));
        assert_eq!(decisions.of(PhotoId([2; 32]), "b"), None);
        assert_eq!(decisions.iter().count(), 2);
        let second = decisions.about(&[PhotoId([2; 32]), PhotoId([3; 32])]);
        assert_eq!(second.of(PhotoId([2; 32]), "a"), Some(Verdict::Accept));
        assert_eq!(second.iter().count(), 1);
    }

    #[test]
    fn a_batch_that_is_undone_leaves_what_was_said_before_it() {
        let entry = |decision| LogEntry::Decision(Box::new(decision));
        let mut log = DecisionLog {
            entries: vec![
                entry(decision(1, "a", Verdict::Accept, "1")),
                entry(decision(1, "a", Verdict::Reject, "2")),
                entry(decision(1, "b", Verdict::Reject, "2")),
            ],
            problems: vec![],
        };
        let at = |log: &DecisionLog, label| log.decisions().of(PhotoId([1; 32]), label);
        assert_eq!(at(&log, "a"), Some(Verdict::Reject));
        let undo = Undo {
            at_ms: 9,
            undo: "2".into(),
            by: None,
        };
        log.entries.push(LogEntry::Undo(undo));
        assert_eq!(at(&log, "a"), Some(Verdict::Accept));
        assert_eq!(at(&log, "b"), None);
        assert_eq!(log.entries.len(), 4, "nothing is taken out");
    }

    #[test]
    fn lines_of_before_there_were_batches_are_read() {
        let zeros = "00".repeat(32);
        let old = format!(
            r#"{{"at_ms":5,"photo":"{zeros}","uri":"/a.jpg","sku":null,"label":"a","verdict":"reject"}}"#
        );
        let LogEntry::Decision(read) = serde_json::from_str(&old).unwrap() else {
            panic!("it is no undo");
        };
        assert_eq!(read.details, Details::default());
        assert_eq!(serde_json::to_string(&read).unwrap(), old);
        let undo: LogEntry = serde_json::from_str(r#"{"at_ms":6,"undo":"b1"}"#).unwrap();
        assert!(matches!(undo, LogEntry::Undo(undo) if undo.undo == "b1"));
        assert!(serde_json::from_str::<LogEntry>(r#"{"at_ms":6}"#).is_err());
    }
}
