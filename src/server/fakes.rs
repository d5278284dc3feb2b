//! A catalogue and a decision log in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;
use showroom_catalog::decision::{DecisionLog, LogEntry};
use showroom_catalog::embedding::{Dimensions, dot};
use showroom_catalog::facets::Counter;
use showroom_catalog::filter::{Field, Value};
use showroom_catalog::manifest::{STORE_FORMAT, StoreManifest};
use showroom_catalog::query::{Hit, Hits};
use showroom_catalog::seams::*;
use showroom_catalog::*;

use crate::product::Pictures;

/// Rows by URI. Understands the filters that handlers make themselves, and `label = X`.
pub struct Memory {
    manifest: StoreManifest,
    rows: Mutex<BTreeMap<String, Record>>,
    version: AtomicU64,
    pub scans: AtomicUsize,
    /// Nothing can be written.
    pub is_full: AtomicBool,
}

impl Memory {
    pub fn new(records: Vec<Record>) -> Arc<Memory> {
        let dimensions = Dimensions {
            shape: 2,
            colour: 2,
            text: 2,
            classes: 0,
        };
        let by_uri = |record: Record| (record.source.uri.clone(), record);
        Arc::new(Memory {
            manifest: StoreManifest {
                format: STORE_FORMAT,
                encoder: "fake".into(),
                dimensions,
            },
            rows: Mutex::new(records.into_iter().map(by_uri).collect()),
            version: AtomicU64::new(1),
            scans: AtomicUsize::new(0),
            is_full: AtomicBool::new(false),
        })
    }

    pub fn row(&self, uri: &str) -> Record {
        self.rows.lock().unwrap()[uri].clone()
    }

    fn passing(&self, filter: Option<&Filter>) -> Vec<Record> {
        let rows = self.rows.lock().unwrap();
        rows.values()
            .filter(|row| filter.is_none_or(|filter| passes(filter, row)))
            .cloned()
            .collect()
    }
}

fn passes(filter: &Filter, row: &Record) -> bool {
    let is = |field: &Field, value: &Value| match (field, value) {
        (Field::Uri, Value::Word(uri)) => row.source.uri == *uri,
        (Field::Id, Value::Word(id)) => row.id.to_string() == *id,
        (Field::Label, Value::Word(name)) => row.labels.iter().any(|label| label.name == *name),
        other => panic!("the fake knows no filter {other:?}"),
    };
    match filter {
        Filter::OneOf(field, values) => values.iter().any(|value| is(field, value)),
        Filter::Compare(field, _, value) => is(field, value),
        other => panic!("the fake knows no filter {other}"),
    }
}

impl Catalogue for Memory {
    fn manifest(&self) -> &StoreManifest {
        &self.manifest
    }

    fn seen(&self) -> BoxFuture<'_, Result<HashMap<String, String>, StoreError>> {
        Box::pin(async { Ok(HashMap::new()) })
    }

    fn upsert(
        &self,
        records: Vec<Record>,
        _rejects: Vec<Reject>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        if self.is_full.load(Ordering::SeqCst) {
            return Box::pin(async { Err(StoreError::DiskFull { at: "x".into() }) });
        }
        self.version.fetch_add(1, Ordering::SeqCst);
        let mut rows = self.rows.lock().unwrap();
        for record in records {
            assert!(
                !record.vectors.shape.is_empty(),
                "a row without its vectors"
            );
            rows.insert(record.source.uri.clone(), record);
        }
        Box::pin(async { Ok(()) })
    }

    fn get<'a>(
        &'a self,
        key: &'a str,
        _columns: Columns,
    ) -> BoxFuture<'a, Result<Vec<Record>, StoreError>> {
        let mut found = self.passing(None);
        found.retain(|row| {
            let id = row.id.to_string();
            row.source.uri == key || row.source.sku.as_deref() == Some(key) || id == key
        });
        Box::pin(async { Ok(found) })
    }

    fn search(&self, query: Query) -> BoxFuture<'_, Result<Hits, StoreError>> {
        let rows = self.passing(query.filter.as_ref());
        let mut counter = Counter::default();
        rows.iter().for_each(|row| counter.add(row));
        let score = |row: &Record| -> f32 {
            let parts = query.parts.iter();
            parts
                .map(|part| dot(&part.vector, row.vectors.get(part.on)))
                .sum::<f32>()
                / 2.0
        };
        let rows = rows.into_iter();
        let mut hits: Vec<Hit> = rows
            .filter(|row| !query.exclude_uris.contains(&row.source.uri))
            .map(|record| Hit {
                score: score(&record),
                record,
                why: vec![],
                title: None,
            })
            .collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score));
        hits.truncate(query.k);
        let facets = query.facets.then(|| counter.finish());
        Box::pin(async {
            Ok(Hits {
                hits,
                exact: true,
                facets,
            })
        })
    }

    fn scan<'a>(
        &'a self,
        filter: Option<Filter>,
        columns: Columns,
        each: &'a mut (dyn FnMut(Vec<Record>) -> bool + Send),
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.scans
            .fetch_add(usize::from(filter.is_none()), Ordering::SeqCst);
        let mut rows = self.passing(filter.as_ref());
        if columns == Columns::Tags {
            rows.iter_mut()
                .for_each(|row| row.vectors = Vectors::default());
        }
        Box::pin(async move {
            for some in rows.chunks(2) {
                if !each(some.to_vec()) {
                    break;
                }
            }
            Ok(())
        })
    }

    fn delete<'a>(&'a self, uris: &'a [String]) -> BoxFuture<'a, Result<usize, StoreError>> {
        self.version.fetch_add(1, Ordering::SeqCst);
        let mut rows = self.rows.lock().unwrap();
        let gone = uris
            .iter()
            .filter(|uri| rows.remove(*uri).is_some())
            .count();
        Box::pin(async move { Ok(gone) })
    }

    fn rejects(&self) -> BoxFuture<'_, Result<Vec<Reject>, StoreError>> {
        Box::pin(async { Ok(vec![]) })
    }

    fn stats(&self) -> BoxFuture<'_, Result<Stats, StoreError>> {
        let photos = self.rows.lock().unwrap().len();
        Box::pin(async move {
            Ok(Stats {
                photos,
                rejects: 0,
                categorised: 0,
                bytes_on_disk: 0,
                table_version: self.version.load(Ordering::SeqCst),
                fragments: 1,
                indices: vec![],
                manifest: self.manifest.clone(),
            })
        })
    }

    fn build_index(&self) -> BoxFuture<'_, Result<Stats, StoreError>> {
        self.stats()
    }

    fn compact(&self) -> BoxFuture<'_, Result<Stats, StoreError>> {
        self.stats()
    }

    fn verify(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        Box::pin(async { Ok(vec![]) })
    }
}

