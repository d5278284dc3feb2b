//! Label embeddings weighted by class scores on the GPU: as the twin, and the twin by hand.

use burn::tensor::{DType, Device, Tensor, TensorData};
use half::f16;
use showroom_kernels::conse::{Options, Scores, cases, conse, cpu};
use showroom_kernels::{Gpu, GpuError};

use crate::support::{OnGpu, Plain};

pub const PLAIN: &[Plain] = &[
    ("conse::twin_by_hand", by_hand),
    ("conse::twin_keeps_the_first_of_equals", keeps_first),
    ("conse::twin_refuses_what_does_not_fit", twin_refuses),
];
pub const ON_GPU: &[OnGpu] = &[
    ("conse::kernel_as_twin", kernel_as_twin),
    ("conse::kernel_takes_f16", takes_f16),
    ("conse::kernel_takes_views_of_tensors", takes_views),
    ("conse::kernel_refuses_what_does_not_fit", kernel_refuses),
];

fn logits(keep: usize) -> Options {
    Options {
        scores: Scores::Logits { temperature: 1.0 },
        keep,
        unit: true,
    }
}

fn assert_near(found: &[f32], wanted: &[f32], name: &str) {
    assert_eq!(found.len(), wanted.len(), "{name}");
    for (i, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        let near = (found - wanted).abs() <= cases::TOLERANCE;
        assert!(near, "{name}: number {i} is {found} and must be {wanted}");
    }
}

/// Two classes with probabilities ¾ and ¼, labels along two axes (the second twice as long).
fn by_hand() {
    let (scores, labels) = ([3.0_f32.ln(), 0.0], [1.0, 0.0, 0.0, 2.0]);
    let check = |scores: &[f32], options: Options, wanted: [f32; 2]| {
        let found = cpu::conse(scores, &labels, 2, &options).unwrap();
        assert_near(&found, &wanted, &format!("{options:?}"));
    };
    let mean = Options {
        unit: false,
        ..logits(2)
    };
    let shares = Options {
        scores: Scores::Probabilities,
        ..mean
    };
    check(&scores, mean, [0.75, 0.5]);
    check(
        &scores,
        Options { unit: true, ..mean },
        [3.0 / 13.0_f32.sqrt(), 2.0 / 13.0_f32.sqrt()],
    );
    check(&scores, Options { keep: 1, ..mean }, [1.0, 0.0]);
    // At half the temperature the odds of 3 are 9.
    let cold = Options {
        scores: Scores::Logits { temperature: 0.5 },
        ..mean
    };
    check(&scores, cold, [0.9, 0.2]);
    check(&[0.6, 0.2], shares, [0.75, 0.5]);
    check(
        &[0.0, 0.0],
        Options {
            unit: true,
            ..shares
        },
        [0.0, 0.0],
    );
}

fn keeps_first() {
    let labels = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    let options = Options {
        unit: false,
        ..logits(2)
    };
    let found = cpu::conse(&[1.0, 1.0, 1.0], &labels, 3, &options).unwrap();
    assert_eq!(found, [0.5, 0.5, 0.0]);
    let found = cpu::conse(&[0.0, 5.0, 5.0], &labels, 3, &options).unwrap();
    assert_eq!(found, [0.0, 0.5, 0.5]);
}

fn tensor(values: &[f32], shape: [usize; 2], device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
}

fn values(gpu: &Gpu, tensor: Tensor<2>) -> Vec<f32> {
    let values = tensor.into_data().try_to_vec::<f32>().unwrap();
    gpu.check().unwrap();
    values
}

fn kernel_as_twin(gpu: &Gpu) {
    for case in cases::cases() {
        let name = format!(
            "{}, {} of {} classes",
            case.name, case.options.keep, case.classes
        );
        let wanted = cpu::conse(&case.scores, &case.labels, case.classes, &case.options).unwrap();
        assert!(
            case.name == "no share" || wanted.iter().any(|value| *value != 0.0),
            "{name}"
        );
        let scores = tensor(&case.scores, [case.rows, case.classes], &gpu.burn);
        let labels = tensor(&case.labels, [case.classes, case.width], &gpu.burn);
        let found = conse(gpu, scores, labels, &case.options).unwrap();
        assert_eq!(
            (found.dims(), found.dtype()),
            ([case.rows, case.width], DType::F32)
        );
        let found = values(gpu, found);
        assert_near(&found, &wanted, &name);
        // Where labels are one class each, a class that is not kept leaves exactly nothing.
        let kept = |values: &[f32]| values.iter().map(|value| *value != 0.0).collect::<Vec<_>>();
        if !case.options.unit {
            assert_eq!(kept(&found), kept(&wanted), "{name}");
        }
    }
}

