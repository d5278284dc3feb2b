//! What the tests of this crate share: the real models, and small made-up ones.

use std::path::{Path, PathBuf};

use super::library::Library;

/// The cache that `make test` fills. Tests, unlike the library, may look at the environment.
pub fn cache() -> PathBuf {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    };
    set("SHOWROOM_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|dir| dir.join("showroom")))
        .or_else(|| set("HOME").map(|dir| dir.join(".cache/showroom")))
        .expect("SHOWROOM_CACHE or HOME is set")
}

/// The built-in models over the real cache.
pub fn library() -> Library {
    Library::new(&[], &cache()).expect("the built-in manifests are right")
}

/// Writes a folder `NAME` with a manifest that has one weights file with the given TOML sources.
pub fn user_model(models: &Path, name: &str, bytes: &[u8], sources: &str) -> PathBuf {
    let folder = models.join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    let manifest = format!(
        "name = \"{name}\"\nsummary = \"a test\"\ntask = \"matte\"\narchitecture = \"test\"\n\
         [licence]\nspdx = \"CC0-1.0\"\nevidence = [\"made here\"]\n\
         [[files]]\nrole = \"weights\"\nname = \"weights.bin\"\nsha256 = \"{}\"\nbytes = {}\n{sources}\n",
        sha256(bytes),
        bytes.len()
    );
    std::fs::write(folder.join("manifest.toml"), manifest).expect("a manifest");
    folder
}

/// SHA-256 in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
