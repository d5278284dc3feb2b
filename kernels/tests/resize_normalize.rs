//! Fitting pictures on the GPU: as the twin, and the twin as `showroom_pixels::Fitter`.

use burn::tensor::{DType, Tensor};
use showroom_catalog::Pixels;
use showroom_kernels::resize_normalize::{
    Filter, How, Pictures, Scale, Target, View, cases, cpu, resize_normalize,
};
use showroom_kernels::{Gpu, GpuError};
use showroom_pixels::{Fitter, Rect};

use crate::support::{OnGpu, Plain};

pub const PLAIN: &[Plain] = &[
    ("resize_normalize::twin_by_hand", by_hand),
    (
        "resize_normalize::twin_gives_the_bytes_of_the_fitter",
        twin_as_fitter,
    ),
    (
        "resize_normalize::twin_refuses_what_does_not_fit",
        twin_refuses,
    ),
];
pub const ON_GPU: &[OnGpu] = &[
    ("resize_normalize::kernel_as_twin", kernel_as_twin),
    (
        "resize_normalize::kernel_on_photos_as_the_fitter",
        photos_as_fitter,
    ),
    ("resize_normalize::a_batch_is_its_singles", batch_as_singles),
    (
        "resize_normalize::split_buffers_give_the_same",
        split_buffers,
    ),
    (
        "resize_normalize::kernel_refuses_what_does_not_fit",
        kernel_refuses,
    ),
];

/// Least cosine of what the kernel and the CPU path give a network.
const SAME_PICTURE: f64 = 0.9999;

fn by_hand() {
    // The mean of 10 and 21 is 15.5, of 0 and 1 is 0.5: rounded up. Blue is laid over white first:
    // 60 at alpha 51 of 255 is 12 + 204, beside 16 at alpha 255.
    let pixels = Pixels {
        width: 2,
        height: 1,
        rgba: vec![10, 0, 16, 255, 21, 1, 16, 255],
    };
    let target = Target {
        scale: Scale::By(5.0),
        mean: [1.0, 2.0, 3.0],
        std: [0.5, 0.25, 2.0],
        ..cases::target(1, 1, Filter::Box, How::Stretch)
    };
    let view = cases::whole(0, 2, 1);
    let fitted = cpu::resize_normalize(&[&pixels], &[view], &target).unwrap();
    let by_hand = |byte: f32, mean: f32, std: f32| (byte / 5.0 - mean) / std;
    let wanted = [
        by_hand(16.0, 1.0, 0.5),
        by_hand(1.0, 2.0, 0.25),
        by_hand(16.0, 3.0, 2.0),
    ];
    assert_eq!(fitted, wanted);

    let clear = Pixels {
        rgba: vec![10, 0, 60, 51, 21, 1, 16, 255],
        ..pixels
    };
    let bgr = Target {
        bgr: true,
        ..target
    };
    let fitted = cpu::resize_normalize(&[&clear], &[view], &bgr).unwrap();
    // Red: 10 / 5 + 204 = 206, with 21 113.5; green 204 with 1; blue 216 with 16.
    let wanted = [
        by_hand(116.0, 1.0, 0.5),
        by_hand(103.0, 2.0, 0.25),
        by_hand(114.0, 3.0, 2.0),
    ];
    assert_eq!(fitted, wanted);

    let maximum = Target {
        scale: Scale::PictureMaximum,
        ..target
    };
    let fitted = cpu::resize_normalize(&[&pixels], &[view], &maximum).unwrap();
    assert_eq!(fitted, [0.0, (1.0 / 16.0 - 2.0) / 0.25, -1.0]);
}

