//! Processes that are killed while they write, and two processes at once.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use showroom_catalog::seams::{Catalogue, StoreError};
use showroom_catalog::{Record, Reject};
use showroom_store::{LanceCatalogue, is_being_written};

use crate::contract::{all, assert_sound};
use crate::new_catalogue;
use crate::sample::{Random, changed, manifest, record, reject};

const DIR: &str = "SHOWROOM_TEST_CRASH_DIR";
const FIRST: &str = "SHOWROOM_TEST_CRASH_FIRST";
const KILLS: usize = 10;

/// Every column of a version says which version it is of.
fn version(number: u64, etag: u64) -> Record {
    let etag = etag.to_string();
    let mut record = changed(number, &etag);
    record.tagger = etag;
    record
}

fn bad_version(number: u64, etag: u64) -> Reject {
    reject(number, &etag.to_string())
}

/// Not a test: the child of the tests here. It writes until it is killed and says what it has
/// written, with numbers and etags that only grow.
#[test]
fn child() {
    let (Ok(dir), Ok(first)) = (std::env::var(DIR), std::env::var(FIRST)) else {
        return;
    };
    let first: u64 = first.parse().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(write_for_ever(Path::new(&dir), first));
}

async fn write_for_ever(dir: &Path, first: u64) {
    let catalogue = LanceCatalogue::create_or_open_for_write(dir, &manifest())
        .await
        .unwrap();
    let random = &mut Random::new(first + 1);
    for round in 0.. {
        let etag = first + round * 100;
        let mut photos: Vec<u64> = (etag..etag + 30).collect();
        // Older ones again, among them some that were rejected.
        photos.extend((0..10).map(|_| random.below(etag as usize + 1) as u64));
        photos.sort_unstable();
        photos.dedup();
        let rejects: Vec<u64> = (etag + 30..etag + 35).collect();
        let records = photos.iter().map(|number| version(*number, etag)).collect();
        let bad = rejects
            .iter()
            .map(|number| bad_version(*number, etag))
            .collect();
        catalogue.upsert(records, bad).await.unwrap();
        photos
            .iter()
            .for_each(|number| println!("photo {number} {etag}"));
        rejects
            .iter()
            .for_each(|number| println!("reject {number} {etag}"));
        if round % 4 == 3 {
            catalogue.compact().await.unwrap();
        }
    }
}

