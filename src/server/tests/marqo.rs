//! Documents and searches in Marqo's shapes.

use serde_json::{Value, json};
use showroom_catalog::{AttributeValue, PhotoId};

use crate::fakes::{Made, REFUSED, data_uri, made, png};
use crate::http::{Server, form};

const DOCUMENTS: &str = "/indexes/shop/documents";
const SEARCH: &str = "/indexes/shop/search";

/// A red, a blue and a darker red shoe.
pub fn shop(made: Made) -> Server {
    let server = Server::start(made.parts);
    let added = server.ok(
        DOCUMENTS,
        &json!({
            "documents": [
                {"_id": "red", "image": "https://shop.example/red.png", "title": "Red shoe", "price": 10},
                {"_id": "blue", "image": "https://shop.example/blue.png", "brand": "Acme", "price": 50},
                {"_id": "dark", "image": data_uri(&png([150, 0, 40])), "sku": "S-1", "tags": ["a", "b"]},
            ],
            "tensorFields": ["image"], "useExistingTensors": false, "mappings": null, "modelAuth": null,
        }),
    );
    assert_eq!(added["errors"], false, "{added}");
    server
}

fn ids(answer: &Value) -> Vec<&str> {
    let hits = answer["hits"].as_array().unwrap();
    hits.iter()
        .map(|hit| hit["_id"].as_str().unwrap())
        .collect()
}

#[test]
fn documents_come_are_found_change_and_go() {
    let dir = tempfile::tempdir().unwrap();
    let made = made(dir.path());
    let catalogue = made.catalogue.clone();
    let server = shop(made);
    let red = server.get("/indexes/shop/documents/red").json();
    assert_eq!(red["_id"], "red");
    assert_eq!(
        (&red["title"], &red["price"], &red["sku"]),
        (&json!("Red shoe"), &json!(10.0), &json!("red"))
    );
    assert_eq!(red["image"], "https://shop.example/red.png");
    // The bytes are kept where the row says.
    let kept = std::fs::read(red["uri"].as_str().unwrap()).unwrap();
    assert_eq!(kept, png([200, 0, 0]));
    assert_eq!(
        server.get("/indexes/shop/documents/S-1").json()["_id"],
        "dark"
    );
    assert_eq!(
        server.get("/indexes/shop/documents/none").code(),
        "document_not_found"
    );
    let stats = server.get("/indexes/shop/stats").json();
    assert_eq!(
        (&stats["numberOfDocuments"], &stats["numberOfVectors"]),
        (&json!(3), &json!(9))
    );

    // Words alone change what is said of a photo.
    server.ok(
        DOCUMENTS,
        &json!({"documents": [{"_id": "red", "price": 12, "new": true}]}),
    );
    let red = server.get("/indexes/shop/documents/red").json();
    assert_eq!(
        (&red["title"], &red["price"], &red["new"]),
        (&json!("Red shoe"), &json!(12.0), &json!(true))
    );
    // The same _id again takes its place.
    server.ok(
        DOCUMENTS,
        &json!({"documents": [{"_id": "red", "image": data_uri(&png([250, 9, 9]))}]}),
    );
    let red = server.get("/indexes/shop/documents/red").json();
    assert_eq!((&red["title"], &red["price"]), (&Value::Null, &Value::Null));
    assert_eq!(
        std::fs::read(red["uri"].as_str().unwrap()).unwrap(),
        png([250, 9, 9])
    );
    assert_eq!(catalogue.records().len(), 3);

    let deleted = server.ok(
        &format!("{DOCUMENTS}/delete-batch"),
        &json!(["red", "S-1", "nobody", "red"]),
    );
    assert_eq!(deleted["status"], "succeeded");
    assert_eq!(
        deleted["details"],
        json!({"receivedDocumentIds": 4, "deletedDocuments": 2})
    );
    assert_eq!(
        deleted["items"][2],
        json!({"_id": "nobody", "status": 404, "result": "not_found"})
    );
    let left: Vec<Option<String>> = catalogue
        .records()
        .into_iter()
        .map(|r| r.source.sku)
        .collect();
    assert_eq!(left, [Some("blue".to_string())]);
    assert!(!std::path::Path::new(red["uri"].as_str().unwrap()).exists());
    // The beginning of an id is enough to look it up, and not to delete it.
    let blue = server.get("/indexes/shop/documents/blue").json()["id"]
        .as_str()
        .unwrap()[..8]
        .to_string();
    assert_eq!(
        server
            .get(&format!("/indexes/shop/documents/{blue}"))
            .status,
        200
    );
    let deleted = server.ok(&format!("{DOCUMENTS}/delete-batch"), &json!([blue]));
    assert_eq!(deleted["details"]["deletedDocuments"], 0);
}

