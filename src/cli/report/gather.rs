//! The catalogue → [`Page`], without the pictures yet.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use showroom_catalog::asked::{AskedWords, compose};
use showroom_catalog::query::Hits;
use showroom_catalog::seams::{Catalogue, Columns, ModelError};
use showroom_catalog::{Query, Record};

use super::choose::Contents;
use super::date;
use super::page::{Asked, Card, Found, Page, Search};
use crate::args::Report;
use crate::config::Config;
use crate::exit::Failure;
use crate::search::{DEFAULT_COLOUR_WEIGHT, push_photo};
use crate::wire;

/// Searches by words that a page shows when nobody says which.
const QUERIES: usize = 4;
/// Answers of each search.
const HITS: usize = 10;
/// Rejects that the page lists; the rest are counted.
const REJECTS: usize = 1000;

pub async fn gather(
    config: &Config,
    verb: &Report,
    catalogue: &dyn Catalogue,
) -> Result<Page, Failure> {
    let stats = catalogue.stats().await?;
    let mut contents = Contents::default();
    let mut taggers = BTreeSet::new();
    let mut cards: Vec<Card> = Vec::new();
    let mut at = 0;
    let limit = verb.limit as usize;
    let mut each = |records: Vec<Record>| {
        for record in records {
            contents.count(&record);
            taggers.insert(record.tagger.clone());
            if is_shown(at, stats.photos, limit) {
                cards.push(record.into());
            }
            at += 1;
        }
        true
    };
    catalogue.scan(None, Columns::Tags, &mut each).await?;
    cards.sort_by(|a, b| by_category(&a.record).cmp(&by_category(&b.record)));
    let mut models = vec![("Vectors", stats.manifest.encoder.clone())];
    models.extend(taggers.into_iter().map(|tagger| ("Tags", tagger)));
    let mut searches = word_searches(config, verb, catalogue, &contents).await?;
    if let Some(uri) = contents.photo() {
        searches.extend(like_search(config, catalogue, uri).await?);
    }
    let mut rejects = catalogue.rejects().await?;
    let rejected = rejects.len();
    rejects.truncate(REJECTS);
    let name = config.store.file_name().unwrap_or(config.store.as_os_str());
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Ok(Page {
        name: name.to_string_lossy().into_owned(),
        store: config.store.display().to_string(),
        made_at: date::utc(now.as_millis() as i64),
        version: env!("CARGO_PKG_VERSION").to_string(),
        photos: stats.photos,
        categorised: stats.categorised,
        models,
        cards,
        searches,
        rejects,
        rejected,
    })
}

/// Whether the photo at this place is one of the `limit` that are spread evenly over `photos`.
fn is_shown(at: usize, photos: usize, limit: usize) -> bool {
    photos <= limit || at == 0 || at * limit / photos != (at - 1) * limit / photos
}

/// By category from the top down, photos without one last.
fn by_category(record: &Record) -> (bool, Option<&[String]>, &str) {
    let path = record
        .category
        .as_ref()
        .map(|category| category.path.as_slice());
    (path.is_none(), path, &record.source.uri)
}

async fn word_searches(
    config: &Config,
    verb: &Report,
    catalogue: &dyn Catalogue,
    contents: &Contents,
) -> Result<Vec<Search>, Failure> {
    let chosen = verb.text.is_empty();
    let queries = if chosen {
        contents.queries(QUERIES)
    } else {
        verb.text.clone()
    };
    if queries.is_empty() {
        return Ok(Vec::new());
    }
    let text_query = match wire::text_query(config, catalogue.manifest()) {
        Ok(text_query) => text_query,
        // A page without searches that nobody asked for is better than no page.
        Err(Failure::Model(reason)) if chosen => {
            config.say(format!("the page shows no searches: {reason}"));
            return Ok(Vec::new());
        }
        Err(other) => return Err(other),
    };
    let mut searches = Vec::new();
    for words in queries {
        let understood = match text_query.understand(&words) {
            Ok(understood) => understood,
            Err(ModelError::BadInput(_)) if chosen => continue,
            Err(error) => return Err(error.into()),
        };
        let mut query = Query {
            k: HITS,
            ..Query::default()
        };
        let asked = AskedWords {
            understood,
            weight: 1.0,
        };
        compose(&mut query, Vec::new(), vec![asked], 0.0);
        let hits = catalogue.search(query).await?;
        searches.push(Search {
            command: command(config, &format!("--text {}", quoted(&words))),
            asked: Asked::Words(words),
            hits: found(hits),
        });
    }
    Ok(searches)
}

async fn like_search(
    config: &Config,
    catalogue: &dyn Catalogue,
    uri: &str,
) -> Result<Option<Search>, Failure> {
    let same = catalogue.get(uri, Columns::All).await?;
    // Gone between the two reads: then there is nothing to show.
    let Some(mut record) = same.into_iter().find(|record| record.source.uri == uri) else {
        return Ok(None);
    };
    let vectors = std::mem::take(&mut record.vectors);
    let mut query = Query {
        k: HITS,
        exclude_uris: vec![uri.to_string()],
        ..Query::default()
    };
    push_photo(
        &mut query,
        vectors.shape,
        vectors.colour,
        DEFAULT_COLOUR_WEIGHT,
    );
    let hits = catalogue.search(query).await?;
    Ok(Some(Search {
        command: command(config, &format!("--like {}", &record.id.to_string()[..12])),
        asked: Asked::Photo(Box::new(record.into())),
        hits: found(hits),
    }))
}

fn found(hits: Hits) -> Vec<Found> {
    let found = hits.hits.into_iter().map(|hit| Found {
        card: hit.record.into(),
        score: hit.score,
    });
    found.collect()
}

/// The command that answers the same search.
fn command(config: &Config, asked: &str) -> String {
    let usual = std::path::absolute("catalogue").is_ok_and(|usual| usual == config.store);
    let store = match usual {
        true => String::new(),
        false => format!(" --store {}", quoted(&config.store.display().to_string())),
    };
    format!("showroom search {asked}{store}")
}

/// As a shell takes it for one word.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_are_spread_evenly_and_never_more_than_the_limit() {
        for (photos, limit) in [(10, 3), (1000, 500), (1001, 500), (7, 7), (3, 500)] {
            let shown: Vec<usize> = (0..photos)
                .filter(|at| is_shown(*at, photos, limit))
                .collect();
            assert_eq!(shown.len(), limit.min(photos), "{photos} {limit}");
            assert_eq!(shown[0], 0);
            let gaps = shown.windows(2).map(|pair| pair[1] - pair[0]);
            assert!(
                gaps.max() <= Some(photos / limit.min(photos) + 1),
                "{photos} {limit}"
            );
        }
    }

    #[test]
    fn a_query_is_one_word_for_the_shell() {
        assert_eq!(quoted("men's $(shoes)"), "'men'\\''s $(shoes)'");
    }
}
