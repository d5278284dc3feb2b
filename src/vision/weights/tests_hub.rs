//! The hub client against small local HTTP servers that answer rightly, wrongly or not at all.

use std::fs;
use std::io::Write;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::library::State;
use super::pull::{PullOptions, Pulled};
use super::tests_pull::{BYTES, Place, options};

const HUB: &str =
    "[[files.sources]]\nhub = \"team/model\"\nrevision = \"v1\"\nfile = \"a b/w.bin\"";
const URL: &str = "/team/model/resolve/v1/a%20b/w.bin";

/// Path and authorization of each request so far.
type Requests = Arc<Mutex<Vec<(String, Option<String>)>>>;

/// Answers each request, by its path, with the bytes that `answer` gives. Gives the endpoint and
/// the requests as they come.
fn serve(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> (String, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (path, token) = request(&stream);
            log.lock().expect("no panic").push((path.clone(), token));
            // The client may have hung up, as it does with answers that are too long.
            let _ = stream.write_all(&answer(&path));
        }
    });
    (endpoint, seen)
}

fn request(stream: &TcpStream) -> (String, Option<String>) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let path = lines
        .next()
        .and_then(|line| line.split(' ').nth(1).map(str::to_owned));
    let mut token = None;
    for line in lines.take_while(|line| !line.is_empty()) {
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("authorization")
        {
            token = Some(value.to_owned());
        }
    }
    (path.unwrap_or_default(), token)
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

fn sized(length: usize) -> String {
    format!("content-length: {length}\r\n")
}

fn pull(place: &Place, endpoint: &str) -> Result<Pulled, String> {
    let options = PullOptions {
        hub_endpoint: endpoint.into(),
        ..options()
    };
    place.pull_with(&options)
}

#[test]
fn right_bytes_come_with_and_without_a_length_and_with_a_token() {
    for headers in [sized(BYTES.len()), String::new()] {
        let place = Place::new(HUB);
        let (endpoint, seen) = serve(move |_| answer("200 OK", &headers, BYTES));
        let options = PullOptions {
            // A slash at the end does no harm.
            hub_endpoint: format!("{endpoint}/"),
            hub_token: Some("hf_secret".into()),
            ..options()
        };
        assert_eq!(
            place.pull_with(&options),
            Ok(Pulled {
                fetched: 1,
                cached: 0
            })
        );
        assert_eq!(fs::read(place.place()).expect("cached"), BYTES);
        let expected = (URL.to_owned(), Some("Bearer hf_secret".to_owned()));
        assert_eq!(*seen.lock().expect("no panic"), [expected]);
    }
}

#[test]
fn a_redirect_is_followed_without_the_token() {
    let place = Place::new(HUB);
    let (storage, at_storage) = serve(|_| answer("200 OK", &sized(BYTES.len()), BYTES));
    let (endpoint, _) = serve(move |_| {
        answer(
            "302 Found",
            &format!("location: {storage}/blob\r\n{}", sized(0)),
            b"",
        )
    });
    let options = PullOptions {
        hub_endpoint: endpoint,
        hub_token: Some("secret".into()),
        ..options()
    };
    assert_eq!(
        place.pull_with(&options),
        Ok(Pulled {
            fetched: 1,
            cached: 0
        })
    );
    assert_eq!(
        *at_storage.lock().expect("no panic"),
        [("/blob".to_owned(), None)]
    );
}

#[test]
fn wrong_answers_are_refused_with_a_sentence() {
    let wrong = b"the wrong bytes of some weights";
    let long = [BYTES, &[0; 100_000]].concat();
    let chunked = [b"2710\r\n".as_slice(), &[0; 10_000], b"\r\n0\r\n\r\n"].concat();
    let cases = [
        (
            "wrong hash",
            answer("200 OK", &sized(wrong.len()), wrong),
            "its SHA-256 is",
            1,
        ),
        (
            "truncated",
            answer("200 OK", &sized(BYTES.len()), &BYTES[..9]),
            "bytes",
            2,
        ),
        (
            "short, no length",
            answer("200 OK", "", &BYTES[..9]),
            "its size is 9 bytes",
            1,
        ),
        (
            "long",
            answer("200 OK", &sized(long.len()), &long),
            "where the manifest says",
            1,
        ),
        (
            "long, no length",
            answer("200 OK", "", &long),
            "its size is more than",
            1,
        ),
        (
            "long, in chunks",
            answer("200 OK", "transfer-encoding: chunked\r\n", &chunked),
            "its size is more than",
            1,
        ),
        (
            "404",
            answer("404 Not Found", &sized(2), b"no"),
            "answered 404",
            1,
        ),
        (
            "401",
            answer("401 Unauthorized", &sized(0), b""),
            "the hub wants a token",
            1,
        ),
        ("503", answer("503 Busy", &sized(0), b""), "answered 503", 2),
        ("no HTTP", b"220 ready\r\n".to_vec(), "cannot pull", 2),
        (
            "loop",
            answer("302 Found", &format!("location: /x\r\n{}", sized(0)), b""),
            "redirects more",
            6,
        ),
    ];
    for (what, bytes, expected, requests) in cases {
        let place = Place::new(HUB);
        let (endpoint, seen) = serve(move |_| bytes.clone());
        let sentence = pull(&place, &endpoint).expect_err(what);
        assert!(sentence.contains(expected), "{what}: {sentence}");
        assert_eq!(
            (place.state(), place.files()),
            (State::Missing, vec![]),
            "{what}"
        );
        assert_eq!(seen.lock().expect("no panic").len(), requests, "{what}");
    }
}

#[test]
fn a_hub_that_is_not_there_or_silent_is_named() {
    let place = Place::new(HUB);
    let sentence = pull(&place, "http://127.0.0.1:1").expect_err("nobody listens");
    assert!(
        sentence.contains("http://127.0.0.1:1/team/model/resolve/v1"),
        "{sentence}"
    );
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let hub_endpoint = format!("http://{}", silent.local_addr().expect("an address"));
    let timeout = Duration::from_millis(300);
    let hasty = PullOptions {
        hub_endpoint,
        timeout,
        attempts: 1,
        ..options()
    };
    let sentence = place.pull_with(&hasty).expect_err("silent");
    assert!(sentence.contains("timeout"), "{sentence}");
}
