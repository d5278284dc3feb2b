//! What must not be computed with is refused by name.

use showroom_catalog::seams::ModelError;
use showroom_kernels::Gpu;
use showroom_vision::encoder::ProductModels;
use showroom_vision::engines::device::{DeviceWish, Precision};
use showroom_vision::engines::{Engine, EngineChoice, EngineWish, Wishes};
use showroom_vision::weights::library::Library;

use crate::common::{cache, models_folder};
use crate::support::{OnGpu, Plain};

pub const PLAIN: &[Plain] = &[
    ("refusals::a_device_that_is_not_there", no_such_device),
    ("refusals::onnxruntime_runs_on_no_gpu", onnxruntime_on_a_gpu),
];
pub const ON_GPU: &[OnGpu] = &[
    ("refusals::an_adapter_is_taken_by_its_name", by_name),
    ("refusals::a_wrong_answer_of_the_gpu", wrong_answer),
];

fn wishes(device: &str) -> Wishes {
    Wishes {
        device: device.parse().unwrap(),
        ..Wishes::default()
    }
}

fn no_such_device() {
    let error = EngineChoice::new(&wishes("gpu:no such adapter"), None)
        .err()
        .unwrap();
    let said = error.to_string();
    assert!(matches!(error, ModelError::Device(_)), "{said}");
    assert!(said.starts_with("--device gpu:no such adapter: "), "{said}");
    assert!(said.ends_with("or --device cpu"), "{said}");
}

fn onnxruntime_on_a_gpu() {
    let wishes = Wishes {
        engine: EngineWish::OnnxRuntime,
        device: DeviceWish::Gpu,
        ..Wishes::default()
    };
    let error = EngineChoice::new(&wishes, None).err().unwrap();
    assert!(matches!(error, ModelError::Device(_)), "{error}");
    assert!(
        error
            .to_string()
            .contains("--engine onnxruntime runs on the CPU"),
        "{error}"
    );
}

fn by_name(gpu: &Gpu) {
    let name = gpu.adapter.name.to_lowercase();
    let choice = EngineChoice::new(&wishes(&format!("gpu:{name}")), None).unwrap();
    let taken = choice.engine.gpu().expect("a GPU");
    assert_eq!(taken.adapter.name, gpu.adapter.name);
    assert!(choice.engine.to_string().contains(&gpu.adapter.name));
    assert_eq!(choice.notes, [""; 0]);
}

/// The manifest wants another number than the model gives: so does a device that computes wrongly.
fn wrong_answer(gpu: &Gpu) {
    let folder = tempfile::tempdir().unwrap();
    let manifest = models_folder().join("efficientnet-lite2/manifest.toml");
    let manifest = std::fs::read_to_string(manifest).unwrap();
    let wrong = manifest.replace("[849, 2.5008]", "[849, 0.0001]").replace(
        "name = \"efficientnet-lite2\"",
        "name = \"efficientnet-lite2-wrong\"",
    );
    assert_ne!(manifest, wrong);
    let at = folder.path().join("efficientnet-lite2-wrong");
    std::fs::create_dir(&at).unwrap();
    std::fs::write(at.join("manifest.toml"), wrong).unwrap();
    let known = Library::new(&[folder.path().to_path_buf()], &cache()).unwrap();
    let engine = Engine::Gpu(gpu.clone(), Precision::F32);
    let error = ProductModels::load(&known, "efficientnet-lite2-wrong", "u2netp", &engine);
    let error = error.err().expect("refused");
    assert!(matches!(error, ModelError::Refused(_)), "{error}");
    let said = error.to_string();
    assert!(
        said.contains(&gpu.adapter.name) && said.contains("number 849"),
        "{said}"
    );
}
