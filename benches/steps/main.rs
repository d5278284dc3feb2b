//! Single steps as showroom does them and as its peers in Rust do, for `benches/run.py`: a request a
//! line in, an answer a line out, so that the driver can take turns and time each from outside.
//!
//! usage: `steps CACHE`, then
//! - `decode WHO FOLDER`: a 260×260 model input of each JPEG of FOLDER; how many.
//!   WHO: `showroom`, `turbojpeg`, `zune`; `showroom-ingest` decodes larger and measures too.
//! - `cosine MIN_SIDE FOLDER`: least and mean cosine of the embeddings of scaled and of full decodes;
//!   MIN_SIDE 0 scales as `showroom ingest` does.
//! - `prepare PHOTOS FOLDER`: writes each model as `NAME.onnx` and 16 inputs of it as `NAME.f32`; of the
//!   one of words its tokenizer.
//! - `embed ENGINE MODEL BATCH THREADS RUNS FOLDER`: runs a model on those inputs; how many photos.
//! - `words ENGINE THREADS TITLES`: encodes each line of a file; how many.
//! - `load WORKERS FOLDER`: decodes every photo below FOLDER and opens the encoder; how many.
//! - `encode`: mask, crop, embedding, histogram of what was loaded; how many.

mod decode;
mod models;

use std::error::Error;
use std::io::BufRead;
use std::path::{Path, PathBuf};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    // Cargo runs a bench with `--bench`; without a folder there is nothing to answer.
    let Some(cache) = std::env::args()
        .skip(1)
        .find(|word| !word.starts_with("--"))
    else {
        println!("steps is driven by benches/run.py: see `make bench`");
        return Ok(());
    };
    let mut models = models::Models::new(Path::new(&cache))?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match words[..] {
            ["decode", who, folder] => decode::folder(who, Path::new(folder))?.to_string(),
            ["cosine", min_side, folder] => models.cosine(min_side.parse()?, Path::new(folder))?,
            ["prepare", photos, folder] => models.prepare(Path::new(photos), Path::new(folder))?,
            ["embed", engine, model, batch, threads, runs, folder] => {
                let (batch, runs) = (batch.parse()?, runs.parse()?);
                models.embed(
                    engine,
                    model,
                    batch,
                    threads.parse()?,
                    runs,
                    Path::new(folder),
                )?
            }
            ["words", engine, threads, titles] => {
                models.words(engine, threads.parse()?, Path::new(titles))?
            }
            ["load", workers, folder] => models.load(workers.parse()?, Path::new(folder))?,
            ["encode"] => models.encode()?,
            _ => return Err(format!("not understood: {line}").into()),
        };
        println!("{answer}");
    }
    Ok(())
}

/// The JPEGs of a folder, sorted.
fn jpegs(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "jpg") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
