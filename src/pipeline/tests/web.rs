//! The guard of web addresses: forms, ranges, redirects, names that change their minds, bounds.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use showroom_catalog::seams::{Fetch, FetchError};
use showroom_pipeline::web::Lookup;
use showroom_pipeline::*;

use crate::fakes::runtime;

/// A web server on loopback that answers each path with whatever bytes the test says.
pub struct Site {
    pub address: SocketAddr,
    pub asked: Arc<Mutex<Vec<String>>>,
}

impl Site {
    pub fn new(answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> Site {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (asked.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, log, answer) = (stream.unwrap(), log.clone(), answer.clone());
                std::thread::spawn(move || {
                    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                    let first = lines.next().and_then(Result::ok).unwrap_or_default();
                    for line in lines.map_while(Result::ok) {
                        if line.is_empty() {
                            break;
                        }
                    }
                    let path = first.split(' ').nth(1).unwrap_or_default().to_string();
                    log.lock().unwrap().push(path.clone());
                    answer(&path, &mut stream);
                });
            }
        });
        Site { address, asked }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// A policy that lets this server be fetched from.
    pub fn allowed(&self) -> WebPolicy {
        WebPolicy {
            private_hosts: vec![self.address.to_string().parse().unwrap()],
            timeout: Duration::from_secs(5),
            ..WebPolicy::default()
        }
    }
}

/// Status and body, and then the connection is closed.
pub fn reply(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    // A client that had enough has gone.
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body);
}

