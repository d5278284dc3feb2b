//! The models as showroom runs them, kept open between requests.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use showroom_catalog::embedding::dot;
use showroom_catalog::seams::{Encoder, TextEncoder};
use showroom_catalog::{Photo, PhotoRef};
use showroom_pixels::{DecodeOptions, Fitter, How, Rect};
use showroom_vision::encoder::{ProductEncoder, ProductModels};
use showroom_vision::engines::device::DeviceWish;
use showroom_vision::engines::{Engine, EngineChoice, EngineWish, Input, Network, Wishes};
use showroom_vision::input::PictureInput;
use showroom_vision::models;
use showroom_vision::sentence::SentenceEncoder;
use showroom_vision::weights::library::Library;

use crate::{Outcome, decode, jpegs};

const ENCODER: &str = "efficientnet-lite2";
const MATTE: &str = "u2netp";
const SENTENCES: &str = "all-minilm-l6-v2";
/// Inputs that `prepare` writes: the largest batch.
const INPUTS: usize = 16;
/// Photos that a worker takes at a time, as `showroom ingest` does.
const BATCH: usize = 4;

pub struct Models {
    library: Library,
    networks: HashMap<(String, String, usize), Box<dyn Network>>,
    sentences: HashMap<(String, usize), SentenceEncoder>,
    photos: Vec<Photo>,
    workers: Vec<ProductEncoder>,
}

impl Models {
    pub fn new(cache: &Path) -> Outcome<Self> {
        Ok(Models {
            library: Library::new(&[], cache)?,
            networks: HashMap::new(),
            sentences: HashMap::new(),
            photos: Vec::new(),
            workers: Vec::new(),
        })
    }

    fn engine(&self, name: &str) -> Outcome<Engine> {
        let library = self.library.file("onnxruntime", "library")?;
        let wishes = Wishes {
            engine: match name {
                "burn" => EngineWish::Burn,
                _ => EngineWish::OnnxRuntime,
            },
            device: DeviceWish::Cpu,
            ..Wishes::default()
        };
        Ok(EngineChoice::new(&wishes, Some(&library))?.engine)
    }

    fn network(&mut self, engine: &str, model: &str, threads: usize) -> Outcome<&mut dyn Network> {
        let key = (engine.to_string(), model.to_string(), threads);
        if !self.networks.contains_key(&key) {
            let architecture = models::load(&self.library, model)?;
            let network = self
                .engine(engine)?
                .prepare(&*architecture)?
                .open(threads)?;
            self.networks.insert(key.clone(), network);
        }
        let network = self.networks.get_mut(&key).ok_or("no network")?;
        Ok(network.as_mut())
    }

    /// Least and mean cosine between embeddings of scaled and of full decodes.
    pub fn cosine(&mut self, min_side: u32, folder: &Path) -> Outcome<String> {
        let scaled = match min_side {
            0 => DecodeOptions::default(),
            min_side => decode::at_least(min_side),
        };
        let side = decode::SIDE as usize;
        let mut fitter = Fitter::new();
        let mut cosines = Vec::new();
        for path in jpegs(folder)? {
            let bytes = std::fs::read(path)?;
            let mut embeddings = Vec::new();
            for options in [&scaled, &decode::at_least(u32::MAX)] {
                let pixels = showroom_pixels::decode_pixels(&bytes, options)?;
                let tensor = decode::fit(&mut fitter, &pixels)?;
                let input = Input::F32(&[1, 3, side, side], &tensor);
                let mut outputs = self.network("onnxruntime", ENCODER, 0)?.run(&[input])?;
                embeddings.push(outputs.swap_remove(0).data);
            }
            let (a, b) = (&embeddings[0], &embeddings[1]);
            cosines.push(dot(a, b) / (dot(a, a) * dot(b, b)).sqrt());
        }
        let least = cosines.iter().copied().fold(f32::INFINITY, f32::min);
        let mean = cosines.iter().sum::<f32>() / cosines.len() as f32;
        Ok(format!("{least} {mean}"))
    }

