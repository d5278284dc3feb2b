//! What can be wrong with a label set.

/// Why labels cannot be read or learned.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum LabelError {
    /// The text that says which labels there are.
    #[error("{0}")]
    Spec(String),
    /// The examples do not suffice, or do not fit.
    #[error("{0}")]
    Examples(String),
    /// A kept label set that cannot be used.
    #[error("{0}")]
    Set(String),
    /// The engine failed.
    #[error("{0}")]
    Failed(String),
}
