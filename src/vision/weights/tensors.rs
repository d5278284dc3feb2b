//! One way to the numbers of every weight file: PyTorch, safetensors or ONNX, told by their bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::error::WeightsError;
use super::{onnx, safetensors, torch};

/// The largest weight file that is read, bytes. It is read into memory as a whole.
pub const MAX_FILE_BYTES: u64 = 4 << 30;

/// One tensor, row-major (the last dimension is contiguous). A scalar has an empty shape.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorData {
    pub shape: Vec<usize>,
    pub data: Vec<f32>,
}

/// All floating-point tensors of a weight file, by name, as f32 (f16, bf16 and f64 are converted).
///
/// Integer tensors (batch counters, position ids, the shapes inside an ONNX file) are left out.
/// The file is checked before anything is made of it: a pickle that reaches for anything but tensors,
/// or a file that is truncated, overlapping or longer than it says is refused, and nothing in it runs.
pub fn tensors(path: &Path) -> Result<BTreeMap<String, TensorData>, WeightsError> {
    let bytes = read_bounded(path, MAX_FILE_BYTES)?;
    match bytes.as_slice() {
        // First, as its leading length can look like the start of any of the others.
        [_, _, _, _, _, _, _, _, b'{', ..] => safetensors::tensors(path, &bytes),
        [b'P', b'K', 3, 4, ..] => torch::zip_tensors(path, &bytes),
        [0x80, ..] => torch::legacy_tensors(path, &bytes),
        // Every ONNX file starts with its IR version, which is field 1, a varint.
        [0x08, ..] => onnx::weights(path, &bytes),
        _ => Err(WeightsError::malformed(
            path,
            "it is no PyTorch, safetensors or ONNX file by its first bytes".into(),
        )),
    }
}

/// Reads a whole file of at most `limit_bytes`.
pub(super) fn read_bounded(path: &Path, limit_bytes: u64) -> Result<Vec<u8>, WeightsError> {
    let doing = "read the weights";
    let file = File::open(path).map_err(WeightsError::io(doing, path))?;
    let bytes = file
        .metadata()
        .map_err(WeightsError::io(doing, path))?
        .len();
    if bytes > limit_bytes {
        return Err(WeightsError::TooLarge {
            path: path.to_owned(),
            bytes,
            limit_bytes,
        });
    }
    let mut buffer = Vec::with_capacity(bytes as usize);
    file.take(limit_bytes)
        .read_to_end(&mut buffer)
        .map_err(WeightsError::io(doing, path))?;
    Ok(buffer)
}

/// The number of elements of a shape, if it can be addressed.
pub(super) fn element_count(shape: &[usize]) -> Option<usize> {
    shape
        .iter()
        .try_fold(1usize, |count, &d| count.checked_mul(d))
}
