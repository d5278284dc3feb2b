//! The seam between models and what runs them: a [`Network`] takes tensors and gives tensors.
//!
//! On a CPU two engines stand behind it: **onnxruntime**, loaded at run time from a library file, is four
//! to six times as fast; **burn**'s `flex` backend needs nothing but this program. On a GPU burn runs
//! the same code through wgpu. All run the same weights and are each other's oracle.
//!
//! **Architecture invariant**: an engine knows tensors and never a photo, a text or a request.

pub mod check;
pub mod device;
pub mod graph;
mod onnxruntime;
pub mod pictures;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use burn::tensor::{DType, Device, Tensor};
use showroom_catalog::seams::ModelError;
use showroom_kernels::{Gpu, GpuError};

use self::device::{DeviceWish, Found, Precision, PrecisionWish};
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

    /// The model in burn, its weights at `place`.
    fn burn(&self, place: &Place) -> Result<Arc<dyn BurnModel>, ModelError>;

    /// Numbers in the largest tensor that one picture (or sentence) makes on its way through the
    /// model: what a device's largest buffer must hold.
    fn largest_tensor(&self) -> usize;
}

/// A model whose weights lie on a burn device; any number of threads run it.
pub trait BurnModel: Send + Sync {
    fn run(&self, inputs: &[Input<'_>]) -> Result<Vec<Output>, ModelError>;

    /// A model of pictures, from normalised pixels (batch, 3, height, width) that lie at its place
    /// already; what comes out (batch, numbers) stays there, in f32.
    fn forward(&self, pixels: Tensor<4>) -> Result<Vec<Tensor<2>>, ModelError>;
}

/// Where burn computes, and with which numbers.
#[derive(Clone, Debug)]
pub struct Place {
    pub device: Device,
    pub precision: Precision,
}

/// What the user asked for with `--engine`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineWish {
    /// On a CPU onnxruntime where its library is, else burn; on a GPU burn.
    #[default]
    Auto,
    OnnxRuntime,
    Burn,
}

/// All that the user asked for about engines.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    pub engine: EngineWish,
    pub device: DeviceWish,
    pub precision: PrecisionWish,
}

/// Something that runs networks.
#[derive(Clone)]
pub enum Engine {
    OnnxRuntime(OnnxRuntime),
    /// burn on the CPU.
    Flex,
    /// burn on a GPU.
    Gpu(Gpu, Precision),
}

/// The engine that was taken, and what to tell the user about it.
#[derive(Clone)]
pub struct EngineChoice {
    pub engine: Engine,
    /// Why it is the CPU, where a GPU was looked for; what would make it faster, where something would.
    pub notes: Vec<String>,
}

impl EngineChoice {
    /// Takes an engine. `library` is onnxruntime's shared library, where there is one; the caller
    /// vouches for it, as loading a library runs its code.
    pub fn new(wishes: &Wishes, library: Option<&Path>) -> Result<Self, ModelError> {
        if wishes.engine == EngineWish::OnnxRuntime {
            return match wishes.device {
                DeviceWish::Auto | DeviceWish::Cpu => on_cpu(wishes.engine, library),
                _ => Err(ModelError::Device(format!(
                    "--engine onnxruntime runs on the CPU; for --device {} leave it out",
                    wishes.device
                ))),
            };
        }
        let why = match device::find(&wishes.device)? {
            Found::Gpu(adapter) => {
                let precision = precision(wishes.precision, &adapter)?;
                match adapter.open() {
                    Ok(gpu) => {
                        return Ok(EngineChoice {
                            engine: Engine::Gpu(gpu, precision),
                            notes: Vec::new(),
                        });
                    }
                    Err(error) if wishes.device == DeviceWish::Auto => Some(error.to_string()),
                    Err(error) => return Err(ModelError::Device(error.to_string())),
                }
            }
            Found::Cpu(why) => why,
        };
        let mut choice = on_cpu(wishes.engine, library)?;
        choice.notes.splice(0..0, why);
        Ok(choice)
    }
}

/// The numbers to compute with: a software adapter gains nothing from f16.
fn precision(
    wish: PrecisionWish,
    adapter: &showroom_kernels::Adapter,
) -> Result<Precision, ModelError> {
    match wish {
        PrecisionWish::F32 => Ok(Precision::F32),
        PrecisionWish::F16 if !adapter.f16 => Err(ModelError::Device(format!(
            "{adapter} does not compute in f16; take --precision f32"
        ))),
        PrecisionWish::F16 => Ok(Precision::F16),
        PrecisionWish::Auto if adapter.f16 && !adapter.is_software() => Ok(Precision::F16),
        PrecisionWish::Auto => Ok(Precision::F32),
    }
}

