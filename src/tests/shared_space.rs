//! A catalogue made with CLIP: adding a checkpoint, searching with words, going over to it and back. The
//! checkpoint is a tiny one of random weights, so that what is found is not looked at, only how.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::shop::{Run, Shop, finish, text};

const CLIP: &str = "clip-tiny";
const DEFAULT: &str = "efficientnet-lite2";

fn checkpoint() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/vision/fixtures")
        .join(CLIP)
}

/// A shop with a cache of its own, in which the default models are links, so that what is added does
/// not stay in the real one.
pub struct Place {
    pub shop: Shop,
    cache: PathBuf,
}

impl Place {
    pub fn with_photos(count: usize) -> Place {
        let shop = Shop::with_photos(count);
        let cache = shop.dir().join("cache");
        let dir = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let real = dir("SHOWROOM_CACHE")
            .or_else(|| dir("XDG_CACHE_HOME").map(|dir| dir.join("showroom")))
            .or_else(|| dir("HOME").map(|dir| dir.join(".cache/showroom")))
            .unwrap();
        fs::create_dir_all(cache.join("models")).unwrap();
        for model in fs::read_dir(real.join("models")).unwrap() {
            let model = model.unwrap();
            let link = cache.join("models").join(model.file_name());
            std::os::unix::fs::symlink(model.path(), link).unwrap();
        }
        // The phrases are encoded once for all tests.
        if real.join("phrases").exists() {
            std::os::unix::fs::symlink(real.join("phrases"), cache.join("phrases")).unwrap();
        }
        Place { shop, cache }
    }

    pub fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = self.shop.command(args);
        command.env("SHOWROOM_CACHE", &self.cache);
        command
    }

    fn run(&self, args: &[&str]) -> Run {
        finish(self.command(args).spawn().unwrap())
    }

    #[track_caller]
    fn json(&self, args: &[&str]) -> Value {
        let run = self.run(&[args, &["--json"]].concat());
        assert_eq!(run.code, Some(0), "showroom {args:?}: {run:#?}");
        run.parse()
    }

    fn add_clip(&self) {
        let folder = checkpoint();
        let added = self.json(&["models", "add", CLIP, "--path", folder.to_str().unwrap()]);
        assert_eq!(added["dimensions"], 24, "{added}");
        assert_eq!(added["licence"], "apache-2.0", "{added}");
    }

    /// Every photo's line of an export, without what an encoder makes.
    fn exported(&self) -> Vec<Value> {
        let run = self.run(&["export"]);
        assert_eq!(run.code, Some(0), "{run:#?}");
        run.lines()
    }

    /// URIs that words find, with the part that found them.
    fn found(&self) -> (usize, String) {
        let answer = self.json(&["search", "--text", "red shoes", "-k", "100"]);
        let hits = answer["hits"].as_array().unwrap();
        (hits.len(), text(&hits[0]["why"][0]["part"]))
    }

    fn encoder(&self) -> String {
        text(&self.json(&["index", "stats"])["manifest"]["encoder"])
    }
}

#[test]
fn a_catalogue_of_clip_is_searched_with_words_photos_and_its_own() {
    let place = Place::with_photos(12);
    place.add_clip();
    let made = place.json(&["ingest", "photos", "--encoder", CLIP]);
    assert_eq!(made["added"], 12, "{made}");
    let stats = place.json(&["index", "stats"]);
    let dimensions = &stats["manifest"]["dimensions"];
    assert_eq!(
        (&dimensions["shape"], &dimensions["text"]),
        (&24.into(), &24.into())
    );
    assert!(place.encoder().starts_with("clip-tiny@"), "{stats}");
    assert_eq!(place.found(), (12, "text".to_string()));
    // Of random weights no question but the photo itself has an answer that is known.
    let photo = place.shop.photos().join("0004.jpg");
    let alike = place.json(&["search", "--image", photo.to_str().unwrap()]);
    assert!(
        text(&alike["hits"][0]["uri"]).ends_with("0004.jpg"),
        "{alike}"
    );
    assert!(
        alike["hits"][0]["score"].as_f64().unwrap() > 0.99,
        "{alike}"
    );
    // Colours are measured and categories said as ever, and a second run asks for no encoder.
    assert_eq!(place.exported()[0]["colours"][0]["name"], "red");
    assert_eq!(place.json(&["ingest", "photos"])["unchanged"], 12);
    let tagged = place.json(&["tag", "--force"]);
    assert_eq!(tagged["tagged"], 12, "{tagged}");
    assert_eq!(place.found(), (12, "text".to_string()));
    assert_eq!(
        place.json(&["index", "verify"])["wrong"],
        serde_json::json!([])
    );
    // Another encoder is refused, and a catalogue whose model is gone says so.
    let other = place.run(&["ingest", "photos", "--encoder", DEFAULT]);
    other.failed(5, "was made by encoder clip-tiny@");
    fs::remove_dir_all(place.cache.join("added")).unwrap();
    place
        .run(&["search", "--text", "shoes"])
        .failed(6, "showroom models add clip-tiny");
}

