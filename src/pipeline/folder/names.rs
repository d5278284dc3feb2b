//! What the name of a file says: whether it is a photo's, and which product it shows.

use std::ffi::OsStr;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Where the SKU of a photo is taken from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SkuFrom {
    /// The file's name without its ending and without a view number `__N` at its end:
    /// `SHOE-42__3.jpg` → `SHOE-42`.
    #[default]
    Stem,
    /// The name of the folder that the file is in.
    Folder,
    /// Nowhere: photos have no SKU.
    None,
}

/// The SKU of the photo at `path`, where its path has one.
pub fn sku_of(path: &Path, from: SkuFrom) -> Option<String> {
    let sku = match from {
        SkuFrom::Stem => without_view(path.file_stem()?.to_str()?),
        SkuFrom::Folder => path.parent()?.file_name()?.to_str()?,
        SkuFrom::None => return None,
    };
    Some(sku.to_string())
}

fn without_view(stem: &str) -> &str {
    match stem.rsplit_once("__") {
        Some((sku, view))
            if !sku.is_empty()
                && !view.is_empty()
                && view.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            sku
        }
        _ => stem,
    }
}

/// What the ending of a name says of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A picture's, perhaps of a format that cannot be read.
    Picture,
    /// Something else's.
    Other,
    /// There is none: the first bytes must tell.
    Nothing,
}

/// Readable formats, then those that are reported as rejects, because their owner would look for
/// them in the catalogue.
const PICTURE_ENDINGS: [&str; 20] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "dib", "tif", "tiff", //
    "heic", "heif", "avif", "jxl", "jp2", "svg", "svgz", "psd", "psb",
];

pub fn ending_of(name: &OsStr) -> Ending {
    let extension = Path::new(name)
        .extension()
        .map(|e| e.to_string_lossy().to_ascii_lowercase());
    match extension.as_deref() {
        None => Ending::Nothing,
        // `SHOE v1.2` has no ending: the number belongs to its name.
        Some(e) if e.bytes().all(|byte| byte.is_ascii_digit()) => Ending::Nothing,
        Some(e) if PICTURE_ENDINGS.contains(&e) => Ending::Picture,
        Some(_) => Ending::Other,
    }
}

/// The path as text; the error is a text to show for a path that is not UTF-8, with `\xNN` for each
/// byte that is no text.
pub fn text_of(path: &Path) -> Result<String, String> {
    path.to_str().map(str::to_string).ok_or_else(|| {
        let chunks = path.as_os_str().as_encoded_bytes().utf8_chunks();
        chunks.fold(String::new(), |shown, chunk| {
            format!("{shown}{}{}", chunk.valid(), chunk.invalid().escape_ascii())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sku_is_the_stem_without_its_view_number() {
        let cases = [
            ("/a/SHOE-42__3.jpg", "SHOE-42"),
            ("/a/SHOE-42__12.JPG", "SHOE-42"),
            ("/a/SHOE-42.jpg", "SHOE-42"),
            ("/a/SHOE__RED.jpg", "SHOE__RED"),
            ("/a/SHOE__RED__0.jpg", "SHOE__RED"),
            ("/a/SHOE_1.jpg", "SHOE_1"),
            ("/a/__1.jpg", "__1"),
            ("/a/SHOE__.jpg", "SHOE__"),
            ("/a/SHOE", "SHOE"),
            ("/a/chaussée été__1.png", "chaussée été"),
        ];
        for (path, sku) in cases {
            assert_eq!(
                sku_of(Path::new(path), SkuFrom::Stem).as_deref(),
                Some(sku),
                "{path}"
            );
        }
        let path = Path::new("/a/SKU 9/front.jpg");
        assert_eq!(sku_of(path, SkuFrom::Folder).as_deref(), Some("SKU 9"));
        assert_eq!(sku_of(path, SkuFrom::None), None);
    }

    #[test]
    fn endings() {
        let cases = [
            ("a.jpg", Ending::Picture),
            ("a.JPeG", Ending::Picture),
            ("a.heic", Ending::Picture),
            ("a.csv", Ending::Other),
            ("a.jpg.bak", Ending::Other),
            ("a", Ending::Nothing),
            ("a.", Ending::Nothing),
            ("a v1.2", Ending::Nothing),
        ];
        for (name, ending) in cases {
            assert_eq!(ending_of(OsStr::new(name)), ending, "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_not_text_is_shown_with_its_bytes() {
        use std::os::unix::ffi::OsStrExt;
        let path = Path::new(OsStr::from_bytes(b"/\xc3\xa9t\xc3\xa9/a\xff\xfe.jpg"));
        assert_eq!(text_of(path), Err("/été/a\\xff\\xfe.jpg".to_string()));
        assert_eq!(text_of(Path::new("/été")), Ok("/été".to_string()));
    }
}
