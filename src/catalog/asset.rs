//! An asset: a file that was made of a photo, and what made it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::photo::PhotoId;

/// What an asset is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AssetKind {
    /// The product alone, the rest transparent.
    Cutout,
    /// How surely each pixel of the photo is the product: grey, white is the product.
    Mask,
    /// The product on another background.
    Backdrop,
    /// The photo in another size, format or quality.
    Rendition,
    /// The photo as a marketplace wants it.
    Compliant,
    /// What a marketplace's rules say of the photo, as JSON.
    Check,
}

impl AssetKind {
    /// Lower-case name, as in the JSON and in file names.
    pub fn name(self) -> &'static str {
        match self {
            AssetKind::Cutout => "cutout",
            AssetKind::Mask => "mask",
            AssetKind::Backdrop => "backdrop",
            AssetKind::Rendition => "rendition",
            AssetKind::Compliant => "compliant",
            AssetKind::Check => "check",
        }
    }
}

impl fmt::Display for AssetKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How an asset was made: by which model, with which parameters, each under its name.
///
/// Together with the photo's bytes this settles the asset: the same [`Recipe`] of the same photo gives
/// the same bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// Name and hash of the model, `u2net@8d10d2f3`; none where no model had a part in it.
    pub model: Option<String>,
    pub parameters: BTreeMap<String, String>,
}

/// A file that was made of a photo. Its JSON lies beside it and in the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asset {
    /// Hash of kind, photo and recipe, hexadecimal: two assets of the same key are the same file.
    pub key: String,
    pub kind: AssetKind,
    /// Name of the file in its folder.
    pub file: String,
    pub photo: PhotoId,
    /// Where the photo was then.
    pub uri: String,
    pub sku: Option<String>,
    #[serde(flatten)]
    pub recipe: Recipe,
    /// Size of the picture in pixels.
    pub width: u32,
    pub height: u32,
    /// Size of the file.
    pub bytes: u64,
    /// How far it can be used unseen, 0–1; none where nothing is to be doubted.
    pub confidence: Option<f32>,
    /// Stable words for what a person should look at; with none there is nothing to look at.
    pub flags: Vec<String>,
    /// When it was made, milliseconds since 1970-01-01 UTC.
    pub made_at_ms: i64,
}

/// An asset that will be made, known before a pixel of the photo is decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    pub kind: AssetKind,
    /// [`Asset::key`].
    pub key: String,
    /// Ending of the file's name, without the dot.
    pub extension: &'static str,
}

/// An asset that was made, and the bytes of its file.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    pub planned: Planned,
    pub recipe: Recipe,
    pub width: u32,
    pub height: u32,
    pub confidence: Option<f32>,
    pub flags: Vec<String>,
    pub bytes: Vec<u8>,
}
