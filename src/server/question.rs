//! A search as a client asks it → a query of the catalogue.
//!
//! The shape is Marqo's, with fields of our own beside it: photos, `like`, what it should not be, groups,
//! diversity, facets.

use futures::StreamExt;
use futures::stream;
use serde::Deserialize;
use serde_json::{Map, Value};
use showroom_catalog::Query;
use showroom_catalog::answer::DEFAULT_COLOUR_WEIGHT;
use showroom_catalog::asked::{AskedKind, Asking, Seen};
use showroom_catalog::filter::Filter;
use showroom_catalog::seams::Columns;

use crate::config::MAX_REACH;
use crate::error::ApiError;
use crate::input::{File, Input};
use crate::marqo_filter;
use crate::photos::{Picture, is_address, shown};
use crate::state::App;
use crate::words::Words;

/// Things that one search asks with, longest words, and heaviest weight.
const MOST_ASKED: usize = 16;
const LONGEST_WORDS: usize = 2_000;
const HEAVIEST: f64 = 100.0;
/// Things of one search that are looked at at once.
const AT_ONCE: usize = 4;

/// What Marqo has and we have not: refused, where ignoring it would give other hits than were asked for.
const UNSUPPORTED: [&str; 9] = [
    "context",
    "scoreModifiers",
    "hybridParameters",
    "sortBy",
    "collapseFields",
    "relevanceCutoff",
    "reRanker",
    "image_download_headers",
    "mediaDownloadHeaders",
];

/// `POST /indexes/{i}/search`.
#[derive(Debug, Deserialize)]
pub struct SearchRequest {
    /// Words, or words with weights of which the negative ones say what it should not be. The address of a
    /// picture counts as that picture.
    pub q: Option<Several>,
    /// A picture or several: data URIs or addresses.
    pub image: Option<Several>,
    /// SKU, id or URI of photos of the catalogue.
    pub like: Option<Several>,
    /// Words for what it should not be.
    pub minus: Option<Several>,
    /// Pictures of what it should not look like.
    pub minus_image: Option<Several>,
    #[serde(default = "ten")]
    pub limit: usize,
    #[serde(default)]
    pub offset: usize,
    /// Marqo's filter language.
    pub filter: Option<String>,
    /// Ours.
    pub r#where: Option<String>,
    #[serde(rename = "attributesToRetrieve")]
    pub attributes: Option<Vec<String>>,
    #[serde(rename = "showHighlights", default = "yes")]
    pub highlights: bool,
    pub group_by: Option<GroupBy>,
    pub mmr: Option<f64>,
    pub facets: Option<FacetsWish>,
    #[serde(default)]
    pub exact: bool,
    /// `false` is Marqo's way to ask for an exact search.
    pub approximate: Option<bool>,
    #[serde(default = "default_colour_weight")]
    pub colour_weight: f64,
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

fn ten() -> usize {
    10
}

fn yes() -> bool {
    true
}

fn default_colour_weight() -> f64 {
    DEFAULT_COLOUR_WEIGHT.into()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupBy {
    Sku,
}

/// Over what facets are counted; `true` is over all that pass the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum FacetsWish {
    Whether(bool),
    Over(FacetsOver),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FacetsOver {
    Filter,
    Hits,
}

impl FacetsOver {
    pub fn name(self) -> &'static str {
        match self {
            FacetsOver::Filter => "filter",
            FacetsOver::Hits => "hits",
        }
    }
}

impl FacetsWish {
    pub fn over(self) -> Option<FacetsOver> {
        match self {
            FacetsWish::Whether(wanted) => wanted.then_some(FacetsOver::Filter),
            FacetsWish::Over(over) => Some(over),
        }
    }
}

/// One, several, or several with weights.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Several {
    One(String),
    Many(Vec<String>),
    Weighted(Map<String, Value>),
}

impl Several {
    /// Each with its weight, which is finite and not 0.
    pub fn weighted(self) -> Result<Vec<(String, f32)>, ApiError> {
        match self {
            Several::One(one) => Ok(vec![(one, 1.0)]),
            Several::Many(many) => Ok(many.into_iter().map(|one| (one, 1.0)).collect()),
            Several::Weighted(map) => map.into_iter().map(weighted).collect(),
        }
    }
}

fn weighted((name, weight): (String, Value)) -> Result<(String, f32), ApiError> {
    // Compared before it is rounded, and after: what rounds to nothing counts nothing.
    let number = weight.as_f64().filter(|weight| weight.abs() <= HEAVIEST);
    match number
        .map(|weight| weight as f32)
        .filter(|weight| *weight != 0.0)
    {
        Some(weight) => Ok((name, weight)),
        None => Err(ApiError::invalid(format!(
            "the weight of {:?} must be a number from -{HEAVIEST} to {HEAVIEST} and not 0",
            shown(&name)
        ))),
    }
}

