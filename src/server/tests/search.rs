//! What a search asks and what it answers.

use serde_json::{Value, json};

use crate::fakes::{data_uri, made, png};
use crate::http::Server;
use crate::marqo::shop;

fn search(server: &Server, body: Value) -> Value {
    server.ok("/indexes/shop/search", &body)
}

fn ids(answer: &Value) -> Vec<&str> {
    let hits = answer["hits"].as_array().unwrap();
    hits.iter()
        .map(|hit| hit["_id"].as_str().unwrap())
        .collect()
}

#[test]
fn a_hit_says_what_it_is_and_why() {
    let dir = tempfile::tempdir().unwrap();
    let server = shop(made(dir.path()));
    let answer = search(&server, json!({"q": "red", "limit": 2}));
    assert_eq!(
        (&answer["query"], &answer["limit"], &answer["offset"]),
        (&json!("red"), &json!(2), &json!(0))
    );
    assert_eq!(
        (&answer["match"], &answer["exact"]),
        (&json!("similar"), &json!(true))
    );
    assert!(answer["processingTimeMs"].is_u64());
    let hit = &answer["hits"][0];
    assert_eq!(
        (&hit["_score"], &hit["match"]),
        (&json!(1.0), &json!("similar"))
    );
    assert_eq!(hit["_highlights"], json!([{"colour": "red"}]));
    assert_eq!(hit["category"]["name"], "Shoes");
    assert_eq!(hit["why"][0]["part"], "text");
    assert_eq!(hit["why"][0]["matched"][0]["word"], "red");
    let lean = search(
        &server,
        json!({"q": "red", "attributesToRetrieve": ["price"], "showHighlights": false}),
    );
    let fields: Vec<&String> = lean["hits"][0].as_object().unwrap().keys().collect();
    assert!(
        fields
            .iter()
            .all(|name| ["_id", "_score", "price"].contains(&name.as_str())),
        "{fields:?}"
    );
    let nothing = search(&server, json!({"q": "something else"}));
    assert_eq!(nothing["match"], "no_good_match");
}

#[test]
fn words_pictures_and_rows_are_asked_together() {
    let dir = tempfile::tempdir().unwrap();
    let server = shop(made(dir.path()));
    let blue = data_uri(&png([0, 0, 199]));
    for body in [
        json!({"q": "blue"}),
        json!({ "q": blue }),
        json!({"q": "https://shop.example/blue.png"}),
        json!({ "image": blue }),
        json!({"image": {"https://shop.example/blue.png": 2}, "q": "red^"}),
        json!({"q": {"blue": 1, "red": -1}}),
        json!({"q": "blue", "minus": ["red"]}),
        json!({"q": "x", "minus_image": "https://shop.example/red.png"}),
    ] {
        assert_eq!(ids(&search(&server, body.clone()))[0], "blue", "{body}");
    }
    let like = search(&server, json!({"like": "red"}));
    assert_eq!(ids(&like), ["dark", "blue"]);
    assert_eq!(
        like["asked"],
        json!([{"kind": "like", "value": "red", "weight": 1.0}])
    );
    let shown = search(&server, json!({ "q": blue }));
    assert_eq!(
        shown["query"], "data:image/png;base64,…",
        "a picture is not sent back"
    );
}

#[test]
fn pages_and_filters_of_both_kinds() {
    let dir = tempfile::tempdir().unwrap();
    let server = shop(made(dir.path()));
    let all = search(&server, json!({"like": "red", "q": "red"}));
    let second = search(
        &server,
        json!({"like": "red", "q": "red", "limit": 1, "offset": 1}),
    );
    assert_eq!(ids(&second), ids(&all)[1..2]);
    for (body, expected) in [
        (
            json!({"q": "red", "filter": "price:[40 TO 60]"}),
            vec!["blue"],
        ),
        (
            json!({"q": "red", "filter": "brand:Acme AND price:[* TO 60]"}),
            vec!["blue"],
        ),
        (json!({"q": "red", "where": "price <= 20"}), vec!["red"]),
        (
            json!({"q": "red", "where": "price <= 60", "filter": "NOT brand:Acme"}),
            vec!["red"],
        ),
        (json!({"q": "red", "where": "sku = S-1"}), vec!["dark"]),
    ] {
        assert_eq!(ids(&search(&server, body.clone())), expected, "{body}");
    }
    let counted = search(
        &server,
        json!({"q": "red", "facets": "hits", "where": "price <= 60"}),
    );
    assert_eq!(
        (&counted["facets"]["over"], &counted["facets"]["photos"]),
        (&json!("hits"), &json!(2))
    );
}
