//! `POST /indexes/{i}/search` and `POST /indexes/{i}/recommend`.

use std::time::Instant;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use showroom_catalog::Hit;
use showroom_catalog::answer::{Answer, DEFAULT_COLOUR_WEIGHT, FacetsJson};
use showroom_catalog::asked::{AskedKind, Asking, ask};
use showroom_catalog::facets::Counter;
use showroom_catalog::query::Query;

use crate::documents::fields::attribute_fields;
use crate::error::ApiError;
use crate::input::Input;
use crate::photos::{is_address, shown};
use crate::question::{FacetsOver, SearchRequest, Several, Thing, filter, reach};
use crate::state::App;
use crate::words::Words;

/// Photos that a recommendation is made from: each has two parts of a query that takes sixteen.
const MOST_DOCUMENTS: usize = 8;

pub async fn search(
    State(app): State<App>,
    Path(index): Path<String>,
    mut input: Input,
) -> Result<Json<Value>, ApiError> {
    app.check_index(&index)?;
    let mut request = SearchRequest::read(&mut input)?;
    let query = request.query()?;
    let said = request.q.as_ref().map(repeated);
    let things = request.things(&input.files)?;
    let _place = app.admit()?;
    let began = Instant::now();
    let words = app.now.get().words.clone();
    let asking = app.see(&words, things).await?;
    // The photos are done with; what is left of them is vectors.
    drop(input);
    let look = Look {
        query,
        colour_weight: request.colour_weight as f32,
        limit: request.limit,
        offset: request.offset,
        facets: request.facets.and_then(|wish| wish.over()),
        attributes: request.attributes,
        highlights: request.highlights,
    };
    let mut answer = app.look(look, &words, asking, began).await?;
    answer.insert("query".into(), said.unwrap_or(Value::Null));
    Ok(Json(Value::Object(answer)))
}

/// `q` as it came, but for the data of pictures.
fn repeated(q: &Several) -> Value {
    let one = |one: &str| {
        if is_address(one) {
            shown(one)
        } else {
            one.to_string()
        }
    };
    match q {
        Several::One(words) => json!(one(words)),
        Several::Many(many) => many.iter().map(|words| json!(one(words))).collect(),
        Several::Weighted(weighted) => {
            let weighted = weighted
                .iter()
                .map(|(words, weight)| (one(words), weight.clone()));
            Value::Object(weighted.collect())
        }
    }
}

/// `POST /indexes/{i}/recommend`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecommendRequest {
    /// `_id`s, SKUs, ids or URIs, perhaps with weights.
    documents: Several,
    limit: Option<usize>,
    offset: Option<usize>,
    filter: Option<String>,
    r#where: Option<String>,
    exclude_input_documents: Option<bool>,
    attributes_to_retrieve: Option<Vec<String>>,
    show_highlights: Option<bool>,
    approximate: Option<bool>,
    #[serde(rename = "colour_weight")]
    colour_weight: Option<f64>,
}

