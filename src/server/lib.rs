//! HTTP API, OpenAPI and the web page.
//!
//! The way of a request: [`listen`] accepts it, [`guard`] gives it an id and a time limit, [`auth`] looks at
//! its key, [`input`] reads its body; a handler asks the models ([`batcher`], [`words`]) and the catalogue.
//!
//! **Architecture invariant**: encoders, stores and sources are known only as traits of
//! `showroom_catalog::seams`; nothing here reads the environment or prints.

pub mod app;
pub mod auth;
pub mod batcher;
mod cached;
mod clock;
pub mod config;
mod current;
mod describe;
pub mod documents;
pub mod embeddings;
pub mod error;
#[cfg(test)]
mod fakes;
pub mod guard;
pub mod health;
pub mod images;
pub mod input;
pub mod jobs;
pub mod listen;
mod marqo_filter;
pub mod metrics;
pub mod models;
pub mod openapi;
pub mod page;
pub mod photos;
pub mod product;
pub mod question;
mod refusals;
pub mod reload;
pub mod review;
pub mod search;
pub mod state;
pub mod stats;
pub mod studio;
pub mod tag;
pub mod telemetry;
pub mod uploads;
pub mod webhooks;
pub mod words;

pub use app::{Around, DeviceMemory, router, work};
pub use auth::{Key, Keys, Scope};
pub use config::{Batching, Drain, Limits};
pub use error::ApiError;
pub use listen::serve;
pub use product::Pictures;
pub use reload::{Learned, Reload};
pub use state::{App, ModelCard, Observe, Parts};
pub use uploads::Uploads;
