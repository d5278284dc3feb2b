//! How good a hit is, in words that a shop can act on.

use serde::Serialize;

use crate::asked::{Term, TermKind};
use crate::embedding::VectorName;
use crate::query::{TitleMatch, Why};

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

/// Likenesses from which a photo is called what. Shape tells what a thing is; only shape and colour
/// together tell which one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PhotoBands {
    /// Of the mean of shape and colour; where colour is not compared no hit is the same product.
    pub same_product: f32,
    /// Of shape.
    pub similar: f32,
    /// Of shape.
    pub related: f32,
}

/// Likenesses to words from which a photo is called what. Words name a kind of product, so that no
/// hit is the same one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WordBands {
    pub similar: f32,
    pub related: f32,
}

impl WordBands {
    fn judge(&self, score: f32) -> Match {
        match score {
            score if score >= self.similar => Match::Similar,
            score if score >= self.related => Match::Related,
            _ => Match::NoGoodMatch,
        }
    }
}

/// Thresholds of one space of vectors: another encoder has others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bands {
    pub photo: PhotoBands,
    /// Of words without colours.
    pub words: WordBands,
    /// Of words of which some are colours: those alone give a score to everything so coloured.
    pub coloured_words: WordBands,
    /// Of words that are all colours.
    pub colour_words: WordBands,
}

impl Bands {
    /// What a hit is to the things asked with, by its [`Hit::why`](crate::Hit::why) and its title;
    /// `None` where nothing was asked for. What it should not be says nothing here, it only moves hits
    /// down.
    ///
    /// Weights do not count: they settle which hits come first, not what a hit is. Photos are taken
    /// for views of one thing, so that the likest counts; all of the words must hold. A title with
    /// all the words asked for answers them whatever the photo shows.
    pub fn judge(&self, terms: &[Term], why: &[Why], title: Option<&TitleMatch>) -> Option<Match> {
        let wanted = || terms.iter().filter(|term| term.weight > 0.0);
        let is_photo = |term: &&Term| term.kind == TermKind::Photo;
        let photo = wanted()
            .filter(is_photo)
            .map(|term| self.judge_photo(&why[term.parts.clone()]))
            .max();
        let words = wanted()
            .filter(|term| !is_photo(term))
            .map(|term| self.judge_words(term, &why[term.parts.clone()], title))
            .min();
        match (photo, words) {
            (Some(photo), Some(words)) => Some(photo.min(words)),
            (photo, words) => photo.or(words),
        }
    }

    fn judge_photo(&self, why: &[Why]) -> Match {
        let of = |name| (why.iter().find(|why| why.part == name)).map(|why| why.score);
        let shape = of(VectorName::Shape).unwrap_or(0.0);
        let bands = &self.photo;
        match of(VectorName::Colour) {
            Some(colour) if (shape + colour) / 2.0 >= bands.same_product => Match::SameProduct,
            _ if shape >= bands.similar => Match::Similar,
            _ if shape >= bands.related => Match::Related,
            _ => Match::NoGoodMatch,
        }
    }

