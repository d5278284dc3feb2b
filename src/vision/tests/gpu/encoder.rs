//! Photos → features on the GPU: the same as on the CPU, and a batch as its singles.

use showroom_catalog::Photo;
use showroom_catalog::embedding::dot;
use showroom_catalog::seams::{Encoder, Features};
use showroom_kernels::Gpu;
use showroom_vision::encoder::ProductModels;
use showroom_vision::encoder::batch::MAX_BATCH;
use showroom_vision::engines::device::Precision;
use showroom_vision::engines::{Engine, EngineWish};

use crate::common::{engine, library, photo, picture};
use crate::support::OnGpu;

pub const ON_GPU: &[OnGpu] = &[
    ("encoder::photos_have_the_features_of_the_cpu", photos_agree),
    ("encoder::steps_are_timed", steps_are_timed),
    (
        "encoder::batches_fit_into_buffers_and_are_measured",
        batches,
    ),
];

/// The crops differ by a level of a byte here and there and the networks in the order of their sums.
const MIN_COSINE: f32 = 0.999;

/// A square picture in the middle of a white photo of another shape.
fn on_white(rgb: &[u8], size: usize, [width, height]: [usize; 2], alpha: u8) -> Photo {
    let mut rgba = [255, 255, 255, alpha].repeat(width * height);
    let (left, top) = ((width - size) / 2, (height - size) / 2);
    for (y, row) in rgb.chunks_exact(size * 3).enumerate() {
        let out = &mut rgba[((top + y) * width + left) * 4..][..size * 4];
        for (out, rgb) in out.chunks_exact_mut(4).zip(row.chunks_exact(3)) {
            out[..3].copy_from_slice(rgb);
            out[3] = 255;
        }
    }
    photo(width as u32, height as u32, rgba)
}

fn photos() -> Vec<Photo> {
    let disc = picture("disc", 240);
    vec![
        on_white(&disc, 240, [300, 420], 255),
        // Cut out: its own alpha is the mask.
        on_white(&picture("coffee", 320), 320, [400, 340], 0),
    ]
}

/// What each of the workers, all at work at the same time, makes of the photos.
fn encode(engine: &Engine, photos: &[Photo], workers: usize) -> Vec<Vec<Features>> {
    let models = ProductModels::load(&library(), "efficientnet-lite2", "u2netp", engine).unwrap();
    let work = || {
        let mut encoder = models.worker(2).unwrap();
        let answers = encoder.encode(photos).unwrap();
        answers.into_iter().map(|answer| answer.unwrap()).collect()
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

fn photos_agree(gpu: &Gpu) {
    let photos = photos();
    // Two batches in flight, as in a run.
    let found = encode(&Engine::Gpu(gpu.clone(), Precision::F32), &photos, 2);
    assert_eq!(found[0], found[1]);
    let found = &found[0];
    let wanted = &encode(&engine(&library(), EngineWish::OnnxRuntime), &photos, 1)[0];
    assert_eq!(found.len(), photos.len());
    for (i, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        for (name, a, b) in [
            ("shape", &found.shape, &wanted.shape),
            ("colour", &found.colour, &wanted.colour),
            ("classes", &found.classes, &wanted.classes),
        ] {
            let cosine = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
            assert!(cosine > MIN_COSINE, "photo {i}: cosine {cosine} of {name}");
        }
        assert!(
            (found.product_share - wanted.product_share).abs() < 0.005,
            "photo {i}"
        );
        assert_eq!(found.colours[0].name, wanted.colours[0].name, "photo {i}");
    }
    assert_eq!(found[0].colours[0].name, "red");
}

fn steps_are_timed(gpu: &Gpu) {
    // Cut-outs alone, which need no mask network.
    let engine = Engine::Gpu(gpu.clone(), Precision::F32);
    let models = ProductModels::load(&library(), "efficientnet-lite2", "u2netp", &engine).unwrap();
    let mut encoder = models.worker(1).unwrap();
    encoder.time_steps();
    encoder.encode(&photos()[1..]).unwrap();
    let names: Vec<&str> = encoder.steps().iter().map(|step| step.name).collect();
    let wanted = [
        "upload",
        "look at the masks",
        "cut out and resize",
        "embedding network",
        "sample the product's colours",
        "read back",
        "colours",
    ];
    assert_eq!(names, wanted);
    assert!(encoder.steps().iter().all(|step| !step.spent.is_zero()));
}

/// Bytes of the largest tensor that one photo makes: two levels of U²-NetP side by side, in f32.
const LARGEST_TENSOR_BYTES: u64 = 128 * 320 * 320 * 4;

fn batches(gpu: &Gpu) {
    let engine = Engine::Gpu(gpu.clone(), Precision::F32);
    let models = ProductModels::load(&library(), "efficientnet-lite2", "u2netp", &engine).unwrap();
    models.set_batch(usize::MAX);
    let most = gpu.adapter.max_binding_bytes / LARGEST_TENSOR_BYTES;
    assert_eq!(models.batch(), (most as usize).min(MAX_BATCH));
    // No budget allows for a second photo, so that one is what is measured.
    let measured = models.measure_batch(1).unwrap();
    assert_eq!((measured.batch, models.batch()), (1, 1));
    assert!(measured.photos_per_second > 0.0);
}
