//! Every model gives on the GPU what it gives on the CPU.

use showroom_catalog::embedding::dot;
use showroom_catalog::seams::TextEncoder;
use showroom_kernels::Gpu;
use showroom_vision::engines::device::Precision;
use showroom_vision::engines::{Engine, EngineWish, Input, Output};
use showroom_vision::input::PictureInput;
use showroom_vision::models;
use showroom_vision::sentence::SentenceEncoder;
use showroom_vision::weights::library::Library;

use crate::common::{engine, library, picture};
use crate::support::OnGpu;

pub const ON_GPU: &[OnGpu] = &[
    ("models::efficientnet_lite0_f32", |gpu| {
        pictures_agree(gpu, "efficientnet-lite0", Precision::F32)
    }),
    ("models::efficientnet_lite0_f16", |gpu| {
        pictures_agree(gpu, "efficientnet-lite0", Precision::F16)
    }),
    ("models::efficientnet_lite2_f32", |gpu| {
        pictures_agree(gpu, "efficientnet-lite2", Precision::F32)
    }),
    ("models::efficientnet_lite2_f16", |gpu| {
        pictures_agree(gpu, "efficientnet-lite2", Precision::F16)
    }),
    ("models::u2netp_f32", |gpu| {
        pictures_agree(gpu, "u2netp", Precision::F32)
    }),
    ("models::u2netp_f16", |gpu| {
        pictures_agree(gpu, "u2netp", Precision::F16)
    }),
    ("models::minilm_f32", |gpu| {
        sentences_agree(gpu, Precision::F32)
    }),
    ("models::minilm_f16", |gpu| {
        sentences_agree(gpu, Precision::F16)
    }),
];

/// Least cosine between GPU and CPU, as the owner asks: sums in another order stay far above it in f32,
/// and f16 keeps eleven bits of each number.
fn least_cosine(precision: Precision) -> f32 {
    match precision {
        Precision::F32 => 0.999,
        Precision::F16 => 0.995,
    }
}

fn assert_alike(found: &[f32], wanted: &[f32], precision: Precision, what: &str) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    let lengths = (dot(found, found), dot(wanted, wanted));
    assert!(lengths.0 > 0.0 && lengths.1 > 0.0, "{what}: all zero");
    let cosine = dot(found, wanted) / (lengths.0 * lengths.1).sqrt();
    println!("{what}: cosine {cosine}");
    assert!(cosine > least_cosine(precision), "{what}: cosine {cosine}");
}

/// Whether the adapter computes in it; f32 every one does.
fn has(gpu: &Gpu, precision: Precision) -> bool {
    precision == Precision::F32 || gpu.adapter.f16
}

fn run(library: &Library, engine: &Engine, model: &str, pictures: &[Vec<u8>]) -> Vec<Output> {
    let input = PictureInput::new(&library.model(model).unwrap().manifest).unwrap();
    let mut tensor = Vec::new();
    pictures.iter().for_each(|rgb| input.push(rgb, &mut tensor));
    let prepared = engine
        .prepare(&*models::load(library, model).unwrap())
        .unwrap();
    let mut network = prepared.open(2).unwrap();
    network
        .run(&[Input::F32(&input.shape(pictures.len()), &tensor)])
        .unwrap()
}

fn pictures_agree(gpu: &Gpu, model: &str, precision: Precision) {
    if !has(gpu, precision) {
        return;
    }
    let library = library();
    let size = PictureInput::new(&library.model(model).unwrap().manifest)
        .unwrap()
        .size()[0];
    let pictures = ["coffee", "disc"].map(|name| picture(name, size));
    let on_gpu = run(
        &library,
        &Engine::Gpu(gpu.clone(), precision),
        model,
        &pictures,
    );
    let cpu = engine(&library, EngineWish::OnnxRuntime);
    for (i, rgb) in pictures.iter().enumerate() {
        let on_cpu = run(&library, &cpu, model, std::slice::from_ref(rgb));
        for (output, (found, wanted)) in on_gpu.iter().zip(&on_cpu).enumerate() {
            let row = &found.data[i * wanted.data.len()..][..wanted.data.len()];
            let what = format!("{model}, {precision}, picture {i}, output {output}");
            assert_alike(row, &wanted.data, precision, &what);
        }
    }
}

fn sentences_agree(gpu: &Gpu, precision: Precision) {
    if !has(gpu, precision) {
        return;
    }
    const MODEL: &str = "all-minilm-l6-v2";
    let library = library();
    let texts = [
        "red running shoes",
        "a wooden chair with a cushion, for the garden",
    ];
    let open = |engine: &Engine| SentenceEncoder::open(&library, MODEL, engine, 2).unwrap();
    let found = open(&Engine::Gpu(gpu.clone(), precision))
        .encode(&texts)
        .unwrap();
    let wanted = open(&engine(&library, EngineWish::OnnxRuntime))
        .encode(&texts)
        .unwrap();
    for ((found, wanted), text) in found.iter().zip(&wanted).zip(texts) {
        assert_alike(
            found,
            wanted,
            precision,
            &format!("{MODEL}, {precision}, {text}"),
        );
    }
}
