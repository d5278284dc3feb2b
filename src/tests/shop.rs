//! A shop to try things on: a folder of photos, a catalogue, and the binary.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::pictures;

/// No command of these tests takes this long on the slowest machine: it hangs.
const HANGS_AFTER: Duration = Duration::from_secs(1200);

/// A folder that is removed at the end, with `photos/` and, once made, `catalogue/` in it.
pub struct Shop {
    dir: tempfile::TempDir,
    /// Where the catalogue is.
    pub store: PathBuf,
}

/// What a command did.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Shop {
    /// With this many drawn photos, `0000.jpg` and on.
    pub fn with_photos(count: usize) -> Shop {
        let dir = tempfile::Builder::new()
            .prefix("showroom-")
            .tempdir()
            .unwrap();
        let store = dir.path().join("catalogue");
        let shop = Shop { dir, store };
        fs::create_dir(shop.photos()).unwrap();
        for at in 0..count {
            shop.add(&format!("{at:04}.jpg"), &pictures::product(at));
        }
        shop
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn photos(&self) -> PathBuf {
        self.dir.path().join("photos")
    }

    /// Writes a file below `photos/`.
    pub fn add(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.photos().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// The binary with this shop's catalogue, free of what the caller's environment says.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_showroom"));
        for (name, _) in std::env::vars_os() {
            let ours = name.to_string_lossy().starts_with("SHOWROOM_");
            if ours && name != "SHOWROOM_CACHE" {
                command.env_remove(name);
            }
        }
        command
            .args(args)
            .env("SHOWROOM_STORE", &self.store)
            .current_dir(self.dir())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn run(&self, args: &[&str]) -> Run {
        finish(self.command(args).spawn().unwrap())
    }

    /// Runs what must succeed.
    pub fn ok(&self, args: &[&str]) -> Run {
        let run = self.run(args);
        assert_eq!(run.code, Some(0), "showroom {args:?}: {run:#?}");
        run
    }

    /// Runs what must succeed and print one JSON value, nothing else.
    pub fn json(&self, args: &[&str]) -> Value {
        self.ok(&[args, &["--json"]].concat()).parse()
    }

    /// `ingest photos/ --json`.
    pub fn ingest(&self) -> Value {
        self.json(&["ingest", "photos"])
    }

    /// Every photo of the catalogue, by URI.
    pub fn exported(&self) -> BTreeMap<String, Value> {
        let run = self.ok(&["export"]);
        let lines: Vec<Value> = run.lines();
        let count = lines.len();
        let photos: BTreeMap<String, Value> = lines
            .into_iter()
            .map(|line| (text(&line["uri"]), line))
            .collect();
        assert_eq!(photos.len(), count, "a photo is in the catalogue twice");
        photos
    }

    /// Photos in the catalogue; 0 where there is none yet.
    pub fn photos_in_catalogue(&self) -> u64 {
        let run = self.run(&["index", "stats", "--json"]);
        match run.code {
            Some(0) => run.parse::<Value>()["photos"].as_u64().unwrap(),
            Some(5) if run.stderr.contains("there is no catalogue") => 0,
            _ => panic!("{run:#?}"),
        }
    }

    /// Code of each reject by file name.
    pub fn rejects(&self) -> BTreeMap<String, String> {
        let lines: Vec<Value> = self.ok(&["rejects", "--json"]).lines();
        let code = |line: &Value| {
            let uri = text(&line["uri"]);
            let name = Path::new(&uri)
                .file_name()
                .unwrap()
                .to_string_lossy()
                .into_owned();
            (name, text(&line["code"]))
        };
        lines.iter().map(code).collect()
    }

    /// Holds that every row of the catalogue is sound.
    pub fn verify(&self) {
        let found = self.json(&["index", "verify"]);
        assert_eq!(found["wrong"], serde_json::json!([]), "{found}");
    }
}

impl Run {
    /// Holds that it failed with this exit code and one sentence on standard error that has `said`
    /// in it.
    #[track_caller]
    pub fn failed(&self, code: i32, said: &str) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        let sentences: Vec<&str> = self
            .stderr
            .lines()
            .filter(|line| line.starts_with("showroom:"))
            .collect();
        assert_eq!(sentences.len(), 1, "one sentence, not {}", self.stderr);
        assert!(
            sentences[0].contains(said),
            "{said:?} is not in {:?}",
            sentences[0]
        );
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
    }

    #[track_caller]
    pub fn parse<T: DeserializeOwned>(&self) -> T {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in {:?}", self.stdout))
    }

    /// One JSON value a line.
    #[track_caller]
    pub fn lines<T: DeserializeOwned>(&self) -> Vec<T> {
        let parse =
            |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}"));
        self.stdout.lines().map(parse).collect()
    }
}

/// Waits for a command with both its outputs; ends it where it hangs.
pub fn finish(mut child: Child) -> Run {
    let read = |pipe: Option<Box<dyn std::io::Read + Send>>| {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut pipe) = pipe {
                pipe.read_to_end(&mut bytes).unwrap();
            }
            String::from_utf8(bytes).unwrap()
        })
    };
    let stdout = read(child.stdout.take().map(|pipe| Box::new(pipe) as _));
    let stderr = read(child.stderr.take().map(|pipe| Box::new(pipe) as _));
    let status = wait(&mut child);
    Run {
        code: status.code(),
        stdout: stdout.join().unwrap(),
        stderr: stderr.join().unwrap(),
    }
}

fn wait(child: &mut Child) -> ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if started.elapsed() > HANGS_AFTER {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("the command hangs");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Every file below `dir` with its bytes: to hold that nothing was touched.
pub fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            found.insert(path, bytes);
        }
    }
    found
}

pub fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_string()
}
