//! `showroom labels learn`: words, folders or lists of examples → a label set.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use showroom_catalog::Record;
use showroom_catalog::label::LabelAt;
use showroom_catalog::seams::{Catalogue, Columns, Encoder, Source, Tagger, TextQuery};
use showroom_catalog::{Vectors, Verdict};
use showroom_pipeline::labels::{Judged, Who, gather};
use showroom_pipeline::{FolderSource, SkuFrom};
use showroom_store::{is_label_set_name, write_label_set};
use showroom_vision::labels::{LabelSet, LearnOptions, Phrasings, Spec, learn, read_truth};

use super::{decisions, failure, show};
use crate::args::labels::Learn;
use crate::config::Config;
use crate::exit::Failure;
use crate::table::{counted, plain};
use crate::whole::write_whole;
use crate::wire;

/// Sentences about examples that could not be used, shown at the most.
const MAX_PROBLEMS: usize = 20;

pub fn run(config: &Config, verb: &Learn) -> Result<(), Failure> {
    let name = name(verb)?;
    let (spec, mut judged) = read(config, &verb.spec)?;
    if let Some(path) = &verb.truth {
        judged.extend(truth(config, path, &spec)?);
    }
    judged.extend(decided(config, &spec)?);
    let runtime = wire::runtime()?;
    let catalogue = runtime.block_on(wire::open(config))?;
    let manifest = catalogue.manifest().clone();
    let mut files = FileEncoder {
        config,
        catalogue: &catalogue,
        models: None,
    };
    let found = gather(
        &catalogue,
        &judged,
        &mut |path| files.encode(path),
        runtime.handle(),
    )?;
    for problem in found.problems.iter().take(MAX_PROBLEMS) {
        config.say(plain(problem));
    }
    if found.problems.len() > MAX_PROBLEMS {
        let more = found.problems.len() - MAX_PROBLEMS;
        config.say(format!("and {more} more examples that could not be used"));
    }
    let mut query: Option<Box<dyn TextQuery>> = None;
    let phrasings = Phrasings::encode(&spec, &found.examples, |words| {
        let query = match &mut query {
            Some(query) => query,
            None => query.insert(wire::text_query(config, &manifest)?),
        };
        Ok::<_, Failure>(query.text_query(words)?)
    })?;
    config.say(format!(
        "learning from {}",
        counted(found.examples.len() as u64, "judged photo")
    ));
    let options = LearnOptions {
        name: name.clone(),
        encoder: manifest.encoder.clone(),
        accept_precision: verb.accept_precision,
    };
    let mut set = learn(&spec, &found.examples, &phrasings, &options)
        .map_err(|error| failure(&verb.spec, error))?;
    if let Some(mut unbanded) = set.unbanded() {
        runtime.block_on(
            catalogue.scan(None, Columns::All, &mut |records: Vec<Record>| {
                records
                    .iter()
                    .all(|record| unbanded.observe(&set, &record.vectors))
            }),
        )?;
        set = unbanded.settle(set);
    }
    let place = keep(config, verb, &name, &set)?;
    show::print_sets(config, std::slice::from_ref(&set))?;
    config.say(format!(
        "kept as {place}; `showroom labels apply` tags the catalogue with it"
    ));
    Ok(())
}

/// The name given, or that of the file or folder as far as it can be one.
fn name(verb: &Learn) -> Result<String, Failure> {
    let name = match &verb.name {
        Some(name) => name.clone(),
        None => {
            let full = fs::canonicalize(&verb.spec).unwrap_or_else(|_| verb.spec.clone());
            let stem = full.file_stem().unwrap_or_default().to_string_lossy();
            let fit = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
            stem.chars().take(64).map(fit).collect()
        }
    };
    if is_label_set_name(&name) {
        return Ok(name);
    }
    Err(Failure::Usage(format!(
        "{name:?} cannot be the name of a label set; take letters, digits, - and _ with --name"
    )))
}

fn keep(config: &Config, verb: &Learn, name: &str, set: &LabelSet) -> Result<String, Failure> {
    let Some(path) = &verb.output else {
        write_label_set(&config.store, name, &set.to_bytes())?;
        return Ok(name.to_string());
    };
    write_whole(path, |out| {
        out.write_all(&set.to_bytes())
            .map_err(|error| Failure::write(path, &error))
    })?;
    Ok(path.display().to_string())
}

/// The labels, and the examples that they come with.
fn read(config: &Config, path: &Path) -> Result<(Spec, Vec<Judged>), Failure> {
    if path.is_dir() {
        return folders(config, path);
    }
    let text = read_text(path)?;
    let is_toml = path
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("toml"));
    let spec = if is_toml {
        Spec::from_toml(&text)
    } else {
        Spec::from_text(&text)
    };
    let spec = spec.map_err(|error| failure(path, error))?;
    let mut judged = Vec::new();
    for at in spec.all() {
        let label = spec.label(at);
        let named = label.examples.iter().map(|key| (key, true));
        for (key, is_right) in named.chain(label.not.iter().map(|key| (key, false))) {
            judged.push(Judged {
                who: Who::Key(key.clone()),
                label: at,
                is_right,
                is_complete: is_right,
            });
        }
        if let Some(folder) = &label.folder {
            let folder = path.parent().unwrap_or(Path::new("")).join(folder);
            let photos = photos(config, &folder)?;
            judged.extend(photos.into_iter().map(|photo| example(photo, at)));
        }
    }
    Ok((spec, judged))
}

fn example(photo: PathBuf, label: LabelAt) -> Judged {
    Judged {
        who: Who::File(photo),
        label,
        is_right: true,
        is_complete: true,
    }
}

