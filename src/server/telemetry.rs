//! Logs as lines of JSON, and traces to an OpenTelemetry collector (OTLP over HTTP).
//!
//! A request is a span: its fields are on every line that is logged meanwhile, and where a collector is named
//! the spans go there too, in the trace that the client's `traceparent` (W3C) names.

use std::fmt;
use std::future::Future;
use std::io::Write;
use std::pin::Pin;
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::Response;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HeaderExtractor, HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::field::Empty;
use tracing::level_filters::LevelFilter;
use tracing::{Instrument, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;
use tracing_subscriber::{Layer, filter};

/// Time for one batch of spans.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest answer of a collector that is read.
const MAX_ANSWER: u64 = 64 << 10;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is logged, and where traces go.
pub struct TelemetryOptions {
    /// `off`, `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
    /// Opens what a line is written to.
    pub lines: Box<dyn Fn() -> Box<dyn Write> + Send + Sync>,
    /// `http://collector:4318/v1/traces`.
    pub traces: Option<String>,
    /// Share of traces that are sent, 0 to 1, where the client has not decided.
    pub sampled: f64,
}

/// What is to be sent before the process ends.
pub struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Takes the logs and spans of the whole process from here on.
    pub fn install(options: TelemetryOptions) -> Result<Telemetry, String> {
        let (subscriber, telemetry) = Telemetry::new(options)?;
        tracing::subscriber::set_global_default(subscriber)
            .map_err(|_| "the process has a log already".to_string())?;
        Ok(telemetry)
    }

    /// The subscriber to install, and what to end it with.
    pub fn new(options: TelemetryOptions) -> Result<(impl Subscriber, Telemetry), String> {
        let level: LevelFilter = options.level.parse().map_err(|_| {
            let known = "off, error, warn, info, debug or trace";
            format!("{:?} is no level of logs; give {known}", options.level)
        })?;
        let lines = options.lines;
        let provider = options
            .traces
            .map(|address| provider(&address, options.sampled))
            .transpose()?;
        let traces = provider.as_ref().map(|provider| {
            tracing_opentelemetry::layer()
                .with_tracer(provider.tracer("showroom"))
                // What the exporter itself says must not become a span of its own.
                .with_filter(filter::filter_fn(|meta| {
                    meta.target().starts_with("showroom")
                }))
        });
        let lines = tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .with_writer(BoxMakeWriter::new(lines))
            // The store tells every file that it opens.
            .with_filter(
                filter::Targets::new()
                    .with_default(level.min(LevelFilter::WARN))
                    .with_target("showroom", level),
            );
        let subscriber = Registry::default().with(lines).with(traces);
        Ok((subscriber, Telemetry { provider }))
    }

    /// Sends what is left. Blocks, up to the time of one batch.
    pub fn end(self) {
        if let Some(provider) = self.provider
            && let Err(error) = provider.shutdown_with_timeout(EXPORT_TIMEOUT)
        {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

fn provider(address: &str, sampled: f64) -> Result<SdkTracerProvider, String> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Sender::new())
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(address)
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .map_err(|error| format!("traces cannot be sent to {address}: {error}"))?;
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(sampled)));
    let resource = Resource::builder_empty()
        .with_service_name("showroom")
        .build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(sampler)
        .with_resource(resource)
        .build())
}

/// The exporter's way to the collector. It is called on the exporter's own thread, which may wait.
struct Sender(ureq::Agent);

impl Sender {
    fn new() -> Sender {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(EXPORT_TIMEOUT))
            .build();
        Sender(config.new_agent())
    }

    fn send(
        &self,
        request: opentelemetry_http::Request<Bytes>,
    ) -> Result<opentelemetry_http::Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let mut post = self.0.post(head.uri.to_string());
        for (name, value) in &head.headers {
            post = post.header(name.as_str(), value.as_bytes());
        }
        let mut answer = post.send(&body[..])?;
        let status = answer.status().as_u16();
        let body = answer
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER)
            .read_to_vec()?;
        Ok(opentelemetry_http::Response::builder()
            .status(status)
            .body(Bytes::from(body))?)
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender")
    }
}

impl HttpClient for Sender {
    // As `async_trait` writes it.
    fn send_bytes<'life0, 'async_trait>(
        &'life0 self,
        request: opentelemetry_http::Request<Bytes>,
    ) -> Pin<
        Box<
            dyn Future<Output = Result<opentelemetry_http::Response<Bytes>, HttpError>>
                + Send
                + 'async_trait,
        >,
    >
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move { self.send(request) })
    }
}

/// The span of a request, in the client's trace where it names one.
pub fn request_span(method: &str, route: &str, request_id: &str, headers: &HeaderMap) -> Span {
    let span = tracing::info_span!(
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        request_id,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
    );
    let parent = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
    // Fails where no traces are sent.
    let _ = span.set_parent(parent);
    span
}

/// The layer that makes a span of every request and logs its end. The request id is that of the answer's
/// `x-request-id`, or the client's.
pub async fn traced(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str).to_string();
    let id = request
        .headers()
        .get(&REQUEST_ID)
        .and_then(|id| id.to_str().ok())
        .unwrap_or_default()
        .to_string();
    let method = request.method().as_str().to_string();
    let span = request_span(&method, &route, &id, request.headers());
    let began = std::time::Instant::now();
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    span.record("http.response.status_code", status);
    let took_ms = began.elapsed().as_secs_f64() * 1e3;
    // What asks every second whether the server is there would drown the rest, and so would what is turned away,
    // of which one line a second tells.
    let is_quiet = matches!(route.as_str(), "/health" | "/ready" | "/metrics") || status == 429;
    span.in_scope(|| match is_quiet {
        true => tracing::debug!(status, took_ms, "answered"),
        false => tracing::info!(status, took_ms, "answered"),
    });
    response
}
