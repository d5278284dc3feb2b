//! Jobs: accepted, done, cancelled, found again after a crash; and their webhooks.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use showroom_catalog::seams::{BoxFuture, Deliver, FetchError};
use showroom_server::jobs::{ApiJobs, JobContext, JobOptions, JobRunner, Jobs, routes};
use showroom_server::webhooks::Webhooks;
use tempfile::{TempDir, tempdir};

use crate::served::{Answer, Served, until};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Does what the kind of job says.
struct Fake {
    begun: AtomicUsize,
    /// `gate` waits for a place here.
    gate: tokio::sync::Semaphore,
}

impl Fake {
    fn new() -> Arc<Fake> {
        Arc::new(Fake {
            begun: AtomicUsize::new(0),
            gate: tokio::sync::Semaphore::new(0),
        })
    }

    fn begun(&self) -> usize {
        self.begun.load(SeqCst)
    }
}

impl JobRunner for Fake {
    fn kinds(&self) -> Vec<&'static str> {
        vec![
            "echo", "gate", "fail", "panic", "polite", "stubborn", "huge",
        ]
    }

    fn check(&self, kind: &str, input: &Value) -> Result<(), String> {
        match (kind, input) {
            ("echo", Value::Null) => Err("an echo needs an input".into()),
            _ => Ok(()),
        }
    }

    fn run<'a>(
        &'a self,
        kind: &'a str,
        input: &'a Value,
        context: &'a JobContext,
    ) -> BoxFuture<'a, Result<Value, String>> {
        Box::pin(async move {
            self.begun.fetch_add(1, SeqCst);
            context.progress(1, 2);
            match kind {
                "gate" => {
                    self.gate.acquire().await.unwrap().forget();
                    Ok(json!("through"))
                }
                "fail" => Err("there is no such folder".into()),
                "panic" => panic!("the job has a bug"),
                "polite" => {
                    context.cancelled().await;
                    Err("cancelled".into())
                }
                "stubborn" => std::future::pending().await,
                "huge" => Ok(json!("x".repeat(2 << 20))),
                _ => {
                    context.progress(2, 2);
                    Ok(input.clone())
                }
            }
        })
    }
}

struct Shop {
    jobs: Jobs,
    served: Served,
}

fn options() -> JobOptions {
    JobOptions {
        queue: 3,
        max_bytes: 1 << 20,
        grace: Duration::from_millis(50),
        ..JobOptions::default()
    }
}

fn open(dir: &Path, fake: &Arc<Fake>, options: JobOptions, hooks: Option<Webhooks>) -> Shop {
    let jobs = Jobs::open(dir, options, fake.clone(), hooks).unwrap();
    let served = Served::new(|| {
        jobs.start();
        routes(jobs.clone())
    });
    Shop { jobs, served }
}

fn shop(fake: &Arc<Fake>) -> (TempDir, Shop) {
    let dir = tempdir().unwrap();
    let shop = open(dir.path(), fake, options(), None);
    (dir, shop)
}

impl Shop {
    fn post(&self, body: &Value, key: Option<&str>) -> Answer {
        let mut headers = vec![("content-type", "application/json; charset=utf-8")];
        headers.extend(key.map(|key| ("idempotency-key", key)));
        let body = body.to_string();
        self.served
            .send("POST", "/v1/jobs", &headers, body.as_bytes())
    }

    /// Accepts a job; its id.
    #[track_caller]
    fn accept(&self, body: Value) -> String {
        let answer = self.post(&body, None);
        assert_eq!(answer.status, 202, "{}", answer.text());
        let json = answer.json();
        let id = json["id"].as_str().unwrap().to_string();
        assert_eq!(answer.header("location"), format!("/v1/jobs/{id}"));
        id
    }

    fn job(&self, id: &str) -> Value {
        self.served.get(&format!("/v1/jobs/{id}")).json()
    }

    #[track_caller]
    fn until(&self, id: &str, status: &str) -> Value {
        until(status, || self.job(id)["status"] == status);
        self.job(id)
    }

