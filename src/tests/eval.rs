//! `showroom eval`: a shop's own photos beside what the shop says of them.

use std::fs;

use serde_json::{Value, json};

use crate::pictures::COLOURS;
use crate::shop::Shop;

/// Eight drawn photos; one row of the truth has no photo, one photo no row.
fn shop() -> Shop {
    let shop = Shop::with_photos(9);
    let row = |at: usize| {
        let colour = COLOURS[at % 4].0;
        format!("{at:04}.jpg,,thing,{colour}\n")
    };
    let rows: String = (0..8).map(row).collect();
    let truth = format!("file,item,label,colour\n{rows}gone.jpg,,thing,red\n");
    fs::write(shop.photos().join("truth.csv"), truth).unwrap();
    let questions = "query,labels,colours\nred,thing,red\nblue,thing,blue\nhat,hat,\n";
    fs::write(shop.photos().join("queries.csv"), questions).unwrap();
    shop
}

#[test]
fn a_shop_measures_its_own_photos_and_the_run_can_be_repeated() {
    let shop = shop();
    let first = shop.json(&["eval", "photos", "-o", "out"]);
    let found = &first["results"];
    assert_eq!(
        [&found["photos"], &found["unknown"], &found["missing"]],
        [&json!(8), &json!(1), &json!(1)]
    );
    let colour = &found["colour"]["right"];
    assert_eq!(
        [&colour["value"], &colour["of"]],
        [&json!(1.0), &json!(8)],
        "{colour}"
    );
    let text = &found["text"]["colour+type"];
    assert_eq!(text["recall_at_1"]["value"], json!(1.0), "{text}");
    assert_eq!(found["left_out_questions"].as_array().unwrap().len(), 1);
    assert_eq!(found["same_item"], Value::Null);
    assert_eq!(found["same_label"]["recall_at_1"]["value"], json!(1.0));
    let models = first["manifest"]["models"].as_array().unwrap();
    let hashes = models.iter().flat_map(|m| m["files"].as_array().unwrap());
    assert!(hashes.clone().count() >= 4);
    assert!(
        hashes
            .into_iter()
            .all(|file| file["sha256"].as_str().unwrap().len() == 64)
    );
    let kept = fs::read_to_string(shop.dir().join("out/results.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&kept).unwrap(), first);
    let page = fs::read_to_string(shop.dir().join("out/results.md")).unwrap();
    assert!(
        page.contains("| main colour, right of these | 1.000 |"),
        "{page}"
    );
    assert!(!shop.store.exists(), "the catalogue was a temporary one");

    // The same of a catalogue that is there.
    shop.ingest();
    let truth = [
        "--truth",
        "photos/truth.csv",
        "--queries",
        "photos/queries.csv",
    ];
    let second = shop.json(&[&["eval"], &truth[..]].concat());
    assert_eq!(second["manifest"], first["manifest"]);
    assert_eq!(second["results"], first["results"]);
}

#[test]
fn it_tells_what_a_part_of_the_way_is_worth() {
    let shop = shop();
    let without = |parts: &str| {
        let found = shop.json(&["eval", "photos", "--without", parts]);
        assert_eq!(
            found["manifest"]["parameters"]["without"],
            json!(parts.split(',').collect::<Vec<_>>())
        );
        found["results"].clone()
    };
    // The things are drawn on white, which is what most pixels of a whole photo are.
    let whole = without("mask,tree");
    let right = whole["colour"]["right"]["value"].as_f64().unwrap();
    assert!(right < 0.5, "{whole}");
    let text = |results: &Value| results["text"]["colour+type"]["recall_at_1"]["value"].clone();
    let blind = without("colour-words,synonyms");
    assert_eq!(blind["colour"]["right"]["value"], json!(1.0), "{blind}");
    assert_ne!(text(&blind), json!(1.0), "{blind}");
    // What is in a catalogue was made with all parts.
    shop.ingest();
    let args = ["eval", "--truth", "photos/truth.csv", "--without", "mask"];
    let run = shop.run(&args);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("<PHOTOS>"), "{}", run.stderr);
}

#[test]
fn without_a_truth_it_says_what_is_needed() {
    let shop = Shop::with_photos(1);
    shop.run(&["eval", "photos"]).failed(3, "--truth");
    fs::write(shop.dir().join("truth.csv"), "photo\n0000.jpg\n").unwrap();
    let args = ["eval", "photos", "--truth", "truth.csv"];
    shop.run(&args).failed(3, "no column called file");
    fs::write(shop.dir().join("truth.csv"), "file\nother.jpg\n").unwrap();
    shop.run(&args)
        .failed(3, "no photo of the catalogue is named in the truth");
}
