//! A server on a free port, and a client that writes what it is told.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;
use showroom_server::images::bytes::PhotoBytes;
use showroom_server::images::sign::{Signer, random_key};
use showroom_server::images::{RenditionConfig, Renditions};
use showroom_server::jobs::{ApiJobs, JobOptions, Jobs};
use showroom_server::metrics::Metrics;
use showroom_server::studio::Bench;
use showroom_server::{App, Around, Parts, router, work};
use tempfile::TempDir;

use crate::studio::FakeStudio;
use tokio::sync::oneshot;

/// Nothing in these tests takes this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Ends when it is dropped.
pub struct Server {
    pub address: SocketAddr,
    pub app: App,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<usize>>,
    _folder: TempDir,
}

/// What stands around the API, in a folder.
fn around(app: &App, folder: &Path) -> Around {
    let renditions = Renditions::new(RenditionConfig {
        signer: Signer::new(random_key(), Vec::new()),
        cache: folder.join("renditions"),
        max_cache_bytes: 1 << 20,
        photos: PhotoBytes::default(),
        limits: app.limits.decode.limits.clone(),
        workers: 1,
        queue: 8,
    });
    let runner = ApiJobs::new(work(app.clone()), &app.index_name);
    let jobs = Jobs::open(
        &folder.join("jobs"),
        JobOptions::default(),
        Arc::new(runner),
        None,
    );
    Around {
        renditions: renditions.unwrap(),
        jobs: Some(jobs.unwrap()),
        metrics: Arc::new(Metrics::new()),
        device_memory: None,
        studio: Some(Bench::start(Arc::new(FakeStudio), 1, app.observe.clone()).unwrap()),
    }
}

impl Server {
    pub fn start(parts: Parts) -> Server {
        let app = App::new(parts).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = app.clone();
        let folder = tempfile::tempdir().unwrap();
        let around = around(&app, folder.path());
        let thread = thread::spawn(move || {
            runtime.block_on(async {
                serving.warm_up().await.unwrap();
                let stopped = async { stopped.await.unwrap_or(()) };
                let routes = router(serving.clone(), around);
                showroom_server::serve(listener, routes, serving, stopped)
                    .await
                    .unwrap()
            })
        });
        let server = Server {
            address,
            app,
            stop: Some(stop),
            thread: Some(thread),
            _folder: folder,
        };
        server.until(|server| server.get("/ready").status == 200);
        server
    }

    pub fn ask_to_stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Connections that were cut at the end.
    pub fn wait(&mut self) -> usize {
        self.thread.take().unwrap().join().unwrap()
    }

    #[track_caller]
    pub fn until(&self, holds: impl Fn(&Server) -> bool) {
        let began = Instant::now();
        while !holds(self) {
            assert!(began.elapsed() < PATIENCE, "it never came to be");
            thread::sleep(Duration::from_millis(2));
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"")
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        let json = [("content-type", "application/json")];
        self.ask("POST", path, &json, body.to_string().as_bytes())
    }

    /// `POST` of what must be answered well.
    #[track_caller]
    pub fn ok(&self, path: &str, body: &Value) -> Value {
        let answer = self.post(path, body);
        assert_eq!(answer.status, 200, "{path} {body}: {answer:?}");
        answer.json()
    }

    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut stream = self.connect();
        stream
            .write_all(&request(method, path, headers, body))
            .unwrap();
        answer(&mut stream).expect("an answer")
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

/// The bytes of a request. `host` is `localhost` unless the headers say otherwise.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    if headers.iter().all(|(name, _)| *name != "host") {
        text += "host: localhost\r\n";
    }
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    text += &format!("content-length: {}\r\n\r\n", body.len());
    [text.as_bytes(), body].concat()
}

/// A form with these files, as `(content type, body)`.
pub fn form(fields: &[(&str, &str)], files: &[(&str, &str, &[u8])]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for (name, value) in fields {
        let head =
            format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend(head.as_bytes());
    }
    for (name, file, bytes) in files {
        let head = format!(
            "--x\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\ncontent-type: \
             image/png\r\n\r\n"
        );
        body.extend(head.as_bytes());
        body.extend(*bytes);
        body.extend(b"\r\n");
    }
    body.extend(b"--x--\r\n");
    ("multipart/form-data; boundary=x".to_string(), body)
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Holds that it is an error as the contract has them; its code.
    #[track_caller]
    pub fn code(&self) -> String {
        let error = self.json();
        let mut keys: Vec<&String> = error.as_object().unwrap().keys().collect();
        keys.sort();
        assert_eq!(keys, ["code", "link", "message", "type"], "{self:?}");
        assert!(self.header("x-request-id").is_some(), "{self:?}");
        let is_busy = matches!(self.status, 429 | 503);
        assert_eq!(self.header("retry-after").is_some(), is_busy, "{self:?}");
        error["code"].as_str().unwrap().to_string()
    }
}

/// Reads one answer; `None` where the connection ends before it is whole.
pub fn answer(stream: &mut TcpStream) -> Option<Answer> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break String::from_utf8(bytes.drain(..end + 4).collect()).unwrap();
        }
        read_some(stream, &mut bytes)?;
    };
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_string()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, length)| length.parse().unwrap());
    while bytes.len() < length {
        read_some(stream, &mut bytes)?;
    }
    let body = String::from_utf8(bytes).unwrap();
    Some(Answer {
        status,
        headers,
        body,
    })
}

fn read_some(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let mut some = [0; 4096];
    let count = stream.read(&mut some).ok().filter(|count| *count > 0)?;
    bytes.extend(&some[..count]);
    Some(())
}
