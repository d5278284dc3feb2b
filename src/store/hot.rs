//! The rows of a catalogue kept in memory, and their vectors on an accelerator where there is one, for a
//! process that answers many searches.
//!
//! What is kept is what one version of the table holds. After a write only the rows that are new are
//! read: a row id never stands for another row, so what was read stays true, and rows that are gone are
//! passed over until they are a quarter. A search gives the same answer as one that reads the table.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use arrow_array::RecordBatch;
use futures::TryStreamExt;
use lancedb::Table;
use lancedb::query::{ExecutableQuery, QueryBase, Select};
use showroom_catalog::facets::Facets;
use showroom_catalog::seams::StoreError;
use showroom_catalog::{Query, VectorName};
use tokio::task::spawn_blocking;

use crate::accelerator::Proposals;
use crate::attributes;
use crate::best::Best;
use crate::chunk::{Chunk, Layout};
use crate::compared::{Compared, Folded, TAME};
use crate::kept::{Bits, Kept, PART_ROWS, Part, push};
use crate::open::LanceCatalogue;
use crate::per_filter::PerFilter;
use crate::read::{ALL_ROWS, small_batches};
use crate::schema;
use crate::tags::{self, Tags};

/// Parts beyond those that the rows would fill, which single writes leave; then they are read anew.
const SPARE_PARTS: usize = 16;

/// What is kept, of the last version that was searched.
pub(crate) struct Hot {
    /// A catalogue whose vectors take more is not kept.
    max_bytes: u64,
    kept: RwLock<Option<Arc<Kept>>>,
    /// Held while rows are read.
    reading: tokio::sync::Mutex<()>,
    facets: PerFilter<Facets>,
    passing: PerFilter<Arc<Passing>>,
}

/// The kept rows that pass a filter.
pub(crate) struct Passing {
    /// Of each part.
    pub(crate) bits: Vec<Bits>,
    pub(crate) rows: usize,
}

impl Passing {
    fn of(bits: Vec<Bits>) -> Arc<Passing> {
        let words = bits.iter().flat_map(|bits| bits.iter());
        let rows = words.map(|word| word.count_ones() as usize).sum();
        Arc::new(Passing { bits, rows })
    }
}

impl Hot {
    pub(crate) fn new(max_bytes: u64) -> Hot {
        Hot {
            max_bytes,
            kept: RwLock::default(),
            reading: tokio::sync::Mutex::default(),
            facets: PerFilter::default(),
            passing: PerFilter::default(),
        }
    }

    fn kept(&self) -> Option<Arc<Kept>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.clone()
    }

    fn keep(&self, kept: Option<Arc<Kept>>) {
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = kept;
    }
}

impl LanceCatalogue {
    /// Keeps the vectors in memory between searches, as long as they take no more than `max_bytes`, and on
    /// the accelerator where there is one and they fit. The answers stay the same.
    pub fn with_hot_rows(mut self, max_bytes: u64) -> LanceCatalogue {
        self.hot = Some(Hot::new(max_bytes));
        self
    }

    /// Reads what [`LanceCatalogue::with_hot_rows`] keeps, so that the first search need not. How many rows are
    /// kept, and whether an accelerator holds them; `None` where they take too much memory, or none are to be kept.
    pub async fn warm(&self) -> Result<Option<(usize, bool)>, StoreError> {
        let table = self.snapshot().await?;
        let kept = self.hot_rows(&table).await?;
        Ok(kept.map(|kept| (kept.places.len(), kept.is_accelerated())))
    }

    /// Memory that [`LanceCatalogue::with_hot_rows`] needs to keep all rows that there are now, in bytes.
    pub async fn hot_bytes(&self) -> Result<u64, StoreError> {
        self.bytes_of_all(&self.snapshot().await?).await
    }

    async fn bytes_of_all(&self, table: &Table) -> Result<u64, StoreError> {
        let layout = Layout::all(&self.manifest.dimensions);
        let row = layout.dimension * size_of::<f32>() + tags::ROW_BYTES;
        Ok(self.count(table, None).await? as u64 * row as u64)
    }

    /// What is kept of this version of the table; `None` where it is to be read from the disk.
    pub(crate) async fn hot_rows(&self, table: &Table) -> Result<Option<Arc<Kept>>, StoreError> {
        let Some(hot) = &self.hot else {
            return Ok(None);
        };
        let version = table.version().await.map_err(|error| self.failed(error))?;
        let is_current = |kept: &Arc<Kept>| kept.version == version;
        if let Some(kept) = hot.kept().filter(is_current) {
            return Ok(Some(kept));
        }
        let _reading = hot.reading.lock().await;
        let before = hot.kept();
        if let Some(kept) = before.clone().filter(is_current) {
            return Ok(Some(kept));
        }
        // A search that began before the last write was read.
        if before.as_ref().is_some_and(|kept| kept.version > version) {
            return Ok(None);
        }
        let kept = self
            .read_kept(table, hot, version, before)
            .await?
            .map(Arc::new);
        hot.keep(kept.clone());
        Ok(kept)
    }

