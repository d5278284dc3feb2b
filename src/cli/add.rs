//! `showroom models add`: a checkpoint as the hub has it becomes a model here.

use std::fs;
use std::path::Path;

use showroom_vision::encoder::self_check;
use showroom_vision::models::pair::adopt::{Adopted, FILES, OPTIONAL, Origin, PREPROCESSOR};
use showroom_vision::weights::{PullOptions, fetch_repository};

use crate::args::Add;
use crate::config::Config;
use crate::exit::Failure;
use crate::table::{print, print_json};
use crate::wire;

pub fn run(config: &Config, verb: &Add) -> Result<(), Failure> {
    let known = wire::library(config);
    if let Ok(known) = &known
        && known
            .model(&verb.name)
            .is_ok_and(|model| model.folder.is_none())
    {
        return Err(Failure::Usage(format!(
            "{} is a built-in model; choose another name",
            verb.name
        )));
    }
    let options = wire::pull_options(config);
    match (&verb.path, &verb.hub) {
        (Some(folder), _) => adopt(config, verb, &options, folder, &Origin::Folder),
        (None, Some(hub)) => {
            let fetched = tempfile::tempdir()
                .map_err(|error| Failure::Other(format!("no temporary folder: {error}")))?;
            let mut needed = FILES.map(|(_, file)| file).to_vec();
            needed.push(PREPROCESSOR);
            // The weights last: what cannot be used shows in the small files.
            needed.reverse();
            config.say(format!(
                "{}: from the hub's {hub} at {}",
                verb.name, verb.revision
            ));
            let repository = (hub.as_str(), verb.revision.as_str());
            fetch_repository(&options, repository, &needed, &OPTIONAL, fetched.path())?;
            let origin = Origin::Hub {
                hub: hub.clone(),
                revision: verb.revision.clone(),
            };
            adopt(config, verb, &options, fetched.path(), &origin)
        }
        (None, None) => Err(Failure::Usage("name --hub or --path".into())),
    }
}

fn adopt(
    config: &Config,
    verb: &Add,
    options: &PullOptions,
    folder: &Path,
    origin: &Origin,
) -> Result<(), Failure> {
    let mut adopted = Adopted::of(folder, &verb.name, origin)?;
    let models = wire::added_models(config);
    let written = adopted.write(&models)?;
    let prepared = prepare(config, verb, options, &mut adopted).and_then(|()| {
        adopted.forget_folder();
        Ok(adopted.write(&models)?)
    });
    if let Err(failure) = prepared {
        // What cannot be used is no model: its manifest would only fail later. Its own error counts.
        let _ = fs::remove_dir_all(&written);
        return Err(failure);
    }
    let licence = &adopted.manifest.licence.spdx;
    let name = &verb.name;
    if config.json {
        return print_json(&serde_json::json!({
            "model": name, "folder": written, "licence": licence,
            "dimensions": adopted.manifest.outputs.first().map(|output| output.dimensions),
        }));
    }
    print(format!(
        "{name}: added, its licence {licence} is yours to check (showroom models card {name}); use it with \
         --encoder {name}"
    ))
}

/// Takes the files into the cache, and lets the model answer once, to be compared with later.
fn prepare(
    config: &Config,
    verb: &Add,
    options: &PullOptions,
    adopted: &mut Adopted,
) -> Result<(), Failure> {
    let library = wire::library(config)?;
    library.pull(&verb.name, options, &mut |_| {})?;
    let engine = wire::engine(config, &library, wire::Work::Question)?;
    adopted.manifest.check = Some(self_check(&library, &verb.name, engine.engine())?);
    Ok(())
}
