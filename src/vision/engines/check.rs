//! The self-check: a model answers a fixed input before it is used, and an engine that answers wrongly
//! is refused by name.
//!
//! Drivers and kernels have been seen to compute nonsense without an error, a wrong weight file too.

use showroom_catalog::seams::ModelError;

use super::device::Precision;
use super::{Engine, Output};
use crate::weights::manifest::Check;

/// Compares what a network gave for the input of `check` with what its manifest says.
pub fn verify(
    model: &str,
    engine: &Engine,
    check: &Check,
    outputs: &[Output],
) -> Result<(), ModelError> {
    let tolerance = match engine.precision() {
        Precision::F32 => check.tolerance,
        Precision::F16 => check.tolerance_f16.ok_or_else(|| {
            ModelError::Refused(format!(
                "the model {model} does not say how well it computes in f16; take --precision f32"
            ))
        })?,
    };
    let answer = |mut index: usize| {
        outputs.iter().find_map(|output| {
            let found = output.data.get(index).copied();
            index = index.saturating_sub(output.data.len());
            found
        })
    };
    for &(index, expected) in &check.expected {
        let found = answer(index).unwrap_or(f32::NAN);
        // Written so that a NaN is wrong too.
        let right = (found - expected).abs() <= tolerance;
        if !right {
            return Err(ModelError::Refused(format!(
                "{engine} answers wrongly with the model {model}: number {index} of its self-check is \
                 {found} and must be {expected}; compute elsewhere with --device cpu (or, on a CPU, with the \
                 other --engine), and tell us"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(expected: Vec<(usize, f32)>) -> Result<(), ModelError> {
        let check = Check {
            picture: None,
            text: None,
            expected,
            tolerance: 0.01,
            tolerance_f16: None,
        };
        let output = |data: &[f32]| Output {
            shape: vec![data.len()],
            data: data.to_vec(),
        };
        verify(
            "m",
            &Engine::Flex,
            &check,
            &[output(&[1.0, 2.0]), output(&[3.0, f32::NAN])],
        )
    }

    #[test]
    fn numbers_count_through_all_outputs() {
        outcome(vec![(0, 1.0), (1, 2.005), (2, 3.0)]).unwrap();
    }

    #[test]
    fn a_wrong_number_no_number_and_a_missing_one_are_refused_by_name() {
        for wrong in [(2, 3.02), (3, 1.0), (4, 1.0)] {
            let error = outcome(vec![(0, 1.0), wrong]).unwrap_err();
            assert!(matches!(error, ModelError::Refused(_)), "{error}");
            assert!(
                error
                    .to_string()
                    .starts_with("burn (flex, CPU) answers wrongly with the model m"),
                "{error}"
            );
        }
    }
}
