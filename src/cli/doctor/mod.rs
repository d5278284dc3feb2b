//! `showroom doctor`: what is here, what is missing, and the command that mends it.

mod machine;

use serde::Serialize;
use showroom_catalog::manifest::STORE_FORMAT;
use showroom_catalog::seams::{Catalogue, StoreError};
use showroom_vision::engines::EngineWish;
use showroom_vision::weights::{Library, State};

use crate::config::Config;
use crate::exit::Failure;
use crate::table::{counted, human_bytes, print, print_json};
use crate::wire;

/// How one thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Health {
    /// As it should be.
    Ok,
    /// Works without; better with.
    Warn,
    /// Does not work without.
    Missing,
}

/// One line of the answer, and one object of the JSON.
#[derive(Debug, Serialize)]
struct Check {
    /// `showroom`, `cpu`, `device`, `engine`, `model`, `store`, `disk`, `client`.
    area: &'static str,
    name: String,
    state: Health,
    found: String,
    /// The command that mends it, where something is to mend.
    mend: Option<String>,
}

/// `doctor --json`.
#[derive(Serialize)]
struct Answer<'a> {
    /// Whether everything that is needed is here.
    ok: bool,
    checks: &'a [Check],
}

impl Check {
    fn ok(area: &'static str, name: impl Into<String>, found: impl Into<String>) -> Check {
        Check {
            area,
            name: name.into(),
            state: Health::Ok,
            found: found.into(),
            mend: None,
        }
    }

    fn warn(self, mend: impl Into<String>) -> Check {
        let mend = Some(mend.into());
        Check {
            state: Health::Warn,
            mend,
            ..self
        }
    }

    fn missing(self, mend: impl Into<String>) -> Check {
        let mend = Some(mend.into());
        Check {
            state: Health::Missing,
            mend,
            ..self
        }
    }
}

pub fn run(config: &Config) -> Result<(), Failure> {
    let library = wire::library(config)?;
    let mut checks = vec![Check::ok(
        "showroom",
        "showroom",
        format!("{}, store format {STORE_FORMAT}", env!("CARGO_PKG_VERSION")),
    )];
    checks.extend(machine::checks(config));
    checks.push(engine(config, &library));
    let (models, model_failure) = models(&library);
    checks.extend(models);
    let (store, store_failure) = store(config)?;
    checks.push(store);
    checks.push(machine::disk("disk of the catalogue", &config.store));
    checks.push(machine::disk("disk of the models", &config.cache));
    checks.extend(machine::clients());
    let failure = store_failure.or(model_failure);
    if config.json {
        print_json(&Answer {
            ok: failure.is_none(),
            checks: &checks,
        })?;
    } else {
        print(lines(&checks))?;
    }
    failure.map_or(Ok(()), Err)
}

fn lines(checks: &[Check]) -> String {
    let width = checks
        .iter()
        .map(|check| check.name.chars().count())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for check in checks {
        let state = match check.state {
            Health::Ok => "ok",
            Health::Warn => "warn",
            Health::Missing => "MISSING",
        };
        text += &format!("{state:<8} {:<width$}  {}\n", check.name, check.found);
        if let Some(mend) = &check.mend {
            text += &format!("{:<8} {:<width$}  -> {mend}\n", "", "");
        }
    }
    text.trim_end().to_string()
}

/// The models that the defaults need. The failure is that one of them is not right.
fn models(library: &Library) -> (Vec<Check>, Option<Failure>) {
    let mut checks = Vec::new();
    let mut wrong = Vec::new();
    for listing in library.list() {
        let name = listing.name.as_str();
        let needed = wire::DEFAULT_MODELS.contains(&name);
        // Sizes of all, hashes of those that the next run loads.
        let state = match (needed, library.verify(name)) {
            (true, Ok(verdicts)) => worst(verdicts.iter().map(|verdict| verdict.state)),
            (true, Err(_)) => State::Corrupt,
            (false, _) => listing.state,
        };
        let size = human_bytes(listing.bytes);
        let here = format!("here, {size}, {}", listing.licence);
        let check = |found: &str| Check::ok("model", name, found);
        let pull = format!("showroom models pull {name}");
        // Without the library the models run on burn, slower.
        let optional = !needed || listing.name == wire::ONNXRUNTIME;
        checks.push(match state {
            State::Cached => check(&here),
            State::NotForThisMachine => check("there is none for this machine"),
            State::Missing if !needed => check(&format!("not here, {size}; optional")),
            State::Missing if optional => check("not here").warn(pull),
            State::Corrupt if optional => check("corrupt").warn(pull),
            State::Missing => check("not here").missing(pull),
            State::Corrupt => check("corrupt").missing(pull),
        });
        if checks
            .last()
            .is_some_and(|check| check.state == Health::Missing)
        {
            wrong.push(listing.name);
        }
    }
    let failure = (!wrong.is_empty()).then(|| {
        let names = wrong.join(", ");
        Failure::Model(format!(
            "not here or corrupt: {names}; run: showroom models pull"
        ))
    });
    (checks, failure)
}