/// A log in memory; full where `full` is set.
#[derive(Default)]
pub struct Log {
    pub entries: Mutex<Vec<LogEntry>>,
    pub full: Mutex<bool>,
}

impl DecisionStore for Log {
    fn read(&self) -> Result<DecisionLog, StoreError> {
        Ok(DecisionLog {
            entries: self.entries.lock().unwrap().clone(),
            problems: vec![],
        })
    }

    fn append(&self, entries: &[LogEntry]) -> Result<(), StoreError> {
        if *self.full.lock().unwrap() {
            return Err(StoreError::DiskFull { at: "x".into() });
        }
        self.entries.lock().unwrap().extend_from_slice(entries);
        Ok(())
    }
}

pub fn pictures() -> Pictures {
    Arc::new(|record| json!({ "src": format!("/images/{}", record.id) }))
}

/// A label that is to be reviewed, with this probability where it is calibrated.
pub fn label(id: &str, score: f32, calibrated: Option<f32>) -> Tag {
    Tag {
        id: id.into(),
        name: id.rsplit('/').next().unwrap_or(id).into(),
        score,
        calibrated,
        decision: Decision::Review,
        source: "classes".into(),
        model: "m".into(),
    }
}

pub fn category(id: &str, score: f32) -> Category {
    Category {
        id: id.into(),
        name: format!("Name of {id}"),
        path: vec![format!("Name of {id}")],
        score,
        model: "m".into(),
    }
}

/// A photo `/p/NAME` whose shape lies at this angle, surely of the category `aa-1` and without labels.
pub fn photo(name: &str, sku: Option<&str>, number: u8) -> Record {
    let angle = f32::from(number) * 0.1;
    let vector = vec![angle.cos(), angle.sin()];
    Record {
        id: PhotoId([number; 32]),
        source: PhotoRef {
            uri: format!("/p/{name}"),
            etag: "1".into(),
            bytes: 1,
            sku: sku.map(Into::into),
        },
        title: None,
        attributes: Attributes::new(),
        facts: Facts {
            width: 10,
            height: 10,
            bytes: 1,
            format: Format::Jpeg,
            sharpness: 1.0,
            brightness: 0.5,
            clipped_dark: 0.0,
            clipped_bright: 0.0,
            border_white: 0.0,
            border_uniform: 0.0,
            transparent: 0.0,
            product_share: 0.5,
            phash: u64::MAX << (number % 64),
        },
        category: Some(category("aa-1", 0.9)),
        colours: vec![],
        labels: vec![],
        classes: vec![],
        vectors: Vectors {
            shape: vector.clone(),
            colour: vector.clone(),
            text: vector,
        },
        tagger: "m".into(),
        ingested_at_ms: 0,
    }
}
