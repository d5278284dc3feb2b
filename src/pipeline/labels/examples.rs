//! Judgements by name or by file → examples with the vectors that the catalogue keeps.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use showroom_catalog::label::{Example, LabelAt};
use showroom_catalog::seams::{Catalogue, Columns, Source, StoreError};
use showroom_catalog::{PhotoId, PhotoRef, Record, Vectors};
use showroom_pixels::photo_id;
use tokio::runtime::Handle;

use crate::folder::{FolderSource, SkuFrom};

/// Most photos of which vectors are held.
const MAX_EXAMPLES: usize = 20_000;
/// Digits of an id that may stand for it, at the least.
const ID_DIGITS: usize = 8;
/// Largest example file that is read, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// Which photos a judgement is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// SKU, id (or its first 8 or more digits) or URI of photos of the catalogue.
    Key(String),
    Photo(PhotoId),
    /// A file that need not be in the catalogue.
    File(PathBuf),
}

/// What somebody said of a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    pub who: Who,
    pub label: LabelAt,
    pub is_right: bool,
    /// Whether the labels that are not judged are wrong too; see [`Example::is_complete`].
    pub is_complete: bool,
}

/// What [`gather`] found.
#[derive(Debug, Default)]
pub struct Gathered {
    /// In the order of their ids.
    pub examples: Vec<Example>,
    /// A sentence about each judgement that could not be used.
    pub problems: Vec<String>,
}

/// Encodes a file; the inner error is about that photo alone.
pub type Encode<'a, E> = dyn FnMut(&Path) -> Result<Result<Vectors, String>, E> + 'a;

/// Finds the photos that were judged. The vectors of a file whose bytes are in the catalogue are the
/// catalogue's; of any other `encode` is asked, whose inner error is about that photo alone.
///
/// Where a photo is judged more than once, the judgements stand in the order of `judged`.
pub fn gather<E: From<StoreError>>(
    catalogue: &dyn Catalogue,
    judged: &[Judged],
    encode: &mut Encode<'_, E>,
    runtime: &Handle,
) -> Result<Gathered, E> {
    let mut found = Found::default();
    let files = found.read_files(judged);
    let wanted = Wanted::new(judged, &files);
    let mut places: HashMap<usize, Vec<PhotoId>> = HashMap::new();
    runtime.block_on(
        catalogue.scan(None, Columns::All, &mut |records: Vec<Record>| {
            for record in records {
                for at in wanted.of(&record) {
                    places.entry(at).or_default().push(record.id);
                    found.add(&record);
                }
            }
            true
        }),
    )?;
    for (at, judgement) in judged.iter().enumerate() {
        let path = match &judgement.who {
            Who::File(path) => path,
            Who::Key(key) if !places.contains_key(&at) => {
                let problem = format!("no photo of the catalogue is {key:?}");
                found.problems.push(problem);
                continue;
            }
            // A photo that was judged once may have left the catalogue since.
            Who::Key(_) | Who::Photo(_) => continue,
        };
        let Some((id, source)) = files.get(path) else {
            continue;
        };
        if !found.photos.contains_key(id) && found.photos.len() < MAX_EXAMPLES {
            match encode(path)? {
                Ok(vectors) => found.put(*id, item(source, *id), vectors),
                Err(reason) => {
                    found.problems.push(reason);
                    continue;
                }
            }
        }
        places.insert(at, vec![*id]);
    }
    for (at, judgement) in judged.iter().enumerate() {
        for id in places.get(&at).into_iter().flatten() {
            if let Some(example) = found.photos.get_mut(id) {
                example.judged.push((judgement.label, judgement.is_right));
                example.is_complete |= judgement.is_complete && judgement.is_right;
            }
        }
    }
    if found.is_full {
        found
            .problems
            .push(format!("only {MAX_EXAMPLES} examples are used"));
    }
    found.problems.dedup();
    Ok(Gathered {
        examples: found.photos.into_values().collect(),
        problems: found.problems,
    })
}

/// The photo of a product in a folder, as `ingest` would name it.
fn item(source: &PhotoRef, id: PhotoId) -> String {
    source.sku.clone().unwrap_or_else(|| id.to_string())
}

