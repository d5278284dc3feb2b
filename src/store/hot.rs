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

use arrow_array::{Array, RecordBatch};
use futures::TryStreamExt;
use lancedb::Table;
use lancedb::query::{ExecutableQuery, QueryBase, Select};
use showroom_catalog::facets::{Counter, Facets};
use showroom_catalog::seams::{Columns, HeldVectors, StoreError};
use showroom_catalog::{Query, Record, VectorName, Vectors};
use tokio::task::spawn_blocking;

use crate::accelerator::Proposals;
use crate::attributes;
use crate::best::{Best, Row};
use crate::chunk::{Chunk, Layout};
use crate::compared::{Compared, Folded, TAME, is_set};
use crate::decode::Rows;
use crate::open::LanceCatalogue;
use crate::read::{ALL_ROWS, small_batches};
use crate::schema::{self, ROW_ID};
use crate::search::score;
use crate::tags::{self, Tags};

/// Rows of a part: with the default vectors 170 MB.
const PART_ROWS: usize = 16_384;
/// Parts beyond those that the rows would fill, which single writes leave; then they are read anew.
const SPARE_PARTS: usize = 16;

/// Filters whose facets are kept.
const MOST_FACETS: usize = 256;

/// What is kept, of the last version that was searched.
pub(crate) struct Hot {
    /// A catalogue whose vectors take more is not kept.
    max_bytes: u64,
    kept: RwLock<Option<Arc<Kept>>>,
    /// Held while rows are read.
    reading: tokio::sync::Mutex<()>,
    facets: RwLock<Counted>,
}

/// Facets that were counted in one version, by the filter.
type Counted = (u64, HashMap<Option<String>, Facets>);

/// The rows of one version of the table.
pub(crate) struct Kept {
    version: u64,
    layout: Layout,
    parts: Vec<Arc<Part>>,
    /// Part and place of each row, by its id.
    places: HashMap<u64, (u32, u32)>,
    /// The rows of each part that this version has.
    live: Vec<Bits>,
}

/// Rows of a part, a bit each, 32 a word, the lowest first.
type Bits = Arc<[u32]>;

struct Part {
    chunk: Arc<Chunk>,
    /// What the rows of the chunk say besides their vectors.
    tags: Arc<Tags>,
    /// `None` where the CPU compares it.
    held: Option<Box<dyn HeldVectors>>,
    /// Whether what holds it has failed, so that it is asked no more.
    has_failed: AtomicBool,
}

impl Hot {
    pub(crate) fn new(max_bytes: u64) -> Hot {
        Hot {
            max_bytes,
            kept: RwLock::default(),
            reading: tokio::sync::Mutex::default(),
            facets: RwLock::default(),
        }
    }

    fn kept(&self) -> Option<Arc<Kept>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.clone()
    }

    /// What was counted in this version over the rows that pass this filter.
    fn counted(&self, version: u64, which: &Option<String>) -> Option<Facets> {
        let counted = self.facets.read().unwrap_or_else(PoisonError::into_inner);
        counted
            .1
            .get(which)
            .filter(|_| counted.0 == version)
            .cloned()
    }

    fn count(&self, version: u64, which: Option<String>, facets: &Facets) {
        let mut counted = self.facets.write().unwrap_or_else(PoisonError::into_inner);
        if counted.0 > version {
            return;
        }
        if counted.0 < version || counted.1.len() >= MOST_FACETS {
            *counted = (version, HashMap::new());
        }
        counted.1.insert(which, facets.clone());
    }

    fn keep(&self, kept: Option<Arc<Kept>>) {
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = kept;
    }
}

impl Kept {
    /// Whether an accelerator holds all of it, so that comparing every row is sooner done than asking an
    /// index.
    pub(crate) fn is_accelerated(&self) -> bool {
        let works = |part: &Arc<Part>| part.held.is_some() && !part.has_failed();
        !self.parts.is_empty() && self.parts.iter().all(works)
    }

    /// Compares the rows with these ids; those that are not kept are passed over.
    pub(crate) fn compare_some(&self, ids: &[u64], query: &Query, best: &mut Best) {
        let mut dots = vec![0.0; query.parts.len()];
        for (part, row) in ids.iter().filter_map(|id| self.places.get(id)) {
            let (chunk, row) = (&self.parts[*part as usize].chunk, *row as usize);
            let vectors = self.vectors(chunk, row);
            let score = score(query, |name| &vectors[self.layout.place(name)], &mut dots);
            best.offer(score, chunk.row(row), &dots);
        }
    }

