//! What can go wrong with a model's files, each as one sentence that says what to do.

use std::path::{Path, PathBuf};

/// A model file that cannot be used, fetched or kept.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// Reading or writing failed. `doing` is a phrase such as "read the weights".
    #[error("cannot {doing} at {}: {source}", path.display())]
    Io {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The file is damaged or not what it says it is.
    #[error("{} is refused: {reason}; delete it and pull the model again", path.display())]
    Malformed { path: PathBuf, reason: String },
    /// The file could run code when a less careful loader opens it.
    #[error("{} is refused: {reason}; get the weights from a source that you trust, best as safetensors", path.display())]
    Unsafe { path: PathBuf, reason: String },
    /// The file is larger than we read.
    #[error("{} is refused: {bytes} bytes is more than the {limit_bytes} that are read", path.display())]
    TooLarge {
        path: PathBuf,
        bytes: u64,
        limit_bytes: u64,
    },
}

impl WeightsError {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io {
            doing,
            path: path.to_owned(),
            source,
        }
    }

    pub(super) fn malformed(path: &Path, reason: String) -> Self {
        Self::Malformed {
            path: path.to_owned(),
            reason,
        }
    }

    pub(super) fn unsafe_file(path: &Path, reason: String) -> Self {
        Self::Unsafe {
            path: path.to_owned(),
            reason,
        }
    }
}
