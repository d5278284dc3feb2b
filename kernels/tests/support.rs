//! Tests that need a GPU: on the machine's first adapter, a software one (Mesa's lavapipe) included;
//! listed as ignored, with the reason in their name, where there is none.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use showroom_kernels::{Adapter, Gpu, adapters};

/// Name and body of a test that needs no GPU.
pub type Plain = (&'static str, fn());
/// Name and body of a test that needs one.
pub type OnGpu = (&'static str, fn(&Gpu));

/// Runs the tests: `plain` ones always. One after the other, as they share the GPU and the errors that
/// its driver reports.
pub fn run(plain: &[&[Plain]], on_gpu: &[&[OnGpu]]) -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(1);
    libtest_mimic::run(&arguments, trials(plain, on_gpu)).exit_code()
}

fn trials(plain: &[&[Plain]], on_gpu: &[&[OnGpu]]) -> Vec<Trial> {
    let adapter = adapters().into_iter().next();
    let plain = plain.iter().copied().flatten().map(|&(name, body)| {
        Trial::test(name, move || {
            body();
            Ok(())
        })
    });
    let on_gpu = on_gpu.iter().copied().flatten().map(|&(name, body)| {
        let adapter = adapter.clone();
        let missing = adapter.is_none();
        let name = if missing {
            format!("{name} (ignored: no GPU adapter; install mesa-vulkan-drivers)")
        } else {
            name.to_string()
        };
        Trial::test(name, move || on_adapter(adapter.as_ref(), body)).with_ignored_flag(missing)
    });
    plain.chain(on_gpu).collect()
}

fn on_adapter(adapter: Option<&Adapter>, body: fn(&Gpu)) -> Result<(), Failed> {
    let adapter = adapter.ok_or("no GPU adapter")?;
    let gpu = adapter.open().map_err(|error| error.to_string())?;
    body(&gpu);
    // An error that the driver reported and nobody asked for is a failure too.
    gpu.check().map_err(|error| error.to_string().into())
}
