//! A photo: where it is, what its bytes hash to, its pixels and what was measured on them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a photo is and which version of it: what a [`crate::seams::Source`] lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhotoRef {
    /// Absolute path of a local file, or a URI (`s3://…`). The key of the photo's row.
    pub uri: String,
    /// Changes whenever the bytes may have changed: size and modification time of a file, the
    /// ETag of an object. A photo whose `etag` is already in the catalogue is not read again.
    pub etag: String,
    /// Size in bytes, known before the photo is read.
    pub bytes: u64,
    /// The shop's own key of the product on the photo.
    pub sku: Option<String>,
}

/// BLAKE3 of a photo's bytes: the same bytes are the same photo, wherever they are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhotoId(pub [u8; 32]);

impl fmt::Display for PhotoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PhotoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhotoId({self})")
    }
}

/// A text that is not 64 hexadecimal digits.
#[derive(Debug, thiserror::Error)]
#[error("a photo id is 64 hexadecimal digits, not {0:?}")]
pub struct BadPhotoId(pub String);

impl FromStr for PhotoId {
    type Err = BadPhotoId;

    fn from_str(text: &str) -> Result<Self, BadPhotoId> {
        let bad = || BadPhotoId(text.to_string());
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(bad());
        }
        let mut id = [0; 32];
        for (slot, pair) in id.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| bad())?;
            *slot = u8::from_str_radix(pair, 16).map_err(|_| bad())?;
        }
        Ok(PhotoId(id))
    }
}

impl Serialize for PhotoId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PhotoId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// Upright pixels in sRGB, eight bits a channel, row by row from the top left, not premultiplied.
#[derive(Clone, PartialEq, Eq)]
pub struct Pixels {
    pub width: u32,
    pub height: u32,
    /// `width * height * 4` bytes: red, green, blue, alpha.
    pub rgba: Vec<u8>,
}

impl fmt::Debug for Pixels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pixels({}x{})", self.width, self.height)
    }
}

/// A photo that was read, decoded and measured: what an encoder takes.
#[derive(Clone, Debug)]
pub struct Photo {
    pub id: PhotoId,
    pub source: PhotoRef,
    /// Possibly at a reduced scale; [`Facts::width`] and [`Facts::height`] are those of the file.
    pub pixels: Pixels,
    pub facts: Facts,
}

/// The format of a photo's bytes, told by its first bytes and never by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Jpeg,
    Png,
    Webp,
    Gif,
    Bmp,
    Tiff,
}

impl Format {
    /// Lower-case name, as in the JSON.
    pub fn name(self) -> &'static str {
        match self {
            Format::Jpeg => "jpeg",
            Format::Png => "png",
            Format::Webp => "webp",
            Format::Gif => "gif",
            Format::Bmp => "bmp",
            Format::Tiff => "tiff",
        }
    }
}

/// What was measured on a photo. `showroom-pixels` says how each number is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Width of the upright photo in pixels, as in the file.
    pub width: u32,
    /// Height of the upright photo in pixels, as in the file.
    pub height: u32,
    /// Size of the file in bytes.
    pub bytes: u64,
    pub format: Format,
    /// Variance of the Laplacian of the luma (0–255 scale) at a fixed scale; below about 100 is soft.
    pub sharpness: f32,
    /// Mean luma, 0 (black) to 1 (white).
    pub brightness: f32,
    /// Share of pixels that are clipped to black, 0–1.
    pub clipped_dark: f32,
    /// Share of pixels that are clipped to white, 0–1.
    pub clipped_bright: f32,
    /// Share of the border that is white (every channel at least 250), 0–1.
    pub border_white: f32,
    /// How uniform the border is: 1 where all its pixels are alike, towards 0 where they are not.
    pub border_uniform: f32,
    /// Share of pixels that are at least half transparent, 0–1.
    pub transparent: f32,
    /// Share of the photo that the product covers, by its mask, 0–1; 0 where no product was found.
    #[serde(default)]
    pub product_share: f32,
    /// Perceptual hash (64-bit DCT hash); near-duplicates differ in few bits. In JSON 16 hex digits.
    #[serde(with = "hex_u64")]
    pub phash: u64,
}

mod hex_u64 {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{value:016x}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        u64::from_str_radix(&text, 16).map_err(serde::de::Error::custom)
    }
}
