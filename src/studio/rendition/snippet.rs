//! What goes into the page: a `<picture>` element, and what is seen before the picture is there.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use showroom_catalog::Pixels;
use showroom_pixels::composite_over_white;

use super::Told;
use crate::write::{ImageFormat, Metadata, WriteError, encode};

/// Longer side of the placeholder, in pixels: a few hundred bytes, blurred by the browser.
const PLACEHOLDER_SIDE: u32 = 20;
const PLACEHOLDER_QUALITY: u8 = 40;

/// What is seen before the picture is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Placeholder {
    /// A tiny WebP as a `data:` address.
    pub data_uri: String,
    /// The picture's mean colour over white, `#rrggbb`.
    pub colour: String,
}

/// A picture and where the page finds it.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// Name of the file, or its address.
    pub file: &'a str,
    pub told: &'a Told,
}

/// The placeholder of a picture.
pub fn placeholder(pixels: &Pixels) -> Result<Placeholder, WriteError> {
    let longest = f64::from(pixels.width.max(pixels.height).max(1));
    let scale = (f64::from(PLACEHOLDER_SIDE) / longest).min(1.0);
    let side = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    let mut tiny = showroom_pixels::scale(pixels, side(pixels.width), side(pixels.height));
    composite_over_white(&mut tiny);
    let count = (tiny.rgba.len() / 4).max(1);
    let mut sums = [0usize; 3];
    for pixel in tiny.rgba.as_chunks::<4>().0 {
        for (sum, value) in sums.iter_mut().zip(pixel) {
            *sum += usize::from(*value);
        }
    }
    let [r, g, b] = sums.map(|sum| (sum + count / 2) / count);
    let file = encode(
        &tiny,
        ImageFormat::Webp,
        PLACEHOLDER_QUALITY,
        &Metadata::default(),
    )?;
    Ok(Placeholder {
        data_uri: format!("data:image/webp;base64,{}", STANDARD.encode(plain(file))),
        colour: format!("#{r:02x}{g:02x}{b:02x}"),
    })
}

/// A `<picture>` of these files: the formats in the order in which they come, the last as the `<img>` that
/// every browser shows. Empty where there is none.
pub fn picture(shown: &[Shown], alt: &str, sizes: &str, placeholder: &Placeholder) -> String {
    let mut formats: Vec<ImageFormat> = Vec::new();
    for one in shown {
        if !formats.contains(&one.told.format) {
            formats.push(one.told.format);
        }
    }
    let of = |format: ImageFormat| shown.iter().filter(move |one| one.told.format == format);
    let srcset = |format: ImageFormat| -> String {
        let each = of(format).map(|one| format!("{} {}w", address(one.file), one.told.width));
        each.collect::<Vec<_>>().join(", ")
    };
    let Some((&last, first)) = formats.split_last() else {
        return String::new();
    };
    let Some(largest) = of(last).max_by_key(|one| one.told.width) else {
        return String::new();
    };
    let sizes = escaped(sizes);
    let mut html = String::from("<picture>\n");
    for &format in first {
        html += &format!(
            "  <source type=\"{}\" srcset=\"{}\" sizes=\"{sizes}\">\n",
            format.mime(),
            srcset(format)
        );
    }
    html += &format!(
        "  <img src=\"{}\" srcset=\"{}\" sizes=\"{sizes}\" width=\"{}\" height=\"{}\" alt=\"{}\"\n       \
         loading=\"lazy\" decoding=\"async\" style=\"background: {} url({}) center / cover no-repeat\">\n</picture>\n",
        address(largest.file),
        srcset(last),
        largest.told.width,
        largest.told.height,
        escaped(alt),
        placeholder.colour,
        placeholder.data_uri,
    );
    html
}

/// A file's name as an address in an attribute: everything but plain letters is percent-encoded.
fn address(file: &str) -> String {
    let mut out = String::new();
    for byte in file.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' | b':' => {
                out.push(byte.into());
            }
            other => out += &format!("%{other:02X}"),
        }
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
}

/// The picture of a WebP without its metadata, which would be longer than the picture: the chunk `VP8 `
/// or `VP8L` as a file of its own. Alpha is not kept, as a placeholder has none.
fn plain(file: Vec<u8>) -> Vec<u8> {
    let mut at = 12;
    while let (Some(kind), Some(size)) = (file.get(at..at + 4), file.get(at + 4..at + 8)) {
        let size = size
            .iter()
            .rev()
            .fold(0, |size, byte| size << 8 | usize::from(*byte));
        let end = at + 8 + size + size % 2;
        if kind.starts_with(b"VP8") && kind != b"VP8X" {
            let Some(chunk) = file.get(at..end) else {
                break;
            };
            let length = (chunk.len() + 4) as u32;
            return [&b"RIFF"[..], &length.to_le_bytes(), b"WEBP", chunk].concat();
        }
        at = end;
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_break_out_of_the_page() {
        assert_eq!(address("a b\".jpg"), "a%20b%22.jpg");
        assert_eq!(escaped("\"<b>&"), "&quot;&lt;b>&amp;");
    }
}
