//! The two containers in which `torch.save` keeps tensors: the zip of PyTorch 1.6 and later, and the
//! older bare sequence of pickles and raw storages.
//!
//! candle-core reads only the zip, and panics on some malformed pickles; so both go through our own
//! [`super::pickle`] machine. Element order, strides and counts are checked against the bytes that are
//! really there before a number is read.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::{Cursor, Read};
use std::path::Path;

use super::error::WeightsError;
use super::pickle::{self, Element, Global, Id, Refusal, Value, Values};
use super::tensors::{TensorData, element_count};

/// What every file of the older kind starts with: the pickled number 0x1950a86a20f9469cfc6c, then the
/// pickled format version 1001.
const LEGACY_START: &[u8] =
    b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.";

type Tensors = BTreeMap<String, TensorData>;
/// The raw bytes of each storage, by its key.
type Storages<'a> = HashMap<String, Cow<'a, [u8]>>;

/// Tensors of a file of the older kind (PyTorch before 1.6): three small pickles (magic, version,
/// system), the state dict, the list of storage keys, then each storage as its length (u64) and bytes.
pub(super) fn legacy_tensors(path: &Path, bytes: &[u8]) -> Result<Tensors, WeightsError> {
    read_legacy(bytes).map_err(|refusal| refused(path, refusal))
}

/// Tensors of a zip file (PyTorch 1.6 and later): `NAME/data.pkl` and one stored file a storage.
pub(super) fn zip_tensors(path: &Path, bytes: &[u8]) -> Result<Tensors, WeightsError> {
    read_zip(bytes).map_err(|refusal| refused(path, refusal))
}

fn refused(path: &Path, refusal: Refusal) -> WeightsError {
    match refusal {
        Refusal::Unsafe(reason) => WeightsError::unsafe_file(path, reason),
        Refusal::Malformed(reason) => WeightsError::malformed(path, reason),
    }
}

fn malformed<T>(reason: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Malformed(reason.into()))
}

fn read_legacy(bytes: &[u8]) -> Result<Tensors, Refusal> {
    if !bytes.starts_with(LEGACY_START) {
        // Another pickle: if it reaches for code, say so rather than that it is merely unknown.
        pickle::read(bytes)?;
        return malformed("it is a pickle, but not one that torch.save wrote");
    }
    let mut at = LEGACY_START.len();
    let mut next = || -> Result<(Values, Id), Refusal> {
        let (values, result, taken) = pickle::read(&bytes[at..])?;
        at += taken;
        Ok((values, result))
    };
    let (system, system_id) = next()?;
    let little = system
        .entry(system_id, "little_endian")
        .map(|id| system.get(id));
    if little != Some(&Value::Bool(true)) {
        return malformed("it was written on a big-endian machine");
    }
    let (values, state) = next()?;
    let (keys, keys_id) = next()?;
    let elements = storage_elements(&values)?;
    let mut storages = Storages::new();
    for &id in keys.items(keys_id).unwrap_or_default() {
        let key = keys.text(id).unwrap_or_default();
        let Some(element) = elements.get(key) else {
            return malformed(format!("it has a storage {key:?} that no tensor uses"));
        };
        let storage = take_storage(bytes, &mut at, *element)?;
        if storages
            .insert(key.to_owned(), Cow::Borrowed(storage))
            .is_some()
        {
            return malformed(format!("it has storage {key:?} twice"));
        }
    }
    if at != bytes.len() {
        return malformed(format!("{} bytes follow its last tensor", bytes.len() - at));
    }
    state_dict(&values, state, &storages, bytes.len())
}

/// One storage of the older kind: its number of elements, then the elements.
fn take_storage<'a>(
    bytes: &'a [u8],
    at: &mut usize,
    element: Element,
) -> Result<&'a [u8], Refusal> {
    let rest = &bytes[*at..];
    let storage = rest.split_first_chunk::<8>().and_then(|(count, data)| {
        let count = usize::try_from(u64::from_le_bytes(*count)).ok()?;
        data.get(..count.checked_mul(element.bytes())?)
    });
    match storage {
        Some(storage) => {
            *at += 8 + storage.len();
            Ok(storage)
        }
        None => malformed("it is truncated: a storage is longer than the rest of the file"),
    }
}

