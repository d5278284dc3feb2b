//! The end: no request that was accepted goes without its answer.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::fakes::{data_uri, made, png};
use crate::http::{Server, answer, request};

#[test]
fn readiness_goes_first_and_requests_in_flight_are_answered() {
    let dir = tempfile::tempdir().unwrap();
    let mut made = made(dir.path());
    made.parts.limits.drain.notice = Duration::from_secs(2);
    let seen = made.seen.clone();
    let mut server = Server::start(made.parts);
    seen.gate.set(true);
    let body = json!({ "image": data_uri(&png([7, 0, 0])) }).to_string();
    let headers = [("content-type", "application/json")];
    let mut held = server.connect();
    held.write_all(&request("POST", "/v1/tag", &headers, body.as_bytes()))
        .unwrap();
    server.until(|server| server.app.in_flight() == 1);
    server.ask_to_stop();
    server.until(|server| server.app.is_draining());
    let not_ready = server.get("/ready");
    assert_eq!(
        (not_ready.status, not_ready.code().as_str()),
        (503, "draining")
    );
    let kept_on = server.get("/health");
    assert_eq!(
        (kept_on.status, kept_on.header("connection")),
        (200, Some("close"))
    );
    // The listener ends.
    server.until(|server| std::net::TcpStream::connect(server.address).is_err());
    seen.gate.set(false);
    assert_eq!(answer(&mut held).unwrap().status, 200);
    assert_eq!(server.wait(), 0);
}

#[test]
fn patience_has_an_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut made = made(dir.path());
    made.parts.limits.drain.notice = Duration::ZERO;
    made.parts.limits.drain.patience = Duration::from_millis(200);
    let seen = made.seen.clone();
    let mut server = Server::start(made.parts);
    seen.gate.set(true);
    let body = json!({ "image": data_uri(&png([7, 0, 0])) }).to_string();
    let headers = [("content-type", "application/json")];
    let mut held = server.connect();
    held.write_all(&request("POST", "/v1/tag", &headers, body.as_bytes()))
        .unwrap();
    server.until(|server| server.app.in_flight() == 1);
    server.ask_to_stop();
    assert_eq!(server.wait(), 1);
    seen.gate.set(false);
}

#[test]
fn nothing_is_dropped_under_load() {
    for round in 0..5 {
        let dir = tempfile::tempdir().unwrap();
        let mut made = made(dir.path());
        made.parts.limits.drain.notice = Duration::from_millis(30);
        let mut server = Server::start(made.parts);
        let address = server.address;
        let over = Arc::new(AtomicBool::new(false));
        let dropped = Arc::new(Mutex::new(Vec::new()));
        let clients: Vec<_> = (0..4)
            .map(|_| {
                let (over, dropped) = (over.clone(), dropped.clone());
                thread::spawn(move || {
                    let body = br#"{"q": "red"}"#;
                    let headers = [("content-type", "application/json")];
                    let bytes = request("POST", "/indexes/shop/search", &headers, body);
                    let mut answered = 0;
                    while !over.load(Ordering::Relaxed) {
                        // Who cannot connect was not accepted.
                        let Ok(mut stream) = std::net::TcpStream::connect(address) else {
                            continue;
                        };
                        let sent = stream.write_all(&bytes);
                        match answer(&mut stream) {
                            Some(answer) if answer.status == 200 => answered += 1,
                            other => dropped.lock().unwrap().push(format!("{sent:?} {other:?}")),
                        }
                    }
                    answered
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(50));
        server.ask_to_stop();
        assert_eq!(server.wait(), 0);
        over.store(true, Ordering::Relaxed);
        let answered: usize = clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .sum();
        assert_eq!(
            *dropped.lock().unwrap(),
            Vec::<String>::new(),
            "round {round}"
        );
        assert!(answered > 0);
    }
}
