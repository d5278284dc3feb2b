//! The colours of a product on the GPU and on the CPU equal those that `showroom-pixels` measures.

use std::sync::OnceLock;

use showroom_catalog::Pixels;
use showroom_kernels::masked_lab_histogram::cases::{Case, cases, ellipse};
use showroom_kernels::masked_lab_histogram::{Kernel, ProductColours, cpu};
use showroom_kernels::photo_facts::cases::{noise, painted};
use showroom_kernels::{Gpu, GpuError};
use showroom_pixels::product::Sample;
use showroom_pixels::{colour_histogram, named_colours, product};

use crate::support::{OnGpu, Plain};

pub const PLAIN: &[Plain] = &[
    ("masked_lab_histogram::the_twin_says_what_is_measured", twin),
    (
        "masked_lab_histogram::the_twin_refuses_what_does_not_fit",
        twin_refuses,
    ),
];
pub const ON_GPU: &[OnGpu] = &[
    ("masked_lab_histogram::it_says_what_is_measured", single),
    ("masked_lab_histogram::a_batch_equals_its_singles", batch),
    ("masked_lab_histogram::what_is_worked_by_hand", by_hand),
    ("masked_lab_histogram::a_batch_of_many_parts", many_parts),
    ("masked_lab_histogram::no_pictures_no_colours", nothing),
    (
        "masked_lab_histogram::it_refuses_what_does_not_fit",
        refuses,
    ),
];

/// One for all tests: its table takes a while to make.
fn kernel(gpu: &Gpu) -> &'static Kernel {
    static KERNEL: OnceLock<Kernel> = OnceLock::new();
    KERNEL.get_or_init(|| Kernel::new(gpu).unwrap())
}

/// What the product's own way from a photo and its mask to colours says.
fn wanted(case: &Case) -> ProductColours {
    let product = product(&case.pixels, case.mask.as_ref());
    ProductColours {
        colours: named_colours(&product.rgb),
        histogram: colour_histogram(&product.rgb),
        share: product.share,
    }
}

fn sample(case: &Case) -> Sample {
    Sample::of(&case.pixels, case.mask.as_ref())
}

fn twin() {
    for case in cases() {
        let found = cpu::masked_lab_histogram(&[sample(&case)]).unwrap();
        assert_eq!(found, [wanted(&case)], "{}", case.name);
    }
}

fn single(gpu: &Gpu) {
    for case in cases() {
        let found = kernel(gpu).masked_lab_histogram(&[sample(&case)]).unwrap();
        assert_eq!(found, [wanted(&case)], "{}", case.name);
    }
}

fn batch(gpu: &Gpu) {
    let cases = cases();
    let samples: Vec<Sample> = cases.iter().map(sample).collect();
    let found = kernel(gpu).masked_lab_histogram(&samples).unwrap();
    assert_eq!(found.len(), cases.len());
    for (found, case) in found.iter().zip(&cases) {
        assert_eq!(*found, wanted(case), "{}", case.name);
    }
}

/// A square of 10x10 pixels on white, red with a beige rim: without its rim, 64 red pixels.
fn by_hand(gpu: &Gpu) {
    let pixels = painted(20, 20, |x, y| match (x, y) {
        (6..14, 6..14) => [255, 0, 0, 255],
        (5..15, 5..15) => [205, 190, 170, 255],
        _ => [255, 255, 255, 255],
    });
    let covered = |x: usize, y: usize| (5..15).contains(&x) && (5..15).contains(&y);
    let mask = (0..400)
        .map(|at| u8::from(covered(at % 20, at / 20)) * 255)
        .collect();
    let masked = Sample {
        pixels: pixels.clone(),
        mask: Some(mask),
    };
    let bare = Sample { pixels, mask: None };
    let found = kernel(gpu).masked_lab_histogram(&[masked, bare]).unwrap();
    let told = |colours: &ProductColours| -> Vec<(String, String, f32)> {
        let colours = colours.colours.iter().cloned();
        colours
            .map(|colour| (colour.name, colour.hex, colour.share))
            .collect()
    };
    let colour = |name: &str, hex: &str, share| (name.to_string(), hex.to_string(), share);
    assert_eq!(told(&found[0]), [colour("red", "#ff0000", 1.0)]);
    assert_eq!(found[0].share, 0.25);
    assert_eq!(
        found[0]
            .histogram
            .iter()
            .filter(|&&share| share != 0.0)
            .collect::<Vec<_>>(),
        [&1.0]
    );
    let all = [
        colour("white", "#ffffff", 0.75),
        colour("red", "#ff0000", 0.16),
        colour("beige", "#cdbeaa", 0.09),
    ];
    assert_eq!(told(&found[1]), all);
    assert_eq!(found[1].share, 0.0);
}

/// More pictures than one part holds, pictures of no pixels among them.
fn many_parts(gpu: &Gpu) {
    let pictures = (0..15_000).map(|i| noise(1 + i % 4, i / 4 % 4, i));
    let samples = pictures.map(|pixels| {
        let mask = ellipse(pixels.width, pixels.height).values;
        Sample {
            mask: (pixels.width % 2 == 0).then_some(mask),
            pixels,
        }
    });
    let samples: Vec<Sample> = samples.collect();
    let found = kernel(gpu).masked_lab_histogram(&samples).unwrap();
    let wanted = cpu::masked_lab_histogram(&samples).unwrap();
    assert_eq!(found.len(), wanted.len());
    let differs = found
        .iter()
        .zip(&wanted)
        .position(|(found, wanted)| found != wanted);
    assert_eq!(differs, None);
    assert!(wanted[14_999].share > 0.0 && !wanted[14_999].colours.is_empty());
}

fn nothing(gpu: &Gpu) {
    assert_eq!(kernel(gpu).masked_lab_histogram(&[]), Ok(Vec::new()));
    let pixels = Pixels {
        width: 0,
        height: 0,
        rgba: Vec::new(),
    };
    let none = Sample {
        pixels,
        mask: Some(Vec::new()),
    };
    let found = kernel(gpu)
        .masked_lab_histogram(std::slice::from_ref(&none))
        .unwrap();
    assert_eq!(found, cpu::masked_lab_histogram(&[none]).unwrap());
}

fn refused(histogram: impl Fn(&[Sample]) -> Result<Vec<ProductColours>, GpuError>) {
    let good = Sample {
        pixels: noise(8, 8, 1),
        mask: None,
    };
    let mut short = good.clone();
    short.pixels.rgba.pop();
    let large = Sample {
        pixels: noise(1, 257, 1),
        mask: None,
    };
    let half = Sample {
        mask: Some(vec![255; 32]),
        ..good.clone()
    };
    for (bad, words) in [
        (short, "picture 1 of 8x8 pixels cannot have 255 bytes"),
        (
            large,
            "picture 1 has 1x257 pixels; its longer side must be at most 256",
        ),
        (
            half,
            "picture 1 of 8x8 pixels cannot have a mask of 32 values",
        ),
    ] {
        match histogram(&[good.clone(), bad]) {
            Err(GpuError::BadInput(said)) => assert_eq!(said, words),
            other => panic!("{words}: {other:?}"),
        }
    }
}

fn twin_refuses() {
    refused(cpu::masked_lab_histogram);
}

fn refuses(gpu: &Gpu) {
    refused(|samples| kernel(gpu).masked_lab_histogram(samples));
}
