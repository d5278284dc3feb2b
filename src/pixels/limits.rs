//! What a photo may cost, checked on its header before anything is allocated for its pixels.

use crate::error::PixelError;

/// Bounds on one photo. A photo over one of them is refused, never scaled or cut to fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Size of the file. Default 64 MiB.
    pub max_bytes: u64,
    /// Width × height as the header says. Default 100 million.
    pub max_pixels: u64,
    /// The longer side in pixels. Default 32,768.
    pub max_side: u32,
    /// Bytes of memory that decoding may take at once: what decoders hold between scans, the pixels as
    /// decoded and the pixels handed on. Default 1 GiB, which 100 megapixels of RGB in 16 bits fit.
    pub max_memory: u64,
    /// Scans of a progressive JPEG (ordinary ones have about ten). Each costs a pass over the whole
    /// photo, however few bytes it has. Default 100.
    pub max_scans: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_bytes: 64 << 20,
            max_pixels: 100_000_000,
            max_side: 32_768,
            max_memory: 1 << 30,
            max_scans: 100,
        }
    }
}

impl Limits {
    pub(crate) fn check_bytes(&self, bytes: &[u8]) -> Result<(), PixelError> {
        let bytes = bytes.len() as u64;
        if bytes > self.max_bytes {
            return Err(PixelError::TooManyBytes {
                bytes,
                limit: self.max_bytes,
            });
        }
        Ok(())
    }

    pub(crate) fn check_size(&self, width: u32, height: u32) -> Result<(), PixelError> {
        if u64::from(width) * u64::from(height) > self.max_pixels {
            return Err(PixelError::TooManyPixels {
                width,
                height,
                limit: self.max_pixels,
            });
        }
        if width.max(height) > self.max_side {
            return Err(PixelError::TooLongSide {
                width,
                height,
                limit: self.max_side,
            });
        }
        Ok(())
    }

    pub(crate) fn check_memory(&self, needed: u64) -> Result<(), PixelError> {
        if needed > self.max_memory {
            return Err(PixelError::TooMuchMemory {
                limit: self.max_memory,
            });
        }
        Ok(())
    }
}
