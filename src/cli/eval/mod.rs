//! `showroom eval`: how good tags and searches are on photos whose truth is known, with a manifest by
//! which another machine can repeat the run.

mod manifest;
mod show;

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use showroom_catalog::seams::Catalogue;
use showroom_catalog::{Query, Record};
use showroom_pipeline::{
    EvaluateError, EvaluateOptions, Evaluation, Expected, FolderSource, Parts, Question,
    Resampling, SkuFrom, Subject, Table, evaluate, ingest, read_questions, read_truth,
    silence_guarded_panics,
};
use showroom_store::LanceCatalogue;
use tokio::runtime::Runtime;

use self::manifest::RunManifest;
use crate::args::{BatchArg, Eval};
use crate::config::Config;
use crate::exit::Failure;
use crate::ingest::options_for;
use crate::progress::Bar;
use crate::search::push_photo;
use crate::table::{counted, print, print_json};
use crate::whole::write_whole;
use crate::{interrupt, wire};

/// `eval --json`, and `results.json`.
#[derive(Serialize)]
struct Results {
    manifest: RunManifest,
    /// Rows of the truth and of the questions that could not be used.
    problems: Vec<String>,
    /// Photos that `ingest` could not use.
    rejects: usize,
    results: Evaluation,
}

pub fn run(config: &Config, verb: &Eval) -> Result<(), Failure> {
    let files = Files::find(config, verb)?;
    let truth = read_truth(&files.truth).map_err(bad)?;
    let questions = files.questions.as_deref().map(read_questions);
    let questions = questions.transpose().map_err(bad)?;
    let options = EvaluateOptions {
        split: verb.split.clone().unwrap_or_default(),
        questions: verb.questions as usize,
        depth: verb.depth.into(),
        resampling: Resampling {
            seed: verb.seed,
            times: verb.resamples.into(),
        },
    };
    let asked = Asked {
        truth,
        questions,
        options,
    };
    silence_guarded_panics();
    let runtime = wire::runtime()?;
    let scratch = tempfile::tempdir()
        .map_err(|error| Failure::Other(format!("no temporary folder for a catalogue: {error}")))?;
    let config = &match &files.photos {
        None => config.clone(),
        Some(_) => Config {
            store: scratch.path().join("catalogue"),
            without: verb.without.clone(),
            ..config.clone()
        },
    };
    let bar = Bar::new(config);
    let results = measure(
        config,
        verb,
        &runtime,
        &bar,
        files.photos.as_deref(),
        &asked,
    );
    bar.finish();
    let results = results?;
    for problem in results
        .problems
        .iter()
        .chain(&results.results.left_out_questions)
    {
        config.say(problem);
    }
    if results.results.missing > 0 {
        let missing = counted(results.results.missing as u64, "row");
        let first = results.results.missing_files.join(", ");
        config.say(format!("{missing} of the truth without a photo: {first}"));
    }
    if let Some(folder) = &verb.output {
        keep(folder, &results)?;
    }
    match config.json {
        true => print_json(&results),
        false => print(show::text(&results)),
    }
}

/// What is measured against, and how.
struct Asked {
    truth: Table<Expected>,
    questions: Option<Table<Question>>,
    options: EvaluateOptions,
}

/// Where photos, truth and questions are.
struct Files {
    /// Photos to take in; `None` measures what is in the catalogue.
    photos: Option<PathBuf>,
    truth: PathBuf,
    questions: Option<PathBuf>,
}

impl Files {
    fn find(config: &Config, verb: &Eval) -> Result<Files, Failure> {
        let photos = verb.photos.as_ref().map(|path| {
            let fetched = config.cache.join("datasets").join(path);
            if !path.exists() && fetched.is_dir() {
                fetched
            } else {
                path.clone()
            }
        });
        let beside = |name: &str| {
            let path = photos.as_ref()?.join(name);
            path.is_file().then_some(path)
        };
        let truth = verb.truth.clone().or_else(|| beside("truth.csv"));
        let truth = truth.ok_or_else(|| {
            Failure::BadInput(
                "what is right? Name a CSV file with --truth: a line `file,item,label,category,\
                 colour`, then one a photo"
                    .into(),
            )
        })?;
        let questions = verb.queries.clone().or_else(|| beside("queries.csv"));
        Ok(Files {
            photos,
            truth,
            questions,
        })
    }
}

