//! A shop's feed as a source of photos: a row a product, or several; a photo or several a row.
//!
//! A row without a SKU, or that cannot be read, is a reject under the name `FEED#row=N`; so is a
//! product without a photo. A photo that several products show has a row for each: the first under
//! its path, the others under [`uri_with_sku`]. Nothing of the feed is held in memory but sixteen
//! bytes a photo.

mod csv;
mod jsonl;
mod mapping;
mod survey;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use serde::Serialize;
use showroom_catalog::feed::{Row, Table};
use showroom_catalog::product::{etag_with_product, file_of, split_etag, uri_with_sku};
use showroom_catalog::seams::{FoundProduct, Source, SourceError};
use showroom_catalog::{AttributeValue, PhotoRef, Product, Reject, Stage};

pub use self::csv::CsvTable;
pub use jsonl::JsonTable;
pub use mapping::{Mapping, SHOPIFY};
pub use survey::{Column, Survey};

use crate::clock::now_ms;
use crate::folder::{FolderSource, SkuFrom, etag, reason_of, source_error, text_of};
use crate::sources::{fetch_photo, is_web};
use crate::web::Web;
use survey::{Plan, hash, survey};

/// Stands between a feed's path and the number of a row.
const ROW_MARK: &str = "#row=";
/// Photos without a product that are named one by one.
const MOST_NAMED: usize = 20;
/// Most photos of one row.
const MAX_IMAGES: usize = 200;
/// Version of whatever is at a web address: a shop gives a new photo a new address, as caches would
/// otherwise show the old one. So an address that is in the catalogue is not asked again.
const WEB_VERSION: &str = "web";

/// Whether a file of this name is a feed.
pub fn is_feed(path: &Path) -> bool {
    let ending = path
        .extension()
        .map(|e| e.to_string_lossy().to_ascii_lowercase());
    matches!(
        ending.as_deref(),
        Some("csv" | "tsv" | "jsonl" | "ndjson" | "parquet")
    )
}

/// The photos that a feed names.
pub struct FeedSource {
    table: Box<dyn Table>,
    plan: Plan,
    survey: Survey,
    /// What relative paths are relative to.
    image_root: PathBuf,
    /// Whether the user named it: then what it holds belongs to the feed.
    has_own_root: bool,
    /// What fetches photos at web addresses; without it they are rejects.
    web: Option<Web>,
}

/// Where a photo of a row is.
enum Place {
    File(PathBuf),
    /// An address in its one spelling.
    Web(String),
}

/// Photos below the image root that no row names.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Unclaimed {
    pub photos: u64,
    /// The first of them.
    pub first: Vec<String>,
}

impl FeedSource {
    /// Reads the feed once, to know its columns. `image_root` is the feed's own folder where none is
    /// given.
    pub fn new(
        table: Box<dyn Table>,
        mapping: &Mapping,
        image_root: Option<&Path>,
    ) -> Result<FeedSource, SourceError> {
        let (plan, survey) = survey(table.as_ref(), mapping)?;
        let own = Path::new(table.path()).parent().unwrap_or(Path::new("/"));
        let root = image_root.unwrap_or(own);
        let shown = root.display().to_string();
        let real = root.canonicalize().map_err(|e| source_error(shown, &e))?;
        Ok(FeedSource {
            table,
            plan,
            survey,
            image_root: real,
            has_own_root: image_root.is_some(),
            web: None,
        })
    }

    /// The same feed, with its photos at web addresses taken in.
    pub fn with_web(mut self, web: Option<Web>) -> FeedSource {
        self.web = web;
        self
    }

    pub fn survey(&self) -> &Survey {
        &self.survey
    }

