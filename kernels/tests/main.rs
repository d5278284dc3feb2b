//! The kernels against their CPU twins, on the machine's GPU or Mesa's lavapipe.

mod conse;
mod device;
mod masked_lab_histogram;
mod photo_facts;
mod resize_normalize;
mod support;
mod top_k;
mod wgsl;

use std::process::ExitCode;

fn main() -> ExitCode {
    let plain = [
        conse::PLAIN,
        device::PLAIN,
        masked_lab_histogram::PLAIN,
        photo_facts::PLAIN,
        resize_normalize::PLAIN,
        top_k::PLAIN,
        wgsl::PLAIN,
    ];
    let on_gpu = [
        conse::ON_GPU,
        device::ON_GPU,
        masked_lab_histogram::ON_GPU,
        photo_facts::ON_GPU,
        resize_normalize::ON_GPU,
        top_k::ON_GPU,
    ];
    let trials = support::trials(&plain, &on_gpu);
    libtest_mimic::run(&libtest_mimic::Arguments::from_args(), trials).exit_code()
}
