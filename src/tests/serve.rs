//! `showroom serve`: the binary, the real models, real sockets, and the clients that people have.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::pictures;
use crate::shop::{Shop, finish};

pub const KEY: &str = "a-key-for-the-tests";
/// Models load, and answers come, within this on the slowest machine.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// A running server.
pub struct Served {
    child: Option<Child>,
    pub address: SocketAddr,
}

impl Served {
    /// Starts it, and waits until it is ready.
    pub fn start(shop: &Shop, args: &[&str]) -> Served {
        let all = [
            &[
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--index-name",
                "shop",
                "--json",
            ],
            args,
        ]
        .concat();
        let mut child = shop.command(&all).stderr(Stdio::inherit()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let said: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        let address = said["address"]
            .as_str()
            .unwrap()
            .strip_prefix("http://")
            .unwrap();
        let served = Served {
            address: address.parse().unwrap(),
            child: Some(child),
        };
        let began = Instant::now();
        while served.get("/ready").0 != 200 {
            assert!(began.elapsed() < PATIENCE, "it never was ready");
            thread::sleep(Duration::from_millis(10));
        }
        served
    }

    pub fn get(&self, path: &str) -> (u16, Value) {
        ask(self.address, "GET", path, b"").expect("an answer")
    }

    pub fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        ask(self.address, "POST", path, body.to_string().as_bytes()).expect("an answer")
    }

    #[track_caller]
    fn search(&self, body: &Value) -> Value {
        let path = "/indexes/shop/search";
        let (status, answer) =
            ask(self.address, "POST", path, body.to_string().as_bytes()).unwrap();
        assert_eq!(status, 200, "{body}: {answer}");
        answer
    }

    pub fn terminate(&self) {
        self.signal("TERM");
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Its exit code.
    pub fn wait(mut self) -> Option<i32> {
        finish(self.child.take().unwrap()).code
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// One request on a connection of its own; `None` where no whole answer comes.
fn ask(address: SocketAddr, method: &str, path: &str, body: &[u8]) -> Option<(u16, Value)> {
    let mut stream = TcpStream::connect(address).ok()?;
    answer(&mut stream, method, path, body)
}

fn answer(stream: &mut TcpStream, method: &str, path: &str, body: &[u8]) -> Option<(u16, Value)> {
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {KEY}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).ok()?))
}

#[test]
fn the_server_and_the_command_line_find_the_same() {
    let shop = Shop::with_photos(8);
    shop.ingest();
    let served = Served::start(&shop, &["--read-only"]);
    for (args, body) in [
        (
            vec!["--text", "a red ball"],
            json!({"q": "a red ball", "limit": 5}),
        ),
        (
            vec!["--like", "0003", "--minus", "red"],
            json!({"like": "0003", "minus": "red", "limit": 5}),
        ),
        (
            vec![
                "--text",
                "ball",
                "--where",
                "not colour = red",
                "--facets",
                "--mmr",
                "0.5",
            ],
            json!({"q": "ball", "where": "not colour = red", "facets": true, "mmr": 0.5, "limit": 5}),
        ),
    ] {
        let typed = shop.json(&[&["search", "-k", "5"], args.as_slice()].concat());
        let asked = served.search(&body);
        assert_eq!(asked["match"], typed["match"], "{body}");
        assert_eq!(asked["facets"], typed["facets"], "{body}");
        let hits = |answer: &Value| answer["hits"].as_array().unwrap().clone();
        assert_eq!(hits(&asked).len(), hits(&typed).len());
        for (asked, typed) in hits(&asked).iter().zip(hits(&typed)) {
            for (name, value) in typed.as_object().unwrap() {
                assert_eq!(&asked[name], value, "{name} of {body}");
            }
        }
    }
    let (status, refused) = ask(served.address, "POST", "/indexes/shop/documents", b"{}").unwrap();
    assert_eq!((status, &refused["code"]), (403, &json!("read_only")));
    served.terminate();
    assert_eq!(served.wait(), Some(0));
}

#[test]
fn what_comes_by_the_api_is_a_photo_like_any_other() {
    let shop = Shop::with_photos(0);
    let served = Served::start(&shop, &["--create"]);
    let documents = json!({"documents": [
        {"_id": "A/1", "image": data_uri(&pictures::product(0)), "title": "Ruby ball"},
        {"_id": "B", "image": data_uri(b"no photo")},
    ]});
    let path = "/indexes/shop/documents";
    let (status, added) = ask(
        served.address,
        "POST",
        path,
        documents.to_string().as_bytes(),
    )
    .unwrap();
    assert_eq!(
        (status, &added["items"][0]["status"]),
        (200, &json!(200)),
        "{added}"
    );
    assert_eq!(added["items"][1]["status"], 415);
    let found = served.search(&json!({"q": "ruby"}));
    assert_eq!(found["hits"][0]["_id"], "A/1");
    // A second writer is refused, a reader is not.
    shop.run(&["delete", "A/1"])
        .failed(5, "another process is writing");
    let exported = shop.exported();
    let (uri, photo) = exported.first_key_value().unwrap();
    assert_eq!(photo["title"], "Ruby ball");
    assert_eq!(std::fs::read(uri).unwrap(), pictures::product(0));
    assert_eq!(
        shop.ok(&["rejects", "--json"]).lines::<Value>()[0]["code"],
        "bad-photo"
    );
    served.terminate();
    assert_eq!(served.wait(), Some(0));
    shop.verify();
    let again = Served::start(&shop, &[]);
    assert_eq!(
        again.search(&json!({"like": "A/1", "q": "x"}))["hits"],
        json!([])
    );
}