fn bad(error: impl ToString) -> Failure {
    Failure::BadInput(error.to_string())
}

/// Measures the catalogue, or a temporary one of `photos`.
fn measure(
    config: &Config,
    verb: &Eval,
    runtime: &Runtime,
    bar: &Bar,
    photos: Option<&Path>,
    asked: &Asked,
) -> Result<Results, Failure> {
    let cancel = interrupt::listen(runtime)?;
    let catalogue = match photos {
        Some(photos) => take_in(config, runtime, bar, photos, &cancel)?,
        None => runtime.block_on(wire::open_for_search(config, false))?,
    };
    let questions = match &asked.questions {
        Some(table) => table.rows.as_slice(),
        None => &[],
    };
    let words = match questions {
        [] => None,
        _ => Some(wire::text_query(config, catalogue.manifest())?),
    };
    let like = |record: &Record| {
        let mut query = Query {
            exclude_uris: vec![record.source.uri.clone()],
            exact: true,
            ..Query::default()
        };
        let (shape, colour) = (&record.vectors.shape, &record.vectors.colour);
        push_photo(
            &mut query,
            shape.clone(),
            colour.clone(),
            verb.colour_weight,
        );
        query
    };
    let subject = Subject {
        catalogue: &catalogue,
        words: words.as_deref(),
        like: &like,
    };
    let mut progress =
        |done: usize, all: usize| bar.show(done as u64, Some(all as u64), "searches");
    let evaluated = evaluate(
        subject,
        asked.truth.rows.clone(),
        questions,
        &asked.options,
        &cancel,
        &mut progress,
    );
    let results = runtime.block_on(evaluated)?;
    let stats = runtime.block_on(catalogue.stats())?;
    let mut problems = asked.truth.problems.clone();
    problems.extend(
        asked
            .questions
            .iter()
            .flat_map(|table| table.problems.clone()),
    );
    Ok(Results {
        manifest: RunManifest::of(config, verb, &catalogue, &results, asked)?,
        problems,
        rejects: stats.rejects,
        results,
    })
}

/// Takes the photos into a catalogue that is thrown away.
fn take_in(
    config: &Config,
    runtime: &Runtime,
    bar: &Bar,
    photos: &Path,
    cancel: &showroom_pipeline::Cancel,
) -> Result<LanceCatalogue, Failure> {
    let source = FolderSource::new(&[photos.to_path_buf()], SkuFrom::None)?;
    let models = wire::Ingest::open(config, BatchArg::Auto)?;
    config.say(&models.engine);
    let catalogue = runtime.block_on(wire::create_or_open(config, &models.manifest))?;
    let options = options_for(config, models.batch);
    let parts = Parts {
        source: &source,
        encoders: wire::Ingest::boxed_encoders(models.encoders),
        tagger: models.tagger.as_ref(),
        catalogue: &catalogue,
    };
    let done = ingest(parts, options, cancel, bar, runtime.handle())?;
    match done.interrupted {
        true => Err(Failure::Interrupted),
        false => Ok(catalogue),
    }
}

/// Writes the results, the manifest by itself, and both as a page, into a folder.
fn keep(folder: &Path, results: &Results) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| Failure::write(folder, &error))?;
    let json = |value: serde_json::Result<String>| {
        value.map_err(|error| Failure::Other(format!("the results are no JSON: {error}")))
    };
    let files = [
        ("results.json", json(serde_json::to_string_pretty(results))?),
        (
            "manifest.json",
            json(serde_json::to_string_pretty(&results.manifest))?,
        ),
        ("results.md", show::markdown(results)),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        write_whole(&path, |out| {
            writeln!(out, "{text}").map_err(|error| Failure::write(&path, &error))
        })?;
    }
    Ok(())
}

impl From<EvaluateError> for Failure {
    fn from(error: EvaluateError) -> Failure {
        match error {
            EvaluateError::Store(error) => error.into(),
            EvaluateError::Model(error) => error.into(),
            EvaluateError::NothingToMeasure(reason) => Failure::BadInput(reason),
            EvaluateError::Interrupted => Failure::Interrupted,
        }
    }
}
