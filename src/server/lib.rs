//! HTTP API, OpenAPI and the web page.

mod cached;
pub mod error;
pub mod page;
pub mod product;
pub mod review;