#[test]
fn who_may_be_served_is_settled_before_anything_is_loaded() {
    let shop = Shop::with_photos(0);
    shop.run(&["serve", "--listen", "0.0.0.0:0"])
        .failed(2, "there is no key");
    shop.run(&["serve", "--key", "read:short"])
        .failed(2, "16 characters");
    shop.run(&["serve", "--key", "all:0123456789abcdef"])
        .failed(2, "read:KEY");
    shop.run(&["serve", "--index-name", "a b"])
        .failed(2, "name of an index");
    shop.run(&["serve", "--keys", "none.toml"])
        .failed(3, "none.toml");
    std::fs::write(
        shop.dir().join("keys.toml"),
        "[[key]]\nname = 'a'\nscope = 'all'\nkey = 'secret'",
    )
    .unwrap();
    shop.run(&["serve", "--keys", "keys.toml"])
        .failed(3, "scope is read, write or admin");
    shop.run(&["serve"]).failed(5, "there is no catalogue");
}

/// SIGTERM ten times under load: every request that was accepted has its answer.
#[test]
fn nothing_that_was_accepted_is_dropped_at_the_end() {
    let shop = Shop::with_photos(4);
    shop.ingest();
    for round in 0..10 {
        let served = Served::start(&shop, &["--drain-notice", "0.1"]);
        let address = served.address;
        let over = Arc::new(AtomicBool::new(false));
        let answered = Arc::new(AtomicUsize::new(0));
        let clients: Vec<_> = (0..4)
            .map(|client| {
                let (over, answered) = (over.clone(), answered.clone());
                thread::spawn(move || {
                    let words = json!({"q": format!("ball {client} {round}")}).to_string();
                    let mut dropped = Vec::new();
                    while !over.load(Ordering::Relaxed) {
                        let Ok(mut stream) = TcpStream::connect(address) else {
                            continue;
                        };
                        let path = "/indexes/shop/search";
                        match answer(&mut stream, "POST", path, words.as_bytes()) {
                            Some((200, _)) => drop(answered.fetch_add(1, Ordering::Relaxed)),
                            other => dropped.push(other),
                        }
                    }
                    dropped
                })
            })
            .collect();
        while answered.load(Ordering::Relaxed) < 8 {
            thread::sleep(Duration::from_millis(5));
        }
        served.terminate();
        assert_eq!(served.wait(), Some(0));
        over.store(true, Ordering::Relaxed);
        for client in clients {
            assert_eq!(client.join().unwrap(), Vec::new(), "round {round}");
        }
    }
}

#[test]
fn the_clients_of_marqo_and_openai_work() {
    let shop = Shop::with_photos(6);
    shop.ingest();
    let keys = format!("[[key]]\nname = 'tests'\nscope = 'write'\nkey = '{KEY}'\n");
    std::fs::write(shop.dir().join("keys.toml"), keys).unwrap();
    let served = Served::start(&shop, &["--keys", "keys.toml"]);
    let photo = shop.add("../query.jpg", &pictures::product(20));
    let url = format!("http://{}", served.address);
    let run = Command::new(python("python"))
        .arg(clients().join("clients.py"))
        .args([&url, "shop", KEY])
        .arg(photo)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&run.stderr)
    );
    assert_eq!(
        said.lines().collect::<Vec<_>>(),
        ["marqo: ok", "openai: ok"]
    );
}

/// Every check of schemathesis, also over sequences of requests: no 5xx, nothing that the contract does not say.
#[test]
fn the_server_keeps_to_its_contract() {
    let shop = Shop::with_photos(4);
    shop.ingest();
    let key = format!("admin:{KEY}");
    let served = Served::start(&shop, &["--key", &key, "--studio-model", "u2netp"]);
    let run = Command::new(python("schemathesis"))
        .arg("--config-file")
        .arg(clients().join("schemathesis.toml"))
        .args(["run", &format!("http://{}/openapi.json", served.address)])
        .args(["--header", &format!("Authorization: Bearer {KEY}")])
        .args([
            "--checks",
            "all",
            "--max-examples",
            "12",
            "--seed",
            "7",
            "--continue-on-failure",
        ])
        .args([
            "--phases",
            "examples,coverage,fuzzing,stateful",
            "--suppress-health-check",
            "all",
        ])
        .args(["--no-color", "--warnings", "off"])
        .current_dir(shop.dir())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&run.stderr)
    );
    assert_eq!(served.get("/ready").0, 200);
}

pub fn data_uri(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("data:image/jpeg;base64,");
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0u32, |bits, at| {
            bits << 8 | u32::from(*three.get(at).unwrap_or(&0))
        });
        for at in 0..=three.len() {
            text.push(char::from(DIGITS[(bits >> (18 - 6 * at) & 63) as usize]));
        }
    }
    text
}

pub fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/clients")
}

/// A program of the Python environment in the cache, which `make unit` fills.
pub fn python(program: &str) -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache");
    let user = || {
        std::env::var_os("XDG_CACHE_HOME")
            .map_or_else(home, PathBuf::from)
            .join("showroom")
    };
    let cache = std::env::var_os("SHOWROOM_CACHE").map_or_else(user, PathBuf::from);
    let path = cache.join("test-venv/bin").join(program);
    assert!(
        path.exists(),
        "{} is not there; `make unit` makes it",
        path.display()
    );
    path
}
