//! A shop's own labels, from a list of examples to a decision that holds.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::pictures::{self, COLOURS};
use crate::shop::{Shop, text};

const PHOTOS: usize = 48;
/// The first are examples, ten of each colour.
const EXAMPLES: usize = 40;

/// The own labels of each photo that is accepted or to be reviewed, by the SKU.
fn labels(shop: &Shop) -> BTreeMap<String, Vec<String>> {
    let names = ["red", "blue", "green", "black"];
    shop.exported()
        .values()
        .map(|photo| {
            let labels = photo["labels"].as_array().unwrap();
            let used = labels.iter().filter(|label| label["decision"] != "reject");
            let own = used
                .map(|label| text(&label["name"]))
                .filter(|name| names.contains(&name.as_str()));
            (text(&photo["sku"]), own.collect())
        })
        .collect()
}

/// A label set of the colours, with examples.
pub fn spec() -> String {
    let mut toml = "[[group]]\nname = \"Paint\"\ncolour = 8.0\n".to_string();
    for (at, (name, _)) in COLOURS.iter().enumerate() {
        let skus: Vec<String> = (at..EXAMPLES)
            .step_by(COLOURS.len())
            .map(|number| format!("\"{number:04}\""))
            .collect();
        toml += &format!(
            "[[group.label]]\nname = \"{name}\"\nexamples = [{}]\n",
            skus.join(", ")
        );
    }
    toml
}

#[test]
fn own_labels_are_learned_applied_and_decided() {
    let shop = Shop::with_photos(PHOTOS);
    shop.ingest();
    let before = shop.exported();
    fs::write(shop.dir().join("paint.toml"), spec()).unwrap();
    learn(&shop);
    apply(&shop);
    decide(&shop);
    folder(&shop);
    let forgotten = shop.json(&["labels", "forget", "paint"]);
    assert!(forgotten["tagged"].as_u64().unwrap() > 40, "{forgotten}");
    assert_eq!(shop.exported(), before, "nothing is left of the label set");
    shop.run(&["labels", "forget", "paint"])
        .failed(3, "no label set \"paint\"");
    shop.verify();
    bad_input(&shop);
}

fn learn(shop: &Shop) {
    let learned = shop.json(&["labels", "learn", "paint.toml"]);
    assert_eq!(learned["name"], "paint");
    let group = &learned["groups"][0];
    assert_eq!(
        (&group["name"], &group["exclusive"]),
        (&"Paint".into(), &true.into())
    );
    assert_eq!(group["held_back"], EXAMPLES);
    assert!(group["accuracy"].as_f64().unwrap() > 0.9, "{group}");
    assert!(
        group["compared"].as_array().unwrap().len() >= 2,
        "ten examples make a head: {group}"
    );
    let ece = group["reliability"]["ece"].as_f64().unwrap();
    assert!((0.0..0.4).contains(&ece), "{ece}");
    assert_eq!(shop.json(&["labels", "show", "paint"]), learned);
    let shown = shop.ok(&["labels", "show"]).stdout;
    assert!(
        shown.contains("expected calibration error") && shown.contains("ACCEPT FROM"),
        "{shown}"
    );
    // Without --json nothing but the file is written with -o.
    shop.ok(&[
        "labels",
        "learn",
        "paint.toml",
        "-o",
        "kept.json",
        "--name",
        "other",
    ]);
    assert_eq!(
        shop.json(&["labels", "show", "./kept.json"])["name"],
        "other"
    );
    shop.run(&["labels", "show", "other"])
        .failed(3, "no label set \"other\"");
}

fn apply(shop: &Shop) {
    let applied = shop.json(&["labels", "apply"]);
    assert!(applied["tagged"].as_u64().unwrap() > 40, "{applied}");
    let found = labels(shop);
    let right = (EXAMPLES..PHOTOS)
        .filter(|number| found[&format!("{number:04}")] == [COLOURS[number % COLOURS.len()].0]);
    assert!(right.count() >= 7, "{found:?}");
    assert!(
        found.values().all(|labels| labels.len() <= 1),
        "they exclude one another: {found:?}"
    );
    let again = shop.json(&["labels", "apply", "paint"]);
    assert_eq!(
        (&again["tagged"], &again["current"]),
        (&0.into(), &PHOTOS.into()),
        "{again}"
    );
    let red = shop
        .ok(&["export", "--where", "label = 'paint/red'"])
        .stdout
        .lines()
        .count();
    assert_eq!(
        red,
        found.values().filter(|labels| *labels == &["red"]).count()
    );
}

