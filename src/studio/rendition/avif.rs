//! AVIF whose distance from the photo is known without a decoder: the encoder keeps what a decoder would
//! show. Eight bits, no chroma subsampling, ITU-R BT.601, full range.

use rav1e::color::{
    ChromaSampling, ColorDescription, ColorPrimaries, MatrixCoefficients, PixelRange,
    TransferCharacteristics,
};
use rav1e::prelude::{EncoderConfig, EncoderStatus, FrameType, SpeedSettings};
use rav1e::{Config, Context, Frame};
use showroom_catalog::Pixels;

/// How much time is taken for size, 0 to 10.
const SPEED: u8 = 8;
/// Quality of the transparency, whose edges are what is seen first.
const ALPHA_QUALITY: u8 = 92;

/// A file and what it shows.
pub struct Encoded {
    pub file: Vec<u8>,
    /// Grey: the luma that a decoder gives, with the photo's own transparency.
    pub luma: Pixels,
}

/// Writes a picture at this quality, 1 to 100. The error is the encoder's.
pub fn encode(pixels: &Pixels, quality: u8) -> Result<Encoded, String> {
    let (rgba, _) = pixels.rgba.as_chunks::<4>();
    let opaque = rgba.iter().all(|pixel| pixel[3] == 255);
    let planes = rgba.iter().map(|&[r, g, b, _]| ycbcr([r, g, b]));
    let colour = av1(pixels, quality, ChromaSampling::Cs444, planes)?;
    let alpha = match opaque {
        true => None,
        false => {
            let planes = rgba.iter().map(|pixel| [pixel[3], 0, 0]);
            Some(av1(pixels, ALPHA_QUALITY, ChromaSampling::Cs400, planes)?.0)
        }
    };
    let (data, shown) = colour;
    let file = avif_serialize::Aviffy::new()
        .matrix_coefficients(avif_serialize::constants::MatrixCoefficients::Bt601)
        .to_vec(&data, alpha.as_deref(), pixels.width, pixels.height, 8);
    let luma = shown.iter().zip(rgba);
    Ok(Encoded {
        file,
        luma: Pixels {
            width: pixels.width,
            height: pixels.height,
            rgba: luma.flat_map(|(&y, own)| [y, y, y, own[3]]).collect(),
        },
    })
}

/// AV1 data of one frame, and its first plane as a decoder shows it.
fn av1(
    pixels: &Pixels,
    quality: u8,
    chroma_sampling: ChromaSampling,
    planes: impl Iterator<Item = [u8; 3]>,
) -> Result<(Vec<u8>, Vec<u8>), String> {
    let (width, height) = (pixels.width as usize, pixels.height as usize);
    let quantizer = usize::from(quantizer(quality));
    let colours = ColorDescription {
        transfer_characteristics: TransferCharacteristics::SRGB,
        color_primaries: ColorPrimaries::BT709,
        matrix_coefficients: MatrixCoefficients::BT601,
    };
    let mut speed = SpeedSettings::from_preset(SPEED);
    speed.multiref = false;
    speed.rdo_lookahead_frames = 1;
    let encoder = EncoderConfig {
        width,
        height,
        bit_depth: 8,
        chroma_sampling,
        pixel_range: PixelRange::Full,
        color_description: (chroma_sampling != ChromaSampling::Cs400).then_some(colours),
        still_picture: true,
        quantizer,
        min_quantizer: quantizer as u8,
        speed_settings: speed,
        ..EncoderConfig::default()
    };
    // One thread: photos are encoded side by side.
    let config = Config::new().with_encoder_config(encoder).with_threads(1);
    let mut context: Context<u8> = config.new_context().map_err(|error| error.to_string())?;
    let mut frame = context.new_frame();
    fill(&mut frame, width, planes, chroma_sampling);
    let failed = |status: EncoderStatus| status.to_string();
    context.send_frame(frame).map_err(failed)?;
    context.flush();
    let (mut data, mut shown) = (Vec::new(), Vec::new());
    loop {
        match context.receive_packet() {
            Ok(packet) if packet.frame_type == FrameType::KEY => {
                data.extend(packet.data);
                if let Some(frame) = packet.rec {
                    let rows = frame.planes[0].rows_iter().take(height);
                    shown = rows.flat_map(|row| row[..width].to_vec()).collect();
                }
            }
            Ok(_) | Err(EncoderStatus::Encoded) => {}
            Err(EncoderStatus::LimitReached) => break,
            Err(other) => return Err(other.to_string()),
        }
    }
    match shown.len() == width * height {
        true => Ok((data, shown)),
        false => Err("it does not say what it shows".to_string()),
    }
}

