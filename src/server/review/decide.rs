//! `POST /v1/review/decisions` and `/v1/review/undo`: log first, then rows.

use std::collections::{HashMap, HashSet};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::{Value as Any, json};
use showroom_catalog::decide::{KnownLabel, Made, decide_category, decide_label, restore};
use showroom_catalog::decision::{
    CATEGORY, CategoryNode, Decisions, HumanDecision, LogEntry, Undo, Verdict,
};
use showroom_catalog::filter::{Field, Value};
use showroom_catalog::seams::Columns;
use showroom_catalog::{Filter, PhotoId, Record};

use super::writing::not_shown;
use super::{Logged, Reviewer, blocking};
use crate::error::ApiError;

/// Decisions of one request; a filter of the catalogue holds no more photos.
const MAX_DECISIONS: usize = 200;

/// What is to be done with one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Accept,
    Reject,
    /// It is `value` instead.
    Correct,
}

/// The body of `POST /v1/review/decisions`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Body {
    decisions: Vec<Wish>,
}

/// One decision.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    /// The photo.
    id: PhotoId,
    /// Id of the label, or `@category`.
    label: String,
    action: Action,
    /// For `correct`: id of the category or label that it is. Else, of a category: the id that the
    /// reviewer saw.
    #[serde(default)]
    value: Option<String>,
    /// Batch of the last decision on it that the reviewer has seen; `null` for none.
    #[serde(default)]
    seen: Option<String>,
}

/// The body of `POST /v1/review/undo`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UndoBody {
    batch: String,
}

/// What became of one decision.
#[derive(Debug, Serialize)]
struct Outcome {
    id: PhotoId,
    label: String,
    /// 200; 404 where the photo or label is not there, 409 where somebody decided meanwhile or the
    /// category is another by now, 422 where `value` is missing or unknown.
    status: u16,
    /// Why it was not taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// The decision that was made meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    meanwhile: Option<Any>,
}

/// Why one decision was not taken.
struct Refused {
    status: u16,
    message: String,
    meanwhile: Option<Any>,
}

impl Refused {
    fn new(status: u16, message: impl Into<String>) -> Refused {
        Refused {
            status,
            message: message.into(),
            meanwhile: None,
        }
    }
}

impl Reviewer {
    /// `POST /v1/review/decisions`.
    pub(super) async fn decide(&self, body: Body, by: Option<String>) -> Result<Any, ApiError> {
        self.check_writable()?;
        let wishes = body.decisions;
        if !(1..=MAX_DECISIONS).contains(&wishes.len()) {
            let message = format!(
                "from 1 to {MAX_DECISIONS} decisions at once, not {}",
                wishes.len()
            );
            return Err(ApiError::bad("bad_request", message));
        }
        // Held to the end, so that nobody decides or writes between the check and the writing.
        let _turn = self.turn().await?;
        let mut state = self.logged().await?;
        let photos = wishes.iter().map(|wish| wish.id);
        let mut rows = self.rows_of(photos.collect()).await?;
        let at_ms = now_ms();
        let batch = uuid::Uuid::new_v4().to_string();
        let made = Made {
            at_ms,
            batch: &batch,
            by: by.as_deref(),
        };
        let mut lines: Vec<HumanDecision> = Vec::new();
        let mut outcomes = Vec::with_capacity(wishes.len());
        let mut items = HashSet::new();
        for wish in &wishes {
            let records = rows
                .get_mut(&wish.id)
                .map(Vec::as_mut_slice)
                .unwrap_or_default();
            let done = match items.insert((wish.id, wish.label.as_str())) {
                true => self.decide_one(wish, records, made, &state.decisions),
                false => Err(Refused::new(409, "it is decided twice in one request")),
            };
            let (status, message, meanwhile) = match done {
                Ok(more) => {
                    lines.extend(more);
                    (200, None, None)
                }
                Err(refused) => (refused.status, Some(refused.message), refused.meanwhile),
            };
            outcomes.push(Outcome {
                id: wish.id,
                label: wish.label.clone(),
                status,
                message,
                meanwhile,
            });
        }
        let decided: HashSet<PhotoId> = lines.iter().map(|line| line.photo).collect();
        if !lines.is_empty() {
            self.log(&mut state, lines).await?;
            let records = rows.into_iter().filter(|(id, _)| decided.contains(id));
            let records = records.flat_map(|(_, records)| records).collect();
            if let Err(error) = self.catalogue.upsert(records, Vec::new()).await {
                state.behind.extend(decided);
                return Err(not_shown(&error));
            }
        }
        let count = |status: u16| outcomes.iter().filter(|done| done.status == status).count();
        Ok(json!({
            "batch": (!decided.is_empty()).then_some(&batch),
            "decided": count(200),
            "conflicts": count(409),
            "results": outcomes,
        }))
    }

