//! showroom: product photos in; tags and a visual-search index out.
//!
//! Arguments → configuration → run → exit code; everything else is in the crates under `src/`.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    without_desktop();
    match showroom_cli::run(showroom_cli::Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let sentence = failure.to_string();
            if !sentence.is_empty() {
                eprintln!("showroom: {sentence}");
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Mesa's device-selection layer asks the desktop which GPU to prefer, and where there is none (a server, a
/// container) writes an error of its own to standard error. Without a desktop there is nothing to ask.
#[allow(unsafe_code)]
fn without_desktop() {
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // SAFETY: the process has no other thread yet that could read the environment.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
}
