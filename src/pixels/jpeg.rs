//! JPEG: what its markers say, and decoding through libjpeg-turbo at a scale that its blocks give.

use showroom_catalog::Format;
use turbojpeg::{Colorspace, Decompressor, Image, PixelFormat, ScalingFactor};

use crate::decode::{Channels, Raster};
use crate::error::PixelError;
use crate::header::{Header, be16};
use crate::limits::Limits;
use crate::orient::{self, Orientation};

/// The markers before the first scan.
pub struct Head<'a> {
    width: u32,
    height: u32,
    precision: u8,
    /// Whether the coefficients of the whole photo are held until the last scan.
    buffered: bool,
    /// Sampling factors (horizontal, vertical) of each component.
    sampling: Vec<(u32, u32)>,
    orientation: Orientation,
    /// Where the first scan begins.
    scan: usize,
    /// The segments before it that decoding needs.
    needed: Vec<&'a [u8]>,
    /// Pieces of the ICC profile with their number.
    icc: Vec<(u8, &'a [u8])>,
}

fn corrupt(reason: impl Into<String>) -> PixelError {
    PixelError::corrupt(Format::Jpeg, reason)
}

fn unsupported(reason: impl Into<String>) -> PixelError {
    PixelError::UnsupportedPixels {
        format: Format::Jpeg,
        reason: reason.into(),
    }
}

const CUT: PixelError = PixelError::Truncated {
    format: Format::Jpeg,
};

impl<'a> Head<'a> {
    /// Walks the markers up to the first scan.
    pub fn read(bytes: &'a [u8]) -> Result<Self, PixelError> {
        let mut head = Head {
            width: 0,
            height: 0,
            precision: 8,
            buffered: false,
            sampling: Vec::new(),
            orientation: Orientation::Upright,
            scan: 0,
            needed: Vec::new(),
            icc: Vec::new(),
        };
        let mut at = 2;
        loop {
            // As libjpeg does: skip to the next marker, over filling and over rubbish between segments.
            while *bytes.get(at).ok_or(CUT)? != 0xff {
                at += 1;
            }
            while *bytes.get(at).ok_or(CUT)? == 0xff {
                at += 1;
            }
            let marker = bytes[at];
            at += 1;
            if matches!(marker, 0x00 | 0x01 | 0xd0..=0xd8) {
                continue;
            }
            if marker == 0xd9 {
                return Err(corrupt("it ends without a picture"));
            }
            let len = be16(bytes, at).ok_or(CUT)? as usize;
            if len < 2 {
                return Err(corrupt("a segment of no length"));
            }
            let body = bytes.get(at + 2..at + len).ok_or(CUT)?;
            // Of the application's segments JFIF's and Adobe's tell how colours are coded.
            if !matches!(marker, 0xe1..=0xed | 0xef | 0xfe | 0xda) {
                head.needed.push(&bytes[at - 2..at + len]);
            }
            match marker {
                0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => head.frame(marker, body)?,
                0xe1 if body.starts_with(b"Exif\0\0") => head.orientation = orient::of_exif(body),
                0xe2 if body.len() > 14 && body.starts_with(b"ICC_PROFILE\0") => {
                    head.icc.push((body[12], &body[14..]));
                }
                0xda => {
                    if head.sampling.is_empty() {
                        return Err(corrupt("a scan before its frame"));
                    }
                    let scanned =
                        usize::from(*body.first().ok_or_else(|| corrupt("an empty scan"))?);
                    head.buffered |= scanned < head.sampling.len();
                    head.scan = at - 2;
                    return Ok(head);
                }
                _ => {}
            }
            at += len;
        }
    }

    fn frame(&mut self, marker: u8, body: &[u8]) -> Result<(), PixelError> {
        if !self.sampling.is_empty() {
            return Err(corrupt("more than one frame"));
        }
        let short = || corrupt("a short frame header");
        let (height, width) = (
            be16(body, 1).ok_or_else(short)?,
            be16(body, 3).ok_or_else(short)?,
        );
        (self.width, self.height, self.precision) = (width, height, body[0]);
        let components = usize::from(*body.get(5).ok_or_else(short)?);
        let fields = body.get(6..6 + 3 * components).ok_or_else(short)?;
        let factors = |field: &[u8]| (u32::from(field[1] >> 4), u32::from(field[1] & 15));
        self.sampling = fields.chunks_exact(3).map(factors).collect();
        if self
            .sampling
            .iter()
            .any(|&(h, v)| !(1..=4).contains(&h) || !(1..=4).contains(&v))
        {
            return Err(corrupt("impossible sampling factors"));
        }
        self.buffered = matches!(marker, 0xc2 | 0xca);
        if matches!(marker, 0xc3 | 0xc5..=0xc7 | 0xcb | 0xcd..=0xcf) {
            return Err(unsupported("lossless or hierarchical coding"));
        }
        if self.precision != 8 {
            return Err(unsupported(format!("{} bits a channel", self.precision)));
        }
        if !matches!(components, 1 | 3 | 4) {
            return Err(unsupported(format!("{components} channels")));
        }
        Ok(())
    }

    pub fn header(&self) -> Header {
        Header {
            width: self.width,
            height: self.height,
            orientation: self.orientation,
        }
    }

    /// The ICC profile, its pieces joined in their order.
    pub fn icc(&self) -> Option<Vec<u8>> {
        let mut pieces = self.icc.clone();
        pieces.sort_by_key(|(number, _)| *number);
        let profile: Vec<u8> = pieces
            .into_iter()
            .flat_map(|(_, piece)| piece)
            .copied()
            .collect();
        (!profile.is_empty()).then_some(profile)
    }