fn spawn(dir: &Path, first: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What was acknowledged: number → etag, of photos and of rejects.
#[derive(Default)]
struct Acknowledged {
    photos: BTreeMap<u64, u64>,
    rejects: BTreeMap<u64, u64>,
}

impl Acknowledged {
    fn hear(&mut self, line: &str) {
        // The first line may follow what the test harness prints.
        let mut words = line
            .split_whitespace()
            .skip_while(|w| *w != "photo" && *w != "reject");
        let (Some(kind), Some(number), Some(etag)) = (words.next(), words.next(), words.next())
        else {
            return;
        };
        let (number, etag) = (number.parse().unwrap(), etag.parse().unwrap());
        match kind {
            "photo" => {
                self.photos.insert(number, etag);
                self.rejects.remove(&number);
            }
            _ => {
                self.rejects.insert(number, etag);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_writing_nothing_is_lost_or_doubled() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("store");
    let mut acknowledged = Acknowledged::default();
    let random = &mut Random::new(5);
    let mut in_flight = 0;
    for kill in 0..KILLS {
        let mut child = spawn(&dir, kill as u64 * 1_000_000);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Kills some time after a random line, so that writes have begun and go on.
        let after_lines = 1 + random.below(200);
        let pause = Duration::from_millis(random.below(120) as u64);
        let mut child = Some(child);
        for (at, line) in lines.enumerate() {
            acknowledged.hear(&line.unwrap());
            if at >= after_lines
                && let Some(mut child) = child.take()
            {
                tokio::time::sleep(pause).await;
                child.kill().unwrap();
                child.wait().unwrap();
            }
        }
        assert!(child.is_none(), "the child ended by itself");

        let catalogue = LanceCatalogue::create_or_open_for_write(&dir, &manifest())
            .await
            .unwrap();
        assert_sound(&catalogue).await;
        in_flight += check(&catalogue, &acknowledged).await;
    }
    assert!(acknowledged.photos.len() > 100 && acknowledged.rejects.len() > 10);
    println!("{in_flight} rows of unacknowledged writes in {KILLS} kills");
}

/// Holds that what was acknowledged is there once, in that version or one that was being written;
/// how many rows are there that were not acknowledged.
async fn check(catalogue: &LanceCatalogue, acknowledged: &Acknowledged) -> usize {
    let rows = all(catalogue).await;
    let found: BTreeMap<&str, &Record> = rows
        .iter()
        .map(|row| (row.source.uri.as_str(), row))
        .collect();
    assert_eq!(found.len(), rows.len(), "a photo is there twice");
    let rejects = catalogue.rejects().await.unwrap();
    let rejected: BTreeSet<&str> = rejects.iter().map(|r| r.source.uri.as_str()).collect();
    assert_eq!(rejected.len(), rejects.len(), "a reject is there twice");
    let seen = catalogue.seen().await.unwrap();
    for (number, etag) in &acknowledged.photos {
        let uri = record(*number).source.uri;
        let row = found
            .get(uri.as_str())
            .unwrap_or_else(|| panic!("{uri} is lost"));
        let there: u64 = row.source.etag.parse().unwrap();
        assert!(
            there >= *etag,
            "{uri} has the older version {there}, not {etag}"
        );
        assert_eq!(**row, version(*number, there), "{uri} is a mixture");
        assert!(!rejected.contains(uri.as_str()), "{uri} is still a reject");
        assert_eq!(seen[&uri], row.source.etag);
    }
    for number in acknowledged.rejects.keys() {
        let uri = record(*number).source.uri;
        assert!(
            rejected.contains(uri.as_str()) || found.contains_key(uri.as_str()),
            "{uri}"
        );
        assert!(seen.contains_key(&uri));
    }
    let acknowledged: BTreeSet<String> = acknowledged
        .photos
        .keys()
        .map(|number| record(*number).source.uri)
        .collect();
    rows.iter()
        .filter(|row| !acknowledged.contains(&row.source.uri))
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_writes_and_another_reads() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("store");
    let mut child = spawn(&dir, 0);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Acknowledged::default();
    let mut hear = |acknowledged: &mut Acknowledged, more: usize| {
        let wanted = acknowledged.photos.len() + more;
        while acknowledged.photos.len() < wanted {
            acknowledged.hear(&lines.next().unwrap().unwrap());
        }
    };
    hear(&mut acknowledged, 1);
    let reader = LanceCatalogue::open_for_read(&dir).await.unwrap();
    for _ in 0..5 {
        hear(&mut acknowledged, 60);
        let seen = reader.seen().await.unwrap();
        for number in acknowledged.photos.keys() {
            assert!(seen.contains_key(&record(*number).source.uri), "{number}");
        }
        assert_sound(&reader).await;
        let error = LanceCatalogue::create_or_open_for_write(&dir, &manifest())
            .await
            .err()
            .unwrap();
        assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    LanceCatalogue::create_or_open_for_write(&dir, &manifest())
        .await
        .unwrap();
}

#[tokio::test]
async fn the_same_process_locks_itself_out_too() {
    let (dir, first) = new_catalogue().await;
    assert!(is_being_written(dir.path()));
    assert!(!is_being_written(&dir.path().join("nowhere")));
    let error = LanceCatalogue::open_for_write(dir.path())
        .await
        .err()
        .unwrap();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    drop(first);
    assert!(!is_being_written(dir.path()));
    LanceCatalogue::open_for_write(dir.path()).await.unwrap();
}
