//! Arguments of the verbs that make files of photos: check, rendition, backdrop.

use std::path::PathBuf;

use clap::ValueEnum;
use showroom_studio::write::ImageFormat;

/// Which photos.
#[derive(Clone, Debug, clap::Args)]
pub struct PhotoArgs {
    /// Folders (with all that is below them) and single photos; none takes the catalogue's.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Only photos of the catalogue for which this holds.
    #[arg(
        long = "where",
        value_name = "FILTER",
        env = "SHOWROOM_WHERE",
        conflicts_with = "paths"
    )]
    pub filter: Option<String>,
    /// Make again what is there already.
    #[arg(long, env = "SHOWROOM_FORCE")]
    pub force: bool,
    /// Exit with code 4 if any photo could not be used.
    #[arg(long, env = "SHOWROOM_STRICT")]
    pub strict: bool,
}

/// Check photos against the rules of a marketplace, and make those that keep them.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  showroom check photos/ --rules amazon
  showroom check photos/ --rules google --report google.csv
  showroom check --where 'category = Shoes' --rules zalando --json | jq -r 'select(.verdict==\"fail\").uri'
  showroom check photos/ --rules amazon --fix -o compliant/
  showroom check photos/ --rules our-shop.toml --strict

A rule is pass, fail, warn (a recommendation is not kept) or unknown (it cannot be told; look).
With -o what was found is kept there, and the same command again checks only what is new. --strict exits
with 4 where a photo fails, or is unknown, or cannot be read.")]
pub struct Check {
    #[command(flatten)]
    pub photos: PhotoArgs,
    /// amazon, google, shopify, zalando, or a TOML file like those in src/studio/check/rules.
    #[arg(long, value_name = "NAME|FILE", env = "SHOWROOM_RULES")]
    pub rules: String,
    /// Make the picture that keeps the rules of each photo that does not: the cut-out on white, cropped,
    /// padded, small enough.
    #[arg(long, env = "SHOWROOM_FIX", requires = "output")]
    pub fix: bool,
    /// Folder for the pictures, and for what was found.
    #[arg(long, short, value_name = "DIR", env = "SHOWROOM_OUTPUT")]
    pub output: Option<PathBuf>,
    /// Table of all findings, a line for each photo and rule: .csv, or .jsonl with a line for each photo.
    #[arg(long, value_name = "FILE", env = "SHOWROOM_REPORT")]
    pub report: Option<PathBuf>,
    /// The mask network for the cut-outs of --fix.
    #[arg(
        long,
        value_name = "NAME",
        env = "SHOWROOM_CUTOUT_MODEL",
        default_value = "u2net"
    )]
    pub model: String,
}

/// Make the pictures of a page: widths and formats, each as small as a perceptual target allows.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  showroom rendition photos/ -o renditions/
  showroom rendition photos/ -o renditions/ --widths 400,800,1600 --formats webp,jpeg --target 0.005
  showroom rendition --where 'category = Shoes' -o renditions/ --sizes '(min-width: 60em) 50vw, 100vw'

The target is DSSIM = (1 - SSIM) / 2 of the file, decoded again, from the photo at the same width: the
lowest quality that keeps it is taken. Beside the pictures of PHOTO lie PHOTO.picture.html, the element
for the page, and their JSON.")]
pub struct Rendition {
    #[command(flatten)]
    pub photos: PhotoArgs,
    /// Folder for the pictures.
    #[arg(long, short, value_name = "DIR", env = "SHOWROOM_OUTPUT")]
    pub output: PathBuf,
    /// Widths in pixels; nothing is made wider than the photo.
    #[arg(long, value_delimiter = ',', value_name = "PIXELS", env = "SHOWROOM_WIDTHS",
          default_values_t = [320, 640, 960, 1280, 1920],
          value_parser = clap::value_parser!(u32).range(1..=16_383))]
    pub widths: Vec<u32>,
    /// Formats, best first; the last one is for browsers that know no other.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "FORMAT", env = "SHOWROOM_FORMATS",
          default_values_t = [RenditionFormat::Avif, RenditionFormat::Webp, RenditionFormat::Jpeg])]
    pub formats: Vec<RenditionFormat>,
    /// The largest DSSIM: .005 is hardly seen side by side, .02 is when looked for.
    #[arg(long, value_name = "DSSIM", env = "SHOWROOM_TARGET", default_value_t = 0.01,
          value_parser = target)]
    pub target: f64,
    /// The `sizes` attribute: how wide the picture is in the page.
    #[arg(
        long,
        value_name = "SIZES",
        env = "SHOWROOM_SIZES",
        default_value = "100vw"
    )]
    pub sizes: String,
    /// What stands before the names of the files in the page.
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "SHOWROOM_URL_PREFIX",
        default_value = ""
    )]
    pub url_prefix: String,
}

