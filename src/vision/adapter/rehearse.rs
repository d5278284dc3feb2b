//! Rehearsals: how titles find their photos with an adapter that was learned without them.

use showroom_catalog::VectorName;
use showroom_catalog::adapter::{HeldBack, Titled};
use showroom_catalog::embedding::dot;
use showroom_catalog::seams::ModelError;

use super::error::AdapterError;
use super::kept::Map;
use super::space::{PARTS, Space, photos_of};
use super::train::{Lesson, mixed, train};
use super::{STOPS, Setting, WEIGHTS, settings};

/// Titles that are held back together, at the least; twice as many is the least to learn from.
const MIN_HELD_BACK: usize = 30;
/// Times that titles are held back at the most, each another fifth of them.
const MOST_PARTS: usize = 5;
/// From so many titles on one fifth alone is held back: it says enough.
const ONE_PART_FROM: usize = 5000;
/// Titles that are asked with, of those held back together.
const MOST_QUESTIONS: usize = 1000;
/// Photos that are searched through at the most.
const MOST_PHOTOS: usize = 5000;

/// Steps of learning that a rehearsal takes, as progress counts them.
pub fn rehearsal_steps(pairs: &Titled) -> usize {
    let rounds = parts(pairs.titles.len()).1;
    rounds * STOPS.last().copied().unwrap_or(0)
}

/// Whether there are titles enough to hold some back.
pub fn check_titles(pairs: &Titled) -> Result<(), AdapterError> {
    let (titles, least) = (pairs.titles.len(), 2 * MIN_HELD_BACK);
    if titles >= least {
        return Ok(());
    }
    Err(AdapterError::Titles(format!(
        "the photos have {titles} different titles, and an adapter takes {least} at the least: half of \
         them are held back to see whether it helps; take a feed with titles in with `showroom ingest`"
    )))
}

/// Every setting on titles that are held back; `titles` are vectors of the titles, `words` makes the text
/// vector that a title is searched with without an adapter (zero where it means nothing), `step` is called
/// after each step of learning.
///
/// The photos that are searched through are those of the titles held back together: of the others the
/// adapter knows which title is theirs, which would count against them.
pub fn rehearse(
    pairs: &Titled,
    titles: &[Vec<f32>],
    words: &mut dyn FnMut(&str) -> Result<Vec<f32>, ModelError>,
    step: &mut dyn FnMut(),
) -> Result<Vec<HeldBack>, AdapterError> {
    check_titles(pairs)?;
    let photos_of = photos_of(pairs);
    // In an order of chance that is always the same.
    let mut order: Vec<usize> = (0..pairs.titles.len()).collect();
    order.sort_by_cached_key(|title| mixed(*title as u64 + 1));
    let (parts, rounds) = parts(order.len());
    let mut outcomes = Vec::new();
    for part in 0..rounds {
        let (held, learn): (Vec<_>, Vec<_>) =
            (order.iter().enumerate()).partition(|(at, _)| at % parts == part);
        let held: Vec<usize> = held.into_iter().map(|(_, title)| *title).collect();
        let learn: Vec<usize> = learn.into_iter().map(|(_, title)| *title).collect();
        let known = learn.iter().flat_map(|title| &photos_of[*title]);
        let space = Space::of(
            learn.iter().map(|title| &titles[*title]),
            known.map(|at| &pairs.photos[*at]),
        );
        let lesson = Lesson {
            pairs,
            vectors: titles,
            photos_of: &photos_of,
            space: &space,
            learn: &learn,
        };
        let maps = train(&lesson, &STOPS, step)?;
        let maps: Vec<Map> = maps.iter().map(|map| Map::new(&space, map)).collect();
        let pool = Pool::new(pairs, &photos_of, &held);
        for (at, &title) in held.iter().enumerate().take(MOST_QUESTIONS) {
            let alone = pool.scores(VectorName::Text, &words(&pairs.titles[title])?);
            let mut adapted = Vec::with_capacity(settings().len());
            for map in &maps {
                let added = pool.added(&map.lead(&titles[title]));
                adapted.extend(WEIGHTS.map(|weight| {
                    let both = alone.iter().zip(&added);
                    let scores: Vec<f32> =
                        both.map(|(alone, more)| alone + weight * more).collect();
                    pool.ranks(&scores, title)
                }));
            }
            outcomes.push(HeldBack {
                title,
                // One round alone is halved, so that each half settles for the other.
                part: if rounds > 1 { part } else { at % 2 },
                alone: pool.ranks(&alone, title),
                adapted,
            });
        }
    }
    Ok(outcomes)
}