    /// The file without metadata and without rubbish between its segments.
    fn cleaned(&self, bytes: &[u8]) -> Vec<u8> {
        let head = [&[0xff, 0xd8][..], &self.needed.concat()].concat();
        [&head, &bytes[self.scan..]].concat()
    }

    /// Bytes that libjpeg holds for coefficients: two for each of the 64 of every block.
    fn coefficient_bytes(&self) -> u64 {
        if !self.buffered {
            return 0;
        }
        let widest = self.sampling.iter().map(|s| s.0).max().unwrap_or(1);
        let highest = self.sampling.iter().map(|s| s.1).max().unwrap_or(1);
        let blocks = |side: u32, factor: u32, most: u32| {
            u64::from(side.div_ceil(8 * most)) * u64::from(factor)
        };
        self.sampling
            .iter()
            .map(|&(h, v)| blocks(self.width, h, widest) * blocks(self.height, v, highest) * 128)
            .sum()
    }
}

/// The largest reduction by 1, 2, 4 or 8 that leaves the shorter side at least `min_side` long.
///
/// libjpeg could do any eighth, but only these have vectorised inverse transforms.
fn scale(width: u32, height: u32, min_side: u32) -> ScalingFactor {
    [
        ScalingFactor::ONE_EIGHTH,
        ScalingFactor::ONE_QUARTER,
        ScalingFactor::ONE_HALF,
    ]
    .into_iter()
    .find(|scale| scale.scale(width.min(height) as usize) >= min_side as usize)
    .unwrap_or(ScalingFactor::ONE)
}

/// Decodes at the scale that `min_side` allows. The size in `head` was checked against the limits.
pub fn decode(
    bytes: &[u8],
    head: &Head,
    min_side: u32,
    limits: &Limits,
) -> Result<Raster, PixelError> {
    let scale = scale(head.width, head.height, min_side);
    let (width, height) = (
        scale.scale(head.width as usize),
        scale.scale(head.height as usize),
    );
    limits.check_memory(head.coefficient_bytes() + (width * height * 4) as u64)?;

    let engine = |error: turbojpeg::Error| judge(&error, has_end(bytes, head), limits);
    let mut decompressor = Decompressor::new().map_err(engine)?;
    decompressor
        .set_scan_limit(limits.max_scans)
        .map_err(engine)?;
    decompressor.set_scaling_factor(scale).map_err(engine)?;
    let cleaned;
    let (coded, colours) = match decompressor.read_header(bytes) {
        Ok(header) => (bytes, header.colorspace),
        // Warnings of the header are errors to turbojpeg; most are about rubbish that nobody needs.
        Err(_) => {
            cleaned = head.cleaned(bytes);
            let header = decompressor.read_header(&cleaned).map_err(engine)?;
            (cleaned.as_slice(), header.colorspace)
        }
    };
    let (format, channels) = match colours {
        Colorspace::CMYK | Colorspace::YCCK => (PixelFormat::CMYK, Channels::InvertedCmyk),
        Colorspace::Gray => (PixelFormat::RGBA, Channels::GreyAsRgba),
        Colorspace::RGB | Colorspace::YCbCr => (PixelFormat::RGBA, Channels::Rgba),
    };
    let mut pixels = vec![0; width * height * 4];
    let image = Image {
        pixels: pixels.as_mut_slice(),
        width,
        pitch: width * 4,
        height,
        format,
    };
    match decompressor.decompress(coded, image) {
        Err(error) if !harmless(&error, has_end(bytes, head)) => return Err(engine(error)),
        _ => {}
    }
    Ok(Raster {
        width: width as u32,
        height: height as u32,
        pixels,
        channels,
        icc: head.icc(),
    })
}

/// Whether libjpeg only frowned at the file. It tells the first of its warnings alone, so a file
/// that also lacks its end marker is not let through.
fn harmless(error: &turbojpeg::Error, has_end: bool) -> bool {
    const HARMLESS: [&str; 5] = [
        "extraneous bytes before marker",
        "Invalid SOS parameters for sequential JPEG",
        "Inconsistent progression sequence",
        "unknown JFIF revision number",
        "Unknown Adobe color transform code",
    ];
    let text = error.to_string();
    has_end && HARMLESS.iter().any(|frown| text.contains(frown))
}

/// Whether there is an end marker after the first scan (a preview in the metadata has its own).
fn has_end(bytes: &[u8], head: &Head) -> bool {
    bytes[head.scan..]
        .windows(2)
        .any(|pair| pair == b"\xff\xd9")
}

/// libjpeg's sentences, which have not changed in thirty years, as our errors.
fn judge(error: &turbojpeg::Error, has_end: bool, limits: &Limits) -> PixelError {
    let text = error.to_string();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["Premature end", "premature end"]) {
        CUT
    } else if says(&["more than"]) && says(&["scans"]) {
        PixelError::TooManyScans {
            limit: limits.max_scans,
        }
    } else if says(&["nsupported", "not supported", "Not implemented", "Sorry"]) {
        unsupported(strip(&text))
    } else if !has_end {
        CUT
    } else {
        corrupt(strip(&text))
    }
}

fn strip(text: &str) -> &str {
    let text = text.trim_start_matches("TurboJPEG error: ");
    text.trim_start_matches("Corrupt JPEG data: ").trim()
}
