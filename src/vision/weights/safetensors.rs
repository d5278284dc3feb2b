//! Safetensors files: a strict check of the header, then candle-core reads the numbers.
//!
//! The format is a u64 length, a JSON header of that length that names each tensor's type, shape and
//! byte range, and the bytes. The check asks for more than most readers: ranges that cover the whole
//! data in order, without overlap or hole and nothing after them, and no name twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use candle_core::safetensors::SliceSafetensors;
use candle_core::{DType, Device};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use super::error::WeightsError;
use super::tensors::{TensorData, element_count};

/// The longest header, bytes; the reference implementation has the same limit.
const MAX_HEADER_BYTES: u64 = 100_000_000;
/// The name under which the header keeps notes that are no tensor.
const NOTES: &str = "__metadata__";

/// The floating-point tensors of a safetensors file, as f32.
pub(super) fn tensors(
    path: &Path,
    bytes: &[u8],
) -> Result<BTreeMap<String, TensorData>, WeightsError> {
    let names = check(bytes).map_err(|reason| WeightsError::malformed(path, reason))?;
    let unreadable = |e: candle_core::Error| WeightsError::malformed(path, e.to_string());
    let file = SliceSafetensors::new(bytes).map_err(unreadable)?;
    let mut tensors = BTreeMap::new();
    for name in names {
        let tensor = file.load(&name, &Device::Cpu).map_err(unreadable)?;
        let shape = tensor.dims().to_vec();
        let data = tensor
            .to_dtype(DType::F32)
            .and_then(|t| t.flatten_all())
            .and_then(|t| t.to_vec1::<f32>())
            .map_err(unreadable)?;
        tensors.insert(name, TensorData { shape, data });
    }
    Ok(tensors)
}

/// One tensor in the header. Unknown or repeated fields are refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [usize; 2],
}

/// The header's tensors, in which a name may stand only once (a JSON map would keep the last).
struct Header(BTreeMap<String, Entry>);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Header;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a map of tensors")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut seen = BTreeSet::new();
                let mut entries = BTreeMap::new();
                while let Some(name) = map.next_key::<String>()? {
                    if !seen.insert(name.clone()) {
                        return Err(A::Error::custom(format!("{name:?} is there twice")));
                    }
                    if name == NOTES {
                        map.next_value::<BTreeMap<String, String>>()?;
                    } else {
                        entries.insert(name, map.next_value()?);
                    }
                }
                Ok(Header(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// Checks the whole structure; gives the names of the floating-point tensors.
fn check(bytes: &[u8]) -> Result<Vec<String>, String> {
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else {
        return Err("it is too short for a safetensors file".into());
    };
    let length = u64::from_le_bytes(*length);
    if length > MAX_HEADER_BYTES {
        return Err(format!(
            "its header claims {length} bytes; {MAX_HEADER_BYTES} are the limit"
        ));
    }
    if length > rest.len() as u64 {
        return Err(format!("it is truncated: its header claims {length} bytes"));
    }
    let (header, data) = rest.split_at(length as usize);
    let Header(entries) = serde_json::from_slice(header)
        .map_err(|e: serde_json::Error| format!("its header is broken: {e}"))?;
    let mut ranges = Vec::with_capacity(entries.len());
    let mut floats = Vec::new();
    for (name, entry) in &entries {
        let (bits, float) = element(&entry.dtype)
            .ok_or_else(|| format!("tensor {name:?} has the unknown type {:?}", entry.dtype))?;
        let [start, end] = entry.data_offsets;
        let needed = element_count(&entry.shape)
            .and_then(|count| count.checked_mul(bits))
            .map(|bits| bits.div_ceil(8));
        if end < start || needed != Some(end - start) {
            return Err(format!(
                "tensor {name:?} does not fill its bytes {start}..{end}"
            ));
        }
        ranges.push((start, end, name));
        if float {
            floats.push(name.clone());
        }
    }
    ranges.sort();
    let mut covered = 0;
    for (start, end, name) in ranges {
        if start != covered {
            let how = if start < covered {
                "overlaps the one before"
            } else {
                "leaves a hole"
            };
            return Err(format!("tensor {name:?} at byte {start} {how}"));
        }
        covered = end;
    }
    if covered > data.len() {
        return Err(format!(
            "it is truncated: {} of {covered} data bytes are there",
            data.len()
        ));
    }
    if covered < data.len() {
        return Err(format!(
            "{} bytes follow its last tensor",
            data.len() - covered
        ));
    }
    Ok(floats)
}

/// Bits of an element type, and whether it is a floating-point type that we turn into f32.
fn element(dtype: &str) -> Option<(usize, bool)> {
    Some(match dtype {
        "F64" => (64, true),
        "F32" => (32, true),
        "F16" | "BF16" => (16, true),
        "I64" | "U64" => (64, false),
        "I32" | "U32" => (32, false),
        "I16" | "U16" => (16, false),
        "I8" | "U8" | "BOOL" => (8, false),
        _ => return None,
    })
}
