//! `showroom search`: words, photos, photos of the catalogue → the right products.

mod answer;

use std::path::Path;
use std::time::Instant;

use showroom_catalog::answer as found;
use showroom_catalog::asked::{AskedKind, Asking, Seen, ask};
use showroom_catalog::facets::Counter;
use showroom_catalog::filter::Filter;
use showroom_catalog::query::Query;
use showroom_catalog::seams::{Catalogue, Columns, Encoder, TextQuery};

use crate::args::{FacetsOver, Search, Weighted};
use crate::config::Config;
use crate::exit::Failure;
use crate::table::print_json;
use crate::wire;

pub use showroom_catalog::answer::DEFAULT_COLOUR_WEIGHT;
pub use showroom_catalog::asked::push_photo;

pub fn run(config: &Config, verb: &Search) -> Result<(), Failure> {
    let filter: Option<Filter> = verb.filter.as_deref().map(str::parse).transpose()?;
    let said = filter.as_ref().map(Filter::to_string);
    let runtime = wire::runtime()?;
    let catalogue = runtime.block_on(wire::open_for_search(config, verb.exact))?;
    let mut question = Question::open(config, verb, &catalogue)?;
    let started = Instant::now();
    let mut query = Query {
        filter,
        k: verb.k.into(),
        exact: verb.exact,
        one_a_sku: verb.group_by.is_some(),
        relevance: verb.mmr,
        facets: verb.facets == Some(FacetsOver::Filter),
        ..Query::default()
    };
    let asking = runtime.block_on(question.see(&catalogue))?;
    let asked = ask(&mut query, asking, verb.colour_weight);
    let mut hits = runtime.block_on(catalogue.search(query.clone()))?;
    let took_ms = started.elapsed().as_secs_f64() * 1e3;
    if verb.facets == Some(FacetsOver::Hits) {
        let mut counter = Counter::default();
        hits.hits.iter().for_each(|hit| counter.add(&hit.record));
        hits.facets = Some(counter.finish());
    }
    let answer = answer::Answer {
        verb,
        filter: said,
        found: found::Answer {
            query: &query,
            asked: &asked,
            words: question.words.as_deref(),
            bands: wire::bands(catalogue.manifest()),
            hits: &hits,
        },
        took_ms,
    };
    if config.json {
        return print_json(&answer.json());
    }
    answer.print(config)
}

/// What was asked, with the models that it takes to understand it.
struct Question<'a> {
    verb: &'a Search,
    words: Option<Box<dyn TextQuery>>,
    encoder: Option<Box<dyn Encoder>>,
}

impl<'a> Question<'a> {
    /// Loads only the models that this question needs: none for `--like` alone.
    fn open(
        config: &Config,
        verb: &'a Search,
        catalogue: &dyn Catalogue,
    ) -> Result<Question<'a>, Failure> {
        let manifest = catalogue.manifest();
        let has_words = !verb.text.is_empty() || !verb.minus.is_empty();
        let has_photos = !verb.image.is_empty() || !verb.minus_image.is_empty();
        Ok(Question {
            verb,
            words: match has_words {
                true => Some(wire::text_query(config, manifest)?),
                false => None,
            },
            encoder: match has_photos {
                true => Some(wire::query_encoder(config, manifest)?),
                false => None,
            },
        })
    }

    /// Everything that was asked with, as the models see it.
    async fn see(&mut self, catalogue: &dyn Catalogue) -> Result<Vec<Asking>, Failure> {
        let verb = self.verb;
        let mut asking = Vec::new();
        let mut add = |kind, said: &Weighted, seen| {
            asking.push(Asking {
                kind,
                value: said.value.clone(),
                weight: said.weight,
                seen,
            });
        };
        for file in &verb.image {
            add(AskedKind::Image, file, self.photo(file)?);
        }
        for key in &verb.like {
            add(
                AskedKind::Like,
                key,
                photo_of_catalogue(catalogue, key).await?,
            );
        }
        for file in &verb.minus_image {
            add(AskedKind::MinusImage, file, self.photo(file)?);
        }
        for text in &verb.text {
            add(AskedKind::Text, text, self.words(text)?);
        }
        for text in &verb.minus {
            add(AskedKind::Minus, text, self.words(text)?);
        }
        Ok(asking)
    }

    fn photo(&mut self, file: &Weighted) -> Result<Seen, Failure> {
        let Some(encoder) = &mut self.encoder else {
            return Err(Failure::Other("no encoder was loaded for a photo".into()));
        };
        let features = wire::encode_file(encoder.as_mut(), Path::new(&file.value))?;
        Ok(Seen::Photo {
            shape: features.shape,
            colour: features.colour,
        })
    }

    fn words(&self, text: &Weighted) -> Result<Seen, Failure> {
        let Some(words) = &self.words else {
            return Err(Failure::Other("no model was loaded for words".into()));
        };
        Ok(Seen::Words(words.understand(&text.value)?))
    }
}

/// The first photo with this SKU, id or URI.
async fn photo_of_catalogue(catalogue: &dyn Catalogue, key: &Weighted) -> Result<Seen, Failure> {
    let found = catalogue.get(&key.value, Columns::Vectors).await?;
    let record = found.into_iter().next().ok_or_else(|| {
        Failure::BadInput(format!(
            "no photo in the catalogue has the SKU, id or URI {:?}; `showroom export` lists them",
            key.value
        ))
    })?;
    Ok(Seen::Row {
        shape: record.vectors.shape,
        colour: record.vectors.colour,
        uri: record.source.uri,
    })
}
