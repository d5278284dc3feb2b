//! What a person asks with (photos, words, what it should not be) → the parts of a query.

use std::ops::Range;

use crate::embedding::VectorName;
use crate::query::{Query, QueryPart};
use crate::seams::Understood;

/// Colour words that stand for a photo's own colours count as much as those would: a text vector
/// gives its colour half a length of √½, a colour vector has length 1.
const COLOURS_IN_PLACE: f32 = std::f32::consts::SQRT_2;

/// The vectors of a photo that is asked with.
#[derive(Clone, Debug, PartialEq)]
pub struct AskedPhoto {
    pub shape: Vec<f32>,
    pub colour: Vec<f32>,
    /// Negative for what it should not look like.
    pub weight: f32,
}

/// Words that are asked with.
#[derive(Clone, Debug, PartialEq)]
pub struct AskedWords {
    pub understood: Understood,
    /// Negative for what it should not be.
    pub weight: f32,
}

/// Which parts of the query came of one thing that was asked with.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    pub kind: TermKind,
    pub weight: f32,
    /// Places in [`Query::parts`].
    pub parts: Range<usize>,
}

/// What kind of thing was asked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TermKind {
    Photo,
    /// Words without colours.
    Words,
    /// Words of which some name colours.
    ColouredWords,
    /// Words that name nothing but colours.
    ColourWords,
}

/// What kind of thing somebody asked with, and whether it is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedKind {
    /// A photo that is not in the catalogue.
    Image,
    /// A photo of the catalogue.
    Like,
    /// A photo of what it should not look like.
    MinusImage,
    Text,
    /// Words for what it should not be.
    Minus,
}

impl AskedKind {
    /// As in the JSON.
    pub fn name(self) -> &'static str {
        match self {
            AskedKind::Image => "image",
            AskedKind::Like => "like",
            AskedKind::MinusImage => "minus_image",
            AskedKind::Text => "text",
            AskedKind::Minus => "minus",
        }
    }

    pub fn is_words(self) -> bool {
        matches!(self, AskedKind::Text | AskedKind::Minus)
    }

    fn sign(self) -> f32 {
        match self {
            AskedKind::MinusImage | AskedKind::Minus => -1.0,
            _ => 1.0,
        }
    }
}

/// What a model made of a thing that was asked with.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    Photo {
        shape: Vec<f32>,
        colour: Vec<f32>,
    },
    /// A row of the catalogue, which is then not among the hits where it is wanted.
    Row {
        shape: Vec<f32>,
        colour: Vec<f32>,
        uri: String,
    },
    Words(Understood),
}

/// One thing that somebody asked with.
#[derive(Clone, Debug, PartialEq)]
pub struct Asking {
    pub kind: AskedKind,
    /// What was typed for it: the words, or the name of the photo.
    pub value: String,
    /// Above 0; whether it counts for or against is said by `kind`.
    pub weight: f32,
    pub seen: Seen,
}

impl Asking {
    /// The same for a photo that may itself be a hit: a row of the catalogue becomes a photo like it.
    pub fn as_photo(self) -> Asking {
        match self.seen {
            Seen::Row { shape, colour, .. } => Asking {
                seen: Seen::Photo { shape, colour },
                ..self
            },
            _ => self,
        }
    }
}

/// A term of a query, with what was typed for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub term: Term,
    pub kind: AskedKind,
    pub value: String,
}

/// Fills in `query`: its parts, the words to look for in titles, and that rows asked with are not hits.
/// Returns what was asked in the order of the terms: photos as given, then words as given.
pub fn ask(query: &mut Query, asking: Vec<Asking>, colour_weight: f32) -> Vec<Asked> {
    let is_wanted_photo = |one: &Asking| matches!(one.kind, AskedKind::Image | AskedKind::Like);
    let has_photo = asking.iter().any(is_wanted_photo);
    let mut photos = Vec::new();
    let mut words = Vec::new();
    let mut named_photos = Vec::new();
    let mut named_words = Vec::new();
    let mut titles: Vec<String> = Vec::new();
    let mut own = Vec::new();
    for Asking {
        kind,
        value,
        weight,
        seen,
    } in asking
    {
        let weight = kind.sign() * weight;
        let (shape, colour) = match seen {
            Seen::Words(understood) => {
                // "But in blue" is about the photo; every blue product has that word in its title.
                if kind == AskedKind::Text && !(has_photo && understood.only_colours) {
                    titles.push(value.clone());
                }
                words.push(AskedWords { understood, weight });
                named_words.push((kind, value));
                continue;
            }
            Seen::Photo { shape, colour } => (shape, colour),
            Seen::Row { shape, colour, uri } => {
                if weight > 0.0 {
                    own.push(uri);
                }
                (shape, colour)
            }
        };
        photos.push(AskedPhoto {
            shape,
            colour,
            weight,
        });
        named_photos.push((kind, value));
    }
    query.title_words = (!titles.is_empty()).then(|| titles.join(" "));
    // The reasons are in the vectors.
    query.vectors = !words.is_empty();
    query.exclude_uris.extend(own);
    let terms = compose(query, photos, words, colour_weight).into_iter();
    let named = named_photos.into_iter().chain(named_words);
    terms
        .zip(named)
        .map(|(term, (kind, value))| Asked { term, kind, value })
        .collect()
}