    /// Writes each model as an ONNX file, and the first photos as its input.
    pub fn prepare(&self, photos: &Path, folder: &Path) -> Outcome<String> {
        let mut fitter = Fitter::new();
        for model in [ENCODER, MATTE] {
            let onnx = models::load(&self.library, model)?.onnx()?;
            std::fs::write(folder.join(format!("{model}.onnx")), onnx)?;
            let input = PictureInput::new(&self.library.model(model)?.manifest)?;
            let mut tensor = Vec::new();
            for path in jpegs(photos)?.iter().take(INPUTS) {
                let bytes = std::fs::read(path)?;
                let pixels = showroom_pixels::decode_pixels(&bytes, &DecodeOptions::default())?;
                let rgb = input.fit(&mut fitter, &pixels, Rect::whole(&pixels), How::Stretch)?;
                input.push(&rgb, &mut tensor);
            }
            let bytes: Vec<u8> = tensor
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            std::fs::write(folder.join(format!("{model}.f32")), bytes)?;
        }
        let onnx = models::load(&self.library, SENTENCES)?.onnx()?;
        std::fs::write(folder.join(format!("{SENTENCES}.onnx")), onnx)?;
        let tokenizer = self.library.file(SENTENCES, "tokenizer")?;
        std::fs::copy(tokenizer, folder.join(format!("{SENTENCES}.json")))?;
        Ok(INPUTS.to_string())
    }

    pub fn words(&mut self, engine: &str, threads: usize, titles: &Path) -> Outcome<String> {
        let key = (engine.to_string(), threads);
        if !self.sentences.contains_key(&key) {
            let engine = self.engine(engine)?;
            let encoder = SentenceEncoder::open(&self.library, SENTENCES, &engine, threads)?;
            self.sentences.insert(key.clone(), encoder);
        }
        let text = std::fs::read_to_string(titles)?;
        let titles: Vec<&str> = text.lines().collect();
        let encoder = self.sentences.get(&key).ok_or("no encoder")?;
        Ok(encoder.encode(&titles)?.len().to_string())
    }

    pub fn embed(
        &mut self,
        engine: &str,
        model: &str,
        batch: usize,
        threads: usize,
        runs: usize,
        folder: &Path,
    ) -> Outcome<String> {
        let input = PictureInput::new(&self.library.model(model)?.manifest)?;
        let bytes = std::fs::read(folder.join(format!("{model}.f32")))?;
        let (values, _) = bytes.as_chunks::<4>();
        let shape = input.shape(batch);
        let length = shape.iter().product();
        let tensor: Vec<f32> = values[..length]
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect();
        let network = self.network(engine, model, threads)?;
        for _ in 0..runs {
            std::hint::black_box(network.run(&[Input::F32(&shape, &tensor)])?);
        }
        Ok((batch * runs).to_string())
    }

    /// Decodes every photo below the folder, and opens the encoder once for each worker.
    pub fn load(&mut self, workers: usize, folder: &Path) -> Outcome<String> {
        let models =
            ProductModels::load(&self.library, ENCODER, MATTE, &self.engine("onnxruntime")?)?;
        self.workers = (0..workers)
            .map(|_| models.worker(1))
            .collect::<Result<_, _>>()?;
        self.photos.clear();
        let mut folders = vec![folder.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_none_or(|ending| ending != "csv") {
                    self.photos.push(photo(&path)?);
                }
            }
        }
        Ok(self.photos.len().to_string())
    }

    /// Encodes what was loaded, each worker on a thread of its own.
    pub fn encode(&mut self) -> Outcome<String> {
        let batches: Vec<&[Photo]> = self.photos.chunks(BATCH).collect();
        let next = AtomicUsize::new(0);
        let failure = Mutex::new(None);
        std::thread::scope(|scope| {
            for worker in &mut self.workers {
                scope.spawn(|| {
                    while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if let Err(error) = worker.encode(batch) {
                            *failure.lock().unwrap_or_else(|held| held.into_inner()) = Some(error);
                            return;
                        }
                    }
                });
            }
        });
        match failure.into_inner() {
            Ok(None) => Ok(self.photos.len().to_string()),
            Ok(Some(error)) => Err(error.into()),
            Err(_) => Err("a worker panicked".into()),
        }
    }
}

fn photo(path: &Path) -> Outcome<Photo> {
    let bytes = std::fs::read(path)?;
    let decoded = showroom_pixels::decode(&bytes, &DecodeOptions::default())?;
    Ok(Photo {
        id: showroom_pixels::photo_id(&bytes),
        source: PhotoRef {
            uri: path.display().to_string(),
            etag: String::new(),
            bytes: bytes.len() as u64,
            sku: None,
        },
        pixels: decoded.pixels,
        facts: decoded.facts,
    })
}