/// A format of a rendition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RenditionFormat {
    Avif,
    Webp,
    #[value(alias = "jpg")]
    Jpeg,
    Png,
}

impl From<RenditionFormat> for ImageFormat {
    fn from(format: RenditionFormat) -> ImageFormat {
        match format {
            RenditionFormat::Avif => ImageFormat::Avif,
            RenditionFormat::Webp => ImageFormat::Webp,
            RenditionFormat::Jpeg => ImageFormat::Jpeg,
            RenditionFormat::Png => ImageFormat::Png,
        }
    }
}

/// Put products on a colour, a gradient, a picture, into a lit scene, or into what a model makes of words.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  showroom backdrop photos/ --on white -o white/
  showroom backdrop shoe.jpg --on '#f2e9e4' --aspect 4:5 --size 2000 -o out/
  showroom backdrop photos/ --on '#ffffff..#d8dee6@90' -o out/
  showroom backdrop photos/ --on oak-table -o out/
  showroom backdrop --where 'category = Shoes' --on our-scene.toml --seed 7 -o out/
  showroom backdrop --list
  showroom backdrop photos/ --prompt 'on a mossy rock' --diffusion sd-inpainting/ --size 1024 -o out/

Photos are cut out first, unless they are transparent already. Opaque pixels of the product stay as they
are, one for one, unless --size makes them smaller or --harmonise is given. Scenes need their light once:
showroom models pull environments.

