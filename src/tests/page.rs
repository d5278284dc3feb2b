//! The page in a real browser, headless: `src/tests/page/check.mjs` says what is looked at.
//!
//! What it needs comes by name: `chromium` from Debian, and from npm what `page/package.json` pins, which
//! `make test` puts into the cache.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::serve::Served;
use crate::shop::{Shop, finish};

/// Where `make test` puts the npm packages.
fn modules() -> PathBuf {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(home);
    let cache = std::env::var_os("SHOWROOM_CACHE")
        .map(PathBuf::from)
        .or_else(|| Some(cache?.join("showroom")));
    let modules = cache.expect("a cache").join("page-tests");
    let hint = "is not there: make unit puts it there";
    assert!(
        modules.join("node_modules/playwright-core").is_dir(),
        "{} {hint}",
        modules.display()
    );
    modules
}

/// Ended when it is dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Holds that every check passes against the server at `base`; `words` find some of its photos.
fn check(base: &str, words: &str) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checks = Command::new("node")
        .arg(here.join("src/tests/page/check.mjs"))
        .args(["--base", base, "--words", words])
        .arg("--modules")
        .arg(modules())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("node is there");
    let run = finish(checks);
    assert_eq!(run.code, Some(0), "{}\n{}", run.stdout, run.stderr);
}

#[test]
fn the_page_does_what_it_should_with_a_hundred_thousand_products() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut mock = Command::new("node");
    mock.arg(here.join("src/tests/page/mock.mjs"))
        .arg("--page")
        .arg(here.join("src/server/page"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut server = Server(mock.spawn().expect("node is there"));
    let mut base = String::new();
    let stdout = server.0.stdout.take().expect("it is piped");
    BufReader::new(stdout).read_line(&mut base).unwrap();
    check(base.trim(), "red shoe");
}

#[test]
fn the_page_does_what_it_should_with_the_server_itself() {
    let shop = Shop::with_photos(40);
    shop.ingest();
    let kinds = "[kind]\nball | round toy\ncarton | box\n";
    fs::write(shop.dir().join("kind.txt"), kinds).unwrap();
    shop.ok(&["labels", "learn", "kind.txt"]);
    shop.ok(&["labels", "apply"]);
    let server = Served::start(&shop, &["--studio-model", "u2netp"]);
    check(&format!("http://{}", server.address), "box");
    drop(server);
    // What was decided there is kept, and tagging again keeps to it.
    let log = fs::read_to_string(shop.store.join("decisions.jsonl")).unwrap();
    assert!(
        log.contains("\"verdict\"") && log.contains("\"undo\""),
        "{log}"
    );
    shop.ok(&["tag", "--force"]);
    shop.verify();
}
