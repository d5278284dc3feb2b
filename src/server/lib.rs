//! HTTP API, OpenAPI and the web page.

mod cached;
pub mod error;
#[cfg(test)]
mod fakes;
pub mod page;
pub mod product;
pub mod review;
