//! What a failure is to the shell: one sentence and a stable exit code.

use showroom_catalog::filter::BadFilter;
use showroom_catalog::seams::{ModelError, SinkError, SourceError, StoreError};
use showroom_pipeline::{AssetError, IngestError};
use showroom_vision::weights::WeightsError;

/// Why a command did not do what it was asked, with the code that it exits with.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    Other(String),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    BadInput(String),
    #[error("{0}")]
    Rejects(String),
    #[error("{0}")]
    Store(StoreError),
    #[error("{0}")]
    Model(String),
    #[error("{0}")]
    DiskFull(String),
    #[error("{0}")]
    Device(String),
    #[error("interrupted; what was done is kept, the same command goes on from there")]
    Interrupted,
    /// The reader of our output went away (`| head`): nothing is wrong and nothing is printed.
    #[error("")]
    ClosedPipe,
}

impl Failure {
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::ClosedPipe => 0,
            Failure::Other(_) => 1,
            Failure::Usage(_) => 2,
            Failure::BadInput(_) => 3,
            Failure::Rejects(_) => 4,
            Failure::Store(_) => 5,
            Failure::Model(_) => 6,
            Failure::DiskFull(_) => 7,
            Failure::Device(_) => 8,
            Failure::Interrupted => 130,
        }
    }

    /// A file that could not be written.
    pub fn write(path: &std::path::Path, error: &std::io::Error) -> Failure {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Failure::ClosedPipe,
            std::io::ErrorKind::StorageFull => Failure::DiskFull(format!(
                "no room left to write {}; free some and run the same command again",
                path.display()
            )),
            _ => Failure::Other(format!("{} cannot be written: {error}", path.display())),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        match error {
            StoreError::DiskFull { .. } => Failure::DiskFull(error.to_string()),
            StoreError::BadQuery(reason) => Failure::Usage(reason),
            other => Failure::Store(other),
        }
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Failure {
        match error {
            ModelError::BadInput(reason) => Failure::BadInput(reason),
            ModelError::Device(reason) => Failure::Device(reason),
            ModelError::Failed(reason) => Failure::Other(reason),
            ModelError::Missing(reason) | ModelError::Refused(reason) => Failure::Model(reason),
            ModelError::Stopped => Failure::Interrupted,
        }
    }
}

impl From<WeightsError> for Failure {
    fn from(error: WeightsError) -> Failure {
        match error {
            WeightsError::UnknownModel { .. } => Failure::Usage(error.to_string()),
            other => Failure::Model(other.to_string()),
        }
    }
}

impl From<IngestError> for Failure {
    fn from(error: IngestError) -> Failure {
        match error {
            IngestError::Source(error) => error.into(),
            IngestError::Model(error) => error.into(),
            IngestError::Store(error) => error.into(),
            other => Failure::Other(other.to_string()),
        }
    }
}

impl From<SinkError> for Failure {
    fn from(error: SinkError) -> Failure {
        match error {
            SinkError::Full { .. } => Failure::DiskFull(error.to_string()),
            SinkError::Failed { .. } => Failure::Other(error.to_string()),
        }
    }
}

impl From<AssetError> for Failure {
    fn from(error: AssetError) -> Failure {
        match error {
            AssetError::Source(error) => error.into(),
            AssetError::Model(error) => error.into(),
            AssetError::Sink(error) => error.into(),
            AssetError::Thread(_) => Failure::Other(error.to_string()),
        }
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Failure {
        Failure::BadInput(error.to_string())
    }
}

impl From<BadFilter> for Failure {
    fn from(error: BadFilter) -> Failure {
        Failure::Usage(error.to_string())
    }
}