    /// The records of the rows with these ids, in this order, without class probabilities. The error says
    /// what is wrong with one of them.
    pub(crate) fn records(&self, ids: &[u64], columns: Columns) -> Result<Vec<Record>, String> {
        let record = |id: &u64| {
            let &(part, row) = self.places.get(id).ok_or("a row cannot be found again")?;
            let part = &self.parts[part as usize];
            let mut record = part.tags.record(row as usize)?;
            if columns != Columns::Tags {
                let vectors = self.vectors(&part.chunk, row as usize);
                let vector = |name| vectors[self.layout.place(name)].to_vec();
                record.vectors = Vectors {
                    shape: vector(VectorName::Shape),
                    colour: vector(VectorName::Colour),
                    text: vector(VectorName::Text),
                };
            }
            Ok(record)
        };
        ids.iter().map(record).collect()
    }

    /// All vectors of a row, as the layout says.
    fn vectors<'a>(&self, chunk: &'a Chunk, row: usize) -> &'a [f32] {
        let start = row * self.layout.dimension;
        &chunk.rows[start..start + self.layout.dimension]
    }

    /// The rows with this URI or SKU, or whose id begins with `id`, in the order of their URIs.
    pub(crate) fn of_key(&self, key: &str, id: Option<&str>) -> Vec<u64> {
        let mut found: Vec<(&str, u64)> = Vec::new();
        for (part, live) in self.parts.iter().zip(&self.live) {
            let mut add = |at: usize, row: Row<'_>| {
                if is_set(live, at) {
                    found.push((part.chunk.row(at).uri, row.id));
                }
            };
            for at in 0..part.chunk.ids.len() {
                let row = part.chunk.row(at);
                if row.uri == key || row.sku == Some(key) {
                    add(at, row);
                }
            }
            for at in id.map(|id| part.tags.of_id(id)).unwrap_or_default() {
                add(at, part.chunk.row(at));
            }
        }
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|(_, id)| id).collect()
    }

    /// Whether a row has a title.
    pub(crate) fn has_titles(&self) -> bool {
        self.parts.iter().any(|part| part.tags.has_titles())
    }

    /// The rows of these ids; the ids of rows that are not kept are passed over.
    fn bits(&self, ids: impl Iterator<Item = u64>) -> Vec<Bits> {
        let words = |part: &Arc<Part>| vec![0u32; part.chunk.ids.len().div_ceil(32)];
        let mut bits: Vec<Vec<u32>> = self.parts.iter().map(words).collect();
        for id in ids {
            if let Some(&(part, row)) = self.places.get(&id) {
                bits[part as usize][row as usize / 32] |= 1 << (row % 32);
            }
        }
        bits.into_iter().map(Bits::from).collect()
    }
}