/// Own labels that are only words: in a shared space a label scores what a search for its words scores.
#[test]
fn own_labels_by_words_score_as_a_search_for_the_words() {
    let place = Place::with_photos(24);
    place.add_clip();
    place.json(&["ingest", "photos", "--encoder", CLIP]);
    let words = ["red shoe", "blue boot", "green leaf", "black cat"];
    let list = place.shop.dir().join("words.txt");
    fs::write(&list, words.join("\n")).unwrap();
    place.json(&["labels", "learn", "words.txt"]);
    place.json(&["labels", "apply"]);
    let exported = place.exported();
    let mut said = 0;
    for word in words {
        let answer = place.json(&["search", "--text", word, "-k", "100"]);
        let hits = answer["hits"].as_array().unwrap();
        assert_eq!(hits.len(), 24);
        for photo in &exported {
            let labels = photo["labels"].as_array().unwrap();
            let Some(label) = labels.iter().find(|label| label["name"] == word) else {
                continue;
            };
            let hit = hits.iter().find(|hit| hit["uri"] == photo["uri"]).unwrap();
            let (label_score, score) = (label["score"].as_f64(), hit["score"].as_f64());
            assert!(
                (label_score.unwrap() - score.unwrap()).abs() < 1e-5,
                "{label} {hit}"
            );
            // Nobody has judged a photo, so nothing is accepted.
            assert_eq!(label["decision"], "review");
            said += 1;
        }
    }
    assert!(said > 0, "no label is said of any photo");
}

#[test]
fn reindex_goes_over_and_back_and_tags_stay() {
    let place = Place::with_photos(8);
    place.shop.add("broken.jpg", b"no photo");
    place.json(&["ingest", "photos"]);
    place.add_clip();
    let before = place.exported();
    let gone = place.shop.photos().join("0007.jpg");
    fs::remove_file(&gone).unwrap();

    let done = place.json(&["reindex", "--encoder", CLIP]);
    assert_eq!(
        (&done["encoded"], &done["lost"]),
        (&7.into(), &1.into()),
        "{done}"
    );
    assert_eq!(done["switched"], true);
    assert!(place.encoder().starts_with("clip-tiny@"));
    assert_eq!(place.exported(), before[..7]);
    assert_eq!(place.found(), (7, "text".to_string()));
    let rejects = place.run(&["rejects", "--json"]).lines::<Value>();
    let mut codes: Vec<String> = rejects.iter().map(|reject| text(&reject["code"])).collect();
    codes.sort();
    assert_eq!(codes, ["not-an-image", "not-found"]);
    assert_eq!(
        place.json(&["index", "verify"])["wrong"],
        serde_json::json!([])
    );
    assert_eq!(
        place.json(&["reindex", "--encoder", CLIP])["switched"],
        false
    );

    let back = place.json(&["reindex", "--encoder", DEFAULT]);
    assert_eq!(back["encoded"], 7, "{back}");
    assert!(place.encoder().starts_with("efficientnet-lite2@"));
    assert_eq!(place.found().0, 7);
    place.json(&["index", "compact"]);
    assert_eq!(place.exported(), before[..7]);
    // The folder of photos is not there: the old vectors stay.
    fs::rename(place.shop.photos(), place.shop.dir().join("elsewhere")).unwrap();
    place
        .run(&["reindex", "--encoder", CLIP])
        .failed(3, "cannot be read any more");
    assert!(place.encoder().starts_with("efficientnet-lite2@"));
    fs::rename(place.shop.dir().join("elsewhere"), place.shop.photos()).unwrap();
    assert_eq!(place.json(&["reindex", "--encoder", CLIP])["encoded"], 7);
}