/// Element type of each storage key that the pickle names; a key has one type only.
fn storage_elements(values: &Values) -> Result<HashMap<String, Element>, Refusal> {
    let mut elements = HashMap::new();
    for value in values.iter() {
        let Value::Persistent(id) = value else {
            continue;
        };
        let storage = storage_of(values, *id)?;
        match elements.insert(storage.key.to_owned(), storage.element) {
            Some(before) if before != storage.element => {
                return malformed(format!("storage {:?} has two element types", storage.key));
            }
            _ => {}
        }
    }
    Ok(elements)
}

/// What a tensor says of its storage.
struct StorageName<'a> {
    key: &'a str,
    element: Element,
    count: usize,
}

/// Reads `("storage", torch.XStorage, key, device, count)`; the older kind adds a view, always None.
fn storage_of(values: &Values, id: Id) -> Result<StorageName<'_>, Refusal> {
    let items = values.items(id).unwrap_or_default();
    let (&[kind, class, key, _device, count], view) = match items.split_first_chunk::<5>() {
        Some(split) => split,
        None => return malformed("a tensor names no storage"),
    };
    let whole = view.iter().all(|&v| *values.get(v) == Value::None);
    match (
        values.text(kind),
        values.get(class),
        values.text(key),
        values.size(count),
    ) {
        (Some("storage"), Value::Global(Global::Storage(element)), Some(key), Some(count))
            if whole =>
        {
            Ok(StorageName {
                key,
                element: *element,
                count,
            })
        }
        _ => malformed("a tensor names a storage in an unknown way"),
    }
}

/// The tensors of the pickled dict, or of its entry "state_dict".
fn state_dict(
    values: &Values,
    root: Id,
    storages: &Storages<'_>,
    file_bytes: usize,
) -> Result<Tensors, Refusal> {
    let root = values.entry(root, "state_dict").unwrap_or(root);
    let Value::Dict(entries) = values.get(root) else {
        return malformed("its pickle is no dict of tensors");
    };
    let mut tensors = Tensors::new();
    let mut total = 0usize;
    for &(key, value) in entries {
        let (Some(name), Value::Tensor(arguments)) = (values.text(key), values.get(value)) else {
            continue;
        };
        let in_tensor = |refusal| match refusal {
            Refusal::Malformed(reason) => Refusal::Malformed(format!("tensor {name:?}: {reason}")),
            other => other,
        };
        let Some(tensor) = tensor(values, *arguments, storages).map_err(in_tensor)? else {
            continue;
        };
        // Tensors may share a storage; the sum is bounded so that a small file stays small.
        total = total.saturating_add(tensor.data.len());
        if total > file_bytes {
            return malformed("its tensors together are larger than the file can hold");
        }
        if tensors.insert(name.to_owned(), tensor).is_some() {
            return malformed(format!("tensor {name:?} is there twice"));
        }
    }
    Ok(tensors)
}

/// One tensor as row-major f32; `None` if its elements are whole numbers.
fn tensor(
    values: &Values,
    arguments: Id,
    storages: &Storages<'_>,
) -> Result<Option<TensorData>, Refusal> {
    let sizes = |id: Id| -> Option<Vec<usize>> {
        values
            .items(id)?
            .iter()
            .map(|&item| values.size(item))
            .collect()
    };
    let parts = values.items(arguments).and_then(|items| {
        let &[storage, offset, shape, strides, ..] = items else {
            return None;
        };
        let Value::Persistent(storage) = values.get(storage) else {
            return None;
        };
        Some((
            *storage,
            values.size(offset)?,
            sizes(shape)?,
            sizes(strides)?,
        ))
    });
    let Some((storage, offset, shape, strides)) = parts else {
        return malformed("it is described in an unknown way");
    };
    let storage = storage_of(values, storage)?;
    let Some(bytes) = storages.get(storage.key) else {
        return malformed(format!("its storage {:?} is missing", storage.key));
    };
    if Some(bytes.len()) != storage.count.checked_mul(storage.element.bytes()) {
        return malformed(format!(
            "its storage has {} bytes where {} elements are promised",
            bytes.len(),
            storage.count
        ));
    }
    let view = View {
        offset,
        shape: &shape,
        strides: &strides,
    };
    let data = match storage.element {
        Element::F32 => view.gather(bytes, f32::from_le_bytes)?,
        Element::F64 => view.gather(bytes, |b| f64::from_le_bytes(b) as f32)?,
        Element::F16 => view.gather(bytes, |b| half::f16::from_le_bytes(b).to_f32())?,
        Element::Bf16 => view.gather(bytes, |b| half::bf16::from_le_bytes(b).to_f32())?,
        Element::Whole(_) => return Ok(None),
    };
    Ok(Some(TensorData { shape, data }))
}

