//! Which format a file is, told by its first bytes and never by its name.

use showroom_catalog::Format;

use crate::error::PixelError;

/// The format of `bytes`, or why they are no photo that is read. Looks at the first kilobyte only.
pub fn sniff(bytes: &[u8]) -> Result<Format, PixelError> {
    if bytes.is_empty() {
        return Err(PixelError::Empty);
    }
    if bytes.starts_with(b"\xff\xd8\xff") {
        return Ok(Format::Jpeg);
    }
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Ok(Format::Png);
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Ok(Format::Webp);
    }
    if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
        return Ok(Format::Gif);
    }
    if is_bmp(bytes) {
        return Ok(Format::Bmp);
    }
    // Classic TIFF and BigTIFF, little and big endian.
    if [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"]
        .iter()
        .any(|magic| bytes.starts_with(*magic))
    {
        return Ok(Format::Tiff);
    }
    Err(foreign(bytes))
}

/// "BM" alone begins many a text; a bitmap also tells the size of its header, one of a few.
fn is_bmp(bytes: &[u8]) -> bool {
    bytes.starts_with(b"BM")
        && matches!(
            bytes.get(14..18),
            Some(&[12 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0])
        )
}

/// Names what the bytes are instead of a photo that is read.
fn foreign(bytes: &[u8]) -> PixelError {
    let unsupported = |what| PixelError::UnsupportedFormat { what };
    if bytes.get(4..8) == Some(b"ftyp") {
        return match bytes.get(8..12) {
            Some(b"avif" | b"avis") => unsupported("AVIF"),
            Some(b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1") => {
                unsupported("HEIC")
            }
            Some(b"crx ") => unsupported("a Canon raw photo"),
            _ => PixelError::NotAnImage { what: "a video" },
        };
    }
    const FOREIGN: [(&[u8], &str, bool); 17] = [
        (b"\xff\x0a", "JPEG XL", true),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL", true),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000", true),
        (b"\xff\x4f\xff\x51", "JPEG 2000", true),
        (b"8BPS", "a Photoshop document", true),
        (b"\0\0\x01\0", "an icon (ICO)", true),
        (b"qoif", "QOI", true),
        (b"DDS ", "a DDS texture", true),
        (b"\x76\x2f\x31\x01", "OpenEXR", true),
        (b"#?RADIANCE", "Radiance HDR", true),
        (b"%PDF-", "a PDF document", true),
        (b"%!PS", "a PostScript document", true),
        (b"PK\x03\x04", "a ZIP archive or office document", false),
        (b"\x1f\x8b", "a gzip archive", false),
        (b"RIFF", "a sound or video", false),
        (b"\x1aE\xdf\xa3", "a video", false),
        (b"\x7fELF", "a program", false),
    ];
    if let Some((_, what, is_picture)) = FOREIGN
        .iter()
        .find(|(magic, _, _)| bytes.starts_with(magic))
    {
        return if *is_picture {
            unsupported(what)
        } else {
            PixelError::NotAnImage { what }
        };
    }
    let head = &bytes[..bytes.len().min(1024)];
    if head.iter().all(|&byte| byte == 0) {
        return PixelError::NotAnImage {
            what: "nothing but zeros",
        };
    }
    match text(head) {
        Some(head) if head.contains("<svg") => unsupported("SVG"),
        Some(head) if head.contains("<!doctype html") || head.contains("<html") => {
            PixelError::NotAnImage { what: "a web page" }
        }
        Some(_) => PixelError::NotAnImage { what: "a text" },
        None => PixelError::NotAnImage {
            what: "something unknown",
        },
    }
}

/// `head` in lower case where it is UTF-8 (its last letter may be cut) without control characters.
fn text(head: &[u8]) -> Option<String> {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(cut) if cut.error_len().is_none() => {
            std::str::from_utf8(&head[..cut.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let plain = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\x0c');
    text.chars().all(plain).then(|| text.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_files_are_named() {
        let cases: [(&[u8], &str, &str); 16] = [
            (b"", "empty", "empty"),
            (b"\0\0\0\x18ftypheic\0\0\0\0", "unsupported-format", "HEIC"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0", "unsupported-format", "HEIC"),
            (b"\0\0\0\x1cftypavif\0\0\0\0", "unsupported-format", "AVIF"),
            (b"\0\0\0\x18ftypisom\0\0\0\0", "not-an-image", "a video"),
            (
                b"<?xml version=\"1.0\"?>\n<SVG xmlns=",
                "unsupported-format",
                "SVG",
            ),
            (b"%PDF-1.7\n", "unsupported-format", "PDF"),
            (b"8BPS\0\x01", "unsupported-format", "Photoshop"),
            (b"<!DOCTYPE html><p>404", "not-an-image", "web page"),
            (b"sku,price\n12,3.4\n", "not-an-image", "a text"),
            ("caf\u{e9}".as_bytes(), "not-an-image", "a text"),
            (
                b"BMW is no bitmap and this is a text",
                "not-an-image",
                "a text",
            ),
            (b"PK\x03\x04\x14\0", "not-an-image", "ZIP"),
            (&[0; 64], "not-an-image", "zeros"),
            (b"\x93\x94\xff\x01", "not-an-image", "unknown"),
            (b"RIFF\x10\0\0\0WAVEfmt ", "not-an-image", "a sound"),
        ];
        for (bytes, code, word) in cases {
            let error = sniff(bytes).unwrap_err();
            assert_eq!(error.code(), code, "{bytes:?}");
            assert!(error.to_string().contains(word), "{error} of {bytes:?}");
        }
    }
}
