//! The seam between models and what runs them: a [`Network`] takes tensors and gives tensors.
//!
//! Two engines stand behind it. **onnxruntime** is loaded at run time from a library file and is four
//! to six times as fast on a CPU; **burn** (its `flex` CPU backend) needs nothing but this program.
//! They run the same weights and are each other's oracle.
//!
//! **Architecture invariant**: an engine knows tensors and never a photo, a text or a request.

pub mod check;
pub mod graph;
mod onnxruntime;
pub mod pictures;

use std::path::Path;
use std::sync::Arc;

use showroom_catalog::seams::ModelError;

pub use self::onnxruntime::OnnxRuntime;

/// A tensor that goes into a network: shape and numbers, row-major.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    F32(&'a [usize], &'a [f32]),
    I64(&'a [usize], &'a [i64]),
}

/// A tensor that comes out of a network: shape and numbers, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    pub shape: Vec<usize>,
    pub data: Vec<f32>,
}

/// A model that is ready to run on one engine. Belongs to one thread at a time.
pub trait Network: Send {
    /// Runs the model once. The model's file says what it takes and what it gives.
    fn run(&mut self, inputs: &[Input<'_>]) -> Result<Vec<Output>, ModelError>;
}

/// A model in a form that any engine can run.
pub trait Architecture {
    /// What people call the model.
    fn name(&self) -> &str;

    /// The model as the bytes of an ONNX file.
    fn onnx(&self) -> Result<Vec<u8>, ModelError>;

    /// The model in burn, its weights on `device`.
    fn burn(&self, device: &burn::tensor::Device) -> Result<Arc<dyn BurnModel>, ModelError>;
}

/// A model whose weights lie on a burn device; any number of threads run it.
pub trait BurnModel: Send + Sync {
    fn run(&self, inputs: &[Input<'_>]) -> Result<Vec<Output>, ModelError>;
}

/// What the user asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineWish {
    /// onnxruntime where its library is, else burn.
    #[default]
    Auto,
    OnnxRuntime,
    Burn,
}

/// Something that runs networks.
#[derive(Clone)]
pub enum Engine {
    OnnxRuntime(OnnxRuntime),
    Burn(burn::tensor::Device),
}

/// The engine that was taken, and what to tell the user about it.
#[derive(Clone)]
pub struct EngineChoice {
    pub engine: Engine,
    /// One sentence: what would make it faster, where something would.
    pub note: Option<String>,
}

impl EngineChoice {
    /// Takes an engine. `library` is onnxruntime's shared library, where there is one; the caller
    /// vouches for it, as loading a library runs its code.
    pub fn new(wish: EngineWish, library: Option<&Path>) -> Result<Self, ModelError> {
        const FASTER: &str =
            "fetch it with `showroom models pull onnxruntime` to run several times as fast";
        let note = match (wish, library) {
            (EngineWish::Burn, _) => None,
            (EngineWish::OnnxRuntime, None) => {
                return Err(ModelError::Missing(
                    "onnxruntime's library is not here; fetch it with: showroom models pull onnxruntime".into(),
                ));
            }
            (EngineWish::Auto, None) => {
                Some(format!("onnxruntime's library is not here; {FASTER}"))
            }
            (_, Some(library)) => match OnnxRuntime::load(library) {
                Ok(engine) => {
                    return Ok(EngineChoice {
                        engine: Engine::OnnxRuntime(engine),
                        note: None,
                    });
                }
                Err(error) if wish == EngineWish::OnnxRuntime => return Err(error),
                Err(error) => Some(format!("{error}; {FASTER}")),
            },
        };
        Ok(EngineChoice {
            engine: Engine::Burn(burn::tensor::Device::flex()),
            note,
        })
    }
}

impl Engine {
    /// Name for the first line of a run and for `doctor`.
    pub fn name(&self) -> &'static str {
        match self {
            Engine::OnnxRuntime(_) => "onnxruntime",
            Engine::Burn(_) => "burn (flex, CPU)",
        }
    }

    /// Makes a model ready for this engine; done once, whatever the number of workers.
    pub fn prepare(&self, model: &dyn Architecture) -> Result<Prepared, ModelError> {
        Ok(match self {
            Engine::OnnxRuntime(engine) => Prepared::Onnx {
                engine: engine.clone(),
                name: model.name().to_string(),
                file: model.onnx()?.into(),
            },
            Engine::Burn(device) => Prepared::Burn(model.burn(device)?),
        })
    }
}

/// A model that is ready for one engine and from which each worker opens its own [`Network`].
#[derive(Clone)]
pub enum Prepared {
    Onnx {
        engine: OnnxRuntime,
        name: String,
        file: Arc<[u8]>,
    },
    Burn(Arc<dyn BurnModel>),
}

impl Prepared {
    /// Opens the model for one worker, which uses `threads` threads (0: all cores). burn shares one
    /// pool of threads among all workers instead.
    pub fn open(&self, threads: usize) -> Result<Box<dyn Network>, ModelError> {
        match self {
            Prepared::Onnx { engine, name, file } => engine.open(name, file, threads),
            Prepared::Burn(model) => Ok(Box::new(Shared(Arc::clone(model)))),
        }
    }
}

/// One worker's handle on a burn model.
struct Shared(Arc<dyn BurnModel>);

impl Network for Shared {
    fn run(&mut self, inputs: &[Input<'_>]) -> Result<Vec<Output>, ModelError> {
        self.0.run(inputs)
    }
}

impl Output {
    /// Brings a tensor back from a burn device.
    pub(crate) fn from_burn<const D: usize>(
        tensor: burn::tensor::Tensor<D>,
    ) -> Result<Self, ModelError> {
        let shape = tensor.dims().to_vec();
        let data = tensor
            .into_data()
            .try_to_vec::<f32>()
            .map_err(|error| ModelError::Failed(format!("burn gave no numbers back: {error:?}")))?;
        Ok(Output { shape, data })
    }
}
