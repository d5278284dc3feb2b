//! The page: HTML, CSS and ES modules that are in the binary and run as they are written.
//!
//! It holds no data and needs no key; what it shows it asks the API for. It loads nothing from anywhere
//! else, and its content security policy lets it do nothing else.

use axum::Router;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::error::ApiError;

/// What the page may do: load from here alone, and show the photos that somebody drops on it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const INDEX: &str = include_str!("index.html");

/// Name, type and text of everything that the page loads.
const ASSETS: [(&str, &str, &str); 16] = [
    ("page.css", CSS, include_str!("page.css")),
    ("icon.svg", "image/svg+xml", include_str!("icon.svg")),
    ("app.js", JS, include_str!("app.js")),
    ("api.js", JS, include_str!("api.js")),
    ("card.js", JS, include_str!("card.js")),
    ("choose.js", JS, include_str!("choose.js")),
    ("dom.js", JS, include_str!("dom.js")),
    ("facets.js", JS, include_str!("facets.js")),
    ("grid.js", JS, include_str!("grid.js")),
    ("log.js", JS, include_str!("log.js")),
    ("product.js", JS, include_str!("product.js")),
    ("review.js", JS, include_str!("review.js")),
    ("search.js", JS, include_str!("search.js")),
    ("rules.js", JS, include_str!("rules.js")),
    ("source.js", JS, include_str!("source.js")),
    ("studio.js", JS, include_str!("studio.js")),
];
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// `GET /assets/{file}`.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/assets/{file}", get(asset))
}

/// `GET /` for a browser.
pub fn index(headers: &HeaderMap) -> Response {
    file(headers, HTML, INDEX)
}

async fn asset(
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let name = name.map_or_else(|_| String::new(), |Path(name)| name);
    match ASSETS.iter().find(|(known, ..)| *known == name) {
        Some((_, kind, text)) => Ok(file(&headers, kind, text)),
        None => Err(ApiError::not_found(
            "not_found",
            "the page has no such file",
        )),
    }
}

/// The file, or nothing where the browser has it: it asks each time, so that it never mixes the files
/// of two versions.
fn file(asked: &HeaderMap, kind: &'static str, text: &'static str) -> Response {
    let etag = format!("\"{}\"", &blake3::hash(text.as_bytes()).to_hex()[..16]);
    let is_same = (asked.get(header::IF_NONE_MATCH)).is_some_and(|known| known == etag.as_str());
    let mut response = match is_same {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => text.into_response(),
    };
    let headers = response.headers_mut();
    let set: [(HeaderName, &'static str); 6] = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in set {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use axum::routing;
    use tower::ServiceExt;

    use super::*;

    async fn get(path: &str, etag: Option<&str>) -> (StatusCode, HeaderMap, String) {
        let mut request = Request::get(path);
        if let Some(etag) = etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        let request = request.body(Body::empty()).unwrap();
        let page = Router::new().route("/", routing::get(async |h: HeaderMap| index(&h)));
        let response = page.merge(routes()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 1 << 20).await.unwrap();
        (
            parts.status,
            parts.headers,
            String::from_utf8(bytes.to_vec()).unwrap(),
        )
    }

    #[tokio::test]
    async fn everything_that_the_page_loads_is_there_and_nothing_else_is() {
        let (status, headers, html) = get("/", None).await;
        assert_eq!((status, html.as_str()), (StatusCode::OK, INDEX));
        assert_eq!(headers["content-type"], HTML);
        assert!(
            headers["content-security-policy"]
                .to_str()
                .unwrap()
                .contains("script-src 'self'")
        );
        let mut named: Vec<String> = Vec::new();
        let texts = ASSETS.iter().map(|(_, _, text)| *text).chain([INDEX]);
        for text in texts {
            named.extend(text.split("/assets/").skip(1).map(until_quote));
            named.extend(text.split("from './").skip(1).map(until_quote));
        }
        named.sort();
        named.dedup();
        let mut known: Vec<&str> = ASSETS.iter().map(|(name, ..)| *name).collect();
        known.sort_unstable();
        assert_eq!(named, known);
        for name in named {
            let (status, ..) = get(&format!("/assets/{name}"), None).await;
            assert_eq!(status, StatusCode::OK, "{name}");
        }
        for wrong in ["/assets/none.js", "/assets/..%2Fmod.rs", "/assets/"] {
            assert_eq!(get(wrong, None).await.0, StatusCode::NOT_FOUND, "{wrong}");
        }
    }

    fn until_quote(text: &str) -> String {
        text.split(['\'', '"'])
            .next()
            .unwrap_or_default()
            .to_string()
    }

    #[tokio::test]
    async fn a_browser_that_has_a_file_is_not_sent_it_again() {
        let (_, headers, text) = get("/assets/page.css", None).await;
        assert!(!text.is_empty());
        let etag = headers["etag"].to_str().unwrap();
        let (status, _, text) = get("/assets/page.css", Some(etag)).await;
        assert_eq!((status, text.as_str()), (StatusCode::NOT_MODIFIED, ""));
    }

    #[test]
    fn nothing_is_written_that_the_policy_forbids() {
        for handler in [
            "onclick=",
            "onload=",
            " style=",
            "<style",
            "javascript:",
            "eval(",
            "innerHTML",
        ] {
            for (name, _, text) in ASSETS.iter().chain([&("index.html", HTML, INDEX)]) {
                assert!(!text.contains(handler), "{handler} in {name}");
            }
        }
        for (name, _, text) in ASSETS.iter().chain([&("index.html", HTML, INDEX)]) {
            let elsewhere = text
                .split("://")
                .skip(1)
                .filter(|rest| !rest.starts_with("www.w3.org/"));
            assert_eq!(elsewhere.count(), 0, "{name} names an address");
        }
    }
}
