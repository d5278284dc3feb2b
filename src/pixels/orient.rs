//! The eight orientations of EXIF: reading the tag, and turning pixels upright.

/// How stored pixels become upright ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Orientation {
    #[default]
    Upright,
    FlipHorizontal,
    Rotate180,
    FlipVertical,
    Transpose,
    /// A quarter turn clockwise.
    Rotate90,
    Transverse,
    /// A quarter turn anticlockwise.
    Rotate270,
}

impl Orientation {
    /// From the value of EXIF tag 0x0112, 1–8; other values mean nothing and are read as upright.
    pub fn from_exif(value: u16) -> Self {
        match value {
            2 => Orientation::FlipHorizontal,
            3 => Orientation::Rotate180,
            4 => Orientation::FlipVertical,
            5 => Orientation::Transpose,
            6 => Orientation::Rotate90,
            7 => Orientation::Transverse,
            8 => Orientation::Rotate270,
            _ => Orientation::Upright,
        }
    }

    /// Whether width and height change places.
    pub fn swaps_sides(self) -> bool {
        matches!(
            self,
            Orientation::Transpose
                | Orientation::Rotate90
                | Orientation::Transverse
                | Orientation::Rotate270
        )
    }

    /// Width and height of the upright photo.
    pub fn upright(self, width: u32, height: u32) -> (u32, u32) {
        if self.swaps_sides() {
            (height, width)
        } else {
            (width, height)
        }
    }
}

/// The orientation in an EXIF block (a TIFF header and its directories, as in APP1, `eXIf`, `EXIF`).
/// Whatever is broken is read as upright: a photo is not lost for its metadata.
pub fn of_exif(exif: &[u8]) -> Orientation {
    // JPEG and some WebP writers put this before the TIFF header.
    let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    crate::tiff::Directory::first(tiff)
        .and_then(|directory| directory.number(crate::tiff::ORIENTATION))
        .and_then(|value| u16::try_from(value).ok())
        .map(Orientation::from_exif)
        .unwrap_or_default()
}

/// Turns RGBA pixels of `width` × `height` upright; gives the new width, height and pixels.
pub fn turn(
    orientation: Orientation,
    width: u32,
    height: u32,
    rgba: Vec<u8>,
) -> (u32, u32, Vec<u8>) {
    if orientation == Orientation::Upright {
        return (width, height, rgba);
    }
    let (w, h) = (width as isize, height as isize);
    // Where the upright top-left pixel lies in the stored rows, and the steps through them for one
    // pixel to the right and one row down in the upright photo.
    let (start, right, down) = match orientation {
        Orientation::Upright => (0, 1, w),
        Orientation::FlipHorizontal => (w - 1, -1, w),
        Orientation::Rotate180 => (w * h - 1, -1, -w),
        Orientation::FlipVertical => (w * (h - 1), 1, -w),
        Orientation::Transpose => (0, w, 1),
        Orientation::Rotate90 => (w * (h - 1), -w, 1),
        Orientation::Transverse => (w * h - 1, -w, -1),
        Orientation::Rotate270 => (w - 1, w, -1),
    };
    let (source, _) = rgba.as_chunks::<4>();
    let (new_width, new_height) = orientation.upright(width, height);
    let mut upright = Vec::with_capacity(rgba.len());
    for y in 0..new_height as isize {
        for x in 0..new_width as isize {
            upright.extend_from_slice(&source[(start + x * right + y * down) as usize]);
        }
    }
    (new_width, new_height, upright)
}
