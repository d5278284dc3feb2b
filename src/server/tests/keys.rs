//! Who may do what.

use serde_json::Value;
use showroom_server::{Key, Keys, Scope};

use crate::fakes::made;
use crate::http::Server;

const READ: &str = "a-key-that-reads";
const WRITE: &str = "a-key-that-writes";
const ADMIN: &str = "a-key-that-manages";

/// Every route, with the scope that it takes.
const ROUTES: [(&str, &str, Option<Scope>); 41] = [
    ("get", "/", None),
    ("get", "/health", None),
    ("get", "/ready", None),
    ("get", "/openapi.json", None),
    ("get", "/docs", None),
    ("get", "/indexes", Some(Scope::Read)),
    ("post", "/indexes/{index}/search", Some(Scope::Read)),
    ("post", "/indexes/{index}/recommend", Some(Scope::Read)),
    ("post", "/indexes/{index}/documents", Some(Scope::Write)),
    ("patch", "/indexes/{index}/documents", Some(Scope::Write)),
    ("get", "/indexes/{index}/documents", Some(Scope::Read)),
    (
        "post",
        "/indexes/{index}/documents/delete-batch",
        Some(Scope::Write),
    ),
    ("get", "/indexes/{index}/documents/{id}", Some(Scope::Read)),
    ("get", "/indexes/{index}/stats", Some(Scope::Read)),
    ("get", "/indexes/{index}/settings", Some(Scope::Read)),
    ("get", "/indexes/{index}/health", Some(Scope::Read)),
    ("post", "/v1/embeddings", Some(Scope::Read)),
    ("post", "/v1/tag", Some(Scope::Read)),
    ("get", "/api/remove", Some(Scope::Read)),
    ("post", "/api/remove", Some(Scope::Read)),
    ("get", "/v1/studio", Some(Scope::Read)),
    ("post", "/v1/backdrop", Some(Scope::Read)),
    ("post", "/v1/check", Some(Scope::Read)),
    ("get", "/v1/models", Some(Scope::Read)),
    ("get", "/v1/models/{id}", Some(Scope::Read)),
    ("get", "/v1/models/{id}/card", Some(Scope::Read)),
    ("get", "/v1/products", Some(Scope::Read)),
    ("get", "/v1/products/{key}", Some(Scope::Read)),
    ("get", "/v1/facets", Some(Scope::Read)),
    ("get", "/v1/review", Some(Scope::Read)),
    ("get", "/v1/review/choices", Some(Scope::Read)),
    ("get", "/v1/review/log", Some(Scope::Read)),
    ("post", "/v1/review/decisions", Some(Scope::Write)),
    ("post", "/v1/review/undo", Some(Scope::Write)),
    // Its signature is its key.
    ("get", "/images/{id}", None),
    ("get", "/metrics", Some(Scope::Read)),
    ("post", "/v1/reload", Some(Scope::Admin)),
    ("get", "/v1/jobs", Some(Scope::Write)),
    ("post", "/v1/jobs", Some(Scope::Write)),
    ("get", "/v1/jobs/{id}", Some(Scope::Write)),
    ("delete", "/v1/jobs/{id}", Some(Scope::Write)),
];

#[test]
fn every_route_asks_for_its_scope() {
    let dir = tempfile::tempdir().unwrap();
    let mut made = made(dir.path());
    made.parts.learned.keys = Keys::new(vec![
        Key::new("r", Scope::Read, READ),
        Key::new("w", Scope::Write, WRITE),
        Key::new("a", Scope::Admin, ADMIN),
    ]);
    let server = Server::start(made.parts);
    for (method, path, scope) in ROUTES {
        let path = path
            .replace("{index}", "shop")
            .replace("{id}", "text")
            .replace("{key}", "a");
        let status = |key: Option<&str>| {
            let bearer = key.map(|key| format!("Bearer {key}"));
            let mut headers = vec![("content-type", "application/json")];
            headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
            let answer = server.ask(&method.to_uppercase(), &path, &headers, b"{}");
            if answer.status >= 400 {
                answer.code();
            }
            let asks = answer.header("www-authenticate").is_some();
            assert_eq!(asks, answer.status == 401, "{path}: {answer:?}");
            answer.status
        };
        let keys = [
            None,
            Some("another-key"),
            Some(READ),
            Some(WRITE),
            Some(ADMIN),
        ];
        let all = keys.map(status);
        let refused = all.map(|status| matches!(status, 401 | 403).then_some(status));
        let expected = match scope {
            None => [None; 5],
            Some(Scope::Read) => [Some(401), Some(401), None, None, None],
            Some(Scope::Write) => [Some(401), Some(401), Some(403), None, None],
            Some(Scope::Admin) => [Some(401), Some(401), Some(403), Some(403), None],
        };
        assert_eq!(refused, expected, "{method} {path}: {all:?}");
    }
}

#[test]
fn the_table_of_routes_is_that_of_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(made(dir.path()).parts);
    let contract = server.get("/openapi.json").json();
    let mut told = Vec::new();
    for (path, methods) in contract["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let is_open = operation["security"] == Value::Array(vec![]);
            told.push((method.clone(), path.clone(), is_open));
        }
    }
    let mut known =
        ROUTES.map(|(method, path, scope)| (method.into(), path.into(), scope.is_none()));
    told.sort();
    known.sort();
    assert_eq!(told, known);
}

#[test]
fn without_keys_only_this_machine_is_served() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(made(dir.path()).parts);
    let ask = |host: &str, origin: Option<&str>| {
        let mut headers = vec![("host", host), ("content-type", "application/json")];
        headers.extend(origin.map(|origin| ("origin", origin)));
        let answer = server.ask("POST", "/indexes/shop/search", &headers, br#"{"q": "red"}"#);
        (answer.status != 200).then(|| answer.code())
    };
    assert_eq!(ask("localhost", None), None);
    assert_eq!(ask("127.0.0.1:8080", Some("http://127.0.0.1:8080")), None);
    assert_eq!(ask("evil.example", None).as_deref(), Some("not_local"));
    assert_eq!(
        ask("localhost", Some("http://evil.example")).as_deref(),
        Some("not_local")
    );
}
