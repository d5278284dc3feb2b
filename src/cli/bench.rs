//! `showroom bench`: how fast each stage is alone and all of them together, so that the slowest is named.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;
use showroom_catalog::Photo;
use showroom_catalog::seams::{Encoder, Source};
use showroom_pipeline::{
    Cancel, FolderSource, Parts, Quiet, SkuFrom, Snapshot, ingest, silence_guarded_panics,
};
use showroom_store::LanceCatalogue;
use showroom_vision::encoder::ProductEncoder;

use crate::args::Bench;
use crate::config::Config;
use crate::exit::Failure;
use crate::ingest::options_for;
use crate::progress::Bar;
use crate::table::{print, print_json, table};
use crate::wire;

/// One line of the answer.
#[derive(Debug, Serialize)]
struct Stage {
    name: String,
    /// Threads that did it; 0 for a step inside the encoder.
    threads: usize,
    photos_per_second: f64,
}

/// `bench --json`.
#[derive(Serialize)]
struct Answer {
    /// The first line of a run.
    device: String,
    photos: usize,
    batch: usize,
    /// Each alone, in the order of the work.
    stages: Vec<Stage>,
    /// The encoder's steps, each waited for; on a GPU they overlap in a run.
    steps: Vec<Stage>,
    /// The slowest of the stages.
    slowest: String,
    /// All together, into a catalogue that is thrown away.
    whole_photos_per_second: f64,
    /// The whole as a share of the slowest stage alone: 1 is as fast as can be.
    of_slowest: f64,
}

pub fn run(config: &Config, verb: &Bench) -> Result<(), Failure> {
    let paths = photo_files(verb)?;
    let mut models = wire::Ingest::open(config, verb.batch)?;
    let device = models.engine.to_string();
    config.say(&device);
    silence_guarded_panics();
    let bar = Bar::new(config);
    let say = |what: &str| bar.show(0, None, what.to_string());

    say("decoding");
    let began = Instant::now();
    let photos = decode_all(&paths, config.threads)?;
    let decoding = began.elapsed();
    if photos.is_empty() {
        return Err(Failure::BadInput(
            "none of these photos can be decoded".into(),
        ));
    }
    let photos_per_second = |spent: Duration| photos.len() as f64 / spent.as_secs_f64().max(1e-9);
    let mut stages = vec![Stage {
        name: "fetch and decode".into(),
        threads: config.threads,
        photos_per_second: paths.len() as f64 / decoding.as_secs_f64().max(1e-9),
    }];

    say("warming up");
    let encoders = models.encoders.len();
    let first = photos.len().min(encoders * models.batch);
    encode_all(&mut models.encoders, &photos[..first], models.batch)?;
    say("encoding");
    let began = Instant::now();
    encode_all(&mut models.encoders, &photos, models.batch)?;
    stages.push(Stage {
        name: "encode".into(),
        threads: encoders,
        photos_per_second: photos_per_second(began.elapsed()),
    });
    say("encoding, step by step");
    let steps = encoder_steps(&mut models.encoders, &photos, models.batch)?;
    let batch = models.batch;
    let seen = photos.len();
    drop(photos);

    say("all together");
    let whole = whole(config, verb, models)?;
    bar.finish();
    for load in &whole.stages {
        let name = load.stage.name();
        // Measured above, by themselves.
        if load.busy_seconds > 0.0 && !["fetch", "decode", "encode"].contains(&name) {
            stages.push(Stage {
                name: name.to_string(),
                threads: load.threads,
                photos_per_second: whole.handled as f64 * load.threads as f64 / load.busy_seconds,
            });
        }
    }
    let slowest = stages
        .iter()
        .min_by(|a, b| a.photos_per_second.total_cmp(&b.photos_per_second));
    let (slowest, least) = slowest.map_or_else(Default::default, |stage| {
        (stage.name.clone(), stage.photos_per_second)
    });
    let answer = Answer {
        device,
        photos: seen,
        batch,
        steps,
        slowest,
        whole_photos_per_second: whole.rate(),
        of_slowest: whole.rate() / least.max(1e-9),
        stages,
    };
    if config.json {
        return print_json(&answer);
    }
    print(lines(&answer))
}

/// The photos to measure with, in the order of their names.
fn photo_files(verb: &Bench) -> Result<Vec<PathBuf>, Failure> {
    let source = FolderSource::new(&verb.paths, SkuFrom::None)?;
    let mut files = Vec::new();
    source.list(&mut |found| {
        if let Ok(photo) = found {
            files.push(PathBuf::from(photo.uri));
        }
        files.len() < usize::from(verb.photos)
    })?;
    if files.is_empty() {
        return Err(Failure::BadInput(
            "there are no photos there to measure with".into(),
        ));
    }
    Ok(files)
}

