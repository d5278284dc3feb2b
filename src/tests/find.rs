//! Search as a shopper and a merchandiser use it: combinations, groups, diversity, facets, verdicts.

use serde_json::{Value, json};

use crate::pictures::{self, COLOURS};
use crate::shop::{Shop, text};

/// Twelve products in four colours, boxes and discs, and second views of two of them.
fn shop() -> Shop {
    let shop = Shop::with_photos(12);
    shop.add("0003__2.jpg", &pictures::product(1003));
    shop.add("0004__2.jpg", &pictures::product(1004));
    shop.ingest();
    shop
}

fn search(shop: &Shop, args: &[&str]) -> Value {
    shop.json(&[&["search"], args].concat())
}

fn hits(answer: &Value) -> &Vec<Value> {
    answer["hits"].as_array().unwrap()
}

fn skus(answer: &Value) -> Vec<String> {
    hits(answer).iter().map(|hit| text(&hit["sku"])).collect()
}

fn main_colour(hit: &Value) -> String {
    text(&hit["colours"][0]["name"])
}

#[test]
fn a_shopper_combines_photos_and_words() {
    let shop = shop();
    another_colour(&shop);
    not_that_one(&shop);
    several(&shop);
    verdicts(&shop);
    one_a_product(&shop);
    diverse(&shop);
    facets(&shop);
    wrong_usage(&shop);
}

/// A photo, but in another colour.
fn another_colour(shop: &Shop) {
    let plain = search(shop, &["--image", "photos/0004.jpg", "-k", "1"]);
    assert_eq!(main_colour(&hits(&plain)[0]), "red");
    assert_eq!(plain["match"], "same_product", "{plain}");
    for (colour, _) in &COLOURS[1..3] {
        let words = format!("but in {colour}");
        let answer = search(
            shop,
            &["--image", "photos/0004.jpg", "--text", &words, "-k", "3"],
        );
        for hit in hits(&answer) {
            assert_eq!(main_colour(hit), *colour, "{hit}");
        }
        let why = &hits(&answer)[0]["why"];
        // The photo's own colours are left out.
        assert_eq!(
            (&why[0]["part"], &why[0]["asked"]),
            (&json!("shape"), &json!("photos/0004.jpg"))
        );
        assert_eq!(
            (&why[1]["part"], &why[1]["asked"]),
            (&json!("text"), &json!(words))
        );
        assert_eq!(why[1]["matched"][0]["kind"], "colour");
        assert_eq!(why[1]["matched"][0]["word"], *colour);
        assert_eq!(why.as_array().unwrap().len(), 2);
    }
}

fn not_that_one(shop: &Shop) {
    let all = ["--text", "a ball", "-k", "50"];
    let rank_of_red = |answer: &Value| {
        let hits = hits(answer).iter().enumerate();
        let red = hits.filter(|(_, hit)| main_colour(hit) == "red");
        red.map(|(rank, _)| rank).sum::<usize>()
    };
    let plain = search(shop, &all);
    let minus = search(shop, &[&all[..], &["--minus", "red^2"]].concat());
    assert!(rank_of_red(&minus) > rank_of_red(&plain));
    assert_ne!(main_colour(&hits(&minus)[0]), "red");
    let why = &hits(&minus)[0]["why"][1];
    assert_eq!(
        (&why["asked"], &why["weight"]),
        (&json!("red"), &json!(-2.0))
    );
    assert_eq!(
        minus["query"]["asked"],
        json!([
            {"kind": "text", "value": "a ball", "weight": 1.0},
            {"kind": "minus", "value": "red", "weight": -2.0},
        ])
    );
    let unlike = search(
        shop,
        &[
            "--text",
            "a ball",
            "--minus-image",
            "photos/0000.jpg^3",
            "-k",
            "50",
        ],
    );
    let last = hits(&unlike).last().unwrap();
    assert_eq!(text(&last["sku"]), "0000", "{last}");
}

fn several(shop: &Shop) {
    let answer = search(
        shop,
        &[
            "--like",
            "0000^2",
            "--like",
            "0001^0.5",
            "--image",
            "photos/0002.jpg",
            "-k",
            "50",
        ],
    );
    let found = skus(&answer);
    assert_eq!(
        found.len(),
        12,
        "all but the two of the catalogue that were asked with"
    );
    assert!(!found.iter().any(|sku| sku == "0000" || sku == "0001"));
    assert_eq!(answer["query"]["like"], "0000");
    assert_eq!(answer["query"]["asked"][1]["weight"], 2.0);
    assert_eq!(hits(&answer)[0]["why"].as_array().unwrap().len(), 6);
}