/// Fills in the parts of `query`; returns a term for each photo, then for each of the words.
///
/// A photo asks with its shape, which counts 1, and its colours, which count `colour_weight`. Words
/// that name colours take the place of the colours of the photos that are asked for beside them:
/// a photo and "but in blue" look for that shape in blue.
pub fn compose(
    query: &mut Query,
    photos: Vec<AskedPhoto>,
    words: Vec<AskedWords>,
    colour_weight: f32,
) -> Vec<Term> {
    let pulls = |words: &AskedWords| words.weight > 0.0;
    let are_recoloured = words
        .iter()
        .any(|words| pulls(words) && !words.understood.colours.is_empty());
    let has_photo = photos.iter().any(|photo| photo.weight > 0.0);
    let mut terms = Vec::new();
    for photo in photos {
        let start = query.parts.len();
        let own_colour = if are_recoloured && photo.weight > 0.0 {
            0.0
        } else {
            colour_weight
        };
        push_weighted(query, photo.shape, photo.colour, own_colour, photo.weight);
        terms.push(Term {
            kind: TermKind::Photo,
            weight: photo.weight,
            parts: start..query.parts.len(),
        });
    }
    for AskedWords { understood, weight } in words {
        let start = query.parts.len();
        let in_place = has_photo && weight > 0.0 && understood.only_colours;
        let kind = match (understood.only_colours, understood.colours.is_empty()) {
            (true, _) => TermKind::ColourWords,
            (false, false) => TermKind::ColouredWords,
            (false, true) => TermKind::Words,
        };
        let scale = if in_place { COLOURS_IN_PLACE } else { 1.0 };
        query.parts.push(QueryPart {
            on: VectorName::Text,
            vector: understood.vector,
            weight: weight * scale,
        });
        let further = understood.further.into_iter();
        query.parts.extend(further.map(|part| QueryPart {
            weight: weight * part.weight,
            ..part
        }));
        terms.push(Term {
            kind,
            weight,
            parts: start..query.parts.len(),
        });
    }
    terms
}

/// Shape counts 1, colour `colour_weight`; a photo without product pixels has no colour to ask with.
pub fn push_photo(query: &mut Query, shape: Vec<f32>, colour: Vec<f32>, colour_weight: f32) {
    push_weighted(query, shape, colour, colour_weight, 1.0);
}