impl Part {
    fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
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
        let layout = Layout::all(&self.manifest.dimensions);
        let rows = self.uris(table, None).await?;
        let row_bytes = layout.dimension * size_of::<f32>() + tags::ROW_BYTES;
        let bytes = rows.len() as u64 * row_bytes as u64;
        if bytes > hot.max_bytes {
            return Ok(None);
        }
        let ids: HashSet<u64> = rows.into_iter().map(|(_, id)| id).collect();
        let reused = before.filter(|before| {
            let gone = before.places.keys().filter(|id| !ids.contains(id)).count();
            gone * 4 <= before.places.len()
                && before.parts.len() < ids.len() / PART_ROWS + SPARE_PARTS
        });
        let (mut parts, mut places) = match reused {
            Some(before) => (before.parts.clone(), before.places.clone()),
            None => (Vec::new(), HashMap::new()),
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
            parts.push(Arc::new(Part {
                chunk: Arc::new(chunk),
                tags: Arc::new(tags),
                held: None,
                has_failed: AtomicBool::new(false),
            }));
        }
        places.retain(|id, _| ids.contains(id));
        let mut kept = Kept {
            version,
            layout,
            parts,
            places,
            live: Vec::new(),
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

    /// Facets over the kept rows that pass, counted once a version and filter.
    pub(crate) async fn facets_of_kept(
        &self,
        table: &Table,
        hot: &Hot,
        kept: Arc<Kept>,
        which: Option<&str>,
    ) -> Result<Facets, StoreError> {
        let (version, which) = (kept.version, which.map(str::to_string));
        if let Some(facets) = hot.counted(version, &which) {
            return Ok(facets);
        }
        let allowed = match which {
            None => kept.live.clone(),
            Some(_) => kept.bits(
                self.row_ids(table, which.as_deref(), ALL_ROWS)
                    .await?
                    .into_iter(),
            ),
        };
        let counted = spawn_blocking(move || count_facets(&kept, &allowed)).await;
        let counted = counted.unwrap_or_else(|error| Err(format!("counting broke off: {error}")));
        let facets = counted.map_err(|reason| self.damaged(reason))?;
        hot.count(version, which, &facets);
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
        let allowed = match which {
            None => kept.live.clone(),
            Some(_) => kept.bits(
                self.row_ids(table, which.as_deref(), ALL_ROWS)
                    .await?
                    .into_iter(),
            ),
        };
        let proposals = self.propose(kept, &allowed, searches).await;
        let moved = searches.iter_mut().map(|(query, best)| {
            let best = mem::replace(best, Best::new(0));
            (query.clone(), best)
        });
        let moved: Vec<(Query, Best)> = moved.collect();
        let kept = kept.clone();
        let compared = spawn_blocking(move || compare(&kept, &allowed, &proposals, moved)).await;
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

fn count_facets(kept: &Kept, allowed: &[Bits]) -> Result<Facets, String> {
    let mut counter = Counter::default();
    for (part, allowed) in kept.parts.iter().zip(allowed) {
        for row in (0..part.chunk.ids.len()).filter(|row| is_set(allowed, *row)) {
            counter.add(&part.tags.record(row)?);
        }
    }
    Ok(counter.finish())
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

/// Adds the rows of a batch to the last chunk, or to a new one where it is full. `tags` are the columns
/// that are kept besides the vectors.
fn push(
    batch: &RecordBatch,
    layout: &Layout,
    tags: &[String],
    chunks: &mut Vec<(Chunk, Tags)>,
) -> Result<(), String> {
    let rows = Rows(batch);
    let (uris, skus) = (rows.words("uri")?, rows.words("sku")?);
    let ids = rows.u64s(ROW_ID)?;
    let vectors = layout.vectors(&rows)?;
    let places: Result<Vec<usize>, _> = (tags.iter())
        .map(|column| batch.schema().index_of(column))
        .collect();
    let said = places.and_then(|places| batch.project(&places));
    let said = said.map_err(|error| error.to_string())?;
    let mut at = 0;
    while at < ids.len() {
        if chunks
            .last()
            .is_none_or(|(chunk, _)| chunk.ids.len() >= PART_ROWS)
        {
            chunks.push(Default::default());
        }
        let Some((chunk, tags)) = chunks.last_mut() else {
            continue;
        };
        let end = ids.len().min(at + PART_ROWS - chunk.ids.len());
        tags.push(&said, at..end);
        for row in at..end {
            let named = Row {
                id: ids[row],
                uri: uris.value(row),
                sku: skus.is_valid(row).then(|| skus.value(row)),
            };
            chunk.push(named, row, &vectors);
        }
        at = end;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_set_and_read_alike() {
        let mut chunk = Chunk::default();
        for id in 100..170 {
            let row = Row {
                id,
                uri: "",
                sku: None,
            };
            chunk.push(row, 0, &[(&[1.0], 1)]);
        }
        let kept = Kept {
            version: 1,
            layout: Layout::all(&showroom_catalog::embedding::Dimensions {
                shape: 1,
                colour: 1,
                text: 1,
                classes: 1,
            }),
            places: (100..170).map(|id| (id, (0, id as u32 - 100))).collect(),
            parts: vec![Arc::new(Part {
                chunk: Arc::new(chunk),
                tags: Arc::default(),
                held: None,
                has_failed: AtomicBool::new(false),
            })],
            live: Vec::new(),
        };
        let bits = kept.bits([100, 131, 132, 169, 500].into_iter());
        let set: Vec<usize> = (0..80).filter(|row| is_set(&bits[0], *row)).collect();
        assert_eq!((bits.len(), bits[0].len()), (1, 3));
        assert_eq!(set, [0, 31, 32, 69]);
    }
}
