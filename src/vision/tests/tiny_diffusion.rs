//! Tiny checkpoints of an inpainting model (`models/stable-diffusion-inpainting/expected`), whose weights follow
//! from the names of the tensors. For the tests of this crate and of the binary.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Shapes of the tensors of a part by their names.
type Shapes = BTreeMap<String, Vec<usize>>;

/// The folder of a checkpoint, without its weights and with what diffusers says of it.
pub fn described(kind: &str) -> PathBuf {
    // Of the workspace's own package, or of a crate in it.
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut roots = root.ancestors();
    let inner = Path::new("models/stable-diffusion-inpainting/expected").join(kind);
    let root = roots.find(|root| root.join(&inner).is_dir()).unwrap();
    root.join(inner)
}

/// Writes a whole checkpoint as `folder`.
pub fn write(kind: &str, folder: &Path) {
    let from = described(kind);
    copy(&from, folder);
    let shapes = fs::read_to_string(from.join("tensors.json")).unwrap();
    let parts: BTreeMap<String, Shapes> = serde_json::from_str(&shapes).unwrap();
    for (part, shapes) in parts {
        let name = match part.as_str() {
            "text_encoder" => "model.safetensors",
            _ => "diffusion_pytorch_model.safetensors",
        };
        fs::write(folder.join(&part).join(name), safetensors(&part, &shapes)).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &to),
            false => drop(fs::copy(&path, &to).unwrap()),
        }
    }
}

fn safetensors(part: &str, shapes: &Shapes) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, shape) in shapes {
        let start = data.len();
        let numbers = numbers(&format!("{part}/{name}"), shape);
        data.extend(numbers.into_iter().flat_map(f32::to_le_bytes));
        let entry = serde_json::json!({
            "dtype": "F32", "shape": shape, "data_offsets": [start, data.len()],
        });
        header.insert(name.clone(), entry);
    }
    let header = serde_json::to_vec(&header).unwrap();
    [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat()
}

/// As `numbers` of make_expected.py.
fn numbers(name: &str, shape: &[usize]) -> Vec<f32> {
    let inner: usize = shape[1..].iter().product();
    let number = |x: f64| match shape.len() {
        1 if name.ends_with("weight") => 1.0 + 0.3 * x,
        1 => 0.2 * x,
        _ if name.contains("embedding.weight") => x,
        _ => x * (1.5 / (inner as f64).sqrt()),
    };
    let numbers = uniform(name, shape.iter().product()).into_iter();
    numbers.map(|x| number(x) as f32).collect()
}

/// As `uniform` of make_expected.py: numbers from -1 to 1 that follow from a name.
pub fn uniform(name: &str, count: usize) -> Vec<f64> {
    let seed = name.bytes().fold(0xCBF2_9CE4_8422_2325u64, |seed, byte| {
        (seed ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
    });
    let number = |n: u64| {
        let x = seed.wrapping_add(n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let x = x ^ (x >> 31);
        (x >> 40) as f64 / f64::from(1u32 << 23) - 1.0
    };
    (1..=count as u64).map(number).collect()
}
