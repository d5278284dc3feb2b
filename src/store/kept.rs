//! The rows that one version of the table has, in memory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};

use arrow_array::{Array, RecordBatch};
use showroom_catalog::seams::{Columns, HeldVectors};
use showroom_catalog::{Query, Record, VectorName, Vectors};

use crate::best::{Best, Row};
use crate::chunk::{Chunk, Layout};
use crate::compared::is_set;
use crate::decode::Rows;
use crate::keys::Keys;
use crate::schema::ROW_ID;
use crate::search::score;
use crate::tags::Tags;
use crate::terms::{Dictionary, Numbered};

/// Rows of a part: with the default vectors 170 MB.
pub(crate) const PART_ROWS: usize = 16_384;

/// The rows of one version of the table.
pub(crate) struct Kept {
    pub(crate) version: u64,
    pub(crate) layout: Layout,
    pub(crate) parts: Vec<Arc<Part>>,
    /// Part and place of each row, by its id.
    pub(crate) places: HashMap<u64, (u32, u32)>,
    /// The rows of each part that this version has.
    pub(crate) live: Vec<Bits>,
    /// Shared with the versions before and after.
    pub(crate) terms: Arc<RwLock<Dictionary>>,
}

/// Rows of a part, a bit each, 32 a word, the lowest first.
pub(crate) type Bits = Arc<[u32]>;

pub(crate) struct Part {
    pub(crate) chunk: Arc<Chunk>,
    /// What the rows of the chunk say besides their vectors.
    pub(crate) tags: Arc<Tags>,
    pub(crate) keys: Arc<Keys>,
    /// What they count for in facets, in the numbers of [`Kept::terms`].
    pub(crate) numbered: Arc<Numbered>,
    /// `None` where the CPU compares it.
    pub(crate) held: Option<Box<dyn HeldVectors>>,
    /// Whether what holds it has failed, so that it is asked no more.
    pub(crate) has_failed: AtomicBool,
}

impl Kept {
    /// Whether an accelerator holds all of it, so that comparing every row is sooner done than asking an
    /// index.
    pub(crate) fn is_accelerated(&self) -> bool {
        let works = |part: &Arc<Part>| part.held.is_some() && !part.has_failed();
        !self.parts.is_empty() && self.parts.iter().all(works)
    }

    /// Whether the row with this id is one of these.
    pub(crate) fn has(&self, bits: &[Bits], id: u64) -> bool {
        let place = self.places.get(&id);
        place.is_some_and(|&(part, row)| is_set(&bits[part as usize], row as usize))
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
            for at in part.keys.named(key) {
                let row = part.chunk.row(at);
                if row.uri == key || row.sku == Some(key) {
                    add(at, row);
                }
            }
            let Some(id) = id else { continue };
            for at in part.keys.with_id(id) {
                if part.tags.has_id(at, id) {
                    add(at, part.chunk.row(at));
                }
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
    pub(crate) fn bits(&self, ids: impl Iterator<Item = u64>) -> Vec<Bits> {
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
    /// Rows that no accelerator holds. The error says what is wrong with them.
    pub(crate) fn new(chunk: Chunk, tags: Tags, terms: &mut Dictionary) -> Result<Part, String> {
        let numbered = Numbered::of(&tags, terms)?;
        let ids = tags.ids()?;
        let rows = ids.into_iter().enumerate();
        let keys = Keys::of(rows.map(|(at, id)| {
            let row = chunk.row(at);
            (row.uri, row.sku, id)
        }));
        Ok(Part {
            keys: Arc::new(keys),
            numbered: Arc::new(numbered),
            chunk: Arc::new(chunk),
            tags: Arc::new(tags),
            held: None,
            has_failed: AtomicBool::new(false),
        })
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }
}

/// Adds the rows of a batch to the last chunk, or to a new one where it is full. `tags` are the columns
/// that are kept besides the vectors.
pub(crate) fn push(
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
            break;
        };
        let end = ids.len().min(at + PART_ROWS - chunk.ids.len());
        tags.push(&said, at..end);
        for (row, id) in ids.iter().enumerate().take(end).skip(at) {
            let named = Row {
                id: *id,
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
                keys: Arc::default(),
                numbered: Arc::default(),
                held: None,
                has_failed: AtomicBool::new(false),
            })],
            live: Vec::new(),
            terms: Arc::default(),
        };
        let bits = kept.bits([100, 131, 132, 169, 500].into_iter());
        let set: Vec<usize> = (0..80).filter(|row| is_set(&bits[0], *row)).collect();
        assert_eq!((bits.len(), bits[0].len()), (1, 3));
        assert_eq!(set, [0, 31, 32, 69]);
    }
}