/// Answers lookups from a list, one after the other, and counts them.
struct Script {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Script {
    fn new(answers: &[&[&str]]) -> Arc<Script> {
        let parse = |texts: &&[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Script {
            answers: answers.iter().map(parse).collect(),
            asked: AtomicUsize::new(0),
        })
    }
}

impl Lookup for Script {
    fn lookup(&self, _host: &str, _port: u16) -> std::io::Result<Vec<IpAddr>> {
        let nth = self.asked.fetch_add(1, SeqCst).min(self.answers.len() - 1);
        Ok(self.answers[nth].clone())
    }
}

/// Addresses that must not be fetched, whatever a name server says. Hosts only; the scheme is put before.
const BLOCKED: &[&str] = &[
    // Loopback and its spellings.
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0x7f.0x0.0x0.0x1",
    "0177.0.0.1",
    "017700000001",
    "0177.0.0.0x1",
    "127.0.0.1.",
    "127。0。0。1",
    "１２７.０.０.１",
    "①②⑦.0.0.1",
    "%31%32%37.0.0.1",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "ｌｏｃａｌｈｏｓｔ",
    "api.localhost",
    "localhost.localdomain",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    // This network and all of it.
    "0.0.0.0",
    "0",
    "0.1.2.3",
    "[::]",
    // Private.
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.1.1",
    "3232235777",
    "[fc00::1]",
    "[fd12:3456:789a::1]",
    "[::ffff:10.0.0.1]",
    "[::ffff:192.168.1.1]",
    // A provider's own network.
    "100.64.0.1",
    "100.127.255.255",
    // Link-local, and the metadata of clouds.
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "[fe80::1]",
    "[febf::1]",
    "[fec0::1]",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[fd00:ec2::254]",
    "100.100.100.200",
    "192.0.0.192",
    "168.63.129.16",
    "metadata.google.internal",
    "metadata.google.internal.",
    "METADATA.GOOGLE.INTERNAL",
    "instance-data.ec2.internal",
    "metadata",
    // Addresses within addresses.
    "[64:ff9b::7f00:1]",
    "[64:ff9b::10.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2001:0:7f00:1::1]",
    // Documentation, benchmarks, multicast, broadcast, reserved.
    "192.0.2.1",
    "198.51.100.1",
    "203.0.113.1",
    "198.18.0.1",
    "198.19.255.255",
    "192.88.99.1",
    "192.0.0.8",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "[ff02::1]",
    "[2001:db8::1]",
    "[3fff::1]",
    "[2001:2::1]",
    "[100::1]",
    "[5f00::1]",
    "[4000::1]",
    // Names of no public web server.
    "intranet",
    "printer.local",
    "router.lan",
    "nas.home.arpa",
    "wiki.corp",
];

/// Whole addresses that must not be fetched, for what surrounds the host.
const BLOCKED_WHOLE: &[&str] = &[
    "ftp://shop.example/a.jpg",
    "file:///etc/passwd",
    "gopher://shop.example/",
    "data:image/png;base64,AAAA",
    "javascript:alert(1)",
    "jar:http://shop.example!/a",
    "//shop.example/a.jpg",
    "shop.example/a.jpg",
    "http://",
    "http:///",
    "http://user@shop.example/a.jpg",
    "http://user:password@shop.example/a.jpg",
    "http://shop.example@127.0.0.1/",
    "http://127.0.0.1\\@shop.example/",
    "http://shop.example:22/",
    "http://shop.example:25/",
    "http://shop.example:6379/",
    "http://shop.example:65536/",
    "https://shop.example:0/",
    "http:\\\\127.0.0.1\\",
    "http:127.0.0.1",
    " http://127.0.0.1/ ",
    "ht\ntp://127.0.0.1/",
    "http://127.0.0.1:80:80/",
    "http://[fe80::1%25eth0]/",
    "http://[::ffff:127.0.0.1]:8080/",
    "http://127.0.0.1#@shop.example/",
    "http://127.0.0.1?@shop.example/",
    "http://a b/",
    "http://ex%00ample.com/",
    "http://1.2.3.4.5/",
    "http://256.256.256.256/",
];

/// A public address, so that only the form of what is asked decides.
fn public() -> Arc<Script> {
    Script::new(&[&["93.184.215.14"]])
}

fn is_refused(address: &str) -> bool {
    let lookup = public();
    let web = Web::with_lookup(WebPolicy::default(), lookup.clone());
    let refused = matches!(web.get(address, 100), Err(FetchError::Refused(_)));
    refused && lookup.asked.load(SeqCst) == 0
}

#[test]
fn every_blocked_form_is_refused_before_a_name_is_looked_up() {
    let hosts = BLOCKED.iter().flat_map(|host| {
        [
            format!("http://{host}/a.jpg"),
            format!("https://{host}:8443/?a=b"),
        ]
    });
    let all: Vec<String> = hosts
        .chain(BLOCKED_WHOLE.iter().map(|whole| whole.to_string()))
        .collect();
    let open: Vec<&String> = all.iter().filter(|address| !is_refused(address)).collect();
    println!("{} of {} blocked", all.len() - open.len(), all.len());
    assert!(open.is_empty(), "not refused: {open:#?}");
    assert!(BLOCKED.len() + BLOCKED_WHOLE.len() >= 60);
}

#[test]
fn ordinary_addresses_pass_and_are_spelt_in_one_way() {
    let web = Web::with_lookup(WebPolicy::default(), public());
    for (written, spelt) in [
        (
            "HTTPS://Shop.Example:443/a b.jpg#top",
            "https://shop.example/a%20b.jpg",
        ),
        ("http://8.8.8.8/x", "http://8.8.8.8/x"),
        (
            "http://shop.example:8080/a/../b.jpg?v=1&w=2",
            "http://shop.example:8080/b.jpg?v=1&w=2",
        ),
        (
            "https://bücher.example/ü.png",
            "https://xn--bcher-kva.example/%C3%BC.png",
        ),
        ("http://[2606:4700::1111]/", "http://[2606:4700::1111]/"),
        (
            "http://172.32.0.1/not/private",
            "http://172.32.0.1/not/private",
        ),
        ("http://100.128.0.1/", "http://100.128.0.1/"),
        (
            "http://notlocalhost.example/",
            "http://notlocalhost.example/",
        ),
    ] {
        assert_eq!(web.spell(written).unwrap(), spelt);
    }
}

#[test]
fn a_name_that_stands_for_a_blocked_address_is_refused_also_where_others_are_good() {
    let blocked: &[&[&str]] = &[
        &["127.0.0.1"],
        &["10.1.2.3"],
        &["169.254.169.254"],
        &["::1"],
        &["fd00:ec2::254"],
        &["::ffff:127.0.0.1"],
        &["64:ff9b::a00:1"],
        &["93.184.215.14", "127.0.0.1"],
        &["2606:4700::1111", "93.184.215.14", "fe80::1"],
    ];
    for answer in blocked {
        let web = Web::with_lookup(WebPolicy::default(), Script::new(&[answer]));
        let error = web
            .get("https://photos.shop.example/a.jpg", 100)
            .unwrap_err();
        assert!(
            matches!(error, FetchError::Refused(_)),
            "{answer:?}: {error}"
        );
    }
}

#[test]
fn the_connection_goes_to_the_address_that_was_checked() {
    let site = Site::new(|_, stream| reply(stream, "200 OK", "", b"secret"));
    let port = site.address.port();
    // Public when it is checked, this machine when it is asked again: as rebinding does it. The port is
    // allowed by name for the host, which may not be private for that.
    let lookup = Script::new(&[&["203.0.114.1"], &["127.0.0.1"]]);
    let policy = WebPolicy {
        hosts: vec![format!("rebind.example:{port}").parse().unwrap()],
        timeout: Duration::from_millis(400),
        connect_timeout: Duration::from_millis(300),
        ..WebPolicy::default()
    };
    let web = Web::with_lookup(policy, lookup.clone());
    let address = format!("http://rebind.example:{port}/");
    assert!(web.get(&address, 100).is_err());
    assert_eq!((lookup.asked.load(SeqCst), site.asked()), (1, 0));
    // And where it is asked anew, it is checked anew.
    let error = web.get(&address, 100).unwrap_err();
    assert!(matches!(error, FetchError::Refused(_)), "{error}");
    assert_eq!((lookup.asked.load(SeqCst), site.asked()), (2, 0));
}

#[test]
fn every_redirect_is_checked_like_the_first_address() {
    let targets: Vec<String> = BLOCKED
        .iter()
        .map(|host| format!("http://{host}/latest/meta-data/"))
        .chain(
            [
                "file:///etc/passwd",
                "ftp://shop.example/",
                "http://user:pw@shop.example/",
                "http://shop.example:6379/",
                "//169.254.169.254/latest",
                "gopher://shop.example/",
            ]
            .map(String::from),
        )
        .collect();
    let list = targets.clone();
    let site = Site::new(move |path, stream| {
        let nth: usize = path.trim_start_matches('/').parse().unwrap();
        // A header is bytes; what is not ASCII goes out as UTF-8.
        let status = ["301 a", "302 b", "303 c", "307 d", "308 e"][nth % 5];
        reply(stream, status, &format!("Location: {}\r\n", list[nth]), b"");
    });
    let web = Web::with_lookup(site.allowed(), public());
    for (nth, target) in targets.iter().enumerate() {
        let error = web.get(&site.url(&format!("/{nth}")), 100).unwrap_err();
        // A header that is not ASCII is no address at all.
        let is_right = match target.is_ascii() {
            true => matches!(error, FetchError::Refused(_)),
            false => matches!(error, FetchError::Refused(_) | FetchError::Failed(_)),
        };
        assert!(is_right, "{target}: {error}");
    }
    assert_eq!(site.asked(), targets.len());
}

#[test]
fn redirects_are_followed_five_times_and_no_more() {
    let site = Site::new(|path, stream| {
        let left: usize = path.trim_start_matches('/').parse().unwrap();
        match left {
            0 => reply(stream, "200 OK", "", b"photo"),
            left => {
                let next = format!("Location: {}\r\n", left - 1);
                reply(stream, "302 Found", &next, b"elsewhere");
            }
        }
    });
    let web = Web::new(site.allowed());
    assert_eq!(web.get(&site.url("/5"), 100).unwrap(), b"photo");
    let error = web.get(&site.url("/6"), 100).unwrap_err();
    assert!(error.to_string().contains("more than 5 times"), "{error}");
}

#[test]
fn a_body_is_bounded_whether_or_not_its_length_is_told() {
    let site = Site::new(|path, stream| match path {
        "/told" => reply(stream, "200 OK", "", &[7; 1001]),
        "/fits" => reply(stream, "200 OK", "", &[7; 1000]),
        "/endless" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
            while stream.write_all(&[7; 4096]).is_ok() {}
        }
        "/chunked" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            while stream
                .write_all(b"400\r\n")
                .and_then(|()| stream.write_all(&[7; 0x400]))
                .and_then(|()| stream.write_all(b"\r\n"))
                .is_ok()
            {}
        }
        "/short" => {
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf";
            let _ = stream.write_all(head);
        }
        "/headers" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
            while stream
                .write_all(b"X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n")
                .is_ok()
            {}
        }
        "/noise" => {
            let _ = stream.write_all(b"\x16\x03\x01 not HTTP at all\r\n\r\n");
        }
        _ => reply(stream, "404 Not Found", "", b""),
    });
    let web = Web::new(site.allowed());
    let get = |path: &str| web.get(&site.url(path), 1000);
    assert_eq!(get("/fits").unwrap().len(), 1000);
    for path in ["/told", "/endless", "/chunked"] {
        let error = get(path).unwrap_err();
        let limit = matches!(error, FetchError::TooLarge { limit: 1000, .. });
        assert!(limit, "{path}: {error}");
    }
    for path in ["/short", "/headers", "/noise"] {
        let error = get(path).unwrap_err();
        assert!(matches!(error, FetchError::Failed(_)), "{path}: {error}");
    }
    assert!(matches!(get("/gone"), Err(FetchError::NotFound(_))));
}

