//! A run that is ended at any moment loses nothing and doubles nothing.

use std::collections::BTreeSet;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::shop::{Shop, finish};

/// Enough that no machine is through before the first kill.
const PHOTOS: usize = 200;
const KILLS: usize = 8;

#[test]
fn kill_9_at_random_moments_then_resume() {
    let shop = Shop::with_photos(PHOTOS);
    let mut random = Random::new();
    // Long enough for the models to load; stretched until a kill finds photos in the catalogue.
    let mut longest = Duration::from_millis(1500);
    let mut midway = 0;
    for _ in 0..KILLS {
        let mut child = shop
            .command(&["ingest", "photos", "--quiet"])
            .spawn()
            .unwrap();
        thread::sleep(longest.mul_f64(random.share()));
        child.kill().unwrap();
        let run = finish(child);
        assert!(run.code.is_none() || run.code == Some(0), "{run:#?}");
        let photos = shop.photos_in_catalogue() as usize;
        if photos > 0 {
            shop.verify();
            assert_eq!(shop.exported().len(), photos);
        }
        match photos {
            0 => longest = longest.mul_f64(1.6),
            PHOTOS => break,
            _ => midway += 1,
        }
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
    let child = shop.command(&["ingest", "photos"]).spawn().unwrap();
    let started = Instant::now();
    while shop.photos_in_catalogue() == 0 {
        assert!(
            started.elapsed() < Duration::from_secs(600),
            "no photo came in"
        );
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