/// What the CPU path makes of a view: of a square that reaches beyond the picture, white is made first.
fn fitter_rgb(fitter: &mut Fitter, pixels: &Pixels, view: &View, target: &Target) -> Vec<u8> {
    let inside = |at: i32, length: u32, side: u32| at >= 0 && at as u32 + length <= side;
    let View {
        x,
        y,
        width,
        height,
        ..
    } = *view;
    if inside(x, width, pixels.width) && inside(y, height, pixels.height) {
        let rect = Rect {
            x: x as u32,
            y: y as u32,
            width,
            height,
        };
        return fitter.rgb(pixels, rect, &target.fit).unwrap().0;
    }
    let mut canvas = Pixels {
        width,
        height,
        rgba: Vec::new(),
    };
    for row in y..y + height as i32 {
        for column in x..x + width as i32 {
            let lies_in = (0..pixels.width as i32).contains(&column)
                && (0..pixels.height as i32).contains(&row);
            let at = (row * pixels.width as i32 + column) * 4;
            let pixel = if lies_in {
                &pixels.rgba[at as usize..][..4]
            } else {
                &[255; 4]
            };
            canvas.rgba.extend(pixel);
        }
    }
    fitter
        .rgb(&canvas, Rect::whole(&canvas), &target.fit)
        .unwrap()
        .0
}

/// The fitted bytes themselves, in the order red, green, blue.
fn bytes_of(target: &Target) -> Target {
    Target {
        scale: Scale::By(1.0),
        mean: [0.0; 3],
        std: [1.0; 3],
        bgr: false,
        dtype: DType::F32,
        ..*target
    }
}

fn twin_as_fitter() {
    let mut fitter = Fitter::new();
    for case in cases::cases() {
        let pictures: Vec<&Pixels> = case.pictures.iter().collect();
        let target = bytes_of(&case.target);
        let plane = (target.fit.width * target.fit.height) as usize;
        let fitted = cpu::resize_normalize(&pictures, &case.views, &target).unwrap();
        assert_eq!(fitted.len(), case.views.len() * 3 * plane, "{}", case.name);
        for (view, fitted) in case.views.iter().zip(fitted.chunks_exact(3 * plane)) {
            let pixels = pictures[view.picture as usize];
            let rgb = fitter_rgb(&mut fitter, pixels, view, &target);
            let wanted: Vec<f32> = (0..3 * plane)
                .map(|i| rgb[i % plane * 3 + i / plane].into())
                .collect();
            let apart = fitted.iter().zip(&wanted).filter(|(a, b)| a != b).count();
            assert_eq!(
                apart,
                0,
                "{}, {view:?}: bytes of {}",
                case.name,
                fitted.len()
            );
        }
    }
}

fn on_gpu(gpu: &Gpu, pictures: &Pictures, views: &[View], target: &Target) -> Vec<f32> {
    let tensor = resize_normalize(gpu, pictures, views, target).unwrap();
    let wanted = [
        views.len(),
        3,
        target.fit.height as usize,
        target.fit.width as usize,
    ];
    assert_eq!((tensor.dims(), tensor.dtype()), (wanted, target.dtype));
    values(gpu, tensor)
}

fn values(gpu: &Gpu, tensor: Tensor<4>) -> Vec<f32> {
    let values = tensor
        .into_data()
        .convert::<f32>()
        .try_to_vec::<f32>()
        .unwrap();
    gpu.check().unwrap();
    values
}

fn kernel_as_twin(gpu: &Gpu) {
    for case in cases::cases() {
        if case.target.dtype == DType::F16 && !gpu.adapter.f16 {
            continue;
        }
        let pictures: Vec<&Pixels> = case.pictures.iter().collect();
        let wanted = cpu::resize_normalize(&pictures, &case.views, &case.target).unwrap();
        assert!(wanted.iter().any(|value| *value != 0.0), "{}", case.name);
        let uploaded = Pictures::upload(gpu, &pictures).unwrap();
        let found = on_gpu(gpu, &uploaded, &case.views, &case.target);
        assert_eq!(found.len(), wanted.len(), "{}", case.name);
        for (i, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
            let tolerance = case.tolerance() * wanted.abs().max(1.0);
            let near = (found - wanted).abs() <= tolerance;
            assert!(
                near,
                "{}: number {i} is {found} and must be {wanted}",
                case.name
            );
        }
    }
}

