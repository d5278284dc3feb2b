//! Words in titles, ranked by BM25.
//!
//! A big table has an index of the titles; else, and where a search is to be exact, the titles are
//! read and ranked here. Titles are short, so that this takes milliseconds up to where indices pay.

use std::collections::HashMap;

use futures::TryStreamExt;
use lancedb::Table;
use lancedb::index::scalar::FullTextSearchQuery;
use lancedb::query::{ExecutableQuery, QueryBase, Select};
use showroom_catalog::query::TitleMatch;
use showroom_catalog::seams::StoreError;

use crate::decode::Rows;
use crate::open::LanceCatalogue;
use crate::read::small_batches;
use crate::schema::{ROW_ID, TITLE};

/// Words of a query that are looked for.
const MOST_WORDS: usize = 32;

/// Words that say nothing about a product.
const EMPTY_WORDS: [&str; 16] = [
    "a", "an", "and", "at", "but", "by", "for", "from", "in", "of", "on", "or", "same", "the",
    "to", "with",
];

/// How soon a word that is repeated counts no more, and how much a long title counts less. Source:
/// Robertson and Zaragoza, The Probabilistic Relevance Framework (2009): the usual values.
const K1: f32 = 1.2;
const B: f32 = 0.75;

/// A row whose title has one of the words.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Titled {
    pub(crate) row_id: u64,
    pub(crate) uri: String,
    pub(crate) sku: Option<String>,
    /// BM25.
    pub(crate) score: f32,
}

/// The words of a title or a query: lower case, without empty words and the s of plurals.
fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && !EMPTY_WORDS.contains(word))
        .map(|word| singular(word).to_string())
        .collect()
}

/// `shoes` → `shoe`, `dresses` → `dress`; short words and `glass` stay.
fn singular(word: &str) -> &str {
    let stem = match word.strip_suffix("es") {
        Some(stem)
            if ["ss", "x", "ch", "sh"]
                .iter()
                .any(|end| stem.ends_with(end)) =>
        {
            stem
        }
        _ => word.strip_suffix('s').unwrap_or(word),
    };
    let is_plural = stem.len() >= 3 && !word.ends_with("ss") && !word.ends_with("us");
    if is_plural { stem } else { word }
}

/// The different words of a query.
fn wanted(query: &str) -> Vec<String> {
    let mut wanted: Vec<String> = Vec::new();
    for word in words(query) {
        if !wanted.contains(&word) && wanted.len() < MOST_WORDS {
            wanted.push(word);
        }
    }
    wanted
}

/// What `title` has of the words of `query`; `None` where it has none.
pub(crate) fn title_match(title: &str, query: &str) -> Option<TitleMatch> {
    let wanted = wanted(query);
    let asked = wanted.len();
    let title = words(title);
    let words: Vec<String> = (wanted.into_iter())
        .filter(|word| title.contains(word))
        .collect();
    (!words.is_empty()).then(|| TitleMatch {
        score: words.len() as f32 / asked as f32,
        words,
    })
}

impl LanceCatalogue {
    /// The rows whose titles have one of the words, the best `most`, best first.
    pub(crate) async fn by_title(
        &self,
        table: &Table,
        which: Option<&str>,
        query: &str,
        exact: bool,
        most: usize,
    ) -> Result<Vec<Titled>, StoreError> {
        let wanted = wanted(query);
        let schema = table.schema().await.map_err(|error| self.failed(error))?;
        if wanted.is_empty() || most == 0 || schema.field_with_name(TITLE).is_err() {
            return Ok(Vec::new());
        }
        let kept = self.hot_rows(table).await?;
        if kept.is_some_and(|kept| !kept.has_titles()) {
            return Ok(Vec::new());
        }
        let mut found = if !exact && self.has_title_index(table).await? {
            self.ask_title_index(table, which, &wanted, most).await?
        } else {
            self.rank_titles(table, which, &wanted).await?
        };
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.uri.cmp(&b.uri)));
        found.truncate(most);
        Ok(found)
    }

    async fn has_title_index(&self, table: &Table) -> Result<bool, StoreError> {
        let indices = table.list_indices().await;
        let indices = indices.map_err(|error| self.failed(error))?;
        let mut columns = indices.iter().flat_map(|index| &index.columns);
        Ok(columns.any(|column| column == TITLE))
    }

    async fn ask_title_index(
        &self,
        table: &Table,
        which: Option<&str>,
        wanted: &[String],
        most: usize,
    ) -> Result<Vec<Titled>, StoreError> {
        let words = FullTextSearchQuery::new(wanted.join(" ")).with_column(TITLE.into());
        let words = words.map_err(|error| self.failed(error.into()))?;
        let mut rows = table
            .query()
            .full_text_search(words)
            .select(Select::columns(&["uri", "sku", "_score"]))
            .with_row_id()
            .limit(most);
        if let Some(which) = which {
            rows = rows.only_if(which);
        }
        let batches = rows.execute().await.map_err(|error| self.failed(error))?;
        let batches: Vec<_> = batches
            .try_collect()
            .await
            .map_err(|error| self.failed(error))?;
        let mut found = Vec::new();
        for batch in &batches {
            let rows = Rows(batch);
            let titled = |at: usize| -> Result<Titled, String> {
                Ok(Titled {
                    row_id: rows.u64s(ROW_ID)?[at],
                    uri: rows.word("uri", at)?,
                    sku: rows.maybe_word("sku", at)?,
                    score: rows.f32("_score", at)?,
                })
            };
            for at in 0..batch.num_rows() {
                found.push(titled(at).map_err(|reason| self.damaged(reason))?);
            }
        }
        Ok(found)
    }

    async fn rank_titles(
        &self,
        table: &Table,
        which: Option<&str>,
        wanted: &[String],
    ) -> Result<Vec<Titled>, StoreError> {
        let mut rows = table
            .query()
            .select(Select::columns(&["uri", "sku", TITLE]))
            .with_row_id();
        if let Some(which) = which {
            rows = rows.only_if(which);
        }
        let batches = rows.execute_with_options(small_batches()).await;
        let mut batches = batches.map_err(|error| self.failed(error))?;
        let mut ranking = Ranking::new(wanted);
        while let Some(batch) = batches
            .try_next()
            .await
            .map_err(|error| self.failed(error))?
        {
            let rows = Rows(&batch);
            for at in 0..batch.num_rows() {
                ranking
                    .add(&rows, at)
                    .map_err(|reason| self.damaged(reason))?;
            }
        }
        Ok(ranking.finish())
    }
}

