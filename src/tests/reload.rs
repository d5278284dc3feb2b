//! What is learned beside a running server, and taken in without a gap.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::labels;
use crate::pictures;
use crate::serve::{KEY, PATIENCE, Served, data_uri};
use crate::shop::{Shop, text};

/// Photos that labels are learned from, and some that are not.
const PHOTOS: usize = 48;
/// None of the examples.
const NEW: usize = 45;

/// The shop's own labels among tags, as name and decision.
fn own(tags: &Value) -> Vec<(String, String)> {
    let known = pictures::COLOURS.map(|(name, _)| name);
    let tags = tags.as_array().unwrap().iter();
    tags.map(|tag| (text(&tag["name"]), text(&tag["decision"])))
        .filter(|(name, _)| known.contains(&name.as_str()))
        .collect()
}

fn tag(served: &Served) -> Vec<(String, String)> {
    let photo = data_uri(&pictures::product(NEW));
    let (status, told) = served.post("/v1/tag", &json!({ "image": photo }));
    assert_eq!(status, 200, "{told}");
    own(&told["tags"])
}

fn keys(shop: &Shop, key: &str) {
    let text = format!("[[key]]\nname = 'tests'\nscope = 'admin'\nkey = '{key}'\n");
    fs::write(shop.dir().join("keys.toml"), text).unwrap();
}

#[test]
fn a_running_server_takes_in_labels_and_keys() {
    let shop = Shop::with_photos(PHOTOS);
    shop.ingest();
    keys(&shop, KEY);
    let served = Served::start(&shop, &["--keys", "keys.toml"]);
    assert!(tag(&served).is_empty());
    fs::write(shop.dir().join("paint.toml"), labels::spec()).unwrap();
    shop.json(&["labels", "learn", "paint.toml"]);
    assert!(tag(&served).is_empty(), "nobody has asked for them yet");
    let (status, told) = served.post("/v1/reload", &json!({}));
    assert_eq!(
        (status, &told["changed"]),
        (200, &json!(["labels"])),
        "{told}"
    );
    assert_eq!(told["label_sets"], json!(["paint"]));
    let tags = tag(&served);
    let colour = pictures::COLOURS[NEW % pictures::COLOURS.len()].0;
    assert_eq!(tags[0].0, colour, "{tags:?}");

    // What is broken changes nothing.
    let file = shop.store.join("labels/paint.json");
    let whole = fs::read(&file).unwrap();
    fs::write(&file, "{").unwrap();
    let (status, told) = served.post("/v1/reload", &json!({}));
    assert_eq!((status, &told["code"]), (422, &json!("cannot_reload")));
    let message = told["message"].as_str().unwrap();
    assert!(
        message.contains("paint.json") && message.contains("showroom labels learn"),
        "{message}"
    );
    assert_eq!(tag(&served), tags);
    fs::write(&file, whole).unwrap();

    // SIGHUP does the same.
    keys(&shop, "another-key-than-that");
    served.signal("HUP");
    let began = Instant::now();
    while served.get("/indexes").0 != 401 {
        assert!(began.elapsed() < PATIENCE, "the old key still opens");
        thread::sleep(Duration::from_millis(10));
    }
    served.terminate();
    assert_eq!(served.wait(), Some(0));
    // As the command line gives them to the same photo.
    shop.json(&["labels", "apply"]);
    let exported = shop.exported();
    let same = exported
        .values()
        .find(|photo| photo["sku"] == format!("{NEW:04}"));
    assert_eq!(own(&same.unwrap()["labels"]), tags);
}