#[test]
fn a_server_that_never_ends_its_answer_does_not_hold_the_fetch() {
    let site = Site::new(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        // A byte at a time, so that no single read is late.
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let policy = WebPolicy {
        timeout: Duration::from_millis(300),
        ..site.allowed()
    };
    let error = Web::new(policy).get(&site.url("/"), 1 << 20).unwrap_err();
    assert!(error.to_string().contains("took too long"), "{error}");
}

#[test]
fn hosts_can_be_limited_by_name() {
    let site = Site::new(|_, stream| reply(stream, "200 OK", "", b"photo"));
    let port = site.address.port();
    let policy = WebPolicy {
        hosts: ["shop.example", "*.cdn.example"]
            .map(|host| host.parse().unwrap())
            .to_vec(),
        private_hosts: vec![format!("photos.lan:{port}").parse().unwrap()],
        ..WebPolicy::default()
    };
    let web = Web::with_lookup(policy, Script::new(&[&["127.0.0.1"]]));
    for good in [
        "https://shop.example/a",
        "https://shop.example./a",
        "https://a.cdn.example/a",
        "http://a.b.cdn.example:8080/a",
    ] {
        web.spell(good).unwrap();
    }
    for bad in [
        "https://other.example/",
        "https://cdn.example/",
        "https://evilshop.example/",
        "https://shop.example.evil.example/",
        "https://xcdn.example/",
    ] {
        assert!(
            matches!(web.spell(bad), Err(FetchError::Refused(_))),
            "{bad}"
        );
    }
    // A host that may be private is fetched from, one that may not is refused once it is looked up.
    let photos = format!("http://photos.lan:{port}/a.jpg");
    assert_eq!(web.get(&photos, 100).unwrap(), b"photo");
    let error = web.get("http://shop.example/", 100).unwrap_err();
    assert!(matches!(error, FetchError::Refused(_)), "{error}");
    // Also such a host is never a cloud's metadata.
    let policy = WebPolicy {
        private_hosts: vec!["*.lan".parse().unwrap(), "169.254.169.254".parse().unwrap()],
        ..WebPolicy::default()
    };
    let web = Web::with_lookup(policy, Script::new(&[&["169.254.169.254"]]));
    assert!(matches!(
        web.get("http://a.lan/", 1),
        Err(FetchError::Refused(_))
    ));
    assert!(matches!(
        web.get("http://169.254.169.254/", 1),
        Err(FetchError::Refused(_))
    ));
}

#[test]
fn what_is_no_host_is_no_pattern() {
    for bad in [
        "",
        "*",
        "*.",
        "http://a.example",
        "a.example/b",
        "a@b",
        "a b",
        "a.example:x",
        "a.*.example",
        "a.example?",
        "::1",
    ] {
        assert!(bad.parse::<HostPattern>().is_err(), "{bad:?}");
    }
    assert_eq!(
        "Bücher.Example".parse::<HostPattern>().unwrap(),
        "xn--bcher-kva.example".parse().unwrap()
    );
    "[::1]:8080".parse::<HostPattern>().unwrap();
}

#[test]
fn a_post_passes_the_same_guard_and_follows_no_redirect() {
    let site = Site::new(|path, stream| match path {
        "/hook" => reply(stream, "204 No Content", "", b""),
        _ => reply(stream, "307 Elsewhere", "Location: /hook\r\n", b""),
    });
    let web = Web::new(site.allowed());
    let headers = [("webhook-id".to_string(), "1".to_string())];
    assert_eq!(web.post(&site.url("/hook"), &headers, b"{}").unwrap(), 204);
    assert_eq!(web.post(&site.url("/away"), &headers, b"{}").unwrap(), 307);
    assert_eq!(site.asked(), 2);
    let strict = Web::new(WebPolicy::default());
    let error = strict
        .post(&site.url("/hook"), &headers, b"{}")
        .unwrap_err();
    assert!(matches!(error, FetchError::Refused(_)), "{error}");
}

#[test]
fn the_seam_fetches_from_async_code() {
    let site = Site::new(|_, stream| reply(stream, "200 OK", "", b"photo"));
    let web = Web::new(site.allowed());
    let bytes = runtime().block_on(web.fetch(&site.url("/"), 100)).unwrap();
    assert_eq!(bytes, b"photo");
}
