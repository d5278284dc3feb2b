//! Search: a weighted sum of dot products over the vectors of the rows that pass the filter.
//!
//! Exact search reads every such row, and compares it here or through an accelerator. Where the
//! vectors have indices, candidates come from them, and are then compared exactly, with every part of
//! the query: so an index can make a search miss a row but never gives it another score.
//!
//! Titles and diversity then change the order of the best rows: the rows are those of a larger `k`.

use std::collections::{HashMap, HashSet};

use arrow_array::{Array, RecordBatch, StringArray};
use futures::TryStreamExt;
use lancedb::Table;
use lancedb::query::{ExecutableQuery, QueryBase, Select};
use showroom_catalog::embedding::dot;
use showroom_catalog::query::Hits;
use showroom_catalog::seams::{Columns, StoreError};
use showroom_catalog::{Hit, Query, VectorName};

use crate::best::{Best, Candidate, Row};
use crate::candidates::{Guide, candidates_for, guides};
use crate::decode::Rows;
use crate::fuse::{self, first_of_sku, fuse};
use crate::hot::Passing;
use crate::kept::Kept;
use crate::open::LanceCatalogue;
use crate::read::{ROWS_AT_ONCE, small_batches};
use crate::scan::Scan;
use crate::schema::{self, ROW_ID};
use crate::titles::{Titled, title_match};

/// Most hits of one search, and most parts of one query.
const MAX_K: usize = 1000;
const MAX_PARTS: usize = 16;

/// Of a filter that no more rows pass than so many times the root of all rows each row is compared; that also misses
/// none. To compare those that pass takes the longer the more they are (of a million in memory all take 700 ms), to
/// find them among the nearest of all the longer the fewer they are (7 ms divided by the share that passes): both
/// take as long where a hundred times the root passes.
const FEW_ROOTS: usize = 100;

/// Rows that are ordered anew, by titles or for diversity: this many, or so many times `k`, whichever
/// is more, up to [`MAX_K`].
const MIN_POOL: usize = 100;
const POOL_PER_HIT: usize = 10;

/// Of a filter that no more than this many of `rows` pass, each is compared.
fn few_of(rows: usize) -> usize {
    FEW_ROOTS * rows.isqrt()
}

impl LanceCatalogue {
    pub(crate) async fn search_rows(&self, query: Query) -> Result<Hits, StoreError> {
        self.check_query(&query)?;
        let table = self.snapshot().await?;
        let which = self.which(&table, query.filter.as_ref()).await?;
        let which = which.as_deref();
        let facets = match query.facets {
            true => Some(self.count_facets(&table, which).await?),
            false => None,
        };
        let wide = match query.k {
            0 => 0,
            k => (POOL_PER_HIT * k).clamp(MIN_POOL, MAX_K),
        };
        let titles = match &query.title_words {
            Some(words) => {
                let exact = query.exact;
                let mut titles = self.by_title(&table, which, words, exact, wide).await?;
                titles.retain(|title| !query.exclude_uris.contains(&title.uri));
                titles
            }
            None => Vec::new(),
        };
        let is_plain = titles.is_empty() && query.relevance.is_none();
        let pool = if is_plain { query.k } else { wide };
        let (best, exact) = self.nearest(&table, which, &query, pool).await?;
        let ranked = match titles.is_empty() {
            true => best.into_iter().map(|row| (row.score, row)).collect(),
            false => self.with_titles(&table, &query, best, titles).await?,
        };
        let ranked = match query.relevance {
            Some(weight) => self.diversified(&table, ranked, query.k, weight).await?,
            None => ranked,
        };
        let best: Vec<Candidate> = ranked.into_iter().map(|(_, row)| row).collect();
        let best = best.into_iter().take(query.k);
        Ok(Hits {
            hits: self.hits(&table, &query, best.collect()).await?,
            exact,
            facets,
        })
    }

    /// The best rows by vectors, and whether every row was compared.
    async fn nearest(
        &self,
        table: &Table,
        which: Option<&str>,
        query: &Query,
        many: usize,
    ) -> Result<(Vec<Candidate>, bool), StoreError> {
        let guides = guides(query);
        let kept = self.hot_rows(table).await?;
        let passing = match (&kept, which) {
            (Some(kept), Some(_)) => Some((kept, self.kept_that_pass(table, kept, which).await?)),
            _ => None,
        };
        let exact = query.exact
            || kept.as_ref().is_some_and(|kept| kept.is_accelerated())
            || guides.is_empty()
            || (passing.as_ref())
                .is_some_and(|(kept, passing)| passing.rows <= few_of(kept.places.len()))
            || !self.are_indexed(table, &guides).await?;
        let mut best = Best::new(many)
            .one_a_sku(query.one_a_sku)
            .without(query.exclude_uris.clone());
        if exact {
            let query = Query {
                k: many,
                ..query.clone()
            };
            let mut searches = [(query, best)];
            self.compare_all(table, which.map(str::to_string), &mut searches)
                .await?;
            [(_, best)] = searches;
            return Ok((best.in_order(), true));
        }
        if kept.is_none()
            && let Some(ids) = self.few_rows(table, which).await?
        {
            self.compare_some(table, &ids, query, &mut best).await?;
            return Ok((best.in_order(), true));
        }
        let wanted = candidates_for(query, many);
        let nearest = match passing {
            Some((kept, passing)) => {
                self.candidates_that_pass(table, kept, &passing, &guides, wanted)
                    .await?
            }
            None => None,
        };
        let ids = match nearest {
            Some(ids) => ids,
            None => {
                self.candidates(table, which, &guides, wanted, kept.is_none())
                    .await?
            }
        };
        self.compare_some(table, &ids, query, &mut best).await?;
        Ok((best.in_order(), false))
    }

