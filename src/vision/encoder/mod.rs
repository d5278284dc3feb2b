//! Photo → features: find the product, encode the square round it, measure its colours.
//!
//! [`ProductModels`] holds what is loaded once, [`ProductEncoder`] is one worker's handle on it. Where
//! the work is done ([`cpu`], [`gpu`]) changes its speed and, within the tolerance of the tests,
//! nothing else: a catalogue may be made partly on one and partly on the other.

pub mod batch;
mod clock;
mod cpu;
mod gpu;
mod screen;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use showroom_catalog::Photo;
use showroom_catalog::embedding::{Dimensions, normalise};
use showroom_catalog::seams::{Encoder, Features, ModelError};
use showroom_kernels::masked_lab_histogram;
use showroom_pixels::COLOUR_DIMENSIONS;

pub use self::batch::Measured;
pub use self::clock::Step;
use self::cpu::CpuEncoder;
use self::gpu::GpuEncoder;
use crate::engines::check::verify;
use crate::engines::device::Precision;
use crate::engines::pictures::Picture;
use crate::engines::{Engine, Input, Output, Prepared, failed};
use crate::input::PictureInput;
use crate::models::{self, efficientnet_lite};
use crate::weights::library::Library;
use crate::weights::manifest::Manifest;

/// Changes with the rules that make features of what the networks say (here, in `crop.rs` and in
/// the colour modules of showroom-pixels), as the features change with them.
const RULES: &str = "product-2";
/// Photos that a GPU takes at a time before anybody measured.
const UNMEASURED_BATCH: usize = 8;

/// The two models of an encoder, ready for one engine. Cloning shares the weights.
#[derive(Clone)]
pub struct ProductModels {
    id: String,
    engine: Engine,
    /// Photos at a time, for all workers.
    batch: Arc<AtomicUsize>,
    /// The kernel of the product's colours, once a worker has needed it.
    colours: Arc<OnceLock<Arc<masked_lab_histogram::Kernel>>>,
    matte: PictureModel,
    embedding: PictureModel,
}

/// A model that takes pictures, ready for one engine.
#[derive(Clone)]
struct PictureModel {
    name: String,
    input: PictureInput,
    prepared: Prepared,
    largest_tensor: usize,
}

impl ProductModels {
    /// Loads the models `embedding` and `matte` for an engine; each must pass its self-check.
    pub fn load(
        library: &Library,
        embedding: &str,
        matte: &str,
        engine: &Engine,
    ) -> Result<Self, ModelError> {
        let (embedding, matte) = (library.model(embedding)?, library.model(matte)?);
        let (embedding, matte) = (&embedding.manifest, &matte.manifest);
        let models = ProductModels {
            engine: engine.clone(),
            batch: Arc::new(AtomicUsize::new(1)),
            colours: Arc::default(),
            id: format!("{}+{}+{RULES}", models::id(embedding), models::id(matte)),
            matte: PictureModel::load(library, matte, engine)?,
            embedding: PictureModel::load(library, embedding, engine)?,
        };
        models.set_batch(UNMEASURED_BATCH);
        Ok(models)
    }

    /// Changes whenever the features of the same photo would change.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Lengths of the features. There is no text vector: taggers make it.
    pub fn dimensions(&self) -> Dimensions {
        Dimensions {
            shape: efficientnet_lite::FEATURES,
            colour: COLOUR_DIMENSIONS,
            text: 0,
            classes: efficientnet_lite::CLASSES,
        }
    }

    /// One worker, which uses `threads` threads of the CPU (0: all cores). On a GPU two workers keep
    /// it busy: one uploads and reads back while the other's batch is computed.
    pub fn worker(&self, threads: usize) -> Result<ProductEncoder, ModelError> {
        Ok(ProductEncoder(match &self.engine {
            Engine::Gpu(gpu, _) => Inner::Gpu(Box::new(GpuEncoder::open(self, gpu, threads)?)),
            Engine::OnnxRuntime(_) | Engine::Flex => {
                Inner::Cpu(Box::new(CpuEncoder::open(self, threads)?))
            }
        }))
    }

    /// Photos that a GPU takes at a time at the most, from now on and for all workers. It never grows
    /// beyond what the device's largest buffer holds, and shrinks where memory runs out.
    pub fn set_batch(&self, most: usize) {
        self.batch
            .store(most.clamp(1, self.most_at_a_time()), Ordering::Relaxed);
    }

    /// See [`ProductModels::set_batch`].
    pub fn batch(&self) -> usize {
        self.batch.load(Ordering::Relaxed)
    }

    /// Photos whose tensors fit into the largest buffer of the device.
    fn most_at_a_time(&self) -> usize {
        let Some(gpu) = self.engine.gpu() else {
            return batch::MAX_BATCH;
        };
        let numbers = self.matte.largest_tensor.max(self.embedding.largest_tensor);
        let number_bytes = match self.engine.precision() {
            Precision::F32 => 4,
            Precision::F16 => 2,
        };
        let fit = gpu.adapter.max_binding_bytes / (numbers * number_bytes).max(1) as u64;
        fit.clamp(1, batch::MAX_BATCH as u64) as usize
    }

