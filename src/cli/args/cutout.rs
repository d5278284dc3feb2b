//! What `cutout` takes.

use std::path::PathBuf;

use clap::ValueEnum;
use showroom_studio::cutout::Aspect;

use super::studio::PhotoArgs;

/// Cut products out of their photos: transparent background, soft edges, colours freed of what was
/// behind. Nothing of the product itself changes. What is there already is not made again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  showroom cutout photos/ -o cutouts/
  showroom cutout shoe.jpg -o cutouts/ --format webp --mask
  showroom cutout photos/ -o shop/ --fill 0.85 --aspect 1:1 --size 2000
  showroom cutout --store shop --where \"category = Shoes\" -o cutouts/
  showroom cutout photos/ -o cutouts/ --review-only       # which a person should look at
  showroom cutout - < shoe.jpg > shoe.png

The path - reads one photo from standard input and writes its cut-out to standard output.

Each file has its JSON beside it: photo, model, parameters, confidence, flags. The same photo with the
same options has the same name. Ctrl-C keeps what was done; the same command goes on from there.")]
pub struct Cutout {
    #[command(flatten)]
    pub photos: PhotoArgs,
    /// Folder to write into; it is made where it is not there.
    #[arg(long, short, value_name = "DIR", env = "SHOWROOM_OUTPUT")]
    pub output: Option<PathBuf>,
    /// The network that finds the product: u2net, or u2netp, which is small, quick and coarse.
    #[arg(
        long,
        value_name = "NAME",
        env = "SHOWROOM_CUTOUT_MODEL",
        default_value = "u2net"
    )]
    pub model: String,
    #[arg(
        long,
        value_enum,
        env = "SHOWROOM_PICTURE_FORMAT",
        default_value = "png"
    )]
    pub format: PictureFormat,
    /// Quality of WebP (100 is exact) and AVIF, 1 to 100.
    #[arg(long, value_name = "N", env = "SHOWROOM_QUALITY", default_value_t = 90,
          value_parser = clap::value_parser!(u8).range(1..=100))]
    pub quality: u8,
    /// Keep the mask of the whole photo too, as a grey PNG.
    #[arg(long, env = "SHOWROOM_MASK")]
    pub mask: bool,
    /// Crop and pad so that the product fills this share of the picture, above 0 up to 1; 0.85 where only
    /// --aspect or --size is given.
    #[arg(long, value_name = "SHARE", env = "SHOWROOM_FILL", value_parser = share)]
    pub fill: Option<f64>,
    /// Shape of the picture, width:height; by default the product's own.
    #[arg(long, value_name = "W:H", env = "SHOWROOM_ASPECT")]
    pub aspect: Option<Aspect>,
    /// Longer side of the picture in pixels; without it no pixel is resampled.
    #[arg(long, value_name = "PIXELS", env = "SHOWROOM_SIZE",
          value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub size: Option<u32>,
    /// Print only the cut-outs that a person should look at.
    #[arg(long, env = "SHOWROOM_REVIEW_ONLY")]
    pub review_only: bool,
    /// Largest file that is read, in bytes.
    #[arg(long, value_name = "BYTES", env = "SHOWROOM_MAX_BYTES", default_value_t = 64 << 20,
          value_parser = clap::value_parser!(u64).range(1..=(4 << 30)))]
    pub max_bytes: u64,
    /// Largest photo that is decoded, in pixels.
    #[arg(long, value_name = "PIXELS", env = "SHOWROOM_MAX_PIXELS", default_value_t = 100_000_000,
          value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub max_pixels: u64,
}

/// What cut-outs are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PictureFormat {
    /// Exact.
    Png,
    /// A fifth of PNG's size at quality 90.
    Webp,
    /// Smaller still, and slow to make.
    Avif,
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if share > 0.0 && share <= 1.0 => Ok(share),
        _ => Err("take a number above 0 up to 1".to_string()),
    }
}
