//! What was measured while labels were learned.

use serde::{Deserialize, Serialize};

pub use super::calibration::{Bin, Reliability};

/// A group of labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupReport {
    pub name: String,
    /// Whether a photo has one of them at the most.
    pub exclusive: bool,
    /// The way that was taken: `neighbours`, `head` or `words`.
    pub way: String,
    /// The ways that were compared on the examples that were held back, and how often each was right,
    /// 0–1: where labels exclude one another the share of photos that got their label, else the mean
    /// over labels of the balanced accuracy (photos with and without it weighted alike).
    pub compared: Vec<(String, f32)>,
    /// Photos that were held back in turn; 0 where probabilities could not be calibrated.
    pub held_back: usize,
    /// Of the way that was taken; see `compared`.
    pub accuracy: Option<f32>,
    /// Of the photos held back, the share that was accepted, and the share of these that was right.
    pub accepted: Option<f32>,
    pub accepted_right: Option<f32>,
    /// Of what was answered, where labels exclude one another, else of every label. Measured on
    /// examples that neither the way nor the calibration had seen.
    pub reliability: Option<Reliability>,
    /// A photo that is less like any example, −1 to 1, is none of these: not sure.
    pub familiar_from: Option<f32>,
    pub labels: Vec<LabelReport>,
}

/// A label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelReport {
    /// `group/label`, in lower case.
    pub id: String,
    pub name: String,
    /// Judged photos that have it, and that have it not.
    pub examples: usize,
    pub counter_examples: usize,
    /// Whether its scores are probabilities that were measured.
    pub calibrated: bool,
    /// Probability from which it is accepted, 0–1; `None` where the precision that was asked for
    /// could not be shown, so that it is never more than to be reviewed.
    pub accept_from: Option<f32>,
    /// Share of the held-back photos accepted that was right, and share of those with the label that
    /// was accepted.
    pub precision: Option<f32>,
    pub recall: Option<f32>,
    /// Expected calibration error of its probabilities, 0–1.
    pub ece: Option<f32>,
}
