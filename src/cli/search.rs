//! `showroom search`: words, photos, photos of the catalogue → the right products.

mod answer;

use std::path::Path;
use std::time::Instant;

use showroom_catalog::asked::{AskedPhoto, AskedWords, Term, compose};
use showroom_catalog::facets::Counter;
use showroom_catalog::filter::{Field, Filter, Value};
use showroom_catalog::query::Query;
use showroom_catalog::seams::{Catalogue, Columns, Encoder, TextQuery};

use crate::args::{FacetsOver, Search, Weighted};
use crate::config::Config;
use crate::exit::Failure;
use crate::table::print_json;
use crate::wire;

pub use showroom_catalog::asked::push_photo;

/// How much colour counts beside shape unless the caller says otherwise: on labelled shop photos
/// the same item is found best where both count alike.
pub const DEFAULT_COLOUR_WEIGHT: f32 = 1.0;

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
    let terms = runtime.block_on(question.ask(&catalogue, &mut query))?;
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
        query: &query,
        asked: &terms,
        words: question.words.as_deref(),
        bands: wire::bands(catalogue.manifest()),
        hits: &hits,
        took_ms,
    };
    if config.json {
        return print_json(&answer.json());
    }
    answer.print(config)
}

/// A term of the query, with what the user typed for it.
struct Asked<'a> {
    term: Term,
    /// `image`, `like`, `text`, `minus` or `minus_image`.
    kind: &'static str,
    value: &'a str,
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

    /// Fills in the query.
    async fn ask(
        &mut self,
        catalogue: &dyn Catalogue,
        query: &mut Query,
    ) -> Result<Vec<Asked<'a>>, Failure> {
        let verb = self.verb;
        let mut named = Vec::new();
        let mut photos = Vec::new();
        for file in &verb.image {
            photos.push(self.photo(file, 1.0)?);
            named.push(("image", file.value.as_str()));
        }
        let mut own = Vec::new();
        for key in &verb.like {
            let (photo, uri) = photo_of_catalogue(catalogue, key).await?;
            photos.push(photo);
            own.push(Value::Word(uri));
            named.push(("like", key.value.as_str()));
        }
        for file in &verb.minus_image {
            photos.push(self.photo(file, -1.0)?);
            named.push(("minus_image", file.value.as_str()));
        }
        let has_photo = !(verb.image.is_empty() && verb.like.is_empty());
        let mut words = Vec::new();
        let mut titles: Vec<&str> = Vec::new();
        for text in &verb.text {
            let asked = self.words(text, 1.0)?;
            // "But in blue" is about the photo; every blue product has that word in its title.
            if !(has_photo && asked.understood.only_colours) {
                titles.push(&text.value);
            }
            words.push(asked);
            named.push(("text", text.value.as_str()));
        }
        for text in &verb.minus {
            words.push(self.words(text, -1.0)?);
            named.push(("minus", text.value.as_str()));
        }
        query.title_words = (!titles.is_empty()).then(|| titles.join(" "));
        // The reasons are in the vectors.
        query.vectors = !words.is_empty();
        if !own.is_empty() {
            let others = Filter::Not(Box::new(Filter::OneOf(Field::Uri, own)));
            query.filter = Some(match query.filter.take() {
                Some(filter) => Filter::And(Box::new(others), Box::new(filter)),
                None => others,
            });
        }
        let terms = compose(query, photos, words, verb.colour_weight);
        let asked = terms.into_iter().zip(named);
        Ok(asked
            .map(|(term, (kind, value))| Asked { term, kind, value })
            .collect())
    }

    fn photo(&mut self, file: &Weighted, sign: f32) -> Result<AskedPhoto, Failure> {
        let Some(encoder) = &mut self.encoder else {
            return Err(Failure::Other("no encoder was loaded for a photo".into()));
        };
        let features = wire::encode_file(encoder.as_mut(), Path::new(&file.value))?;
        Ok(AskedPhoto {
            shape: features.shape,
            colour: features.colour,
            weight: sign * file.weight,
        })
    }

    fn words(&self, text: &Weighted, sign: f32) -> Result<AskedWords, Failure> {
        let Some(words) = &self.words else {
            return Err(Failure::Other("no model was loaded for words".into()));
        };
        Ok(AskedWords {
            understood: words.understand(&text.value)?,
            weight: sign * text.weight,
        })
    }
}

/// The first photo with this SKU, id or URI, and its URI.
async fn photo_of_catalogue(
    catalogue: &dyn Catalogue,
    key: &Weighted,
) -> Result<(AskedPhoto, String), Failure> {
    let found = catalogue.get(&key.value, Columns::All).await?;
    let record = found.into_iter().next().ok_or_else(|| {
        Failure::BadInput(format!(
            "no photo in the catalogue has the SKU, id or URI {:?}; `showroom export` lists them",
            key.value
        ))
    })?;
    let photo = AskedPhoto {
        shape: record.vectors.shape,
        colour: record.vectors.colour,
        weight: key.weight,
    };
    Ok((photo, record.source.uri))
}
