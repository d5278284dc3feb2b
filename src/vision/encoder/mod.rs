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
use crate::weights::manifest::{Check, Manifest, Task};

/// Changes with the rules that make features of what the networks say (here, in `crop.rs` and in
/// the colour modules of showroom-pixels), as the features change with them.
const RULES: &str = "product-3";
/// Photos that a GPU takes at a time before anybody measured.
const UNMEASURED_BATCH: usize = 8;

/// The models of an encoder, ready for one engine. Cloning shares the weights.
#[derive(Clone)]
pub struct ProductModels {
    id: String,
    engine: Engine,
    /// Photos at a time, for all workers.
    batch: Arc<AtomicUsize>,
    /// The kernel of the product's colours, once a worker has needed it.
    colours: Arc<OnceLock<Arc<masked_lab_histogram::Kernel>>>,
    matte: PictureModel,
    /// Class probabilities, and the shape vector where `shared` is not there.
    embedding: PictureModel,
    /// The shape vector, in a space that words share.
    shared: Option<PictureModel>,
    /// Whether the whole photo is taken for the product.
    whole: bool,
}

/// A model that takes pictures, ready for one engine.
#[derive(Clone)]
pub(crate) struct PictureModel {
    pub(crate) name: String,
    pub(crate) input: PictureInput,
    pub(crate) prepared: Prepared,
    largest_tensor: usize,
    /// Numbers of its first output.
    width: usize,
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
            shared: None,
            whole: false,
        };
        models.set_batch(UNMEASURED_BATCH);
        Ok(models)
    }

    /// Takes the shape vectors from the pair of towers `shared` instead, so that words can be compared
    /// with them; classes still come from the other model.
    pub fn with_shared_space(
        mut self,
        library: &Library,
        shared: &str,
    ) -> Result<Self, ModelError> {
        let manifest = &library.model(shared)?.manifest;
        if manifest.task != Task::ImageTextEmbedding {
            return Err(ModelError::BadInput(format!(
                "the model {shared} does not put pictures and words into one space; add one that does with: \
                 showroom models add NAME --path DIR"
            )));
        }
        self.shared = Some(PictureModel::load(library, manifest, &self.engine)?);
        self.id = format!("{}+{}", models::id(manifest), self.id);
        self.set_batch(UNMEASURED_BATCH);
        Ok(self)
    }

    /// Takes the whole photo for the product. To measure what finding it is worth.
    pub fn of_whole_photos(self) -> Self {
        ProductModels {
            id: format!("{}+whole", self.id),
            whole: true,
            ..self
        }
    }

    /// Changes whenever the features of the same photo would change.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Lengths of the features. The text vector is the shape vector where words share its space; else
    /// there is none, as taggers make it.
    pub fn dimensions(&self) -> Dimensions {
        Dimensions {
            shape: self.shape_model().width,
            colour: COLOUR_DIMENSIONS,
            text: self.shared.as_ref().map_or(0, |shared| shared.width),
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
        let shape = self.shape_model().largest_tensor;
        let numbers = self.matte.largest_tensor.max(self.embedding.largest_tensor);
        let numbers = numbers.max(shape);
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

    /// The model whose vectors photos are compared by.
    fn shape_model(&self) -> &PictureModel {
        self.shared.as_ref().unwrap_or(&self.embedding)
    }

    /// Embeddings and probabilities of `crops` pictures, of what the embedding network gave and, where
    /// there is one, the network of the shared space.
    fn embedded(
        &self,
        outputs: &[Output],
        shared: Option<&[Output]>,
        crops: usize,
    ) -> Result<Vec<Embedded>, ModelError> {
        let Dimensions { shape, classes, .. } = self.dimensions();
        let embeddings = shared.unwrap_or(outputs).first();
        match (embeddings, outputs) {
            (Some(embeddings), [_, logits])
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
                "the model {} or {} gave outputs of the wrong size",
                self.embedding.name,
                self.shape_model().name
            ))),
        }
    }
}

impl PictureModel {
    /// Loads it for an engine, on which it must pass its self-check.
    pub(crate) fn load(
        library: &Library,
        manifest: &Manifest,
        engine: &Engine,
    ) -> Result<Self, ModelError> {
        let architecture = models::load(library, &manifest.name)?;
        let model = PictureModel {
            name: manifest.name.clone(),
            input: PictureInput::new(manifest)?,
            prepared: engine.prepare(&*architecture)?,
            largest_tensor: architecture.largest_tensor(),
            width: manifest
                .outputs
                .first()
                .map_or(0, |output| output.dimensions),
        };
        if let Some(check) = &manifest.check {
            let picture = check.picture.as_deref().and_then(Picture::named);
            let picture = picture.ok_or_else(|| {
                let name = &manifest.name;
                ModelError::Refused(format!("the self-check of {name} names no known picture"))
            })?;
            let outputs = model.answer(picture)?;
            verify(&manifest.name, engine, check, &outputs)?;
        }
        Ok(model)
    }

    /// What the network says of a fixed picture.
    fn answer(&self, picture: Picture) -> Result<Vec<Output>, ModelError> {
        let mut tensor = Vec::new();
        self.input
            .push(&picture.rgb(self.input.size()[0]), &mut tensor);
        let mut network = self.prepared.open(1)?;
        network.run(&[Input::F32(&self.input.shape(1), &tensor)])
    }
}

/// A self-check for a model of pictures that came without one: what it answers on `engine` now, which
/// every other device must then answer too.
pub fn self_check(library: &Library, name: &str, engine: &Engine) -> Result<Check, ModelError> {
    /// Of the largest number: about what the checks of the built-in models allow.
    const TOLERANCE: f32 = 0.002;
    const TOLERANCE_F16: f32 = 0.02;
    const NUMBERS: usize = 6;
    let model = PictureModel::load(library, &library.model(name)?.manifest, engine)?;
    let outputs = model.answer(Picture::Disc)?;
    let numbers = outputs.iter().flat_map(|output| &output.data).copied();
    let mut numbers: Vec<(usize, f32)> = numbers.enumerate().collect();
    numbers.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    numbers.truncate(NUMBERS);
    let largest = numbers.first().map_or(0.0, |number| number.1.abs());
    if !(largest > 0.0 && largest.is_finite()) {
        return Err(ModelError::Refused(format!(
            "the model {name} answers a picture with zeros or with what is no number; its weights are not \
             those of its config.json"
        )));
    }
    numbers.sort_by_key(|number| number.0);
    Ok(Check {
        picture: Some("disc".into()),
        text: None,
        expected: numbers,
        tolerance: TOLERANCE * largest,
        tolerance_f16: Some(TOLERANCE_F16 * largest),
    })
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
