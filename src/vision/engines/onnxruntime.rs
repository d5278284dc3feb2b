//! onnxruntime: its library is loaded at run time, a session is a [`Network`].

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session, SessionInputValue};
use ort::value::TensorRef;
use showroom_catalog::seams::ModelError;

use super::{Input, Network, Output};

/// onnxruntime, loaded. Cloning is cheap.
#[derive(Clone)]
pub struct OnnxRuntime {
    environment: Environment,
}

/// The process's one environment: onnxruntime allows no second, and a library stays loaded.
static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

impl OnnxRuntime {
    /// Loads the library. The first library that loads stays for the life of the process, whatever
    /// is asked for later.
    pub fn load(library: &Path) -> Result<Self, ModelError> {
        let mut slot = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(environment) = slot.as_ref() {
            let environment = environment.clone();
            return Ok(OnnxRuntime { environment });
        }
        let failed = |reason: String| {
            ModelError::Failed(format!(
                "onnxruntime's library {} cannot be loaded: {reason}",
                library.display()
            ))
        };
        let environment = ort::init_from(library)
            .map_err(|error| failed(error.to_string()))?
            .with_name("showroom")
            .with_telemetry(false)
            .build()
            .map_err(|error| failed(error.to_string()))?;
        *slot = Some(environment.clone());
        Ok(OnnxRuntime { environment })
    }

    /// A session of the model in `file` (the bytes of an ONNX file) with `threads` threads.
    pub(super) fn open(
        &self,
        name: &str,
        file: &[u8],
        threads: usize,
    ) -> Result<Box<dyn Network>, ModelError> {
        let session = self.session(file, threads).map_err(|error| {
            ModelError::Failed(format!("onnxruntime cannot open the model {name}: {error}"))
        })?;
        Ok(Box::new(OnnxNetwork {
            name: name.to_string(),
            session,
        }))
    }

    fn session(&self, file: &[u8], threads: usize) -> ort::Result<Session> {
        Session::builder(&self.environment)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(threads)?
            .commit_from_memory(file)
    }
}

struct OnnxNetwork {
    name: String,
    session: Session,
}

impl Network for OnnxNetwork {
    fn run(&mut self, inputs: &[Input<'_>]) -> Result<Vec<Output>, ModelError> {
        self.outputs(inputs).map_err(|error| {
            ModelError::Failed(format!(
                "onnxruntime failed in the model {}: {error}",
                self.name
            ))
        })
    }
}

impl OnnxNetwork {
    fn outputs(&mut self, inputs: &[Input<'_>]) -> ort::Result<Vec<Output>> {
        let values = inputs
            .iter()
            .map(|input| -> ort::Result<SessionInputValue<'_>> {
                Ok(match *input {
                    Input::F32(shape, data) => TensorRef::from_array_view((shape, data))?.into(),
                    Input::I64(shape, data) => TensorRef::from_array_view((shape, data))?.into(),
                })
            })
            .collect::<ort::Result<Vec<_>>>()?;
        let outputs = self.session.run(values.as_slice())?;
        outputs
            .values()
            .map(|value| {
                let (shape, data) = value.try_extract_tensor::<f32>()?;
                Ok(Output {
                    shape: shape.iter().map(|&n| n as usize).collect(),
                    data: data.to_vec(),
                })
            })
            .collect()
    }
}
