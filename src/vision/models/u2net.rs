//! U²-NetP: photo → how much each pixel belongs to the salient object.
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
/// Channels inside a block and between blocks.
const MIDDLE: usize = 16;
const OUTER: usize = 64;
/// Dilations of the four convolutions of a block that keeps its size, on the way down.
const DILATIONS: [usize; 4] = [1, 2, 4, 8];

/// The model as its ONNX file. Takes pixels (1, 3, 320, 320), in burn any number of pictures; the output
/// is the mask (1, 1, 320, 320), 0 to 1.
pub struct U2NetP {
    pub file: Vec<u8>,
    pub weights: Weights,
}

impl Architecture for U2NetP {
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
        2 * OUTER * SIZE * SIZE
    }

    fn burn(&self, place: &Place) -> Result<Arc<dyn BurnModel>, ModelError> {
        let mut reader = Reader {
            weights: &self.weights,
            place,
            next: FIRST_CONV,
        };
        // In the order of the file.
        let (stage1, stage2) = (reader.shrinking(7, 3)?, reader.shrinking(6, OUTER)?);
        let (stage3, stage4) = (reader.shrinking(5, OUTER)?, reader.shrinking(4, OUTER)?);
        let (stage5, stage6) = (reader.dilated(OUTER)?, reader.dilated(OUTER)?);
        let (stage5d, stage4d) = (reader.dilated(2 * OUTER)?, reader.shrinking(4, 2 * OUTER)?);
        let (stage3d, stage2d) = (
            reader.shrinking(5, 2 * OUTER)?,
            reader.shrinking(6, 2 * OUTER)?,
        );
        let stage1d = reader.shrinking(7, 2 * OUTER)?;
        let sides = (1..=6)
            .map(|i| reader.named(&format!("side{i}"), OUTER, 3))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Arc::new(Net {
            encoder: [stage1, stage2, stage3, stage4, stage5, stage6],
            decoder: [stage5d, stage4d, stage3d, stage2d, stage1d],
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
    fn shrinking(&mut self, height: usize, channels_in: usize) -> Result<Rsu, ModelError> {
        let dilations = (1..=height)
            .map(|level| if level == height { 2 } else { 1 })
            .collect::<Vec<_>>();
        self.block(channels_in, &dilations, true)
    }

    /// A block of four levels of one size, whose convolutions reach further instead.
    fn dilated(&mut self, channels_in: usize) -> Result<Rsu, ModelError> {
        self.block(channels_in, &DILATIONS, false)
    }

    fn block(
        &mut self,
        channels_in: usize,
        dilations: &[usize],
        shrinks: bool,
    ) -> Result<Rsu, ModelError> {
        let input = self.conv(channels_in, OUTER, 1)?;
        let down = dilations
            .iter()
            .enumerate()
            .map(|(i, &dilation)| self.conv(if i == 0 { OUTER } else { MIDDLE }, MIDDLE, dilation))
            .collect::<Result<Vec<_>, _>>()?;
        let levels = dilations.len() - 1;
        let up = (0..levels)
            .rev()
            .map(|i| {
                self.conv(
                    2 * MIDDLE,
                    if i == 0 { OUTER } else { MIDDLE },
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
    encoder: [Rsu; 6],
    /// stage5d … stage1d
    decoder: [Rsu; 5],
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
                "U²-NetP takes photos of {SIZE} × {SIZE} pixels"
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