    /// Of many rows that pass: the nearest of all rows, without those that do not pass. That is sooner done than
    /// having an index ask of each row whether it passes. `None` where too few are left, as the rows that pass
    /// are not those near the query.
    async fn candidates_that_pass(
        &self,
        table: &Table,
        kept: &Kept,
        passing: &Passing,
        guides: &[Guide],
        wanted: usize,
    ) -> Result<Option<Vec<u64>>, StoreError> {
        let many = (wanted * kept.places.len()).div_ceil(passing.rows.max(1));
        let mut ids = self.candidates(table, None, guides, many, false).await?;
        ids.retain(|id| kept.has(&passing.bits, *id));
        Ok((ids.len() >= wanted).then_some(ids))
    }

    /// The rows that pass, where they are so few that comparing each is sooner done than asking an index,
    /// which would have to look at many more to find as many that pass.
    async fn few_rows(
        &self,
        table: &Table,
        which: Option<&str>,
    ) -> Result<Option<Vec<u64>>, StoreError> {
        if which.is_none() {
            return Ok(None);
        }
        let few = few_of(self.count(table, None).await?);
        let ids = self.row_ids(table, which, few + 1).await?;
        Ok((ids.len() <= few).then_some(ids))
    }

    /// Compares the rows with these ids.
    async fn compare_some(
        &self,
        table: &Table,
        ids: &[u64],
        query: &Query,
        best: &mut Best,
    ) -> Result<(), StoreError> {
        if let Some(kept) = self.hot_rows(table).await? {
            kept.compare_some(ids, query, best);
            return Ok(());
        }
        let columns = columns_of(query);
        for some in ids.chunks(ROWS_AT_ONCE) {
            for batch in self.take_batches(table, some, &columns).await? {
                compare(&batch, query, best).map_err(|reason| self.damaged(reason))?;
            }
        }
        Ok(())
    }

    /// Both rankings in one; what is only in that of the titles is compared now. Without vectors to
    /// compare only the titles count.
    async fn with_titles(
        &self,
        table: &Table,
        query: &Query,
        mut best: Vec<Candidate>,
        mut titles: Vec<Titled>,
    ) -> Result<Vec<(f32, Candidate)>, StoreError> {
        if query.one_a_sku {
            titles = first_of_sku(titles, &best);
        }
        let by_vector = if query.parts.is_empty() {
            0
        } else {
            best.len()
        };
        let by_title: Vec<u64> = titles.iter().map(|title| title.row_id).collect();
        let known: HashSet<u64> = best.iter().map(|row| row.row_id).collect();
        let missing: Vec<u64> = (by_title.iter().copied())
            .filter(|id| !known.contains(id))
            .collect();
        let mut others = Best::new(missing.len());
        self.compare_some(table, &missing, query, &mut others)
            .await?;
        best.extend(others.in_order());
        let mut fused = fuse(best, by_vector, &by_title);
        // So that the first of both rankings has 1, as the likest photo has.
        let most = fuse::MOST;
        fused.iter_mut().for_each(|(worth, _)| *worth /= most);
        Ok(fused)
    }

    async fn hits(
        &self,
        table: &Table,
        query: &Query,
        best: Vec<Candidate>,
    ) -> Result<Vec<Hit>, StoreError> {
        let ids: Vec<u64> = best.iter().map(|candidate| candidate.row_id).collect();
        let columns = match query.vectors {
            true => Columns::Vectors,
            false => Columns::Tags,
        };
        let records = match self.hot_rows(table).await? {
            Some(kept) => (kept.records(&ids, columns)).map_err(|reason| self.damaged(reason))?,
            None => self.take(table, &ids, columns).await?,
        };
        let hits = best.into_iter().zip(records).map(|(row, record)| {
            let mut hit = row.into_hit(query, record);
            hit.title = (hit.record.title.as_deref())
                .zip(query.title_words.as_deref())
                .and_then(|(title, words)| title_match(title, words));
            hit
        });
        Ok(hits.collect())
    }