/// One of the photos that models are checked on, as large as asked.
fn photo(name: &str, width: u32, height: u32) -> Pixels {
    let path = format!(
        "{}/../models/pictures/{name}.ppm",
        env!("CARGO_MANIFEST_DIR")
    );
    let file = std::fs::read(path).unwrap();
    let header = b"P6\n80 80\n255\n";
    let rgb = file.strip_prefix(header).unwrap();
    let rgba = rgb.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]);
    let small = Pixels {
        width: 80,
        height: 80,
        rgba: rgba.collect(),
    };
    let fit = cases::target(width, height, Filter::Bicubic, How::Stretch).fit;
    let (rgb, _) = Fitter::new()
        .rgb(&small, Rect::whole(&small), &fit)
        .unwrap();
    let rgba = rgb.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]);
    Pixels {
        width,
        height,
        rgba: rgba.collect(),
    }
}

fn photos_as_fitter(gpu: &Gpu) {
    let photos = [
        photo("coffee", 375, 500),
        photo("cat", 431, 307),
        cases::product(300, 300),
    ];
    let pictures: Vec<&Pixels> = photos.iter().collect();
    let uploaded = Pictures::upload(gpu, &pictures).unwrap();
    let views = [
        cases::whole(0, 375, 500),
        View {
            picture: 0,
            x: -63,
            y: 0,
            width: 500,
            height: 500,
        },
        View {
            picture: 1,
            x: 90,
            y: 30,
            width: 260,
            height: 260,
        },
        cases::whole(2, 300, 300),
    ];
    // As the embedding's input, smaller.
    let target = cases::target(96, 96, Filter::Bicubic, How::Stretch);
    let found = on_gpu(gpu, &uploaded, &views, &target);
    let mut fitter = Fitter::new();
    for (view, found) in views.iter().zip(found.chunks_exact(3 * 96 * 96)) {
        let rgb = fitter_rgb(&mut fitter, pictures[view.picture as usize], view, &target);
        let wanted = (0..found.len()).map(|i| {
            let byte = rgb[i % (96 * 96) * 3 + i / (96 * 96)];
            (f64::from(byte) - 127.0) / 128.0
        });
        let found = found.iter().copied().map(f64::from);
        let (mut dot, mut a, mut b) = (0.0, 0.0, 0.0);
        for (found, wanted) in found.zip(wanted) {
            dot += found * wanted;
            a += found * found;
            b += wanted * wanted;
        }
        assert!(
            a > 1.0 && dot / (a * b).sqrt() >= SAME_PICTURE,
            "{view:?}: {dot} {a} {b}"
        );
    }
}

fn batch_as_singles(gpu: &Gpu) {
    let mixed = cases::cases()
        .into_iter()
        .find(|case| case.name == "letterbox")
        .unwrap();
    let pictures: Vec<&Pixels> = mixed.pictures.iter().collect();
    let uploaded = Pictures::upload(gpu, &pictures).unwrap();
    let batch = on_gpu(gpu, &uploaded, &mixed.views, &mixed.target);
    let one = batch.len() / mixed.views.len();
    for (view, batch) in mixed.views.iter().zip(batch.chunks_exact(one)) {
        let alone = Pictures::upload(gpu, &[pictures[view.picture as usize]]).unwrap();
        let single = on_gpu(
            gpu,
            &alone,
            &[View {
                picture: 0,
                ..*view
            }],
            &mixed.target,
        );
        assert_eq!(single, batch, "{view:?}");
    }
}

