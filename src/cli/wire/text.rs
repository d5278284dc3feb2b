//! What finds text in photos.

use showroom_catalog::seams::{ModelError, TextDetector};
use showroom_vision::engines::device::DeviceWish;
use showroom_vision::engines::{EngineChoice, EngineWish, Wishes};
use showroom_vision::text::TextModel;

use super::device::onnxruntime;
use super::library;
use crate::config::Config;
use crate::exit::Failure;

const TEXT: &str = "pp-ocr";

/// Workers that share the threads; the inner error says what is missing and how to get it. They compute on
/// the CPU whatever the device, as only onnxruntime runs the model.
pub fn text_detectors(
    config: &Config,
    workers: usize,
) -> Result<Result<Vec<Box<dyn TextDetector>>, String>, Failure> {
    let library = library(config)?;
    let path = onnxruntime(&library)?;
    let wishes = Wishes {
        engine: match config.wishes.engine {
            EngineWish::Auto => EngineWish::OnnxRuntime,
            asked => asked,
        },
        device: DeviceWish::Cpu,
        ..Wishes::default()
    };
    let threads = (config.threads / workers.max(1)).max(1);
    let open = || -> Result<Vec<Box<dyn TextDetector>>, ModelError> {
        let choice = EngineChoice::new(&wishes, path.as_deref())?;
        let model = TextModel::load(&library, TEXT, &choice.engine)?;
        (0..workers)
            .map(|_| Ok(Box::new(model.worker(threads)?) as Box<dyn TextDetector>))
            .collect()
    };
    match open() {
        Ok(detectors) => Ok(Ok(detectors)),
        Err(ModelError::Missing(why) | ModelError::Device(why)) => Ok(Err(why)),
        Err(error) => Err(error.into()),
    }
}