fn takes_f16(gpu: &Gpu) {
    if !gpu.adapter.f16 {
        return;
    }
    let case = cases::case("f16", 3, 70, 33, logits(9));
    let rounded = |values: &[f32]| -> Vec<f32> {
        values
            .iter()
            .map(|value| f16::from_f32(*value).to_f32())
            .collect()
    };
    let (scores, labels) = (rounded(&case.scores), rounded(&case.labels));
    let wanted = cpu::conse(&scores, &labels, 70, &case.options).unwrap();
    for (of_scores, of_labels) in [
        (DType::F16, DType::F16),
        (DType::F16, DType::F32),
        (DType::F32, DType::F16),
    ] {
        let scores = tensor(&scores, [3, 70], &gpu.burn).cast(of_scores);
        let labels = tensor(&labels, [70, 33], &gpu.burn).cast(of_labels);
        assert_eq!((scores.dtype(), labels.dtype()), (of_scores, of_labels));
        let found = values(gpu, conse(gpu, scores, labels, &case.options).unwrap());
        assert_near(&found, &wanted, &format!("{of_scores:?}, {of_labels:?}"));
    }
}

/// Tensors that burn made by slicing and turning others have gaps and begin within a buffer.
fn takes_views(gpu: &Gpu) {
    let case = cases::case("views", 4, 30, 12, logits(5));
    let wanted = cpu::conse(&case.scores[30..90], &case.labels, 30, &case.options).unwrap();
    let scores = tensor(&case.scores, [4, 30], &gpu.burn).slice([1..3, 0..30]);
    let turned: Vec<f32> = (0..12 * 30)
        .map(|i| case.labels[i % 30 * 12 + i / 30])
        .collect();
    let labels = tensor(&turned, [12, 30], &gpu.burn).transpose();
    let found = values(gpu, conse(gpu, scores, labels, &case.options).unwrap());
    assert_near(&found, &wanted, "views");
}

/// Options that do not fit 3 classes, and a word of the reason.
fn refusals() -> Vec<(Options, &'static str)> {
    let at = |temperature| Options {
        scores: Scores::Logits { temperature },
        ..logits(1)
    };
    vec![
        (logits(0), "kept"),
        (logits(4), "kept"),
        (at(0.0), "temperature"),
        (at(-1.0), "temperature"),
        (at(f32::NAN), "temperature"),
        (at(f32::INFINITY), "temperature"),
    ]
}

fn twin_refuses() {
    for (options, reason) in refusals() {
        let error = cpu::conse(&[1.0; 6], &[1.0; 9], 3, &options).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
    for (scores, labels) in [(5, 9), (6, 8), (0, 9), (6, 0)] {
        let refused = cpu::conse(&vec![1.0; scores], &vec![1.0; labels], 3, &logits(1));
        assert!(
            matches!(refused, Err(GpuError::BadInput(_))),
            "{scores} {labels}"
        );
    }
    assert!(cpu::conse(&[], &[], 0, &logits(1)).is_err());
}

fn kernel_refuses(gpu: &Gpu) {
    let ones =
        |shape: [usize; 2], device: &Device| tensor(&vec![1.0; shape[0] * shape[1]], shape, device);
    for (options, reason) in refusals() {
        let refused = conse(
            gpu,
            ones([2, 3], &gpu.burn),
            ones([3, 3], &gpu.burn),
            &options,
        );
        let error = refused.unwrap_err();
        assert!(
            matches!(&error, GpuError::BadInput(said) if said.contains(reason)),
            "{error}"
        );
    }
    let error = conse(
        gpu,
        ones([2, 3], &gpu.burn),
        ones([4, 3], &gpu.burn),
        &logits(1),
    )
    .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("3 classes do not fit labels of 4"),
        "{error}"
    );
    let elsewhere = Device::flex();
    let error = conse(
        gpu,
        ones([2, 3], &elsewhere),
        ones([3, 3], &gpu.burn),
        &logits(1),
    )
    .unwrap_err();
    assert!(matches!(error, GpuError::BadInput(_)), "{error}");
}
