//! What the page shows, as plain values: filled by `gather`, made HTML by `render`.

use std::sync::Arc;

use showroom_catalog::{Record, Reject};

/// Everything on the page.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Name of the catalogue's folder.
    pub name: String,
    /// Where the catalogue is.
    pub store: String,
    /// When the page was made, e.g. `2026-11-20 04:50 UTC`.
    pub made_at: String,
    /// Version of showroom.
    pub version: String,
    /// Photos in the whole catalogue; the page may show fewer.
    pub photos: usize,
    /// Photos of the whole catalogue that have a category.
    pub categorised: usize,
    /// What made vectors and tags: role and id.
    pub models: Vec<(&'static str, String)>,
    pub cards: Vec<Card>,
    pub searches: Vec<Search>,
    /// The first of the rejects.
    pub rejects: Vec<Reject>,
    /// All rejects of the catalogue.
    pub rejected: usize,
}

/// One photo of the catalogue.
#[derive(Clone, Debug)]
pub struct Card {
    pub record: Record,
    pub thumbnail: Thumbnail,
}

/// A small picture, or why there is none.
#[derive(Clone, Debug)]
pub enum Thumbnail {
    /// Base64 of a JPEG.
    Jpeg(Arc<str>),
    /// A few words, e.g. `the file is gone`.
    None(Arc<str>),
}

/// A search and its best answers.
#[derive(Clone, Debug)]
pub struct Search {
    pub asked: Asked,
    /// The command that gives the same answers.
    pub command: String,
    pub hits: Vec<Found>,
}

/// What was searched with.
#[derive(Clone, Debug)]
pub enum Asked {
    Words(String),
    Photo(Box<Card>),
}

/// One answer of a search.
#[derive(Clone, Debug)]
pub struct Found {
    pub card: Card,
    pub score: f32,
}

/// Last part of a URI: what a person calls the photo.
pub fn file_name(uri: &str) -> &str {
    match uri.rsplit('/').next() {
        Some(name) if !name.is_empty() => name,
        _ => uri,
    }
}

impl Page {
    /// Every card of the page, those of the searches too.
    pub fn cards_mut(&mut self) -> impl Iterator<Item = &mut Card> {
        let searches = self.searches.iter_mut().flat_map(|search| {
            let asked = match &mut search.asked {
                Asked::Photo(card) => Some(card.as_mut()),
                Asked::Words(_) => None,
            };
            asked
                .into_iter()
                .chain(search.hits.iter_mut().map(|hit| &mut hit.card))
        });
        self.cards.iter_mut().chain(searches)
    }
}

impl From<Record> for Card {
    fn from(record: Record) -> Self {
        let thumbnail = Thumbnail::None("no picture".into());
        Card { record, thumbnail }
    }
}

/// Made-up rows for the tests of this folder.
#[cfg(test)]
pub mod sample {
    use showroom_catalog::{
        Category, Colour, Decision, Facts, Format, PhotoId, PhotoRef, Record, Tag, Vectors,
    };

    pub fn label(name: &str, score: f32, decision: Decision) -> Tag {
        Tag {
            id: name.into(),
            name: name.into(),
            score,
            calibrated: None,
            decision,
            source: "classes".into(),
            model: "test".into(),
        }
    }

    /// A photo at `uri` with category (id, name, score) and colours, the first of which is the main.
    pub fn record(uri: &str, category: Option<(&str, &str, f32)>, colours: &[&str]) -> Record {
        let share = 1.0 / colours.len().max(1) as f32;
        Record {
            id: PhotoId([0xab; 32]),
            source: PhotoRef {
                uri: uri.into(),
                etag: "1".into(),
                bytes: 12_345,
                sku: None,
            },
            title: None,
            attributes: Default::default(),
            facts: Facts {
                width: 1200,
                height: 1600,
                bytes: 12_345,
                format: Format::Jpeg,
                sharpness: 400.0,
                brightness: 0.7,
                clipped_dark: 0.0,
                clipped_bright: 0.4,
                border_white: 1.0,
                border_uniform: 1.0,
                transparent: 0.0,
                product_share: 0.4,
                phash: 1,
            },
            category: category.map(|(id, name, score)| Category {
                id: id.into(),
                name: name.into(),
                path: id
                    .split('-')
                    .rev()
                    .skip(1)
                    .map(|_| id.split('-').next().unwrap_or(id).into())
                    .chain([name.to_string()])
                    .collect(),
                score,
                model: "test".into(),
            }),
            colours: colours
                .iter()
                .map(|name| Colour {
                    name: name.to_string(),
                    hex: "#102030".into(),
                    share,
                })
                .collect(),
            labels: vec![],
            classes: vec![],
            vectors: Vectors::default(),
            tagger: "test".into(),
            ingested_at_ms: 0,
        }
    }
}
