//! Who reads rows to write them back undoes nothing that another wrote meanwhile.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use showroom_catalog::{Decision, Record};

use crate::fakes::{Hook, Made, Memory, data_uri, made, png};
use crate::http::Server;

const DOCUMENTS: &str = "/indexes/shop/documents";
const DECISIONS: &str = "/v1/review/decisions";
/// Long enough for a writer who does not wait to be done.
const ENOUGH: Duration = Duration::from_millis(500);

/// A server with one photo, and its row.
fn one_photo(made: Made) -> (Arc<Server>, Arc<Memory>) {
    let catalogue = made.catalogue.clone();
    let server = Arc::new(Server::start(made.parts));
    server.ok(DOCUMENTS, &added("First"));
    (server, catalogue)
}

fn added(title: &str) -> Value {
    let image = data_uri(&png([200, 0, 0]));
    json!({"documents": [{"_id": "red", "image": image, "title": title}]})
}

fn decide(row: &Record, action: &str) -> Value {
    json!({"decisions": [{"id": row.id, "label": "shoe", "action": action}]})
}

/// Asks `first`, and `second` at this moment of the first.
fn meanwhile(
    (server, catalogue): &(Arc<Server>, Arc<Memory>),
    at: impl Fn(&Memory) -> &Hook,
    first: (&str, &str, Value),
    second: (&'static str, &'static str, Value),
) {
    let (done, is_done) = mpsc::channel();
    let other = server.clone();
    let ask = move || {
        let (method, path, body) = second;
        thread::spawn(move || {
            let json = [("content-type", "application/json")];
            let answer = other.ask(method, path, &json, body.to_string().as_bytes());
            done.send(answer.status).unwrap();
        });
    };
    let (asked, is_asked) = mpsc::channel();
    *at(catalogue).lock().unwrap() = Some(Box::new(move || {
        ask();
        // One who does not wait for his turn writes now.
        thread::sleep(ENOUGH);
        asked.send(()).unwrap();
    }));
    let (method, path, body) = first;
    let json = [("content-type", "application/json")];
    let answer = server.ask(method, path, &json, body.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
    is_asked.recv().unwrap();
    assert_eq!(is_done.recv().unwrap(), 200);
}

fn shoe(row: &Record) -> Decision {
    row.labels
        .iter()
        .find(|tag| tag.id == "shoe")
        .unwrap()
        .decision
}

#[test]
fn a_document_that_changes_while_a_reviewer_decides_keeps_both() {
    let dir = tempfile::tempdir().unwrap();
    let shop = one_photo(made(dir.path()));
    let row = shop.1.records().remove(0);
    let words = json!({"documents": [{"_id": "red", "title": "Second"}]});
    meanwhile(
        &shop,
        |catalogue| &catalogue.after_read,
        ("POST", DECISIONS, decide(&row, "accept")),
        ("PATCH", DOCUMENTS, words),
    );
    let row = shop.1.records().remove(0);
    assert_eq!(
        (row.title.as_deref(), shoe(&row)),
        (Some("Second"), Decision::Accept)
    );
    // The whole photo again: new words, and what was decided of its bytes.
    let seen = row.id;
    let body = json!({"decisions": [{"id": seen, "label": "@category", "action": "reject"}]});
    meanwhile(
        &shop,
        |catalogue| &catalogue.after_read,
        ("POST", DECISIONS, body),
        ("POST", DOCUMENTS, added("Third")),
    );
    let row = shop.1.records().remove(0);
    assert_eq!(row.title.as_deref(), Some("Third"));
    assert_eq!((shoe(&row), &row.category), (Decision::Accept, &None));
}

#[test]
fn a_decision_while_a_document_changes_keeps_both() {
    let moments: [fn(&Memory) -> &Hook; 2] = [
        |catalogue| &catalogue.after_read,
        |catalogue| &catalogue.before_write,
    ];
    for at in moments {
        let dir = tempfile::tempdir().unwrap();
        let shop = one_photo(made(dir.path()));
        let row = shop.1.records().remove(0);
        let words = json!({"documents": [{"_id": "red", "title": "Second", "price": 5}]});
        let decision = ("POST", DECISIONS, decide(&row, "reject"));
        meanwhile(&shop, at, ("PATCH", DOCUMENTS, words), decision);
        let row = shop.1.records().remove(0);
        let told = (row.title.as_deref(), shoe(&row));
        assert_eq!(told, (Some("Second"), Decision::Reject));
        assert!(row.attributes.contains_key("price"));
    }
}

#[test]
fn a_photo_that_comes_again_is_what_people_said_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let (server, catalogue) = one_photo(made(dir.path()));
    let row = catalogue.records().remove(0);
    server.ok(DECISIONS, &decide(&row, "accept"));
    server.ok(DOCUMENTS, &added("Again"));
    let row = catalogue.records().remove(0);
    assert_eq!(
        (row.title.as_deref(), shoe(&row)),
        (Some("Again"), Decision::Accept)
    );
    let tagged = server.ok("/v1/tag", &json!({"image": data_uri(&png([200, 0, 0]))}));
    assert_eq!(tagged["tags"][0]["decision"], "accept");
}
