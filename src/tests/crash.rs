//! A run that is ended at any moment loses nothing and doubles nothing.

use std::collections::BTreeSet;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::shop::{Shop, finish};

/// More than a machine takes in between two writes of [`OFTEN`].
const PHOTOS: usize = 200;
const KILLS: usize = 8;
/// Many small writes, so that there are many moments at which some photos are in and some are not.
const OFTEN: &str = "--write-every=0.1";
/// Longest wait for a write.
const PATIENCE: Duration = Duration::from_secs(300);

#[test]
fn kill_9_at_random_moments_then_resume() {
    let shop = Shop::with_photos(PHOTOS);
    let mut random = Random::new();
    let mut midway = 0;
    for kill in 0..KILLS {
        let written = writes(&shop);
        let mut child = shop
            .command(&["ingest", "photos", "--quiet", OFTEN])
            .spawn()
            .unwrap();
        // In turn while models load, tables are made or nothing is written yet, and after a write.
        if kill % 2 == 1 {
            let started = Instant::now();
            while writes(&shop) == written && child.try_wait().unwrap().is_none() {
                assert!(started.elapsed() < PATIENCE, "nothing is written");
                thread::sleep(Duration::from_millis(2));
            }
        }
        thread::sleep(Duration::from_millis(500).mul_f64(random.share()));
        child.kill().unwrap();
        let run = finish(child);
        assert!(run.code.is_none() || run.code == Some(0), "{run:#?}");
        let photos = shop.photos_in_catalogue() as usize;
        if photos > 0 {
            shop.verify();
            assert_eq!(shop.exported().len(), photos);
        }
        midway += usize::from((1..PHOTOS).contains(&photos));
    }
    assert!(
        midway > 0,
        "no kill fell between the first photo and the last; seed {}",
        random.seed
    );

    let before = shop.exported().len();
    let summary = shop.ingest();
    assert_eq!(
        summary["unchanged"], before,
        "what was written is not done again: {summary}"
    );
    assert_eq!(summary["added"], PHOTOS - before, "{summary}");
    assert_all_there(&shop);
}

#[cfg(unix)]
#[test]
fn ctrl_c_finishes_what_is_in_flight() {
    let shop = Shop::with_photos(PHOTOS);
    let child = shop.command(&["ingest", "photos", OFTEN]).spawn().unwrap();
    let started = Instant::now();
    while shop.photos_in_catalogue() == 0 {
        assert!(started.elapsed() < PATIENCE, "no photo came in");
        thread::sleep(Duration::from_millis(50));
    }
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -INT {}", child.id())])
        .status();
    assert!(sent.unwrap().success());
    let run = finish(child);
    run.failed(130, "interrupted");

    let before = shop.photos_in_catalogue() as usize;
    assert!((1..PHOTOS).contains(&before), "{before}");
    shop.verify();
    let summary = shop.ingest();
    assert_eq!(summary["unchanged"], before, "{summary}");
    assert_eq!(summary["added"], PHOTOS - before, "{summary}");
    assert_all_there(&shop);
}

/// Versions of the table of photos: one more with every write.
fn writes(shop: &Shop) -> usize {
    std::fs::read_dir(shop.store.join("photos.lance/_versions")).map_or(0, Iterator::count)
}

#[track_caller]
fn assert_all_there(shop: &Shop) {
    let names: BTreeSet<String> = shop
        .exported()
        .keys()
        .map(|uri| uri.rsplit('/').next().unwrap().to_string())
        .collect();
    let wanted: BTreeSet<String> = (0..PHOTOS).map(|at| format!("{at:04}.jpg")).collect();
    assert_eq!(names, wanted);
    let ids: BTreeSet<String> = shop
        .exported()
        .values()
        .map(|photo| photo["id"].to_string())
        .collect();
    assert_eq!(ids.len(), PHOTOS, "each photo has its own bytes");
    assert!(shop.rejects().is_empty());
    shop.verify();
}

/// Other moments every time; the seed is shown where a test fails.
struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    fn new() -> Random {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let seed = now.subsec_nanos().into();
        Random { seed, state: seed }
    }

    /// From 0 to 1 (SplitMix64).
    fn share(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.state;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) as f64 / u64::MAX as f64
    }
}
