//! The contract: OpenAPI 3.1, a file for each part of the API, joined when the server starts.

use std::sync::LazyLock;

use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// The parts, each `{paths, components: {schemas, responses}}`.
const PARTS: [&str; 5] = [
    include_str!("core.json"),
    include_str!("edges.json"),
    include_str!("manage.json"),
    include_str!("page.json"),
    include_str!("studio.json"),
];

const DESCRIPTION: &str = "Product photos: search, tags, vectors, cut-outs. Errors are `{message, code, type, link}`; \
    429 and 503 say in `Retry-After` when to try again. Every answer has an `x-request-id`.";

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| document(&PARTS));

/// `GET /openapi.json`.
pub async fn openapi() -> Json<&'static Value> {
    Json(&DOCUMENT)
}

/// `GET /docs`: the contract as a page.
pub async fn docs() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ];
    (headers, include_str!("../docs/page.html")).into_response()
}

/// Joins the parts. A part that is no JSON is our own bug, and a test's to find: it is left out.
fn document(parts: &[&str]) -> Value {
    let (mut paths, mut schemas, mut responses) = (Map::new(), Map::new(), Map::new());
    for part in parts {
        let mut part: Value = serde_json::from_str(part).unwrap_or_default();
        if let Value::Object(more) = part["paths"].take() {
            more.into_iter().for_each(|path| add(&mut paths, path));
        }
        for (name, all) in [("schemas", &mut schemas), ("responses", &mut responses)] {
            if let Value::Object(more) = part["components"][name].take() {
                all.extend(more);
            }
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "showroom",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": responses,
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer" },
                "apiKey": { "type": "apiKey", "in": "header", "name": "x-api-key" },
            },
        },
        "security": [{ "bearer": [] }, { "apiKey": [] }],
    })
}

/// A path with its methods, to those that other parts have of it.
fn add(paths: &mut Map<String, Value>, (path, methods): (String, Value)) {
    match (paths.get_mut(&path), methods) {
        (Some(Value::Object(known)), Value::Object(more)) => known.extend(more),
        (_, methods) => drop(paths.insert(path, methods)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls `seen` with every value of `$ref` below.
    fn references(value: &Value, seen: &mut dyn FnMut(&str)) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(to)) = fields.get("$ref") {
                    seen(to);
                }
                fields.values().for_each(|value| references(value, seen));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, seen)),
            _ => {}
        }
    }

    #[test]
    fn every_part_is_json_and_every_reference_leads_somewhere() {
        for part in PARTS {
            serde_json::from_str::<Value>(part).unwrap();
        }
        let document = document(&PARTS);
        let mut count = 0;
        references(&document, &mut |to| {
            count += 1;
            let at = to.strip_prefix('#').unwrap();
            assert!(document.pointer(at).is_some(), "{to} leads nowhere");
        });
        assert!(count > 20);
        // From two parts.
        let methods = &document["paths"]["/indexes/{index}/documents"];
        assert!(methods["post"].is_object() && methods["patch"].is_object());
    }
}
