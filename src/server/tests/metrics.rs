//! What Prometheus reads.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use showroom_server::metrics::{Metrics, counted, routes};

use crate::served::Served;

fn served(metrics: &Arc<Metrics>) -> Served {
    let router = Router::new()
        .route(
            "/products/{key}",
            get(async || "a product").post(async || "new"),
        )
        .route("/busy", get(async || StatusCode::TOO_MANY_REQUESTS))
        .route("/locked", get(async || StatusCode::FORBIDDEN))
        .merge(routes(metrics.clone(), |metrics| {
            metrics.queue_depth("jobs", 3)
        }));
    Served::new(|| counted(router, metrics.clone()))
}

/// The value of a line.
#[track_caller]
fn value(text: &str, line: &str) -> f64 {
    let found = text
        .lines()
        .find_map(|one| one.strip_prefix(line)?.strip_prefix(' '));
    let found = found.unwrap_or_else(|| panic!("no {line} in\n{text}"));
    found.parse().unwrap()
}

#[test]
fn requests_are_counted_by_route_and_never_by_what_clients_make_up() {
    let metrics = Arc::new(Metrics::new());
    let served = served(&metrics);
    for n in 0..50 {
        served.get(&format!("/products/{n}"));
        served.get(&format!("/made-up/{n}"));
    }
    served.send("POST", "/products/1", &[], b"x");
    served.send("BREW", "/products/1", &[], b"");
    served.get("/busy");
    served.get("/locked");
    let answer = served.get("/metrics");
    assert!(
        answer
            .header("content-type")
            .starts_with("application/openmetrics-text")
    );
    let text = answer.text();
    let of = |labels: &str| value(&text, &format!("showroom_http_requests_total{{{labels}}}"));
    assert_eq!(
        of(r#"route="/products/{key}",method="GET",status="200""#),
        50.0
    );
    assert_eq!(
        of(r#"route="/products/{key}",method="POST",status="200""#),
        1.0
    );
    assert_eq!(
        of(r#"route="/products/{key}",method="other",status="405""#),
        1.0
    );
    assert_eq!(of(r#"route="none",method="GET",status="404""#), 50.0);
    assert_eq!(
        value(&text, r#"showroom_refused_total{reason="overload"}"#),
        1.0
    );
    assert_eq!(
        value(&text, r#"showroom_refused_total{reason="not_allowed"}"#),
        1.0
    );
    // This one.
    assert_eq!(value(&text, "showroom_http_requests_in_flight"), 1.0);
    let seconds = "showroom_http_request_duration_seconds";
    let count = format!(r#"{seconds}_count{{route="/products/{{key}}"}}"#);
    assert_eq!(value(&text, &count), 52.0);
    assert!(!text.contains("made-up"));
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn stages_batches_queues_and_the_process_are_shown() {
    let metrics = Arc::new(Metrics::new());
    let served = served(&metrics);
    metrics.stage("decode", Duration::from_millis(3));
    metrics.stage("decode", Duration::from_millis(30));
    metrics.batch(4);
    metrics.batch(16);
    metrics.queue_depth("model", 7);
    metrics.queue_depth("model", 2);
    assert!(
        !metrics.text().unwrap().contains("device_memory_bytes{"),
        "there is no GPU"
    );
    metrics.device_memory(1 << 30, 1 << 31);
    let text = served.get("/metrics").text();
    let stage = |what: &str| value(&text, &format!("showroom_stage_duration_seconds_{what}"));
    assert_eq!(stage(r#"count{stage="decode"}"#), 2.0);
    assert!((stage(r#"sum{stage="decode"}"#) - 0.033).abs() < 1e-9);
    assert_eq!(stage(r#"bucket{le="0.005",stage="decode"}"#), 1.0);
    // What nobody needed yet is zero and not missing.
    assert_eq!(stage(r#"count{stage="encode"}"#), 0.0);
    assert_eq!(value(&text, "showroom_batch_size_sum"), 20.0);
    assert_eq!(value(&text, "showroom_batch_size_count"), 2.0);
    assert_eq!(value(&text, "showroom_batched_total"), 20.0);
    assert_eq!(value(&text, r#"showroom_queue_depth{queue="model"}"#), 2.0);
    assert_eq!(value(&text, r#"showroom_queue_depth{queue="jobs"}"#), 3.0);
    assert_eq!(
        [r#"kind="used""#, r#"kind="reserved""#]
            .map(|kind| value(&text, &format!("showroom_device_memory_bytes{{{kind}}}"))),
        [f64::from(1 << 30), 2.0 * f64::from(1 << 30)]
    );
    if cfg!(target_os = "linux") {
        let memory = value(&text, "showroom_process_resident_memory_bytes");
        assert!((1e6..1e11).contains(&memory), "{memory}");
        assert!(value(&text, "showroom_process_open_fds") >= 3.0);
        assert!(value(&text, "showroom_process_threads") >= 3.0);
    }
}
