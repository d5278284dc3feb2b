//! One writes at a time: whoever reads rows in order to write them back holds the turn meanwhile, so that nothing that
//! another wrote between is undone. And rows that the log is ahead of are brought up to it.

use std::collections::HashSet;

use showroom_catalog::catch_up::catch_up;
use showroom_catalog::decision::{Decisions, LogEntry};
use showroom_catalog::filter::{Field, Value};
use showroom_catalog::seams::{Columns, StoreError};
use showroom_catalog::{Filter, PhotoId, Record};
use tokio::sync::MutexGuard;

use super::{Logged, Reviewer};
use crate::error::ApiError;
use crate::state::App;

/// Photos that are looked up at a time; a filter of the catalogue holds no more.
const AT_ONCE: usize = 200;

/// The right to read rows and write them back.
pub(crate) struct Turn<'a> {
    _writing: MutexGuard<'a, ()>,
}

impl App {
    /// Brings rows that the log of decisions is ahead of up to it, at the start; says so in the log.
    pub async fn catch_up(&self) {
        match self.reviewer.catch_up().await {
            Ok(0) => {}
            Ok(photos) => {
                tracing::info!(photos, "rows now show what was decided before the last end")
            }
            Err(error) => tracing::warn!(
                reason = error.message,
                "rows may not show what was decided before the last end; the next start tries again"
            ),
        }
    }
}

impl Reviewer {
    /// Waits for the turn. Fails where rows that the log is ahead of cannot be written yet: then nothing can.
    pub(crate) async fn turn(&self) -> Result<Turn<'_>, ApiError> {
        let _writing = self.writing.lock().await;
        let mut state = self.logged().await?;
        self.write_behind(&mut state).await?;
        Ok(Turn { _writing })
    }

    /// What was decided of these photos.
    pub(crate) async fn decided_of(&self, photos: &[PhotoId]) -> Result<Decisions, ApiError> {
        Ok(self.logged().await?.decisions.about(photos))
    }

    /// Brings rows that are about to be written to what the log says.
    pub(crate) async fn bring_up(&self, records: &mut [Record]) -> Result<(), ApiError> {
        let state = self.logged().await?;
        self.follow(&state, records.iter_mut().collect());
        Ok(())
    }

    /// Brings all rows that the log is ahead of up to it, as a server that was killed between the two leaves them;
    /// how many photos there were. To be asked once, at the start.
    pub async fn catch_up(&self) -> Result<usize, ApiError> {
        let _writing = self.writing.lock().await;
        let mut state = self.logged().await?;
        let photos: HashSet<PhotoId> = (state.log.entries.iter())
            .filter_map(|entry| match entry {
                LogEntry::Decision(line) => Some(line.photo),
                LogEntry::Undo(_) => None,
            })
            .collect();
        let photos: Vec<PhotoId> = photos.into_iter().collect();
        let mut behind = HashSet::new();
        for some in photos.chunks(AT_ONCE) {
            let mut each = |mut records: Vec<Record>| {
                behind.extend(self.follow(&state, records.iter_mut().collect()));
                true
            };
            self.scan(some, Columns::Tags, &mut each).await?;
        }
        let count = behind.len();
        state.behind = behind;
        self.write_behind(&mut state).await?;
        Ok(count)
    }

    /// Writes the rows that the log is known to be ahead of.
    pub(super) async fn write_behind(&self, state: &mut Logged) -> Result<(), ApiError> {
        if state.behind.is_empty() {
            return Ok(());
        }
        let behind: Vec<PhotoId> = state.behind.iter().copied().collect();
        for some in behind.chunks(AT_ONCE) {
            let mut rows: Vec<Record> = Vec::new();
            let mut each = |records: Vec<Record>| {
                rows.extend(records);
                true
            };
            self.scan(some, Columns::All, &mut each).await?;
            let changed = self.follow(state, rows.iter_mut().collect());
            rows.retain(|row| changed.contains(&row.id));
            if !rows.is_empty() {
                self.catalogue.upsert(rows, Vec::new()).await?;
            }
            for photo in some {
                state.behind.remove(photo);
            }
        }
        Ok(())
    }

    /// Brings these rows to what the log says; the photos of those that it changed.
    fn follow(&self, state: &Logged, mut records: Vec<&mut Record>) -> HashSet<PhotoId> {
        let photos = records.iter().map(|record| record.id).collect();
        let lines = state.log.about(&photos);
        let known = self.labels.get();
        let is_known = |id: &str| known.iter().any(|label| label.id == id);
        let mut changed = HashSet::new();
        for record in &mut records {
            let lines = lines.get(&record.id).map(Vec::as_slice).unwrap_or_default();
            if catch_up(record, lines, &state.decisions, &is_known) {
                changed.insert(record.id);
            }
        }
        changed
    }

    async fn scan(
        &self,
        photos: &[PhotoId],
        columns: Columns,
        each: &mut (dyn FnMut(Vec<Record>) -> bool + Send),
    ) -> Result<(), StoreError> {
        let photos = photos.iter().map(|id| Value::Word(id.to_string()));
        let filter = Filter::OneOf(Field::Id, photos.collect());
        self.catalogue.scan(Some(filter), columns, each).await
    }
}

/// What a client is told whose decision is in the log and not in the rows.
pub(super) fn not_shown(error: &StoreError) -> ApiError {
    tracing::error!(reason = %error, "decisions are in the log and not in the catalogue yet");
    ApiError::unavailable(
        "decided_not_shown",
        "what was decided is kept, but the catalogue cannot be written now, and its photos do not show it yet; they \
         follow with the next decision, or when the server starts again",
    )
}