fn verdicts(shop: &Shop) {
    let answer = search(shop, &["--text", "a violin", "-k", "2"]);
    assert_eq!(answer["match"], "no_good_match", "{answer}");
    assert_eq!(hits(&answer).len(), 2, "the nearest are shown all the same");
    let said = shop.ok(&["search", "--text", "a violin", "-k", "2"]).stdout;
    assert!(said.starts_with("no good match"), "{said}");
    let said = shop.ok(&["search", "--image", "photos/0004.jpg"]).stdout;
    assert!(
        said.contains("same product") && !said.starts_with("no good match"),
        "{said}"
    );
    let none = search(shop, &["--text", "red", "--where", "width > 9999"]);
    assert_eq!(none["match"], "no_good_match");
}

fn one_a_product(shop: &Shop) {
    let args = ["--image", "photos/0003.jpg", "-k", "50"];
    let all = search(shop, &args);
    assert_eq!(hits(&all).len(), 14);
    let grouped = search(shop, &[&args[..], &["--group-by", "sku"]].concat());
    assert_eq!(grouped["query"]["group_by"], "sku");
    let mut wanted = Vec::new();
    for sku in skus(&all) {
        if !wanted.contains(&sku) {
            wanted.push(sku);
        }
    }
    assert_eq!(
        skus(&grouped),
        wanted,
        "the best photo of each, in the same order"
    );
    assert_eq!(hits(&grouped).len(), 12);
}

fn diverse(shop: &Shop) {
    let args = ["--image", "photos/0004.jpg", "-k", "4"];
    let alike = search(shop, &args);
    let spread = search(shop, &[&args[..], &["--mmr", "0.3"]].concat());
    let colours = |answer: &Value| {
        let mut colours: Vec<String> = hits(answer).iter().map(main_colour).collect();
        colours.sort();
        colours.dedup();
        colours.len()
    };
    assert_eq!(hits(&alike)[0]["id"], hits(&spread)[0]["id"]);
    assert!(colours(&spread) > colours(&alike), "{spread}");
}

fn facets(shop: &Shop) {
    let args = [
        "--text",
        "a ball",
        "-k",
        "3",
        "--where",
        "colour = red",
        "--facets",
    ];
    let answer = search(shop, &args);
    let facets = &answer["facets"];
    let red = shop.exported().into_values().filter(|photo| {
        let colours = photo["colours"].as_array().unwrap();
        colours.iter().any(|colour| colour["name"] == "red")
    });
    let red = red.count();
    assert_eq!(
        (&facets["over"], &facets["photos"]),
        (&json!("filter"), &json!(red))
    );
    assert_eq!(facets["colour"][0], json!({"value": "red", "photos": red}));
    assert_eq!(facets["format"], json!([{"value": "jpeg", "photos": red}]));
    let hits = search(shop, &["--text", "a ball", "-k", "3", "--facets=hits"]);
    assert_eq!(hits["facets"]["over"], "hits");
    assert_eq!(hits["facets"]["photos"], 3);
    assert!(search(shop, &args[..4])["facets"].is_null());
    let said = shop.ok(&[&["search"], &args[..]].concat()).stdout;
    assert!(said.contains(&format!("colour: red {red}")), "{said}");
}

fn wrong_usage(shop: &Shop) {
    for args in [
        &["--minus", "red"] as &[&str],
        &["--text", "ball^0"],
        &["--text", "ball", "--mmr", "2"],
        &["--text", "ball", "--group-by", "colour"],
    ] {
        let run = shop.run(&[&["search"], args].concat());
        assert_eq!(run.code, Some(2), "{args:?}: {run:#?}");
    }
    let many: Vec<&str> = ["--like", "0000"].repeat(9);
    shop.run(&[&["search"], &many[..]].concat())
        .failed(2, "at most 16 parts");
    shop.run(&[
        "search",
        "--text",
        "ball",
        "--minus-image",
        "photos/none.jpg",
    ])
    .failed(3, "none.jpg");
}