    fn cancel(&self, id: &str) -> Answer {
        self.served
            .send("DELETE", &format!("/v1/jobs/{id}"), &[], b"")
    }
}

#[test]
fn a_job_is_accepted_at_once_and_its_result_is_there_later() {
    let fake = Fake::new();
    let (_dir, shop) = shop(&fake);
    let id = shop.accept(json!({"kind": "echo", "input": {"sku": "A-1"}}));
    let job = shop.until(&id, "done");
    assert_eq!(job["result"], json!({"sku": "A-1"}));
    assert_eq!(job["progress"], json!({"done": 2, "total": 2}));
    assert_eq!((&job["attempts"], &job["error"]), (&json!(1), &Value::Null));
    assert!(job["created_at"].as_u64() <= job["finished_at"].as_u64());
    // One that fails, that breaks off, that says too much: each has its sentence, and the next one runs.
    for (kind, said) in [
        ("fail", "there is no such folder"),
        ("panic", "broke off"),
        ("huge", "larger than is kept"),
    ] {
        let id = shop.accept(json!({"kind": kind}));
        let job = shop.until(&id, "failed");
        assert!(job["error"].as_str().unwrap().contains(said), "{job}");
    }
    let id = shop.accept(json!({"kind": "echo", "input": 2}));
    shop.until(&id, "done");
}

#[test]
fn what_is_no_job_is_refused_in_a_sentence() {
    let fake = Fake::new();
    let (_dir, shop) = shop(&fake);
    for (body, status, code) in [
        (json!({"kind": "fly"}), 422, "invalid_value"),
        (json!({"kind": "echo"}), 422, "invalid_value"),
        (json!({"kind": 7}), 422, "invalid_value"),
        (json!({}), 422, "invalid_value"),
        (json!([1, 2]), 422, "invalid_value"),
        (
            json!({"kind": "echo", "input": 1, "sudo": true}),
            422,
            "invalid_value",
        ),
        (
            json!({"kind": "echo", "input": 1, "webhook": "https://shop.example/"}),
            400,
            "no_webhooks",
        ),
    ] {
        let answer = shop.post(&body, None);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{body}"
        );
    }
    let json = [("content-type", "application/json")];
    let answer = shop.served.send("POST", "/v1/jobs", &json, b"{\"kind\": ");
    assert_eq!((answer.status, answer.code().as_str()), (400, "bad_json"));
    let answer = shop.served.send("POST", "/v1/jobs", &[], b"{}");
    assert_eq!((answer.status, answer.code().as_str()), (415, "not_json"));
    let large = format!(
        "{{\"kind\": \"echo\", \"input\": \"{}\"}}",
        "x".repeat((1 << 20) + 100)
    );
    let answer = shop
        .served
        .send("POST", "/v1/jobs", &json, large.as_bytes());
    assert_eq!((answer.status, answer.code().as_str()), (413, "too_large"));
    let answer = shop.served.get("/v1/jobs/none");
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (404, "no_such_job")
    );
    assert_eq!(shop.cancel("none").status, 404);
    for query in [
        "limit=0",
        "limit=101",
        "limit=x",
        "status=over",
        "cursor=x",
        "page=2",
    ] {
        assert_eq!(
            shop.served.get(&format!("/v1/jobs?{query}")).status,
            422,
            "{query}"
        );
    }
    assert_eq!(fake.begun(), 0);
}

