//! Objects of a real S3 server (SeaweedFS), also where the network between spoils them.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_http_client::Builder;
use showroom_catalog::seams::{Fetch, FetchError};
use showroom_store::{Objects, ObjectsConfig, ObjectsCredentials};
use tempfile::{TempDir, tempdir};
use tokio::runtime::Runtime;

const ACCESS: &str = "reader";
const SECRET: &str = "correct-horse-battery-staple";

/// A server with two buckets, `photos` and `private`, that ends when it is dropped.
struct Seaweed {
    server: Child,
    address: SocketAddr,
    _dir: TempDir,
    runtime: Runtime,
}

impl Drop for Seaweed {
    fn drop(&mut self) {
        // It takes ten seconds to end by itself, and nothing of it is kept.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn weed() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let cache = variable("SHOWROOM_CACHE")
        .map(PathBuf::from)
        .or_else(|| variable("XDG_CACHE_HOME").map(|dir| PathBuf::from(dir).join("showroom")))
        .or_else(|| variable("HOME").map(|dir| PathBuf::from(dir).join(".cache/showroom")))
        .expect("a HOME");
    let weed = cache.join("test-venv/bin/weed");
    let shown = weed.display();
    assert!(weed.is_file(), "{shown} is missing; make unit fetches it");
    weed
}

/// Ports that nobody has just now.
fn ports<const N: usize>() -> [u16; N] {
    let listeners: [TcpListener; N] =
        std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

impl Seaweed {
    fn start() -> Seaweed {
        let dir = tempdir().unwrap();
        let identities = format!(
            r#"{{"identities": [{{"name": "test", "actions": ["Admin", "Read", "Write", "List"],
                "credentials": [{{"accessKey": "{ACCESS}", "secretKey": "{SECRET}"}}]}}]}}"#
        );
        let config = dir.path().join("s3.json");
        std::fs::write(&config, identities).unwrap();
        let [
            master,
            master_grpc,
            volume,
            volume_grpc,
            filer,
            filer_grpc,
            s3,
            s3_grpc,
        ] = ports();
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        let server = Command::new(weed())
            .current_dir(dir.path())
            .args([
                "server",
                "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1",
                "-filer",
                "-s3",
            ])
            .args(["-volume.max=2000", "-master.volumeSizeLimitMB=64"])
            // Services beside it, whose ports would be the same for every server.
            .args(["-s3.port.iceberg=0", "-s3.port.lance=0"])
            .arg(format!("-dir={}", dir.path().display()))
            .arg(format!("-s3.config={}", config.display()))
            .arg(format!("-master.port={master}"))
            .arg(format!("-master.port.grpc={master_grpc}"))
            .arg(format!("-volume.port={volume}"))
            .arg(format!("-volume.port.grpc={volume_grpc}"))
            .arg(format!("-filer.port={filer}"))
            .arg(format!("-filer.port.grpc={filer_grpc}"))
            .arg(format!("-s3.port={s3}"))
            .arg(format!("-s3.port.grpc={s3_grpc}"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let seaweed = Seaweed {
            server,
            address: SocketAddr::from(([127, 0, 0, 1], s3)),
            _dir: dir,
            runtime,
        };
        let began = Instant::now();
        for bucket in ["photos", "private"] {
            let make = || seaweed.writer().create_bucket().bucket(bucket).send();
            while let Err(error) = seaweed.runtime.block_on(make()) {
                assert!(began.elapsed() < Duration::from_secs(60), "{error:?}");
                std::thread::sleep(Duration::from_millis(200));
            }
        }
        seaweed
    }

    fn writer(&self) -> Client {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .force_path_style(true)
            .endpoint_url(format!("http://{}", self.address))
            .credentials_provider(Credentials::new(ACCESS, SECRET, None, None, "test"))
            .http_client(Builder::new().build_http())
            .build();
        Client::from_conf(config)
    }

    /// Tried for as long as the server's volumes are being made.
    fn put(&self, bucket: &str, key: &str, bytes: &[u8]) {
        let began = Instant::now();
        let writer = self.writer();
        loop {
            let body = ByteStream::from(bytes.to_vec());
            let put = writer.put_object().bucket(bucket).key(key).body(body);
            match self.runtime.block_on(put.send()) {
                Ok(_) => return,
                Err(error) => assert!(began.elapsed() < Duration::from_secs(60), "{error:?}"),
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn objects(&self) -> Objects {
        Objects::new(config(self.address))
    }

    fn get(&self, objects: &Objects, address: &str) -> Result<Vec<u8>, FetchError> {
        self.runtime.block_on(objects.fetch(address, 100_000))
    }
}

fn config(address: SocketAddr) -> ObjectsConfig {
    ObjectsConfig {
        endpoint: Some(format!("http://{address}")),
        path_style: true,
        credentials: Some(ObjectsCredentials {
            access_key: ACCESS.into(),
            secret_key: SECRET.into(),
            session_token: None,
        }),
        ..ObjectsConfig::default()
    }
}

fn photo(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 % 251) as u8).collect()
}

#[test]
fn objects_are_read_whole_and_within_bounds() {
    let seaweed = Seaweed::start();
    let objects = seaweed.objects();
    for (key, length) in [
        ("a.jpg", 10),
        ("empty.jpg", 0),
        ("deep/er/b c+d%20e.jpg", 70_000),
        ("ünïcödé 写真.jpg", 100),
        ("exact.jpg", 100_000),
        ("a..b/..c.jpg", 20),
    ] {
        seaweed.put("photos", key, &photo(length));
        let got = seaweed.get(&objects, &format!("s3://photos/{key}"));
        assert_eq!(got.unwrap(), photo(length), "{key}");
    }
    seaweed.put("photos", "large.jpg", &photo(100_001));
    let large = seaweed.get(&objects, "s3://photos/large.jpg");
    assert!(
        matches!(large, Err(FetchError::TooLarge { limit: 100_000, .. })),
        "{large:?}"
    );
    for gone in ["s3://photos/none.jpg", "s3://no-such-bucket/a.jpg"] {
        let got = seaweed.get(&objects, gone);
        assert!(
            matches!(got, Err(FetchError::NotFound(_))),
            "{gone}: {got:?}"
        );
    }
}

#[test]
fn what_may_not_be_read_is_not_asked_for() {
    let seaweed = Seaweed::start();
    seaweed.put("private", "secret.txt", b"secret");
    seaweed.put("photos", "a.jpg", b"photo");
    let limited = Objects::new(ObjectsConfig {
        buckets: vec!["photos".into()],
        ..config(seaweed.address)
    });
    assert_eq!(
        seaweed.get(&limited, "s3://photos/a.jpg").unwrap(),
        b"photo"
    );
    for address in [
        "s3://private/secret.txt",
        "s3://photos/../private/secret.txt",
        "s3://photos/x/../../private/secret.txt",
        "s3://photos/./.././private/secret.txt",
        "s3://photos",
        "s3://photos/",
        "s3:///a.jpg",
        "s3://PHOTOS/a.jpg",
        "s3://pho_tos/a.jpg",
        "s3://ab/a.jpg",
        "s3://../a.jpg",
        "s3://photos@evil/a.jpg",
        "S3://photos/a.jpg",
        "https://photos/a.jpg",
        "/etc/passwd",
        "",
    ] {
        let got = seaweed.get(&limited, address);
        assert!(
            matches!(got, Err(FetchError::Refused(_))),
            "{address}: {got:?}"
        );
    }
    // Tidied by the server or not: what is read is of the bucket that was named.
    let got = seaweed.get(&limited, "s3://photos/x/../a.jpg");
    assert!(got.is_err() || got.unwrap() == b"photo");
    // A forged signature, and none.
    for credentials in [
        Some(ObjectsCredentials {
            access_key: ACCESS.into(),
            secret_key: "wrong".into(),
            session_token: None,
        }),
        None,
    ] {
        let stranger = Objects::new(ObjectsConfig {
            credentials,
            ..config(seaweed.address)
        });
        let got = seaweed.get(&stranger, "s3://photos/a.jpg").unwrap_err();
        assert!(got.to_string().contains("with these credentials"), "{got}");
    }
}

/// What is done to an answer.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// `503 SlowDown`.
    SlowDown,
    /// 500 with a page that is no XML.
    Broken,
    /// The connection ends before the answer.
    Reset,
    /// Half of the body, and the connection ends.
    Truncated,
    /// A length that is longer than the body.
    TooLong,
    /// One bit of the body is another.
    Spoilt,
}

