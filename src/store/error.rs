//! What Lance says went wrong → [`StoreError`].

use std::error::Error;
use std::io;
use std::path::Path;

use showroom_catalog::seams::StoreError;

/// The error of an operation on the catalogue at `at`.
///
/// Lance wraps the error of the operating system several times over, and in places keeps only its
/// text, so both are looked at.
pub(crate) fn failed(at: &str, error: &(dyn Error + 'static)) -> StoreError {
    let mut text = error.to_string();
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            if is_full(io.kind()) {
                return StoreError::DiskFull { at: at.into() };
            }
            if io.kind() == io::ErrorKind::PermissionDenied {
                text = io.to_string();
            }
        }
        if says_full(&cause.to_string()) {
            return StoreError::DiskFull { at: at.into() };
        }
        next = cause.source();
    }
    let reason = if text.contains("Permission denied") {
        "permission denied; give this user the right to read and write there, or use another --store".into()
    } else if text.contains("Read-only file system") {
        "the file system is read-only; use another --store".into()
    } else {
        without_source_lines(&text)
    };
    StoreError::Failed {
        at: at.into(),
        reason,
    }
}

/// As [`failed`], for a file of the catalogue itself.
pub(crate) fn file_failed(at: &str, file: &Path, error: &io::Error) -> StoreError {
    match failed(at, error) {
        StoreError::Failed { at, reason } => StoreError::Failed {
            at,
            reason: format!("{}: {reason}", file.display()),
        },
        other => other,
    }
}

fn is_full(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

fn says_full(text: &str) -> bool {
    text.contains("No space left on device")
        || text.contains("Disk quota exceeded")
        || text.contains("File too large (os error")
}

/// Takes out of a text of Lance where in its own sources it was said (`, /…/write.rs:12:3`), and
/// keeps it to one line of a readable length.
fn without_source_lines(text: &str) -> String {
    const MOST_CHARACTERS: usize = 400;
    let kept: Vec<&str> = text
        .split(", ")
        .filter(|part| {
            !part
                .split_whitespace()
                .any(|word| word.starts_with('/') && word.contains(".rs:"))
        })
        .collect();
    let line = kept.join(", ").replace(['\n', '\r'], " ");
    match line.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_found_under_wrappings() {
        let full = io::Error::from_raw_os_error(28);
        let wrapped = io::Error::other(lancedb::Error::External {
            source: Box::new(full),
        });
        assert!(matches!(failed("x", &wrapped), StoreError::DiskFull { .. }));
        let text_only = io::Error::other("Generic LocalFileSystem error: No space left on device");
        assert!(matches!(
            failed("x", &text_only),
            StoreError::DiskFull { .. }
        ));
    }

    #[test]
    fn permission_denied_says_what_to_do() {
        let denied = io::Error::from_raw_os_error(13);
        let error = file_failed("cat", Path::new("cat/showroom.json"), &denied).to_string();
        assert_eq!(
            error,
            "the catalogue at cat failed: cat/showroom.json: permission denied; give this user \
             the right to read and write there, or use another --store"
        );
    }

    #[test]
    fn source_lines_of_lance_are_left_out() {
        let text = "LanceError(IO): bad page, /root/.cargo/lance/src/x.rs:1:2";
        assert_eq!(without_source_lines(text), "LanceError(IO): bad page");
    }
}