#[test]
fn the_same_key_is_the_same_job_and_never_another() {
    let fake = Fake::new();
    let (dir, shop) = shop(&fake);
    let body = json!({"kind": "echo", "input": {"a": 1, "b": 2}});
    let first = shop.post(&body, Some("order-1")).json();
    // However it is written, and whether or not it is done.
    let raw = br#"{ "input": {"b":2,"a":1}, "kind": "echo" }"#;
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", "\"order-1\""),
    ];
    let again = shop.served.send("POST", "/v1/jobs", &headers, raw);
    assert_eq!((again.status, &again.json()["id"]), (202, &first["id"]));
    shop.until(first["id"].as_str().unwrap(), "done");
    let again = shop.post(&body, Some("order-1"));
    assert_eq!((again.status, &again.json()["id"]), (202, &first["id"]));
    let other = shop.post(&json!({"kind": "echo", "input": 3}), Some("order-1"));
    assert_eq!(
        (other.status, other.code().as_str()),
        (422, "idempotency_key_reused")
    );
    let second = shop.post(&body, Some("order-2")).json();
    assert_ne!(second["id"], first["id"]);
    for bad in ["", "\"\"", &"x".repeat(256)] {
        assert_eq!(shop.post(&body, Some(bad)).status, 400, "{bad}");
    }
    shop.until(second["id"].as_str().unwrap(), "done");
    assert_eq!(fake.begun(), 2);
    // Also the next server knows the key.
    shop.jobs.close();
    drop(shop);
    let shop = open(dir.path(), &fake, options(), None);
    let again = shop.post(&body, Some("order-1")).json();
    assert_eq!(
        (&again["id"], &again["status"]),
        (&first["id"], &json!("done"))
    );
    assert_eq!(fake.begun(), 2);
}

#[test]
fn the_queue_is_bounded_and_jobs_are_listed_newest_first() {
    let fake = Fake::new();
    let (_dir, shop) = shop(&fake);
    let first = shop.accept(json!({"kind": "gate"}));
    shop.until(&first, "running");
    let waiting: Vec<String> = (0..3)
        .map(|n| shop.accept(json!({"kind": "echo", "input": n})))
        .collect();
    assert_eq!(shop.jobs.waiting(), 3);
    let refused = shop.post(&json!({"kind": "echo", "input": 9}), None);
    assert_eq!((refused.status, refused.header("retry-after")), (429, "1"));
    let ids = |path: &str| -> (Vec<String>, Value) {
        let json = shop.served.get(path).json();
        let data = json["data"].as_array().unwrap();
        let ids = data
            .iter()
            .map(|job| job["id"].as_str().unwrap().to_string());
        (ids.collect(), json["next_cursor"].clone())
    };
    let mut newest: Vec<String> = waiting.clone();
    newest.reverse();
    newest.push(first.clone());
    assert_eq!(ids("/v1/jobs"), (newest.clone(), Value::Null));
    let (page, next) = ids("/v1/jobs?limit=3");
    assert_eq!(page, newest[..3]);
    let next = next.as_str().unwrap();
    assert_eq!(
        ids(&format!("/v1/jobs?limit=3&cursor={next}")).0,
        newest[3..]
    );
    assert_eq!(
        ids("/v1/jobs?status=running").0,
        std::slice::from_ref(&first)
    );
    fake.gate.add_permits(1);
    shop.until(&waiting[2], "done");
    assert_eq!(ids("/v1/jobs?status=done").0, newest);
}

#[test]
fn a_job_is_cancelled_where_it_waits_and_where_it_runs_and_left_where_it_is_over() {
    let fake = Fake::new();
    let (_dir, shop) = shop(&fake);
    for kind in ["polite", "stubborn"] {
        let running = shop.accept(json!({"kind": kind}));
        let waiting = shop.accept(json!({"kind": "echo", "input": 1}));
        shop.until(&running, "running");
        let begun = fake.begun();
        assert_eq!(shop.cancel(&waiting).json()["status"], "cancelled");
        let told = shop.cancel(&running).json();
        assert!(
            told["cancelling"] == true || told["status"] == "cancelled",
            "{told}"
        );
        let job = shop.until(&running, "cancelled");
        assert_eq!(job["cancelling"], false);
        assert_eq!(fake.begun(), begun);
    }
    let done = shop.accept(json!({"kind": "echo", "input": 1}));
    shop.until(&done, "done");
    let left = shop.cancel(&done);
    assert_eq!((left.status, &left.json()["status"]), (200, &json!("done")));
}

