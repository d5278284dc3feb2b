//! The JSON that others build on: one photo of an export, one hit of a search. Fields are only ever
//! added.

use serde::Serialize;

use crate::bands::Match;
use crate::query::Why;
use crate::seams::Matched;
use crate::{Attributes, Category, Colour, Decision, Facts, Hit, PhotoId, Record, Tag};

/// A category: `{"id":"aa-8-8","name":"Sneakers","path":["Apparel & Accessories","Shoes",
/// "Sneakers"],"score":0.93}`.
#[derive(Debug, Serialize)]
pub struct CategoryJson<'a> {
    /// Id in the Shopify taxonomy.
    pub id: &'a str,
    pub name: &'a str,
    /// Names from the top level down; the last one is `name`.
    pub path: &'a [String],
    /// Calibrated probability that it is right, 0–1.
    pub score: f32,
}

impl<'a> From<&'a Category> for CategoryJson<'a> {
    fn from(category: &'a Category) -> Self {
        CategoryJson {
            id: &category.id,
            name: &category.name,
            path: &category.path,
            score: category.score,
        }
    }
}

/// A label: `{"name":"…","score":0.8,"decision":"accept"}`.
#[derive(Debug, Serialize)]
pub struct LabelJson<'a> {
    pub name: &'a str,
    /// Calibrated probability where one is known, else the raw score of the model; 0–1.
    pub score: f32,
    /// `accept`, `review` or `reject`.
    pub decision: Decision,
}

impl<'a> From<&'a Tag> for LabelJson<'a> {
    fn from(label: &'a Tag) -> Self {
        LabelJson {
            name: &label.name,
            score: label.calibrated.unwrap_or(label.score),
            decision: label.decision,
        }
    }
}

/// A photo: a line of `showroom export --format jsonl`.
#[derive(Debug, Serialize)]
pub struct PhotoJson<'a> {
    /// BLAKE3 of the bytes, 64 hexadecimal digits.
    pub id: PhotoId,
    pub uri: &'a str,
    pub sku: Option<&'a str>,
    /// The shop's own title of the product, from its feed.
    pub title: Option<&'a str>,
    /// What else the feed said: texts, numbers, truth values and lists of texts by name.
    pub attributes: &'a Attributes,
    /// Of the upright photo, in pixels.
    pub width: u32,
    pub height: u32,
    /// `null` where the tagger abstained.
    pub category: Option<CategoryJson<'a>>,
    /// Main colour first: `{"name":"navy","hex":"#1b2a4c","share":0.7}`.
    pub colours: &'a [Colour],
    pub labels: Vec<LabelJson<'a>>,
    /// What was measured on the photo.
    pub facts: &'a Facts,
}

impl<'a> From<&'a Record> for PhotoJson<'a> {
    fn from(record: &'a Record) -> Self {
        PhotoJson {
            id: record.id,
            uri: &record.source.uri,
            sku: record.source.sku.as_deref(),
            title: record.title.as_deref(),
            attributes: &record.attributes,
            width: record.facts.width,
            height: record.facts.height,
            category: record.category.as_ref().map(CategoryJson::from),
            colours: &record.colours,
            labels: record.labels.iter().map(LabelJson::from).collect(),
            facts: &record.facts,
        }
    }
}

/// A hit: an element of `hits` in `showroom search --json`.
#[derive(Debug, Serialize)]
pub struct HitJson<'a> {
    pub id: PhotoId,
    pub uri: &'a str,
    pub sku: Option<&'a str>,
    /// The shop's own title of the product, from its feed.
    pub title: Option<&'a str>,
    /// -1 to 1; higher is nearer.
    pub score: f32,
    pub category: Option<CategoryJson<'a>>,
    pub colours: &'a [Colour],
    /// `same_product`, `similar`, `related` or `no_good_match`; not there where nobody has measured
    /// what the scores mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#match: Option<Match>,
    /// What each part of the query gave.
    pub why: Vec<WhyJson<'a>>,
}

/// What a part of the query gave: `{"part":"text","score":0.7,"asked":"red trainers","weight":1.0,
/// "matched":[{"kind":"colour","word":"red","share":0.4}]}`.
#[derive(Debug, Serialize)]
pub struct WhyJson<'a> {
    /// `shape`, `colour`, `text`, `title`, or `adapter`: what was learned from the shop's titles.
    pub part: &'a str,
    /// Likeness before weighting, -1 to 1; of a title the share of the words that it has, 0 to 1.
    pub score: f32,
    /// What was typed for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<&'a str>,
    /// How much it counts; negative for what it should not be. A title counts by its rank.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<f32>,
    /// What in the photo, or in its title, answers the words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub matched: Vec<Matched>,
}

impl From<&Why> for WhyJson<'_> {
    fn from(why: &Why) -> Self {
        WhyJson {
            part: why.part.name(),
            score: why.score,
            asked: None,
            weight: None,
            matched: Vec::new(),
        }
    }
}

impl<'a> From<&'a Hit> for HitJson<'a> {
    fn from(hit: &'a Hit) -> Self {
        let record = &hit.record;
        HitJson {
            id: record.id,
            uri: &record.source.uri,
            sku: record.source.sku.as_deref(),
            title: record.title.as_deref(),
            score: hit.score,
            category: record.category.as_ref().map(CategoryJson::from),
            colours: &record.colours,
            r#match: None,
            why: hit.why.iter().map(WhyJson::from).collect(),
        }
    }
}
