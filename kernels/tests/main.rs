//! The kernels against their CPU twins, on the machine's GPU or Mesa's lavapipe.

mod conse;
mod device;
mod resize_normalize;
mod support;
mod wgsl;

use std::process::ExitCode;

fn main() -> ExitCode {
    let plain = [wgsl::PLAIN, conse::PLAIN, device::PLAIN, resize_normalize::PLAIN];
    let on_gpu = [conse::ON_GPU, device::ON_GPU, resize_normalize::ON_GPU];
    let trials = support::trials(&plain, &on_gpu);
    libtest_mimic::run(&libtest_mimic::Arguments::from_args(), trials).exit_code()
}
