//! What a folder holds, in which order, under which names.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use showroom_catalog::seams::{Source, SourceError};
use showroom_catalog::{PhotoRef, Reject};
use showroom_pipeline::{FolderSource, SkuFrom};
use tempfile::{TempDir, tempdir};

use crate::fakes::{png, put};

fn list(source: &FolderSource) -> (Vec<PhotoRef>, Vec<Reject>) {
    let (mut photos, mut rejects) = (Vec::new(), Vec::new());
    let listed = source.list(&mut |found| {
        match found {
            Ok(photo) => photos.push(photo),
            Err(reject) => rejects.push(reject),
        }
        true
    });
    listed.unwrap();
    (photos, rejects)
}

/// Paths below `folder` of the photos, and `path: code` of the rejects.
fn names(folder: &Path, source: &FolderSource) -> (Vec<String>, Vec<String>) {
    let folder = folder.canonicalize().unwrap();
    let below = |uri: &str| match uri.strip_prefix(&format!("{}/", folder.display())) {
        Some(name) => name.to_string(),
        None => uri.to_string(),
    };
    let (photos, rejects) = list(source);
    let photos = photos.iter().map(|photo| below(&photo.uri)).collect();
    let rejects = rejects
        .iter()
        .map(|r| format!("{}: {}", below(&r.source.uri), r.code));
    (photos, rejects.collect())
}

fn source(folder: &TempDir) -> FolderSource {
    FolderSource::new(&[folder.path()], SkuFrom::Stem).unwrap()
}

#[test]
fn photos_come_sorted_and_other_files_are_counted() {
    let folder = tempdir().unwrap();
    let photo = png([1, 2, 3]);
    for name in [
        "b.jpg",
        "a.PNG",
        "B.webp",
        "z/1.tiff",
        "c/y/2.gif",
        "c/1.heic",
        "é t\n.jpeg",
    ] {
        put(folder.path(), name, &photo);
    }
    for name in [
        "README.md",
        "z/prices.csv",
        "notes",
        ".hidden.jpg",
        ".git/x.jpg",
        "a.jpg.bak",
    ] {
        put(folder.path(), name, b"nothing to see");
    }
    put(folder.path(), "no-ending", &photo);
    put(folder.path(), "shoe v1.2", b"\xff\xd8\xff\xe0 and so on");
    fs::create_dir(folder.path().join("folder.jpg")).unwrap();

    let source = source(&folder);
    let expected = [
        "B.webp",
        "a.PNG",
        "b.jpg",
        "no-ending",
        "shoe v1.2",
        "é t\n.jpeg", //
        "c/1.heic",
        "c/y/2.gif",
        "z/1.tiff",
    ];
    for _ in 0..2 {
        let (photos, rejects) = names(folder.path(), &source);
        assert_eq!(photos, expected);
        assert_eq!(rejects, [""; 0]);
        assert_eq!(
            source.skipped(),
            4,
            "README.md, prices.csv, notes, a.jpg.bak"
        );
    }
}

#[test]
fn listing_stops_when_told_to() {
    let folder = tempdir().unwrap();
    for name in ["1.jpg", "2.jpg", "a/3.jpg"] {
        put(folder.path(), name, b"x");
    }
    let mut taken = 0;
    source(&folder)
        .list(&mut |_| {
            taken += 1;
            taken < 2
        })
        .unwrap();
    assert_eq!(taken, 2);
}

#[test]
fn a_photo_is_its_path_size_time_and_sku() {
    let folder = tempdir().unwrap();
    let uri = put(folder.path(), "SKU 7/SHOE-1__2.jpg", b"12345");
    let modified = std::time::UNIX_EPOCH + std::time::Duration::new(1_700_000_000, 123_456_789);
    fs::File::options()
        .write(true)
        .open(&uri)
        .unwrap()
        .set_modified(modified)
        .unwrap();
    let photo = list(&source(&folder)).0.remove(0);
    assert_eq!(
        photo,
        PhotoRef {
            uri: uri.clone(),
            etag: "5-1700000000123456789".to_string(),
            bytes: 5,
            sku: Some("SHOE-1".to_string()),
        }
    );
    let by_folder = FolderSource::new(&[&uri], SkuFrom::Folder).unwrap();
    assert_eq!(list(&by_folder).0[0].sku.as_deref(), Some("SKU 7"));
    let without = FolderSource::new(&[&uri], SkuFrom::None).unwrap();
    assert_eq!(list(&without).0[0].sku, None);
}

#[test]
fn a_file_that_is_named_is_always_tried() {
    let folder = tempdir().unwrap();
    let hidden = put(folder.path(), ".x.csv", b"a,b");
    let source = FolderSource::new(&[&hidden], SkuFrom::Stem).unwrap();
    assert_eq!(list(&source).0[0].uri, hidden);
}

#[test]
fn paths_are_resolved_and_a_file_has_one_uri() {
    let folder = tempdir().unwrap();
    put(folder.path(), "real/a.jpg", b"a");
    put(folder.path(), "real/b.jpg", b"b");
    symlink(folder.path().join("real"), folder.path().join("link")).unwrap();
    let paths = ["link", "real/../real", "link/b.jpg"].map(|path| folder.path().join(path));
    let source = FolderSource::new(&paths, SkuFrom::Stem).unwrap();
    let (photos, rejects) = names(folder.path(), &source);
    // A file named beside its folder is listed twice, under the same URI.
    assert_eq!(photos, ["real/a.jpg", "real/b.jpg", "real/b.jpg"]);
    assert_eq!(rejects, [""; 0]);
}