fn push_weighted(
    query: &mut Query,
    shape: Vec<f32>,
    colour: Vec<f32>,
    colour_weight: f32,
    weight: f32,
) {
    query.parts.push(QueryPart {
        on: VectorName::Shape,
        vector: shape,
        weight,
    });
    if colour_weight > 0.0 && colour.iter().any(|x| *x != 0.0) {
        query.parts.push(QueryPart {
            on: VectorName::Colour,
            vector: colour,
            weight: weight * colour_weight,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photo(weight: f32) -> AskedPhoto {
        AskedPhoto {
            shape: vec![1.0, 0.0],
            colour: vec![0.0, 1.0],
            weight,
        }
    }

    fn words(colours: &[&str], only_colours: bool, weight: f32) -> AskedWords {
        AskedWords {
            understood: Understood {
                vector: vec![0.6, 0.8],
                colours: colours.iter().map(|name| name.to_string()).collect(),
                only_colours,
                further: Vec::new(),
            },
            weight,
        }
    }

    /// What each part is about, with its weight.
    fn parts(
        photos: Vec<AskedPhoto>,
        words: Vec<AskedWords>,
        colour_weight: f32,
    ) -> Vec<(VectorName, f32)> {
        let mut query = Query::default();
        let terms = compose(&mut query, photos, words, colour_weight);
        assert_eq!(
            terms.last().map(|term| term.parts.end),
            Some(query.parts.len())
        );
        query.parts.iter().map(|p| (p.on, p.weight)).collect()
    }

    #[test]
    fn rows_asked_with_are_no_hits_and_words_about_a_photo_are_not_looked_for_in_titles() {
        let row = |kind, uri: &str| Asking {
            kind,
            value: uri.to_string(),
            weight: 2.0,
            seen: Seen::Row {
                shape: vec![1.0],
                colour: vec![1.0],
                uri: uri.to_string(),
            },
        };
        let text = |kind, value: &str, colours: &[&str], only_colours| Asking {
            kind,
            value: value.to_string(),
            weight: 0.5,
            seen: Seen::Words(words(colours, only_colours, 1.0).understood),
        };
        let mut query = Query {
            filter: Some("width > 1".parse().unwrap()),
            ..Query::default()
        };
        let asked = ask(
            &mut query,
            vec![
                text(AskedKind::Text, "in blue", &["blue"], true),
                row(AskedKind::Like, "/a.jpg"),
                text(AskedKind::Text, "boots", &[], false),
                row(AskedKind::MinusImage, "/b.jpg"),
                text(AskedKind::Minus, "leather", &[], false),
            ],
            1.0,
        );
        let told: Vec<_> = asked
            .iter()
            .map(|a| (a.kind.name(), a.value.as_str(), a.term.weight))
            .collect();
        assert_eq!(
            told,
            [
                ("like", "/a.jpg", 2.0),
                ("minus_image", "/b.jpg", -2.0),
                ("text", "in blue", 0.5),
                ("text", "boots", 0.5),
                ("minus", "leather", -0.5),
            ]
        );
        assert_eq!(query.title_words.as_deref(), Some("boots"));
        assert!(query.vectors);
        assert_eq!(query.exclude_uris, ["/a.jpg"]);
        assert_eq!(query.filter.unwrap().to_string(), "width > 1");
    }

    #[test]
    fn colour_words_take_the_place_of_the_colours_of_a_photo() {
        use VectorName::{Colour, Shape, Text};
        assert_eq!(
            parts(vec![photo(2.0)], vec![words(&[], false, 0.5)], 0.5),
            [(Shape, 2.0), (Colour, 1.0), (Text, 0.5)]
        );
        assert_eq!(
            parts(vec![photo(1.0)], vec![words(&["blue"], true, 1.0)], 1.0),
            [(Shape, 1.0), (Text, COLOURS_IN_PLACE)]
        );
        assert_eq!(
            parts(vec![photo(1.0)], vec![words(&["blue"], false, 1.0)], 1.0),
            [(Shape, 1.0), (Text, 1.0)]
        );
    }

    #[test]
    fn what_an_adapter_adds_belongs_to_its_words() {
        let mut adapted = words(&[], false, -0.5);
        adapted.understood.further.push(QueryPart {
            on: VectorName::Shape,
            vector: vec![0.0, 1.0],
            weight: 2.0,
        });
        let mut query = Query::default();
        let terms = compose(
            &mut query,
            vec![],
            vec![adapted, words(&[], false, 1.0)],
            1.0,
        );
        let parts: Vec<_> = query.parts.iter().map(|p| (p.on, p.weight)).collect();
        use VectorName::{Shape, Text};
        assert_eq!(parts, [(Text, -0.5), (Shape, -1.0), (Text, 1.0)]);
        assert_eq!((&terms[0].parts, &terms[1].parts), (&(0..2), &(2..3)));
    }

    #[test]
    fn what_it_should_not_be_keeps_its_colours_and_changes_nobody_elses() {
        use VectorName::{Colour, Shape, Text};
        assert_eq!(
            parts(
                vec![photo(1.0), photo(-0.5)],
                vec![words(&["red"], true, -1.0)],
                1.0
            ),
            [
                (Shape, 1.0),
                (Colour, 1.0),
                (Shape, -0.5),
                (Colour, -0.5),
                (Text, -1.0)
            ]
        );
        assert_eq!(
            parts(
                vec![photo(1.0), photo(-0.5)],
                vec![words(&["red"], true, 1.0)],
                1.0
            ),
            [
                (Shape, 1.0),
                (Shape, -0.5),
                (Colour, -0.5),
                (Text, COLOURS_IN_PLACE)
            ]
        );
    }
}