fn worst(states: impl Iterator<Item = State>) -> State {
    let states: Vec<State> = states.collect();
    [State::Corrupt, State::Missing, State::Cached]
        .into_iter()
        .find(|state| states.contains(state))
        .unwrap_or(State::NotForThisMachine)
}

/// The device and engine that a bulk run would take, and why.
fn engine(config: &Config, library: &Library) -> Check {
    let wished = format!(
        "--device {}, --engine {}",
        config.wishes.device,
        match config.wishes.engine {
            EngineWish::Auto => "auto",
            EngineWish::OnnxRuntime => "onnxruntime",
            EngineWish::Burn => "burn",
        }
    );
    match wire::engine(config, library, wire::Work::Bulk) {
        Ok(taken) => {
            let check = Check::ok("engine", "engine", format!("{} ({wished})", taken.engine()));
            match taken
                .notes()
                .iter()
                .find(|note| note.contains("onnxruntime"))
            {
                Some(note) => Check {
                    found: format!("{}; {note}", check.found),
                    ..check
                }
                .warn("showroom models pull onnxruntime"),
                None => check,
            }
        }
        Err(failure @ Failure::Device(_)) => {
            Check::ok("engine", "engine", failure.to_string()).missing("--device cpu")
        }
        Err(failure) => Check::ok("engine", "engine", failure.to_string())
            .missing("showroom models pull onnxruntime"),
    }
}

/// The catalogue, opened and counted. The failure is that it is damaged.
fn store(config: &Config) -> Result<(Check, Option<Failure>), Failure> {
    let at = config.store.display().to_string();
    let result = wire::runtime()?.block_on(async {
        let catalogue = wire::open(config).await?;
        catalogue.stats().await
    });
    let check = |found: String| Check::ok("store", "catalogue", found);
    Ok(match result {
        Ok(stats) => {
            let writer = if showroom_store::is_being_written(&config.store) {
                "; a run is writing to it"
            } else {
                ""
            };
            let found = format!(
                "{at}: {}, {}, {}, encoder {}{writer}",
                counted(stats.photos as u64, "photo"),
                counted(stats.rejects as u64, "reject"),
                human_bytes(stats.bytes_on_disk),
                stats.manifest.encoder
            );
            (check(found), None)
        }
        Err(StoreError::NotFound { .. }) => {
            let make = "showroom ingest PATH";
            (check(format!("{at}: there is none yet")).warn(make), None)
        }
        Err(error) => {
            let again = format!("mv {at} {at}.old && showroom ingest PATH");
            (check(error.to_string()).missing(again), Some(error.into()))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_says_its_state_and_what_mends_it() {
        let checks = [
            Check::ok("cpu", "CPU", "2 cores"),
            Check::ok("model", "u2netp", "not here").missing("showroom models pull u2netp"),
        ];
        assert_eq!(
            lines(&checks),
            "ok       CPU     2 cores\n\
             MISSING  u2netp  not here\n\
             \x20                -> showroom models pull u2netp"
        );
    }

    #[test]
    fn one_bad_file_makes_the_model_bad() {
        use State::{Cached, Corrupt, Missing, NotForThisMachine};
        assert_eq!(worst([Cached, Missing, Corrupt].into_iter()), Corrupt);
        assert_eq!(worst([Cached, Missing].into_iter()), Missing);
        assert_eq!(worst([Cached].into_iter()), Cached);
        assert_eq!(worst(std::iter::empty()), NotForThisMachine);
    }
}
