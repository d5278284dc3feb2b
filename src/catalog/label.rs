//! A shop's own labels: photos that were judged, and what a person decided.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::embedding::Vectors;
use crate::photo::PhotoId;
use crate::tag::Tag;

/// [`Tag::model`] of what a person said.
pub const PERSON: &str = "person";

/// What [`Tag::source`] of the tags of a label set begins with; the set's name follows.
pub const LABELS: &str = "labels:";

/// What a person says of one label on one photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Accept,
    Reject,
}

/// A line of the decision log.
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
    /// [`Tag::id`], e.g. `neckline/v-neck`.
    pub label: String,
    pub verdict: Verdict,
}

/// What people decided; the last word on a label of a photo counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decisions(HashMap<PhotoId, HashMap<String, Verdict>>);

impl Decisions {
    /// `log` in the order in which the decisions were made.
    pub fn new(log: impl IntoIterator<Item = HumanDecision>) -> Decisions {
        let mut decisions = Decisions::default();
        for HumanDecision {
            photo,
            label,
            verdict,
            ..
        } in log
        {
            let labels = decisions.0.entry(photo).or_default();
            labels.insert(label, verdict);
        }
        decisions
    }

    /// What was decided of this label (a [`Tag::id`]) on this photo.
    pub fn of(&self, photo: PhotoId, label: &str) -> Option<Verdict> {
        self.0.get(&photo)?.get(label).copied()
    }

    /// Every decision, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (PhotoId, &str, Verdict)> {
        self.0.iter().flat_map(|(photo, labels)| {
            labels
                .iter()
                .map(|(label, verdict)| (*photo, label.as_str(), *verdict))
        })
    }
}

/// Where a label stands in a label set: number of the group, number of the label in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LabelAt {
    pub group: usize,
    pub label: usize,
}

/// One photo that somebody judged by hand.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    pub id: PhotoId,
    /// What is on the photo: the SKU where there is one, so that two views of one product are
    /// never on both sides of a test.
    pub item: String,
    pub vectors: Vectors,
    /// Whether the label is right.
    pub judged: Vec<(LabelAt, bool)>,
    /// Whether the labels that are not judged are wrong too, in the groups where one is right.
    pub is_complete: bool,
}

/// The tags of a photo that its tagger has tagged again: `new` is what the tagger says, and of `old`
/// what was not its to say stays: own labels, and what a person decided.
pub fn tagged_again(old: &[Tag], mut new: Vec<Tag>) -> Vec<Tag> {
    for tag in old {
        if tag.model == PERSON {
            new.retain(|new| new.id != tag.id || new.source != tag.source);
            new.push(tag.clone());
        } else if tag.source.starts_with(LABELS) {
            new.push(tag.clone());
        }
    }
    new
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tag::Decision;

    fn decision(photo: u8, label: &str, verdict: Verdict) -> HumanDecision {
        HumanDecision {
            at_ms: 0,
            photo: PhotoId([photo; 32]),
            uri: String::new(),
            sku: None,
            label: label.into(),
            verdict,
        }
    }

    #[test]
    fn the_last_decision_on_a_photo_counts() {
        let decisions = Decisions::new([
            decision(1, "a", Verdict::Accept),
            decision(2, "a", Verdict::Accept),
            decision(1, "a", Verdict::Reject),
        ]);
        assert_eq!(decisions.of(PhotoId([1; 32]), "a"), Some(Verdict::Reject));
        assert_eq!(decisions.of(PhotoId([2; 32]), "a"), Some(Verdict::Accept));
        assert_eq!(decisions.of(PhotoId([2; 32]), "b"), None);
        assert_eq!(decisions.iter().count(), 2);
    }

    #[test]
    fn a_tagger_overrules_neither_a_person_nor_own_labels() {
        let tag = |id: &str, source: &str, model: &str| Tag {
            id: id.into(),
            name: id.into(),
            score: 0.9,
            calibrated: None,
            decision: Decision::Accept,
            source: source.into(),
            model: model.into(),
        };
        let old = [
            tag("mug", "classes", PERSON),
            tag("cup", "classes", "old"),
            tag("kind/pot", "labels:shop", "labels:shop-1"),
        ];
        let new = vec![tag("mug", "classes", "new"), tag("pot", "classes", "new")];
        let tags = tagged_again(&old, new);
        let expected = [tag("pot", "classes", "new"), old[0].clone(), old[2].clone()];
        assert_eq!(tags, expected);
    }
}
