//! pip and npm, run to download one package into an empty folder.
//!
//! The clients' own configuration says from where: no host is named here. They install nothing and run
//! nothing of the package (`--only-binary`, `--ignore-scripts`).

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::manifest::Wheel;

/// The most bytes that a client may put into its folder.
const MAX_FOLDER_BYTES: u64 = 8 << 30;
/// How often a running client is looked at.
const POLL: Duration = Duration::from_millis(100);
/// How much of a client's complaint is shown, bytes.
const COMPLAINT_BYTES: usize = 400;

/// Why a source gave nothing, and whether the same might work a moment later.
#[derive(Debug)]
pub(super) struct Fault {
    pub reason: String,
    pub retry: bool,
}

impl Fault {
    pub(super) fn lasting(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            retry: false,
        }
    }

    pub(super) fn passing(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            retry: true,
        }
    }
}

/// Downloads a wheel with `python -m pip`; gives its path in `folder`, which must be empty.
pub(super) fn pip_download(
    python: &Path,
    (name, version, wheel): (&str, &str, Option<&Wheel>),
    folder: &Path,
    timeout: Duration,
    received: &mut dyn FnMut(u64),
) -> Result<PathBuf, Fault> {
    let mut command = Command::new(python);
    command.args([
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--no-input",
    ]);
    command.args([
        "--disable-pip-version-check",
        "--quiet",
        "--progress-bar",
        "off",
    ]);
    command.args(["--retries", "3", "--timeout", "60"]);
    if let Some(Wheel { platform, python }) = wheel {
        command.args(["--platform", platform, "--python-version", python]);
        command.args(["--implementation", "cp", "--abi", &format!("cp{python}")]);
    }
    command
        .arg("--dest")
        .arg(folder)
        .arg(format!("{name}=={version}"));
    let missing = "Python 3 with pip is not installed (Debian: apt install python3-pip)";
    run(command, folder, timeout, missing, "pip", received)?;
    only_file(folder, "whl")
}

/// Downloads a package with `npm pack`; gives its path in `folder`, which must be empty.
pub(super) fn npm_pack(
    npm: &Path,
    (name, version): (&str, &str),
    folder: &Path,
    timeout: Duration,
    received: &mut dyn FnMut(u64),
) -> Result<PathBuf, Fault> {
    let mut command = Command::new(npm);
    command.args([
        "pack",
        "--ignore-scripts",
        "--loglevel=error",
        "--fetch-timeout=60000",
    ]);
    // npm's own waits between tries (10 and 60 s) would hold up who has no network.
    command.args(["--fetch-retries=2", "--fetch-retry-mintimeout=1000"]);
    command
        .args(["--fetch-retry-maxtimeout=4000", "--pack-destination"])
        .arg(folder);
    command.arg(format!("{name}@{version}"));
    let missing = "npm is not installed (Debian: apt install npm)";
    run(command, folder, timeout, missing, "npm", received)?;
    only_file(folder, "tgz")
}

/// Runs a client to its end, at most `timeout`, and reports how many bytes lie in its folder.
fn run(
    mut command: Command,
    folder: &Path,
    timeout: Duration,
    missing: &str,
    client: &str,
    received: &mut dyn FnMut(u64),
) -> Result<(), Fault> {
    let cannot = |e: io::Error| Fault::lasting(format!("cannot run {client}: {e}"));
    let mut complaint = tempfile::tempfile_in(folder).map_err(cannot)?;
    // The folder as working directory: `python -m` would import a pip.py that lies where we are.
    // As TMPDIR: the client's part files go when the folder goes, and are seen by `received`.
    command.current_dir(folder).env("TMPDIR", folder);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(complaint.try_clone().map_err(cannot)?);
    let mut child = command.spawn().map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => Fault::lasting(missing),
        _ => cannot(e),
    })?;
    let deadline = Instant::now() + timeout;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(cannot)? {
            break status;
        }
        let (total, largest) = folder_bytes(folder, 3);
        // The package is the largest file there is; a client may hold it twice for a moment.
        received(largest);
        if total > MAX_FOLDER_BYTES {
            stop(&mut child);
            return Err(Fault::lasting(format!(
                "{client} fetched more than {MAX_FOLDER_BYTES} bytes"
            )));
        }
        if Instant::now() >= deadline {
            stop(&mut child);
            let seconds = timeout.as_secs();
            return Err(Fault::passing(format!(
                "{client} was not done after {seconds} s"
            )));
        }
        std::thread::sleep(POLL);
    };
    if status.success() {
        return Ok(());
    }
    let complaint = last_words(&mut complaint);
    if complaint.contains("No module named pip") {
        return Err(Fault::lasting(missing));
    }
    Err(Fault::passing(format!(
        "{client} failed ({complaint}); check the network and the package index of {client}"
    )))
}

/// Ends a client and waits for it. It may have ended by itself meanwhile, which is as well.
fn stop(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// The end of what a client wrote to its standard error, in one line.
fn last_words(file: &mut File) -> String {
    let mut text = Vec::new();
    let start = file
        .seek(SeekFrom::End(0))
        .unwrap_or(0)
        .saturating_sub(4 * COMPLAINT_BYTES as u64);
    if file.seek(SeekFrom::Start(start)).is_err() || file.read_to_end(&mut text).is_err() {
        return "its message cannot be read".into();
    }
    let text = String::from_utf8_lossy(&text);
    let mut lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    // pip and npm begin the lines that count so; what they warn of before is noise.
    let is_error = |line: &&str| {
        let start = line.to_ascii_lowercase();
        start.starts_with("error") || start.starts_with("npm err")
    };
    // The first of them say what happened, the last only where to read more.
    match lines.iter().any(is_error) {
        true => lines.retain(is_error),
        false => drop(lines.drain(..lines.len().saturating_sub(2))),
    }
    lines.truncate(4);
    let words = lines.join(" ");
    match words.is_empty() {
        true => "without a message".into(),
        false => words.chars().take(COMPLAINT_BYTES).collect(),
    }
}

/// Bytes of all files in a folder, `depth` levels down, and of the largest.
fn folder_bytes(folder: &Path, depth: u32) -> (u64, u64) {
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() && depth > 0 => folder_bytes(&entry.path(), depth - 1),
        Ok(meta) if meta.is_file() => (meta.len(), meta.len()),
        _ => (0, 0),
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(size).fold((0, 0), |(total, largest), (t, l)| {
        (total + t, largest.max(l))
    })
}

/// The one file with that extension.
fn only_file(folder: &Path, extension: &str) -> Result<PathBuf, Fault> {
    let is_wanted = |path: &PathBuf| path.extension().is_some_and(|e| e == extension);
    let paths = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    match paths.filter(is_wanted).collect::<Vec<_>>().as_slice() {
        [path] => Ok(path.clone()),
        found => Err(Fault::lasting(format!(
            "{} .{extension} files came, not one",
            found.len()
        ))),
    }
}
