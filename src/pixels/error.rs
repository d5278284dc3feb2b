//! Why a photo's bytes give no pixels: a stable word for programs, a sentence with the remedy for people.

use showroom_catalog::Format;

/// Why a photo was refused. The sentence does not name the file: who knows its name puts it before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PixelError {
    #[error("the file is empty; copy the photo again")]
    Empty,
    #[error("the file is no photo but {what}; give a JPEG, PNG, WebP, GIF, BMP or TIFF")]
    NotAnImage { what: &'static str },
    #[error("the file is {what}, which is not read; convert it to JPEG or PNG")]
    UnsupportedFormat { what: &'static str },
    #[error(
        "this kind of {} is not read ({reason}); save it again as an ordinary JPEG or PNG",
        .format.name()
    )]
    UnsupportedPixels { format: Format, reason: String },
    #[error(
        "the file is {bytes} bytes, more than the limit of {limit}; raise --max-bytes to take it"
    )]
    TooManyBytes { bytes: u64, limit: u64 },
    #[error(
        "the photo is {width}x{height} pixels, more than the limit of {limit}; scale it down, or raise \
         --max-pixels to take it"
    )]
    TooManyPixels { width: u32, height: u32, limit: u64 },
    #[error(
        "the photo is {width}x{height} pixels, a side longer than the limit of {limit}; scale it down"
    )]
    TooLongSide { width: u32, height: u32, limit: u32 },
    #[error("the JPEG has more than {limit} scans; save it again as an ordinary JPEG")]
    TooManyScans { limit: u32 },
    #[error(
        "decoding the photo takes more than the limit of {limit} bytes of memory; scale it down or save \
         it again as an ordinary JPEG"
    )]
    TooMuchMemory { limit: u64 },
    #[error("the {} ends before the photo is complete; copy it again from where it came from", .format.name())]
    Truncated { format: Format },
    #[error(
        "the {} is damaged ({reason}); copy it again from where it came from, or save it again",
        .format.name()
    )]
    Corrupt { format: Format, reason: String },
}

impl PixelError {
    /// Stable word for programs: the `code` of a [`showroom_catalog::Reject`].
    pub fn code(&self) -> &'static str {
        match self {
            PixelError::Empty => "empty",
            PixelError::NotAnImage { .. } => "not-an-image",
            PixelError::UnsupportedFormat { .. } => "unsupported-format",
            PixelError::UnsupportedPixels { .. } => "unsupported-pixels",
            PixelError::TooManyBytes { .. } => "too-many-bytes",
            PixelError::TooManyPixels { .. } => "too-many-pixels",
            PixelError::TooLongSide { .. } => "too-long-side",
            PixelError::TooManyScans { .. } => "too-many-scans",
            PixelError::TooMuchMemory { .. } => "too-much-memory",
            PixelError::Truncated { .. } => "truncated",
            PixelError::Corrupt { .. } => "corrupt",
        }
    }

    pub(crate) fn corrupt(format: Format, reason: impl Into<String>) -> Self {
        PixelError::Corrupt {
            format,
            reason: reason.into(),
        }
    }
}
