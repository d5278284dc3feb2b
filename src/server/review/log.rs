//! `GET /v1/review/log`: what was decided, newest first. What was undone stays in it and is told so.

use serde::Deserialize;
use serde_json::{Value as Any, json};
use showroom_catalog::decision::{CATEGORY, LogEntry};

use super::Reviewer;
use crate::error::ApiError;
use crate::product::within;

const PAGE: usize = 100;
const MAX_PAGE: usize = 500;
/// More lines than any log has.
const MAX_CURSOR: usize = 1_000_000_000;

/// `?limit=&cursor=`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    limit: Option<usize>,
    /// Number of the line before which the page begins. Lines are only ever added, so it holds.
    cursor: Option<usize>,
}

impl Reviewer {
    /// `GET /v1/review/log`.
    pub(super) async fn history(&self, asked: Asked) -> Result<Any, ApiError> {
        let limit = within("limit", asked.limit, PAGE, 1..=MAX_PAGE)?;
        let state = self.logged().await?;
        let entries = &state.log.entries;
        let undone = state.log.undone();
        let end = within("cursor", asked.cursor, entries.len(), 0..=MAX_CURSOR)?.min(entries.len());
        let start = end.saturating_sub(limit);
        let lines = entries[start..end].iter().enumerate().rev();
        let lines: Vec<Any> = lines
            .map(|(at, entry)| match entry {
                LogEntry::Undo(undo) => json!({
                    "number": start + at,
                    "kind": "undo",
                    "at_ms": undo.at_ms,
                    "by": undo.by,
                    "batch": undo.undo,
                }),
                LogEntry::Decision(line) => {
                    let details = &line.details;
                    let batch = details.batch.as_deref();
                    json!({
                        "number": start + at,
                        "kind": "decision",
                        "at_ms": line.at_ms,
                        "by": details.by,
                        "batch": batch,
                        "undone": batch.is_some_and(|batch| undone.contains(batch)),
                        "id": line.photo,
                        "uri": line.uri,
                        "sku": line.sku,
                        "label": line.label,
                        "is_category": line.label == CATEGORY,
                        "name": details.name,
                        "verdict": line.verdict,
                        "category": details.category,
                        "category_before": details.category_before.as_ref().map(|c| &c.name),
                    })
                }
            })
            .collect();
        Ok(json!({
            "lines": lines,
            "total": entries.len(),
            "next": (start > 0).then_some(start),
            "problems": state.log.problems,
        }))
    }
}
