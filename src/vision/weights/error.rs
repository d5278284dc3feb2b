//! What can go wrong with a model's files, each as one sentence that says what to do.

use std::path::{Path, PathBuf};

use showroom_catalog::seams::ModelError;

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
    #[error(
        "{} is refused: {reason}; get the weights from a source that you trust, best as safetensors",
        path.display()
    )]
    Unsafe { path: PathBuf, reason: String },
    /// The file is larger than we read.
    #[error(
        "{} is refused: {bytes} bytes is more than the {limit_bytes} that are read",
        path.display()
    )]
    TooLarge {
        path: PathBuf,
        bytes: u64,
        limit_bytes: u64,
    },
    /// The bytes in the cache are not those of the manifest; `wrong` says how they differ.
    #[error(
        "{} is refused: {wrong}; it was moved aside to {}, run `showroom models pull {model}` to get \
         it again",
        path.display(),
        aside.display()
    )]
    WrongBytes {
        path: PathBuf,
        model: String,
        wrong: String,
        aside: PathBuf,
    },
    /// The file is not in the cache.
    #[error("{file} of the model {model} is not here: run `showroom models pull {model}`")]
    Missing { model: String, file: String },
    /// The model has no such file for this machine.
    #[error("the model {model} has no {role} file for this machine ({platform})")]
    NotForThisMachine {
        model: String,
        role: String,
        platform: String,
    },
    /// There is no such model.
    #[error("there is no model {name:?}; there are {known}")]
    UnknownModel { name: String, known: String },
    /// A manifest is wrong.
    #[error("the model manifest {origin} is refused: {reason}")]
    Manifest { origin: String, reason: String },
    /// No source gave the file.
    #[error("cannot pull {file} of the model {model}: {reasons}")]
    NoSource {
        model: String,
        file: String,
        reasons: String,
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

impl From<WeightsError> for ModelError {
    fn from(error: WeightsError) -> Self {
        let sentence = error.to_string();
        match error {
            WeightsError::Missing { .. }
            | WeightsError::NotForThisMachine { .. }
            | WeightsError::UnknownModel { .. }
            | WeightsError::NoSource { .. } => ModelError::Missing(sentence),
            WeightsError::Malformed { .. }
            | WeightsError::Unsafe { .. }
            | WeightsError::TooLarge { .. }
            | WeightsError::WrongBytes { .. }
            | WeightsError::Manifest { .. } => ModelError::Refused(sentence),
            WeightsError::Io { .. } => ModelError::Failed(sentence),
        }
    }
}
