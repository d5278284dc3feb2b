//! `showroom models ls | pull | add | verify | card`.

use showroom_vision::weights::{Library, Progress, State};

use crate::args::Models;
use crate::config::Config;
use crate::exit::Failure;
use crate::progress::Bar;
use crate::table::{human_bytes, print, print_json, table};
use crate::{add, wire};

pub fn run(config: &Config, verb: &Models) -> Result<(), Failure> {
    if let Models::Add(verb) = verb {
        return add::run(config, verb);
    }
    let library = wire::library(config)?;
    match verb {
        // Dealt with above: it works also where a models folder has nothing in it yet.
        Models::Add(_) => Ok(()),
        Models::Ls => ls(config, &library),
        Models::Pull { names, all } => pull(config, &library, &chosen(&library, names, *all)?),
        Models::Verify { names } => verify(config, &library, &chosen(&library, names, true)?),
        Models::Card { name } => print(library.model(name)?.card.trim_end()),
    }
}

/// The models named; where none is, all or those that the defaults need.
fn chosen(library: &Library, names: &[String], all: bool) -> Result<Vec<String>, Failure> {
    for name in names {
        library.model(name)?;
    }
    Ok(match (names, all) {
        ([], true) => library
            .models()
            .iter()
            .map(|model| model.manifest.name.clone())
            .collect(),
        ([], false) => wire::DEFAULT_MODELS.map(String::from).to_vec(),
        (names, _) => names.to_vec(),
    })
}

/// As people read it.
pub fn word(state: State) -> &'static str {
    match state {
        State::Cached => "here",
        State::Missing => "missing",
        State::Corrupt => "corrupt",
        State::NotForThisMachine => "not for this machine",
    }
}

fn ls(config: &Config, library: &Library) -> Result<(), Failure> {
    let listings = library.list();
    if config.json {
        return print_json(&listings);
    }
    let mut rows = table(&["NAME", "STATE", "SIZE", "LICENCE", "WHAT IT IS"]);
    for model in &listings {
        rows.add_row([
            &model.name,
            word(model.state),
            &human_bytes(model.bytes),
            &model.licence,
            &model.summary,
        ]);
    }
    print(rows)
}

fn pull(config: &Config, library: &Library, names: &[String]) -> Result<(), Failure> {
    let options = wire::pull_options(config);
    let mut done = Vec::new();
    for name in names {
        let bar = Bar::new(config);
        let result = library.pull(name, &options, &mut |event| {
            follow(config, &bar, name, &event)
        });
        bar.finish();
        let pulled = result?;
        done.push(serde_json::json!({
            "model": name, "fetched": pulled.fetched, "cached": pulled.cached,
        }));
        if !config.json {
            let files = match pulled.fetched {
                0 => "was here already".to_string(),
                _ => "fetched and checked".to_string(),
            };
            print(format!("{name}: {files}"))?;
        }
    }
    if config.json {
        print_json(&done)?;
    }
    Ok(())
}

fn follow(config: &Config, bar: &Bar, model: &str, event: &Progress<'_>) {
    match event {
        Progress::Asking { source, bytes, .. } => {
            config.say(format!("{model}: {} from {source}", human_bytes(*bytes)));
        }
        Progress::Received { bytes, .. } => {
            bar.show(*bytes, None, format!("bytes of {model}"));
        }
        Progress::Failed { source, reason, .. } => {
            config.say(format!("{model}: {source}: {reason}"))
        }
        Progress::Cached { .. } | Progress::Done { .. } => {}
    }
}

fn verify(config: &Config, library: &Library, names: &[String]) -> Result<(), Failure> {
    let mut verdicts = Vec::new();
    for name in names {
        verdicts.extend(library.verify(name)?);
    }
    if config.json {
        print_json(&verdicts)?;
    } else {
        let mut rows = table(&["MODEL", "FILE", "STATE"]);
        for verdict in &verdicts {
            rows.add_row([&verdict.model, &verdict.file, word(verdict.state)]);
        }
        print(rows)?;
    }
    let wrong = verdicts
        .iter()
        .filter_map(|verdict| verdict.problem.as_deref());
    let wrong: Vec<&str> = wrong.collect();
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Failure::Model(wrong.join("\n"))),
    }
}
