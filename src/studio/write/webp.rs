//! WebP through libwebp, and XMP in it: the extended form (`VP8X`) with an `XMP ` chunk at the end.
//! RFC 9649.

use webp::{Encoder, WebPConfig};

use super::{ImageFormat, WriteError};

/// Flags of `VP8X`.
const HAS_XMP: u8 = 0x04;
const HAS_ALPHA: u8 = 0x10;

/// RGB (`opaque`) or RGBA. Exact at quality 100, alpha always.
pub fn encode(
    bytes: &[u8],
    width: u32,
    height: u32,
    opaque: bool,
    quality: u8,
) -> Result<Vec<u8>, WriteError> {
    let failed = |reason: String| WriteError::Encoder {
        format: ImageFormat::Webp,
        reason,
    };
    let mut config = WebPConfig::new().map_err(|()| failed("it cannot be set up".to_string()))?;
    config.lossless = i32::from(quality == 100);
    // Of a lossless file this is the effort and not the quality.
    config.quality = if quality == 100 {
        50.0
    } else {
        f32::from(quality)
    };
    let encoder = match opaque {
        true => Encoder::from_rgb(bytes, width, height),
        false => Encoder::from_rgba(bytes, width, height),
    };
    let file = encoder
        .encode_advanced(&config)
        .map_err(|error| failed(format!("{error:?}")))?;
    Ok(file.to_vec())
}

/// `None` where the file is no WebP.
pub fn with_xmp(file: &[u8], packet: &[u8]) -> Option<Vec<u8>> {
    if file.get(..4)? != b"RIFF" || file.get(8..12)? != b"WEBP" {
        return None;
    }
    let first = file.get(12..16)?;
    let data = file.get(20..)?;
    let mut out = b"RIFF\0\0\0\0WEBP".to_vec();
    if first == b"VP8X" {
        let chunks = out.len();
        out.extend(&file[12..]);
        *out.get_mut(chunks + 8)? |= HAS_XMP;
    } else {
        let (flags, width, height) = match first {
            b"VP8L" => lossless_header(data)?,
            b"VP8 " => (0, u16_at(data, 6)? & 0x3fff, u16_at(data, 8)? & 0x3fff),
            _ => return None,
        };
        out.extend(b"VP8X\x0a\0\0\0");
        out.extend([flags | HAS_XMP, 0, 0, 0]);
        for side in [width, height] {
            out.extend(&u32::from(side.checked_sub(1)?).to_le_bytes()[..3]);
        }
        out.extend(&file[12..]);
    }
    out.extend(b"XMP ");
    out.extend(u32::try_from(packet.len()).ok()?.to_le_bytes());
    out.extend(packet);
    if packet.len() % 2 == 1 {
        out.push(0);
    }
    let size = u32::try_from(out.len() - 8).ok()?;
    out[4..8].copy_from_slice(&size.to_le_bytes());
    Some(out)
}

/// Flags, width and height of a lossless picture.
fn lossless_header(data: &[u8]) -> Option<(u8, u16, u16)> {
    let bits = data.get(1..5)?.try_into().ok().map(u32::from_le_bytes)?;
    let side = |bits: u32| (bits & 0x3fff) as u16 + 1;
    let flags = if bits >> 28 & 1 == 1 { HAS_ALPHA } else { 0 };
    (data[0] == 0x2f).then(|| (flags, side(bits), side(bits >> 14)))
}

fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes([*data.get(at)?, *data.get(at + 1)?]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_webp_is_left() {
        assert_eq!(with_xmp(b"RIFF\0\0\0\0WAVEfmt ", b"x"), None);
        assert_eq!(with_xmp(b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0", b"x"), None);
        assert_eq!(with_xmp(b"RIFF", b"x"), None);
    }
}