    async fn read_kept(
        &self,
        table: &Table,
        hot: &Hot,
        version: u64,
        before: Option<Arc<Kept>>,
    ) -> Result<Option<Kept>, StoreError> {
        // Counted first, as every search of a catalogue that is too large comes here.
        if self.bytes_of_all(table).await? > hot.max_bytes {
            return Ok(None);
        }
        let layout = Layout::all(&self.manifest.dimensions);
        let rows = self.uris(table, None).await?;
        let ids: HashSet<u64> = rows.into_iter().map(|(_, id)| id).collect();
        let reused = before.filter(|before| {
            let gone = before.places.keys().filter(|id| !ids.contains(id)).count();
            gone * 4 <= before.places.len()
                && before.parts.len() < ids.len() / PART_ROWS + SPARE_PARTS
        });
        let (mut parts, mut places, terms) = match reused {
            Some(before) => (
                before.parts.clone(),
                before.places.clone(),
                before.terms.clone(),
            ),
            None => (Vec::new(), HashMap::new(), Arc::default()),
        };
        let new: Vec<u64> = ids
            .iter()
            .copied()
            .filter(|id| !places.contains_key(id))
            .collect();
        for (chunk, tags) in self
            .read_chunks(table, &layout, new, parts.is_empty())
            .await?
        {
            let at = parts.len() as u32;
            let rows = chunk.ids.iter().zip(0u32..);
            places.extend(rows.map(|(id, row)| (*id, (at, row))));
            let part = {
                let mut terms = terms.write().unwrap_or_else(PoisonError::into_inner);
                Part::new(chunk, tags, &mut terms).map_err(|reason| self.damaged(reason))?
            };
            parts.push(Arc::new(part));
        }
        places.retain(|id, _| ids.contains(id));
        let mut kept = Kept {
            version,
            layout,
            parts,
            places,
            live: Vec::new(),
            terms,
        };
        kept.live = kept.bits(ids.into_iter());
        self.hold(&mut kept).await;
        Ok(Some(kept))
    }

    /// The rows with these ids; `all` where they are all that the table has.
    async fn read_chunks(
        &self,
        table: &Table,
        layout: &Layout,
        ids: Vec<u64>,
        all: bool,
    ) -> Result<Vec<(Chunk, Tags)>, StoreError> {
        let schema = table.schema().await.map_err(|error| self.failed(error))?;
        let mut columns = schema::tag_columns();
        columns.extend(attributes::columns(&schema));
        let tags = columns.len();
        columns.extend(VectorName::ALL.map(|name| name.name().to_string()));
        let mut chunks: Vec<(Chunk, Tags)> = Vec::new();
        let mut add = |batch: &RecordBatch| {
            push(batch, layout, &columns[..tags], &mut chunks)
                .map_err(|reason| self.damaged(reason))
        };
        if !all {
            for some in ids.chunks(crate::read::ROWS_AT_ONCE) {
                for batch in self.take_batches(table, some, &columns).await? {
                    add(&batch)?;
                }
            }
            return Ok(chunks);
        }
        let rows = table
            .query()
            .select(Select::columns(&columns))
            .with_row_id();
        let batches = rows.execute_with_options(small_batches()).await;
        let mut batches = batches.map_err(|error| self.failed(error))?;
        while let Some(batch) = batches
            .try_next()
            .await
            .map_err(|error| self.failed(error))?
        {
            add(&batch)?;
        }
        Ok(chunks)
    }

    /// The kept rows that pass, looked for once a version and filter.
    pub(crate) async fn kept_that_pass(
        &self,
        table: &Table,
        kept: &Kept,
        which: Option<&str>,
    ) -> Result<Arc<Passing>, StoreError> {
        let Some((hot, which)) = self.hot.as_ref().zip(which) else {
            return Ok(Passing::of(kept.live.clone()));
        };
        let filter = Some(which.to_string());
        if let Some(passing) = hot.passing.get(kept.version, &filter) {
            return Ok(passing);
        }
        let ids = self.row_ids(table, Some(which), ALL_ROWS).await?;
        let passing = Passing::of(kept.bits(ids.into_iter()));
        hot.passing.put(kept.version, filter, passing.clone());
        Ok(passing)
    }

    /// Facets over the kept rows that pass, counted once a version and filter.
    pub(crate) async fn facets_of_kept(
        &self,
        table: &Table,
        hot: &Hot,
        kept: Arc<Kept>,
        which: Option<&str>,
    ) -> Result<Facets, StoreError> {
        let (version, which) = (kept.version, which.map(str::to_string));
        if let Some(facets) = hot.facets.get(version, &which) {
            return Ok(facets);
        }
        let passing = self.kept_that_pass(table, &kept, which.as_deref()).await?;
        let facets = {
            let terms = kept.terms.read().unwrap_or_else(PoisonError::into_inner);
            let rows = kept.parts.iter().zip(&passing.bits);
            terms.count(rows.map(|(part, allowed)| (&*part.numbered, &**allowed)))
        };
        hot.facets.put(version, which, facets.clone());
        Ok(facets)
    }

