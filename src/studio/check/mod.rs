//! Marketplace photo rules: what they ask, what is measured, the verdict, and the picture that keeps them.
//!
//! What cannot be measured is `unknown` and never `pass`: letters on a busy background, the
//! background of a photo in which no product was found.

mod components;
mod fix;
mod judge;
mod maker;
mod marks;
mod measure;
mod rules;

pub use fix::{FixError, Fixed, fix};
pub use judge::{Finding, Verdict, judge, overall};
pub use maker::{CheckMaker, CheckReport, FixedReport};
pub use measure::{Measures, Value, measure};
pub use rules::{Level, Measure, Rule, RuleSet, Target};