#[test]
fn what_ran_and_what_waited_when_the_server_died_is_done_by_the_next() {
    let fake = Fake::new();
    let (dir, shop) = shop(&fake);
    let done = shop.accept(json!({"kind": "echo", "input": "before"}));
    shop.until(&done, "done");
    let running = shop.accept(json!({"kind": "gate"}));
    let waiting = shop.accept(json!({"kind": "echo", "input": "after"}));
    shop.until(&running, "running");
    // As `kill -9`: what is on the disk, with the half of a line that was being written.
    let log = std::fs::read(dir.path().join("jobs.jsonl")).unwrap();
    drop(shop);
    let copy = tempdir().unwrap();
    let torn = [&log[..], b"{\"id\":\"x\",\"event\":{\"done\""].concat();
    std::fs::write(copy.path().join("jobs.jsonl"), torn).unwrap();
    let shop = open(copy.path(), &fake, options(), None);
    assert_eq!(shop.job(&done)["result"], "before");
    until("it runs again", || shop.job(&running)["attempts"] == 2);
    fake.gate.add_permits(1);
    shop.until(&running, "done");
    assert_eq!(shop.until(&waiting, "done")["result"], "after");
}

#[test]
fn a_job_that_takes_its_server_with_it_is_not_begun_for_ever() {
    let fake = Fake::new();
    let dir = tempdir().unwrap();
    let mut id = String::new();
    for attempt in 1..=3 {
        let shop = open(dir.path(), &fake, options(), None);
        if attempt == 1 {
            id = shop.accept(json!({"kind": "stubborn"}));
        }
        until("it is begun", || shop.job(&id)["attempts"] == attempt);
        // The runtime ends with the server, in the middle of the job.
        drop(shop);
    }
    let shop = open(dir.path(), &fake, options(), None);
    let job = shop.job(&id);
    assert_eq!(
        (&job["status"], &job["attempts"]),
        (&json!("failed"), &json!(3))
    );
    assert_eq!(fake.begun(), 3);
}

#[test]
fn a_server_that_closes_leaves_its_jobs_to_the_next() {
    let fake = Fake::new();
    let (dir, shop) = shop(&fake);
    let id = shop.accept(json!({"kind": "polite"}));
    shop.until(&id, "running");
    shop.jobs.close();
    assert_eq!(
        shop.post(&json!({"kind": "echo", "input": 1}), None).status,
        429
    );
    std::thread::sleep(Duration::from_millis(100));
    drop(shop);
    let shop = open(dir.path(), &fake, options(), None);
    until("it runs again", || shop.job(&id)["attempts"] == 2);
    shop.cancel(&id);
    shop.until(&id, "cancelled");
}

#[test]
fn only_so_many_finished_jobs_are_remembered() {
    let fake = Fake::new();
    let dir = tempdir().unwrap();
    let few = JobOptions {
        keep: 2,
        ..options()
    };
    let shop = open(dir.path(), &fake, few.clone(), None);
    let ids: Vec<String> = (0..5)
        .map(|n| {
            let id = shop.accept(json!({"kind": "echo", "input": n}));
            shop.until(&id, "done");
            id
        })
        .collect();
    shop.jobs.close();
    drop(shop);
    let shop = open(dir.path(), &fake, few, None);
    let known: Vec<bool> = ids.iter().map(|id| shop.jobs.get(id).is_some()).collect();
    assert_eq!(known, [false, false, false, true, true]);
    let log = std::fs::read_to_string(dir.path().join("jobs.jsonl")).unwrap();
    assert_eq!(log.lines().count(), 2);
}

/// Address, headers and body.
type Delivered = (String, Vec<(String, String)>, Vec<u8>);

/// Answers with these statuses, one after the other, and keeps what it is sent.
#[derive(Default)]
struct Receiver {
    statuses: Mutex<Vec<u16>>,
    got: Mutex<Vec<Delivered>>,
}

impl Deliver for Receiver {
    fn check(&self, address: &str) -> Result<(), FetchError> {
        match address.contains("127.0.0.1") {
            true => Err(FetchError::Refused(format!("{address} is not fetched"))),
            false => Ok(()),
        }
    }

