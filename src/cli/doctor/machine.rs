//! What the machine has: cores and what they can do, room on its disks, package clients.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use showroom_vision::engines::device::{Adapter, adapters};

use super::Check;
use crate::config::Config;
use crate::table::human_bytes;

/// Room below which a run of some thousand photos does not fit.
const LITTLE_ROOM_BYTES: u64 = 1 << 30;
/// A package client that does not answer in this time is not there.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);

/// Processor and devices.
pub fn checks(config: &Config) -> Vec<Check> {
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
    let features = cpu_features().join(" ");
    let found = format!("{cores} cores, {} threads used, {features}", config.threads);
    let mut checks = vec![Check::ok("cpu", "CPU", found.trim_end_matches([' ', ',']))];
    checks.extend(gpus());
    checks
}

/// Each adapter with what `--device` calls it, its memory, limits and features.
fn gpus() -> Vec<Check> {
    let adapters = adapters();
    if adapters.is_empty() {
        let found = "no Vulkan, Metal or DX12 driver; models run on the CPU";
        return vec![Check::ok("device", "GPU", found)];
    }
    let mut number = 0;
    let named = adapters.iter().map(|adapter| {
        if adapter.is_software() {
            let word = adapter.name.split_whitespace().next().unwrap_or_default();
            return Check::ok("device", format!("gpu:{word}"), describe(adapter));
        }
        number += 1;
        Check::ok("device", format!("gpu:{}", number - 1), describe(adapter))
    });
    named.collect()
}

fn describe(adapter: &Adapter) -> String {
    let memory = adapter.memory_bytes.map(human_bytes);
    let features = [
        ("f16", adapter.f16),
        ("subgroups", adapter.subgroups),
        ("timestamps", adapter.timestamps),
    ];
    let features: Vec<&str> = features
        .into_iter()
        .filter_map(|(name, has)| has.then_some(name))
        .collect();
    let software = if adapter.is_software() {
        "; software, taken only when asked for by name"
    } else {
        ""
    };
    format!(
        "{adapter}, {} of memory; largest buffer {}, of which a kernel sees {}; workgroups of {} with {}; \
         {}{software}",
        memory.as_deref().unwrap_or("an unknown amount"),
        human_bytes(adapter.max_buffer_bytes),
        human_bytes(adapter.max_binding_bytes),
        adapter.max_workgroup,
        human_bytes(adapter.workgroup_memory_bytes.into()),
        features.join(", "),
    )
}

#[cfg(target_arch = "x86_64")]
fn cpu_features() -> Vec<&'static str> {
    let all = [
        ("sse4.2", std::is_x86_feature_detected!("sse4.2")),
        ("avx", std::is_x86_feature_detected!("avx")),
        ("avx2", std::is_x86_feature_detected!("avx2")),
        ("fma", std::is_x86_feature_detected!("fma")),
        ("avx512f", std::is_x86_feature_detected!("avx512f")),
        ("avx512vnni", std::is_x86_feature_detected!("avx512vnni")),
    ];
    all.into_iter()
        .filter_map(|(name, has)| has.then_some(name))
        .collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn cpu_features() -> Vec<&'static str> {
    vec![std::env::consts::ARCH]
}

/// Room on the disk that `path` is on or would be on.
pub fn disk(name: &str, path: &Path) -> Check {
    let free = path
        .ancestors()
        .find(|dir| dir.is_dir())
        .and_then(free_bytes);
    match free {
        Some(free) if free < LITTLE_ROOM_BYTES => {
            Check::ok("disk", name, format!("{} free: little", human_bytes(free)))
                .warn("free some room, or use another folder with --store or --cache")
        }
        Some(free) => Check::ok("disk", name, format!("{} free", human_bytes(free))),
        None => Check::ok("disk", name, "its free room cannot be told here"),
    }
}

/// Asked of POSIX `df`, which every system with a disk to fill has but Windows.
fn free_bytes(dir: &Path) -> Option<u64> {
    let mut command = Command::new("df");
    free_of_df(&answer(command.arg("-Pk").arg(dir))?)
}

/// Fourth word of the second line, in KiB.
fn free_of_df(text: &str) -> Option<u64> {
    let words = text.lines().nth(1)?.split_whitespace();
    // Counted from the end: the name of a device may have blanks in it, its folder seldom.
    let words: Vec<&str> = words.collect();
    let percent = words.iter().position(|word| word.ends_with('%'))?;
    let kib: u64 = words.get(percent.checked_sub(1)?)?.parse().ok()?;
    kib.checked_mul(1024)
}

/// The programs through which models are fetched.
pub fn clients() -> Vec<Check> {
    let pip = answer(Command::new("python3").args(["-m", "pip", "--version"]));
    let npm = answer(Command::new("npm").arg("--version"));
    let pip = pip.map(|text| text.split(" from ").next().unwrap_or_default().to_string());
    vec![
        client(
            "python3 with pip",
            pip,
            "install Python 3.9 or newer with pip",
        ),
        client("npm", npm, "install Node.js with npm"),
    ]
}

fn client(name: &str, version: Option<String>, install: &str) -> Check {
    match version {
        Some(version) => Check::ok("client", name, version.trim()),
        None => Check::ok(
            "client",
            name,
            "not found; models that come through it cannot be fetched",
        )
        .warn(install),
    }
}

/// What a command prints, if it ends well and in time.
fn answer(command: &mut Command) -> Option<String> {
    let command = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let started = Instant::now();
    // The answers are a line or two, which fit into the pipe.
    while child.try_wait().ok()?.is_none() {
        if started.elapsed() > CLIENT_TIMEOUT {
            // It is given up either way.
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_room_is_read_off_df() {
        let text = "Filesystem     1024-blocks     Used Available Capacity Mounted on\n\
                    /dev/vda         263112772 27000000  64000000      30% /\n";
        assert_eq!(free_of_df(text), Some(65_536_000_000));
        let blanks = "Filesystem 1024-blocks Used Available Capacity Mounted on\n\
                      map auto home 10 4 6 40% /System/Volumes/Data/home dir\n";
        assert_eq!(free_of_df(blanks), Some(6 * 1024));
        assert_eq!(free_of_df("df: no such file"), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_command_that_fails_or_is_not_there_gives_no_answer() {
        assert_eq!(
            answer(Command::new("sh").args(["-c", "echo 1.2"])).as_deref(),
            Some("1.2\n")
        );
        assert_eq!(
            answer(Command::new("sh").args(["-c", "echo 1.2; exit 1"])),
            None
        );
        assert_eq!(answer(&mut Command::new("no-such-program-here")), None);
    }
}
