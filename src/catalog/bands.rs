//! How good a hit is, in words that a shop can act on.

use serde::Serialize;

use crate::asked::{Term, TermKind};
use crate::embedding::VectorName;
use crate::query::Hit;

/// How good a hit is; the later, the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// Nothing of the kind: the nearest there is.
    NoGoodMatch,
    /// Of the same part of the shop.
    Related,
    /// The same type of product, or what the words name.
    Similar,
    /// The very product, perhaps from another side.
    SameProduct,
}

impl Match {
    /// As people read it.
    pub fn name(self) -> &'static str {
        match self {
            Match::NoGoodMatch => "no good match",
            Match::Related => "related",
            Match::Similar => "similar",
            Match::SameProduct => "same product",
        }
    }
}

/// Scores from which a hit is called what; infinite where the evidence never carries it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    pub same_product: f32,
    pub similar: f32,
    pub related: f32,
}

impl Thresholds {
    fn judge(&self, score: f32) -> Match {
        match score {
            score if score >= self.same_product => Match::SameProduct,
            score if score >= self.similar => Match::Similar,
            score if score >= self.related => Match::Related,
            _ => Match::NoGoodMatch,
        }
    }
}

/// Thresholds of one space of vectors: another encoder has others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bands {
    /// Of the mean of the likenesses in shape and colour.
    pub look: Thresholds,
    /// Of the likeness in shape alone.
    pub shape: Thresholds,
    /// Of the likeness to words.
    pub words: Thresholds,
    /// Of the likeness to words that are all colours.
    pub colour_words: Thresholds,
}

impl Bands {
    /// What a hit is to the things asked with; `None` where nothing was asked for. What it should not
    /// be says nothing here, it only moves hits down.
    ///
    /// Weights do not count: they settle which hits come first, not what a hit is. Photos are taken
    /// for views of one thing, so that the likest counts; all of the words must hold. A title with
    /// all the words asked for answers them whatever the photo shows.
    pub fn judge(&self, terms: &[Term], hit: &Hit) -> Option<Match> {
        let wanted = || terms.iter().filter(|term| term.weight > 0.0);
        let is_photo = |term: &&Term| term.kind == TermKind::Photo;
        let photo = wanted()
            .filter(is_photo)
            .map(|term| self.judge_photo(term, hit))
            .max();
        let words = wanted()
            .filter(|term| !is_photo(term))
            .map(|term| self.judge_words(term, hit))
            .min();
        match (photo, words) {
            (Some(photo), Some(words)) => Some(photo.min(words)),
            (photo, words) => photo.or(words),
        }
    }

    fn judge_photo(&self, term: &Term, hit: &Hit) -> Match {
        let why = &hit.why[term.parts.clone()];
        let of = |name| (why.iter().find(|why| why.part == name)).map(|why| why.score);
        let shape = of(VectorName::Shape).unwrap_or(0.0);
        match of(VectorName::Colour) {
            Some(colour) => self.look.judge((shape + colour) / 2.0),
            None => self.shape.judge(shape),
        }
    }

    fn judge_words(&self, term: &Term, hit: &Hit) -> Match {
        let score = hit.why[term.parts.clone()]
            .iter()
            .map(|why| why.score)
            .sum();
        let seen = match term.kind {
            TermKind::ColourWords => self.colour_words.judge(score),
            _ => self.words.judge(score),
        };
        match &hit.title {
            Some(title) if title.score >= 1.0 => seen.max(Match::Similar),
            _ => seen,
        }
    }
}
