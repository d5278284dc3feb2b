//! An adapter learned from titles, and what it does for photos that have none.

use std::fs;

use serde_json::Value;

use crate::shop::{Shop, text};

const TITLED: usize = 80;
/// Photos without a title: those of a folder, after the others.
const UNTITLED: usize = 16;

/// The shape of a drawn product: every four colours another one.
fn is_round(number: usize) -> bool {
    !(number / 4).is_multiple_of(2)
}

/// A feed of the first photos. Words that no model knows stand for shapes.
fn shop(name_of: impl Fn(usize) -> &'static str) -> Shop {
    let shop = Shop::with_photos(TITLED + UNTITLED);
    let rows: String = (0..TITLED)
        .map(|at| {
            format!(
                "P-{at},{} tray {at},photos/{at:04}.jpg,known\n",
                name_of(at)
            )
        })
        .collect();
    fs::write(
        shop.dir().join("feed.csv"),
        format!("sku,title,image,listed\n{rows}"),
    )
    .unwrap();
    shop.ingest();
    shop.json(&["ingest", "feed.csv"]);
    shop
}

fn by_shape(at: usize) -> &'static str {
    match is_round(at) {
        true => "Kestrel",
        false => "Veldora",
    }
}

/// Hits among the photos without a title.
fn search(shop: &Shop, words: &str) -> Value {
    let args = [
        "search",
        "--text",
        words,
        "--where",
        "not listed = known",
        "-k",
        "16",
    ];
    let found = shop.json(&args);
    assert_eq!(found["hits"].as_array().unwrap().len(), UNTITLED, "{found}");
    found
}

/// How many of the first eight are round.
fn round_ones(found: &Value) -> usize {
    let hits = found["hits"].as_array().unwrap().iter().take(8);
    hits.filter(|hit| is_round(text(&hit["sku"]).parse().unwrap()))
        .count()
}

#[test]
fn words_of_the_shops_titles_find_photos_without_a_title() {
    let shop = shop(by_shape);
    let before = search(&shop, "Kestrel tray");
    let tried = shop.json(&["adapt", "--dry-run"]);
    assert_eq!(
        (&tried["titles"], &tried["photos"]),
        (&80.into(), &80.into())
    );
    assert_eq!(
        (&tried["helps"], &tried["used"]),
        (&true.into(), &false.into())
    );
    assert!(!shop.store.join("adapter.bin").exists());
    assert_eq!(search(&shop, "Kestrel tray")["hits"], before["hits"]);

    let learned = shop.json(&["adapt"]);
    assert_eq!(learned["used"], true, "{learned}");
    assert_eq!(learned["gain"], tried["gain"], "the same on every run");
    let [round, square] = ["Kestrel tray", "Veldora tray"].map(|words| search(&shop, words));
    let counts = [&before, &round, &square].map(round_ones);
    assert!(counts[1] >= 7 && counts[2] <= 1, "{counts:?}");
    for found in [&round, &square] {
        for hit in found["hits"].as_array().unwrap() {
            let reasons = hit["why"].as_array().unwrap();
            assert!(reasons.iter().any(|why| why["part"] == "adapter"), "{hit}");
        }
    }
    // What a hit is said to be rests on what was measured.
    let matches = |found: &Value| {
        let hits = found["hits"].as_array().unwrap().iter();
        let mut told: Vec<_> = hits
            .map(|hit| (text(&hit["uri"]), hit["match"].clone()))
            .collect();
        told.sort_by(|a, b| a.0.cmp(&b.0));
        told
    };
    assert_eq!(matches(&round), matches(&before));
    let blue = search(&shop, "blue");
    assert!(
        !blue.to_string().contains("adapter"),
        "colours are measured"
    );

    let bytes = fs::read(shop.store.join("adapter.bin")).unwrap();
    fs::write(shop.store.join("adapter.bin"), &bytes[..bytes.len() / 2]).unwrap();
    let run = shop.ok(&["search", "--text", "Kestrel tray", "--json"]);
    assert!(
        run.stderr.contains("damaged") && run.stderr.contains("showroom adapt"),
        "{run:?}"
    );
    fs::write(shop.store.join("adapter.bin"), &bytes).unwrap();
    assert_eq!(search(&shop, "Kestrel tray")["hits"], round["hits"]);
    #[cfg(unix)]
    a_server_takes_titles_in_and_lets_them_go(&shop, &bytes, [&before, &round]);
    #[cfg(not(unix))]
    assert_eq!(shop.json(&["adapt", "--forget"])["forgotten"], true);
    assert_eq!(search(&shop, "Kestrel tray")["hits"], before["hits"]);
    assert_eq!(shop.json(&["adapt", "--forget"])["forgotten"], false);
}

#[cfg(unix)]
fn a_server_takes_titles_in_and_lets_them_go(shop: &Shop, kept: &[u8], found: [&Value; 2]) {
    use crate::serve::Served;
    use serde_json::json;

    let skus = |found: &Value| -> Vec<String> {
        let hits = found["hits"].as_array().unwrap().iter();
        hits.map(|hit| text(&hit["sku"])).collect()
    };
    let [plain, adapted] = found.map(skus);
    assert_ne!(plain, adapted);
    let served = Served::start(shop, &[]);
    let ask = || {
        let body = json!({"q": "Kestrel tray", "where": "not listed = known", "limit": 16});
        skus(&served.post("/indexes/shop/search", &body).1)
    };
    let reload = || served.post("/v1/reload", &json!({}));
    assert_eq!(ask(), adapted);
    assert_eq!(reload().1["changed"], json!([]));
    let file = shop.store.join("adapter.bin");
    fs::write(&file, &kept[..kept.len() / 2]).unwrap();
    let (status, told) = reload();
    let message = told["message"].as_str().unwrap();
    assert!(status == 422 && message.contains("adapter.bin"), "{told}");
    assert!(message.contains("showroom adapt"), "{message}");
    assert_eq!(ask(), adapted, "nothing is changed");
    assert_eq!(shop.json(&["adapt", "--forget"])["forgotten"], true);
    let (_, told) = reload();
    assert_eq!(
        (&told["changed"], &told["titles"]),
        (&json!(["titles"]), &json!(false))
    );
    assert_eq!(ask(), plain);
}

#[test]
fn titles_that_say_nothing_of_the_photos_are_not_used() {
    // Names by a rule that no photo shows.
    let shop = shop(|at| ["Kestrel", "Veldora"][(at * at / 3 + at / 16) % 2]);
    fs::write(
        shop.store.join("adapter.bin"),
        b"of a time with other titles",
    )
    .unwrap();
    let tried = shop.json(&["adapt"]);
    assert_eq!(
        (&tried["helps"], &tried["used"]),
        (&false.into(), &false.into()),
        "{tried}"
    );
    assert!(!shop.store.join("adapter.bin").exists());
}

#[test]
fn a_catalogue_without_titles_is_told_what_it_lacks() {
    let shop = Shop::with_photos(2);
    shop.run(&["adapt"]).failed(5, "there is no catalogue");
    shop.ingest();
    shop.run(&["adapt"]).failed(3, "0 different titles");
}
