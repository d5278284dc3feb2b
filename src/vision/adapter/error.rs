//! What can go wrong with an adapter.

use showroom_catalog::seams::ModelError;

/// Why an adapter cannot be learned or used.
#[derive(Debug, thiserror::Error)]
pub enum AdapterError {
    /// The titles do not suffice.
    #[error("{0}")]
    Titles(String),
    /// A kept adapter that must not be used: broken, or of other models.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The engine failed.
    #[error("{0}")]
    Failed(String),
}