/// BM25 over titles as they come by.
struct Ranking {
    places: HashMap<String, usize>,
    titles: usize,
    words: usize,
    /// Titles that have each of the words.
    with: Vec<usize>,
    /// Rows with at least one of them: how often each word is in, and the length of the title.
    found: Vec<(Titled, Vec<u16>, usize)>,
}

impl Ranking {
    fn new(wanted: &[String]) -> Ranking {
        Ranking {
            places: wanted.iter().cloned().zip(0..).collect(),
            titles: 0,
            words: 0,
            with: vec![0; wanted.len()],
            found: Vec::new(),
        }
    }

    fn add(&mut self, rows: &Rows<'_>, at: usize) -> Result<(), String> {
        let Some(title) = rows.maybe_word(TITLE, at)? else {
            return Ok(());
        };
        let counted = self.count(&title);
        if let Some((times, length)) = counted {
            let titled = Titled {
                row_id: rows.u64s(ROW_ID)?[at],
                uri: rows.word("uri", at)?,
                sku: rows.maybe_word("sku", at)?,
                score: 0.0,
            };
            self.found.push((titled, times, length));
        }
        Ok(())
    }

    /// How often each word is in the title, and its length; `None` where none is.
    fn count(&mut self, title: &str) -> Option<(Vec<u16>, usize)> {
        let title = words(title);
        self.titles += 1;
        self.words += title.len();
        let mut times = vec![0u16; self.with.len()];
        for place in title.iter().filter_map(|word| self.places.get(word)) {
            times[*place] = times[*place].saturating_add(1);
        }
        for (with, times) in self.with.iter_mut().zip(&times) {
            *with += usize::from(*times > 0);
        }
        times
            .iter()
            .any(|times| *times > 0)
            .then_some((times, title.len()))
    }

    fn finish(self) -> Vec<Titled> {
        let titles = self.titles as f32;
        let usual = (self.words as f32 / titles.max(1.0)).max(1.0);
        let rarity: Vec<f32> = (self.with.iter())
            .map(|&with| (1.0 + (titles - with as f32 + 0.5) / (with as f32 + 0.5)).ln())
            .collect();
        let score = |times: &[u16], length: usize| -> f32 {
            let long = K1 * (1.0 - B + B * length as f32 / usual);
            let each = times.iter().zip(&rarity).map(|(&times, rarity)| {
                let times = f32::from(times);
                rarity * times * (K1 + 1.0) / (times + long)
            });
            each.sum()
        };
        self.found
            .into_iter()
            .map(|(titled, times, length)| Titled {
                score: score(&times, length),
                ..titled
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_bare() {
        let check = |text, wanted: &[&str]| assert_eq!(words(text), wanted, "{text}");
        check("The Red SHOES, for Men's", &["red", "shoe", "men", "s"]);
        check(
            "glass dresses boxes gas bus",
            &["glass", "dress", "box", "gas", "bus"],
        );
        check("watches & cases", &["watch", "case"]);
        check("", &[]);
    }

    #[test]
    fn a_title_says_which_words_it_has() {
        let found = title_match("Runner red trainer", "red leather trainers in red").unwrap();
        assert_eq!(found.words, ["red", "trainer"]);
        assert!((found.score - 2.0 / 3.0).abs() < 1e-6);
        assert_eq!(title_match("Runner", "red"), None);
        assert_eq!(title_match("", ""), None);
    }

    #[test]
    fn rare_words_and_short_titles_count_more() {
        let wanted: Vec<String> = ["red", "shoe"].map(String::from).into();
        let mut ranking = Ranking::new(&wanted);
        let titles = ["red shoe", "shoe", "shoe with laces and more", "red", "mug"];
        for (at, title) in titles.iter().enumerate() {
            if let Some((times, length)) = ranking.count(title) {
                let titled = Titled {
                    row_id: at as u64,
                    uri: String::new(),
                    sku: None,
                    score: 0.0,
                };
                ranking.found.push((titled, times, length));
            }
        }
        let mut found = ranking.finish();
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        let order: Vec<u64> = found.iter().map(|titled| titled.row_id).collect();
        assert_eq!(order, [0, 3, 1, 2]);
        // "red" is in 2 of 5 titles, of 1.6 words on average: by hand.
        let rarity = (1.0f32 + 3.5 / 2.5).ln();
        let want = rarity * 2.2 / (1.0 + 1.2 * (0.25 + 0.75 / 1.6));
        assert!((found[1].score - want).abs() < 1e-6, "{}", found[1].score);
    }
}