    /// Writes one decision to all rows of its photo; the lines for the log.
    fn decide_one(
        &self,
        wish: &Wish,
        records: &mut [Record],
        made: Made<'_>,
        decisions: &Decisions,
    ) -> Result<Vec<HumanDecision>, Refused> {
        let Some(first) = records.first() else {
            return Err(Refused::new(
                404,
                "the photo is not in the catalogue any more",
            ));
        };
        let last = decisions.last(wish.id, &wish.label);
        if last.and_then(|line| line.details.batch.as_deref()) != wish.seen.as_deref() {
            return Err(Refused {
                meanwhile: last.map(meanwhile),
                ..Refused::new(409, "somebody decided this meanwhile")
            });
        }
        let value = wish.value.as_deref();
        let each = |records: &mut [Record], decide: &dyn Fn(&mut Record) -> Vec<HumanDecision>| {
            records.iter_mut().flat_map(decide).collect()
        };
        if wish.label == CATEGORY {
            let (node, verdict) = self.category(wish.action, value, first)?;
            return Ok(each(records, &|record| {
                vec![decide_category(record, &node, verdict, made, decisions)]
            }));
        }
        let label = self.label(&wish.label, records)?;
        let (verdict, other) = match wish.action {
            Action::Accept => (Verdict::Accept, None),
            Action::Reject => (Verdict::Reject, None),
            Action::Correct => {
                let Some(value) = value.filter(|value| *value != wish.label) else {
                    return Err(Refused::new(
                        422,
                        "correct needs the id of another label as value",
                    ));
                };
                let unknown = |_| Refused::new(422, format!("there is no label {value:?}"));
                (
                    Verdict::Reject,
                    Some(self.label(value, records).map_err(unknown)?),
                )
            }
        };
        Ok(each(records, &|record| {
            let mut lines = decide_label(record, &label, verdict, made, decisions);
            if let Some(other) = &other {
                lines.extend(decide_label(
                    record,
                    other,
                    Verdict::Accept,
                    made,
                    decisions,
                ));
            }
            lines
        }))
    }

    /// Which category is right, or wrong.
    fn category(
        &self,
        action: Action,
        value: Option<&str>,
        record: &Record,
    ) -> Result<(CategoryNode, Verdict), Refused> {
        if action == Action::Correct {
            let Some(id) = value else {
                return Err(Refused::new(
                    422,
                    "correct needs the id of a category as value",
                ));
            };
            let found = self.categories.iter().find(|node| node.id == id);
            return match found {
                Some(node) => Ok((node.clone(), Verdict::Accept)),
                None => Err(Refused::new(422, format!("there is no category {id:?}"))),
            };
        }
        let Some(category) = &record.category else {
            return Err(Refused::new(
                409,
                "the photo has no category; correct it to one",
            ));
        };
        if value.is_some_and(|seen| seen != category.id) {
            let message = format!("the category is {} ({}) by now", category.name, category.id);
            return Err(Refused::new(409, message));
        }
        let verdict = match action {
            Action::Accept => Verdict::Accept,
            _ => Verdict::Reject,
        };
        Ok((CategoryNode::from(category), verdict))
    }

    /// A label by its id, from the label sets, from the photo itself, or from what waits.
    fn label(&self, id: &str, records: &[Record]) -> Result<KnownLabel, Refused> {
        let mut tags = records.iter().flat_map(|record| &record.labels);
        let known = self.known_label(id);
        let known = known.or_else(|| tags.find(|tag| tag.id == id).map(KnownLabel::from));
        known.ok_or_else(|| Refused::new(404, format!("the photo has no label {id:?}")))
    }