#[test]
fn a_reindex_that_is_killed_leaves_the_old_and_goes_on() {
    const PHOTOS: usize = 16;
    let place = Place::with_photos(PHOTOS);
    place.json(&["ingest", "photos"]);
    place.add_clip();
    let before = place.exported();
    let mut child = place
        .command(&["reindex", "--encoder", CLIP, "--quiet"])
        .spawn()
        .unwrap();
    // When it has begun to fill the new tables, or a little later.
    let started = Instant::now();
    while !place.shop.store.join("reindex.json").exists() && child.try_wait().unwrap().is_none() {
        assert!(
            started.elapsed() < Duration::from_secs(300),
            "nothing is begun"
        );
        // Searches go on.
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(place.exported().len(), PHOTOS);
    child.kill().unwrap();
    finish(child);
    assert!(place.encoder().starts_with("efficientnet-lite2@"));
    assert_eq!(place.exported(), before);
    assert_eq!(
        place.json(&["index", "verify"])["wrong"],
        serde_json::json!([])
    );
    let done = place.json(&["reindex", "--encoder", CLIP]);
    assert_eq!(done["encoded"], PHOTOS, "{done}");
    assert_eq!(place.exported(), before);
    assert_eq!(
        place.json(&["index", "verify"])["wrong"],
        serde_json::json!([])
    );
}

#[test]
fn a_model_comes_from_the_hub_and_what_is_none_is_refused() {
    let place = Place::with_photos(1);
    let endpoint = hub(checkpoint());
    let add = |name: &str, repository: &str| {
        let args = [
            "models",
            "add",
            name,
            "--hub",
            repository,
            "--revision",
            "v1",
            "--json",
        ];
        finish(
            place
                .command(&args)
                .env("HF_ENDPOINT", &endpoint)
                .spawn()
                .unwrap(),
        )
    };
    let run = add("clip-hub", "team/clip");
    assert_eq!(run.code, Some(0), "{run:#?}");
    let manifest = place.cache.join("added/clip-hub/manifest.toml");
    let manifest = fs::read_to_string(manifest).unwrap();
    assert!(
        manifest.contains("hub = \"team/clip\"") && !manifest.contains("path = "),
        "{manifest}"
    );
    assert!(manifest.contains("[check]"), "{manifest}");
    let card = place.run(&["models", "card", "clip-hub"]).stdout;
    assert!(
        card.contains("Check the licence") && card.contains("apache-2.0"),
        "{card}"
    );
    add("nothing", "team/nothing").failed(6, "of the model team/nothing");
    add("u2netp", "team/clip").failed(2, "built-in");
    let nowhere = place.run(&["models", "add", "x", "--path", "photos"]);
    nowhere.failed(6, "config.json");
    assert!(!place.cache.join("added/x").exists());
    let unknown = place.run(&["ingest", "photos", "--encoder", "nothing"]);
    unknown.failed(2, "there is no model \"nothing\"");
    let matte = place.run(&["ingest", "photos", "--encoder", "u2netp"]);
    matte.failed(3, "showroom models add");
}

/// A hub with one repository, `team/clip` at `v1`: the files of a folder. Gives its endpoint.
pub fn hub(folder: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let path = requested(&stream);
            let file = path.strip_prefix("/team/clip/resolve/v1/");
            let (status, body) = match file.and_then(|file| fs::read(folder.join(file)).ok()) {
                Some(body) => ("200 OK", body),
                None => ("404 Not Found", Vec::new()),
            };
            let head = format!(
                "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            // Who asked may have hung up.
            let _ = stream.write_all(&[head.as_bytes(), &body].concat());
        }
    });
    endpoint
}

fn requested(stream: &TcpStream) -> String {
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let path = head.first().and_then(|line| line.split(' ').nth(1));
    path.unwrap_or_default().to_string()
}
