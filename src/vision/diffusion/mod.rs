//! Words → what is round a product: Stable Diffusion's inpainting models (1.5 and 2) in burn, from weights that
//! the user gives.
//!
//! The product on grey and where it is go beside the noise into a U-Net, which takes the noise away step by
//! step as the words say; an autoencoder makes latent pixels of pictures and pictures of latent pixels.
//! Everything computes in f32, on a GPU too. The reference is diffusers' `StableDiffusionInpaintPipeline`, but
//! for one thing: the product is encoded to the middle of what the encoder says and not to a draw from it, so
//! that a seed's noise is all that is drawn.
//!
//! **Memory** is bounded by the weights and by [`Diffusion::size`]; attention is computed in parts.

mod config;
mod files;
#[cfg(feature = "hub")]
mod hub;
mod keys;
mod layers;
mod noise;
mod reader;
pub mod scheduler;
mod text;
mod unet;
mod vae;

use burn::tensor::{Device, Tensor, TensorData as BurnData};
use showroom_catalog::Pixels;
use showroom_catalog::seams::{Inpainting, ModelError, Wanted};

use self::config::{LATENTS, TextConfig, UnetConfig, VaeConfig};
pub use self::files::Checkpoint;
use self::files::Part;
#[cfg(feature = "hub")]
pub use self::hub::from_hub;
pub use self::keys::Keys;
pub use self::noise::noise;
use self::scheduler::{Scheduler, mixed};
use self::text::{ClipTokenizer, TextEncoder};
use self::unet::Unet;
use self::vae::Vae;
use crate::engines::device::{Gpu, Precision};
use crate::engines::{Engine, Output, Place, failed};

/// A pixel belongs to the product from this alpha on.
const PRODUCT: u8 = 128;

/// An inpainting model, its weights on a device.
pub struct Diffusion {
    id: String,
    tokenizer: ClipTokenizer,
    text_encoder: TextEncoder,
    unet: Unet,
    vae: Vae,
    unet_config: UnetConfig,
    vae_config: VaeConfig,
    scheduler: Scheduler,
    place: Place,
    gpu: Option<Gpu>,
}

/// Latent pixels, channel by channel.
type Latents = Vec<f32>;

impl Diffusion {
    /// Reads a checkpoint for an engine: where that is onnxruntime, burn runs it on the CPU.
    pub fn open(checkpoint: &Checkpoint, engine: &Engine) -> Result<Diffusion, ModelError> {
        let gpu = engine.gpu().cloned();
        let place = Place {
            device: gpu
                .as_ref()
                .map_or_else(Device::flex, |gpu| gpu.burn.clone()),
            precision: Precision::F32,
        };
        let file = |name: &str| checkpoint.file(name);
        let text_config = TextConfig::read(&file("text_encoder/config.json"))?;
        let vae_config = VaeConfig::read(&file("vae/config.json"))?;
        let unet_config = UnetConfig::read(&file("unet/config.json"))?;
        if text_config.tower.width != unet_config.context {
            return Err(ModelError::Refused(format!(
                "the text encoder gives {} numbers a token and the U-Net takes {}: {} has parts of two models",
                text_config.tower.width,
                unet_config.context,
                file("").display(),
            )));
        }
        let scheduler = Scheduler::read(&file("scheduler/scheduler_config.json"))?;
        let weights = |part| checkpoint.weights(part);
        Ok(Diffusion {
            tokenizer: ClipTokenizer::open(&file("tokenizer"), &text_config)?,
            text_encoder: TextEncoder::load(&text_config, &weights(Part::TextEncoder)?, &place)?,
            vae: Vae::load(&vae_config, &weights(Part::Vae)?, &place)?,
            unet: Unet::load(&unet_config, &weights(Part::Unet)?, &place)?,
            id: checkpoint.id()?,
            unet_config,
            vae_config,
            scheduler,
            place,
            gpu,
        })
    }

    /// Takes other steps than those of the checkpoint.
    pub fn with_scheduler(self, scheduler: Scheduler) -> Diffusion {
        Diffusion { scheduler, ..self }
    }

    /// Size in pixels at which a picture of this shape is made: about as many pixels as the model was trained
    /// with, each side a whole number of the U-Net's coarsest pixels.
    pub fn size(&self, width: u32, height: u32) -> (u32, u32) {
        let trained = (self.unet_config.sample * self.vae_config.scale()) as f64;
        let unit = self.vae_config.scale() << (self.unet_config.levels.len() - 1);
        let aspect = f64::from(width.max(1)) / f64::from(height.max(1));
        let side = |side: f64| ((side / unit as f64).round().max(1.0) * unit as f64) as u32;
        (side(trained * aspect.sqrt()), side(trained / aspect.sqrt()))
    }

    /// Ids of the tokens of words, with padding.
    pub fn tokens(&self, words: &str) -> Result<Vec<i64>, ModelError> {
        self.tokenizer.ids(words)
    }

    /// What the U-Net looks at for words: (1, tokens, width).
    fn embedded(&self, words: &str) -> Result<Tensor<3>, ModelError> {
        Ok(self.text_encoder.forward(self.tokenizer.ids(words)?))
    }

    /// The same as numbers, token after token.
    pub fn embed(&self, words: &str) -> Result<Vec<f32>, ModelError> {
        self.numbers(self.embedded(words)?)
    }

    /// The U-Net once: nine channels of latent pixels of this (width, height) → what it says of the noise.
    pub fn predict(
        &self,
        nine: Vec<f32>,
        size: (usize, usize),
        time: f64,
        words: &str,
    ) -> Result<Latents, ModelError> {
        let x = self.tensor(nine, 2 * LATENTS + 1, size);
        self.numbers(self.unet.forward(x, time, &self.embedded(words)?))
    }

