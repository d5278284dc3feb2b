//! CLIP and SigLIP2 on the GPU against transformers and against the CPU.

use showroom_catalog::embedding::dot;
use showroom_catalog::seams::Encoder;
use showroom_kernels::Gpu;
use showroom_vision::encoder::{ProductModels, self_check};
use showroom_vision::engines::device::Precision;
use showroom_vision::engines::{Engine, EngineWish};
use showroom_vision::shared_space::SharedWords;

use crate::common::{engine, library, photo, picture};
use crate::pair_fixtures::{PAIRS, added, embed, expected};
use crate::support::OnGpu;

pub const ON_GPU: &[OnGpu] = &[
    ("pairs::towers_equal_transformers_in_f32", |gpu| {
        towers_agree(gpu, Precision::F32)
    }),
    ("pairs::towers_equal_transformers_in_f16", |gpu| {
        towers_agree(gpu, Precision::F16)
    }),
    ("pairs::photos_have_the_place_of_the_cpu", photos_agree),
];

/// Least cosine, as for the other models: sums in another order, and the eleven bits of f16.
fn least_cosine(precision: Precision) -> f32 {
    match precision {
        Precision::F32 => 0.9999,
        Precision::F16 => 0.995,
    }
}

fn assert_alike(found: &[f32], wanted: &[f32], least: f32, what: &str) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    let lengths = (dot(found, found), dot(wanted, wanted));
    assert!(lengths.0 > 0.0 && lengths.1 > 0.0, "{what}: all zero");
    let cosine = dot(found, wanted) / (lengths.0 * lengths.1).sqrt();
    assert!(cosine > least, "{what}: cosine {cosine}");
}

fn towers_agree(gpu: &Gpu, precision: Precision) {
    if precision == Precision::F16 && !gpu.adapter.f16 {
        return;
    }
    let (_folder, pairs) = added();
    let on_gpu = Engine::Gpu(gpu.clone(), precision);
    for name in PAIRS {
        let expected = expected(name);
        let names: Vec<&str> = expected
            .pictures
            .iter()
            .map(|case| &*case.picture)
            .collect();
        let found = embed(&pairs, &on_gpu, name, &names);
        for (case, found) in expected.pictures.iter().zip(&found) {
            let what = format!("{name}, {precision}, {}", case.picture);
            assert_alike(found, &case.embedding, least_cosine(precision), &what);
        }
        let words = SharedWords::open(&pairs, name, &on_gpu, 1).unwrap();
        let texts: Vec<&str> = expected.texts.iter().map(|case| &*case.text).collect();
        for (case, found) in expected.texts.iter().zip(words.raw(&texts).unwrap()) {
            let what = format!("{name}, {precision}, {:?}", case.text);
            assert_alike(&found, &case.embedding, least_cosine(precision), &what);
        }
        // What a GPU says of itself is what a CPU says.
        let cpu = engine(&library(), EngineWish::Burn);
        let [a, b] = [&on_gpu, &cpu].map(|engine| self_check(&pairs, name, engine).unwrap());
        let tolerance = match precision {
            Precision::F32 => b.tolerance,
            Precision::F16 => b.tolerance_f16.unwrap(),
        };
        for ((_, found), (_, wanted)) in a.expected.iter().zip(&b.expected) {
            assert!(
                (found - wanted).abs() <= tolerance,
                "{name}: {a:?} and not {b:?}"
            );
        }
    }
}

fn photos_agree(gpu: &Gpu) {
    let (_folder, pairs) = added();
    let rgba = |name: &str| {
        let rgb = picture(name, 320);
        let (rgb, _) = rgb.as_chunks::<3>();
        rgb.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect()
    };
    let photos = ["disc", "coffee"].map(|name| photo(320, 320, rgba(name)));
    let encode = |engine: &Engine| {
        let models = ProductModels::load(&pairs, "efficientnet-lite2", "u2netp", engine).unwrap();
        let models = models.with_shared_space(&pairs, "siglip2-tiny").unwrap();
        assert!(models.id().starts_with("siglip2-tiny@"), "{}", models.id());
        assert_eq!(
            (models.dimensions().shape, models.dimensions().text),
            (48, 48)
        );
        let answers = models.worker(2).unwrap().encode(&photos).unwrap();
        answers.into_iter().map(Result::unwrap).collect::<Vec<_>>()
    };
    let found = encode(&Engine::Gpu(gpu.clone(), Precision::F32));
    let wanted = encode(&engine(&library(), EngineWish::OnnxRuntime));
    for (i, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
        assert_eq!(found.shape.len(), 48);
        assert_alike(
            &found.shape,
            &wanted.shape,
            0.999,
            &format!("shape of photo {i}"),
        );
        assert_alike(
            &found.classes,
            &wanted.classes,
            0.999,
            &format!("classes of photo {i}"),
        );
    }
}
