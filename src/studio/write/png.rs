//! XMP in a PNG: an `iTXt` chunk behind the header.

/// Signature and `IHDR`, which every PNG begins with.
const HEAD: usize = 8 + 12 + 13;
const KEYWORD: &[u8] = b"XML:com.adobe.xmp";

/// `None` where the file is no PNG.
pub fn with_xmp(file: &[u8], packet: &[u8]) -> Option<Vec<u8>> {
    let (head, rest) = file.split_at_checked(HEAD)?;
    if !head.starts_with(b"\x89PNG\r\n\x1a\n") || &head[12..16] != b"IHDR" {
        return None;
    }
    let mut out = Vec::with_capacity(file.len() + packet.len() + 80);
    out.extend(head);
    // Colours are sRGB, to be shown perceptually.
    push_chunk(&mut out, b"sRGB", &[0])?;
    // Keyword, not compressed, no language, no translated keyword.
    push_chunk(&mut out, b"iTXt", &[KEYWORD, &[0; 5], packet].concat())?;
    out.extend(rest);
    Some(out)
}

fn push_chunk(out: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) -> Option<()> {
    out.extend(u32::try_from(data.len()).ok()?.to_be_bytes());
    let start = out.len();
    out.extend(kind);
    out.extend(data);
    let sum = crc32(&out[start..]);
    out.extend(sum.to_be_bytes());
    Some(())
}

/// CRC-32 of ISO 3309, bit by bit: the packets are a kilobyte.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            let low = crc & 1;
            crc = (crc >> 1) ^ (0xedb8_8320 * low);
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_one_of_the_standard() {
        // The check value of CRC-32 (ISO-HDLC).
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn what_is_no_png_is_left() {
        assert_eq!(with_xmp(b"GIF89a", b"x"), None);
        assert_eq!(with_xmp(&[0; 100], b"x"), None);
    }
}