/// Stands between a client and a server; each request meets the next fault, then none.
struct Proxy {
    address: SocketAddr,
    faults: Arc<Mutex<VecDeque<Fault>>>,
    asked: Arc<Mutex<u32>>,
}

impl Proxy {
    fn new(server: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let faults = Arc::new(Mutex::new(VecDeque::new()));
        let asked = Arc::new(Mutex::new(0));
        let (todo, count) = (faults.clone(), asked.clone());
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let mut client = client.unwrap();
                let Some(head) = read_head(&mut client) else {
                    continue;
                };
                *count.lock().unwrap() += 1;
                let fault = todo.lock().unwrap().pop_front();
                let answer = spoil(&ask(server, &head), fault);
                // A client that had enough has gone.
                let _ = client.write_all(&answer);
            }
        });
        Proxy {
            address,
            faults,
            asked,
        }
    }
}

/// A request without a body, up to its empty line.
fn read_head(client: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if client.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    Some(head)
}

fn ask(server: SocketAddr, head: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.write_all(&head[..head.len() - 2]).unwrap();
    stream.write_all(b"Connection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

fn spoil(answer: &[u8], fault: Option<Fault>) -> Vec<u8> {
    let body = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap()
        + 4;
    let error = |status: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
            .into_bytes()
    };
    let mut answer = answer.to_vec();
    match fault {
        None => {}
        Some(Fault::SlowDown) => {
            return error(
                "503 Slow Down",
                "<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>",
            );
        }
        Some(Fault::Broken) => return error("500 Oops", "<html>proxy error"),
        Some(Fault::Reset) => return Vec::new(),
        Some(Fault::Truncated) => answer.truncate(body + (answer.len() - body) / 2),
        Some(Fault::TooLong) => {
            let head = String::from_utf8(answer[..body].to_vec()).unwrap();
            let length = (answer.len() - body).to_string();
            let lie = (answer.len() - body + 7).to_string();
            let lied = head.replace(&format!("ength: {length}\r"), &format!("ength: {lie}\r"));
            assert_ne!(lied, head);
            answer = [lied.as_bytes(), &answer[body..]].concat();
        }
        Some(Fault::Spoilt) => answer[body + 1000] ^= 4,
    }
    answer
}

#[test]
fn a_network_that_spoils_an_answer_is_asked_again_and_bad_bytes_are_never_taken() {
    let seaweed = Seaweed::start();
    seaweed.put("photos", "a.jpg", &photo(50_000));
    let proxy = Proxy::new(seaweed.address);
    let objects = Objects::new(config(proxy.address));
    let run = |faults: &[Fault]| {
        proxy.faults.lock().unwrap().extend(faults);
        *proxy.asked.lock().unwrap() = 0;
        let got = seaweed.get(&objects, "s3://photos/a.jpg");
        proxy.faults.lock().unwrap().clear();
        (got, *proxy.asked.lock().unwrap())
    };
    use Fault::*;
    assert_eq!(run(&[]).0.unwrap(), photo(50_000));
    for fault in [SlowDown, Broken, Reset, Truncated, TooLong, Spoilt] {
        let (got, asked) = run(&[fault]);
        assert_eq!((got.unwrap(), asked), (photo(50_000), 2), "{fault:?}");
        let (got, asked) = run(&[fault, fault]);
        assert_eq!((got.unwrap(), asked), (photo(50_000), 3), "{fault:?}");
        let (got, asked) = run(&[fault; 9]);
        assert!(
            matches!(got, Err(FetchError::Failed(_))),
            "{fault:?}: {got:?}"
        );
        assert_eq!(asked, 3, "{fault:?}");
    }
}