fn fill(
    frame: &mut Frame<u8>,
    width: usize,
    planes: impl Iterator<Item = [u8; 3]>,
    chroma_sampling: ChromaSampling,
) {
    let count = if chroma_sampling == ChromaSampling::Cs400 {
        1
    } else {
        3
    };
    for (at, values) in planes.enumerate() {
        let (x, y) = (at % width, at / width);
        for (plane, value) in frame.planes.iter_mut().zip(values).take(count) {
            let stride = plane.cfg.stride;
            plane.data_origin_mut()[y * stride + x] = value;
        }
    }
}

/// From 255, the coarsest, at quality 1 to 0 at 100: finer steps above 80, where they are seen in the size.
fn quantizer(quality: u8) -> u8 {
    let quality = f32::from(quality.clamp(1, 100)) / 100.0;
    let coarse = match quality {
        0.8.. => (1.0 - quality) * 2.375,
        _ => 1.0 - quality * 0.656,
    };
    (coarse * 255.0).round() as u8
}

fn ycbcr(rgb: [u8; 3]) -> [u8; 3] {
    let [r, g, b] = rgb.map(f32::from);
    let y = 0.299 * r + 0.587 * g + 0.114 * b;
    let cb = 128.0 + (b - y) * 0.5 / (1.0 - 0.114);
    let cr = 128.0 + (r - y) * 0.5 / (1.0 - 0.299);
    [y, cb, cr].map(|value| value.round().clamp(0.0, 255.0) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_falls_without_a_jump() {
        let steps: Vec<u8> = (1..=100).map(quantizer).collect();
        assert!(
            steps
                .windows(2)
                .all(|pair| pair[0] >= pair[1] && pair[0] - pair[1] <= 7),
            "{steps:?}"
        );
        assert_eq!((steps[99], steps[0] > 250), (0, true));
    }

    #[test]
    fn greys_have_no_colour_and_colours_are_those_of_the_standard() {
        assert_eq!(ycbcr([90; 3]), [90, 128, 128]);
        assert_eq!(ycbcr([255, 0, 0]), [76, 85, 255]);
        assert_eq!(ycbcr([0, 0, 255]), [29, 255, 107]);
    }

    #[test]
    fn what_it_shows_is_near_the_photo_and_nearer_at_a_higher_quality() {
        let rgba = (0..64 * 40).flat_map(|at| {
            let (x, y) = (at % 64, at / 64);
            [
                (x * 4) as u8,
                (y * 6) as u8,
                ((x / 8 + y / 8) % 2 * 120) as u8,
                255,
            ]
        });
        let photo = Pixels {
            width: 64,
            height: 40,
            rgba: rgba.collect(),
        };
        let off = |quality| {
            let shown = encode(&photo, quality).unwrap().luma;
            let pairs = shown
                .rgba
                .as_chunks::<4>()
                .0
                .iter()
                .zip(photo.rgba.as_chunks::<4>().0);
            let sum: f32 = pairs
                .map(|(shown, own)| {
                    let [y, ..] = ycbcr([own[0], own[1], own[2]]);
                    f32::from(shown[0].abs_diff(y))
                })
                .sum();
            sum / (64.0 * 40.0)
        };
        let (low, high) = (off(30), off(95));
        assert!(high < low && high < 1.5 && low < 12.0, "{low} {high}");
    }
}
