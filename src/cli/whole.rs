//! Files that are written whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::exit::Failure;

/// Writes beside `path` and renames, so that a file of that name is always whole. A link is
/// followed; what is there and no plain file (a pipe, `/dev/null`) is written to as it is.
pub fn write_whole<T>(
    path: &Path,
    write: impl FnOnce(&mut (dyn Write + Send)) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let failed = |error: io::Error| Failure::write(path, &error);
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        let mut out = BufWriter::new(File::options().write(true).open(path).map_err(failed)?);
        let value = write(&mut out)?;
        out.flush().map_err(failed)?;
        return Ok(value);
    }
    let linked = fs::canonicalize(path);
    let place = linked.as_deref().unwrap_or(path);
    let name = place
        .file_name()
        .ok_or_else(|| Failure::Usage(format!("{} is no file name", path.display())))?;
    let mut part_name = name.to_os_string();
    part_name.push(format!(".{}.part", std::process::id()));
    let part = place.with_file_name(part_name);
    let file = File::create(&part).map_err(failed)?;
    let written = (|| {
        let mut out = BufWriter::new(&file);
        let value = write(&mut out)?;
        out.flush().map_err(failed)?;
        file.sync_all().map_err(failed)?;
        fs::rename(&part, place).map_err(failed)?;
        Ok(value)
    })();
    if written.is_err() {
        // The failure is what counts; a part that cannot be removed either does no harm.
        let _ = fs::remove_file(&part);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(path: &Path, text: &str) -> Result<(), Failure> {
        write_whole(path, |out| {
            out.write_all(text.as_bytes())
                .map_err(|error| Failure::write(path, &error))
        })
    }

    #[test]
    fn a_file_is_there_whole_or_as_it_was() {
        let dir = std::env::temp_dir().join(format!("showroom-whole-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join("page.html");
        put(&path, "one").unwrap();
        let half = write_whole(&path, |out| {
            out.write_all(b"half").unwrap();
            Err::<(), _>(Failure::Other("given up".into()))
        });
        assert!(half.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "no part is left");
        #[cfg(unix)]
        {
            let link = dir.join("link.html");
            std::os::unix::fs::symlink(&path, &link).unwrap();
            put(&link, "two").unwrap();
            assert!(link.is_symlink());
            assert_eq!(fs::read(&path).unwrap(), b"two");
            put(Path::new("/dev/null"), "three").unwrap();
            assert!(!fs::metadata("/dev/null").unwrap().is_file());
        }
        fs::remove_dir_all(&dir).unwrap();
    }
}
