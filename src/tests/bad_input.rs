//! Input that is no photo, a disk that is full, a catalogue of another kind: one clear sentence, the
//! right exit code, and the catalogue as it was.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::pictures;
use crate::shop::{Shop, files};

#[test]
fn what_is_no_photo_is_a_reject() {
    let shop = Shop::with_photos(2);
    shop.ingest();
    let before = shop.exported();
    let whole = pictures::product(7);
    let cases: [(&str, Vec<u8>, &str); 5] = [
        ("empty.jpg", vec![], "empty"),
        (
            "bomb.png",
            pictures::png_of_900_megapixels(),
            "too-many-pixels",
        ),
        (
            "truncated.jpg",
            whole[..whole.len() / 2].to_vec(),
            "truncated",
        ),
        (
            "text.jpg",
            b"Dear customer, here are your photos.\n".to_vec(),
            "not-an-image",
        ),
        (
            "page.png",
            b"<!doctype html><title>404</title>".to_vec(),
            "not-an-image",
        ),
    ];
    for (name, bytes, _) in &cases {
        shop.add(name, bytes);
    }
    let summary = shop.ingest();
    assert_eq!(summary["rejected"], cases.len(), "{summary}");
    assert_eq!(summary["unchanged"], 2, "{summary}");
    let rejects = shop.rejects();
    for (name, _, code) in &cases {
        assert_eq!(
            rejects.get(*name).map(String::as_str),
            Some(*code),
            "{name}"
        );
    }
    let table = shop.ok(&["rejects"]).stdout;
    assert!(
        table.contains("bomb.png") && table.contains("--max-pixels"),
        "{table}"
    );
    assert_eq!(shop.exported(), before);

    let again = shop.ingest();
    assert_eq!(
        again["unchanged"],
        2 + cases.len(),
        "a reject is not tried again: {again}"
    );
    let strict = shop.run(&["ingest", "photos", "--strict"]);
    strict.failed(4, "showroom rejects");
    assert_eq!(shop.exported(), before);

    // Mended, it comes in and is no reject any more.
    shop.add("truncated.jpg", &whole);
    assert_eq!(shop.ingest()["added"], 1);
    assert!(!shop.rejects().contains_key("truncated.jpg"));
    shop.verify();
}

#[test]
fn a_photo_that_breaks_later_stays_as_it_was() {
    let shop = Shop::with_photos(2);
    shop.ingest();
    let before = shop.exported();
    shop.add("0001.jpg", b"overwritten by mistake");
    assert_eq!(shop.ingest()["rejected"], 1);
    assert_eq!(shop.exported(), before);
    assert_eq!(shop.rejects().len(), 1);
    shop.verify();
}

#[test]
fn nothing_to_take_in_makes_no_catalogue() {
    let shop = Shop::with_photos(0);
    shop.run(&["ingest", "photos"]).failed(3, "no photos");
    shop.add("notes.txt", b"no photo");
    shop.run(&["ingest", "photos"]).failed(3, "no photos");
    shop.run(&["ingest", "nowhere"]).failed(3, "nowhere");
    assert!(!shop.store.exists());
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read_is_a_reject() {
    use std::os::unix::fs::PermissionsExt;
    let shop = Shop::with_photos(1);
    // A link to nowhere cannot be read by anybody; a file without permissions can, by root.
    std::os::unix::fs::symlink("/nowhere/photo.jpg", shop.photos().join("link.jpg")).unwrap();
    let secret = shop.add("secret.jpg", &pictures::product(1));
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    let root = fs::read(&secret).is_ok();
    let summary = shop.ingest();
    assert_eq!(summary["rejected"], if root { 1 } else { 2 }, "{summary}");
    let rejects = shop.rejects();
    assert!(rejects.contains_key("link.jpg"), "{rejects:?}");
    assert_eq!(rejects.contains_key("secret.jpg"), !root, "{rejects:?}");
    shop.verify();
}

#[test]
fn a_catalogue_of_another_model_is_left_alone() {
    let shop = Shop::with_photos(1);
    shop.ingest();
    let manifest = shop.store.join("showroom.json");
    let mut other: serde_json::Value =
        serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    other["encoder"] = "some-other-encoder".into();
    fs::write(&manifest, other.to_string()).unwrap();
    let before = files(&shop.store);
    shop.add("new.jpg", &pictures::product(9));
    shop.run(&["ingest", "photos"])
        .failed(5, "some-other-encoder");
    shop.run(&["search", "--image", "photos/new.jpg"])
        .failed(5, "some-other-encoder");
    assert!(before == files(&shop.store), "the catalogue was touched");
    // What needs no encoder still works.
    assert_eq!(shop.exported().len(), 1);
}

#[test]
fn a_catalogue_that_is_damaged_or_newer_is_said() {
    let shop = Shop::with_photos(1);
    shop.ingest();
    let manifest = shop.store.join("showroom.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let mut newer: serde_json::Value = serde_json::from_str(&text).unwrap();
    newer["format"] = 99.into();
    fs::write(&manifest, newer.to_string()).unwrap();
    shop.run(&["export"]).failed(5, "format 99");
    fs::write(&manifest, "{").unwrap();
    shop.run(&["export"]).failed(5, "damaged");
    shop.run(&["ingest", "photos"]).failed(5, "damaged");
    fs::write(&manifest, text).unwrap();
    fs::remove_dir_all(shop.store.join("photos.lance")).unwrap();
    shop.run(&["export"]).failed(5, "damaged");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_7_and_the_next_run_goes_on() {
    let mut shop = Shop::with_photos(60);
    let Some(disk) = SmallDisk::mount(&shop.dir().join("disk"), "700k") else {
        eprintln!("skipped: only root can mount a small disk");
        return;
    };
    shop.store = disk.path.join("catalogue");
    let run = shop.run(&["ingest", "photos"]);
    run.failed(7, "no room left");
    let before = shop.photos_in_catalogue();
    assert!(before < 60, "the disk was not full");
    disk.resize("64m");
    let summary = shop.ingest();
    assert_eq!(summary["unchanged"], before, "{summary}");
    assert_eq!(summary["added"], 60 - before, "{summary}");
    assert_eq!(shop.exported().len(), 60);
    shop.verify();
}

/// A disk in memory of a given size, gone at the end.
struct SmallDisk {
    path: std::path::PathBuf,
}

impl SmallDisk {
    fn mount(path: &Path, size: &str) -> Option<SmallDisk> {
        fs::create_dir(path).unwrap();
        let options = format!("size={size}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(path)
            .output();
        mounted
            .is_ok_and(|run| run.status.success())
            .then(|| SmallDisk { path: path.into() })
    }

    fn resize(&self, size: &str) {
        let options = format!("remount,size={size}");
        let run = Command::new("mount")
            .args(["-o", &options])
            .arg(&self.path)
            .status();
        assert!(run.unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The folder of the shop cannot be removed before.
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(&self.path)
            .status();
    }
}
