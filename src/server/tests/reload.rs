//! What was learned beside a running server, and how it is taken in.

use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};
use showroom_catalog::decide::KnownLabel;
use showroom_catalog::seams::{ModelError, TextQuery};
use showroom_server::{Key, Keys, Learned, Reload, Scope};

use crate::fakes::{FakeLabels, data_uri, made, png};
use crate::http::Server;

const ADMIN: &str = "a-key-that-manages";

/// Whatever is said, it means blue.
struct AllIsBlue;

impl TextQuery for AllIsBlue {
    fn text_query(&self, _: &str) -> Result<Vec<f32>, ModelError> {
        Ok(vec![0.0, 1.0, 0.0])
    }
}

/// What the next reload finds.
struct Files(Mutex<Result<Learned, String>>);

impl Reload for Files {
    fn read(&self) -> Result<Learned, String> {
        self.0.lock().unwrap().clone()
    }
}

fn server(dir: &std::path::Path) -> (Server, Arc<Files>, Learned) {
    let mut made = made(dir);
    let learned = made.parts.learned.clone();
    let files = Arc::new(Files(Mutex::new(Ok(learned.clone()))));
    made.parts.reload = Some(files.clone());
    let server = Server::start(made.parts);
    let add = json!({"documents": [
        {"_id": "red", "image": data_uri(&png([200, 0, 0]))},
        {"_id": "blue", "image": data_uri(&png([0, 0, 200]))},
    ]});
    server.ok("/indexes/shop/documents", &add);
    (server, files, learned)
}

fn first(server: &Server) -> Value {
    let found = server.ok("/indexes/shop/search", &json!({"q": "red"}));
    found["hits"][0]["_id"].clone()
}

fn tags(server: &Server) -> Vec<String> {
    let image = data_uri(&png([200, 0, 0]));
    let tagged = server.ok("/v1/tag", &json!({ "image": image }));
    let tags = tagged["tags"].as_array().unwrap().iter();
    tags.map(|tag| {
        format!(
            "{} {}",
            tag["id"].as_str().unwrap(),
            tag["decision"].as_str().unwrap()
        )
    })
    .collect()
}

#[test]
fn what_was_learned_counts_from_then_on() {
    let dir = tempfile::tempdir().unwrap();
    let (server, files, learned) = server(dir.path());
    assert_eq!(
        (first(&server), tags(&server)),
        (json!("red"), vec!["shoe review".to_string()])
    );
    let nothing = server.ok("/v1/reload", &json!({}));
    assert_eq!(
        (&nothing["changed"], &nothing["label_sets"]),
        (&json!([]), &json!([]))
    );

    let warm = KnownLabel {
        id: "mood/warm".into(),
        name: "warm".into(),
        source: "labels:mood".into(),
        rivals: vec![],
    };
    *files.0.lock().unwrap() = Ok(Learned {
        words: Arc::new(AllIsBlue),
        titles_version: Some("1".into()),
        labellers: vec![Arc::new(FakeLabels)],
        labels: vec![warm],
        labels_version: "1".into(),
        keys: learned.keys.clone(),
    });
    let told = server.ok("/v1/reload", &json!({}));
    assert_eq!(told["changed"], json!(["titles", "labels"]));
    assert_eq!(
        (&told["titles"], &told["label_sets"]),
        (&json!(true), &json!(["mood"]))
    );
    // Also of words that were understood, and kept, before.
    assert_eq!(first(&server), "blue");
    assert_eq!(
        tags(&server),
        ["shoe review", "mood/warm accept", "mood/calm review"]
    );
    let choices = server.get("/v1/review/choices?label=shoe&q=warm").json();
    assert_eq!(choices["choices"][0]["id"], "mood/warm");
    // A document has them too, and what a person says of one holds.
    let add = json!({"documents": [{"_id": "red", "image": data_uri(&png([200, 0, 0]))}]});
    server.ok("/indexes/shop/documents", &add);
    let id = server.get("/indexes/shop/documents/red").json()["id"].clone();
    let decisions = json!({"decisions": [{"id": id, "label": "mood/calm", "action": "reject"}]});
    assert_eq!(server.ok("/v1/review/decisions", &decisions)["decided"], 1);
    assert_eq!(
        tags(&server),
        ["shoe review", "mood/warm accept", "mood/calm reject"]
    );
}

#[test]
fn a_file_that_cannot_be_used_changes_nothing_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (server, files, _) = server(dir.path());
    let reason =
        "/shop/labels/mood.json: this is no label set; learn it again with `showroom labels learn`";
    *files.0.lock().unwrap() = Err(reason.into());
    let refused = server.post("/v1/reload", &json!({}));
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (422, "cannot_reload")
    );
    assert_eq!(
        refused.json()["message"],
        format!("{reason}; nothing is changed")
    );
    assert_eq!((first(&server), tags(&server).len()), (json!("red"), 1));
}

#[test]
fn other_keys_hold_at_once_and_whoever_is_being_answered_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let mut made = made(dir.path());
    let seen = made.seen.clone();
    let keys = |key: &str| Keys::new(vec![Key::new("a", Scope::Admin, key)]);
    made.parts.learned.keys = keys(ADMIN);
    let other = Learned {
        keys: keys("the-next-key-to-come"),
        ..made.parts.learned.clone()
    };
    made.parts.reload = Some(Arc::new(Files(Mutex::new(Ok(other)))));
    let server = Arc::new(Server::start(made.parts));
    let ask = |server: &Server, path: &str, key: &str, body: Value| {
        let bearer = format!("Bearer {key}");
        let headers = [
            ("content-type", "application/json"),
            ("authorization", bearer.as_str()),
        ];
        server.ask("POST", path, &headers, body.to_string().as_bytes())
    };
    seen.gate.set(true);
    let waiting = {
        let server = server.clone();
        let image = json!({ "image": data_uri(&png([9, 0, 0])) });
        thread::spawn(move || ask(&server, "/v1/tag", ADMIN, image).status)
    };
    server.until(|server| server.app.in_flight() == 1);
    let told = ask(&server, "/v1/reload", ADMIN, json!({}));
    assert_eq!(told.json()["changed"], json!(["keys"]), "{told:?}");
    assert_eq!(ask(&server, "/v1/reload", ADMIN, json!({})).status, 401);
    assert_eq!(
        ask(&server, "/v1/reload", "the-next-key-to-come", json!({})).status,
        200
    );
    seen.gate.set(false);
    assert_eq!(waiting.join().unwrap(), 200);
}

#[test]
fn a_server_that_reads_nothing_again_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(made(dir.path()).parts);
    let refused = server.post("/v1/reload", &json!({}));
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (409, "nothing_to_reload")
    );
}
