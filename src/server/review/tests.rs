//! The queue, decisions, undo and the log, over a catalogue in memory.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use showroom_catalog::decide::KnownLabel;
use showroom_catalog::decision::{CATEGORY, CategoryNode, LogEntry, PERSON};
use showroom_catalog::{Decision, PhotoId, Record};
use tower::ServiceExt;

use super::*;
use crate::fakes::{Log, Memory, category, label, photo, pictures};

struct Desk {
    catalogue: Arc<Memory>,
    log: Arc<Log>,
    reviewer: Arc<Reviewer>,
}

fn node(id: &str, names: &[&str]) -> CategoryNode {
    CategoryNode {
        id: id.into(),
        name: names.last().unwrap().to_string(),
        path: names.iter().map(ToString::to_string).collect(),
    }
}

fn own(id: &str, rivals: &[&str]) -> KnownLabel {
    KnownLabel {
        id: id.into(),
        name: id.rsplit('/').next().unwrap().into(),
        source: "labels:n".into(),
        rivals: rivals.iter().map(ToString::to_string).collect(),
    }
}

fn desk_with(records: Vec<Record>, writable: bool) -> Desk {
    let catalogue = Memory::new(records);
    let log = Arc::new(Log::default());
    let vocabulary = Vocabulary {
        categories: vec![
            node("aa-8", &["Apparel", "Shoes"]),
            node("aa-8-8", &["Apparel", "Shoes", "Sneakers"]),
            node("hg-2", &["Home", "Shoe Racks"]),
            node("hg-3", &["Home", "Boxes & Bins"]),
        ],
        labels: vec![
            own("n/crew", &["n/v"]),
            own("n/v", &["n/crew"]),
            own("m/velvet", &[]),
        ],
    };
    let store: Arc<dyn DecisionStore> = log.clone();
    let reviewer = Reviewer::new(catalogue.clone(), store, pictures(), vocabulary, writable);
    Desk {
        catalogue,
        log,
        reviewer: Arc::new(reviewer),
    }
}

/// Four photos: labels of which one half is known, all but one tenth, and nothing; an unsure
/// category, and none.
fn desk() -> Desk {
    let mut records = vec![
        photo("1", Some("A"), 1),
        photo("2", Some("B"), 2),
        photo("3", None, 3),
        photo("4", None, 4),
    ];
    records[0].labels = vec![label("n/crew", 0.4, Some(0.52)), label("mug", 0.9, None)];
    records[1].labels = vec![label("n/crew", 0.4, Some(0.9))];
    records[2].category = Some(category("aa-8", 0.6));
    records[3].category = None;
    desk_with(records, true)
}

impl Desk {
    async fn ask(&self, request: Request<Body>) -> (u16, Value) {
        let routes: Router =
            read_routes(self.reviewer.clone()).merge(write_routes(self.reviewer.clone()));
        let response = routes.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self
            .ask(Request::get(path).body(Body::empty()).unwrap())
            .await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let request = Request::post(path)
            .body(Body::from(body.to_string()))
            .unwrap();
        self.ask(request).await
    }