/// In how many parts so many titles are cut, and how many of these are held back.
fn parts(titles: usize) -> (usize, usize) {
    let parts = (titles / MIN_HELD_BACK).clamp(2, MOST_PARTS);
    let rounds = if titles < ONE_PART_FROM { parts } else { 1 };
    (parts, rounds)
}

/// An adapter learned from all titles, with what a rehearsal found best.
pub fn learn(
    pairs: &Titled,
    titles: &[Vec<f32>],
    setting: Setting,
    step: &mut dyn FnMut(),
) -> Result<Map, AdapterError> {
    check_titles(pairs)?;
    let space = Space::of(titles.iter(), pairs.photos.iter());
    let lesson = Lesson {
        pairs,
        vectors: titles,
        photos_of: &photos_of(pairs),
        space: &space,
        learn: &(0..titles.len()).collect::<Vec<_>>(),
    };
    let maps = train(&lesson, &[setting.steps], step)?;
    let map = maps.last().map(|map| Map::new(&space, map));
    map.ok_or_else(|| AdapterError::Failed("nothing was learned in no steps".into()))
}

/// Photos that are searched through.
struct Pool<'a> {
    pairs: &'a Titled,
    photos: Vec<usize>,
}

impl<'a> Pool<'a> {
    fn new(pairs: &'a Titled, photos_of: &[Vec<usize>], titles: &[usize]) -> Pool<'a> {
        // The first photo of each title first, so that none that is asked with has none.
        let most = titles.iter().map(|title| photos_of[*title].len()).max();
        let turns = (0..most.unwrap_or(0))
            .flat_map(|turn| (titles.iter()).filter_map(move |title| photos_of[*title].get(turn)));
        Pool {
            pairs,
            photos: turns.copied().take(MOST_PHOTOS).collect(),
        }
    }

    fn scores(&self, on: VectorName, vector: &[f32]) -> Vec<f32> {
        let photos = self.photos.iter().map(|at| &self.pairs.photos[*at]);
        photos
            .map(|photo| dot(photo.vectors.get(on), vector))
            .collect()
    }

    /// What an adapter adds where it counts 1.
    fn added(&self, vector: &[f32]) -> Vec<f32> {
        let mut added = vec![0.0; self.photos.len()];
        let mut rest = vector;
        for part in PARTS {
            let length = self.pairs.photos[0].vectors.get(part).len();
            let (own, behind) = rest.split_at(length);
            let scores = self.scores(part, own);
            added.iter_mut().zip(scores).for_each(|(sum, x)| *sum += x);
            rest = behind;
        }
        added
    }

    /// Where the photos of a title come; of equals the first comes first.
    fn ranks(&self, scores: &[f32], title: usize) -> Vec<usize> {
        let is_own = |place: &usize| self.pairs.photos[self.photos[*place]].title == title;
        let rank = |place: usize| {
            let before = |(other, score): (usize, &f32)| {
                *score > scores[place] || (*score == scores[place] && other < place)
            };
            scores
                .iter()
                .enumerate()
                .filter(|other| before(*other))
                .count()
        };
        let mut ranks: Vec<usize> = (0..scores.len()).filter(is_own).map(rank).collect();
        ranks.sort_unstable();
        ranks
    }
}