/// A thing to ask with, before any model has seen it.
pub struct Thing {
    pub kind: AskedKind,
    pub value: String,
    pub weight: f32,
    pub picture: Option<Picture>,
}

impl SearchRequest {
    pub fn read(input: &mut Input) -> Result<SearchRequest, ApiError> {
        let request: SearchRequest = input.parse()?;
        for name in UNSUPPORTED {
            let is_asked = match request.others.get(name) {
                None | Some(Value::Null) => false,
                Some(Value::Object(object)) => !object.is_empty(),
                Some(_) => true,
            };
            if is_asked {
                return Err(ApiError::bad(
                    "not_supported",
                    format!("{name} is not supported here; leave it out"),
                ));
            }
        }
        Ok(request)
    }

    /// The query but for its parts.
    pub fn query(&self) -> Result<Query, ApiError> {
        if !(0.0..=HEAVIEST).contains(&self.colour_weight) {
            return Err(ApiError::invalid(format!(
                "colour_weight must be from 0 to {HEAVIEST}"
            )));
        }
        if self.mmr.is_some_and(|mmr| !(0.0..=1.0).contains(&mmr)) {
            return Err(ApiError::invalid("mmr must be from 0 to 1"));
        }
        Ok(Query {
            filter: filter(self.filter.as_deref(), self.r#where.as_deref())?,
            k: reach(self.limit, self.offset)?,
            exact: self.exact || self.approximate == Some(false),
            one_a_sku: self.group_by.is_some(),
            relevance: self.mmr.map(|mmr| mmr as f32),
            facets: self.facets.and_then(FacetsWish::over) == Some(FacetsOver::Filter),
            ..Query::default()
        })
    }

    /// Everything that is asked with.
    pub fn things(&mut self, files: &[File]) -> Result<Vec<Thing>, ApiError> {
        let mut things = Vec::new();
        let said = [
            (AskedKind::Image, self.image.take()),
            (AskedKind::Like, self.like.take()),
            (AskedKind::MinusImage, self.minus_image.take()),
            (AskedKind::Text, self.q.take()),
            (AskedKind::Minus, self.minus.take()),
        ];
        for (kind, several) in said {
            for (value, weight) in several.map_or(Ok(Vec::new()), Several::weighted)? {
                things.push(thing(kind, value, weight)?);
            }
        }
        for file in files {
            let kind = match file.field.as_str() {
                "image" => AskedKind::Image,
                "minus_image" => AskedKind::MinusImage,
                other => {
                    let message = format!("the file {other:?} is neither image nor minus_image");
                    return Err(ApiError::bad("bad_form", message));
                }
            };
            things.push(Thing {
                kind,
                value: file.name.as_deref().map_or("upload".into(), shown),
                weight: 1.0,
                picture: Some(Picture::Bytes(file.bytes.clone())),
            });
        }
        if things.len() > MOST_ASKED {
            let message = format!("a search asks with at most {MOST_ASKED} things");
            return Err(ApiError::bad("too_many_things", message));
        }
        let wanted = [AskedKind::Text, AskedKind::Image, AskedKind::Like];
        if !things.iter().any(|thing| wanted.contains(&thing.kind)) {
            let message = "nothing is asked for; give q, image or like";
            return Err(ApiError::bad("nothing_asked", message));
        }
        Ok(things)
    }
}

fn thing(kind: AskedKind, value: String, weight: f32) -> Result<Thing, ApiError> {
    let against = |kind: AskedKind| match kind {
        AskedKind::Text => Ok(AskedKind::Minus),
        AskedKind::Image => Ok(AskedKind::MinusImage),
        _ => Err(ApiError::invalid(format!(
            "the weights of {} must be above 0",
            kind.name()
        ))),
    };
    // A picture may come where words do, as in Marqo.
    let kind = match kind {
        AskedKind::Text if is_address(&value) => AskedKind::Image,
        AskedKind::Minus if is_address(&value) => AskedKind::MinusImage,
        kind => kind,
    };
    let kind = if weight < 0.0 { against(kind)? } else { kind };
    let is_picture = matches!(kind, AskedKind::Image | AskedKind::MinusImage);
    if is_picture && !is_address(&value) {
        return Err(ApiError::invalid(
            "a picture is a data URI (data:image/…;base64,…), an address (https://…, s3://…) or a file of a form",
        ));
    }
    if !is_picture && value.chars().count() > LONGEST_WORDS {
        return Err(ApiError::invalid(format!(
            "words have at most {LONGEST_WORDS} characters"
        )));
    }
    Ok(Thing {
        kind,
        value: if is_picture {
            shown(&value)
        } else {
            value.clone()
        },
        weight: weight.abs(),
        picture: is_picture.then_some(Picture::Address(value)),
    })
}

/// How many hits to look for, so that those from `offset` on are among them.
pub fn reach(limit: usize, offset: usize) -> Result<usize, ApiError> {
    let reach = limit.saturating_add(offset);
    if limit == 0 || reach > MAX_REACH {
        return Err(ApiError::invalid(format!(
            "limit must be at least 1, and limit and offset together at most {MAX_REACH}"
        )));
    }
    Ok(reach)
}

/// Both filters must hold.
pub fn filter(theirs: Option<&str>, ours: Option<&str>) -> Result<Option<Filter>, ApiError> {
    let theirs = theirs.map(marqo_filter::parse).transpose()?;
    let ours: Option<Filter> = ours.map(str::parse).transpose()?;
    Ok(match (theirs, ours) {
        (Some(theirs), Some(ours)) => Some(Filter::And(Box::new(theirs), Box::new(ours))),
        (theirs, ours) => theirs.or(ours),
    })
}

impl App {
    /// What the models make of the things.
    pub async fn see(&self, words: &Words, things: Vec<Thing>) -> Result<Vec<Asking>, ApiError> {
        let seen = stream::iter(things).map(|thing| self.see_one(words, thing));
        let seen: Vec<Result<Asking, ApiError>> = seen.buffered(AT_ONCE).collect().await;
        seen.into_iter().collect()
    }