    /// The photos below the image root that the feed does not name: products that were forgotten.
    /// `None` where the user named no image root, as the feed's folder may be any.
    pub fn unclaimed(&self) -> Result<Option<Unclaimed>, SourceError> {
        if !self.has_own_root {
            return Ok(None);
        }
        let mut named = HashSet::new();
        self.list(&mut |found| {
            let photo = found.unwrap_or_else(|reject| reject.source);
            named.insert(hash(file_of(&photo.uri)));
            true
        })?;
        let folder = FolderSource::new(&[&self.image_root], SkuFrom::None)?;
        let mut unclaimed = Unclaimed::default();
        folder.list(&mut |found| {
            if let Ok(photo) = found
                && !named.contains(&hash(&photo.uri))
            {
                unclaimed.photos += 1;
                if unclaimed.first.len() < MOST_NAMED {
                    unclaimed.first.push(photo.uri);
                }
            }
            true
        })?;
        Ok(Some(unclaimed))
    }

    fn note(&self, number: u64, sku: Option<String>, code: &str, reason: String) -> Reject {
        let uri = format!("{}{ROW_MARK}{number}", self.table.path());
        reject(
            uri,
            sku,
            code,
            format!("row {number} of the feed: {reason}"),
        )
    }

    /// Where a photo is that a row writes so. The error says why it is nowhere.
    fn place_of(&self, written: &str) -> Result<Place, String> {
        if is_web(written) {
            return match &self.web {
                Some(web) => web
                    .spell(written)
                    .map(Place::Web)
                    .map_err(|error| error.to_string()),
                None => Err("it is a web address, and --no-fetch forbids to fetch it".into()),
            };
        }
        let written = file_of(written.strip_prefix("file://").unwrap_or(written));
        if written.contains("://") {
            return Err("it is an address, and only http, https and paths are read".into());
        }
        self.path_of(written).map(Place::File)
    }

    fn path_of(&self, written: &str) -> Result<PathBuf, String> {
        let path = Path::new(written);
        let (root, rest) = match path.is_absolute() {
            false => (self.image_root.clone(), path),
            // As a folder's photos are named: their folder as it really is.
            true => match (
                path.parent().and_then(|p| p.canonicalize().ok()),
                path.file_name(),
            ) {
                (Some(folder), Some(name)) => (folder, Path::new(name)),
                _ => return Ok(path.to_path_buf()),
            },
        };
        if rest.components().any(|part| part == Component::ParentDir) {
            let full = root.join(rest);
            let folder = full.parent().and_then(|p| p.canonicalize().ok());
            return Ok(match (folder, full.file_name()) {
                (Some(folder), Some(name)) => folder.join(name),
                _ => full,
            });
        }
        let parts = rest
            .components()
            .filter(|part| matches!(part, Component::Normal(_)));
        Ok(parts.fold(root, |path, part| path.join(part)))
    }
}

fn reject(uri: String, sku: Option<String>, code: &str, reason: String) -> Reject {
    Reject {
        source: PhotoRef {
            uri,
            etag: String::new(),
            bytes: 0,
            sku,
        },
        stage: Stage::List,
        code: code.to_string(),
        reason,
        rejected_at_ms: now_ms(),
    }
}

/// A product whose rows follow each other.
struct Current {
    sku: String,
    group: Option<String>,
    product: Product,
    /// Version of SKU, title and attributes.
    version: String,
    first_row: u64,
    photos: usize,
}

impl Source for FeedSource {
    fn list(
        &self,
        found: &mut dyn FnMut(Result<PhotoRef, Reject>) -> bool,
    ) -> Result<(), SourceError> {
        self.list_products(&mut |one| found(one.map(|one| one.photo)))
    }

    fn list_products(
        &self,
        found: &mut dyn FnMut(Result<FoundProduct, Reject>) -> bool,
    ) -> Result<(), SourceError> {
        let mut reading = Reading {
            source: self,
            found,
            current: None,
            owners: HashMap::new(),
            keys: HashSet::new(),
        };
        let mut go_on = true;
        self.table.rows(&mut |row| {
            go_on = match row {
                Ok(row) => reading.row(row),
                Err(bad) => {
                    (reading.found)(Err(self.note(bad.number, None, "bad-row", bad.reason)))
                }
            };
            go_on
        })?;
        if go_on {
            reading.end();
        }
        Ok(())
    }

