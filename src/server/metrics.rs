//! What the server does, in numbers that Prometheus reads.
//!
//! Labels are words of this program alone (routes as they are written in the router, never an address that
//! a client made up), so that their number is bounded.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::error::ApiError;
use crate::state::Observe;

const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Seconds: from a cached answer to one that a client gives up on.
const SECONDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
const BATCH_SIZES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

type Labels<const N: usize> = [(&'static str, String); N];
type Histograms = Family<Labels<1>, Histogram, fn() -> Histogram>;

/// Parts of the work of a request, as they are counted from the start.
const STAGES: [&str; 10] = [
    "decode", "queue", "encode", "words", "search", "write", "render", "cutout", "backdrop",
    "check",
];

/// Why a request was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// 429 or 503: more is waiting than may.
    Overload,
    /// 413.
    TooLarge,
    /// 401 or 403.
    NotAllowed,
    /// 408, or the time limit.
    TooSlow,
}

impl Refused {
    fn name(self) -> &'static str {
        match self {
            Refused::Overload => "overload",
            Refused::TooLarge => "too_large",
            Refused::NotAllowed => "not_allowed",
            Refused::TooSlow => "too_slow",
        }
    }

    fn of(status: u16) -> Option<Refused> {
        match status {
            429 | 503 => Some(Refused::Overload),
            413 => Some(Refused::TooLarge),
            401 | 403 => Some(Refused::NotAllowed),
            408 | 504 => Some(Refused::TooSlow),
            _ => None,
        }
    }
}

/// All numbers of one server.
pub struct Metrics {
    registry: Registry,
    requests: Family<Labels<3>, Counter>,
    seconds: Histograms,
    stages: Histograms,
    refused: Family<Labels<1>, Counter>,
    in_flight: Gauge,
    queues: Family<Labels<1>, Gauge>,
    batch_sizes: Histogram,
    batched: Counter,
    device_memory: Family<Labels<1>, Gauge>,
    memory: Gauge,
    open_files: Gauge,
    threads: Gauge,
    uptime: Gauge<f64, AtomicU64>,
    began: Instant,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics::new()
    }
}

impl Metrics {
    pub fn new() -> Metrics {
        let histogram: fn() -> Histogram = || Histogram::new(SECONDS);
        let mut metrics = Metrics {
            registry: Registry::with_prefix("showroom"),
            requests: Family::default(),
            seconds: Family::new_with_constructor(histogram),
            stages: Family::new_with_constructor(histogram),
            refused: Family::default(),
            in_flight: Gauge::default(),
            queues: Family::default(),
            batch_sizes: Histogram::new(BATCH_SIZES),
            batched: Counter::default(),
            device_memory: Family::default(),
            memory: Gauge::default(),
            open_files: Gauge::default(),
            threads: Gauge::default(),
            uptime: Gauge::default(),
            began: Instant::now(),
        };
        metrics.register();
        // So that a stage that nobody needed yet shows as zero and not as missing.
        for stage in STAGES {
            drop(metrics.stages.get_or_create(&[("stage", stage.into())]));
        }
        metrics
    }

    fn register(&mut self) {
        let Metrics {
            registry: to,
            requests,
            seconds,
            stages,
            refused,
            in_flight,
            queues,
            batch_sizes,
            batched,
            device_memory,
            memory,
            open_files,
            threads,
            uptime,
            ..
        } = self;
        to.register("http_requests", "Requests answered", requests.clone());
        to.register_with_unit(
            "http_request_duration",
            "Time from a request's head to its answer's",
            Unit::Seconds,
            seconds.clone(),
        );
        to.register_with_unit(
            "stage_duration",
            "Time that a part of the work took",
            Unit::Seconds,
            stages.clone(),
        );
        to.register("refused", "Requests turned away", refused.clone());
        to.register(
            "http_requests_in_flight",
            "Requests that are being answered",
            in_flight.clone(),
        );
        to.register("queue_depth", "What waits in a queue", queues.clone());
        to.register(
            "batch_size",
            "Photos or sentences that a model took at once",
            batch_sizes.clone(),
        );
        to.register("batched", "Photos and sentences encoded", batched.clone());
        to.register_with_unit(
            "device_memory",
            "Memory of the GPU that this process has: used, in buffers; reserved, taken from the device. Absent on a CPU",
            Unit::Bytes,
            device_memory.clone(),
        );
        to.register_with_unit(
            "process_resident_memory",
            "Memory of this process",
            Unit::Bytes,
            memory.clone(),
        );
        to.register("process_open_fds", "Open files", open_files.clone());
        to.register("process_threads", "Threads", threads.clone());
        to.register_with_unit(
            "uptime",
            "Time since the start",
            Unit::Seconds,
            uptime.clone(),
        );
    }