#[test]
fn fields_change_by_patch_and_several_documents_are_read_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let made = made(dir.path());
    let catalogue = made.catalogue.clone();
    let server = shop(made);
    let json = [("content-type", "application/json")];
    let patch = |body: Value| server.ask("PATCH", DOCUMENTS, &json, body.to_string().as_bytes());
    let before = catalogue.records();
    let changed = patch(json!({"documents": [
        {"_id": "red", "price": 12, "size": "M"},
        {"_id": "nobody", "price": 1},
        {"_id": "red", "title": "Red boot"},
        {"price": 1},
        {"_id": "blue", "image": "https://shop.example/red.png"},
    ]}))
    .json();
    let items = changed["items"].as_array().unwrap();
    let told: Vec<(u64, Option<&str>)> = items
        .iter()
        .map(|item| (item["status"].as_u64().unwrap(), item["code"].as_str()))
        .collect();
    let bad = (400, Some("invalid_document"));
    assert_eq!(
        told,
        [
            (200, None),
            (404, Some("document_not_found")),
            (200, None),
            bad,
            bad
        ]
    );
    assert_eq!(
        (&changed["errors"], &changed["index_name"]),
        (&json!(true), &json!("shop"))
    );
    let after = catalogue.records();
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(
            (before.id, &before.vectors, &before.labels),
            (after.id, &after.vectors, &after.labels)
        );
    }
    let get =
        |path: &str, body: &[u8]| server.ask("GET", &format!("{DOCUMENTS}{path}"), &json, body);
    let found = get("", br#"["red", "none", "S-1"]"#).json();
    let results = found["results"].as_array().unwrap();
    let red = &results[0];
    assert_eq!(
        (&red["title"], &red["price"], &red["size"], &red["sku"]),
        (&json!("Red boot"), &json!(12.0), &json!("M"), &json!("red"))
    );
    assert_eq!(results[1], json!({"_id": "none", "_found": false}));
    assert_eq!(
        (&results[2]["_id"], &results[2]["_found"]),
        (&json!("dark"), &json!(true))
    );
    let same = get("?ids=red&ids=none&ids=S-1", b"").json();
    assert_eq!(same, found);
    // Also of a photo that was not added here: its _id is that of its bytes.
    let mut taken_in = after[0].clone();
    (taken_in.source.uri, taken_in.id) = ("/photos/a.jpg".into(), PhotoId([7; 32]));
    let id = taken_in.id.to_string();
    catalogue.put(taken_in);
    assert_eq!(
        patch(json!({"documents": [{"_id": id, "size": "L"}]})).json()["errors"],
        false
    );
    assert_eq!(
        get(&format!("?ids={id}"), b"").json()["results"][0]["size"],
        "L"
    );
    // Its first digits are enough to read it, and not to change it.
    let untyped = server.ask(
        "PATCH",
        DOCUMENTS,
        &[],
        br#"{"documents": [{"_id": "red"}]}"#,
    );
    assert_eq!(
        untyped.status, 200,
        "Marqo's client does not say that it is JSON"
    );
    let few = patch(json!({"documents": [{"_id": &id[..8], "size": "S"}]})).json();
    assert_eq!(few["items"][0]["status"], 404);
    let codes = [
        get("", b"").code(),
        get("", b"{}").code(),
        get("", b"[1]").code(),
        get("", format!("{:?}", vec!["a"; 6]).as_bytes()).code(),
        patch(json!({"documents": []})).code(),
        patch(json!({"documents": vec![json!({"_id": "a"}); 6]})).code(),
        patch(json!({})).code(),
    ];
    let invalid = "invalid_value";
    let expected = [
        "no_documents",
        invalid,
        invalid,
        "too_large",
        "no_documents",
        "too_large",
        invalid,
    ];
    assert_eq!(codes, expected);
}

