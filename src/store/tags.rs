//! What rows say besides their vectors, kept in memory as Arrow holds it.

use std::ops::Range;

use arrow_array::{Array, RecordBatch};
use showroom_catalog::Record;

use crate::decode::{self, Rows};
use crate::schema::TITLE;

/// Bytes that a row takes, about: words of categories, colours and labels, facts, a few attributes.
pub(crate) const ROW_BYTES: usize = 1024;

/// Rows one after another, in the batches in which they came.
#[derive(Default)]
pub(crate) struct Tags {
    batches: Vec<RecordBatch>,
    /// The row with which each batch begins.
    starts: Vec<usize>,
    rows: usize,
}

impl Tags {
    /// Adds rows of a batch that has no other columns than tags.
    pub(crate) fn push(&mut self, batch: &RecordBatch, rows: Range<usize>) {
        self.starts.push(self.rows);
        self.rows += rows.len();
        self.batches.push(batch.slice(rows.start, rows.len()));
    }

    /// Every record, without vectors, in order.
    pub(crate) fn each(&self, mut tell: impl FnMut(Record)) -> Result<(), String> {
        for batch in &self.batches {
            decode::records(batch)?.into_iter().for_each(&mut tell);
        }
        Ok(())
    }

    /// The record of a row, without vectors. The error says what is wrong with it.
    pub(crate) fn record(&self, row: usize) -> Result<Record, String> {
        let (batch, at) = self.place(row).ok_or("a row cannot be found again")?;
        let mut records = decode::records(&batch.slice(at, 1))?;
        records
            .pop()
            .ok_or_else(|| "a row cannot be found again".into())
    }

    /// The batch that has a row, and where in it.
    fn place(&self, row: usize) -> Option<(&RecordBatch, usize)> {
        let at = self.starts.partition_point(|start| *start <= row);
        let at = at.checked_sub(1)?;
        let (batch, row) = (self.batches.get(at)?, row - self.starts[at]);
        (row < batch.num_rows()).then_some((batch, row))
    }

    /// The id of each row, in order. The error says that a batch has none.
    pub(crate) fn ids(&self) -> Result<Vec<&str>, String> {
        let mut ids = Vec::with_capacity(self.rows);
        for batch in &self.batches {
            let words = Rows(batch).words("id")?;
            ids.extend((0..batch.num_rows()).map(|row| words.value(row)));
        }
        Ok(ids)
    }

    /// Whether the id of a row begins with these hexadecimal digits.
    pub(crate) fn has_id(&self, row: usize, beginning: &str) -> bool {
        self.place(row).is_some_and(|(batch, row)| {
            let ids = Rows(batch).words("id");
            ids.is_ok_and(|ids| ids.value(row).starts_with(beginning))
        })
    }

    /// Whether a row has a title.
    pub(crate) fn has_titles(&self) -> bool {
        let has = |batch: &RecordBatch| {
            let titles = Rows(batch).words(TITLE).ok().cloned();
            titles.is_some_and(|titles| titles.null_count() < titles.len())
        };
        self.batches.iter().any(has)
    }
}
