//! A shop's own labels: words or example photos become a classifier, its scores probabilities, and
//! these a decision: accept, review, or not sure.
//!
//! [`Spec`] says which labels there are. [`learn`] makes a [`LabelSet`] of it: for each group of
//! labels it compares three ways of telling them apart on examples that it holds back (the nearest
//! examples, a linear head, the phrases of the labels) and keeps the best. What the scores are worth
//! is measured on the same held-back examples. [`LabelSet`] then says which labels a photo has.
//!
//! Everything works on the vectors that the catalogue keeps: no pixel is read.
//!
//! **Architecture invariant**: nothing here knows a file, a database or a picture. Numbers are the
//! same on every run: nothing is drawn by chance, and folds are settled by the photos' hashes.

mod bands;
mod calibration;
mod error;
mod features;
mod folds;
mod head;
mod judge;
mod learn;
mod report;
mod set;
mod spec;
mod truth;

#[cfg(test)]
mod tests;

pub use error::LabelError;
pub use learn::{LearnOptions, Phrasings, learn};
pub use report::{Bin, GroupReport, LabelReport, Reliability};
pub use set::{LabelSet, Unbanded};
pub use spec::{GroupSpec, LabelSpec, Spec};
pub use truth::{Judgement, read_truth};

/// The smallest number of judged items with a label from which something can be held back.
const MIN_HELD_BACK: usize = 2;