#[test]
fn one_bad_document_stops_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let made = made(dir.path());
    let catalogue = made.catalogue.clone();
    let server = Server::start(made.parts);
    let added = server.ok(
        DOCUMENTS,
        &json!({"documents": [
            {"_id": "a", "image": data_uri(b"no picture")},
            {"_id": "b", "image": "https://shop.example/none.png"},
            {"_id": "c", "image": data_uri(&png([0, REFUSED, 0]))},
            {"_id": "d", "title": "no picture at all"},
            {"image": "https://shop.example/blue.png", "size": "M"},
        ]}),
    );
    assert_eq!(
        (&added["errors"], &added["index_name"]),
        (&json!(true), &json!("shop"))
    );
    let statuses: Vec<u64> = added["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [415, 424, 422, 400, 200]);
    let made_up = added["items"][4]["_id"].as_str().unwrap();
    assert_eq!(
        server.get(&format!("{DOCUMENTS}/{made_up}")).json()["size"],
        "M"
    );
    let rejected = catalogue.rejected.lock().unwrap();
    let told: Vec<(&str, &str)> = rejected
        .values()
        .map(|r| (r.stage.name(), r.code.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("decode", "bad-photo"),
            ("fetch", "fetch-failed"),
            ("encode", "bad-photo")
        ]
    );
    let record = &catalogue.records()[0];
    assert_eq!(record.attributes["size"], AttributeValue::Text("M".into()));
    assert_eq!(record.facts.product_share, 0.5);
    drop(rejected);
    let many = vec![json!({"_id": "x"}); 6];
    assert_eq!(
        server.post(DOCUMENTS, &json!({ "documents": many })).status,
        413
    );
    assert_eq!(
        server.post(DOCUMENTS, &json!({ "documents": [] })).code(),
        "no_documents"
    );
}

#[test]
fn photos_come_as_files_of_a_form() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(made(dir.path()).parts);
    let (red, blue) = (png([200, 0, 0]), png([0, 0, 200]));
    let (kind, body) = form(
        &[("documents", r#"[{"_id": "one", "title": "One"}]"#)],
        &[("image", "1.png", &red), ("image", "SKU 2.png", &blue)],
    );
    let added = server.ask("POST", DOCUMENTS, &[("content-type", &kind)], &body);
    assert_eq!(
        added.json()["items"],
        json!([{"_id": "one", "status": 200}, {"_id": "SKU 2", "status": 200}])
    );
    assert_eq!(
        server.get(&format!("{DOCUMENTS}/SKU%202")).json()["sku"],
        "SKU 2"
    );
    let (kind, body) = form(&[("limit", "1"), ("q", "red")], &[("image", "q.png", &red)]);
    let found = server
        .ask("POST", SEARCH, &[("content-type", &kind)], &body)
        .json();
    assert_eq!(ids(&found), ["one"]);
    assert_eq!(
        found["asked"][0],
        json!({"kind": "image", "value": "q.png", "weight": 1.0})
    );
}

#[test]
fn a_server_that_only_reads_takes_nothing_in() {
    let dir = tempfile::tempdir().unwrap();
    let mut made = made(dir.path());
    made.parts.uploads = None;
    let server = Server::start(made.parts);
    for (path, body) in [
        (DOCUMENTS.into(), json!({})),
        (format!("{DOCUMENTS}/delete-batch"), json!([])),
    ] {
        let answer = server.post(&path, &body);
        assert_eq!((answer.status, answer.code().as_str()), (403, "read_only"));
    }
    let json = [("content-type", "application/json")];
    assert_eq!(
        server.ask("PATCH", DOCUMENTS, &json, b"{}").code(),
        "read_only"
    );
}

#[test]
fn marqos_client_finds_what_it_looks_for() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(made(dir.path()).parts);
    assert_eq!(server.get("/").json()["version"], "2.23.1");
    assert_eq!(
        server.get("/indexes").json(),
        json!({"results": [{"indexName": "shop"}]})
    );
    assert_eq!(server.get("/indexes/shop/health").json()["status"], "green");
    assert_eq!(
        server.get("/indexes/shop/settings").json()["type"],
        "unstructured"
    );
    let error = server.get("/indexes/none/stats");
    assert_eq!(
        (error.status, error.code().as_str()),
        (404, "index_not_found")
    );
}

#[test]
fn recommendations_are_like_the_documents_and_none_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let server = shop(made(dir.path()));
    let recommend = |body: Value| server.ok("/indexes/shop/recommend", &body);
    assert_eq!(
        ids(&recommend(json!({"documents": ["red"]}))),
        ["dark", "blue"]
    );
    assert_eq!(
        ids(&recommend(json!({"documents": {"red": 1, "blue": 0.1}}))),
        ["dark"]
    );
    let with = recommend(json!({"documents": "red", "excludeInputDocuments": false, "limit": 1}));
    assert_eq!(ids(&with), ["red"]);
    let unlike = recommend(json!({"documents": {"dark": 0.5, "red": -1}, "colour_weight": 0}));
    assert_eq!(ids(&unlike), ["blue", "red"]);
    for wrong in [
        json!({"documents": []}),
        json!({"documents": {"red": -1}}),
        json!({}),
    ] {
        assert_eq!(
            server.post("/indexes/shop/recommend", &wrong).status,
            422,
            "{wrong}"
        );
    }
    assert_eq!(
        server
            .post("/indexes/shop/recommend", &json!({"documents": ["x"]}))
            .code(),
        "unknown_photo"
    );
}
