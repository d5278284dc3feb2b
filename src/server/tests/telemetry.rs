//! Lines of JSON, and spans in a collector.

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use axum::routing::get;
use axum::{Router, middleware};
use serde_json::Value;
use showroom_server::telemetry::{Telemetry, TelemetryOptions, traced};

use crate::served::Served;

/// Where lines go in a test.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A collector that keeps the body of each request.
fn collector() -> (String, Arc<Mutex<Vec<Vec<u8>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let got = Arc::new(Mutex::new(Vec::new()));
    let kept = got.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut bytes = Vec::new();
            let mut piece = [0; 4096];
            let whole = loop {
                let read = stream.read(&mut piece).unwrap();
                bytes.extend_from_slice(&piece[..read]);
                let text = String::from_utf8_lossy(&bytes).to_lowercase();
                let Some(head) = text.find("\r\n\r\n") else {
                    continue;
                };
                assert!(text.starts_with("post /v1/traces "), "{text}");
                assert!(text.contains("content-type: application/x-protobuf"));
                let length = text.split("content-length: ").nth(1).unwrap();
                let length: usize = length.split('\r').next().unwrap().parse().unwrap();
                // The head is ASCII, so its length is that of its text.
                if bytes.len() >= head + 4 + length || read == 0 {
                    break bytes[head + 4..].to_vec();
                }
            };
            kept.lock().unwrap().push(whole);
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (address, got)
}

/// Serves one route through a subscriber; the answer's lines after `ask`.
fn run(traces: Option<String>, sampled: f64, ask: impl Fn(&Served)) -> Vec<Value> {
    let lines = Lines::default();
    let writer = lines.clone();
    let options = TelemetryOptions {
        level: "info".to_string(),
        lines: Box::new(move || Box::new(writer.clone())),
        traces,
        sampled,
    };
    let (subscriber, telemetry) = Telemetry::new(options).unwrap();
    let dispatch = tracing::Dispatch::new(subscriber);
    let router = Router::new()
        .route(
            "/products/{key}",
            get(async || {
                let span = tracing::info_span!(target: "showroom_server", "encode");
                span.in_scope(|| tracing::warn!(batch = 3, "a photo is large"));
                "a product"
            }),
        )
        .layer(middleware::from_fn(traced))
        .layer(middleware::from_fn(
            move |request: axum::extract::Request, next: middleware::Next| {
                let dispatch = dispatch.clone();
                async move {
                    use tracing::instrument::WithSubscriber;
                    next.run(request).with_subscriber(dispatch).await
                }
            },
        ));
    let served = Served::new(|| router);
    ask(&served);
    drop(served);
    telemetry.end();
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

#[test]
fn every_line_is_json_and_knows_its_request() {
    let lines = run(None, 1.0, |served| {
        let headers = [("x-request-id", "abc-123")];
        served.send("GET", "/products/secret-sku", &headers, b"");
    });
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["message"], "a photo is large");
    assert_eq!(
        (&lines[0]["batch"], &lines[0]["level"]),
        (&3.into(), &"WARN".into())
    );
    assert_eq!(lines[1]["message"], "answered");
    assert_eq!(lines[1]["status"], 200);
    assert_eq!(lines[1]["span"]["request_id"], "abc-123");
    assert_eq!(lines[1]["span"]["http.route"], "/products/{key}");
    assert!(lines[1]["took_ms"].as_f64().unwrap() >= 0.0);
}

#[test]
fn spans_reach_the_collector_in_the_clients_trace() {
    let (address, got) = collector();
    let trace: [u8; 16] = std::array::from_fn(|at| at as u8 + 0xa0);
    let hex: String = trace.iter().map(|byte| format!("{byte:02x}")).collect();
    run(Some(address), 0.0, |served| {
        // Sampled by the client, whatever share we would have taken.
        let parent = format!("00-{hex}-00f067aa0ba902b7-01");
        let headers = [("traceparent", parent.as_str())];
        served.send("GET", "/products/1", &headers, b"");
        // Not sampled, by nobody's wish.
        served.send("GET", "/nothing", &[], b"");
    });
    let got = got.lock().unwrap();
    let all = got.concat();
    assert!(!all.is_empty());
    for what in [
        &b"GET /products/{key}"[..],
        b"encode",
        b"service.name",
        b"showroom",
        &trace,
    ] {
        assert!(contains(&all, what), "{:?}", String::from_utf8_lossy(what));
    }
    assert!(!contains(&all, b"GET none"));
}

#[test]
fn a_collector_that_is_not_there_costs_nothing_but_its_traces() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    drop(listener);
    let lines = run(Some(gone), 1.0, |served| {
        assert_eq!(served.get("/products/1").status, 200);
    });
    assert!(lines.iter().any(|line| line["message"] == "answered"));
}