    fn check_query(&self, query: &Query) -> Result<(), StoreError> {
        let bad = |message: String| Err(StoreError::BadQuery(message));
        if query.k > MAX_K {
            return bad(format!(
                "a search gives at most {MAX_K} hits, not {}",
                query.k
            ));
        }
        if query.parts.len() > MAX_PARTS {
            return bad(format!(
                "a query has at most {MAX_PARTS} parts, not {}: two for a photo, one for words and two more \
                 with an adapter; ask \
                 with fewer",
                query.parts.len()
            ));
        }
        if (query.relevance).is_some_and(|weight| !(0.0..=1.0).contains(&weight)) {
            return bad("the weight of relevance must be from 0 to 1".into());
        }
        for part in &query.parts {
            let name = part.on.name();
            let length = schema::length(&self.manifest.dimensions, part.on);
            if part.vector.len() != length {
                return bad(format!(
                    "the query's {name} vector has {} numbers, the catalogue at {} has {length}; \
                     ask with the model that made it",
                    part.vector.len(),
                    self.at,
                ));
            }
            if !part.weight.is_finite() || part.vector.iter().any(|number| !number.is_finite()) {
                return bad(format!(
                    "the query's {name} part holds a number that is not finite"
                ));
            }
        }
        Ok(())
    }

    /// Compares every row that passes with each of the queries, in one pass. The queries are about
    /// the same vectors.
    pub(crate) async fn compare_all(
        &self,
        table: &Table,
        which: Option<String>,
        searches: &mut [(Query, Best)],
    ) -> Result<(), StoreError> {
        let Some((first, _)) = searches.first() else {
            return Ok(());
        };
        if let Some(kept) = self.hot_rows(table).await? {
            return self.compare_kept(table, &kept, which, searches).await;
        }
        let columns = columns_of(first);
        let mut scan = (self.accelerator.as_ref())
            .and_then(|accelerator| Scan::new(accelerator, &self.manifest.dimensions, searches));
        if let Some(Scan { min_rows, .. }) = scan
            && self.count(table, which.as_deref()).await? < min_rows
        {
            scan = None;
        }
        let mut rows = table
            .query()
            .select(Select::columns(&columns))
            .with_row_id();
        if let Some(which) = which {
            rows = rows.only_if(which);
        }
        let batches = rows.execute_with_options(small_batches()).await;
        let mut batches = batches.map_err(|error| self.failed(error))?;
        while let Some(batch) = batches
            .try_next()
            .await
            .map_err(|error| self.failed(error))?
        {
            match &mut scan {
                Some(scan) => scan.add(&batch, searches).await,
                None => searches
                    .iter_mut()
                    .try_for_each(|(query, best)| compare(&batch, query, best)),
            }
            .map_err(|reason| self.damaged(reason))?;
        }
        if let Some(mut scan) = scan {
            scan.search_chunk(searches).await;
        }
        Ok(())
    }
}

/// URI, SKU where it matters, and the vectors that the query compares.
fn columns_of(query: &Query) -> Vec<String> {
    let mut columns = vec!["uri".to_string()];
    if query.one_a_sku {
        columns.push("sku".into());
    }
    for name in VectorName::ALL {
        if query.parts.iter().any(|part| part.on == name) {
            columns.push(name.name().into());
        }
    }
    columns
}

/// Compares the rows of a batch and keeps the best.
fn compare(batch: &RecordBatch, query: &Query, best: &mut Best) -> Result<(), String> {
    let rows = Rows(batch);
    let uris = rows.words("uri")?;
    let ids = rows.u64s(ROW_ID)?;
    let mut columns = HashMap::new();
    for part in &query.parts {
        columns.insert(part.on, rows.vectors(part.on.name())?);
    }
    let skus = skus(&rows, query.one_a_sku)?;
    let mut dots = vec![0.0; query.parts.len()];
    for at in 0..batch.num_rows() {
        let vector = |on: VectorName| {
            let (all, length) = columns[&on];
            &all[at * length..(at + 1) * length]
        };
        let score = score(query, vector, &mut dots);
        let row = Row {
            id: ids[at],
            uri: uris.value(at),
            sku: skus.and_then(|skus| skus.is_valid(at).then(|| skus.value(at))),
        };
        best.offer(score, row, &dots);
    }
    Ok(())
}

/// The column of SKUs, where it is wanted.
pub(crate) fn skus<'a>(
    rows: &'a Rows<'_>,
    wanted: bool,
) -> Result<Option<&'a StringArray>, String> {
    wanted.then(|| rows.words("sku")).transpose()
}

/// The score of one row, whose vectors `vector` gives. Fills `dots`, as long as there are parts,
/// with the dot product of each part.
pub(crate) fn score<'a>(
    query: &Query,
    vector: impl Fn(VectorName) -> &'a [f32],
    dots: &mut [f32],
) -> f32 {
    let mut sum = 0.0;
    for (part, dot_of_part) in query.parts.iter().zip(dots) {
        *dot_of_part = dot(&part.vector, vector(part.on));
        sum += part.weight * *dot_of_part;
    }
    // Adding zero makes -0 the 0 that it equals, so that the URI decides between them.
    sum / query.weight_sum() + 0.0
}
