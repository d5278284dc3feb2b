//! Launches the kernel in `kernel.rs`.

use burn::tensor::{DType, Tensor};
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use cubecl::bytes::Bytes;
use cubecl::prelude::*;
use half::f16;

use super::kernel::{self, UNITS};
use super::{Options, Scores, check};
use crate::device::{Gpu, GpuError};

/// Rows at a time: a launch counts no further in one direction.
const MAX_ROWS: usize = 65_535;

/// A vector for each row of `scores` (rows × classes), in the space of `labels` (classes × length): rows ×
/// length, f32. Both may be f32 or f16.
///
/// Fails with [`GpuError::BadInput`] where the shapes do not fit each other or `options`, a tensor is of
/// another type or device, or there are more than 65,535 rows. It returns before the device is done.
pub fn conse(
    gpu: &Gpu,
    scores: Tensor<2>,
    labels: Tensor<2>,
    options: &Options,
) -> Result<Tensor<2>, GpuError> {
    let (shape, labelled) = (scores.dims(), labels.dims());
    check(shape, labelled, options)?;
    let ([rows, classes], [_, width]) = (shape, labelled);
    let largest = u32::MAX as usize;
    if rows > MAX_ROWS || rows * classes.max(width) > largest || classes * width > largest {
        return Err(GpuError::BadInput(format!(
            "{rows} rows of {classes} scores and labels of length {width} are too many at a time"
        )));
    }
    let (scores, labels) = (primitive(gpu, scores)?, primitive(gpu, labels)?);
    let output = Tensor::<2>::empty([rows, width], (&gpu.burn, DType::F32));
    let output = primitive(gpu, output)?;
    let call = Call {
        gpu,
        rows,
        sizes: [
            classes,
            width,
            options.keep,
            (usize::BITS - classes.leading_zeros()) as usize,
        ],
        options,
    };
    match (scores.dtype, labels.dtype) {
        (DType::F32, DType::F32) => call.launch::<f32, f32>(scores, labels, &output),
        (DType::F32, DType::F16) => call.launch::<f32, f16>(scores, labels, &output),
        (DType::F16, DType::F32) => call.launch::<f16, f32>(scores, labels, &output),
        (DType::F16, DType::F16) => call.launch::<f16, f16>(scores, labels, &output),
        (scores, labels) => {
            return Err(GpuError::BadInput(format!(
                "scores of {scores:?} and labels of {labels:?}: both are F32 or F16"
            )));
        }
    }
    Ok(Tensor::from_primitive::<CubeBackend>(output))
}

/// What burn has on this GPU, row after row.
fn primitive(gpu: &Gpu, tensor: Tensor<2>) -> Result<CubeTensor, GpuError> {
    if tensor.device() != gpu.burn {
        return Err(GpuError::BadInput(format!(
            "a tensor does not lie on {}",
            gpu.adapter
        )));
    }
    let tensor = tensor.try_into_primitive::<CubeBackend>();
    let tensor = tensor.map_err(|error| GpuError::Failed(format!("{error:?}")))?;
    Ok(into_contiguous(tensor))
}

struct Call<'a> {
    gpu: &'a Gpu,
    rows: usize,
    /// Classes, length of a vector, classes kept, bits of the number of classes.
    sizes: [usize; 4],
    options: &'a Options,
}

impl Call<'_> {
    #[allow(unsafe_code)]
    fn launch<S: Float, L: Float>(
        &self,
        scores: CubeTensor,
        labels: CubeTensor,
        output: &CubeTensor,
    ) {
        let sizes = self.sizes.map(|size| size as u32).to_vec();
        let length = sizes.len();
        let sizes = self.gpu.client.create(Bytes::from_elems(sizes));
        let (logits, temperature) = match self.options.scores {
            Scores::Logits { temperature } => (true, temperature),
            Scores::Probabilities => (false, 1.0),
        };
        kernel::conse::launch::<S, L>(
            &self.gpu.client,
            CubeCount::Static(self.rows as u32, 1, 1),
            CubeDim::new_1d(UNITS),
            scores.into_buffer_arg(),
            labels.into_buffer_arg(),
            output.clone().into_buffer_arg(),
            // SAFETY: the buffer was made of that many numbers.
            unsafe { BufferArg::from_raw_parts(sizes, length) },
            temperature,
            logits,
            self.options.unit,
        );
    }
}
