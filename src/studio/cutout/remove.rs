//! Background removal as `rembg`'s server takes it: one photo in, one picture out, the parameters by its names
//! and some of ours.

use showroom_catalog::Pixels;
use showroom_catalog::seams::{Matting, ModelError};
use showroom_pixels::{DecodeOptions, Limits, Mask, PixelError, decode_pixels, photo_id};

use super::{Aspect, DEFAULT_FILL, Flag, Frame, FrameError, Judgement, cut, of_transparent};
use crate::matte::{Band, Reach};
use crate::write::{ImageFormat, Metadata, SourceType, WriteError, encode, encode_mask};

/// More pixels of AVIF take longer than anybody waits.
const MOST_AVIF_PIXELS: u64 = 16 << 20;

/// What a request asks for.
///
/// Alpha matting (`a`) is done in any case; with `a=true` its thresholds and its width are the caller's.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoveParams {
    /// `model`: name of the network; `None` leaves it to the server.
    pub model: Option<String>,
    /// `a`: alpha matting with the three numbers that follow.
    pub matting: bool,
    /// `af`: the mask is sure of the product from this on, 0–255.
    pub foreground: u8,
    /// `ab`: the mask is sure of the background up to this, 0–255.
    pub background: u8,
    /// `ae`: how far the outline is found again on both sides, pixels.
    pub reach: u32,
    /// `om`: the mask instead of the photo.
    pub only_mask: bool,
    /// `ppm`: pixels are product or background and nothing between.
    pub hard: bool,
    /// `bgc`: red, green, blue and alpha behind the product.
    pub background_colour: Option<[u8; 4]>,
    /// `format`: PNG, WebP or AVIF; a mask is always PNG.
    pub format: ImageFormat,
    /// `quality`: 1–100, of WebP (100 is exact) and AVIF.
    pub quality: u8,
    /// `fill`, `aspect`, `size`: without any of them the picture is as large as the photo.
    pub frame: Option<Frame>,
}

impl Default for RemoveParams {
    fn default() -> Self {
        RemoveParams {
            model: None,
            matting: false,
            foreground: 240,
            background: 10,
            reach: 10,
            only_mask: false,
            hard: false,
            background_colour: None,
            format: ImageFormat::Png,
            quality: 90,
            frame: None,
        }
    }
}

/// A parameter that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}={value:?} is not understood: {wanted}")]
pub struct BadParameter {
    pub name: String,
    pub value: String,
    pub wanted: &'static str,
}

impl RemoveParams {
    /// Reads the pairs of a query or form, decoded. Names that rembg has and this does not (`x`, `extras`,
    /// `file`, `url`) are passed over, as is what is empty.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, BadParameter> {
        let mut params = RemoveParams::default();
        for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
            let bad = |wanted| BadParameter {
                name: name.into(),
                value: value.into(),
                wanted,
            };
            match name {
                "model" => params.model = Some(value.to_string()),
                "a" => params.matting = flag(value).ok_or_else(|| bad(FLAG))?,
                "om" => params.only_mask = flag(value).ok_or_else(|| bad(FLAG))?,
                "ppm" => params.hard = flag(value).ok_or_else(|| bad(FLAG))?,
                "af" => params.foreground = value.parse().map_err(|_| bad(BYTE))?,
                "ab" => params.background = value.parse().map_err(|_| bad(BYTE))?,
                "ae" => {
                    let reach = value.parse().ok().filter(|&reach| reach <= MAX_REACH);
                    params.reach = reach.ok_or_else(|| bad("take pixels, 0 to 1000"))?;
                }
                "bgc" => {
                    let colour = colour(value)
                        .ok_or_else(|| bad("take red,green,blue,alpha, each 0 to 255"))?;
                    params.background_colour = Some(colour);
                }
                "format" => {
                    let format = value
                        .parse()
                        .ok()
                        .filter(|format: &ImageFormat| FORMATS.contains(format));
                    params.format = format.ok_or_else(|| bad("take png, webp or avif"))?;
                }
                "quality" => {
                    let quality = value.parse().ok().filter(|q: &u8| (1..=100).contains(q));
                    params.quality = quality.ok_or_else(|| bad("take a number from 1 to 100"))?;
                }
                "fill" => {
                    let fill = value
                        .parse()
                        .ok()
                        .filter(|fill: &f64| (0.01..=1.0).contains(fill));
                    params.framed().fill = fill.ok_or_else(|| bad("take a share, 0.01 to 1"))?;
                }
                "aspect" => {
                    let aspect: Result<Aspect, _> = value.parse();
                    let aspect = aspect.map_err(|_| bad("take width:height, as in 4:5"))?;
                    params.framed().aspect = Some(aspect);
                }
                "size" => {
                    let size = value
                        .parse()
                        .ok()
                        .filter(|side: &u32| (1..=MAX_SIDE).contains(side));
                    let size = size.ok_or_else(|| bad("take pixels, 1 to 10000"))?;
                    params.framed().size = Some(size);
                }
                _ => {}
            }
        }
        if params.matting && params.background >= params.foreground {
            return Err(BadParameter {
                name: "ab".into(),
                value: params.background.to_string(),
                wanted: "it must be less than af",
            });
        }
        Ok(params)
    }

    fn framed(&mut self) -> &mut Frame {
        self.frame.get_or_insert(Frame {
            fill: DEFAULT_FILL,
            aspect: None,
            size: None,
        })
    }
}

