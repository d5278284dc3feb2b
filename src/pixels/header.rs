//! What a file says of itself before any pixel is decoded: its size and its orientation.
//!
//! Reads the bytes in place and allocates nothing, so that a lying header costs nothing.

use showroom_catalog::Format;

use crate::error::PixelError;
use crate::orient::{self, Orientation};
use crate::tiff;

/// Size as stored (not turned upright), and how to turn it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub width: u32,
    pub height: u32,
    pub orientation: Orientation,
}

/// The header of every format but JPEG ([`crate::jpeg::Head`] reads that one).
pub fn read(format: Format, bytes: &[u8]) -> Result<Header, PixelError> {
    let cut = PixelError::Truncated { format };
    let header = match format {
        Format::Jpeg => crate::jpeg::Head::read(bytes)?.header(),
        Format::Png => png(bytes).ok_or(cut)?,
        Format::Webp => webp(bytes).ok_or(cut)?,
        Format::Gif => gif(bytes).ok_or(cut)?,
        Format::Bmp => bmp(bytes).ok_or(cut)?,
        Format::Tiff => tiff_header(bytes).ok_or(cut)?,
    };
    if header.width == 0 || header.height == 0 {
        return Err(PixelError::corrupt(
            format,
            "its header gives no width or no height",
        ));
    }
    Ok(header)
}

fn upright(width: u32, height: u32) -> Header {
    Header {
        width,
        height,
        orientation: Orientation::Upright,
    }
}

pub fn be16(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_be_bytes(*field).into())
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn le16(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_le_bytes(*field).into())
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn png(bytes: &[u8]) -> Option<Header> {
    // IHDR is the first chunk by the standard.
    let (width, height) = (be32(bytes, 16)?, be32(bytes, 20)?);
    let mut header = upright(width, height);
    let mut at = 8;
    while let (Some(len), Some(kind)) = (be32(bytes, at), bytes.get(at + 4..at + 8)) {
        if kind == b"eXIf" {
            let end = (at + 8).saturating_add(len as usize);
            header.orientation = bytes
                .get(at + 8..end)
                .map(orient::of_exif)
                .unwrap_or_default();
            break;
        }
        at = (at + 12).saturating_add(len as usize);
    }
    Some(header)
}

fn webp(bytes: &[u8]) -> Option<Header> {
    // A lossy picture that was cut short would be decoded with its end made up.
    if u64::from(le32(bytes, 4)?) + 8 > bytes.len() as u64 {
        return None;
    }
    match bytes.get(12..16)? {
        // Lossy: a key frame tells its size after three bytes of tag and three of start code.
        b"VP8 " => Some(upright(
            le16(bytes, 26)? & 0x3fff,
            le16(bytes, 28)? & 0x3fff,
        )),
        // Lossless: fourteen bits each, less one, after a signature byte.
        b"VP8L" => {
            let bits = le32(bytes, 21)?;
            Some(upright((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        // Extended: 24 bits each, less one, after the flags.
        _ => {
            let width = (le32(bytes, 23)? >> 8) + 1;
            let height = (le32(bytes, 26)? >> 8) + 1;
            let mut header = upright(width, height);
            let mut at = 12usize;
            while let (Some(kind), Some(len)) = (bytes.get(at..at + 4), le32(bytes, at + 4)) {
                let end = (at + 8).saturating_add(len as usize);
                if kind == b"EXIF" {
                    header.orientation = bytes
                        .get(at + 8..end)
                        .map(orient::of_exif)
                        .unwrap_or_default();
                    break;
                }
                at = end.saturating_add(len as usize & 1);
            }
            Some(header)
        }
    }
}

fn gif(bytes: &[u8]) -> Option<Header> {
    Some(upright(le16(bytes, 6)?, le16(bytes, 8)?))
}

fn bmp(bytes: &[u8]) -> Option<Header> {
    if le32(bytes, 14)? == 12 {
        return Some(upright(le16(bytes, 18)?, le16(bytes, 20)?));
    }
    // A negative height means rows from the top down.
    let height = le32(bytes, 22)? as i32;
    Some(upright(le32(bytes, 18)?, height.unsigned_abs()))
}

fn tiff_header(bytes: &[u8]) -> Option<Header> {
    let directory = tiff::Directory::first(bytes)?;
    // A missing size is a damaged file, which zero tells.
    let side = |tag| {
        directory
            .number(tag)
            .map_or(0, |side| u32::try_from(side).unwrap_or(u32::MAX))
    };
    Some(Header {
        width: side(tiff::WIDTH),
        height: side(tiff::HEIGHT),
        orientation: orient::of_exif(bytes),
    })
}

/// Whether a TIFF is cut in tiles and holds each channel apart.
pub fn has_planar_tiles(bytes: &[u8]) -> bool {
    tiff::Directory::first(bytes).is_some_and(|directory| {
        directory.number(tiff::PLANAR) == Some(2) && directory.number(tiff::TILE_WIDTH).is_some()
    })
}
