//! Marketplace photo rules: what they ask, what is measured, the verdict, and the picture that keeps them.
//!
//! What cannot be measured is `unknown` and never `pass`: the background of a photo in which no product was
//! found, text where there is no detector.

mod components;
mod fix;
mod frame;
mod judge;
mod maker;
mod measure;
mod products;
mod rules;
mod text;

pub use fix::{FixError, Fixed, fix};
pub use judge::{Finding, Verdict, judge, overall};
pub use maker::{CheckMaker, CheckReport, FixedReport};
pub use measure::{Measures, Value, measure};
pub use rules::{Level, Measure, Rule, RuleSet, Target};
pub use text::TextFound;
