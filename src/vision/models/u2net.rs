//! U²-Net and its small sister U²-NetP: photo → how much each pixel belongs to the salient object.
//!
//! Convolutions with batch norm already folded in, ReLU, max-pool, bilinear resize and concatenation.
//! The weights are an ONNX file whose convolutions carry numbers for names; [`Reader`] knows their
//! order. Qin et al. 2020, <https://arxiv.org/abs/2005.09007>.

use std::sync::Arc;

use burn::tensor::activation::{relu, sigmoid};
use burn::tensor::module::{interpolate, max_pool2d};
use burn::tensor::ops::{InterpolateMode, InterpolateOptions, MaxPoolOptions};
use burn::tensor::{DType, Tensor, TensorData as BurnData};
use prost::Message;
use showroom_catalog::seams::ModelError;

use super::layers::{Conv, ConvShape, ConvWeights, Weights};
use crate::engines::{Architecture, BurnModel, Input, Output, Place};
use crate::weights::onnx::ModelProto;

/// Edge of the square input in pixels.
pub const SIZE: usize = 320;
/// Channels that go into a block, inside it, and that come out.
type Block = [usize; 3];

/// How wide the blocks are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Widths {
    /// stage1 … stage6, stage5d … stage1d: the order of the file.
    blocks: [Block; 11],
}

/// U²-Net: 44 million weights.
pub const FULL: Widths = Widths {
    blocks: [
        [3, 32, 64],
        [64, 32, 128],
        [128, 64, 256],
        [256, 128, 512],
        [512, 256, 512],
        [512, 256, 512],
        [1024, 256, 512],
        [1024, 128, 256],
        [512, 64, 128],
        [256, 32, 64],
        [128, 16, 64],
    ],
};

/// U²-NetP: 1.1 million.
pub const SMALL: Widths = Widths {
    blocks: [
        [3, 16, 64],
        [64, 16, 64],
        [64, 16, 64],
        [64, 16, 64],
        [64, 16, 64],
        [64, 16, 64],
        [128, 16, 64],
        [128, 16, 64],
        [128, 16, 64],
        [128, 16, 64],
        [128, 16, 64],
    ],
};

/// Levels of the blocks; those of 4 on the way down and up that keep their size are [`DILATIONS`].
const HEIGHTS: [Option<usize>; 11] = [
    Some(7),
    Some(6),
    Some(5),
    Some(4),
    None,
    None,
    None,
    Some(4),
    Some(5),
    Some(6),
    Some(7),
];
/// Dilations of the four convolutions of a block that keeps its size, on the way down.
const DILATIONS: [usize; 4] = [1, 2, 4, 8];

/// The model as its ONNX file. Takes pixels (1, 3, 320, 320), in burn any number of pictures; the output
/// is the mask (1, 1, 320, 320), 0 to 1.
pub struct U2Net {
    pub file: Vec<u8>,
    pub widths: Widths,
    pub weights: Weights,
}

impl Architecture for U2Net {
    fn name(&self) -> &str {
        &self.weights.model
    }

    /// The file as it is, but for its last six outputs: the masks of the single levels.
    fn onnx(&self) -> Result<Vec<u8>, ModelError> {
        let refused = |reason: String| ModelError::Refused(format!("{}: {reason}", self.name()));
        let mut model =
            ModelProto::decode(&*self.file).map_err(|error| refused(error.to_string()))?;
        if let Some(graph) = &mut model.graph {
            graph.output.truncate(1);
        }
        Ok(model.encode_to_vec())
    }

    /// Two levels side by side, at full size.
    fn largest_tensor(&self) -> usize {
        self.widths.blocks[10][0] * SIZE * SIZE
    }

    fn burn(&self, place: &Place) -> Result<Arc<dyn BurnModel>, ModelError> {
        let mut reader = Reader {
            weights: &self.weights,
            place,
            next: FIRST_CONV,
        };
        let blocks = self.widths.blocks.iter().zip(HEIGHTS);
        let mut stages = blocks
            .map(|(&block, height)| match height {
                Some(height) => reader.shrinking(height, block),
                None => reader.block(block, &DILATIONS, false),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let decoder = stages.split_off(6);
        // Each mask is made of what a level of the decoder gives, the deepest one's of stage6.
        let outputs = self.widths.blocks[5..].iter().rev().map(|block| block[2]);
        let sides = (1..=6)
            .zip(outputs)
            .map(|(i, channels)| reader.named(&format!("side{i}"), channels, 3))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Arc::new(Net {
            encoder: stages,
            decoder,
            sides,
            outconv: reader.named("outconv", 6, 1)?,
            place: place.clone(),
        }))
    }
}

/// The first convolution is called `1967` (bias `1968`), and each next one three more.
const FIRST_CONV: usize = 1967;
const CONV_STEP: usize = 3;

/// Reads convolutions in the order of the file.
struct Reader<'a> {
    weights: &'a Weights,
    place: &'a Place,
    next: usize,
}