#[test]
fn links_are_followed_once_and_never_round() {
    let folder = tempdir().unwrap();
    let elsewhere = tempdir().unwrap();
    put(elsewhere.path(), "pool/IMG_1.jpg", b"1");
    put(elsewhere.path(), "more/2.jpg", b"2");
    put(folder.path(), "sub/3.jpg", b"3");
    put(folder.path(), ".store/4.jpg", b"4");
    let links = [
        (folder.path().to_path_buf(), "sub/round"),
        (folder.path().join("sub"), "again"),
        (folder.path().join(".store"), "stored"),
        (elsewhere.path().join("more"), "m1"),
        (elsewhere.path().join("more"), "m2"),
        (elsewhere.path().join("pool/IMG_1.jpg"), "SKU-1__0.jpg"),
        (folder.path().join("nothing"), "gone.jpg"),
        (folder.path().join("nothing"), "gone.txt"),
        (folder.path().join("self.jpg"), "self.jpg"),
    ];
    for (to, at) in links {
        symlink(to, folder.path().join(at)).unwrap();
    }
    symlink(elsewhere.path(), elsewhere.path().join("more/up")).unwrap();

    let (photos, rejects) = names(folder.path(), &source(&folder));
    assert_eq!(
        photos,
        [
            "SKU-1__0.jpg",
            "m1/2.jpg",
            "m1/up/pool/IMG_1.jpg",
            "stored/4.jpg",
            "sub/3.jpg"
        ]
    );
    assert_eq!(rejects, ["gone.jpg: unreadable", "self.jpg: unreadable"]);
}

#[test]
fn pipes_are_not_opened() {
    let folder = tempdir().unwrap();
    for name in ["pipe.jpg", "pipe"] {
        let made = Command::new("mkfifo")
            .arg(folder.path().join(name))
            .status()
            .unwrap();
        assert!(made.success());
    }
    let source = source(&folder);
    let (photos, rejects) = names(folder.path(), &source);
    assert_eq!((photos.len(), source.skipped()), (0, 1));
    assert_eq!(rejects, ["pipe.jpg: unreadable"]);
    let uri = folder.path().join("pipe.jpg").to_str().unwrap().to_string();
    let photo = PhotoRef {
        uri,
        etag: String::new(),
        bytes: 0,
        sku: None,
    };
    assert!(matches!(
        source.fetch(&photo, 10),
        Err(SourceError::Unreadable { .. })
    ));
}

#[test]
fn names_that_are_no_text_are_rejects() {
    let folder = tempdir().unwrap();
    for name in [&b"a\xff.jpg"[..], b"a\xfe.jpg", b"\xc3\xa9.jpg"] {
        fs::write(folder.path().join(std::ffi::OsStr::from_bytes(name)), b"x").unwrap();
    }
    let odd_folder = folder.path().join(std::ffi::OsStr::from_bytes(b"d\x80"));
    fs::create_dir(&odd_folder).unwrap();
    fs::write(odd_folder.join("in.jpg"), b"x").unwrap();
    let (photos, rejects) = names(folder.path(), &source(&folder));
    assert_eq!(photos, ["é.jpg"]);
    assert_eq!(
        rejects,
        [
            "a\\xfe.jpg: bad-name",
            "a\\xff.jpg: bad-name",
            "d\\x80: bad-name"
        ]
    );
    let named = FolderSource::new(&[&odd_folder], SkuFrom::Stem);
    assert!(matches!(named, Err(SourceError::Unreadable { .. })));
}

#[test]
fn a_path_that_is_not_there_is_an_error_at_once() {
    let folder = tempdir().unwrap();
    let missing = folder.path().join("nothing");
    symlink(&missing, folder.path().join("broken.jpg")).unwrap();
    for path in [missing, folder.path().join("broken.jpg")] {
        match FolderSource::new(&[folder.path(), &path], SkuFrom::Stem) {
            Err(SourceError::NotFound { uri }) => assert_eq!(Path::new(&uri), path),
            other => panic!("{other:?}"),
        }
    }
    let nul = FolderSource::new(&["a\0b"], SkuFrom::Stem);
    assert!(matches!(nul, Err(SourceError::Unreadable { .. })));
}

#[test]
fn fetch_reads_all_or_says_why_not() {
    let folder = tempdir().unwrap();
    put(folder.path(), "a.jpg", b"12345");
    let source = source(&folder);
    let photo = list(&source).0.remove(0);
    assert_eq!(source.fetch(&photo, 5).unwrap(), b"12345");
    match source.fetch(&photo, 4) {
        Err(SourceError::TooLarge { bytes, limit, .. }) => assert_eq!((bytes, limit), (5, 4)),
        other => panic!("{other:?}"),
    }
    fs::remove_file(&photo.uri).unwrap();
    assert!(matches!(
        source.fetch(&photo, 5),
        Err(SourceError::NotFound { .. })
    ));
    fs::create_dir(&photo.uri).unwrap();
    assert!(matches!(
        source.fetch(&photo, 5),
        Err(SourceError::Unreadable { .. })
    ));
}

#[test]
fn a_file_that_has_no_size_until_it_is_read_is_bounded() {
    // Files of /proc say that they are empty, and are not.
    let source = FolderSource::new(&["/proc/self/status"], SkuFrom::Stem).unwrap();
    let photo = list(&source).0.remove(0);
    assert_eq!(photo.bytes, 0);
    match source.fetch(&photo, 20) {
        Err(SourceError::TooLarge { bytes, .. }) => assert_eq!(bytes, 21),
        other => panic!("{other:?}"),
    }
    assert!(source.fetch(&photo, 1 << 20).unwrap().len() > 100);
}
