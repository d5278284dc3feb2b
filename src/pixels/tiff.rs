//! The first directory of a TIFF header: the size of a TIFF and the orientation in any EXIF block.

pub const WIDTH: u16 = 256;
pub const HEIGHT: u16 = 257;
pub const ORIENTATION: u16 = 274;
pub const PLANAR: u16 = 284;
pub const TILE_WIDTH: u16 = 322;

/// The first image file directory of a classic TIFF or a BigTIFF.
pub struct Directory<'a> {
    bytes: &'a [u8],
    little: bool,
    big_tiff: bool,
    /// Where its first entry is, and how many there are.
    start: usize,
    entries: usize,
}

impl<'a> Directory<'a> {
    /// None where the header or the place of the directory makes no sense.
    pub fn first(bytes: &'a [u8]) -> Option<Self> {
        let (little, big_tiff) = match bytes.get(..4)? {
            b"II*\0" => (true, false),
            b"MM\0*" => (false, false),
            b"II+\0" => (true, true),
            b"MM\0+" => (false, true),
            _ => return None,
        };
        let mut directory = Directory {
            bytes,
            little,
            big_tiff,
            start: 0,
            entries: 0,
        };
        let (place, count_len) = if big_tiff {
            (directory.uint(8, 8)?, 8)
        } else {
            (directory.uint(4, 4)?, 2)
        };
        let place = usize::try_from(place).ok()?;
        directory.entries = usize::try_from(directory.uint(place, count_len)?).ok()?;
        directory.start = place.checked_add(count_len)?;
        Some(directory)
    }

    /// The value of a tag that holds one whole number (byte, short, long or long8).
    pub fn number(&self, tag: u16) -> Option<u64> {
        let (entry_len, value_at) = if self.big_tiff { (20, 12) } else { (12, 8) };
        for index in 0..self.entries {
            // Ends at the end of the bytes, so a lying count costs nothing.
            let entry = self.start.checked_add(index.checked_mul(entry_len)?)?;
            if self.uint(entry, 2)? != u64::from(tag) {
                continue;
            }
            let len = match self.uint(entry + 2, 2)? {
                1 => 1,
                3 => 2,
                4 => 4,
                16 if self.big_tiff => 8,
                _ => return None,
            };
            return self.uint(entry + value_at, len);
        }
        None
    }

    fn uint(&self, at: usize, len: usize) -> Option<u64> {
        let bytes = self.bytes.get(at..at.checked_add(len)?)?;
        let join = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(if self.little {
            bytes.iter().rev().fold(0, join)
        } else {
            bytes.iter().fold(0, join)
        })
    }
}
