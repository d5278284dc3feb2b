//! showroom: product photos in; tags and a visual-search index out.
//!
//! Arguments → configuration → run → exit code; everything else is in the crates under `src/`.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
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
