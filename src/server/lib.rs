//! HTTP API, OpenAPI and the web page.

mod clock;
pub mod error;
pub mod images;
pub mod jobs;
pub mod metrics;
pub mod telemetry;
pub mod webhooks;
