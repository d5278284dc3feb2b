//! `conse`: class scores × label embeddings → a vector in the space of the labels (Norouzi et al., *Zero-Shot
//! Learning by Convex Combination of Semantic Embeddings*, 2013), in one launch: softmax, the best few
//! classes, the mean of their embeddings weighted by renormalised probability, and its unit length.
//!
//! A workgroup makes one row. The worst score that is still kept is found bit by bit, by counting how many
//! scores are better: exact for any scores and any number of classes, and no list has to be sorted.

pub mod cases;
pub mod cpu;
mod gpu;
mod kernel;

pub use gpu::conse;

use crate::device::GpuError;

/// What the scores of the classes are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scores {
    /// Any finite numbers; they are divided by the temperature (above 0; 1 changes nothing) before the
    /// softmax.
    Logits { temperature: f32 },
    /// 0 or more; they need not sum to 1. A row of zeros gives a vector of zeros.
    Probabilities,
}

/// How the embeddings of the best classes are combined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    pub scores: Scores,
    /// How many of the best classes count, 1 to all. Of equal scores the first classes count.
    pub keep: usize,
    /// Brings each vector to length 1; one of zeros stays.
    pub unit: bool,
}

/// Refuses what cannot be combined. `scores` and `labels` are rows and columns.
fn check(scores: [usize; 2], labels: [usize; 2], options: &Options) -> Result<(), GpuError> {
    let refused = |reason: String| Err(GpuError::BadInput(reason));
    let ([rows, classes], [labelled, width]) = (scores, labels);
    if classes != labelled {
        return refused(format!(
            "scores of {classes} classes do not fit labels of {labelled}"
        ));
    }
    if rows == 0 || classes == 0 || width == 0 {
        return refused(format!(
            "{rows} rows, {classes} classes, labels of length {width}: none is 0"
        ));
    }
    if options.keep == 0 || options.keep > classes {
        return refused(format!(
            "{} of {classes} classes cannot be kept",
            options.keep
        ));
    }
    match options.scores {
        Scores::Logits { temperature } if !(temperature > 0.0 && temperature.is_finite()) => {
            refused(format!("a temperature is above 0, not {temperature}"))
        }
        _ => Ok(()),
    }
}
