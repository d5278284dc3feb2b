//! Feeds whose photos are at web addresses.

use std::fs;
use std::path::Path;

use showroom_catalog::feed::Table;
use showroom_pipeline::*;
use tempfile::{TempDir, tempdir};

use crate::fakes::*;
use crate::web::{Site, reply};

/// `/N.png` is a photo in a colour of its own, for N from 0 to 8.
fn site() -> Site {
    Site::new(|path, stream| {
        let name = path.split('?').next().unwrap_or_default();
        match name.strip_prefix('/').and_then(|n| n.strip_suffix(".png")) {
            Some("broken") => reply(stream, "200 OK", "", b"no picture"),
            Some("busy") => reply(stream, "503 Busy", "Retry-After: 1\r\n", b""),
            Some("moved") => reply(stream, "301 Moved", "Location: /1.png\r\n", b""),
            Some(n) if n.len() == 1 => {
                reply(stream, "200 OK", "", &png([n.as_bytes()[0], 100, 200]))
            }
            _ => reply(stream, "404 Not Found", "", b""),
        }
    })
}

fn feed(rows: &str) -> TempDir {
    let dir = tempdir().unwrap();
    put(dir.path(), "local.png", &png([1, 2, 3]));
    fs::write(
        dir.path().join("feed.csv"),
        format!("sku,title,image\n{rows}"),
    )
    .unwrap();
    dir
}

fn take(dir: &Path, web: Option<Web>, catalogue: &Memory) -> IngestSummary {
    let path = dir.join("feed.csv").canonicalize().unwrap();
    let table: Box<dyn Table> = Box::new(CsvTable::new(path.to_str().unwrap().into()));
    let feed = FeedSource::new(table, &Mapping::default(), None)
        .unwrap()
        .with_web(web.clone());
    run_ok(&Sources::new(vec![Box::new(feed)], web), catalogue)
}

#[test]
fn photos_at_web_addresses_are_taken_in_and_bad_ones_are_rejects() {
    let site = site();
    let at = |path: &str| site.url(path);
    let dir = feed(&format!(
        "A,one,{}|local.png\nB,two,\"{},{}\"\nC,three,{}\nD,four,{}\nE,five,{}\nF,six,http://127.0.0.1:9/x.png\n\
         G,seven,{}\n",
        at("/1.png"),
        at("/2.png?v=1,5;a"),
        at("/3.png"),
        at("/gone.png"),
        at("/broken.png"),
        at("/busy.png"),
        at("/moved.png"),
    ));
    let catalogue = Memory::new();
    let web = Some(Web::new(site.allowed()));
    let summary = take(dir.path(), web.clone(), &catalogue);
    assert_eq!(counts(&summary), [9, 0, 5, 0, 4]);
    let mut rejects: Vec<String> = catalogue
        .rejected()
        .iter()
        .map(|reject| {
            let name = reject.source.uri.rsplit('/').next().unwrap();
            format!("{name} {} {}", reject.stage.name(), reject.code)
        })
        .collect();
    rejects.sort();
    assert_eq!(
        rejects,
        [
            "broken.png decode not-an-image",
            "busy.png fetch not-fetched",
            "feed.csv#row=7 list not-a-file",
            "gone.png fetch not-found",
        ]
    );
    let record = catalogue
        .records()
        .into_iter()
        .find(|record| record.source.uri == at("/1.png"))
        .unwrap();
    assert_eq!(record.source.sku.as_deref(), Some("A"));
    assert_eq!(record.title.as_deref(), Some("one"));
    assert!(record.facts.bytes > 0);

    // Again: what is in is not asked for again, what failed on the way is.
    let before = site.asked();
    let summary = take(dir.path(), web, &catalogue);
    assert_eq!(counts(&summary), [9, 6, 0, 0, 3]);
    assert_eq!(site.asked() - before, 2);
}

#[test]
fn without_a_fetcher_web_addresses_are_rejects_and_nothing_is_asked() {
    let site = site();
    let dir = feed(&format!("A,one,{}\nB,two,local.png\n", site.url("/1.png")));
    let catalogue = Memory::new();
    assert_eq!(counts(&take(dir.path(), None, &catalogue)), [2, 0, 1, 0, 1]);
    let reject = &catalogue.rejected()[0];
    assert!(reject.reason.contains("--no-fetch"), "{}", reject.reason);
    assert_eq!(site.asked(), 0);
}

#[test]
fn an_address_that_two_products_show_is_a_row_for_each() {
    let site = site();
    let url = site.url("/4.png");
    let dir = feed(&format!("A,one,{url}#top\nB,two,{url}\n"));
    let catalogue = Memory::new();
    let web = Some(Web::new(site.allowed()));
    assert_eq!(counts(&take(dir.path(), web, &catalogue)), [2, 0, 2, 0, 0]);
    let uris: Vec<String> = catalogue
        .records()
        .into_iter()
        .map(|record| record.source.uri)
        .collect();
    assert_eq!(uris, [url.clone(), format!("{url}#sku=B")]);
}
