//! A shop's own labels, and the photos that were judged for them.

pub use crate::decision::{Decisions, HumanDecision, PERSON, Verdict};
use crate::embedding::Vectors;
use crate::photo::PhotoId;
use crate::tag::Tag;

/// What [`Tag::source`] of the tags of a label set begins with; the set's name follows.
pub const LABELS: &str = "labels:";

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