fn split_buffers(gpu: &Gpu) {
    let pictures = [7, 30, 12, 9, 21].map(|side| cases::noise(side, side, side));
    let pictures: Vec<&Pixels> = pictures.iter().collect();
    // Out of order and repeated, so that neighbours in the batch lie in different buffers.
    let views = [4, 0, 1, 0, 3, 2].map(|i| {
        let Pixels { width, height, .. } = *pictures[i as usize];
        View {
            x: -1,
            ..cases::whole(i, width, height)
        }
    });
    let target = cases::target(10, 11, Filter::Lanczos3, How::Stretch);
    let together = Pictures::upload(gpu, &pictures).unwrap();
    let split = Pictures::upload_split(gpu, &pictures, 30 * 30 * 4).unwrap();
    assert_eq!((together.buffers(), split.buffers()), (1, 3));
    assert_eq!((together.len(), split.len()), (5, 5));
    let wanted = on_gpu(gpu, &together, &views, &target);
    assert_eq!(on_gpu(gpu, &split, &views, &target), wanted);
    assert_eq!(
        cpu::resize_normalize(&pictures, &views, &target).unwrap(),
        wanted
    );
    let refused = Pictures::upload_split(gpu, &pictures, 30 * 30 * 4 - 1);
    assert!(matches!(refused, Err(GpuError::OutOfMemory(_))));
}

/// Views and targets that nothing can be made of, of one picture of 4 × 4 pixels, and a word of the reason.
fn refusals() -> Vec<(Vec<View>, Target, &'static str)> {
    let view = cases::whole(0, 4, 4);
    let target = |width, height| cases::target(width, height, Filter::Box, How::Stretch);
    vec![
        (vec![], target(8, 8), "views"),
        (vec![view], target(0, 8), "target"),
        (vec![view], target(8, 0), "target"),
        (vec![view], target(8, u32::MAX), "target"),
        (
            vec![view, View { picture: 1, ..view }],
            target(8, 8),
            "no picture 1",
        ),
        (vec![View { width: 0, ..view }], target(8, 8), "empty"),
        (vec![View { height: 0, ..view }], target(8, 8), "empty"),
        (
            vec![View {
                width: u32::MAX,
                ..view
            }],
            target(8, 8),
            "too large",
        ),
        (
            vec![View {
                x: i32::MIN,
                ..view
            }],
            target(8, 8),
            "too large",
        ),
    ]
}

fn uneven() -> Pixels {
    Pixels {
        width: 3,
        height: 2,
        rgba: vec![255; 23],
    }
}

fn twin_refuses() {
    let pixels = cases::noise(4, 4, 1);
    for (views, target, reason) in refusals() {
        let error = cpu::resize_normalize(&[&pixels], &views, &target).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
    let view = [cases::whole(0, 3, 2)];
    let target = cases::target(8, 8, Filter::Box, How::Stretch);
    let error = cpu::resize_normalize(&[&uneven()], &view, &target).unwrap_err();
    assert!(
        error.to_string().contains("does not hold 23 bytes"),
        "{error}"
    );
}

fn kernel_refuses(gpu: &Gpu) {
    let pixels = cases::noise(4, 4, 1);
    let pictures = Pictures::upload(gpu, &[&pixels]).unwrap();
    for (views, target, reason) in refusals() {
        let error = resize_normalize(gpu, &pictures, &views, &target).unwrap_err();
        assert!(matches!(error, GpuError::BadInput(_)), "{error:?}");
        assert!(error.to_string().contains(reason), "{error}");
    }
    let refused = Pictures::upload(gpu, &[&uneven()]).err().unwrap();
    assert!(
        matches!(&refused, GpuError::BadInput(reason) if reason.contains("23 bytes")),
        "{refused}"
    );
    let target = Target {
        dtype: DType::I32,
        ..cases::target(8, 8, Filter::Box, How::Stretch)
    };
    let refused = resize_normalize(gpu, &pictures, &[cases::whole(0, 4, 4)], &target)
        .err()
        .unwrap();
    assert!(matches!(refused, GpuError::BadInput(_)), "{refused}");
    let none = Pictures::upload(gpu, &[]).unwrap();
    assert!(none.is_empty() && none.buffers() == 0);
}
