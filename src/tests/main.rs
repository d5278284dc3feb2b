//! End to end: the real binary, the real default models, real files.
//!
//! The models come from the cache (`showroom models pull` puts them there, `make test` does it); the
//! photos are drawn here, but for Pillow's broken pictures.

mod adapt;
mod bad_input;
mod command_line;
mod crash;
mod cutouts;
mod dedup;
mod eval;
mod feeds;
mod find;
mod journey;
mod labels;
mod page;
mod pictures;
mod pillow;
#[cfg(unix)]
mod prompts;
#[cfg(unix)]
mod reload;
#[cfg(unix)]
mod serve;
#[cfg(unix)]
mod shared_space;
mod shop;
mod studio;
#[cfg(unix)]
mod studio_api;
mod studio_input;
// `uniform` is of use to the other binary.
#[allow(dead_code)]
#[path = "../vision/tests/tiny_diffusion.rs"]
mod tiny_diffusion;