impl Reader<'_> {
    fn conv(
        &mut self,
        channels_in: usize,
        channels_out: usize,
        dilation: usize,
    ) -> Result<Conv, ModelError> {
        let (weight, bias) = (self.next.to_string(), (self.next + 1).to_string());
        self.next += CONV_STEP;
        self.load(&weight, &bias, channels_in, channels_out, 3, dilation)
    }

    fn named(&self, name: &str, channels_in: usize, kernel: usize) -> Result<Conv, ModelError> {
        let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
        self.load(&weight, &bias, channels_in, 1, kernel, 1)
    }

    fn load(
        &self,
        weight: &str,
        bias: &str,
        channels_in: usize,
        channels_out: usize,
        kernel: usize,
        dilation: usize,
    ) -> Result<Conv, ModelError> {
        let shape = ConvShape {
            channels_in,
            channels_out,
            kernel,
            stride: 1,
            padding: [dilation * (kernel / 2); 4],
            dilation,
            groups: 1,
        };
        let weight = self.weights.get(weight, &shape.weight())?.clone();
        let bias = self.weights.get(bias, &[channels_out])?.data.clone();
        Ok(Conv::new(ConvWeights::new(weight, bias, shape), self.place))
    }

    /// A block of `height` levels, each half the size of the one above.
    fn shrinking(&mut self, height: usize, block: Block) -> Result<Rsu, ModelError> {
        let dilations = (1..=height)
            .map(|level| if level == height { 2 } else { 1 })
            .collect::<Vec<_>>();
        self.block(block, &dilations, true)
    }

    /// A block of a level for each dilation: of one size where it does not shrink.
    fn block(
        &mut self,
        [channels_in, middle, outer]: Block,
        dilations: &[usize],
        shrinks: bool,
    ) -> Result<Rsu, ModelError> {
        let input = self.conv(channels_in, outer, 1)?;
        let down = dilations
            .iter()
            .enumerate()
            .map(|(i, &dilation)| self.conv(if i == 0 { outer } else { middle }, middle, dilation))
            .collect::<Result<Vec<_>, _>>()?;
        let levels = dilations.len() - 1;
        let up = (0..levels)
            .rev()
            .map(|i| {
                self.conv(
                    2 * middle,
                    if i == 0 { outer } else { middle },
                    dilations[i],
                )
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Rsu {
            input,
            down,
            up,
            shrinks,
        })
    }
}

/// The model in burn.
struct Net {
    /// stage1 … stage6
    encoder: Vec<Rsu>,
    /// stage5d … stage1d
    decoder: Vec<Rsu>,
    /// side1 … side6
    sides: Vec<Conv>,
    outconv: Conv,
    place: Place,
}

/// A residual U-block: a small U-Net added to its own first convolution.
struct Rsu {
    /// rebnconvin
    input: Conv,
    /// rebnconv1 … rebnconvN
    down: Vec<Conv>,
    /// rebnconv(N-1)d … rebnconv1d
    up: Vec<Conv>,
    shrinks: bool,
}

impl Rsu {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let input = relu(self.input.forward(x));
        let mut x = input.clone();
        let mut levels = Vec::with_capacity(self.down.len());
        for (i, conv) in self.down.iter().enumerate() {
            // The two lowest levels have the same size.
            if self.shrinks && i > 0 && i < self.down.len() - 1 {
                x = halve(x);
            }
            x = relu(conv.forward(x));
            levels.push(x.clone());
        }
        levels.pop();
        for (conv, level) in self.up.iter().zip(levels.into_iter().rev()) {
            x = relu(conv.forward(join(x, level)));
        }
        x + input
    }
}

impl BurnModel for Net {
    fn run(&self, inputs: &[Input<'_>]) -> Result<Vec<Output>, ModelError> {
        let &[Input::F32(&[batch, 3, SIZE, SIZE], pixels)] = inputs else {
            return Err(ModelError::Failed(format!(
                "U²-Net takes photos of {SIZE} × {SIZE} pixels"
            )));
        };
        let data = BurnData::new(pixels.to_vec(), [batch, 3, SIZE, SIZE]);
        let outputs = self.forward(Tensor::from_data(data, &self.place.device))?;
        let mut outputs = outputs
            .into_iter()
            .map(Output::from_burn)
            .collect::<Result<Vec<_>, _>>()?;
        // The shape of the ONNX file's mask.
        outputs
            .iter_mut()
            .for_each(|mask| mask.shape = vec![batch, 1, SIZE, SIZE]);
        Ok(outputs)
    }

    fn forward(&self, pixels: Tensor<4>) -> Result<Vec<Tensor<2>>, ModelError> {
        let batch = pixels.dims()[0];
        let mut x = pixels.cast(self.place.precision.dtype());
        let mut levels = Vec::with_capacity(self.encoder.len());
        for (i, stage) in self.encoder.iter().enumerate() {
            if i > 0 {
                x = halve(x);
            }
            x = stage.forward(x);
            levels.push(x.clone());
        }
        // Masks of the six levels, the coarsest first.
        let mut states = vec![x.clone()];
        levels.pop();
        for (stage, level) in self.decoder.iter().zip(levels.into_iter().rev()) {
            x = stage.forward(join(x, level));
            states.push(x.clone());
        }
        let masks = self
            .sides
            .iter()
            .zip(states.into_iter().rev())
            .map(|(side, state)| resize(side.forward(state), [SIZE, SIZE]))
            .collect();
        let mask = sigmoid(self.outconv.forward(Tensor::cat(masks, 1)));
        Ok(vec![mask.reshape([batch, SIZE * SIZE]).cast(DType::F32)])
    }
}

fn halve(x: Tensor<4>) -> Tensor<4> {
    max_pool2d(x, MaxPoolOptions::new([2, 2]).with_ceil_mode(true))
}

/// `x` brought to the size of `level`, and both side by side in their channels.
fn join(x: Tensor<4>, level: Tensor<4>) -> Tensor<4> {
    let [_, _, height, width] = level.dims();
    Tensor::cat(vec![resize(x, [height, width]), level], 1)
}

fn resize(x: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    if [height, width] == size {
        return x;
    }
    let options = InterpolateOptions::new(InterpolateMode::Bilinear)
        .with_align_corners(false)
        .with_output_size(size);
    interpolate(x, options)
}
