//! The U-Net of Stable Diffusion: noisy latent pixels, what is kept, a time and words → the noise.
//!
//! Rombach et al. 2022, <https://arxiv.org/abs/2112.10752>; layers and keys are those of diffusers'
//! `UNet2DConditionModel`.

use std::path::Path;

use burn::tensor::activation::silu;
use burn::tensor::{Tensor, TensorData as BurnData};
use showroom_catalog::seams::ModelError;

use super::config::{LATENTS, Level, UnetConfig};
use super::layers::{GroupNorm, Resnet, ResnetShape, Transformer, Upsample};
use super::reader::Reader;
use crate::engines::Place;
use crate::models::layers::{Conv, Linear};

/// The wavelengths of a time go up to so much.
const LONGEST_PERIOD: f64 = 10_000.0;

/// A level on the way down or up.
struct Block {
    resnets: Vec<Resnet>,
    /// As many as `resnets`, or none.
    attentions: Vec<Transformer>,
    down: Option<Conv>,
    up: Option<Upsample>,
}

/// The network on a burn device; fields are named after the checkpoint's keys.
pub struct Unet {
    config: UnetConfig,
    conv_in: Conv,
    time_linear_1: Linear,
    time_linear_2: Linear,
    down_blocks: Vec<Block>,
    mid_resnets: [Resnet; 2],
    mid_attention: Transformer,
    up_blocks: Vec<Block>,
    conv_norm_out: GroupNorm,
    conv_out: Conv,
    place: Place,
}

impl Unet {
    pub fn load(config: &UnetConfig, path: &Path, place: &Place) -> Result<Unet, ModelError> {
        let mut reader = Reader::open(path, place)?;
        let mut builder = Builder {
            reader: &mut reader,
            config,
            skips: Vec::new(),
        };
        let unet = builder.unet(place)?;
        reader.end()?;
        Ok(unet)
    }

    /// `x`: (1, 9, height, width); `words`: (1, tokens, context).
    pub fn forward(&self, x: Tensor<4>, time: f64, words: &Tensor<3>) -> Tensor<4> {
        let time = self.time_linear_1.forward(self.time(time));
        // Every block begins with this activation of it.
        let time = silu(self.time_linear_2.forward(silu(time)));
        let mut x = self.conv_in.forward(x);
        let mut skips = vec![x.clone()];
        for block in &self.down_blocks {
            for (i, resnet) in block.resnets.iter().enumerate() {
                x = resnet.forward(x, Some(&time));
                if let Some(attention) = block.attentions.get(i) {
                    x = attention.forward(x, words);
                }
                skips.push(x.clone());
            }
            if let Some(down) = &block.down {
                x = down.forward(x);
                skips.push(x.clone());
            }
        }
        x = self.mid_resnets[0].forward(x, Some(&time));
        x = self.mid_attention.forward(x, words);
        x = self.mid_resnets[1].forward(x, Some(&time));
        for block in &self.up_blocks {
            for (i, resnet) in block.resnets.iter().enumerate() {
                let skip = skips.pop().into_iter();
                let joined = Tensor::cat(std::iter::once(x).chain(skip).collect(), 1);
                x = resnet.forward(joined, Some(&time));
                if let Some(attention) = block.attentions.get(i) {
                    x = attention.forward(x, words);
                }
            }
            if let Some(up) = &block.up {
                x = up.forward(x);
            }
        }
        self.conv_out.forward(silu(self.conv_norm_out.forward(x)))
    }

    /// A time as cosines and sines: (1, channels of the finest level).
    fn time(&self, time: f64) -> Tensor<2> {
        let channels = self.config.levels[0].channels;
        let half = channels / 2;
        let angle = |i: usize| {
            let exponent = i as f64 / (half as f64 - self.config.frequency_shift);
            time * (-LONGEST_PERIOD.ln() * exponent).exp()
        };
        let cosines = (0..half).map(|i| angle(i).cos() as f32);
        let sines = (0..half).map(|i| angle(i).sin() as f32);
        let numbers: Vec<f32> = match self.config.cosines_first {
            true => cosines.chain(sines).collect(),
            false => sines.chain(cosines).collect(),
        };
        let data = BurnData::new(numbers, [1, channels]);
        Tensor::<2>::from_data(data, &self.place.device).cast(self.place.precision.dtype())
    }
}

/// Reads the layers; the way up needs to know what the way down has left behind.
struct Builder<'a> {
    reader: &'a mut Reader,
    config: &'a UnetConfig,
    /// Channels of what is kept for the way up.
    skips: Vec<usize>,
}

