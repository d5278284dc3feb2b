//! Full disks, read-only disks and missing rights: real ones, in namespaces of their own, so that
//! no root is needed and nothing stays behind. Where the kernel allows no namespaces, the tests
//! say so and do nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use showroom_catalog::seams::{Catalogue, StoreError};
use showroom_store::LanceCatalogue;

use crate::contract::{all, assert_sound};
use crate::new_catalogue;
use crate::sample::{changed, manifest, records};

const DIR: &str = "SHOWROOM_TEST_DISK_DIR";

fn can(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// Runs a test of this file in a new namespace.
fn run(flags: &str, child: &str, dir: &Path) {
    let output = Command::new("unshare")
        .arg(flags)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", child, "--nocapture"])
        .env(DIR, dir)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
}

fn told_dir() -> Option<PathBuf> {
    std::env::var_os(DIR).map(PathBuf::from)
}

fn mount(options: &str, dir: &Path) {
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(dir);
    assert!(can(&mut mount), "{mount:?}");
}

#[test]
fn a_full_disk_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut attempt = Command::new("unshare");
    attempt
        .args(["-rm", "mount", "-t", "tmpfs", "tmpfs"])
        .arg(dir.path());
    if !can(&mut attempt) {
        eprintln!("skipped: a small disk cannot be mounted here ({attempt:?} fails)");
        return;
    }
    run("-rm", "disk::child_on_a_small_disk", dir.path());
}

/// Not a test: the child of the one above.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_on_a_small_disk() {
    let Some(dir) = told_dir() else { return };
    mount("size=16k", &dir);
    let error = LanceCatalogue::create_or_open_for_write(&dir, &manifest())
        .await
        .err()
        .unwrap();
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
    mount("remount,size=3m", &dir);
    let catalogue = LanceCatalogue::create_or_open_for_write(&dir, &manifest())
        .await
        .unwrap();

    let mut written = 0;
    let error = loop {
        let some = records(written..written + 100);
        match catalogue.upsert(some, vec![]).await {
            Ok(()) => written += 100,
            Err(error) => break error,
        }
        assert!(written < 100_000, "the disk is never full");
    };
    assert!(written > 0);
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
    assert!(
        error.to_string().contains("run the same command again"),
        "{error}"
    );
    // Once more, with a row that is there among them; then nothing has changed.
    let mut some = records(written..written + 100);
    some.push(changed(0, "2"));
    let error = catalogue.upsert(some.clone(), vec![]).await.unwrap_err();
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
    for catalogue in [
        &catalogue,
        &LanceCatalogue::open_for_read(&dir).await.unwrap(),
    ] {
        assert_eq!(all(catalogue).await, records(0..written));
        assert_eq!(catalogue.seen().await.unwrap().len(), written as usize);
        assert_sound(catalogue).await;
    }

    // Room is made, and it goes on where it stopped.
    mount("remount,size=64m", &dir);
    catalogue.upsert(some, vec![]).await.unwrap();
    let mut wanted = records(0..written + 100);
    wanted[0] = changed(0, "2");
    assert_eq!(all(&catalogue).await, wanted);
    assert_sound(&catalogue).await;
    drop(catalogue);

    mount("remount,ro", &dir);
    let error = LanceCatalogue::open_for_write(&dir).await.err().unwrap();
    assert!(
        error.to_string().contains("the file system is read-only"),
        "{error}"
    );
    let reader = LanceCatalogue::open_for_read(&dir).await.unwrap();
    assert_eq!(all(&reader).await, wanted);
}

#[tokio::test]
async fn missing_rights_are_told() {
    // In a user namespace without a mapping, not even root may do what the file modes forbid.
    if !can(Command::new("unshare").args(["-U", "true"])) {
        eprintln!("skipped: there are no user namespaces here (unshare -U true fails)");
        return;
    }
    let (dir, catalogue) = new_catalogue().await;
    catalogue.upsert(records(0..2), vec![]).await.unwrap();
    drop(catalogue);
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o500)).unwrap();
    fs::set_permissions(
        dir.path().join("writer.lock"),
        fs::Permissions::from_mode(0o400),
    )
    .unwrap();
    run("-U", "disk::child_without_rights", dir.path());
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
}

/// Not a test: the child of the one above.
#[tokio::test]
async fn child_without_rights() {
    let Some(dir) = told_dir() else { return };
    let writer = LanceCatalogue::open_for_write(&dir).await;
    let below = LanceCatalogue::create_or_open_for_write(&dir.join("new"), &manifest()).await;
    for error in [writer.err().unwrap(), below.err().unwrap()] {
        assert!(
            error
                .to_string()
                .contains("permission denied; give this user"),
            "{error}"
        );
    }
    let reader = LanceCatalogue::open_for_read(&dir).await.unwrap();
    assert_eq!(all(&reader).await, records(0..2));

    fs::set_permissions(dir.join("showroom.json"), fs::Permissions::from_mode(0o000)).unwrap();
    let error = LanceCatalogue::open_for_read(&dir).await.err().unwrap();
    assert!(error.to_string().contains("permission denied"), "{error}");
}
