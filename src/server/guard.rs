//! What every request goes through, whatever it asks for: a request id, a time limit, the shape of errors,
//! and, where there are no keys, the rules that keep a web page elsewhere from using a server that trusts
//! everybody on its machine.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use uuid::Uuid;

use crate::error::ApiError;
use crate::input;
use crate::state::App;

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Routes whose requests ask for a place in the queue ([`App::admit`]) where they do more than read.
const QUEUED: [&str; 9] = [
    "/indexes/{index}/search",
    "/indexes/{index}/recommend",
    "/indexes/{index}/documents",
    "/indexes/{index}/documents/delete-batch",
    "/v1/embeddings",
    "/v1/tag",
    "/api/remove",
    "/v1/backdrop",
    "/v1/check",
];
/// Longest request id that is taken over from a client.
const LONGEST_ID: usize = 128;

/// The id of a request, among its extensions.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// The outermost layer.
pub async fn every(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    request.extensions_mut().insert(RequestId(id.clone()));
    // What is inside logs it.
    if let Ok(id) = HeaderValue::from_str(&id) {
        request.headers_mut().insert(REQUEST_ID, id);
    }
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let refused = if app.now.get().keys.is_empty() {
        local_only(&method, &uri, request.headers()).err()
    } else {
        None
    };
    let mut response = match refused {
        Some(error) => error.into_response(),
        None if is_queued(&request) && app.is_full() => {
            turn_away(&app, request).await.into_response()
        }
        None => shaped(answer(&app, request, next).await),
    };
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    if app.is_draining() {
        // So that nobody sends another request on a connection that is about to end.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The answer within the time limit, also where a handler panics.
async fn answer(app: &App, request: Request, next: Next) -> Response {
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(app.limits.request_timeout, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => ApiError::internal(&"a handler panicked").into_response(),
        Err(_) => {
            let message = "the request took longer than it may; ask for less, or try again";
            ApiError::unavailable("timeout", message).into_response()
        }
    }
}

/// Whether a request will ask for a place in the queue.
fn is_queued(request: &Request) -> bool {
    let route = request.extensions().get::<MatchedPath>();
    let is_known = route.is_some_and(|route| QUEUED.contains(&route.as_str()));
    is_known && matches!(*request.method(), Method::POST | Method::PATCH)
}

/// Refuses a request for which there is no place, before anything is made of it: that is what keeps the time of
/// the server for those that have one. Its body is passed over, unless its client waits to be asked for it.
async fn turn_away(app: &App, request: Request) -> ApiError {
    if !request.headers().contains_key(header::EXPECT) {
        let passed_over = input::pass_over(request.into_body(), app.limits.body_bytes);
        // A body that takes longer is cut off.
        let _ = tokio::time::timeout(app.limits.request_timeout, passed_over).await;
    }
    app.too_many()
}

fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let is_fit = |id: &&str| {
        (1..=LONGEST_ID).contains(&id.len())
            && (id.bytes()).all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    match given.filter(is_fit) {
        Some(id) => id.to_string(),
        None => Uuid::new_v4().to_string(),
    }
}

/// Gives the errors of the framework (no such route, wrong method) the shape of ours.
fn shaped(response: Response) -> Response {
    let status = response.status();
    let is_json = |value: &HeaderValue| value.as_bytes().starts_with(b"application/json");
    let typed = response.headers().get(header::CONTENT_TYPE);
    if !(status.is_client_error() || status.is_server_error()) || typed.is_some_and(is_json) {
        return response;
    }
    let (code, message) = match status {
        StatusCode::NOT_FOUND => (
            "not_found",
            "there is nothing here; /docs lists what there is",
        ),
        StatusCode::METHOD_NOT_ALLOWED => (
            "method_not_allowed",
            "this takes other methods; see the header Allow",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => ("too_large", "the body is larger than it may be"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (
            "unsupported_media_type",
            "the body is of another type than this takes",
        ),
        _ => ("bad_request", "the request cannot be understood"),
    };
    let allow = response.headers().get(header::ALLOW).cloned();
    let mut response = ApiError::new(status, code, message).into_response();
    if let Some(allow) = allow {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

/// Without keys only who is on this machine may ask, and a browser that is made to ask on behalf of
/// another site is not: its `Host` is that site's (DNS rebinding), or its `Origin` is.
fn local_only(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let authority = uri.authority().map(|authority| authority.as_str());
    let refused = |what: &str| {
        let message = format!("without keys only this machine is served, and {what}");
        Err(ApiError::new(StatusCode::FORBIDDEN, "not_local", message))
    };
    let hosts = [host, authority].into_iter().flatten();
    if host.or(authority).is_none() || !hosts.into_iter().all(is_loopback) {
        return refused("the Host header names none of its names");
    }
    let changes = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    if changes && let Some(origin) = headers.get(header::ORIGIN) {
        let origin = origin.to_str().unwrap_or_default();
        let from = origin.split_once("://").map(|(_, host)| host);
        if from.is_none() || from != host {
            return refused("the request comes from a page of another site");
        }
    }
    Ok(())
}

/// Whether `host:port` is a name of this machine's loopback.
fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(host, _)| host),
        None => authority
            .split_once(':')
            .map_or(authority, |(host, _)| host),
    };
    let is_address = host
        .parse::<IpAddr>()
        .is_ok_and(|address| address.is_loopback());
    is_address || host.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(method: Method, host: &str, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert("host", host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert("origin", origin.parse().unwrap());
        }
        local_only(&method, &Uri::from_static("/"), &headers).is_ok()
    }

    #[test]
    fn only_names_of_this_machine_are_served_without_keys() {
        for host in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1:8080",
            "127.9.9.9",
            "[::1]:8080",
        ] {
            assert!(allowed(Method::GET, host, None), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.nip.io",
            "10.0.0.1",
            "[::]:80",
            "0.0.0.0",
            "",
        ] {
            assert!(!allowed(Method::GET, host, None), "{host}");
        }
        let none = HeaderMap::new();
        assert!(local_only(&Method::GET, &Uri::from_static("/"), &none).is_err());
        let absolute = Uri::from_static("http://evil.example/");
        assert!(local_only(&Method::GET, &absolute, &none).is_err());
    }

    #[test]
    fn a_page_of_another_site_changes_nothing() {
        let own = Some("http://localhost:8080");
        assert!(allowed(Method::POST, "localhost:8080", own));
        assert!(allowed(Method::POST, "localhost:8080", None));
        for origin in ["http://localhost:81", "http://evil.example", "null", ""] {
            assert!(
                !allowed(Method::POST, "localhost:8080", Some(origin)),
                "{origin}"
            );
            assert!(
                allowed(Method::GET, "localhost:8080", Some(origin)),
                "{origin}"
            );
        }
    }

    #[test]
    fn a_request_id_is_taken_over_where_it_is_harmless() {
        let id = |given: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, given.parse().unwrap());
            request_id(&headers)
        };
        assert_eq!(id("trace-1.a_b"), "trace-1.a_b");
        for wrong in ["", "a b", "<script>", &"x".repeat(129)] {
            assert_eq!(id(wrong).len(), 36, "{wrong}");
        }
    }
}
