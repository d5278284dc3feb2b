//! HTTP API, OpenAPI and the web page.
