//! The main job from a folder of photos to a page, one step after the other as a person takes them.

use std::fs;

use serde::Deserialize;
use serde_json::Value;

use crate::pictures::{self, COLOURS};
use crate::shop::{Shop, files, text};

/// A line of `export --format jsonl`: these fields and no others.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Photo {
    id: String,
    uri: String,
    sku: Option<String>,
    title: Option<String>,
    attributes: serde_json::Map<String, Value>,
    width: u32,
    height: u32,
    category: Option<Category>,
    colours: Vec<Colour>,
    labels: Vec<Label>,
    facts: serde_json::Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Category {
    id: String,
    name: String,
    path: Vec<String>,
    score: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Colour {
    name: String,
    hex: String,
    share: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Label {
    name: String,
    score: f64,
    decision: String,
}

/// `search --json`: these fields and no others.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    query: Value,
    r#match: String,
    hits: Vec<Hit>,
    exact: bool,
    took_ms: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Hit {
    id: String,
    uri: String,
    sku: Option<String>,
    title: Option<String>,
    score: f64,
    category: Option<Category>,
    colours: Vec<Colour>,
    r#match: String,
    why: Vec<Why>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Why {
    part: String,
    score: f64,
    asked: String,
    weight: f64,
    #[serde(default)]
    matched: Vec<Value>,
}

const PHOTOS: usize = 12;

#[test]
fn a_folder_of_photos_becomes_a_catalogue() {
    let shop = Shop::with_photos(PHOTOS - 1);
    shop.add(
        "below/deeper/ÉTÉ <1>__2.jpg",
        &pictures::product(PHOTOS - 1),
    );
    shop.add("below/list.csv", b"no photo");
    first_run(&shop);
    second_run_touches_nothing(&shop);
    a_changed_photo_is_read_again(&shop);
    export(&shop);
    search(&shop);
    tag_again(&shop);
    index(&shop);
    report(&shop);
    assert!(shop.rejects().is_empty());
    shop.verify();
}

fn first_run(shop: &Shop) {
    let summary = shop.ingest();
    assert_eq!(summary["added"], PHOTOS);
    assert_eq!(summary["rejected"], 0);
    assert_eq!(summary["interrupted"], false);
    assert_eq!(shop.exported().len(), PHOTOS);
}

fn second_run_touches_nothing(shop: &Shop) {
    let before = files(&shop.store);
    let summary = shop.ingest();
    assert_eq!(summary["unchanged"], PHOTOS);
    assert_eq!(summary["added"], 0);
    assert!(
        before == files(&shop.store),
        "a run with nothing to do wrote to the catalogue"
    );
}

fn a_changed_photo_is_read_again(shop: &Shop) {
    let id = |shop: &Shop| {
        let photos = shop.exported();
        let found = photos
            .values()
            .find(|photo| photo["sku"] == "0003")
            .unwrap();
        text(&found["id"])
    };
    let before = id(shop);
    shop.add("0003.jpg", &pictures::product(1003));
    let summary = shop.ingest();
    assert_eq!(summary["updated"], 1, "{summary}");
    assert_eq!(summary["unchanged"], PHOTOS - 1, "{summary}");
    assert_ne!(id(shop), before);
    assert_eq!(shop.exported().len(), PHOTOS);
}

fn export(shop: &Shop) {
    let run = shop.ok(&["export", "--format", "jsonl"]);
    let photos: Vec<Photo> = run.lines();
    assert_eq!(photos.len(), PHOTOS);
    for photo in &photos {
        assert_eq!(photo.id.len(), 64, "{}", photo.id);
        assert_eq!((photo.width, photo.height), (240, 240));
        assert!(
            photo.uri.starts_with('/') && photo.uri.ends_with(".jpg"),
            "{}",
            photo.uri
        );
        for fact in [
            "width",
            "height",
            "bytes",
            "format",
            "sharpness",
            "brightness",
            "clipped_dark",
            "clipped_bright",
            "border_white",
            "border_uniform",
            "transparent",
            "product_share",
            "phash",
        ] {
            assert!(photo.facts.contains_key(fact), "no {fact}");
        }
        assert_eq!(photo.facts["format"], "jpeg");
        assert!(photo.facts["border_white"].as_f64().unwrap() > 0.95);
        if let Some(category) = &photo.category {
            assert_eq!(category.path.last(), Some(&category.name));
            assert_eq!(
                category.path.len(),
                category.id.split('-').count(),
                "{}",
                category.id
            );
            assert!(category.score > 0.0 && category.score <= 1.0);
        }
        for label in &photo.labels {
            assert!(!label.name.is_empty() && (0.0..=1.0).contains(&label.score));
            assert!(["accept", "review", "reject"].contains(&label.decision.as_str()));
        }
        check_colours(photo);
    }
    let view = photos
        .iter()
        .find(|photo| photo.uri.ends_with("ÉTÉ <1>__2.jpg"))
        .unwrap();
    assert_eq!(
        view.sku.as_deref(),
        Some("ÉTÉ <1>"),
        "the view number is no part of the SKU"
    );

    let file = shop.dir().join("out.jsonl");
    shop.ok(&["export", "-o", "out.jsonl", "--where", "colour = red"]);
    let red = fs::read_to_string(file).unwrap().lines().count();
    let is_red = |photo: &&Photo| photo.colours.iter().any(|colour| colour.name == "red");
    assert_eq!(red, photos.iter().filter(is_red).count());
    assert!((1..PHOTOS).contains(&red));
}

/// The main colour is the one that the product was drawn in.
fn check_colours(photo: &Photo) {
    let main = photo.colours.first().expect("a colour");
    assert!(
        photo
            .colours
            .iter()
            .all(|colour| (0.0..=1.0).contains(&colour.share))
    );
    assert!(
        main.hex.len() == 7 && main.hex.starts_with('#'),
        "{}",
        main.hex
    );
    let Ok(number) = photo.sku.as_deref().unwrap_or_default().parse::<usize>() else {
        return;
    };
    // 1003 took the place of 3; both are of the same colour.
    let (name, _) = COLOURS[number % COLOURS.len()];
    assert_eq!(main.name, name, "{}: {}", photo.uri, main.hex);
    assert!(main.share > 0.5, "{}", main.share);
}

fn search(shop: &Shop) {
    let ask = |args: &[&str]| -> Answer {
        let answer: Answer = shop.ok(&[&["search", "--json"], args].concat()).parse();
        assert!(answer.took_ms > 0.0);
        let bands = ["no_good_match", "related", "similar", "same_product"];
        let rank = |name: &String| bands.iter().position(|band| band == name).expect("a band");
        let best = answer.hits.iter().map(|hit| rank(&hit.r#match)).max();
        assert_eq!(rank(&answer.r#match), best.unwrap_or(0));
        assert!(answer.hits.is_sorted_by(|a, b| a.score >= b.score));
        for hit in &answer.hits {
            assert_eq!(hit.id.len(), 64);
            assert!(!hit.why.is_empty());
            assert!(
                hit.why
                    .iter()
                    .all(|why| ["shape", "colour", "text"].contains(&why.part.as_str()))
            );
            assert!(
                hit.why
                    .iter()
                    .all(|why| (-1.01..=1.01).contains(&why.score))
            );
        }
        answer
    };
    let name = |hit: &Hit| hit.uri.rsplit('/').next().unwrap().to_string();
    let main_colour = |hit: &Hit| hit.colours[0].name.clone();

    let words = ask(&["--text", "a red ball", "-k", "3"]);
    assert_eq!(words.query["text"], "a red ball");
    assert_eq!(words.hits.len(), 3);
    assert_eq!(main_colour(&words.hits[0]), "red");

    let same = ask(&["--image", "photos/0004.jpg", "-k", "5"]);
    assert_eq!(name(&same.hits[0]), "0004.jpg");
    assert!(same.hits[0].score > 0.99, "{}", same.hits[0].score);

    let like = ask(&["--like", "0004", "-k", "50", "--exact"]);
    assert!(like.exact);
    assert_eq!(like.hits.len(), PHOTOS - 1, "all but the one asked with");
    assert!(like.hits.iter().all(|hit| name(hit) != "0004.jpg"));
    let by_id = ask(&["--like", &same.hits[0].id[..8], "-k", "50", "--exact"]);
    let uris = |answer: &Answer| {
        answer
            .hits
            .iter()
            .map(|hit| hit.uri.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(uris(&by_id), uris(&like));

    let shape = ask(&["--like", "0004", "--colour-weight", "0"]);
    assert!(
        shape
            .hits
            .iter()
            .all(|hit| hit.why.iter().all(|why| why.part == "shape"))
    );
    let colour = ask(&["--like", "0004", "--colour-weight", "100", "-k", "2"]);
    assert!(
        colour
            .hits
            .iter()
            .all(|hit| main_colour(hit) == COLOURS[0].0)
    );

    let black = ask(&[
        "--text",
        "a ball",
        "--where",
        "colour = black and width >= 200",
        "-k",
        "50",
    ]);
    assert!(!black.hits.is_empty());
    assert!(
        black
            .hits
            .iter()
            .all(|hit| hit.colours.iter().any(|colour| colour.name == "black"))
    );
    assert!(
        ask(&["--text", "a ball", "--where", "width > 5000"])
            .hits
            .is_empty()
    );

    let table = shop.ok(&["search", "--like", "0004"]).stdout;
    assert!(
        table.contains("SCORE") && table.contains("0008.jpg"),
        "{table}"
    );
    shop.run(&["search", "--like", "no such photo"])
        .failed(3, "no such photo");
    shop.run(&["search", "--image", "photos/none.jpg"])
        .failed(3, "none.jpg");
}

fn tag_again(shop: &Shop) {
    let before = shop.exported();
    let current = shop.json(&["tag"]);
    assert_eq!(
        (&current["tagged"], &current["current"]),
        (&0.into(), &PHOTOS.into()),
        "{current}"
    );
    let all = shop.json(&["tag", "--force"]);
    assert_eq!(all["tagged"], PHOTOS, "{all}");
    assert_eq!(shop.exported(), before, "the same tagger says the same");
}

fn index(shop: &Shop) {
    let before = shop.exported();
    for verb in ["build", "compact", "stats"] {
        let stats = shop.json(&["index", verb]);
        assert_eq!(stats["photos"], PHOTOS, "{verb}");
        assert_eq!(stats["rejects"], 0, "{verb}");
    }
    assert_eq!(shop.exported(), before);
    assert!(shop.ok(&["index", "verify"]).stdout.contains("12 photos"));
}

fn report(shop: &Shop) {
    fs::remove_file(shop.photos().join("0005.jpg")).unwrap();
    let made = shop.json(&["report", "-o", "page.html", "--text", "blue <b>box</b>"]);
    assert_eq!(made["photos"], PHOTOS);
    assert_eq!(
        made["searches"],
        1 + usize::from(shop.exported().values().any(|p| !p["category"].is_null()))
    );
    let page = fs::read_to_string(shop.dir().join("page.html")).unwrap();
    assert!(page.matches("src=\"data:image/jpeg;base64,").count() >= PHOTOS - 1);
    assert!(
        page.contains("the file is gone"),
        "0005.jpg has a placeholder"
    );
    assert!(page.contains("blue &lt;b&gt;box&lt;/b&gt;"));
    assert!(page.contains("ÉTÉ &lt;1&gt;__2.jpg"));
    assert_eq!(page.matches("<script").count(), 1);
    assert!(
        !page.contains("http://") && !page.contains("https://"),
        "the page asks another host"
    );
    let few = shop.json(&["report", "-o", "few.html", "--limit", "3"]);
    assert_eq!(few["photos"], 3);
    shop.run(&["report", "-o", "no/such/folder/page.html"])
        .failed(1, "page.html");
    shop.add("0005.jpg", &pictures::product(5));
}
