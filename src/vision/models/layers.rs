//! Layers that models share: weights looked up by the checkpoint's names and checked, and their form
//! in burn.

use std::collections::BTreeMap;

use burn::tensor::module::{conv2d, layer_norm, linear};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{DType, Tensor, TensorData as BurnData};
use showroom_catalog::seams::ModelError;

use crate::engines::Place;
use crate::engines::device::Precision;
use crate::weights::TensorData;

/// The tensors of one weight file.
pub struct Weights {
    /// What people call the model, for errors.
    pub model: String,
    pub tensors: BTreeMap<String, TensorData>,
}

impl Weights {
    /// The tensor `name`, which must have this shape.
    pub fn get(&self, name: &str, shape: &[usize]) -> Result<&TensorData, ModelError> {
        let refused = |reason: String| {
            ModelError::Refused(format!(
                "the weights of {} do not fit: {reason}; pull the model again",
                self.model
            ))
        };
        let tensor = self
            .tensors
            .get(name)
            .ok_or_else(|| refused(format!("there is no tensor {name}")))?;
        if tensor.shape != shape {
            return Err(refused(format!(
                "tensor {name} has shape {:?} and not {shape:?}",
                tensor.shape
            )));
        }
        Ok(tensor)
    }

    /// A convolution without bias, and the batch norm behind it folded in: a convolution with bias.
    pub fn conv_bn(
        &self,
        conv: &str,
        bn: &str,
        epsilon: f32,
        shape: ConvShape,
    ) -> Result<ConvWeights, ModelError> {
        let channels = [shape.channels_out];
        let mut weight = self
            .get(&format!("{conv}.weight"), &shape.weight())?
            .clone();
        let gamma = self.get(&format!("{bn}.weight"), &channels)?;
        let beta = self.get(&format!("{bn}.bias"), &channels)?;
        let mean = self.get(&format!("{bn}.running_mean"), &channels)?;
        let variance = self.get(&format!("{bn}.running_var"), &channels)?;
        let per_channel = weight.data.len() / shape.channels_out;
        let mut bias = Vec::with_capacity(shape.channels_out);
        for (i, filter) in weight.data.chunks_exact_mut(per_channel).enumerate() {
            let scale = gamma.data[i] / (variance.data[i] + epsilon).sqrt();
            filter.iter_mut().for_each(|w| *w *= scale);
            bias.push(beta.data[i] - mean.data[i] * scale);
        }
        Ok(ConvWeights::new(weight, bias, shape))
    }
}

/// Sizes of a square convolution.
#[derive(Clone, Copy, Debug)]
pub struct ConvShape {
    pub channels_in: usize,
    pub channels_out: usize,
    pub kernel: usize,
    pub stride: usize,
    /// Zeros added at the top, left, bottom and right.
    pub padding: [usize; 4],
    pub dilation: usize,
    pub groups: usize,
}

impl ConvShape {
    /// Shape of the weight tensor: out, in / groups, kernel, kernel.
    pub fn weight(&self) -> [usize; 4] {
        let inner = self.channels_in / self.groups;
        [self.channels_out, inner, self.kernel, self.kernel]
    }
}

/// A convolution with bias, not yet on a device.
pub struct ConvWeights {
    /// Out, in / groups, kernel, kernel.
    pub weight: TensorData,
    pub bias: Vec<f32>,
    pub stride: usize,
    pub padding: [usize; 4],
    pub dilation: usize,
    pub groups: usize,
}

impl ConvWeights {
    pub fn new(weight: TensorData, bias: Vec<f32>, shape: ConvShape) -> Self {
        ConvWeights {
            weight,
            bias,
            stride: shape.stride,
            padding: shape.padding,
            dilation: shape.dilation,
            groups: shape.groups,
        }
    }
}

/// A convolution with bias on a burn device.
pub struct Conv {
    weight: Tensor<4>,
    bias: Tensor<1>,
    options: ConvOptions<2>,
}

impl Conv {
    pub fn new(conv: ConvWeights, place: &Place) -> Self {
        let [top, left, bottom, right] = conv.padding;
        Conv {
            weight: tensor(conv.weight, place),
            bias: vector(conv.bias, place),
            options: ConvOptions::new_with_padding(
                [conv.stride; 2],
                [(top, bottom), (left, right)],
                [conv.dilation; 2],
                conv.groups,
            ),
        }
    }

    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (weight, bias) = (self.weight.clone(), self.bias.clone());
        conv2d(x, weight, Some(bias), self.options.clone())
    }
}

/// A dense layer on a burn device.
pub struct Linear {
    /// In, out: the checkpoint's weight transposed.
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
}

impl Linear {
    /// Takes `name.weight` (out × in) and `name.bias`.
    pub fn new(
        weights: &Weights,
        name: &str,
        [input, output]: [usize; 2],
        place: &Place,
    ) -> Result<Self, ModelError> {
        let weight = weights.get(&format!("{name}.weight"), &[output, input])?;
        let bias = weights.get(&format!("{name}.bias"), &[output])?;
        let bias = Some(bias.data.clone());
        Ok(Linear::of(weight.clone(), bias, place))
    }

    /// Of a weight (out × in) and a bias (out).
    pub fn of(weight: TensorData, bias: Option<Vec<f32>>, place: &Place) -> Self {
        Linear {
            weight: tensor::<2>(weight, place).transpose(),
            bias: bias.map(|bias| vector(bias, place)),
        }
    }

    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        linear(x, self.weight.clone(), self.bias.clone())
    }
}

/// Layer normalisation over the last dimension, on a burn device. It sums in f32 whatever
/// the numbers around it are, since squares overflow f16.
pub struct LayerNorm {
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
}

impl LayerNorm {
    pub fn new(
        weights: &Weights,
        name: &str,
        width: usize,
        epsilon: f64,
        place: &Place,
    ) -> Result<Self, ModelError> {
        let weight = weights.get(&format!("{name}.weight"), &[width])?;
        let bias = weights.get(&format!("{name}.bias"), &[width])?;
        let data = [weight.data.clone(), bias.data.clone()];
        Ok(LayerNorm::of(data, epsilon, place))
    }

    /// Of a weight and a bias, each as long as the last dimension.
    pub fn of([weight, bias]: [Vec<f32>; 2], epsilon: f64, place: &Place) -> Self {
        let place = &Place {
            precision: Precision::F32,
            ..place.clone()
        };
        LayerNorm {
            weight: vector(weight, place),
            bias: vector(bias, place),
            epsilon,
        }
    }

    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let (weight, bias) = (self.weight.clone(), self.bias.clone());
        let dtype = x.dtype();
        layer_norm(x.cast(DType::F32), weight, Some(bias), self.epsilon).cast(dtype)
    }
}

/// Puts a tensor of `D` dimensions in its place.
pub fn tensor<const D: usize>(data: TensorData, place: &Place) -> Tensor<D> {
    let data = BurnData::new(data.data, data.shape);
    Tensor::<D>::from_data(data, &place.device).cast(place.precision.dtype())
}

/// Puts a list in its place.
pub fn vector(data: Vec<f32>, place: &Place) -> Tensor<1> {
    let length = data.len();
    let data = BurnData::new(data, [length]);
    Tensor::<1>::from_data(data, &place.device).cast(place.precision.dtype())
}
