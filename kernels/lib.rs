//! GPU kernels and the device that they run on. A folder an operation: the kernel, its CPU twin, its cases.
//!
//! Kernels that take or make burn tensors are CubeCL ([`conse`], [`resize_normalize`]); the others are
//! WGSL ([`masked_lab_histogram`], [`photo_facts`], [`top_k`]). Each has a CPU twin of the same name and
//! the same arguments: the oracle of its tests, and what runs where there is no GPU.
//!
//! **Architecture invariant**: a kernel knows numbers, never a photo's name, a model or a request.

pub mod conse;
pub mod device;
mod launch;
pub mod masked_lab_histogram;
pub mod photo_facts;
pub mod resize_normalize;
pub mod top_k;

pub use device::{Adapter, Gpu, GpuError, adapters};