/// Which elements of a storage a tensor has, in elements.
struct View<'a> {
    offset: usize,
    shape: &'a [usize],
    strides: &'a [usize],
}

impl View<'_> {
    /// Copies the elements, of `N` bytes each, in row-major order.
    fn gather<const N: usize>(
        &self,
        storage: &[u8],
        read: impl Fn([u8; N]) -> f32,
    ) -> Result<Vec<f32>, Refusal> {
        let (storage, _) = storage.as_chunks::<N>();
        let &Self {
            offset,
            shape,
            strides,
        } = self;
        let count = element_count(shape).filter(|&count| count <= storage.len());
        let last = shape
            .iter()
            .zip(strides)
            .try_fold(offset, |last, (&size, &stride)| {
                last.checked_add(size.saturating_sub(1).checked_mul(stride)?)
            });
        let (Some(count), Some(last)) = (count, last) else {
            return malformed("it has more elements than its storage");
        };
        if shape.len() != strides.len() || (count > 0 && last >= storage.len()) {
            return malformed("it reaches beyond the end of its storage");
        }
        let mut data = Vec::with_capacity(count);
        let mut index = vec![0usize; shape.len()];
        let mut at = offset;
        for _ in 0..count {
            data.push(read(storage[at]));
            for axis in (0..shape.len()).rev() {
                index[axis] += 1;
                at += strides[axis];
                if index[axis] < shape[axis] {
                    break;
                }
                at -= strides[axis] * shape[axis];
                index[axis] = 0;
            }
        }
        Ok(data)
    }
}

fn read_zip(bytes: &[u8]) -> Result<Tensors, Refusal> {
    // The directory's end record closes the file; bytes after it could be a second directory.
    let end = bytes.len().checked_sub(22).map(|start| &bytes[start..]);
    if !end.is_some_and(|end| end.starts_with(b"PK\x05\x06") && end.ends_with(&[0, 0])) {
        return malformed("it is truncated, or has bytes after its end");
    }
    let mut members = zip_members(bytes)?;
    let pickles: Vec<String> = members
        .keys()
        .filter(|k| k.ends_with("data.pkl"))
        .cloned()
        .collect();
    let [name] = pickles.as_slice() else {
        return malformed(format!(
            "it has {} data.pkl members where one is needed",
            pickles.len()
        ));
    };
    let folder = name.strip_suffix("data.pkl").unwrap_or_default();
    let byte_order = members.get(&format!("{folder}byteorder"));
    if byte_order.is_some_and(|order| order != b"little") {
        return malformed("it was written on a big-endian machine");
    }
    let pickle = members.remove(name).unwrap_or_default();
    let (values, state, taken) = pickle::read(&pickle)?;
    if taken != pickle.len() {
        return malformed("bytes follow its pickle");
    }
    let prefix = format!("{folder}data/");
    let storages = members
        .into_iter()
        .filter_map(|(name, data)| Some((name.strip_prefix(&prefix)?.to_owned(), data.into())))
        .collect();
    state_dict(&values, state, &storages, bytes.len())
}

/// All members of an uncompressed zip; together they are no larger than the file.
fn zip_members(bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, Refusal> {
    let broken = |e: &dyn std::fmt::Display| Refusal::Malformed(format!("its zip is broken: {e}"));
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| broken(&e))?;
    let mut members = BTreeMap::new();
    let mut room = bytes.len() as u64;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|e| broken(&e))?;
        if entry.compression() != zip::CompressionMethod::Stored {
            return malformed("its zip is compressed, which torch.save never does");
        }
        let name = entry.name().map_err(|e| broken(&e))?.into_owned();
        let mut data = Vec::new();
        // Members may overlap, so that many claim the same bytes.
        (&mut entry)
            .take(room + 1)
            .read_to_end(&mut data)
            .map_err(|e| broken(&e))?;
        room = match room.checked_sub(data.len() as u64) {
            Some(room) => room,
            None => return malformed("the members of its zip are larger than the file"),
        };
        members.insert(name, data);
    }
    Ok(members)
}
