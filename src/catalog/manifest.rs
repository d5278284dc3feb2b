//! What a store was made with: written once beside the table, checked before every use.

use serde::{Deserialize, Serialize};

use crate::embedding::Dimensions;

/// Version of the layout of the store. A store of another version is refused.
pub const STORE_FORMAT: u32 = 1;

/// Identity of a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreManifest {
    pub format: u32,
    /// Id of the encoder whose vectors are in the store; vectors of two encoders never mix.
    pub encoder: String,
    pub dimensions: Dimensions,
}