    fn deliver<'a>(
        &'a self,
        address: &'a str,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    ) -> BoxFuture<'a, Result<u16, FetchError>> {
        Box::pin(async move {
            self.got
                .lock()
                .unwrap()
                .push((address.to_string(), headers, body));
            match self.statuses.lock().unwrap().pop() {
                Some(0) => Err(FetchError::Failed("no connection".into())),
                status => Ok(status.unwrap_or(204)),
            }
        })
    }
}

fn hooks(receiver: &Arc<Receiver>, again: usize) -> Option<Webhooks> {
    let waits = vec![Duration::from_millis(1); again];
    Some(Webhooks::new(receiver.clone(), SECRET, waits).unwrap())
}

#[test]
fn a_webhook_is_told_once_it_answers_and_its_signature_is_right() {
    let fake = Fake::new();
    let receiver = Arc::new(Receiver::default());
    // Popped from the end: no connection, 503, 200.
    *receiver.statuses.lock().unwrap() = vec![200, 503, 0];
    let dir = tempdir().unwrap();
    let shop = open(dir.path(), &fake, options(), hooks(&receiver, 5));
    let hook = "https://shop.example/hook";
    let id = shop.accept(json!({"kind": "echo", "input": 1, "webhook": hook}));
    until("it is told", || receiver.got.lock().unwrap().len() == 3);
    let got = receiver.got.lock().unwrap().clone();
    for (address, headers, body) in &got {
        assert_eq!(address, hook);
        let of = |name: &str| -> &str {
            let found = headers.iter().find(|(known, _)| known == name);
            &found.unwrap().1
        };
        assert_eq!(of("webhook-id"), id);
        let json: Value = serde_json::from_slice(body).unwrap();
        assert_eq!(json["type"], "job.done");
        assert_eq!(json["data"]["id"], id.as_str());
        assert_eq!(json["data"]["result"], 1);
        // By another implementation of HMAC: its definition, over a hash function.
        let signed = [
            of("webhook-id").as_bytes(),
            b".",
            of("webhook-timestamp").as_bytes(),
            b".",
            body,
        ]
        .concat();
        assert_eq!(
            of("webhook-signature"),
            format!("v1,{}", hmac_by_hand(&signed))
        );
    }
    let address = "http://127.0.0.1/";
    let refused = shop.post(
        &json!({"kind": "echo", "input": 1, "webhook": address}),
        None,
    );
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (400, "fetch_refused")
    );
}

fn hmac_by_hand(message: &[u8]) -> String {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use sha2::{Digest, Sha256};
    let secret = BASE64_STANDARD.decode(&SECRET[6..]).unwrap();
    let pad = |with: u8| -> Vec<u8> {
        (0..64)
            .map(|at| secret.get(at).copied().unwrap_or(0) ^ with)
            .collect()
    };
    let inner = Sha256::digest([&pad(0x36)[..], message].concat());
    BASE64_STANDARD.encode(Sha256::digest([&pad(0x5c)[..], &inner[..]].concat()))
}

#[test]
fn a_webhook_that_never_answers_is_given_up_and_one_that_was_not_told_is_told_by_the_next_server() {
    let fake = Fake::new();
    let receiver = Arc::new(Receiver::default());
    *receiver.statuses.lock().unwrap() = vec![500; 100];
    let dir = tempdir().unwrap();
    let shop = open(dir.path(), &fake, options(), hooks(&receiver, 2));
    let hook = json!({"kind": "echo", "input": 1, "webhook": "https://shop.example/"});
    let id = shop.accept(hook.clone());
    let log = || std::fs::read_to_string(dir.path().join("jobs.jsonl")).unwrap();
    until("it is given up", || log().contains("notified\"}"));
    assert_eq!(receiver.got.lock().unwrap().len(), 3);
    drop(shop);
    // The last line is that it was told; without it, it was not.
    let text = log();
    let kept: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains("notified\"}"))
        .collect();
    std::fs::write(dir.path().join("jobs.jsonl"), kept.join("\n") + "\n").unwrap();
    receiver.statuses.lock().unwrap().clear();
    receiver.got.lock().unwrap().clear();
    let shop = open(dir.path(), &fake, options(), hooks(&receiver, 2));
    until("it is told", || receiver.got.lock().unwrap().len() == 1);
    assert_eq!(fake.begun(), 1);
    assert_eq!(shop.job(&id)["status"], "done");
}

