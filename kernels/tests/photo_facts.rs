//! Facts of measured copies on the GPU and on the CPU equal those that `showroom-pixels` measures.

use showroom_catalog::{Format, Pixels};
use showroom_kernels::photo_facts::cases::{board, cases, grey, noise, painted};
use showroom_kernels::photo_facts::{Kernel, cpu};
use showroom_kernels::{Gpu, GpuError};
use showroom_pixels::composite_over_white;
use showroom_pixels::quality::{Measured, measure, measured_copy};

use crate::support::{OnGpu, Plain};

pub const PLAIN: &[Plain] = &[
    ("photo_facts::the_twin_says_what_is_measured", twin),
    (
        "photo_facts::the_twin_refuses_what_does_not_fit",
        twin_refuses,
    ),
];
pub const ON_GPU: &[OnGpu] = &[
    ("photo_facts::it_says_what_is_measured", single),
    ("photo_facts::a_batch_equals_its_singles", batch),
    ("photo_facts::what_is_worked_by_hand", by_hand),
    ("photo_facts::a_batch_of_many_parts", many_parts),
    ("photo_facts::no_pictures_no_facts", nothing),
    ("photo_facts::it_refuses_what_does_not_fit", refuses),
];

/// What the product's own way from pixels to facts says.
fn wanted(pixels: &Pixels) -> Measured {
    let facts = measure(pixels, (pixels.width, pixels.height), 1, Format::Png);
    Measured {
        sharpness: facts.sharpness,
        brightness: facts.brightness,
        clipped_dark: facts.clipped_dark,
        clipped_bright: facts.clipped_bright,
        border_white: facts.border_white,
        border_uniform: facts.border_uniform,
    }
}

fn copy(pixels: &Pixels) -> Pixels {
    let mut flat = pixels.clone();
    composite_over_white(&mut flat);
    measured_copy(&flat)
}

fn twin() {
    for case in cases() {
        let found = cpu::photo_facts(&[copy(&case.pixels)]).unwrap();
        assert_eq!(found, [wanted(&case.pixels)], "{}", case.name);
    }
}

fn single(gpu: &Gpu) {
    let kernel = Kernel::new(gpu).unwrap();
    for case in cases() {
        let found = kernel.photo_facts(&[copy(&case.pixels)]).unwrap();
        assert_eq!(found, [wanted(&case.pixels)], "{}", case.name);
    }
}

fn batch(gpu: &Gpu) {
    let kernel = Kernel::new(gpu).unwrap();
    let cases = cases();
    let copies: Vec<Pixels> = cases.iter().map(|case| copy(&case.pixels)).collect();
    let found = kernel.photo_facts(&copies).unwrap();
    assert_eq!(found.len(), cases.len());
    for (found, case) in found.iter().zip(&cases) {
        assert_eq!(*found, wanted(&case.pixels), "{}", case.name);
    }
}

fn by_hand(gpu: &Gpu) {
    // 50x50: the border is one pixel wide and has 196 pixels, 10 of which are red.
    let product = painted(50, 50, |x, y| match (x, y) {
        (10..20, 0) => [200, 0, 0, 255],
        (15..35, 15..35) => [0, 1, 2, 255],
        _ => [255, 254, 253, 255],
    });
    let white = painted(9, 7, |_, _| grey(255));
    let found = Kernel::new(gpu)
        .unwrap()
        .photo_facts(&[board(), product, white]);
    let [board, product, white] = found.unwrap().try_into().unwrap();
    assert_eq!(board.sharpness, 1600.0);
    assert_eq!(product.border_white, 186.0 / 196.0);
    assert_eq!(product.border_uniform, 186.0 / 196.0);
    assert_eq!(product.clipped_dark, 400.0 / 2500.0);
    assert_eq!(product.clipped_bright, 2090.0 / 2500.0);
    assert_eq!(
        (white.brightness, white.border_white, white.sharpness),
        (1.0, 1.0, 0.0)
    );
}

/// More pictures than a dispatch has workgroups, and more bytes than one part holds, with pictures of no
/// pixels among them.
fn many_parts(gpu: &Gpu) {
    let tiny = (0..66_000).map(|i| noise(1 + i % 3, i / 3 % 3, i));
    let large = noise(500, 500, 1);
    let copies: Vec<Pixels> = tiny.chain((0..68).map(|_| large.clone())).collect();
    let found = Kernel::new(gpu).unwrap().photo_facts(&copies).unwrap();
    let wanted = cpu::photo_facts(&copies).unwrap();
    assert_eq!(found.len(), wanted.len());
    let differs = found
        .iter()
        .zip(&wanted)
        .position(|(found, wanted)| found != wanted);
    assert_eq!(differs, None);
    assert!(wanted[66_067].sharpness > 1000.0);
}

fn nothing(gpu: &Gpu) {
    let kernel = Kernel::new(gpu).unwrap();
    assert_eq!(kernel.photo_facts(&[]), Ok(Vec::new()));
    let none = Pixels {
        width: 0,
        height: 0,
        rgba: Vec::new(),
    };
    let found = kernel.photo_facts(std::slice::from_ref(&none)).unwrap();
    assert_eq!(found, cpu::photo_facts(&[none]).unwrap());
}

fn refused(photo_facts: impl Fn(&[Pixels]) -> Result<Vec<Measured>, GpuError>) {
    let good = noise(8, 8, 1);
    let short = Pixels {
        width: 9,
        ..good.clone()
    };
    let large = noise(501, 1, 1);
    let vast = Pixels {
        width: u32::MAX,
        height: u32::MAX,
        rgba: Vec::new(),
    };
    for (bad, words) in [
        (short, "picture 1 of 9x8 pixels cannot have 256 bytes"),
        (
            large,
            "picture 1 has 501x1 pixels; its longer side must be at most 500",
        ),
        (vast, "picture 1 has 4294967295x4294967295 pixels"),
    ] {
        match photo_facts(&[good.clone(), bad]) {
            Err(GpuError::BadInput(said)) => assert!(said.starts_with(words), "{said}"),
            other => panic!("{words}: {other:?}"),
        }
    }
}

fn twin_refuses() {
    refused(cpu::photo_facts);
}

fn refuses(gpu: &Gpu) {
    let kernel = Kernel::new(gpu).unwrap();
    refused(|copies| kernel.photo_facts(copies));
}
