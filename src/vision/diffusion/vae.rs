//! The autoencoder of Stable Diffusion: pictures ↔ latent pixels, eight times smaller along each edge.
//!
//! Layers and keys are those of diffusers' `AutoencoderKL`.

use std::path::Path;

use burn::tensor::Tensor;
use burn::tensor::activation::silu;
use showroom_catalog::seams::ModelError;

use super::config::{LATENTS, VaeConfig};
use super::layers::{GroupNorm, PixelAttention, Resnet, ResnetShape, Upsample};
use super::reader::Reader;
use crate::engines::Place;
use crate::models::layers::Conv;

const EPSILON: f64 = 1e-6;

/// A level of either half.
struct Block {
    resnets: Vec<Resnet>,
    down: Option<Conv>,
    up: Option<Upsample>,
}

/// `mid_block`
struct Middle {
    resnets: [Resnet; 2],
    attention: PixelAttention,
}

/// One half; fields are named after the checkpoint's keys.
struct Half {
    conv_in: Conv,
    blocks: Vec<Block>,
    mid_block: Middle,
    conv_norm_out: GroupNorm,
    conv_out: Conv,
}

/// The network on a burn device.
pub struct Vae {
    encoder: Half,
    decoder: Half,
    quant_conv: Option<Conv>,
    post_quant_conv: Option<Conv>,
}

impl Vae {
    pub fn load(config: &VaeConfig, path: &Path, place: &Place) -> Result<Vae, ModelError> {
        let mut reader = Reader::open(path, place)?;
        let mut square = |name: &str, channels: usize| match config.quantises {
            true => reader.conv(name, [channels; 2], 1).map(Some),
            false => Ok(None),
        };
        let vae = Vae {
            quant_conv: square("quant_conv", 2 * LATENTS)?,
            post_quant_conv: square("post_quant_conv", LATENTS)?,
            encoder: encoder(&mut reader, config)?,
            decoder: decoder(&mut reader, config)?,
        };
        reader.end()?;
        Ok(vae)
    }

    /// Pixels (1, 3, height, width) from -1 to 1 → the middle of the latent pixels that they may be, not
    /// scaled.
    pub fn encode(&self, x: Tensor<4>) -> Tensor<4> {
        let mut x = self.encoder.conv_in.forward(x);
        for block in &self.encoder.blocks {
            x = block.forward(x);
        }
        x = self.encoder.finished(self.encoder.mid_block.forward(x));
        if let Some(conv) = &self.quant_conv {
            x = conv.forward(x);
        }
        // The other half of the channels says how sure that is.
        x.narrow(1, 0, LATENTS)
    }

    /// Latent pixels, not scaled → pixels, of which some go beyond -1 and 1.
    pub fn decode(&self, mut x: Tensor<4>) -> Tensor<4> {
        if let Some(conv) = &self.post_quant_conv {
            x = conv.forward(x);
        }
        x = self
            .decoder
            .mid_block
            .forward(self.decoder.conv_in.forward(x));
        for block in &self.decoder.blocks {
            x = block.forward(x);
        }
        self.decoder.finished(x)
    }
}

impl Half {
    fn finished(&self, x: Tensor<4>) -> Tensor<4> {
        self.conv_out.forward(silu(self.conv_norm_out.forward(x)))
    }
}

impl Middle {
    fn new(
        reader: &mut Reader,
        at: &str,
        channels: usize,
        shape: ResnetShape,
    ) -> Result<Middle, ModelError> {
        let sizes = [channels; 2];
        Ok(Middle {
            resnets: [
                Resnet::new(reader, &format!("{at}.resnets.0"), sizes, shape)?,
                Resnet::new(reader, &format!("{at}.resnets.1"), sizes, shape)?,
            ],
            attention: PixelAttention::new(
                reader,
                &format!("{at}.attentions.0"),
                channels,
                shape.groups,
            )?,
        })
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self.attention.forward(self.resnets[0].forward(x, None));
        self.resnets[1].forward(x, None)
    }
}

impl Block {
    fn forward(&self, mut x: Tensor<4>) -> Tensor<4> {
        for resnet in &self.resnets {
            x = resnet.forward(x, None);
        }
        if let Some(down) = &self.down {
            x = down.forward(x);
        }
        match &self.up {
            Some(up) => up.forward(x),
            None => x,
        }
    }
}

fn shape(config: &VaeConfig) -> ResnetShape {
    ResnetShape {
        groups: config.groups,
        epsilon: EPSILON,
        time: None,
    }
}

fn resnets(
    reader: &mut Reader,
    at: &str,
    [input, output]: [usize; 2],
    count: usize,
    shape: ResnetShape,
) -> Result<Vec<Resnet>, ModelError> {
    let resnet = |i: usize| {
        let sizes = [if i == 0 { input } else { output }, output];
        Resnet::new(reader, &format!("{at}.resnets.{i}"), sizes, shape)
    };
    (0..count).map(resnet).collect()
}

fn encoder(reader: &mut Reader, config: &VaeConfig) -> Result<Half, ModelError> {
    let (channels, shape) = (&config.channels, shape(config));
    let last = channels[channels.len() - 1];
    let mut blocks = Vec::new();
    for (i, &output) in channels.iter().enumerate() {
        let at = format!("encoder.down_blocks.{i}");
        let input = channels[i.saturating_sub(1)];
        let is_last = i + 1 == channels.len();
        blocks.push(Block {
            resnets: resnets(reader, &at, [input, output], config.layers, shape)?,
            down: match is_last {
                true => None,
                false => {
                    let name = format!("{at}.downsamplers.0.conv");
                    Some(reader.halving(&name, output, [0, 0, 1, 1])?)
                }
            },
            up: None,
        });
    }
    Ok(Half {
        conv_in: reader.conv("encoder.conv_in", [3, channels[0]], 3)?,
        blocks,
        mid_block: Middle::new(reader, "encoder.mid_block", last, shape)?,
        conv_norm_out: reader.group_norm("encoder.conv_norm_out", last, config.groups, EPSILON)?,
        conv_out: reader.conv("encoder.conv_out", [last, 2 * LATENTS], 3)?,
    })
}

fn decoder(reader: &mut Reader, config: &VaeConfig) -> Result<Half, ModelError> {
    let (channels, shape) = (&config.channels, shape(config));
    let (first, last) = (channels[0], channels[channels.len() - 1]);
    let mut blocks = Vec::new();
    let mut input = last;
    for (i, &output) in channels.iter().rev().enumerate() {
        let at = format!("decoder.up_blocks.{i}");
        let is_last = i + 1 == channels.len();
        blocks.push(Block {
            resnets: resnets(reader, &at, [input, output], config.layers + 1, shape)?,
            down: None,
            up: match is_last {
                true => None,
                false => Some(Upsample::new(reader, &at, output)?),
            },
        });
        input = output;
    }
    Ok(Half {
        conv_in: reader.conv("decoder.conv_in", [LATENTS, last], 3)?,
        blocks,
        mid_block: Middle::new(reader, "decoder.mid_block", last, shape)?,
        conv_norm_out: reader.group_norm("decoder.conv_norm_out", first, config.groups, EPSILON)?,
        conv_out: reader.conv("decoder.conv_out", [first, 3], 3)?,
    })
}