const FORMATS: [ImageFormat; 3] = [ImageFormat::Png, ImageFormat::Webp, ImageFormat::Avif];
const MAX_SIDE: u32 = 10_000;
const FLAG: &str = "take true or false";
const BYTE: &str = "take a number from 0 to 255";
const MAX_REACH: u32 = 1000;

fn flag(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "on" | "yes" => Some(true),
        "false" | "0" | "off" | "no" => Some(false),
        _ => None,
    }
}

/// `r,g,b` or `r,g,b,a`, with or without brackets.
fn colour(value: &str) -> Option<[u8; 4]> {
    let value = value.trim_matches(['(', ')', '[', ']', ' ']);
    let parts = value.split(',').map(|part| part.trim().parse().ok());
    match *parts.collect::<Option<Vec<u8>>>()?.as_slice() {
        [r, g, b] => Some([r, g, b, 255]),
        [r, g, b, a] => Some([r, g, b, a]),
        _ => None,
    }
}

/// Why nothing was made of a request.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// The photo cannot be used: the caller's fault.
    #[error(transparent)]
    Photo(#[from] PixelError),
    #[error("{0}")]
    BadPhoto(String),
    /// The model cannot go on: ours.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The picture that is asked for is too large.
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(
        "a picture of {width}x{height} pixels takes too long as AVIF; take webp, or a smaller size"
    )]
    SlowAvif { width: u32, height: u32 },
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// What was made of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Removed {
    pub bytes: Vec<u8>,
    pub format: ImageFormat,
    pub judgement: Judgement,
}

/// A photo's bytes → a picture of the product alone. `matting` is the model of [`RemoveParams::model`].
/// Blocks for about a second a photo.
pub fn remove(
    bytes: &[u8],
    params: &RemoveParams,
    matting: &mut dyn Matting,
    limits: &Limits,
) -> Result<Removed, RemoveError> {
    let options = DecodeOptions {
        min_side: u32::MAX,
        limits: limits.clone(),
    };
    let pixels = decode_pixels(bytes, &options)?;
    let mut cutout = match of_transparent(&pixels) {
        Some(cutout) => cutout,
        None => {
            let mask = matting.matte(&pixels)?.map_err(RemoveError::BadPhoto)?;
            cut(&pixels, &mask, band(params))
        }
    };
    let metadata = Metadata {
        source_type: Some(match params.background_colour {
            Some(_) => SourceType::Composite,
            None => SourceType::AlgorithmicallyEnhanced,
        }),
        photo: Some(photo_id(bytes).to_string()),
        description: Some(format!("Background removed with {}", matting.id())),
    };
    if params.hard {
        harden(&mut cutout.pixels, &pixels);
    }
    if let Some(frame) = &params.frame {
        let framed = frame.apply(&cutout.pixels)?;
        cutout.pixels = framed.pixels;
        if framed.enlarged {
            cutout.judgement.flags.push(Flag::Enlarged);
        }
    }
    if params.only_mask {
        let mask: Mask = cutout.mask();
        let metadata = Metadata {
            source_type: None,
            ..metadata
        };
        return Ok(Removed {
            bytes: encode_mask(&mask, &metadata)?,
            format: ImageFormat::Png,
            judgement: cutout.judgement,
        });
    }
    if let Some(colour) = params.background_colour {
        put_behind(&mut cutout.pixels, colour);
    }
    let (width, height) = (cutout.pixels.width, cutout.pixels.height);
    if params.format == ImageFormat::Avif && u64::from(width) * u64::from(height) > MOST_AVIF_PIXELS
    {
        return Err(RemoveError::SlowAvif { width, height });
    }
    Ok(Removed {
        bytes: encode(&cutout.pixels, params.format, params.quality, &metadata)?,
        format: params.format,
        judgement: cutout.judgement,
    })
}