#[derive(Default)]
struct Found {
    photos: BTreeMap<PhotoId, Example>,
    problems: Vec<String>,
    is_full: bool,
}

impl Found {
    fn add(&mut self, record: &Record) {
        if !self.photos.contains_key(&record.id) {
            let item = item(&record.source, record.id);
            self.put(record.id, item, record.vectors.clone());
        }
    }

    fn put(&mut self, id: PhotoId, item: String, vectors: Vectors) {
        if self.photos.len() == MAX_EXAMPLES {
            self.is_full = true;
            return;
        }
        let example = Example {
            id,
            item,
            vectors,
            judged: Vec::new(),
            is_complete: false,
        };
        self.photos.insert(id, example);
    }

    /// The id and name of each file that can be read.
    fn read_files(&mut self, judged: &[Judged]) -> HashMap<PathBuf, (PhotoId, PhotoRef)> {
        let mut files = HashMap::new();
        let mut seen = HashSet::new();
        for judgement in judged {
            let Who::File(path) = &judgement.who else {
                continue;
            };
            if !seen.insert(path) {
                continue;
            }
            match read_file(path) {
                Ok(file) => {
                    files.insert(path.clone(), file);
                }
                Err(reason) => self.problems.push(reason),
            }
        }
        files
    }
}

fn read_file(path: &Path) -> Result<(PhotoId, PhotoRef), String> {
    let source = FolderSource::new(&[path], SkuFrom::Stem).map_err(|error| error.to_string())?;
    let mut listed = None;
    let list = source.list(&mut |photo| {
        listed = Some(photo);
        false
    });
    list.map_err(|error| error.to_string())?;
    match listed {
        Some(Ok(photo)) => {
            let bytes = source
                .fetch(&photo, MAX_BYTES)
                .map_err(|error| error.to_string())?;
            Ok((photo_id(&bytes), photo))
        }
        Some(Err(reject)) => Err(format!("{}: {}", reject.source.uri, reject.reason)),
        None => Err(format!("{} is no photo", path.display())),
    }
}

/// Numbers of the judgements by what they name.
struct Wanted<'a> {
    by_key: HashMap<&'a str, Vec<usize>>,
    by_id: HashMap<PhotoId, Vec<usize>>,
    /// By the first digits of an id, each with the digits that were given.
    by_digits: HashMap<String, Vec<(String, usize)>>,
}

impl<'a> Wanted<'a> {
    fn new(judged: &'a [Judged], files: &HashMap<PathBuf, (PhotoId, PhotoRef)>) -> Wanted<'a> {
        let mut wanted = Wanted {
            by_key: HashMap::new(),
            by_id: HashMap::new(),
            by_digits: HashMap::new(),
        };
        for (at, judgement) in judged.iter().enumerate() {
            match &judgement.who {
                Who::Photo(id) => wanted.by_id.entry(*id).or_default().push(at),
                Who::File(path) => {
                    if let Some((id, _)) = files.get(path) {
                        wanted.by_id.entry(*id).or_default().push(at);
                    }
                }
                Who::Key(key) => {
                    wanted.by_key.entry(key).or_default().push(at);
                    let digits = key.to_ascii_lowercase();
                    if digits.len() >= ID_DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                        let first = digits[..ID_DIGITS].to_string();
                        wanted
                            .by_digits
                            .entry(first)
                            .or_default()
                            .push((digits, at));
                    }
                }
            }
        }
        wanted
    }

    /// The judgements that are about this row, each once.
    fn of(&self, record: &Record) -> Vec<usize> {
        let source = &record.source;
        let mut found: Vec<usize> = Vec::new();
        let named = [Some(source.uri.as_str()), source.sku.as_deref()];
        for key in named.into_iter().flatten() {
            found.extend(self.by_key.get(key).into_iter().flatten());
        }
        found.extend(self.by_id.get(&record.id).into_iter().flatten());
        if !self.by_digits.is_empty() {
            let id = record.id.to_string();
            let such = self.by_digits.get(&id[..ID_DIGITS]).into_iter().flatten();
            found.extend(
                such.filter(|(digits, _)| id.starts_with(digits))
                    .map(|(_, at)| *at),
            );
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}