    fn fetch(&self, photo: &PhotoRef, max_bytes: u64) -> Result<Vec<u8>, SourceError> {
        fetch_photo(&photo.uri, self.web.as_ref(), max_bytes)
    }

    fn owns(&self, uri: &str, etag: &str) -> bool {
        split_etag(etag).1.is_some() || self.is_note(uri)
    }

    fn is_note(&self, uri: &str) -> bool {
        let rest = uri.strip_prefix(self.table.path());
        rest.is_some_and(|rest| rest.starts_with(ROW_MARK))
    }
}

/// One reading of the feed.
struct Reading<'a> {
    source: &'a FeedSource,
    found: &'a mut dyn FnMut(Result<FoundProduct, Reject>) -> bool,
    current: Option<Current>,
    /// Path → the first SKU that shows it, both as hashes.
    owners: HashMap<u64, u64>,
    /// Further keys that were given, as hashes.
    keys: HashSet<u64>,
}

impl Reading<'_> {
    /// Whether to go on.
    fn row(&mut self, row: Row) -> bool {
        let source = self.source;
        let plan = &source.plan;
        let group = row
            .cells
            .iter()
            .find(|(heading, _)| plan.roles.get(heading) == Some(&mapping::Role::Group))
            .map(|(_, cell)| survey::text(cell));
        let sku = plan.sku_of(&row).or_else(|| match (&self.current, &group) {
            (Some(current), Some(_)) if current.group == group => Some(current.sku.clone()),
            (_, group) => group.clone(),
        });
        let Some(sku) = sku else {
            let column = plan.sku.join(" or ");
            let reason = format!("it has no SKU; fill in {column}");
            return (self.found)(Err(source.note(row.number, None, "no-sku", reason)));
        };
        let number = row.number;
        let (product, images) = understand(plan, row);
        if self
            .current
            .as_ref()
            .is_none_or(|current| current.sku != sku)
        {
            if !self.end() {
                return false;
            }
            let version = version(&sku, &product);
            self.current = Some(Current {
                sku,
                group,
                product,
                version,
                first_row: number,
                photos: 0,
            });
        } else if let Some(current) = &mut self.current {
            // A further row of the same product: what it leaves empty stays as it was.
            current.product.title = product.title.or(current.product.title.take());
            current.product.attributes.extend(product.attributes);
            current.version = version(&current.sku, &current.product);
        }
        images.into_iter().all(|image| self.photo(&image, number))
    }

    fn photo(&mut self, written: &str, number: u64) -> bool {
        let Some(current) = &mut self.current else {
            return true;
        };
        current.photos += 1;
        let sku = Some(current.sku.clone());
        let place = match self.source.place_of(written) {
            Ok(place) => place,
            Err(reason) => {
                let reason = format!("{written}: {reason}");
                return (self.found)(Err(self.source.note(number, sku, "not-a-file", reason)));
            }
        };
        let is_on_web = matches!(place, Place::Web(_));
        let path = match place {
            Place::Web(address) => address,
            Place::File(path) => match text_of(&path) {
                Ok(path) => path,
                Err(_) => {
                    let reason = format!("{written}: its path is not UTF-8; rename it");
                    return (self.found)(Err(self.source.note(number, sku, "bad-name", reason)));
                }
            },
        };
        let owner = hash(&current.sku);
        let uri = match *self.owners.entry(hash(&path)).or_insert(owner) {
            first if first == owner => path.clone(),
            _ => uri_with_sku(&path, &current.sku),
        };
        // Named twice by one product: it is there once.
        if !self.keys.insert(hash(&uri)) {
            return true;
        }
        let version_and_bytes = match is_on_web {
            true => Ok((WEB_VERSION.to_string(), 0)),
            false => fs::metadata(&path).map(|file| (etag(&file), file.len())),
        };
        let found = match version_and_bytes {
            Ok((version, bytes)) => Ok(FoundProduct {
                photo: PhotoRef {
                    uri,
                    etag: etag_with_product(&version, &current.version),
                    bytes,
                    sku,
                },
                product: Some(current.product.clone()),
            }),
            Err(e) => {
                let reason = format!("row {number} of the feed names it: {}", reason_of(&e));
                let mut missing = reject(uri, sku, "not-found", reason);
                // So that it goes when the feed names the photo no more.
                missing.source.etag = etag_with_product("", &current.version);
                Err(missing)
            }
        };
        (self.found)(found)
    }

    /// The current product has no further row.
    fn end(&mut self) -> bool {
        match self.current.take() {
            Some(Current {
                sku,
                photos: 0,
                first_row,
                ..
            }) => {
                let reason = format!("{sku} has no photo; fill in its photo, or leave it out");
                (self.found)(Err(self.source.note(
                    first_row,
                    Some(sku),
                    "no-photo",
                    reason,
                )))
            }
            _ => true,
        }
    }
}