    /// Hands parts that are not held yet to the accelerator, where all fit and are enough for it.
    async fn hold(&self, kept: &mut Kept) {
        let Some(accelerator) = &self.accelerator else {
            return;
        };
        let dimension = kept.layout.dimension;
        let limits = accelerator.limits(dimension);
        let rows: usize = kept.parts.iter().map(|part| part.chunk.ids.len()).sum();
        if rows < limits.min_rows || rows > limits.max_rows {
            return;
        }
        for part in &mut kept.parts {
            if part.held.is_some() || !TAME.contains(&part.chunk.longest()) {
                continue;
            }
            match accelerator.hold(dimension, part.chunk.clone()).await {
                Ok(held) => {
                    *part = Arc::new(Part {
                        chunk: part.chunk.clone(),
                        tags: part.tags.clone(),
                        keys: part.keys.clone(),
                        numbered: part.numbered.clone(),
                        held: Some(held),
                        has_failed: AtomicBool::new(false),
                    });
                }
                Err(reason) => return accelerator.failed(&reason),
            }
        }
    }

    /// Compares every kept row that passes with each of the queries.
    pub(crate) async fn compare_kept(
        &self,
        table: &Table,
        kept: &Arc<Kept>,
        which: Option<String>,
        searches: &mut [(Query, Best)],
    ) -> Result<(), StoreError> {
        let passing = self.kept_that_pass(table, kept, which.as_deref()).await?;
        let proposals = self.propose(kept, &passing.bits, searches).await;
        let moved = searches.iter_mut().map(|(query, best)| {
            let best = mem::replace(best, Best::new(0));
            (query.clone(), best)
        });
        let moved: Vec<(Query, Best)> = moved.collect();
        let kept = kept.clone();
        let compared =
            spawn_blocking(move || compare(&kept, &passing.bits, &proposals, moved)).await;
        let (compared, nonsense) = compared.map_err(|error| StoreError::Failed {
            at: self.at.clone(),
            reason: format!("a search broke off: {error}"),
        })?;
        if let (Some(reason), Some(accelerator)) = (nonsense, &self.accelerator) {
            accelerator.failed(&reason);
        }
        for (search, compared) in searches.iter_mut().zip(compared) {
            *search = compared;
        }
        Ok(())
    }

    /// What the accelerator makes of each part; `None` for those that the CPU had better compare.
    async fn propose(
        &self,
        kept: &Arc<Kept>,
        allowed: &[Bits],
        searches: &[(Query, Best)],
    ) -> Option<Asked> {
        let accelerator = self.accelerator.as_ref()?;
        let limits = accelerator.limits(kept.layout.dimension);
        let folded = Folded::new(&kept.layout, &limits, searches)?;
        let mut parts = Vec::with_capacity(kept.parts.len());
        for (part, allowed) in kept.parts.iter().zip(allowed) {
            let rows: u32 = allowed.iter().map(|word| word.count_ones()).sum();
            let k = folded.asked.min(rows as usize);
            if part.held.is_none() || part.has_failed() || k == 0 {
                parts.push(None);
                continue;
            }
            let (part_, queries, allowed) = (part.clone(), folded.queries.clone(), allowed.clone());
            let proposed = accelerator.search(move || match &part_.held {
                Some(held) => Ok(Proposals {
                    error: held.error(),
                    lists: held.top_k(&queries, Some(&allowed), k)?,
                }),
                None => Ok(Proposals {
                    error: 0.0,
                    lists: Vec::new(),
                }),
            });
            let proposed = proposed.await;
            match proposed.and_then(|found| folded.check(&found).map(|()| found)) {
                Ok(proposals) => parts.push(Some(proposals)),
                Err(reason) => {
                    part.has_failed.store(true, Ordering::Relaxed);
                    accelerator.failed(&reason);
                    parts.push(None);
                }
            }
        }
        Some(Asked { folded, parts })
    }
}

/// What an accelerator was asked, and what it proposes for each part.
struct Asked {
    folded: Folded,
    parts: Vec<Option<Proposals>>,
}

/// The searches with what they have found, and what shows that the accelerator is not right.
fn compare(
    kept: &Kept,
    allowed: &[Bits],
    asked: &Option<Asked>,
    mut searches: Vec<(Query, Best)>,
) -> (Vec<(Query, Best)>, Option<String>) {
    let mut nonsense = None;
    for (at, (part, allowed)) in kept.parts.iter().zip(allowed).enumerate() {
        for (number, (query, best)) in searches.iter_mut().enumerate() {
            let mut compared = Compared::new(&part.chunk, &kept.layout, query, best, Some(allowed));
            let proposed = asked
                .as_ref()
                .and_then(|asked| Some((&asked.folded, asked.parts[at].as_ref()?)));
            match proposed.filter(|_| !part.has_failed()) {
                None => compared.rest(),
                Some((folded, proposals)) => {
                    if let Err(reason) = folded.compare(compared, number, Some(proposals)) {
                        part.has_failed.store(true, Ordering::Relaxed);
                        nonsense = Some(reason);
                    }
                }
            }
        }
    }
    (searches, nonsense)
}