pub async fn recommend(
    State(app): State<App>,
    Path(index): Path<String>,
    mut input: Input,
) -> Result<Json<Value>, ApiError> {
    app.check_index(&index)?;
    let request: RecommendRequest = input.parse()?;
    let documents = request.documents.weighted()?;
    let is_wanted = documents.iter().any(|(_, weight)| *weight > 0.0);
    if !is_wanted || documents.len() > MOST_DOCUMENTS {
        return Err(ApiError::invalid(format!(
            "documents must name 1 to {MOST_DOCUMENTS}, one of them with a weight above 0"
        )));
    }
    let colour_weight = request
        .colour_weight
        .unwrap_or(DEFAULT_COLOUR_WEIGHT.into());
    if !(0.0..=100.0).contains(&colour_weight) {
        return Err(ApiError::invalid("colour_weight must be from 0 to 100"));
    }
    let (limit, offset) = (request.limit.unwrap_or(10), request.offset.unwrap_or(0));
    let query = Query {
        filter: filter(request.filter.as_deref(), request.r#where.as_deref())?,
        k: reach(limit, offset)?,
        exact: request.approximate == Some(false),
        ..Query::default()
    };
    let _place = app.admit()?;
    let began = Instant::now();
    let things = documents.into_iter().map(|(value, weight)| Thing {
        kind: if weight > 0.0 {
            AskedKind::Like
        } else {
            AskedKind::MinusImage
        },
        value,
        weight: weight.abs(),
        picture: None,
    });
    let words = app.now.get().words.clone();
    let mut asking = app.see(&words, things.collect()).await?;
    if request.exclude_input_documents == Some(false) {
        // A photo like them, which may then be one of them.
        asking = asking.into_iter().map(Asking::as_photo).collect();
    }
    let look = Look {
        query,
        colour_weight: colour_weight as f32,
        limit,
        offset,
        facets: None,
        attributes: request.attributes_to_retrieve,
        highlights: request.show_highlights.unwrap_or(true),
    };
    app.look(look, &words, asking, began)
        .await
        .map(|answer| Json(Value::Object(answer)))
}

/// A search that is understood, and what of its answer is wanted.
struct Look {
    query: Query,
    colour_weight: f32,
    limit: usize,
    offset: usize,
    facets: Option<FacetsOver>,
    attributes: Option<Vec<String>>,
    highlights: bool,
}

impl App {
    async fn look(
        &self,
        look: Look,
        words: &Words,
        asking: Vec<Asking>,
        began: Instant,
    ) -> Result<Map<String, Value>, ApiError> {
        let mut query = look.query;
        let asked = ask(&mut query, asking, look.colour_weight);
        let mut hits = self.search(query.clone()).await?;
        if look.facets == Some(FacetsOver::Hits) {
            let mut counter = Counter::default();
            hits.hits.iter().for_each(|hit| counter.add(&hit.record));
            hits.facets = Some(counter.finish());
        }
        let answer = Answer {
            query: &query,
            asked: &asked,
            words: Some(words.query()),
            bands: self.bands,
            hits: &hits,
        };
        let page = hits.hits.iter().skip(look.offset).take(look.limit);
        let wanted = look.attributes.as_deref();
        let page: Result<Vec<Value>, ApiError> = page
            .map(|hit| self.hit(&answer, hit, wanted, look.highlights))
            .collect();
        let mut told = Map::new();
        told.insert("hits".into(), Value::Array(page?));
        told.insert("limit".into(), json!(look.limit));
        told.insert("offset".into(), json!(look.offset));
        told.insert("asked".into(), to_json(&answer.asked())?);
        if let Some(best) = answer.best() {
            told.insert("match".into(), to_json(&best)?);
        }
        if let Some((counts, over)) = hits.facets.as_ref().zip(look.facets) {
            let over = over.name();
            told.insert("facets".into(), to_json(&FacetsJson { over, counts })?);
        }
        told.insert("exact".into(), json!(hits.exact));
        let took_ms = began.elapsed().as_millis();
        told.insert(
            "processingTimeMs".into(),
            json!(u64::try_from(took_ms).unwrap_or(u64::MAX)),
        );
        Ok(told)
    }

    /// A hit: the fields of the document as Marqo gives them, and ours.
    fn hit(
        &self,
        answer: &Answer<'_>,
        hit: &Hit,
        wanted: Option<&[String]>,
        highlights: bool,
    ) -> Result<Value, ApiError> {
        let told = answer.hit(hit);
        let mut lights: Vec<Value> = Vec::new();
        if highlights {
            let words = told.why.iter().flat_map(|why| &why.matched);
            for matched in words {
                let kind = to_json(&matched.kind)?;
                let kind = kind.as_str().unwrap_or_default().to_string();
                lights.push(json!({ kind: matched.word }));
            }
        }
        let mut fields = attribute_fields(&hit.record)?;
        if let Value::Object(ours) = to_json(&told)? {
            fields.extend(ours);
        }
        fields.insert("attributes".into(), to_json(&hit.record.attributes)?);
        fields.insert("image".into(), (self.pictures)(&hit.record));
        if let Some(wanted) = wanted {
            fields.retain(|name, _| wanted.contains(name));
        }
        fields.insert("_id".into(), json!(self.id_of(&hit.record)));
        fields.insert("_score".into(), to_json(&hit.score)?);
        if highlights {
            fields.insert("_highlights".into(), Value::Array(lights));
        }
        Ok(Value::Object(fields))
    }
}

/// As JSON. By way of its text, in which an f32 has the digits that an f32 has: as a number of
/// `serde_json` it would be an f64, with the digits of its rounding error. Fails for our own bugs alone.
pub fn to_json<T: serde::Serialize>(value: &T) -> Result<Value, ApiError> {
    let text = serde_json::to_string(value);
    let value = text.and_then(|text| serde_json::from_str(&text));
    value.map_err(|error| ApiError::internal(&error))
}