/// The API in little: refuses every fifth document, and is busy every third time.
fn little_api(asked: &Arc<AtomicUsize>) -> axum::Router {
    use axum::http::StatusCode;
    use axum::response::IntoResponse;
    use axum::{Json, routing::post};
    let (one, two) = (asked.clone(), asked.clone());
    let busy = |asked: &AtomicUsize| asked.fetch_add(1, SeqCst) % 3 == 2;
    axum::Router::new()
        .route(
            "/indexes/shop/documents",
            post(async move |Json(body): Json<Value>| {
                if busy(&one) {
                    return StatusCode::TOO_MANY_REQUESTS.into_response();
                }
                assert_eq!(body["tensorFields"], json!(["image"]));
                let documents = body["documents"].as_array().unwrap();
                assert!(documents.len() <= 16);
                let items: Vec<Value> = documents
                    .iter()
                    .map(|document| {
                        let id = document["_id"].as_str().unwrap();
                        let bad = id.parse::<u32>().unwrap().is_multiple_of(5);
                        json!({"_id": id, "status": if bad { 422 } else { 200 }})
                    })
                    .collect();
                Json(json!({"errors": true, "items": items})).into_response()
            }),
        )
        .route(
            "/v1/tag",
            post(async move |Json(body): Json<Value>| {
                if busy(&two) {
                    return StatusCode::SERVICE_UNAVAILABLE.into_response();
                }
                match body["image"].as_str().unwrap() {
                    "broken" => {
                        let error = json!({"message": "no photo", "code": "bad_photo"});
                        (StatusCode::UNPROCESSABLE_ENTITY, Json(error)).into_response()
                    }
                    image => Json(json!({"id": image, "tags": []})).into_response(),
                }
            }),
        )
}

#[test]
fn documents_and_tags_go_through_the_api_a_few_at_a_time() {
    let asked = Arc::new(AtomicUsize::new(0));
    let runner = Arc::new(ApiJobs::new(little_api(&asked), "shop"));
    let dir = tempdir().unwrap();
    let jobs = Jobs::open(dir.path(), options(), runner, None).unwrap();
    let served = Served::new(|| {
        jobs.start();
        routes(jobs.clone())
    });
    let shop = Shop { jobs, served };
    let documents: Vec<Value> = (1..=40).map(|n| json!({"_id": n.to_string()})).collect();
    let input = json!({"documents": documents, "tensorFields": ["image"]});
    let id = shop.accept(json!({"kind": "documents", "input": input}));
    let job = shop.until(&id, "done");
    assert_eq!(
        (&job["result"]["added"], &job["result"]["failed"]),
        (&json!(32), &json!(8))
    );
    assert_eq!(
        job["result"]["errors"][1],
        json!({"_id": "10", "status": 422})
    );
    assert_eq!(job["progress"], json!({"done": 40, "total": 40}));
    let input = json!({"images": ["one", "broken", "two"]});
    let id = shop.accept(json!({"kind": "tag", "input": input}));
    let results = &shop.until(&id, "done")["result"]["results"];
    assert_eq!(
        (&results[0]["id"], &results[2]["id"]),
        (&json!("one"), &json!("two"))
    );
    assert_eq!(results[1]["error"]["code"], "bad_photo");
    for bad in [
        json!({"kind": "documents", "input": {"documents": []}}),
        json!({"kind": "documents", "input": {"documents": [{"title": "no id"}]}}),
        json!({"kind": "documents"}),
        json!({"kind": "tag", "input": {"images": [1]}}),
        json!({"kind": "tag", "input": {"images": vec!["x"; 1001]}}),
    ] {
        assert_eq!(shop.post(&bad, None).status, 422, "{bad}");
    }
}