    /// A part of the work took this long: `decode` (bytes → pixels), `queue` (waiting for the model),
    /// `encode`, `words` (sentence → vector), `search`, `write`, `render` (photo → rendition),
    /// `cutout`, `backdrop`, `check` (the studio's, from a photo's bytes to those of the file).
    pub fn stage(&self, name: &'static str, took: Duration) {
        let label = [("stage", name.to_string())];
        self.stages
            .get_or_create(&label)
            .observe(took.as_secs_f64());
    }

    /// How much waits in a queue: of the model, of jobs, of renditions.
    pub fn queue_depth(&self, queue: &'static str, depth: usize) {
        let depth = i64::try_from(depth).unwrap_or(i64::MAX);
        self.queues
            .get_or_create(&[("queue", queue.to_string())])
            .set(depth);
    }

    /// A model took this many at once.
    pub fn batch(&self, size: usize) {
        self.batch_sizes.observe(size as f64);
        self.batched.inc_by(size as u64);
    }

    /// Memory of a GPU that this process has, in bytes. Never asked on a CPU.
    pub fn device_memory(&self, used: u64, reserved: u64) {
        for (kind, bytes) in [("used", used), ("reserved", reserved)] {
            let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
            self.device_memory
                .get_or_create(&[("kind", kind.to_string())])
                .set(bytes);
        }
    }

    fn answered(&self, route: &str, method: &'static str, status: u16, took: Duration) {
        let labels = [
            ("route", route.to_string()),
            ("method", method.to_string()),
            ("status", status.to_string()),
        ];
        self.requests.get_or_create(&labels).inc();
        self.seconds
            .get_or_create(&[("route", route.to_string())])
            .observe(took.as_secs_f64());
        if let Some(why) = Refused::of(status) {
            self.refused
                .get_or_create(&[("reason", why.name().to_string())])
                .inc();
        }
    }

    /// The numbers as text.
    pub fn text(&self) -> Result<String, fmt::Error> {
        self.uptime.set(self.began.elapsed().as_secs_f64());
        let process = Process::now();
        self.memory.set(process.resident_bytes);
        self.open_files.set(process.open_files);
        self.threads.set(process.threads);
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl Observe for Metrics {
    fn stage(&self, name: &'static str, took: Duration) {
        Metrics::stage(self, name, took);
    }

    fn batch(&self, photos: usize) {
        Metrics::batch(self, photos);
    }
}

/// What the operating system says of this process; zeros where it says nothing.
#[derive(Default)]
struct Process {
    resident_bytes: i64,
    open_files: i64,
    threads: i64,
}

impl Process {
    fn now() -> Process {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let number = |name: &str| {
            status
                .lines()
                .find_map(|line| line.strip_prefix(name)?.split_whitespace().next())
                .and_then(|number| number.parse().ok())
                .unwrap_or(0)
        };
        let files = std::fs::read_dir("/proc/self/fd").map_or(0, |files| files.count());
        Process {
            resident_bytes: number("VmRSS:") * 1024,
            // Without the one that counts them.
            open_files: i64::try_from(files).unwrap_or(0).saturating_sub(1).max(0),
            threads: number("Threads:"),
        }
    }
}

/// `GET /metrics`; `refresh` sets what is only known when somebody asks.
pub fn routes(metrics: Arc<Metrics>, refresh: impl Fn(&Metrics) + Send + Sync + 'static) -> Router {
    let refresh: Arc<dyn Fn(&Metrics) + Send + Sync> = Arc::new(refresh);
    let show = move || async move {
        refresh(&metrics);
        show(&metrics)
    };
    Router::new().route("/metrics", get(show))
}

fn show(metrics: &Metrics) -> Result<Response, ApiError> {
    let text = metrics.text().map_err(|error| ApiError::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, TEXT)], text).into_response())
}

/// Counts every request of a router, by the route that it took.
pub fn counted(router: Router, metrics: Arc<Metrics>) -> Router {
    router.layer(middleware::from_fn_with_state(metrics, count))
}

/// The layer of [`counted`], for who builds his own.
pub async fn count(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str).to_string();
    let method = known(request.method());
    let began = Instant::now();
    let counting = InFlight::new(metrics.in_flight.clone());
    let response = next.run(request).await;
    drop(counting);
    metrics.answered(&route, method, response.status().as_u16(), began.elapsed());
    response
}

/// One more until it is dropped: also where the client goes away meanwhile.
struct InFlight(Gauge);

impl InFlight {
    fn new(gauge: Gauge) -> InFlight {
        gauge.inc();
        InFlight(gauge)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Clients may make up methods.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