    async fn decide(&self, decisions: Value) -> Value {
        let body = json!({ "decisions": decisions });
        let (status, body) = self.post("/v1/review/decisions", body).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// `photo label` of everything that waits.
    async fn waiting(&self, path: &str) -> Vec<String> {
        let body = self.get(path).await;
        let items = body["items"].as_array().unwrap().iter();
        items
            .map(|item| {
                let uri = item["uri"].as_str().unwrap();
                format!("{} {}", &uri[3..], item["label"].as_str().unwrap())
            })
            .collect()
    }
}

fn id(number: u8) -> String {
    PhotoId([number; 32]).to_string()
}

#[tokio::test]
async fn the_most_doubtful_comes_first_and_pages_follow_one_another() {
    let desk = desk();
    let all = [
        "1 mug",
        "4 @category",
        "1 n/crew",
        "3 @category",
        "2 n/crew",
    ];
    assert_eq!(desk.waiting("/v1/review").await, all);
    let mut seen = Vec::new();
    let mut path = "/v1/review?limit=2".to_string();
    loop {
        seen.extend(desk.waiting(&path).await);
        let body = desk.get(&path).await;
        assert_eq!(body["total"], 5);
        let Some(next) = body["next"].as_str() else {
            break;
        };
        let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        path = format!("/v1/review?limit=2&cursor={next}");
    }
    assert_eq!(seen, all);
    assert_eq!(
        desk.waiting("/v1/review?label=Crew").await,
        ["1 n/crew", "2 n/crew"]
    );
    let body = desk.get("/v1/review?label=@category").await;
    assert_eq!(body["total"], 2);
    assert_eq!(body["items"][1]["category"]["id"], "aa-8");
    assert_eq!(
        body["items"][1]["score"], 0.6,
        "with the digits that it has"
    );
    assert_eq!(
        body["items"][1]["image"]["src"],
        format!("/images/{}", id(3))
    );
    let counts = json!([
        { "id": "@category", "name": "category", "items": 2 },
        { "id": "mug", "name": "mug", "items": 1 },
        { "id": "n/crew", "name": "crew", "items": 2 },
    ]);
    assert_eq!(body["labels"], counts);
    assert_eq!(
        desk.catalogue.scans.load(Ordering::SeqCst),
        1,
        "one scan serves all"
    );
}

#[tokio::test]
async fn what_is_decided_holds_leaves_the_queue_and_is_undone_together() {
    let desk = desk();
    let before = [1, 2, 3, 4].map(|n| desk.catalogue.row(&format!("/p/{n}")));
    let done = desk
        .decide(json!([
            { "id": id(1), "label": "n/crew", "action": "accept" },
            { "id": id(1), "label": "mug", "action": "reject" },
            { "id": id(2), "label": "n/crew", "action": "correct", "value": "n/v" },
            { "id": id(3), "label": CATEGORY, "action": "accept", "value": "aa-8" },
            { "id": id(4), "label": CATEGORY, "action": "correct", "value": "aa-8-8" },
        ]))
        .await;
    assert_eq!(
        (&done["decided"], &done["conflicts"]),
        (&json!(5), &json!(0))
    );
    assert!(desk.waiting("/v1/review").await.is_empty());
    let states = |uri: &str| -> Vec<(String, Decision, String)> {
        let labels = desk.catalogue.row(uri).labels.into_iter();
        labels
            .map(|tag| (tag.id, tag.decision, tag.model))
            .collect()
    };
    let person = |id: &str, decision| (id.to_string(), decision, PERSON.to_string());
    assert_eq!(
        states("/p/1"),
        [
            person("n/crew", Decision::Accept),
            person("mug", Decision::Reject)
        ]
    );
    assert_eq!(
        states("/p/2"),
        [
            person("n/crew", Decision::Reject),
            person("n/v", Decision::Accept)
        ]
    );
    for (uri, id) in [("/p/3", "aa-8"), ("/p/4", "aa-8-8")] {
        let category = desk.catalogue.row(uri).category.unwrap();
        assert_eq!(
            (category.id.as_str(), category.model.as_str()),
            (id, PERSON)
        );
    }
    let lines = desk.log.entries.lock().unwrap().len();
    assert_eq!(lines, 6, "a correction of a label is two lines");

    let batch = done["batch"].clone();
    let (status, undone) = desk
        .post("/v1/review/undo", json!({ "batch": batch }))
        .await;
    assert_eq!(
        (status, undone["undone"].as_array().unwrap().len()),
        (200, 6)
    );
    let after = [1, 2, 3, 4].map(|n| desk.catalogue.row(&format!("/p/{n}")));
    assert_eq!(after, before);
    assert_eq!(desk.waiting("/v1/review").await.len(), 5);
    let (status, again) = desk
        .post("/v1/review/undo", json!({ "batch": batch }))
        .await;
    assert_eq!(
        (status, again["code"].as_str()),
        (409, Some("undone_already"))
    );
    let log = desk.get("/v1/review/log?limit=3").await;
    assert_eq!((&log["total"], &log["next"]), (&json!(7), &json!(4)));
    assert_eq!(log["lines"][0]["kind"], "undo");
    assert_eq!(log["lines"][1]["undone"], true);
    let oldest = desk.get("/v1/review/log?cursor=4").await;
    assert_eq!(oldest["lines"].as_array().unwrap().len(), 4);
    assert_eq!(oldest["lines"][3]["name"], "crew");
}

#[tokio::test]
async fn of_two_who_decide_the_same_the_second_is_told() {
    let desk = desk();
    let first = desk
        .decide(json!([{ "id": id(1), "label": "mug", "action": "accept" }]))
        .await;
    let second = desk
        .decide(json!([
            { "id": id(1), "label": "mug", "action": "reject" },
            { "id": id(1), "label": "n/crew", "action": "reject" },
        ]))
        .await;
    assert_eq!(
        (&second["decided"], &second["conflicts"]),
        (&json!(1), &json!(1))
    );
    let refused = &second["results"][0];
    assert_eq!(refused["status"], 409);
    assert_eq!(refused["meanwhile"]["verdict"], "accept");
    assert_eq!(
        desk.catalogue.row("/p/1").labels[1].decision,
        Decision::Accept
    );
    // Who has seen it may change it, and then the first one's undo leaves it.
    let seen = first["batch"].clone();
    let wish = json!([{ "id": id(1), "label": "mug", "action": "reject", "seen": seen }]);
    assert_eq!(desk.decide(wish).await["decided"], 1);
    let (_, undone) = desk.post("/v1/review/undo", json!({ "batch": seen })).await;
    assert_eq!(undone["undone"], json!([]));
    assert_eq!(undone["kept"], json!([{ "id": id(1), "label": "mug" }]));
    assert_eq!(
        desk.catalogue.row("/p/1").labels[1].decision,
        Decision::Reject
    );
}

#[tokio::test]
async fn what_cannot_be_decided_is_told_item_by_item() {
    let desk = desk();
    let done = desk
        .decide(json!([
            { "id": id(9), "label": "mug", "action": "accept" },
            { "id": id(2), "label": "no such", "action": "accept" },
            { "id": id(1), "label": "mug", "action": "correct" },
            { "id": id(1), "label": "n/crew", "action": "correct", "value": "no such" },
            { "id": id(3), "label": CATEGORY, "action": "accept", "value": "hg-2" },
            { "id": id(4), "label": CATEGORY, "action": "accept" },
            { "id": id(2), "label": CATEGORY, "action": "correct", "value": "zz" },
        ]))
        .await;
    let twice = json!({ "id": id(9), "label": "mug", "action": "accept" });
    assert_eq!(
        desk.decide(json!([twice, twice])).await["results"][1]["status"],
        409
    );
    let strange = Request::get("/v1/review?cursor=x")
        .body(Body::empty())
        .unwrap();
    assert_eq!(desk.ask(strange).await.0, 404);
    let statuses: Vec<u64> = (done["results"].as_array().unwrap().iter())
        .map(|result| result["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [404, 404, 422, 422, 409, 409, 422]);
    assert_eq!(
        (&done["batch"], &done["decided"]),
        (&Value::Null, &json!(0))
    );
    assert!(desk.log.entries.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_nothing_is_written() {
    let desk = desk();
    let wish = json!({ "id": id(1), "label": "mug", "action": "accept" });
    let many = vec![wish.clone(); 201];
    for (body, expected) in [
        (json!({ "decisions": [] }), 400),
        (json!({ "decisions": many }), 400),
        (
            json!({ "decisions": [{ "id": "12", "label": "mug", "action": "accept" }] }),
            422,
        ),
        (
            json!({ "decisions": [{ "id": id(1), "label": "mug", "action": "maybe" }] }),
            422,
        ),
        (json!({ "decided": [] }), 422),
        (json!([]), 422),
    ] {
        let (status, answer) = desk.post("/v1/review/decisions", body).await;
        assert_eq!(status, expected, "{answer}");
        assert!(answer["message"].is_string() && answer["code"].is_string());
    }
    let torn = Request::post("/v1/review/decisions")
        .body(Body::from("{"))
        .unwrap();
    assert_eq!(desk.ask(torn).await.0, 400);
    assert_eq!(
        desk.post("/v1/review/undo", json!({ "batch": "none" }))
            .await
            .0,
        404
    );
    for path in [
        "/v1/review?limit=201",
        "/v1/review?limit=0",
        "/v1/review/log?cursor=-1",
    ] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        assert_eq!(desk.ask(request).await.0, 400, "{path}");
    }
    assert!(desk.log.entries.lock().unwrap().is_empty());
    assert_eq!(
        desk.catalogue.row("/p/1").labels[1].decision,
        Decision::Review
    );
}

#[tokio::test]
async fn a_full_disk_decides_nothing_and_a_reader_may_not() {
    let desk = desk();
    *desk.log.full.lock().unwrap() = true;
    let body = json!({ "decisions": [{ "id": id(1), "label": "mug", "action": "accept" }] });
    let (status, _) = desk.post("/v1/review/decisions", body.clone()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE.as_u16());
    assert_eq!(
        desk.catalogue.row("/p/1").labels[1].decision,
        Decision::Review
    );
    *desk.log.full.lock().unwrap() = false;
    assert_eq!(desk.decide(body["decisions"].clone()).await["decided"], 1);
    let reader = desk_with(vec![photo("1", None, 1)], false);
    let (status, answer) = reader.post("/v1/review/decisions", body).await;
    assert_eq!((status, answer["code"].as_str()), (403, Some("read_only")));
}

#[tokio::test]
async fn one_decision_holds_for_every_row_of_the_same_photo() {
    let mut records = vec![photo("1", Some("A"), 1), photo("copy", Some("B"), 1)];
    for record in &mut records {
        record.labels = vec![label("mug", 0.3, None)];
    }
    let desk = desk_with(records, true);
    assert_eq!(
        desk.waiting("/v1/review").await,
        ["1 mug"],
        "it is asked once"
    );
    let done = desk
        .decide(json!([{ "id": id(1), "label": "mug", "action": "accept" }]))
        .await;
    for uri in ["/p/1", "/p/copy"] {
        assert_eq!(
            desk.catalogue.row(uri).labels[0].decision,
            Decision::Accept,
            "{uri}"
        );
    }
    let entries = desk.log.entries.lock().unwrap().clone();
    let skus: Vec<_> = (entries.iter())
        .map(|entry| match entry {
            LogEntry::Decision(line) => line.sku.clone().unwrap(),
            LogEntry::Undo(_) => panic!("nothing was undone"),
        })
        .collect();
    assert_eq!(skus, ["A", "B"]);
    desk.post("/v1/review/undo", json!({ "batch": done["batch"] }))
        .await;
    for uri in ["/p/1", "/p/copy"] {
        assert_eq!(
            desk.catalogue.row(uri).labels,
            [label("mug", 0.3, None)],
            "{uri}"
        );
    }
}

#[tokio::test]
async fn a_rejected_category_is_not_asked_again() {
    let desk = desk();
    let reject = json!([{ "id": id(3), "label": CATEGORY, "action": "reject", "value": "aa-8" }]);
    assert_eq!(desk.decide(reject).await["decided"], 1);
    assert_eq!(desk.catalogue.row("/p/3").category, None);
    let rest = ["4 @category"];
    assert_eq!(desk.waiting("/v1/review?label=@category").await, rest);
    // Neither by a server that reads the catalogue anew.
    let store: Arc<dyn DecisionStore> = desk.log.clone();
    let vocabulary = Vocabulary::default();
    let anew = Reviewer::new(desk.catalogue.clone(), store, pictures(), vocabulary, true);
    let desk = Desk {
        reviewer: Arc::new(anew),
        ..desk
    };
    assert_eq!(desk.waiting("/v1/review?label=@category").await, rest);
}

#[tokio::test]
async fn choices_follow_what_is_typed() {
    let desk = desk();
    let names = async |path: &str| -> Vec<String> {
        let body = desk.get(path).await;
        let choices = body["choices"].as_array().unwrap().iter();
        choices
            .map(|choice| choice["name"].as_str().unwrap().to_string())
            .collect()
    };
    assert_eq!(
        names("/v1/review/choices?label=@category&q=shoe").await,
        ["Shoes", "Shoe Racks", "Sneakers"]
    );
    assert_eq!(
        names("/v1/review/choices?label=@category&q=app+snea").await,
        ["Sneakers"]
    );
    assert_eq!(
        names("/v1/review/choices?label=n/crew").await,
        ["v", "velvet"]
    );
    assert_eq!(
        names("/v1/review/choices?label=mug&q=vel").await,
        ["velvet"]
    );
    let with_and = "/v1/review/choices?label=@category&q=Boxes+%26+Bins";
    assert_eq!(names(with_and).await, ["Boxes & Bins"]);
    assert!(
        names("/v1/review/choices?label=@category&q=hoes")
            .await
            .is_empty()
    );
}

impl Desk {
    /// A server that starts where this one ended.
    fn again(&self) -> Desk {
        let store: Arc<dyn DecisionStore> = self.log.clone();
        let vocabulary = Vocabulary {
            labels: vec![own("n/crew", &["n/v"]), own("n/v", &["n/crew"])],
            ..Vocabulary::default()
        };
        let anew = Reviewer::new(self.catalogue.clone(), store, pictures(), vocabulary, true);
        Desk {
            catalogue: self.catalogue.clone(),
            log: self.log.clone(),
            reviewer: Arc::new(anew),
        }
    }

    fn set_full(&self, full: bool) {
        self.catalogue.is_full.store(full, Ordering::SeqCst);
    }

    fn decision(&self, uri: &str, label: &str) -> Option<Decision> {
        let row = self.catalogue.row(uri);
        let tag = row.labels.iter().find(|tag| tag.id == label);
        tag.map(|tag| tag.decision)
    }
}

/// The log is written and the rows are not, as the disk is full just then.
#[tokio::test]
async fn rows_that_could_not_be_written_follow_the_log() {
    let desk = desk();
    let mug = json!({ "decisions": [{ "id": id(1), "label": "mug", "action": "accept" }] });
    let other = json!([{ "id": id(2), "label": "n/crew", "action": "correct", "value": "n/v" }]);
    desk.set_full(true);
    let (status, told) = desk.post("/v1/review/decisions", mug.clone()).await;
    assert_eq!(
        (status, told["code"].as_str()),
        (503, Some("decided_not_shown"))
    );
    assert_eq!(desk.decision("/p/1", "mug"), Some(Decision::Review));
    assert_eq!(desk.log.entries.lock().unwrap().len(), 1);
    // Meanwhile nothing more is decided that could not be shown either.
    let body = json!({ "decisions": other });
    let (status, told) = desk.post("/v1/review/decisions", body).await;
    assert_eq!((status, told["code"].as_str()), (503, Some("disk_full")));
    assert_eq!(desk.log.entries.lock().unwrap().len(), 1);
    desk.set_full(false);
    let done = desk.decide(other).await;
    assert_eq!(desk.decision("/p/1", "mug"), Some(Decision::Accept));
    assert_eq!(desk.decision("/p/2", "n/v"), Some(Decision::Accept));
    // The same of an undo, which the next start mends.
    desk.set_full(true);
    let undo = json!({ "batch": done["batch"] });
    assert_eq!(desk.post("/v1/review/undo", undo).await.0, 503);
    assert_eq!(desk.decision("/p/2", "n/v"), Some(Decision::Accept));
    desk.set_full(false);
    let again = desk.again();
    assert_eq!(again.reviewer.catch_up().await.unwrap(), 1);
    assert_eq!(again.decision("/p/2", "n/v"), None);
    assert_eq!(again.decision("/p/2", "n/crew"), Some(Decision::Review));
    assert_eq!(again.decision("/p/1", "mug"), Some(Decision::Accept));
    assert_eq!(
        again.reviewer.catch_up().await.unwrap(),
        0,
        "there is nothing left to do"
    );
}

/// A server that is killed between the log and the rows.
#[tokio::test]
async fn a_start_brings_rows_up_to_the_log() {
    let desk = desk();
    let before = [1, 2, 3, 4].map(|n| desk.catalogue.row(&format!("/p/{n}")));
    desk.decide(json!([
        { "id": id(1), "label": "n/crew", "action": "correct", "value": "n/v" },
        { "id": id(3), "label": CATEGORY, "action": "reject", "value": "aa-8" },
        { "id": id(4), "label": CATEGORY, "action": "correct", "value": "aa-8-8" },
    ]))
    .await;
    let after = [1, 2, 3, 4].map(|n| desk.catalogue.row(&format!("/p/{n}")));
    desk.catalogue
        .upsert(before.to_vec(), Vec::new())
        .await
        .unwrap();
    let again = desk.again();
    assert_eq!(again.reviewer.catch_up().await.unwrap(), 3);
    let rows = [1, 2, 3, 4].map(|n| desk.catalogue.row(&format!("/p/{n}")));
    assert_eq!(rows, after);
}