/// What a row says of its product, and the photos that it names.
fn understand(plan: &Plan, row: Row) -> (Product, Vec<String>) {
    use mapping::Role;
    let mut product = Product::default();
    let mut images = Vec::new();
    for (heading, cell) in row.cells {
        match plan.roles.get(&heading) {
            Some(Role::Title) => product.title = product.title.or(Some(survey::text(&cell))),
            Some(Role::Image) => images.extend(paths(cell)),
            Some(Role::Attribute(name, kind)) => {
                let kind = kind.or(plan.kinds.get(&heading).copied());
                let value =
                    survey::value(cell, kind.unwrap_or(showroom_catalog::AttributeKind::Text));
                product.attributes.entry(name.clone()).or_insert(value);
            }
            Some(Role::Sku | Role::Group | Role::Ignored) | None => {}
        }
    }
    images.truncate(MAX_IMAGES);
    (product, images)
}

/// The photos of one cell: a list, or a text with `|`, `;` or a line break between them, or with
/// commas where each part ends as a file does (a name may hold a comma).
fn paths(cell: showroom_catalog::feed::Cell) -> Vec<String> {
    use showroom_catalog::feed::Cell;
    let text = match cell {
        Cell::Value(AttributeValue::List(paths)) => return paths,
        Cell::Value(value) => value.to_string(),
        Cell::Untyped(text) => text,
    };
    if text.starts_with('[')
        && let Ok(list) = serde_json::from_str(&text)
    {
        return list;
    }
    if text.contains("://") {
        return addresses(&text);
    }
    let parts = |split: &[char]| -> Vec<String> {
        let parts = text.split(split).map(|part| part.trim().to_string());
        parts.filter(|part| !part.is_empty()).collect()
    };
    let by_comma = parts(&[',']);
    let each_ends = by_comma.iter().all(|part| {
        let extension = Path::new(part).extension();
        extension.is_some_and(|e| (2..=5).contains(&e.len()))
    });
    match by_comma.len() > 1 && each_ends {
        true => by_comma,
        false => parts(&['|', ';', '\n']),
    }
}

/// The photos of a cell with web addresses in it, which may hold commas and semicolons themselves: those
/// part it only where an address begins behind them.
fn addresses(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for piece in text.split(['|', '\n', '\r', '\t', ' ']) {
        let mut start = 0;
        for (at, _) in piece.match_indices([',', ';']) {
            if is_web(&piece[at + 1..]) {
                parts.push(piece[start..at].to_string());
                start = at + 1;
            }
        }
        parts.push(piece[start..].to_string());
    }
    let parts = parts
        .iter()
        .map(|part| part.trim().trim_end_matches([',', ';']).to_string());
    parts.filter(|part| !part.is_empty()).collect()
}

/// Changes whenever anything that is kept of the product does.
fn version(sku: &str, product: &Product) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut add = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    add(sku);
    add(product.title.as_deref().map_or("-", |_| "t"));
    add(product.title.as_deref().unwrap_or_default());
    for (name, value) in &product.attributes {
        add(name);
        add(value.kind().name());
        match value {
            AttributeValue::List(values) => {
                add(&values.len().to_string());
                values.iter().for_each(|value| add(value));
            }
            value => add(&value.to_string()),
        }
    }
    hasher.finalize().to_hex()[..16].to_string()
}