impl Builder<'_> {
    fn unet(&mut self, place: &Place) -> Result<Unet, ModelError> {
        let levels = &self.config.levels;
        let (first, last) = (levels[0], levels[levels.len() - 1]);
        let time = 4 * first.channels;
        let inputs = [2 * LATENTS + 1, first.channels];
        let conv_in = self.reader.conv("conv_in", inputs, 3)?;
        self.skips.push(first.channels);
        let mut channels = first.channels;
        let down_blocks = (0..levels.len())
            .map(|at| self.down(at, &mut channels))
            .collect::<Result<_, _>>()?;
        let mid = [last.channels; 2];
        let mid_resnets = [
            self.resnet("mid_block.resnets.0", mid)?,
            self.resnet("mid_block.resnets.1", mid)?,
        ];
        let mid_attention = self.attention("mid_block.attentions.0", last)?;
        let up_blocks = (0..levels.len())
            .map(|at| self.up(at, &mut channels))
            .collect::<Result<_, _>>()?;
        let (groups, epsilon) = (self.config.groups, self.config.epsilon);
        let reader = &mut *self.reader;
        Ok(Unet {
            config: self.config.clone(),
            conv_in,
            time_linear_1: reader.linear("time_embedding.linear_1", [first.channels, time])?,
            time_linear_2: reader.linear("time_embedding.linear_2", [time; 2])?,
            down_blocks,
            mid_resnets,
            mid_attention,
            up_blocks,
            conv_norm_out: reader.group_norm("conv_norm_out", first.channels, groups, epsilon)?,
            conv_out: reader.conv("conv_out", [first.channels, LATENTS], 3)?,
            place: place.clone(),
        })
    }

    fn resnet(&mut self, at: &str, sizes: [usize; 2]) -> Result<Resnet, ModelError> {
        let shape = ResnetShape {
            groups: self.config.groups,
            epsilon: self.config.epsilon,
            time: Some(4 * self.config.levels[0].channels),
        };
        Resnet::new(self.reader, at, sizes, shape)
    }

    fn attention(&mut self, at: &str, level: Level) -> Result<Transformer, ModelError> {
        let shape = (level.heads, self.config.context, self.config.groups);
        Transformer::new(self.reader, at, level.channels, shape)
    }

    fn attentions(
        &mut self,
        at: &str,
        i: usize,
        level: Level,
    ) -> Result<Vec<Transformer>, ModelError> {
        match level.attends {
            true => Ok(vec![
                self.attention(&format!("{at}.attentions.{i}"), level)?,
            ]),
            false => Ok(Vec::new()),
        }
    }

    fn down(&mut self, number: usize, channels: &mut usize) -> Result<Block, ModelError> {
        let level = self.config.levels[number];
        let at = format!("down_blocks.{number}");
        let (mut resnets, mut attentions) = (Vec::new(), Vec::new());
        for i in 0..self.config.layers {
            let sizes = [*channels, level.channels];
            resnets.push(self.resnet(&format!("{at}.resnets.{i}"), sizes)?);
            attentions.extend(self.attentions(&at, i, level)?);
            *channels = level.channels;
            self.skips.push(*channels);
        }
        let is_last = number + 1 == self.config.levels.len();
        let down = match is_last {
            true => None,
            false => {
                self.skips.push(*channels);
                let name = format!("{at}.downsamplers.0.conv");
                Some(self.reader.halving(&name, *channels, [1; 4])?)
            }
        };
        Ok(Block {
            resnets,
            attentions,
            down,
            up: None,
        })
    }

    fn up(&mut self, number: usize, channels: &mut usize) -> Result<Block, ModelError> {
        let count = self.config.levels.len();
        let level = self.config.levels[count - 1 - number];
        let at = format!("up_blocks.{number}");
        let (mut resnets, mut attentions) = (Vec::new(), Vec::new());
        for i in 0..=self.config.layers {
            let joined = *channels + self.skips.pop().unwrap_or_default();
            let sizes = [joined, level.channels];
            resnets.push(self.resnet(&format!("{at}.resnets.{i}"), sizes)?);
            attentions.extend(self.attentions(&at, i, level)?);
            *channels = level.channels;
        }
        let is_last = number + 1 == count;
        let up = match is_last {
            true => None,
            false => Some(Upsample::new(self.reader, &at, *channels)?),
        };
        Ok(Block {
            resnets,
            attentions,
            down: None,
            up,
        })
    }
}
