//! Every WGSL file is valid, which takes no GPU to tell.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::Plain;

pub const PLAIN: &[Plain] = &[("wgsl::every_file_is_valid", every_file_is_valid)];

fn every_file_is_valid() {
    let files = wgsl_files(Path::new(env!("CARGO_MANIFEST_DIR")));
    assert!(!files.is_empty(), "there are no WGSL files");
    for file in files {
        let source = fs::read_to_string(&file).unwrap();
        let module = naga::front::wgsl::parse_str(&source).unwrap_or_else(|error| {
            panic!(
                "{}",
                error.emit_to_string_with_path(&source, &file.display().to_string())
            )
        });
        // f16 is asked of the adapter before such a kernel is made.
        // To unpack one into an f32 needs nothing of the adapter.
        let capabilities = naga::valid::Capabilities::SHADER_FLOAT16
            | naga::valid::Capabilities::SHADER_FLOAT16_IN_FLOAT32;
        naga::valid::Validator::new(naga::valid::ValidationFlags::all(), capabilities)
            .validate(&module)
            .unwrap_or_else(|error| {
                panic!("{}: {}", file.display(), error.emit_to_string(&source))
            });
        assert!(
            !module.entry_points.is_empty(),
            "{} has no kernel",
            file.display()
        );
    }
}

fn wgsl_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                wgsl_files(&path)
            } else if path.extension().is_some_and(|end| end == "wgsl") {
                vec![path]
            } else {
                Vec::new()
            }
        })
        .collect()
}
