//! Each kernel on what a shop's photos give it: milliseconds, the bytes that it must move, and the case.

use burn::tensor::{DType, Distribution, Tensor};
use showroom_catalog::Pixels;
use showroom_kernels::resize_normalize::{
    Filter, Fit, How, Pictures, Scale, Target, View, resize_normalize,
};
use showroom_kernels::{Gpu, conse, masked_lab_histogram, photo_facts};
use showroom_pixels::product::Sample;
use showroom_pixels::quality::measured_copy;

use crate::{Outcome, median_seconds};

/// Photos of one call, of the size that `ingest` decodes shop photos to.
const PHOTOS: usize = 64;
const WIDTH: u32 = 750;
const HEIGHT: u32 = 1000;
/// Edge of what the default encoder takes.
const EDGE: u32 = 260;
/// Classes of ImageNet, and the length of a sentence's vector.
const CLASSES: usize = 1000;
const LENGTH: usize = 384;

/// `ms bytes case`.
pub fn run(gpu: &Gpu, name: &str, runs: usize) -> Outcome<String> {
    let (ms, bytes, case) = match name {
        "resize_normalize" => resize(gpu, runs)?,
        "masked_lab_histogram" => histogram(gpu, runs)?,
        "photo_facts" => facts(gpu, runs)?,
        "conse" => labels(gpu, runs)?,
        _ => return Err(format!("{name} is no kernel").into()),
    };
    Ok(format!("{} {bytes} {case}", ms * 1e3))
}

type Row = (f64, usize, String);

/// A photo of whatever colours.
fn photo() -> Pixels {
    let hash = |i: u32| i.wrapping_mul(2_654_435_761) >> 24;
    let rgba = (0..WIDTH * HEIGHT)
        .flat_map(|i| [hash(i) as u8, hash(i ^ 77) as u8, hash(i / 9) as u8, 255]);
    Pixels {
        width: WIDTH,
        height: HEIGHT,
        rgba: rgba.collect(),
    }
}

fn resize(gpu: &Gpu, runs: usize) -> Outcome<Row> {
    let photo = photo();
    let pictures = Pictures::upload(gpu, &vec![&photo; PHOTOS])?;
    let views = (0..PHOTOS as u32).map(|picture| View {
        picture,
        x: 0,
        y: 0,
        width: WIDTH,
        height: HEIGHT,
    });
    let views: Vec<View> = views.collect();
    let target = Target {
        fit: Fit {
            width: EDGE,
            height: EDGE,
            how: How::Stretch,
            filter: Filter::Bicubic,
        },
        scale: Scale::By(1.0),
        mean: [127.0; 3],
        std: [128.0; 3],
        bgr: false,
        dtype: DType::F32,
    };
    let seconds = median_seconds(gpu, runs, || {
        resize_normalize(gpu, &pictures, &views, &target).map(drop)
    })?;
    let bytes = PHOTOS * (photo.rgba.len() + (EDGE * EDGE) as usize * 3 * 4);
    Ok((
        seconds,
        bytes,
        format!("{PHOTOS} of {WIDTH}x{HEIGHT} to {EDGE}²"),
    ))
}

fn histogram(gpu: &Gpu, runs: usize) -> Outcome<Row> {
    let mut sample = Sample::of(&photo(), None);
    sample.mask = Some(vec![255; sample.pixels.rgba.len() / 4]);
    let (samples, kernel) = (
        vec![sample; PHOTOS],
        masked_lab_histogram::Kernel::new(gpu)?,
    );
    let seconds = median_seconds(gpu, runs, || {
        kernel.masked_lab_histogram(&samples).map(drop)
    })?;
    let bytes = samples
        .iter()
        .map(|sample| sample.pixels.rgba.len() * 5 / 4)
        .sum();
    Ok((
        seconds,
        bytes,
        format!("{PHOTOS} samples, uploaded and read back"),
    ))
}

fn facts(gpu: &Gpu, runs: usize) -> Outcome<Row> {
    let copies = vec![measured_copy(&photo()); PHOTOS];
    let kernel = photo_facts::Kernel::new(gpu)?;
    let seconds = median_seconds(gpu, runs, || kernel.photo_facts(&copies).map(drop))?;
    let bytes = copies.iter().map(|copy| copy.rgba.len()).sum();
    Ok((
        seconds,
        bytes,
        format!("{PHOTOS} copies, uploaded and read back"),
    ))
}

fn labels(gpu: &Gpu, runs: usize) -> Outcome<Row> {
    let uniform = Distribution::Uniform(-1.0, 1.0);
    let scores = Tensor::<2>::random([PHOTOS, CLASSES], uniform, &gpu.burn);
    let labels = Tensor::<2>::random([CLASSES, LENGTH], uniform, &gpu.burn);
    let options = conse::Options {
        scores: conse::Scores::Logits { temperature: 1.0 },
        keep: 10,
        unit: true,
    };
    let seconds = median_seconds(gpu, runs, || {
        conse::conse(gpu, scores.clone(), labels.clone(), &options).map(drop)
    })?;
    let bytes = 4 * (PHOTOS * CLASSES + CLASSES * LENGTH + PHOTOS * LENGTH);
    Ok((
        seconds,
        bytes,
        format!("{PHOTOS} × {CLASSES} scores, vectors of {LENGTH}, 10 kept"),
    ))
}