/// Decodes with `threads` threads; what cannot be decoded is left out.
fn decode_all(paths: &[PathBuf], threads: usize) -> Result<Vec<Photo>, Failure> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mine = std::iter::from_fn(|| paths.get(next.fetch_add(1, Ordering::Relaxed)));
        mine.filter_map(|path: &PathBuf| wire::decode_file(Path::new(path)).ok())
            .collect()
    };
    let photos = on_threads((0..threads).map(|_| worker))?;
    Ok(photos
        .into_iter()
        .flat_map(|photos: Vec<Photo>| photos)
        .collect())
}

/// Encodes all, each encoder on a thread of its own, as a run does.
fn encode_all(
    encoders: &mut [ProductEncoder],
    photos: &[Photo],
    batch: usize,
) -> Result<(), Failure> {
    let next = AtomicUsize::new(0);
    let batches: Vec<&[Photo]> = photos.chunks(batch).collect();
    let (next, batches) = (&next, &batches);
    let workers = encoders.iter_mut().map(|encoder| {
        move || -> Result<(), Failure> {
            while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                encoder.encode(batch)?;
            }
            Ok(())
        }
    });
    on_threads(workers)?.into_iter().collect()
}

/// The steps of the encoders: their rates if each were the only one.
fn encoder_steps(
    encoders: &mut [ProductEncoder],
    photos: &[Photo],
    batch: usize,
) -> Result<Vec<Stage>, Failure> {
    encoders.iter_mut().for_each(ProductEncoder::time_steps);
    encode_all(encoders, photos, batch)?;
    let mut steps: Vec<(&str, Duration)> = Vec::new();
    for step in encoders.iter().flat_map(|encoder| encoder.steps()) {
        match steps.iter_mut().find(|(name, _)| *name == step.name) {
            Some((_, spent)) => *spent += step.spent,
            None => steps.push((step.name, step.spent)),
        }
    }
    let workers = encoders.len() as f64;
    let stages = steps.into_iter().map(|(name, spent)| Stage {
        name: name.to_string(),
        threads: 0,
        photos_per_second: workers * photos.len() as f64 / spent.as_secs_f64().max(1e-9),
    });
    Ok(stages.collect())
}

fn on_threads<T: Send, W: FnOnce() -> T + Send>(
    workers: impl Iterator<Item = W>,
) -> Result<Vec<T>, Failure> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = workers.map(|worker| scope.spawn(worker)).collect();
        let ends = threads.into_iter().map(|thread| thread.join());
        ends.map(|end| end.map_err(|_| Failure::Other("a thread of the bench panicked".into())))
            .collect()
    })
}

/// A run of the same photos into a catalogue in a temporary folder.
fn whole(config: &Config, verb: &Bench, models: wire::Ingest) -> Result<Snapshot, Failure> {
    let folder = tempfile::tempdir()
        .map_err(|error| Failure::Other(format!("no temporary folder for a catalogue: {error}")))?;
    let runtime = wire::runtime()?;
    let store = folder.path().join("catalogue");
    let creation = LanceCatalogue::create_or_open_for_write(&store, &models.manifest);
    let catalogue = runtime.block_on(creation)?;
    let source = FolderSource::new(&photo_files(verb)?, SkuFrom::None)?;
    let options = options_for(config, models.batch);
    let parts = Parts {
        source: &source,
        encoders: wire::Ingest::boxed_encoders(models.encoders),
        tagger: models.tagger.as_ref(),
        catalogue: &catalogue,
    };
    let done = ingest(parts, options, &Cancel::new(), &Quiet, runtime.handle())?;
    Ok(done.totals)
}

fn lines(answer: &Answer) -> String {
    let rate = |rate: f64| format!("{rate:.1}");
    let mut rows = table(&["STAGE, ALONE", "THREADS", "PHOTOS/S", ""]);
    for stage in &answer.stages {
        let mark = if stage.name == answer.slowest {
            "slowest"
        } else {
            ""
        };
        let threads = stage.threads.to_string();
        rows.add_row([&stage.name, &threads, &rate(stage.photos_per_second), mark]);
        if stage.name == "encode" {
            for step in &answer.steps {
                rows.add_row([
                    &format!("  {}", step.name),
                    "",
                    &rate(step.photos_per_second),
                    "",
                ]);
            }
        }
    }
    format!(
        "{rows}\n{} photos, batches of {}: {:.1} photos/s all together, {:.2} of the slowest stage \
         ({}) alone",
        answer.photos,
        answer.batch,
        answer.whole_photos_per_second,
        answer.of_slowest,
        answer.slowest
    )
}
