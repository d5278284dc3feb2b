//! The tensors of one part, handed out by name. Each is given away once, so that it lies in memory once, and
//! in the end none is left: a checkpoint with more than this program runs would give wrong pictures.

use std::collections::BTreeMap;
use std::path::Path;

use showroom_catalog::seams::ModelError;

use crate::engines::Place;
use crate::models::layers::{Conv, ConvShape, ConvWeights, LayerNorm, Linear};
use crate::weights::{TensorData, tensors};

use super::layers::GroupNorm;

/// What is left of a weight file.
pub struct Reader {
    file: String,
    left: BTreeMap<String, TensorData>,
    pub place: Place,
}

impl Reader {
    pub fn open(path: &Path, place: &Place) -> Result<Reader, ModelError> {
        Ok(Reader {
            file: path.display().to_string(),
            left: tensors(path)?,
            place: place.clone(),
        })
    }

    fn refused(&self, reason: &str) -> ModelError {
        ModelError::Refused(format!(
            "{} does not fit its config.json: {reason}",
            self.file
        ))
    }

    pub fn has(&self, name: &str) -> bool {
        self.left.contains_key(name)
    }

    fn take(&mut self, name: &str, shape: &[usize]) -> Result<TensorData, ModelError> {
        let Some(mut tensor) = self.left.remove(name) else {
            return Err(self.refused(&format!("there is no tensor {name}")));
        };
        // A convolution of one pixel is a dense layer, and files have it as either.
        let dense = |shape: &[usize]| match shape {
            [output, input, 1, 1] => vec![*output, *input],
            other => other.to_vec(),
        };
        if dense(&tensor.shape) != dense(shape) {
            let found = &tensor.shape;
            return Err(self.refused(&format!(
                "tensor {name} has shape {found:?} and not {shape:?}"
            )));
        }
        tensor.shape = shape.to_vec();
        Ok(tensor)
    }

    /// `name.weight` (out × in) and `name.bias`.
    pub fn linear(&mut self, name: &str, sizes: [usize; 2]) -> Result<Linear, ModelError> {
        let bias = self.take(&format!("{name}.bias"), &sizes[1..])?;
        self.linear_with(name, sizes, Some(bias.data))
    }

    /// `name.weight` (out × in) alone.
    pub fn linear_without_bias(
        &mut self,
        name: &str,
        sizes: [usize; 2],
    ) -> Result<Linear, ModelError> {
        self.linear_with(name, sizes, None)
    }

    fn linear_with(
        &mut self,
        name: &str,
        [input, output]: [usize; 2],
        bias: Option<Vec<f32>>,
    ) -> Result<Linear, ModelError> {
        let weight = self.take(&format!("{name}.weight"), &[output, input])?;
        Ok(Linear::of(weight, bias, &self.place))
    }

    /// A square convolution with bias that keeps the size.
    pub fn conv(
        &mut self,
        name: &str,
        sizes: [usize; 2],
        kernel: usize,
    ) -> Result<Conv, ModelError> {
        self.conv_with(name, sizes, kernel, 1, [kernel / 2; 4])
    }

    /// A convolution of 3 × 3 to half the size, with these zeros at the top, left, bottom and right.
    pub fn halving(
        &mut self,
        name: &str,
        channels: usize,
        padding: [usize; 4],
    ) -> Result<Conv, ModelError> {
        self.conv_with(name, [channels; 2], 3, 2, padding)
    }

    fn conv_with(
        &mut self,
        name: &str,
        [channels_in, channels_out]: [usize; 2],
        kernel: usize,
        stride: usize,
        padding: [usize; 4],
    ) -> Result<Conv, ModelError> {
        let shape = ConvShape {
            channels_in,
            channels_out,
            kernel,
            stride,
            padding,
            dilation: 1,
            groups: 1,
        };
        let weight = self.take(&format!("{name}.weight"), &shape.weight())?;
        let bias = self.take(&format!("{name}.bias"), &[channels_out])?;
        let conv = ConvWeights::new(weight, bias.data, shape);
        Ok(Conv::new(conv, &self.place))
    }

    pub fn layer_norm(&mut self, name: &str, width: usize) -> Result<LayerNorm, ModelError> {
        const EPSILON: f64 = 1e-5;
        let weight = self.take(&format!("{name}.weight"), &[width])?.data;
        let bias = self.take(&format!("{name}.bias"), &[width])?.data;
        Ok(LayerNorm::of([weight, bias], EPSILON, &self.place))
    }

    pub fn group_norm(
        &mut self,
        name: &str,
        channels: usize,
        groups: usize,
        epsilon: f64,
    ) -> Result<GroupNorm, ModelError> {
        let weight = self.take(&format!("{name}.weight"), &[channels])?;
        let bias = self.take(&format!("{name}.bias"), &[channels])?;
        Ok(GroupNorm::new(
            [weight.data, bias.data],
            groups,
            epsilon,
            &self.place,
        ))
    }

    /// Holds that every tensor has been asked for.
    pub fn end(self) -> Result<(), ModelError> {
        let Some(name) = self.left.keys().next() else {
            return Ok(());
        };
        let count = self.left.len();
        Err(self.refused(&format!(
            "{count} of its tensors are not known here, {name} among them"
        )))
    }
}