--prompt needs the weights of a Stable Diffusion 1.5 or 2 inpainting model, which do not come with showroom;
their licence (often CreativeML OpenRAIL-M, which restricts uses) is yours to check. A full-size model has a
billion weights: reckon with 8 GB of memory, or of the GPU's, and half a minute to some minutes a step on a CPU
(two runs of the network, one with --guidance 1), so a quarter of an hour and more a photo. Photos are made one
after another; Ctrl-C stops between two steps. The picture is made at the model's own size, about 512 x 512
pixels, and enlarged behind the product, so it is soft beside a large one: --size 1024 is a good choice. The
model may draw on at the product's outline; look at what it made.")]
pub struct Backdrop {
    #[command(flatten)]
    pub photos: PhotoArgs,
    /// white, #rrggbb, #from..#to (@degrees; 90 is downwards), a picture file, the name of a scene, or
    /// the TOML file of one.
    #[arg(long, value_name = "BACKDROP", env = "SHOWROOM_ON",
          required_unless_present_any = ["list", "prompt"])]
    pub on: Option<String>,
    /// Folder for the pictures.
    #[arg(
        long,
        short,
        value_name = "DIR",
        env = "SHOWROOM_OUTPUT",
        required_unless_present = "list"
    )]
    pub output: Option<PathBuf>,
    /// How much of the picture the product takes along the axis that it fills more, 0 to 1; by default .8,
    /// in a scene what the scene says.
    #[arg(long, value_name = "SHARE", env = "SHOWROOM_FILL", value_parser = fill)]
    pub fill: Option<f64>,
    /// Width : height.
    #[arg(long, value_name = "W:H", env = "SHOWROOM_ASPECT", default_value = "1:1",
          value_parser = aspect)]
    pub aspect: f64,
    /// Longer side of the picture in pixels; by default what leaves the product's pixels as they are.
    #[arg(long, value_name = "PIXELS", env = "SHOWROOM_SIZE",
          value_parser = clap::value_parser!(u32).range(16..=16_000))]
    pub size: Option<u32>,
    /// How far the product takes on the colour of the scene's light, 0 to 1. Changes its pixels.
    #[arg(long, value_name = "SHARE", env = "SHOWROOM_HARMONISE", default_value_t = 0.0,
          num_args = 0..=1, default_missing_value = "0.5", value_parser = share, conflicts_with = "prompt")]
    pub harmonise: f32,
    /// The same input and seed give the same bytes.
    #[arg(long, value_name = "N", env = "SHOWROOM_SEED", default_value_t = 0)]
    pub seed: u64,
    #[arg(long, value_enum, env = "SHOWROOM_FORMAT", default_value = "png")]
    pub format: BackdropFormat,
    /// 1 to 100; of no meaning for PNG.
    #[arg(long, value_name = "N", env = "SHOWROOM_QUALITY", default_value_t = 90,
          value_parser = clap::value_parser!(u8).range(1..=100))]
    pub quality: u8,
    /// The mask network.
    #[arg(
        long,
        value_name = "NAME",
        env = "SHOWROOM_CUTOUT_MODEL",
        default_value = "u2net"
    )]
    pub model: String,
    /// Words for what is to be round the product, in English; a diffusion model makes it (see --diffusion).
    #[arg(long, value_name = "WORDS", conflicts_with = "on")]
    pub prompt: Option<String>,
    /// The model for --prompt: the folder of a Stable Diffusion inpainting model in the layout of diffusers, or
    /// hub:OWNER/NAME (@REVISION), which is fetched into the cache once.
    #[arg(long, value_name = "DIR|hub:ID", env = "SHOWROOM_DIFFUSION")]
    pub diffusion: Option<String>,
    /// Words for what is not to be there; for --prompt.
    #[arg(
        long,
        value_name = "WORDS",
        env = "SHOWROOM_NEGATIVE",
        default_value = ""
    )]
    pub negative: String,
    /// Steps in which --prompt is made: more are finer up to about 50, and slower.
    #[arg(long, value_name = "N", env = "SHOWROOM_STEPS", default_value_t = 30,
          value_parser = clap::value_parser!(u32).range(1..=200))]
    pub steps: u32,
    /// How closely --prompt is followed; 1 takes half the time and does without --negative.
    #[arg(long, value_name = "N", env = "SHOWROOM_GUIDANCE", default_value_t = 7.5,
          value_parser = guidance)]
    pub guidance: f32,
    /// List the scenes.
    #[arg(long)]
    pub list: bool,
}

/// A format of a backdrop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BackdropFormat {
    Png,
    Webp,
    Avif,
    #[value(alias = "jpg")]
    Jpeg,
}

impl From<BackdropFormat> for ImageFormat {
    fn from(format: BackdropFormat) -> ImageFormat {
        match format {
            BackdropFormat::Png => ImageFormat::Png,
            BackdropFormat::Webp => ImageFormat::Webp,
            BackdropFormat::Avif => ImageFormat::Avif,
            BackdropFormat::Jpeg => ImageFormat::Jpeg,
        }
    }
}

fn number(text: &str, least: f64, most: f64) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_string())?;
    match (least..=most).contains(&number) {
        true => Ok(number),
        false => Err(format!("must be between {least} and {most}")),
    }
}

fn target(text: &str) -> Result<f64, String> {
    number(text, 0.0001, 0.5)
}

fn fill(text: &str) -> Result<f64, String> {
    number(text, 0.05, 1.0)
}

fn share(text: &str) -> Result<f32, String> {
    number(text, 0.0, 1.0).map(|share| share as f32)
}

fn guidance(text: &str) -> Result<f32, String> {
    number(text, 1.0, 30.0).map(|guidance| guidance as f32)
}

fn aspect(text: &str) -> Result<f64, String> {
    let (width, height) = text.split_once(':').ok_or("write it as 4:5")?;
    let side = |text: &str| number(text, 0.01, 10_000.0);
    let aspect = side(width)? / side(height)?;
    match (0.1..=10.0).contains(&aspect) {
        true => Ok(aspect),
        false => Err("must be between 1:10 and 10:1".to_string()),
    }
}
