//! `showroom search`: words, a photo, or a photo of the catalogue → the right products.

use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use showroom_catalog::query::Hits;
use showroom_catalog::seams::{Catalogue, Columns, Encoder, TextQuery};
use showroom_catalog::{Filter, Query, QueryPart, VectorName};
use showroom_store::HitJson;

use crate::args::Search;
use crate::config::Config;
use crate::exit::Failure;
use crate::table::{plain, print, print_json, table};
use crate::wire;

/// How much colour counts beside shape unless the caller says otherwise: on labelled shop photos
/// the same item is found best where both count alike.
pub const DEFAULT_COLOUR_WEIGHT: f32 = 1.0;

/// What was asked, as it stands in the JSON.
#[derive(Serialize)]
struct Asked<'a> {
    text: Option<&'a str>,
    image: Option<String>,
    like: Option<&'a str>,
    r#where: Option<String>,
    colour_weight: f32,
    k: u16,
}

/// `search --json`.
#[derive(Serialize)]
struct Answer<'a> {
    query: Asked<'a>,
    hits: Vec<HitJson<'a>>,
    exact: bool,
    /// Encoding the question and searching, without loading models.
    took_ms: f64,
}

pub fn run(config: &Config, verb: &Search) -> Result<(), Failure> {
    let filter: Option<Filter> = verb.filter.as_deref().map(str::parse).transpose()?;
    let asked = Asked {
        text: verb.text.as_deref(),
        image: verb.image.as_ref().map(|path| path.display().to_string()),
        like: verb.like.as_deref(),
        r#where: filter.as_ref().map(Filter::to_string),
        colour_weight: verb.colour_weight,
        k: verb.k,
    };
    let runtime = wire::runtime()?;
    let catalogue = runtime.block_on(wire::open_for_search(config))?;
    let mut question = Question::open(config, verb, &catalogue)?;
    let started = Instant::now();
    let mut query = Query {
        filter,
        k: verb.k.into(),
        exact: verb.exact,
        ..Query::default()
    };
    runtime.block_on(question.ask(&catalogue, &mut query))?;
    let hits = runtime.block_on(catalogue.search(query))?;
    let took_ms = started.elapsed().as_secs_f64() * 1e3;
    if config.json {
        return print_json(&Answer {
            query: asked,
            hits: hits.hits.iter().map(HitJson::from).collect(),
            exact: hits.exact,
            took_ms: (took_ms * 100.0).round() / 100.0,
        });
    }
    print_table(config, &hits)
}

/// What was asked, with the models that it takes to understand it.
struct Question<'a> {
    verb: &'a Search,
    words: Option<(&'a str, Box<dyn TextQuery>)>,
    image: Option<(&'a Path, Box<dyn Encoder>)>,
}

impl<'a> Question<'a> {
    /// Loads only the models that this question needs: none for `--like` alone.
    fn open(
        config: &Config,
        verb: &'a Search,
        catalogue: &dyn Catalogue,
    ) -> Result<Question<'a>, Failure> {
        let manifest = catalogue.manifest();
        Ok(Question {
            verb,
            words: match &verb.text {
                Some(words) => Some((words, wire::text_query(config, manifest)?)),
                None => None,
            },
            image: match &verb.image {
                Some(path) => Some((path, wire::query_encoder(config, manifest)?)),
                None => None,
            },
        })
    }

    /// Fills in the parts of the query.
    async fn ask(&mut self, catalogue: &dyn Catalogue, query: &mut Query) -> Result<(), Failure> {
        let colour_weight = self.verb.colour_weight;
        if let Some((path, encoder)) = &mut self.image {
            let features = wire::encode_file(encoder.as_mut(), path)?;
            push_photo(query, features.shape, features.colour, colour_weight);
        }
        if let Some(key) = &self.verb.like {
            let found = catalogue.get(key, Columns::All).await?;
            let record = found.into_iter().next().ok_or_else(|| {
                Failure::BadInput(format!(
                    "no photo in the catalogue has the SKU, id or URI {key:?}; `showroom export` \
                     lists them"
                ))
            })?;
            push_photo(
                query,
                record.vectors.shape,
                record.vectors.colour,
                colour_weight,
            );
            query.exclude_uri = Some(record.source.uri);
        }
        if let Some((words, text_query)) = &self.words {
            query.parts.push(QueryPart {
                on: VectorName::Text,
                vector: text_query.text_query(words)?,
                weight: 1.0,
            });
        }
        Ok(())
    }
}

/// Shape counts 1, colour `colour_weight`; a photo without product pixels has no colour to ask with.
pub fn push_photo(query: &mut Query, shape: Vec<f32>, colour: Vec<f32>, colour_weight: f32) {
    query.parts.push(QueryPart {
        on: VectorName::Shape,
        vector: shape,
        weight: 1.0,
    });
    if colour_weight > 0.0 && colour.iter().any(|x| *x != 0.0) {
        query.parts.push(QueryPart {
            on: VectorName::Colour,
            vector: colour,
            weight: colour_weight,
        });
    }
}

fn print_table(config: &Config, hits: &Hits) -> Result<(), Failure> {
    if hits.hits.is_empty() {
        config.say("nothing found");
        return Ok(());
    }
    let mut rows = table(&["SCORE", "SKU", "CATEGORY", "COLOURS", "WHY", "PHOTO"]);
    for hit in &hits.hits {
        let record = &hit.record;
        let category = record
            .category
            .as_ref()
            .map_or("not sure", |c| c.name.as_str());
        let colours: Vec<&str> = record
            .colours
            .iter()
            .take(3)
            .map(|c| c.name.as_str())
            .collect();
        let why: Vec<String> = hit
            .why
            .iter()
            .map(|why| format!("{} {:.2}", why.part.name(), why.score))
            .collect();
        rows.add_row([
            format!("{:.3}", hit.score),
            plain(record.source.sku.as_deref().unwrap_or("")),
            category.to_string(),
            colours.join(" "),
            why.join(" "),
            plain(&record.source.uri),
        ]);
    }
    print(rows)
}
