//! The models and the encoder on a GPU (or Mesa's lavapipe) against the same on the CPU. A binary of its
//! own beside `main.rs`, because its tests are listed as ignored where there is no adapter.

#[path = "gpu/diffusion.rs"]
mod diffusion;
#[path = "gpu/encoder.rs"]
mod encoder;
#[path = "gpu/models.rs"]
mod models;
#[path = "gpu/pairs.rs"]
mod pairs;
#[path = "gpu/refusals.rs"]
mod refusals;
#[path = "gpu/search.rs"]
mod search;
#[path = "../../../kernels/tests/support.rs"]
mod support;

mod common;
mod pair_fixtures;
// Of which the tests on a GPU need the weights alone.
#[allow(dead_code)]
mod tiny_diffusion;

use std::process::ExitCode;

fn main() -> ExitCode {
    let on_gpu = [
        models::ON_GPU,
        encoder::ON_GPU,
        pairs::ON_GPU,
        diffusion::ON_GPU,
        refusals::ON_GPU,
        search::ON_GPU,
    ];
    support::run(&[refusals::PLAIN], &on_gpu)
}