/// Photos below a folder. What cannot be listed is said.
fn photos(config: &Config, folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    FolderSource::new(&[folder], SkuFrom::Stem)?.list(&mut |photo| {
        match photo {
            Ok(photo) => found.push(PathBuf::from(photo.uri)),
            Err(reject) => {
                config.say(plain(&format!("{}: {}", reject.source.uri, reject.reason)));
            }
        }
        true
    })?;
    Ok(found)
}

/// GROUP/LABEL/photo, or LABEL/photo where the group is the folder itself.
fn folders(config: &Config, root: &Path) -> Result<(Spec, Vec<Judged>), Failure> {
    let root = fs::canonicalize(root)
        .map_err(|error| Failure::BadInput(format!("{}: {error}", root.display())))?;
    let own = root
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let mut found: Vec<(String, String, PathBuf)> = Vec::new();
    for photo in photos(config, &root)? {
        let below = photo.strip_prefix(&root).unwrap_or(&photo);
        let mut names: Vec<String> = below
            .components()
            .filter_map(|part| match part {
                Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
                _ => None,
            })
            .collect();
        names.pop();
        match <[String; 2]>::try_from(names.into_iter().take(2).collect::<Vec<_>>()) {
            Ok([group, label]) => found.push((group, label, photo)),
            Err(mut names) => match names.pop() {
                Some(label) => found.push((own.clone(), label, photo)),
                None => config.say(plain(&format!(
                    "{} is in no folder of a label and is passed over",
                    photo.display()
                ))),
            },
        }
    }
    let multi = groups_with_a_photo_twice(&found);
    let names = found
        .iter()
        .map(|(group, label, _)| (group.clone(), label.clone()));
    let spec = Spec::from_folders(names, |group| multi.contains(group))
        .map_err(|error| failure(&root, error))?;
    let mut judged = Vec::with_capacity(found.len());
    for (group, label, photo) in found {
        let id = format!("{group}/{label}");
        let at = spec.find(&id).map_err(Failure::Other)?;
        judged.push(example(photo, at));
    }
    Ok((spec, judged))
}

/// A photo that is in two folders of a group, as a copy or a link, has both labels. It is known by
/// its name and size.
fn groups_with_a_photo_twice(found: &[(String, String, PathBuf)]) -> BTreeSet<String> {
    let mut label_of: BTreeMap<(&str, String), &str> = BTreeMap::new();
    let mut multi = BTreeSet::new();
    for (group, label, photo) in found {
        let name = photo
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let size = fs::metadata(photo).map_or(0, |file| file.len());
        let known = label_of.insert((group, format!("{size} {name}")), label);
        if known.is_some_and(|known| known != label) {
            multi.insert(group.clone());
        }
    }
    multi
}

fn truth(config: &Config, path: &Path, spec: &Spec) -> Result<Vec<Judged>, Failure> {
    let rows = read_truth(&read_text(path)?).map_err(|error| failure(path, error))?;
    let mut judged = Vec::with_capacity(rows.len());
    let mut unknown = BTreeSet::new();
    for row in rows {
        match spec.find(&row.label) {
            Ok(label) => judged.push(Judged {
                who: Who::Key(row.key),
                label,
                is_right: row.is_right,
                is_complete: false,
            }),
            Err(reason) => {
                unknown.insert(reason);
            }
        }
    }
    for reason in unknown.iter().take(MAX_PROBLEMS) {
        config.say(plain(&format!("{}: {reason}", path.display())));
    }
    Ok(judged)
}

/// What people decided of these labels. It comes last, so that it counts.
fn decided(config: &Config, spec: &Spec) -> Result<Vec<Judged>, Failure> {
    let decisions = decisions(config)?;
    let mut judged: Vec<Judged> = decisions
        .iter()
        .filter_map(|(photo, label, verdict)| {
            let at = spec.all().find(|at| spec.id(*at) == label)?;
            Some(Judged {
                who: Who::Photo(photo),
                label: at,
                is_right: verdict == Verdict::Accept,
                is_complete: false,
            })
        })
        .collect();
    // A rejection says less than an acceptance, which in a group that excludes rejects the others.
    judged.sort_by_key(|judged| !judged.is_right);
    Ok(judged)
}

fn read_text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| Failure::BadInput(format!("{} cannot be read: {error}", path.display())))
}

/// Encodes example files that are not in the catalogue; loads its models for the first of them.
struct FileEncoder<'a> {
    config: &'a Config,
    catalogue: &'a dyn Catalogue,
    models: Option<(Box<dyn Encoder>, Box<dyn Tagger>)>,
}

impl FileEncoder<'_> {
    fn encode(&mut self, path: &Path) -> Result<Result<Vectors, String>, Failure> {
        let (encoder, tagger) = match &mut self.models {
            Some(models) => models,
            None => {
                let manifest = self.catalogue.manifest();
                let encoder = wire::query_encoder(self.config, manifest)?;
                let tagger = wire::tagger(self.config, manifest)?;
                self.models.insert((encoder, tagger))
            }
        };
        match wire::encode_file(encoder.as_mut(), path) {
            Ok(features) => {
                let mut text = tagger.tag(&features.classes, &features.colours).text;
                // Where pictures and words share a space, what a photo shows is what it is compared by.
                if text.is_empty() {
                    text.clone_from(&features.shape);
                }
                Ok(Ok(Vectors {
                    shape: features.shape,
                    colour: features.colour,
                    text,
                }))
            }
            Err(Failure::BadInput(reason)) => Ok(Err(reason)),
            Err(failure) => Err(failure),
        }
    }
}
