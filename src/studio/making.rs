//! What the makers of files share: decoding a photo, cutting it out, naming what is made.

use showroom_catalog::seams::{BadPhoto, ModelError};
use showroom_catalog::{AssetKind, PhotoId, Pixels, Recipe, Stage};
use showroom_pixels::{DecodeOptions, Decoded, Limits, decode};

/// Photos → the product alone. One belongs to one thread.
pub trait Cutter: Send {
    /// Changes whenever the cut-outs of the same photo would change.
    fn id(&self) -> String;

    /// The cut-out, of the photo's size. The inner error is about this photo alone.
    fn cut(&mut self, pixels: &Pixels) -> Result<Result<Cut, BadPhoto>, ModelError>;
}

/// A cut-out.
#[derive(Clone, Debug, PartialEq)]
pub struct Cut {
    /// Straight alpha.
    pub pixels: Pixels,
    /// How far it can be used unseen, 0–1.
    pub confidence: f32,
    /// Stable words for what a person should look at.
    pub flags: Vec<String>,
}

/// Decodes every pixel of a photo.
pub fn decoded(bytes: &[u8], limits: &Limits) -> Result<Decoded, BadPhoto> {
    let options = DecodeOptions {
        min_side: u32::MAX,
        limits: limits.clone(),
    };
    decode(bytes, &options).map_err(|error| BadPhoto {
        stage: Stage::Decode,
        code: error.code().to_string(),
        reason: error.to_string(),
    })
}

/// A photo of which nothing can be made, and why.
pub fn refused(code: &str, reason: impl ToString) -> BadPhoto {
    BadPhoto {
        stage: Stage::Encode,
        code: code.to_string(),
        reason: reason.to_string(),
    }
}

/// [`showroom_catalog::Asset::key`]: BLAKE3 of kind, photo and recipe, each with its length before it.
pub fn asset_key(kind: AssetKind, photo: PhotoId, recipe: &Recipe) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut add = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    add(kind.name());
    add(&photo.to_string());
    add(recipe.model.as_deref().unwrap_or(""));
    for (name, value) in &recipe.parameters {
        add(name);
        add(value);
    }
    hasher.finalize().to_hex().to_string()
}
