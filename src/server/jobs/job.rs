//! A job, and what can happen to it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::now_s;

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Queued,
    Running,
    Done,
    Failed,
    Cancelled,
}

impl Status {
    pub fn is_over(self) -> bool {
        matches!(self, Status::Done | Status::Failed | Status::Cancelled)
    }

    /// As in the JSON.
    pub fn name(self) -> &'static str {
        match self {
            Status::Queued => "queued",
            Status::Running => "running",
            Status::Done => "done",
            Status::Failed => "failed",
            Status::Cancelled => "cancelled",
        }
    }
}

/// How far a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub done: u64,
    /// 0 where that is not known.
    pub total: u64,
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewJob {
    pub kind: String,
    #[serde(default)]
    pub input: Value,
    /// Told by POST when the job is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
}

impl NewJob {
    /// The same for the same job, however its JSON is written.
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        add(
            &mut hasher,
            &serde_json::json!([self.kind, self.input, self.webhook]),
        );
        hasher.finalize().to_hex().to_string()
    }
}

/// Adds a value with the fields of its objects in the order of their names: whether a map keeps them in the
/// order in which they were written is a matter of how the program was built.
fn add(hasher: &mut blake3::Hasher, value: &Value) {
    match value {
        Value::Object(fields) => {
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort();
            hasher.update(b"{");
            for name in names {
                add(hasher, &Value::String(name.clone()));
                add(hasher, &fields[name]);
            }
            hasher.update(b"}");
        }
        Value::Array(values) => {
            hasher.update(b"[");
            values.iter().for_each(|value| add(hasher, value));
            hasher.update(b"]");
        }
        // As JSON, so that `1` and `"1"` differ, with an end.
        plain => {
            hasher.update(plain.to_string().as_bytes());
            hasher.update(b",");
        }
    }
}

/// A key that makes sending a job twice the same as sending it once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Idempotency {
    pub key: String,
    pub fingerprint: String,
}

/// A job. In the API without what only the log needs: see [`Job::shown`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// In the order in which they were accepted, from 1.
    pub number: u64,
    pub id: String,
    pub kind: String,
    pub input: Value,
    pub webhook: Option<String>,
    pub idempotency: Option<Idempotency>,
    pub status: Status,
    /// Whether it was told to end and has not yet.
    #[serde(skip)]
    pub cancelling: bool,
    pub progress: Progress,
    pub result: Option<Value>,
    pub error: Option<String>,
    /// How often it was begun.
    pub attempts: u32,
    /// Seconds since 1970-01-01 UTC.
    pub created_at_s: u64,
    pub started_at_s: Option<u64>,
    pub finished_at_s: Option<u64>,
    /// Whether its webhook was told, or given up.
    pub notified: bool,
}

/// Something that happened to a job: a line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    Accepted(Box<Job>),
    Started { at_s: u64 },
    Done { at_s: u64, result: Value },
    Failed { at_s: u64, error: String },
    Cancelled { at_s: u64 },
    Notified,
}

impl Job {
    pub fn new(number: u64, id: String, new: NewJob, idempotency: Option<Idempotency>) -> Job {
        Job {
            number,
            id,
            kind: new.kind,
            input: new.input,
            webhook: new.webhook,
            idempotency,
            status: Status::Queued,
            cancelling: false,
            progress: Progress::default(),
            result: None,
            error: None,
            attempts: 0,
            created_at_s: now_s(),
            started_at_s: None,
            finished_at_s: None,
            notified: false,
        }
    }

    /// After this happened.
    pub fn apply(&mut self, event: Event) {
        let mut over = |status, at_s| {
            self.status = status;
            self.finished_at_s = Some(at_s);
        };
        match event {
            Event::Accepted(job) => *self = *job,
            Event::Started { at_s } => {
                self.status = Status::Running;
                self.started_at_s = Some(at_s);
                self.attempts += 1;
            }
            Event::Done { at_s, result } => {
                over(Status::Done, at_s);
                self.result = Some(result);
            }
            Event::Failed { at_s, error } => {
                over(Status::Failed, at_s);
                self.error = Some(error);
            }
            Event::Cancelled { at_s } => over(Status::Cancelled, at_s),
            Event::Notified => self.notified = true,
        }
    }

    /// As clients see it.
    pub fn shown(&self) -> Value {
        serde_json::json!({
            "id": self.id,
            "object": "job",
            "kind": self.kind,
            "status": self.status,
            "cancelling": self.cancelling,
            "progress": self.progress,
            "result": self.result,
            "error": self.error,
            "attempts": self.attempts,
            "created_at": self.created_at_s,
            "started_at": self.started_at_s,
            "finished_at": self.finished_at_s,
        })
    }
}