fn band(params: &RemoveParams) -> Band {
    match params.matting {
        false => Band::default(),
        true => Band {
            sure_not: f32::from(params.background) / 255.0,
            sure: f32::from(params.foreground) / 255.0,
            reach: Reach::Pixels(params.reach),
        },
    }
}

/// Every pixel is the photo's own or nothing.
fn harden(cutout: &mut Pixels, photo: &Pixels) {
    let photo = photo.rgba.as_chunks::<4>().0;
    for (pixel, &[r, g, b, _]) in cutout.rgba.as_chunks_mut::<4>().0.iter_mut().zip(photo) {
        *pixel = if pixel[3] > 127 {
            [r, g, b, 255]
        } else {
            [0; 4]
        };
    }
}

/// A colour behind the product: "over", not premultiplied.
fn put_behind(cutout: &mut Pixels, colour: [u8; 4]) {
    let behind = f32::from(colour[3]) / 255.0;
    for pixel in cutout
        .rgba
        .as_chunks_mut::<4>()
        .0
        .iter_mut()
        .filter(|pixel| pixel[3] < 255)
    {
        let front = f32::from(pixel[3]) / 255.0;
        let rest = behind * (1.0 - front);
        let alpha = front + rest;
        for (value, behind) in pixel.iter_mut().zip(&colour[..3]) {
            let sum = f32::from(*value) * front + f32::from(*behind) * rest;
            *value = if alpha > 0.0 {
                (sum / alpha).round() as u8
            } else {
                0
            };
        }
        pixel[3] = (255.0 * alpha).round() as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &[(&str, &str)]) -> Result<RemoveParams, BadParameter> {
        RemoveParams::from_pairs(query.iter().copied())
    }

    #[test]
    fn a_query_of_rembg_is_understood() {
        let query = [
            ("model", "u2netp"),
            ("a", "true"),
            ("af", "230"),
            ("ab", "20"),
            ("ae", "11"),
            ("om", "false"),
            ("ppm", "1"),
            ("bgc", "(255, 0, 10, 128)"),
            ("x", "{}"),
        ];
        let wanted = RemoveParams {
            model: Some("u2netp".into()),
            matting: true,
            foreground: 230,
            background: 20,
            reach: 11,
            only_mask: false,
            hard: true,
            background_colour: Some([255, 0, 10, 128]),
            ..RemoveParams::default()
        };
        assert_eq!(read(&query), Ok(wanted));
        assert_eq!(read(&[("a", "")]), Ok(RemoveParams::default()));
    }

    #[test]
    fn what_is_asked_of_the_frame_makes_one() {
        assert_eq!(read(&[]).unwrap().frame, None);
        let params = read(&[("aspect", "4:5"), ("format", "WEBP"), ("size", "900")]).unwrap();
        let frame = params.frame.unwrap();
        let aspect = Some("4:5".parse().unwrap());
        let wanted = (DEFAULT_FILL, aspect, Some(900));
        assert_eq!((frame.fill, frame.aspect, frame.size), wanted);
        assert_eq!(params.format, ImageFormat::Webp);
        assert_eq!(read(&[("fill", "0.5")]).unwrap().frame.unwrap().fill, 0.5);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (name, value) in [
            ("a", "maybe"),
            ("af", "256"),
            ("ab", "-1"),
            ("ae", "100000"),
            ("bgc", "red"),
            ("bgc", "1,2"),
            ("format", "jpeg"),
            ("format", "gif"),
            ("quality", "0"),
            ("fill", "nan"),
            ("fill", "0"),
            ("aspect", "1"),
            ("size", "10001"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert_eq!((error.name.as_str(), error.value.as_str()), (name, value));
        }
        assert_eq!(
            read(&[("a", "1"), ("af", "10"), ("ab", "10")])
                .unwrap_err()
                .name,
            "ab"
        );
    }

    #[test]
    fn a_colour_lies_behind_the_product() {
        let mut picture = Pixels {
            width: 4,
            height: 1,
            rgba: vec![10, 20, 30, 255, 0, 0, 0, 0, 255, 255, 255, 51, 0, 0, 0, 0],
        };
        put_behind(&mut picture, [100, 0, 0, 255]);
        // A fifth of white over red 100: 100 + 155 / 5.
        assert_eq!(
            picture.rgba[..12],
            [10, 20, 30, 255, 100, 0, 0, 255, 131, 51, 51, 255]
        );
        let mut clear = Pixels {
            width: 1,
            height: 1,
            rgba: vec![0; 4],
        };
        put_behind(&mut clear, [9, 9, 9, 0]);
        assert_eq!(clear.rgba, [0; 4]);
    }
}