fn decide(shop: &Shop) {
    let own = |shop: &Shop, sku: &str| labels(shop)[sku].clone();
    let was = own(shop, "0044");
    let decided = shop.json(&["labels", "decide", "0044", "green", "accept"]);
    assert_eq!(
        (&decided["label"], &decided["verdict"]),
        (&"paint/green".into(), &"accept".into())
    );
    assert_ne!(was, ["green"], "it was drawn red");
    assert_eq!(own(shop, "0044"), ["green"]);
    shop.ok(&["labels", "decide", "0045", "Paint/blue", "reject"]);
    assert!(!own(shop, "0045").contains(&"blue".to_string()));
    // It survives what would write the tags anew.
    shop.ok(&["tag", "--force"]);
    shop.ok(&["labels", "apply"]);
    assert_eq!(own(shop, "0044"), ["green"]);
    assert!(!own(shop, "0045").contains(&"blue".to_string()));
    let log = fs::read_to_string(shop.store.join("decisions.jsonl")).unwrap();
    assert_eq!(log.lines().count(), 2);
    // Learning counts it in.
    let learned = shop.json(&["labels", "learn", "paint.toml"]);
    assert_eq!(learned["groups"][0]["held_back"], EXAMPLES + 2, "{learned}");
    let waiting: Vec<Value> = shop.ok(&["labels", "review", "--json"]).lines();
    assert!(
        waiting.iter().all(|line| line["sku"] != "0044"),
        "it is decided"
    );
    let doubt = |line: &Value| line["calibrated"].as_f64().map_or(0.0, |p| (p - 0.5).abs());
    assert!(
        waiting.is_sorted_by(|a, b| doubt(a) <= doubt(b)),
        "{waiting:?}"
    );
}

/// Photos in folders, of which one is not in the catalogue and one is none.
fn folder(shop: &Shop) {
    for number in 0..8 {
        let name = format!("shapes/form/{}/{number}.jpg", ["box", "ball"][number / 4]);
        let path = shop.dir().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, pictures::product(number)).unwrap();
    }
    let stranger = shop.dir().join("shapes/form/ball/stranger.jpg");
    fs::write(stranger, pictures::product(1004)).unwrap();
    fs::write(
        shop.dir().join("shapes/form/ball/broken.jpg"),
        b"no picture",
    )
    .unwrap();
    let run = shop.ok(&["labels", "learn", "shapes", "--json"]);
    assert!(run.stderr.contains("broken.jpg"), "{}", run.stderr);
    let learned: Value = run.parse();
    let group = &learned["groups"][0];
    assert_eq!(
        (&group["name"], &group["way"]),
        (&"form".into(), &"neighbours".into())
    );
    assert_eq!(group["held_back"], 9, "{group}");
    assert!(
        group["labels"][0]["accept_from"].is_null(),
        "too few to accept: {group}"
    );
    shop.ok(&["labels", "apply", "shapes"]);
    shop.ok(&["labels", "forget", "shapes"]);
}

fn bad_input(shop: &Shop) {
    shop.run(&["labels", "learn", "none.txt"])
        .failed(3, "none.txt cannot be read");
    fs::write(shop.dir().join("bad.toml"), "[[group]]\nnam = 1\n").unwrap();
    shop.run(&["labels", "learn", "bad.toml"])
        .failed(3, "bad.toml: ");
    fs::write(shop.dir().join("a b.txt"), "mug\n").unwrap();
    shop.run(&["labels", "learn", "a b.txt", "--name", "a/b"])
        .failed(2, "cannot be the name");
    shop.run(&["labels", "decide", "0001", "no such label", "accept"])
        .failed(3, "no such label");
    shop.run(&["labels", "decide", "nobody", "red", "accept"])
        .failed(3, "nobody");
    fs::write(shop.dir().join("spoilt.json"), "{}").unwrap();
    shop.run(&["labels", "apply", "./spoilt.json"])
        .failed(6, "this is no label set");
}

#[test]
fn words_alone_make_labels_to_review() {
    let shop = Shop::with_photos(12);
    shop.ingest();
    fs::write(
        shop.dir().join("kind.txt"),
        "[kind]\nball | round toy\ncarton | box\n",
    )
    .unwrap();
    let learned = shop.json(&["labels", "learn", "kind.txt"]);
    let group = &learned["groups"][0];
    assert_eq!(
        (&group["way"], &group["held_back"]),
        (&"words".into(), &0.into())
    );
    assert!(group["accuracy"].is_null() && group["reliability"].is_null());
    let applied = shop.json(&["labels", "apply"]);
    for counts in applied["labels"].as_object().unwrap().values() {
        assert_eq!(counts["accept"], 0, "nothing was judged: {applied}");
    }
    // A table of judged photos calibrates them: drawn boxes are those with an even fourth.
    let rows: Vec<String> = (0..12)
        .map(|number| format!("{number:04},{}\n", ["carton", "ball"][number / 4 % 2]))
        .collect();
    let truth = format!("sku,label\n{}0001,no such\n", rows.concat());
    fs::write(shop.dir().join("truth.csv"), truth).unwrap();
    let run = shop.ok(&[
        "labels",
        "learn",
        "kind.txt",
        "--truth",
        "truth.csv",
        "--json",
    ]);
    assert!(
        run.stderr.contains("no label \"no such\""),
        "{}",
        run.stderr
    );
    let learned: Value = run.parse();
    assert_eq!(learned["groups"][0]["held_back"], 12, "{learned}");
    assert!(
        learned["groups"][0]["reliability"]["ece"]
            .as_f64()
            .is_some()
    );
}
