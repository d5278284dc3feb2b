//! A router on a socket of loopback, and a client that knows nothing of axum.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use ureq::http::Method;

/// A server that ends when it is dropped.
pub struct Served {
    // Ends with this, and all that it serves.
    _runtime: Runtime,
    address: SocketAddr,
    client: ureq::Agent,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The `code` of an error in the one shape of errors.
    #[track_caller]
    pub fn code(&self) -> String {
        let json = self.json();
        for field in ["message", "code", "type", "link"] {
            assert!(json[field].is_string(), "{json}");
        }
        json["code"].as_str().unwrap().to_string()
    }
}

impl Served {
    /// Serves what `router` makes, within the runtime.
    pub fn new(router: impl FnOnce() -> Router) -> Served {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let router = {
            let _inside = runtime.enter();
            router()
        };
        runtime.spawn(async move { axum::serve(listener, router).await });
        let client = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .allow_non_standard_methods(true)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .new_agent();
        Served {
            _runtime: runtime,
            address,
            client,
        }
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answer = match body.is_empty() {
            true => self.client.run(request.body(()).unwrap()).unwrap(),
            false => self.client.run(request.body(body).unwrap()).unwrap(),
        };
        Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: answer.body_mut().read_to_vec().unwrap(),
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }
}

/// Waits until something holds, for as long as a slow machine may take.
#[track_caller]
pub fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