    fn judge_words(&self, term: &Term, why: &[Why], title: Option<&TitleMatch>) -> Match {
        // What an adapter adds is compared with other vectors, and nobody has measured what it means.
        let own = why.iter().filter(|why| why.part == VectorName::Text);
        let score = own.map(|why| why.score).sum();
        let seen = match term.kind {
            TermKind::ColourWords => self.colour_words.judge(score),
            TermKind::ColouredWords => self.coloured_words.judge(score),
            _ => self.words.judge(score),
        };
        match title {
            Some(title) if title.score >= 1.0 => seen.max(Match::Similar),
            _ => seen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BANDS: Bands = Bands {
        photo: PhotoBands {
            same_product: 0.9,
            similar: 0.8,
            related: 0.4,
        },
        words: WordBands {
            similar: 0.5,
            related: 0.2,
        },
        coloured_words: WordBands {
            similar: 0.7,
            related: 0.6,
        },
        colour_words: WordBands {
            similar: 0.3,
            related: 0.1,
        },
    };

    /// What a hit is whose parts have these scores, to terms of these kinds and weights.
    fn judge(
        terms: &[(TermKind, f32)],
        scores: &[(VectorName, f32)],
        title: Option<f32>,
    ) -> Option<Match> {
        let mut start = 0;
        let terms: Vec<Term> = terms
            .iter()
            .map(|&(kind, weight)| {
                // A photo has a part for its shape, and one for its colour where that comes next.
                let is_photo = kind == TermKind::Photo;
                let next = scores.get(start + 1).map(|score| score.0);
                let parts = 1 + usize::from(is_photo && next == Some(VectorName::Colour));
                let from = start;
                start += parts;
                Term {
                    kind,
                    weight,
                    parts: from..start,
                }
            })
            .collect();
        assert_eq!(start, scores.len());
        let why: Vec<Why> = scores
            .iter()
            .map(|&(part, score)| Why { part, score })
            .collect();
        let title = title.map(|score| TitleMatch {
            score,
            words: vec![],
        });
        BANDS.judge(&terms, &why, title.as_ref())
    }

    #[test]
    fn photos_are_told_apart_by_colour_and_kinds_by_shape() {
        use Match::{NoGoodMatch, Related, SameProduct, Similar};
        use VectorName::{Colour, Shape};
        let photo = |shape, colour| {
            judge(
                &[(TermKind::Photo, 1.0)],
                &[(Shape, shape), (Colour, colour)],
                None,
            )
        };
        assert_eq!(photo(0.9, 0.95), Some(SameProduct));
        assert_eq!(photo(0.95, 0.1), Some(Similar));
        assert_eq!(photo(0.5, 1.0), Some(Related));
        assert_eq!(photo(0.3, 1.0), Some(NoGoodMatch));
        let shape = judge(&[(TermKind::Photo, 1.0)], &[(Shape, 1.0)], None);
        assert_eq!(shape, Some(Similar), "without colour it is a kind");
    }

    #[test]
    fn all_words_must_hold_and_one_photo() {
        use Match::{NoGoodMatch, Related, SameProduct, Similar};
        use TermKind::{ColourWords, Photo, Words};
        use VectorName::{Colour, Shape, Text};
        let words = [(Words, 1.0), (Words, 0.1)];
        assert_eq!(
            judge(&words, &[(Text, 0.6), (Text, 0.3)], None),
            Some(Related)
        );
        assert_eq!(
            judge(&words, &[(Text, 0.6), (Text, 0.1)], None),
            Some(NoGoodMatch)
        );
        assert_eq!(
            judge(&words, &[(Text, 0.0), (Text, 0.0)], Some(1.0)),
            Some(Similar)
        );
        assert_eq!(
            judge(&words, &[(Text, 0.0), (Text, 0.0)], Some(0.5)),
            Some(NoGoodMatch)
        );
        let photos = [(Photo, 1.0), (Photo, 1.0)];
        let views = [(Shape, 0.2), (Colour, 0.2), (Shape, 0.95), (Colour, 0.9)];
        assert_eq!(judge(&photos, &views, None), Some(SameProduct));
        let recoloured = [(Photo, 1.0), (ColourWords, 1.0)];
        assert_eq!(
            judge(&recoloured, &[(Shape, 0.9), (Text, 0.4)], None),
            Some(Similar)
        );
        assert_eq!(
            judge(&recoloured, &[(Shape, 0.9), (Text, 0.0)], None),
            Some(NoGoodMatch)
        );
        assert_eq!(
            judge(&[(TermKind::ColouredWords, 1.0)], &[(Text, 0.65)], None),
            Some(Related)
        );
        // What it should not be is not asked for.
        let without = [(Words, 1.0), (Words, -1.0)];
        assert_eq!(
            judge(&without, &[(Text, 0.6), (Text, 0.0)], None),
            Some(Similar)
        );
        assert_eq!(judge(&[(Words, -1.0)], &[(Text, 0.6)], None), None);
        assert!(Match::NoGoodMatch < Match::Related && Similar < SameProduct);
    }
}
