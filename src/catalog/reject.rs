//! A photo that could not be used. A reject is a value that is kept, not an error that ends a run.

use serde::{Deserialize, Serialize};

use crate::photo::PhotoRef;

/// The stage of the pipeline that refused a photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    List,
    Fetch,
    Decode,
    Encode,
    Tag,
    Write,
}

impl Stage {
    /// Lower-case name, as in the JSON.
    pub fn name(self) -> &'static str {
        match self {
            Stage::List => "list",
            Stage::Fetch => "fetch",
            Stage::Decode => "decode",
            Stage::Encode => "encode",
            Stage::Tag => "tag",
            Stage::Write => "write",
        }
    }
}

/// A photo that could not be used, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    pub source: PhotoRef,
    pub stage: Stage,
    /// Stable word for programs, e.g. `too-many-pixels`, `truncated`, `not-an-image`.
    pub code: String,
    /// One sentence for people: what is wrong and what to do.
    pub reason: String,
    /// When it was refused, milliseconds since 1970-01-01 UTC.
    pub rejected_at_ms: i64,
}
