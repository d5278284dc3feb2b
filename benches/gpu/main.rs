//! Models and kernels on a GPU, for `benches/gpu.py`: a request a line in, an answer a line out, so that
//! the driver can take turns with the peer on the same machine.
//!
//! It links nothing but the models and the kernels, so that it can be copied to a machine that has only a
//! GPU and its driver.
//!
//! usage: `gpu CACHE DEVICE` (as `--device` takes it), then
//! - `adapter`: what was opened.
//! - `prepare FOLDER`: writes each model as `NAME.onnx` for the peer.
//! - `peak PRECISION SIZE RUNS`: multiplies square matrices; floating-point operations a second.
//! - `copy MIB RUNS`: copies on the device; bytes a second, read and written.
//! - `embed MODEL PRECISION BATCH RUNS`: runs a model on a batch that lies on the device; pictures a second.
//! - `search ELEMENT ROWS DIMENSION QUERIES RUNS`: exact top-10 of random vectors; ms a search, bytes read.
//! - `kernel NAME RUNS`: a kernel on its bench case; ms a launch, bytes that it must move at the least.

mod kernels;
mod models;
mod search;

use std::error::Error;
use std::io::BufRead;
use std::path::Path;
use std::time::Instant;

use showroom_kernels::{Gpu, GpuError};
use showroom_vision::engines::device::Precision;
use showroom_vision::engines::{EngineChoice, EngineWish, Wishes};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    // Cargo runs a bench with `--bench`; without a folder and a device there is nothing to answer.
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let [cache, device] = words.as_slice() else {
        println!("gpu is driven by benches/gpu.py: see `make bench-gpu`");
        return Ok(());
    };
    let wishes = Wishes {
        engine: EngineWish::Burn,
        device: device.parse()?,
        ..Wishes::default()
    };
    let choice = EngineChoice::new(&wishes, None)?;
    let gpu = choice.engine.gpu().ok_or("no GPU was found")?.clone();
    let mut models = models::Models::new(Path::new(cache), &gpu)?;
    let mut vectors = search::Held::default();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match words[..] {
            ["adapter"] => gpu.adapter.to_string(),
            ["prepare", folder] => models.prepare(Path::new(folder))?,
            ["peak", name, size, runs] => {
                models::peak(&gpu, precision(name)?, size.parse()?, runs.parse()?)?
            }
            ["copy", mebibytes, runs] => models::copy(&gpu, mebibytes.parse()?, runs.parse()?)?,
            ["embed", model, name, batch, runs] => {
                models.embed(model, precision(name)?, batch.parse()?, runs.parse()?)?
            }
            ["search", element, rows, dimension, queries, runs] => vectors.search(
                &gpu,
                element,
                [rows.parse()?, dimension.parse()?, queries.parse()?],
                runs.parse()?,
            )?,
            ["kernel", name, runs] => kernels::run(&gpu, name, runs.parse()?)?,
            _ => return Err(format!("not understood: {line}").into()),
        };
        println!("{answer}");
    }
    Ok(())
}

fn precision(name: &str) -> Outcome<Precision> {
    match name {
        "f32" => Ok(Precision::F32),
        "f16" => Ok(Precision::F16),
        _ => Err(format!("{name} is no precision").into()),
    }
}

/// Median seconds of one of `runs` calls, the device waited for each time; one before them warms up.
fn median_seconds(
    gpu: &Gpu,
    runs: usize,
    mut work: impl FnMut() -> Result<(), GpuError>,
) -> Outcome<f64> {
    let mut once = || -> Outcome<f64> {
        let began = Instant::now();
        work()?;
        gpu.wait()?;
        Ok(began.elapsed().as_secs_f64())
    };
    once()?;
    let mut seconds = (0..runs.max(1))
        .map(|_| once())
        .collect::<Outcome<Vec<_>>>()?;
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[seconds.len() / 2])
}