    async fn see_one(&self, words: &Words, thing: Thing) -> Result<Asking, ApiError> {
        let seen = match (&thing.picture, thing.kind) {
            (Some(picture), _) => {
                let features = self.features(picture).await?;
                Seen::Photo {
                    shape: features.shape,
                    colour: features.colour,
                }
            }
            (None, kind) if kind.is_words() => Seen::Words(words.understand(&thing.value).await?),
            (None, _) => self.row(&thing.value).await?,
        };
        Ok(Asking {
            kind: thing.kind,
            value: thing.value,
            weight: thing.weight,
            seen,
        })
    }

    /// A photo of the catalogue to ask with.
    async fn row(&self, key: &str) -> Result<Seen, ApiError> {
        let record = self.find(key, Columns::Vectors).await?.into_iter().next();
        let record = record.ok_or_else(|| {
            let message = format!("no photo has the _id, SKU, id or URI {key:?}");
            ApiError::bad("unknown_photo", message)
        })?;
        Ok(Seen::Row {
            shape: record.vectors.shape,
            colour: record.vectors.colour,
            uri: record.source.uri,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(value: Value) -> Result<SearchRequest, ApiError> {
        serde_json::from_value(value).map_err(|error| ApiError::invalid(error.to_string()))
    }

    fn things(value: Value) -> Vec<(&'static str, String, f32)> {
        let things = request(value).unwrap().things(&[]).unwrap();
        things
            .into_iter()
            .map(|t| (t.kind.name(), t.value, t.weight))
            .collect()
    }

    #[test]
    fn words_with_weights_are_for_and_against() {
        let asked = things(json!({
            "q": {"boots": 2, "leather": -0.5, "https://a/b.jpg": 1.0},
            "like": ["A", "B"], "minus": "red",
        }));
        let expected = [
            ("like", "A", 1.0),
            ("like", "B", 1.0),
            ("text", "boots", 2.0),
            ("image", "https://a/b.jpg", 1.0),
            ("minus", "leather", 0.5),
            ("minus", "red", 1.0),
        ];
        let mut sorted = asked.clone();
        sorted.sort_by(|a, b| a.1.cmp(&b.1));
        let mut wanted = expected.map(|(kind, value, weight)| (kind, value.to_string(), weight));
        wanted.sort_by(|a, b| a.1.cmp(&b.1));
        assert_eq!(sorted, wanted);
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        for wrong in [
            json!({}),
            json!({"minus": "red"}),
            json!({"q": {"boots": -1}}),
            json!({"q": {"boots": 0}}),
            json!({"q": {"boots": 101}}),
            json!({"q": {"boots": "2"}}),
            json!({"like": {"A": -1}}),
            json!({"image": "photo.jpg"}),
            json!({"q": "x".repeat(2001)}),
            json!({"q": vec!["a"; 17]}),
        ] {
            assert!(
                request(wrong.clone()).unwrap().things(&[]).is_err(),
                "{wrong}"
            );
        }
        for wrong in [
            json!({"q": 5}),
            json!({"q": "a", "limit": "5"}),
            json!({"q": "a", "offset": -1}),
            json!({"q": "a", "facets": "all"}),
            json!({"q": "a", "group_by": "title"}),
        ] {
            assert!(request(wrong.clone()).is_err(), "{wrong}");
        }
        for wrong in [
            json!({"q": "a", "limit": 0}),
            json!({"q": "a", "limit": 1000, "offset": 1}),
            json!({"q": "a", "mmr": 1.5}),
            json!({"q": "a", "colour_weight": -1}),
            json!({"q": "a", "where": "colour"}),
            json!({"q": "a", "filter": "colour:"}),
        ] {
            assert!(request(wrong.clone()).unwrap().query().is_err(), "{wrong}");
        }
    }
}