    /// Pixels from -1 to 1, channel by channel, of this (width, height) → latent pixels, not scaled.
    pub fn encode(&self, pixels: Vec<f32>, size: (usize, usize)) -> Result<Latents, ModelError> {
        self.numbers(self.vae.encode(self.tensor(pixels, 3, size)))
    }

    /// Latent pixels of this (width, height), not scaled → pixels.
    pub fn decode(&self, latents: Latents, size: (usize, usize)) -> Result<Vec<f32>, ModelError> {
        self.numbers(self.vae.decode(self.tensor(latents, LATENTS, size)))
    }

    fn tensor(
        &self,
        data: Vec<f32>,
        channels: usize,
        (width, height): (usize, usize),
    ) -> Tensor<4> {
        let data = BurnData::new(data, [1, channels, height, width]);
        Tensor::from_data(data, &self.place.device)
    }

    fn numbers<const D: usize>(&self, tensor: Tensor<D>) -> Result<Vec<f32>, ModelError> {
        let output = Output::from_burn(tensor);
        if let Some(gpu) = &self.gpu {
            // A launch that failed reads back as zeros.
            gpu.check().map_err(failed)?;
        }
        let data = output?.data;
        match data.iter().all(|number| number.is_finite()) {
            true => Ok(data),
            false => Err(ModelError::Failed(format!(
                "the model {} gave numbers that are none",
                self.id
            ))),
        }
    }

    /// Latent pixels of the picture that is made round `product` (straight alpha, of a size that
    /// [`Diffusion::size`] gives), beginning with this noise of variance 1.
    pub fn denoise(
        &self,
        wanted: &Wanted,
        product: &Pixels,
        noise: Latents,
        step: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Result<Latents, ModelError> {
        let (width, height) = (product.width as usize, product.height as usize);
        let scale = self.vae_config.scale();
        let size = (width / scale, height / scale);
        let seen = self.encode(on_grey(product), (width, height))?;
        let seen: Latents = mixed(&seen, self.vae_config.scaling, &seen, 0.0);
        let kept = [free(product, scale), seen].concat();
        let words = self.embedded(&wanted.prompt)?;
        let guides = wanted.guidance > 1.0;
        let without = guides
            .then(|| self.embedded(&wanted.negative))
            .transpose()?;
        let mut run = self.scheduler.begin(wanted.steps as usize)?;
        let mut latents = mixed(&noise, run.first_scale(), &noise, 0.0);
        let times = run.times().to_vec();
        for (i, time) in times.iter().enumerate() {
            if !step(i, times.len()) {
                return Err(ModelError::Stopped);
            }
            let scaled = mixed(&latents, run.input_scale(i), &latents, 0.0);
            let x = self.tensor([&scaled[..], &kept].concat(), 2 * LATENTS + 1, size);
            let mut said = self.numbers(self.unet.forward(x.clone(), *time, &words))?;
            if let Some(without) = &without {
                let plain = self.numbers(self.unet.forward(x, *time, without))?;
                let guidance = f64::from(wanted.guidance);
                said = mixed(&plain, 1.0 - guidance, &said, guidance);
            }
            latents = run.step(i, said, latents);
        }
        if !step(times.len(), times.len()) {
            return Err(ModelError::Stopped);
        }
        Ok(latents)
    }

    /// The picture of latent pixels.
    pub fn picture(&self, latents: &[f32], width: u32, height: u32) -> Result<Pixels, ModelError> {
        let scale = self.vae_config.scale();
        let size = (width as usize / scale, height as usize / scale);
        let latents = mixed(latents, 1.0 / self.vae_config.scaling, latents, 0.0);
        let pixels = self.decode(latents, size)?;
        let count = width as usize * height as usize;
        let level = |x: f32| ((x / 2.0 + 0.5).clamp(0.0, 1.0) * 255.0).round() as u8;
        let pixel = |at: usize| {
            let channel = |channel: usize| level(pixels[channel * count + at]);
            [channel(0), channel(1), channel(2), 255]
        };
        Ok(Pixels {
            width,
            height,
            rgba: (0..count).flat_map(pixel).collect(),
        })
    }
}

impl Inpainting for Diffusion {
    fn id(&self) -> &str {
        &self.id
    }

    fn paint(
        &mut self,
        wanted: &Wanted,
        product: &Pixels,
        step: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Result<Pixels, ModelError> {
        let (width, height) = self.size(product.width, product.height);
        let product = showroom_pixels::scale(product, width, height);
        let scale = self.vae_config.scale();
        let count = LATENTS * (width as usize / scale) * (height as usize / scale);
        let latents = self.denoise(wanted, &product, noise(wanted.seed, count), step)?;
        self.picture(&latents, width, height)
    }
}

/// The product on middle grey: pixels from -1 to 1, channel by channel.
fn on_grey(product: &Pixels) -> Vec<f32> {
    let pixels = product.rgba.as_chunks::<4>().0;
    let level = |pixel: &[u8; 4], channel: usize| match pixel[3] {
        PRODUCT.. => f32::from(pixel[channel]) / 127.5 - 1.0,
        _ => 0.0,
    };
    let channels = (0..3).flat_map(|channel| pixels.iter().map(move |pixel| level(pixel, channel)));
    channels.collect()
}

/// 1 for each latent pixel that is to be made, 0 for those of the product.
fn free(product: &Pixels, scale: usize) -> Vec<f32> {
    let (width, height) = (product.width as usize, product.height as usize);
    let alpha = |x: usize, y: usize| product.rgba[(y * width + x) * 4 + 3];
    let rows =
        (0..height / scale).flat_map(|y| (0..width / scale).map(move |x| (x * scale, y * scale)));
    rows.map(|(x, y)| f32::from(u8::from(alpha(x, y) < PRODUCT)))
        .collect()
}
