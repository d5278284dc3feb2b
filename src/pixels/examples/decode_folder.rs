//! Decodes every file below a folder and says what came of it: how many gave pixels, how many were
//! refused for what, whether any panicked, and which took longest.
//!
//!     cargo run --release -p showroom-pixels --example decode_folder -- FOLDER [MUTANTS]
//!
//! With MUTANTS each file is decoded that many times more, with one to eight of its bytes changed (the
//! same ones in every run).

use std::collections::BTreeMap;
use std::error::Error;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use showroom_pixels::{DecodeOptions, decode};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("give a folder")?;
    let mutants: u32 = arguments.next().map_or(Ok(0), |count| count.parse())?;
    let mut files = Vec::new();
    list(Path::new(&folder), &mut files)?;
    files.sort();

    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    let mut slowest: Vec<(Duration, String)> = Vec::new();
    let mut random = 0x5eed_u64;
    for file in &files {
        let original = std::fs::read(file)?;
        for mutant in 0..=mutants {
            let mut bytes = original.clone();
            if mutant > 0 && !bytes.is_empty() {
                for _ in 0..1 + xorshift(&mut random) % 8 {
                    let at = (xorshift(&mut random) % bytes.len() as u64) as usize;
                    bytes[at] = xorshift(&mut random) as u8;
                }
            }
            let begun = Instant::now();
            let decoded = catch_unwind(|| decode(&bytes, &DecodeOptions::default()));
            let took = begun.elapsed();
            let outcome = match &decoded {
                Ok(Ok(_)) => "pixels",
                Ok(Err(error)) => error.code(),
                Err(_) => "PANICKED",
            };
            *counts.entry(outcome).or_default() += 1;
            if outcome == "PANICKED" {
                println!("panicked: {} mutant {mutant}", file.display());
            }
            if mutants == 0
                && let Ok(Err(error)) = decoded
            {
                println!("{}: {error}", file.display());
            }
            slowest.push((
                took,
                format!("{} mutant {mutant}: {outcome}", file.display()),
            ));
        }
        slowest.sort_by_key(|(took, ..)| std::cmp::Reverse(*took));
        slowest.truncate(5);
    }
    println!(
        "{} files, {} decodes: {counts:?}",
        files.len(),
        files.len() as u32 * (1 + mutants)
    );
    for (took, what) in slowest {
        println!("{took:?} {what}");
    }
    Ok(())
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn xorshift(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}