    /// Adds lines to the log, on the disk and here.
    async fn log(&self, state: &mut Logged, lines: Vec<HumanDecision>) -> Result<(), ApiError> {
        let entries = lines
            .iter()
            .cloned()
            .map(|line| LogEntry::Decision(Box::new(line)));
        self.append(state, entries.collect()).await?;
        lines.into_iter().for_each(|line| state.decisions.add(line));
        Ok(())
    }

    async fn append(&self, state: &mut Logged, entries: Vec<LogEntry>) -> Result<(), ApiError> {
        let store = self.store.clone();
        let entries = blocking(move || store.append(&entries).map(|()| entries)).await?;
        state.log.entries.extend(entries);
        Ok(())
    }

    /// All rows of these photos, with vectors, by photo.
    async fn rows_of(
        &self,
        photos: HashSet<PhotoId>,
    ) -> Result<HashMap<PhotoId, Vec<Record>>, ApiError> {
        let mut rows: HashMap<PhotoId, Vec<Record>> = HashMap::new();
        let photos: Vec<Value> = photos
            .iter()
            .map(|id| Value::Word(id.to_string()))
            .collect();
        for some in photos.chunks(MAX_DECISIONS) {
            let mut each = |records: Vec<Record>| {
                for record in records {
                    rows.entry(record.id).or_default().push(record);
                }
                true
            };
            let filter = Filter::OneOf(Field::Id, some.to_vec());
            self.catalogue
                .scan(Some(filter), Columns::All, &mut each)
                .await?;
        }
        Ok(rows)
    }

    /// `POST /v1/review/undo`.
    pub(super) async fn undo(&self, body: UndoBody, by: Option<String>) -> Result<Any, ApiError> {
        self.check_writable()?;
        let batch = body.batch;
        let _turn = self.turn().await?;
        let mut state = self.logged().await?;
        if state.log.undone().contains(batch.as_str()) {
            let message = format!("the batch {batch} is undone already");
            let conflict = axum::http::StatusCode::CONFLICT;
            return Err(ApiError::new(conflict, "undone_already", message));
        }
        let is_of_batch = |line: &&HumanDecision| line.details.batch.as_deref() == Some(&batch);
        let lines: Vec<HumanDecision> = state.log.counting().filter(is_of_batch).cloned().collect();
        if lines.is_empty() {
            return Err(ApiError::not_found(
                "not_found",
                format!("the log has no batch {batch:?}"),
            ));
        }
        // What somebody decided again since stays as he decided it.
        let is_last = |line: &&HumanDecision| {
            let last = state.decisions.last(line.photo, &line.label);
            last.is_some_and(|last| last.details.batch == line.details.batch)
        };
        let (undone, kept): (Vec<&HumanDecision>, Vec<&HumanDecision>) =
            lines.iter().partition(is_last);
        let undo = Undo {
            at_ms: now_ms(),
            undo: batch.clone(),
            by,
        };
        self.append(&mut state, vec![LogEntry::Undo(undo)]).await?;
        state.decisions = state.log.decisions();
        let photos = undone.iter().map(|line| line.photo);
        let rows = self.rows_of(photos.collect()).await?;
        let mut records: Vec<Record> = rows.into_values().flatten().collect();
        for record in &mut records {
            // Last first, as they were put on one another.
            for line in undone.iter().rev() {
                if line.photo == record.id && line.uri == record.source.uri {
                    restore(record, line, &state.decisions);
                }
            }
        }
        let told = |lines: &[&HumanDecision]| -> Vec<Any> {
            let each = lines.iter();
            each.map(|line| json!({ "id": line.photo, "label": line.label }))
                .collect()
        };
        let answer = json!({
            "batch": batch,
            "undone": told(&undone),
            "kept": told(&kept),
        });
        if !records.is_empty() {
            if let Err(error) = self.catalogue.upsert(records.clone(), Vec::new()).await {
                state.behind.extend(records.iter().map(|record| record.id));
                return Err(not_shown(&error));
            }
            self.wait_again(&records).await?;
        }
        Ok(answer)
    }
}

fn meanwhile(line: &HumanDecision) -> Any {
    json!({
        "at_ms": line.at_ms,
        "by": line.details.by,
        "verdict": line.verdict,
        "category": line.details.category,
        "batch": line.details.batch,
    })
}

/// Milliseconds since 1970-01-01 UTC; 0 on a machine whose clock is before that.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}
