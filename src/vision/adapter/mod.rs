//! An adapter: what a shop's own titles teach about what its photos look like.
//!
//! A linear map from the sentence vector of a title into the vectors that the catalogue keeps of a photo,
//! learned on the catalogue's own pairs of both. With it words become a further part of a query
//! ([`AdaptedWords`]): no column is added and no photo is encoded again. Whether it helps is settled on
//! titles that nothing was learned from ([`rehearse`]), whose ranks the caller judges; then all titles
//! are learned from ([`learn`]).
//!
//! **Architecture invariant**: nothing here knows a file, a database or a picture. Numbers are the
//! same on every run.

mod error;
mod kept;
mod query;
mod rehearse;
mod space;
mod train;

#[cfg(test)]
mod tests;

pub use error::AdapterError;
pub use kept::{About, Adapter, Map};
pub use query::AdaptedWords;
pub use rehearse::{check_titles, learn, rehearsal_steps, rehearse};

/// Steps of learning after which it is tried to stop.
const STOPS: [usize; 4] = [10, 30, 100, 300];
/// How much an adapter is tried to count beside the words, which count 1.
const WEIGHTS: [f32; 4] = [0.5, 1.0, 2.0, 4.0];

/// How an adapter is learned and used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    pub steps: usize,
    /// How much it counts beside the words, which count 1.
    pub weight: f32,
}

/// What is tried, in the order of [`showroom_catalog::adapter::HeldBack::adapted`].
pub fn settings() -> Vec<Setting> {
    let each = STOPS.into_iter();
    each.flat_map(|steps| WEIGHTS.map(|weight| Setting { steps, weight }))
        .collect()
}