    /// What was measured on a device is kept under this: the models, their precision and the budget.
    pub fn batch_key(&self, budget: u64) -> String {
        format!(
            "{} {} {} MiB",
            self.id,
            self.engine.precision(),
            budget >> 20
        )
    }

    /// Finds the best batch size by encoding a photo of usual size that many times, and keeps to it
    /// from now on. `budget` is in bytes of the device's memory.
    pub fn measure_batch(&self, budget: u64) -> Result<Measured, ModelError> {
        let Engine::Gpu(gpu, _) = &self.engine else {
            return Err(ModelError::Failed("batches are measured on a GPU".into()));
        };
        let mut encoder = GpuEncoder::open(self, gpu, 1)?;
        let most = self.most_at_a_time();
        let measured = batch::find(most, budget, |photos| encoder.trial(photos)).map_err(failed)?;
        self.set_batch(measured.batch);
        Ok(measured)
    }

    /// Embeddings and probabilities of `crops` pictures, of what the embedding network gave.
    fn embedded(&self, outputs: &[Output], crops: usize) -> Result<Vec<Embedded>, ModelError> {
        let Dimensions { shape, classes, .. } = self.dimensions();
        match outputs {
            [embeddings, logits]
                if embeddings.data.len() == crops * shape
                    && logits.data.len() == crops * classes =>
            {
                let embeddings = embeddings.data.chunks_exact(shape);
                let logits = logits.data.chunks_exact(classes);
                Ok(embeddings
                    .zip(logits)
                    .map(|(e, l)| (unit(e), softmax(l)))
                    .collect())
            }
            _ => Err(ModelError::Failed(format!(
                "the model {} gave outputs of the wrong size",
                self.embedding.name
            ))),
        }
    }
}

impl PictureModel {
    fn load(library: &Library, manifest: &Manifest, engine: &Engine) -> Result<Self, ModelError> {
        let architecture = models::load(library, &manifest.name)?;
        let model = PictureModel {
            name: manifest.name.clone(),
            input: PictureInput::new(manifest)?,
            prepared: engine.prepare(&*architecture)?,
            largest_tensor: architecture.largest_tensor(),
        };
        if let Some(check) = &manifest.check {
            let picture = check.picture.as_deref().and_then(Picture::named);
            let picture = picture.ok_or_else(|| {
                let name = &manifest.name;
                ModelError::Refused(format!("the self-check of {name} names no known picture"))
            })?;
            let mut tensor = Vec::new();
            model
                .input
                .push(&picture.rgb(model.input.size()[0]), &mut tensor);
            let mut network = model.prepared.open(1)?;
            let outputs = network.run(&[Input::F32(&model.input.shape(1), &tensor)])?;
            verify(&manifest.name, engine, check, &outputs)?;
        }
        Ok(model)
    }
}

/// One worker: belongs to one thread.
pub struct ProductEncoder(Inner);

enum Inner {
    Cpu(Box<CpuEncoder>),
    Gpu(Box<GpuEncoder>),
}

/// Embedding (unit length) and class probabilities of one crop.
type Embedded = (Vec<f32>, Vec<f32>);

impl ProductEncoder {
    /// Makes the encoder take the time of its steps, each waited for, which slows a GPU down.
    pub fn time_steps(&mut self) {
        match &mut self.0 {
            Inner::Cpu(encoder) => encoder.clock.switch_on(),
            Inner::Gpu(encoder) => encoder.clock.switch_on(),
        }
    }

    /// What the steps took since [`ProductEncoder::time_steps`], in the order of the work.
    pub fn steps(&self) -> &[Step] {
        match &self.0 {
            Inner::Cpu(encoder) => encoder.clock.steps(),
            Inner::Gpu(encoder) => encoder.clock.steps(),
        }
    }
}

impl Encoder for ProductEncoder {
    fn id(&self) -> &str {
        match &self.0 {
            Inner::Cpu(encoder) => encoder.id(),
            Inner::Gpu(encoder) => encoder.id(),
        }
    }

    fn encode(&mut self, photos: &[Photo]) -> Result<Vec<Result<Features, String>>, ModelError> {
        match &mut self.0 {
            Inner::Cpu(encoder) => encoder.encode(photos),
            Inner::Gpu(encoder) => encoder.encode(photos),
        }
    }
}

fn unit(vector: &[f32]) -> Vec<f32> {
    let mut vector = vector.to_vec();
    normalise(&mut vector);
    vector
}

/// Probabilities of logits.
fn softmax(logits: &[f32]) -> Vec<f32> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut shares = logits
        .iter()
        .map(|logit| (logit - most).exp())
        .collect::<Vec<_>>();
    let sum: f32 = shares.iter().sum();
    shares.iter_mut().for_each(|share| *share /= sum);
    shares
}