fn on_cpu(wish: EngineWish, library: Option<&Path>) -> Result<EngineChoice, ModelError> {
    const FASTER: &str =
        "fetch it with `showroom models pull onnxruntime` to run several times as fast";
    let note = match (wish, library) {
        (EngineWish::Burn, _) => None,
        (EngineWish::OnnxRuntime, None) => {
            return Err(ModelError::Missing(
                "onnxruntime's library is not here; fetch it with: showroom models pull onnxruntime".into(),
            ));
        }
        (EngineWish::Auto, None) => Some(format!("onnxruntime's library is not here; {FASTER}")),
        (_, Some(library)) => match OnnxRuntime::load(library) {
            Ok(engine) => {
                return Ok(EngineChoice {
                    engine: Engine::OnnxRuntime(engine),
                    notes: Vec::new(),
                });
            }
            Err(error) if wish == EngineWish::OnnxRuntime => return Err(error),
            Err(error) => Some(format!("{error}; {FASTER}")),
        },
    };
    Ok(EngineChoice {
        engine: Engine::Flex,
        notes: note.into_iter().collect(),
    })
}

/// For the first line of a run and for `doctor`.
impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Engine::OnnxRuntime(_) => f.write_str("onnxruntime"),
            Engine::Flex => f.write_str("burn (flex, CPU)"),
            Engine::Gpu(gpu, precision) => write!(f, "burn on {}, {precision}", gpu.adapter),
        }
    }
}

impl Engine {
    /// The GPU, where it is one.
    pub fn gpu(&self) -> Option<&Gpu> {
        match self {
            Engine::Gpu(gpu, _) => Some(gpu),
            Engine::OnnxRuntime(_) | Engine::Flex => None,
        }
    }

    /// The numbers that models compute with.
    pub fn precision(&self) -> Precision {
        match self {
            Engine::Gpu(_, precision) => *precision,
            Engine::OnnxRuntime(_) | Engine::Flex => Precision::F32,
        }
    }

    /// Makes a model ready for this engine; done once, whatever the number of workers.
    pub fn prepare(&self, model: &dyn Architecture) -> Result<Prepared, ModelError> {
        let place = match self {
            Engine::OnnxRuntime(engine) => {
                return Ok(Prepared::Onnx {
                    engine: engine.clone(),
                    name: model.name().to_string(),
                    file: model.onnx()?.into(),
                });
            }
            Engine::Flex => Place {
                device: Device::flex(),
                precision: Precision::F32,
            },
            Engine::Gpu(gpu, precision) => Place {
                device: gpu.burn.clone(),
                precision: *precision,
            },
        };
        Ok(Prepared::Burn {
            model: model.burn(&place)?,
            gpu: self.gpu().cloned(),
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
    Burn {
        model: Arc<dyn BurnModel>,
        /// Where it lies, if not on the CPU.
        gpu: Option<Gpu>,
    },
}

impl Prepared {
    /// Opens the model for one worker, which uses `threads` threads (0: all cores). burn shares one
    /// pool of threads among all workers instead.
    pub fn open(&self, threads: usize) -> Result<Box<dyn Network>, ModelError> {
        match self {
            Prepared::Onnx { engine, name, file } => engine.open(name, file, threads),
            Prepared::Burn { model, gpu } => Ok(Box::new(Shared {
                model: Arc::clone(model),
                gpu: gpu.clone(),
            })),
        }
    }
}

/// One worker's handle on a burn model.
struct Shared {
    model: Arc<dyn BurnModel>,
    gpu: Option<Gpu>,
}

impl Network for Shared {
    fn run(&mut self, inputs: &[Input<'_>]) -> Result<Vec<Output>, ModelError> {
        let outputs = self.model.run(inputs);
        if let Some(gpu) = &self.gpu {
            // A launch that failed reads back as zeros.
            gpu.check().map_err(failed)?;
        }
        outputs
    }
}

/// A GPU's error as a model's.
pub(crate) fn failed(error: GpuError) -> ModelError {
    ModelError::Failed(error.to_string())
}

impl Output {
    /// Brings a tensor back from a burn device.
    pub(crate) fn from_burn<const D: usize>(
        tensor: burn::tensor::Tensor<D>,
    ) -> Result<Self, ModelError> {
        let shape = tensor.dims().to_vec();
        let failed =
            |error: String| ModelError::Failed(format!("burn gave no numbers back: {error}"));
        let data = tensor.cast(DType::F32).try_into_data();
        let data = data.map_err(|error| failed(format!("{error:?}")))?;
        let data = data
            .try_to_vec::<f32>()
            .map_err(|error| failed(format!("{error:?}")))?;
        Ok(Output { shape, data })
    }
}
