//! Too much, too slow, too broken.

use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::fakes::{PANICS, REFUSED, data_uri, made, png};
use crate::http::{Answer, Server, answer, request};

const SEARCH: &str = "/indexes/shop/search";

#[test]
fn wrong_requests_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(made(dir.path()).parts);
    let ask = |method: &str, path: &str, kind: &str, body: &[u8]| {
        let answer = server.ask(method, path, &[("content-type", kind)], body);
        (answer.status, answer.code())
    };
    let json = "application/json";
    let told = |status: u16, code: &str| (status, code.to_string());
    assert_eq!(ask("GET", "/nothing", json, b""), told(404, "not_found"));
    assert_eq!(
        ask("DELETE", SEARCH, json, b""),
        told(405, "method_not_allowed")
    );
    assert_eq!(
        ask("POST", SEARCH, "text/plain", b"{}"),
        told(415, "unsupported_media_type")
    );
    assert_eq!(ask("POST", SEARCH, json, b"{"), told(400, "bad_json"));
    assert_eq!(ask("POST", SEARCH, json, b"[]"), told(422, "invalid_value"));
    assert_eq!(ask("POST", SEARCH, json, b"{}"), told(400, "nothing_asked"));
    assert_eq!(
        ask("POST", SEARCH, json, br#"{"q": 5}"#),
        told(422, "invalid_value")
    );
    assert_eq!(
        ask("POST", SEARCH, json, br#"{"q": " "}"#),
        told(422, "nothing_to_look_for")
    );
    assert_eq!(
        ask("POST", SEARCH, json, br#"{"q": "panic"}"#),
        told(424, "model_failed")
    );
    assert_eq!(
        ask(
            "POST",
            SEARCH,
            json,
            br#"{"q": "red", "context": {"a": 1}}"#
        ),
        told(400, "not_supported")
    );
    assert_eq!(
        ask(
            "POST",
            SEARCH,
            json,
            br#"{"q": "red", "where": "nowhere = 1"}"#
        ),
        told(400, "bad_query")
    );
    assert_eq!(
        ask("POST", SEARCH, json, br#"{"q": "red", "where": "width"}"#),
        told(400, "bad_filter")
    );
    assert_eq!(
        ask("POST", SEARCH, json, br#"{"like": "nobody"}"#),
        told(400, "unknown_photo")
    );
    assert_eq!(
        ask("POST", "/indexes/other/search", json, b"{}"),
        told(404, "index_not_found")
    );
    assert_eq!(
        ask("POST", SEARCH, "multipart/form-data", b"x"),
        told(400, "bad_form")
    );
    assert_eq!(
        ask(
            "POST",
            SEARCH,
            "multipart/form-data; boundary=x",
            b"--x\r\n"
        ),
        told(400, "bad_form")
    );
    let refused = server.ask("DELETE", SEARCH, &[], b"");
    assert_eq!(refused.header("allow"), Some("POST"));
}

#[test]
fn photos_that_cannot_be_used_say_why_and_harm_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(made(dir.path()).parts);
    let ask = |image: &str| {
        let answer = server.post("/v1/tag", &json!({ "image": image }));
        (answer.status, answer.code())
    };
    let told = |status: u16, code: &str| (status, code.to_string());
    assert_eq!(ask(&data_uri(b"no picture")), told(415, "bad_photo"));
    assert_eq!(
        ask(&data_uri(&png([1, 2, 3])[..40])),
        told(422, "bad_photo")
    );
    assert_eq!(ask("data:image/png;base64,!"), told(422, "invalid_value"));
    assert_eq!(ask("photo.png"), told(422, "invalid_value"));
    assert_eq!(ask("http://127.0.0.1/"), told(400, "fetch_refused"));
    assert_eq!(ask("https://shop.example/big"), told(413, "too_large"));
    assert_eq!(ask("https://shop.example/none"), told(424, "fetch_failed"));
    assert_eq!(ask("s3://bucket/key"), told(400, "fetch_is_off"));
    assert_eq!(
        ask(&data_uri(&png([0, REFUSED, 0]))),
        told(422, "bad_photo")
    );
    assert_eq!(
        ask(&data_uri(&png([PANICS, 0, 0]))),
        told(424, "model_failed")
    );
    // The encoder's thread lives on.
    let tagged = server.ok("/v1/tag", &json!({ "image": data_uri(&png([9, 0, 0])) }));
    assert_eq!(tagged["category"]["name"], "Shoes");
}

#[test]
fn bodies_are_bounded_each_and_all_together() {
    let dir = tempfile::tempdir().unwrap();
    let mut made = made(dir.path());
    made.parts.limits.all_bodies_bytes = 16 << 10;
    let server = Server::start(made.parts);
    let json = ("content-type", "application/json");
    let long = vec![b' '; 70 << 10];
    assert_eq!(
        server.ask("POST", SEARCH, &[json], &long).code(),
        "too_large"
    );
    // One that does not say how long it is.
    let mut stream = server.connect();
    let head = format!(
        "POST {SEARCH} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: \
         chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    for _ in 0..20 {
        // The server may have answered and gone.
        let _ = stream.write_all(format!("1000\r\n{}\r\n", " ".repeat(4096)).as_bytes());
    }
    let _ = stream.write_all(b"0\r\n\r\n");
    assert_eq!(answer(&mut stream).unwrap().code(), "too_many_requests");
    let fits = [br#"{"q": "red"}"#.as_slice(), &[b' '; 8 << 10]].concat();
    assert_eq!(server.ask("POST", SEARCH, &[json], &fits).status, 200);
}

#[test]
fn more_than_the_queue_holds_is_turned_away() {
    let dir = tempfile::tempdir().unwrap();
    let made = made(dir.path());
    let seen = made.seen.clone();
    let server = Arc::new(Server::start(made.parts));
    seen.gate.set(true);
    let ask = |server: &Server, red: u8| {
        server.post(SEARCH, &json!({ "image": data_uri(&png([red, 0, 1])) }))
    };
    let waiting: Vec<_> = (0..8)
        .map(|at| {
            let server = server.clone();
            thread::spawn(move || ask(&server, 100 + at))
        })
        .collect();
    server.until(|server| server.app.in_flight() == 8);
    let began = Instant::now();
    let turned_away = ask(&server, 99);
    assert_eq!(
        (turned_away.status, turned_away.code().as_str()),
        (429, "too_many_requests")
    );
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "it did not wait for the others"
    );
    // Nothing is made of what is turned away, and a client that asks first need not send it.
    let json = ("content-type", "application/json");
    assert_eq!(server.ask("POST", SEARCH, &[json], b"no JSON").status, 429);
    let long = vec![b' '; 60 << 10];
    assert_eq!(server.ask("POST", SEARCH, &[json], &long).status, 429);
    let mut asks_first = server.connect();
    let headers = [json, ("expect", "100-continue")];
    let whole = request("POST", SEARCH, &headers, &long);
    asks_first
        .write_all(&whole[..whole.len() - long.len()])
        .unwrap();
    assert_eq!(answer(&mut asks_first).unwrap().code(), "too_many_requests");
    assert_eq!(server.get("/health").status, 200);
    assert_eq!(server.get("/indexes/shop/documents?ids=a").status, 200);
    seen.gate.set(false);
    let answers: Vec<Answer> = waiting.into_iter().map(|one| one.join().unwrap()).collect();
    assert!(
        answers.iter().all(|answer| answer.status == 200),
        "{answers:?}"
    );
    assert_eq!(ask(&server, 99).status, 200);
}

#[test]
fn photos_of_several_requests_go_through_the_encoder_together() {
    let dir = tempfile::tempdir().unwrap();
    let made = made(dir.path());
    let seen = made.seen.clone();
    let server = Arc::new(Server::start(made.parts));
    seen.gate.set(true);
    let ask = |at: u8| {
        let server = server.clone();
        thread::spawn(move || {
            let red = if at == 3 { PANICS } else { 100 + at };
            server.post("/v1/tag", &json!({ "image": data_uri(&png([red, 0, 1])) }))
        })
    };
    let first = ask(0);
    server.until(|_| seen.batches.lock().unwrap().len() == 2);
    let rest: Vec<_> = (1..7).map(ask).collect();
    server.until(|server| server.app.encoder.waiting() == 6);
    seen.gate.set(false);
    assert_eq!(first.join().unwrap().status, 200);
    let statuses: Vec<u16> = rest
        .into_iter()
        .map(|one| one.join().unwrap().status)
        .collect();
    assert_eq!(
        statuses,
        [200, 200, 424, 200, 200, 200],
        "one panic is one error"
    );
    let batches = seen.batches.lock().unwrap();
    // The canary, the first, four together; which of these hold the one that panics, done again one by one, is
    // a matter of who came first.
    assert_eq!(batches[..3], [1, 1, 4], "{batches:?}");
    assert_eq!(
        batches.iter().filter(|size| **size > 1).sum::<usize>(),
        6,
        "{batches:?}"
    );
}

#[test]
fn what_nobody_waits_for_any_more_is_not_computed() {
    let dir = tempfile::tempdir().unwrap();
    let made = made(dir.path());
    let seen = made.seen.clone();
    let server = Arc::new(Server::start(made.parts));
    seen.gate.set(true);
    let held = {
        let server = server.clone();
        thread::spawn(move || {
            server.post("/v1/tag", &json!({ "image": data_uri(&png([1, 0, 0])) }))
        })
    };
    server.until(|_| seen.batches.lock().unwrap().len() == 2);
    let body = json!({ "image": data_uri(&png([2, 0, 0])) }).to_string();
    let headers = [("content-type", "application/json")];
    let mut gone = server.connect();
    gone.write_all(&request("POST", "/v1/tag", &headers, body.as_bytes()))
        .unwrap();
    server.until(|server| server.app.encoder.waiting() == 1);
    drop(gone);
    server.until(|server| server.app.in_flight() == 1);
    seen.gate.set(false);
    assert_eq!(held.join().unwrap().status, 200);
    assert_eq!(server.get("/health").status, 200);
    let tagged = server.ok("/v1/tag", &json!({ "image": data_uri(&png([3, 0, 0])) }));
    assert_eq!(tagged["colours"][0]["hex"], "#030000");
    // The canary, the one that was held, the last.
    assert_eq!(*seen.batches.lock().unwrap(), [1, 1, 1]);
}

#[test]
fn slow_clients_are_cut_off_and_cost_the_others_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut made = made(dir.path());
    made.parts.limits.header_timeout = Duration::from_secs(1);
    made.parts.limits.request_timeout = Duration::from_secs(2);
    let server = Server::start(made.parts);
    let mut slow_headers = server.connect();
    slow_headers
        .write_all(b"POST /indexes/shop/search HTTP/1.1\r\nhost: loc")
        .unwrap();
    let mut slow_body = server.connect();
    let mut some = request(
        "POST",
        SEARCH,
        &[("content-type", "application/json")],
        &[b' '; 100],
    );
    some.truncate(some.len() - 50);
    slow_body.write_all(&some).unwrap();
    assert_eq!(server.ok(SEARCH, &json!({"q": "red"}))["hits"], json!([]));
    assert_eq!(answer(&mut slow_body).unwrap().code(), "timeout");
    // Whatever hyper says to it, the connection ends.
    let mut rest = Vec::new();
    let ended = std::io::Read::read_to_end(&mut slow_headers, &mut rest);
    assert!(!matches!(ended, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock));
}
