//! A catalogue in memory, models that are made up, a source that counts, and small photos.

use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use showroom_catalog::embedding::{Dimensions, dot};
use showroom_catalog::filter::{Field, Value};
use showroom_catalog::manifest::{STORE_FORMAT, StoreManifest};
use showroom_catalog::query::{Hit, Hits};
use showroom_catalog::seams::*;
use showroom_catalog::{
    Colour, Decision, Filter, Photo, PhotoRef, Query, Record, Reject, Tag, VectorName,
};
use showroom_pipeline::*;
use tokio::runtime::{Builder, Runtime};

pub const ENCODER: &str = "fake-encoder";
const DIMENSIONS: Dimensions = Dimensions {
    shape: 4,
    colour: 2,
    text: 3,
    classes: 5,
};

pub fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// A PNG of 6×4 pixels in one colour.
pub fn png(colour: [u8; 3]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image::RgbImage::from_pixel(6, 4, image::Rgb(colour))
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

/// Writes a file and the folders above it; its absolute path.
pub fn put(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path.canonicalize().unwrap().to_str().unwrap().to_string()
}

/// `p000.png`, `p001.png`, …, each in a colour of its own.
pub fn put_photos(folder: &Path, count: usize) {
    for i in 0..count {
        put(folder, &format!("p{i:03}.png"), &png([i as u8, 100, 200]));
    }
}

/// Rows and rejects in memory. Checks what the pipeline promises to every catalogue.
pub struct Memory {
    manifest: StoreManifest,
    inner: Mutex<Inner>,
    upserts: AtomicUsize,
    /// The upsert with this number (from 0), and each after it, finds the disk full.
    pub full_from: AtomicUsize,
}

#[derive(Default)]
struct Inner {
    records: BTreeMap<String, Record>,
    rejects: BTreeMap<String, Reject>,
}

impl Memory {
    pub fn new() -> Memory {
        Memory {
            manifest: StoreManifest {
                format: STORE_FORMAT,
                encoder: ENCODER.to_string(),
                dimensions: DIMENSIONS,
            },
            inner: Mutex::default(),
            upserts: AtomicUsize::new(0),
            full_from: AtomicUsize::new(usize::MAX),
        }
    }

    pub fn records(&self) -> Vec<Record> {
        self.inner
            .lock()
            .unwrap()
            .records
            .values()
            .cloned()
            .collect()
    }

    pub fn record(&self, uri: &str) -> Record {
        self.inner.lock().unwrap().records[uri].clone()
    }

    pub fn rejected(&self) -> Vec<Reject> {
        self.inner
            .lock()
            .unwrap()
            .rejects
            .values()
            .cloned()
            .collect()
    }

    /// `stage code` of the reject of this URI.
    pub fn reject_of(&self, uri: &str) -> String {
        let inner = self.inner.lock().unwrap();
        let reject = &inner.rejects[uri];
        format!("{} {}", reject.stage.name(), reject.code)
    }

    pub fn upserts(&self) -> usize {
        self.upserts.load(SeqCst)
    }
}

impl Catalogue for Memory {
    fn manifest(&self) -> &StoreManifest {
        &self.manifest
    }

    fn seen(&self) -> BoxFuture<'_, Result<HashMap<String, String>, StoreError>> {
        let inner = self.inner.lock().unwrap();
        let photos = inner.records.values().map(|record| &record.source);
        let rejects = inner.rejects.values().map(|reject| &reject.source);
        let seen = photos
            .chain(rejects)
            .map(|s| (s.uri.clone(), s.etag.clone()))
            .collect();
        Box::pin(async { Ok(seen) })
    }

    fn upsert(
        &self,
        records: Vec<Record>,
        rejects: Vec<Reject>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async {
            tokio::task::yield_now().await;
            if self.upserts.fetch_add(1, SeqCst) >= self.full_from.load(SeqCst) {
                return Err(StoreError::DiskFull {
                    at: "memory".to_string(),
                });
            }
            let mut inner = self.inner.lock().unwrap();
            let mut uris: Vec<_> = records.iter().map(|r| r.source.uri.clone()).collect();
            uris.extend(rejects.iter().map(|r| r.source.uri.clone()));
            uris.sort();
            assert!(
                uris.windows(2).all(|pair| pair[0] != pair[1]),
                "a URI twice: {uris:?}"
            );
            for record in records {
                let etag_of = |source: Option<&PhotoRef>| source.map(|s| s.etag.clone());
                let uri = &record.source.uri;
                let known = etag_of(inner.records.get(uri).map(|r| &r.source));
                let rejected = etag_of(inner.rejects.get(uri).map(|r| &r.source));
                let etag = Some(record.source.etag.clone());
                if known != etag || rejected == etag {
                    inner.rejects.remove(uri);
                }
                inner.records.insert(record.source.uri.clone(), record);
            }
            for reject in rejects {
                inner.rejects.insert(reject.source.uri.clone(), reject);
            }
            Ok(())
        })
    }

    fn get<'a>(
        &'a self,
        _key: &'a str,
        _columns: Columns,
    ) -> BoxFuture<'a, Result<Vec<Record>, StoreError>> {
        panic!("the pipeline looks nothing up")
    }

    fn search(&self, query: Query) -> BoxFuture<'_, Result<Hits, StoreError>> {
        let score = |record: &Record| -> f32 {
            let parts = query.parts.iter();
            let parts = parts.map(|p| p.weight * dot(&p.vector, record.vectors.get(p.on)));
            parts.sum()
        };
        let others = self.records().into_iter();
        let others = others.filter(|r| !query.exclude_uris.contains(&r.source.uri));
        let mut hits: Vec<Hit> = others
            .map(|record| Hit {
                score: score(&record),
                record,
                why: Vec::new(),
                title: None,
            })
            .collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score));
        hits.truncate(query.k);
        Box::pin(async {
            Ok(Hits {
                hits,
                exact: true,
                facets: None,
            })
        })
    }

    fn scan<'a>(
        &'a self,
        filter: Option<Filter>,
        columns: Columns,
        each: &'a mut (dyn FnMut(Vec<Record>) -> bool + Send),
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        // A reader of tags alone is given more than it asked for.
        let _ = columns;
        let mut records = self.records();
        match filter {
            None => {}
            Some(Filter::OneOf(Field::Uri, uris)) => {
                records.retain(|record| uris.contains(&Value::Word(record.source.uri.clone())))
            }
            Some(other) => panic!("the pipeline filters a scan by URIs alone, not by {other}"),
        }
        Box::pin(async move {
            records.chunks(7).all(|chunk| each(chunk.to_vec()));
            Ok(())
        })
    }

    fn delete<'a>(&'a self, uris: &'a [String]) -> BoxFuture<'a, Result<usize, StoreError>> {
        let mut inner = self.inner.lock().unwrap();
        let mut deleted = 0;
        for uri in uris {
            deleted += usize::from(inner.records.remove(uri).is_some());
            inner.rejects.remove(uri);
        }
        Box::pin(async move { Ok(deleted) })
    }

    fn rejects(&self) -> BoxFuture<'_, Result<Vec<Reject>, StoreError>> {
        Box::pin(async { Ok(self.rejected()) })
    }

    fn stats(&self) -> BoxFuture<'_, Result<Stats, StoreError>> {
        Box::pin(async {
            Ok(Stats {
                photos: self.records().len(),
                rejects: self.rejected().len(),
                categorised: 0,
                bytes_on_disk: 0,
                table_version: 0,
                fragments: 0,
                indices: Vec::new(),
                manifest: self.manifest.clone(),
            })
        })
    }

    fn build_index(&self) -> BoxFuture<'_, Result<Stats, StoreError>> {
        panic!("the pipeline builds no index")
    }

    fn compact(&self) -> BoxFuture<'_, Result<Stats, StoreError>> {
        panic!("the pipeline compacts nothing")
    }

    fn verify(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        panic!("the pipeline verifies nothing")
    }
}

pub type Answers = Result<Vec<Result<Features, String>>, ModelError>;

/// Answers with whatever the test says.
pub struct FakeEncoder<F>(pub F);

impl<F: FnMut(&[Photo]) -> Answers + Send> Encoder for FakeEncoder<F> {
    fn id(&self) -> &str {
        ENCODER
    }

    fn encode(&mut self, photos: &[Photo]) -> Answers {
        (self.0)(photos)
    }
}

/// An encoder that answers every photo with [`features`].
pub fn encoder() -> Box<dyn Encoder> {
    Box::new(FakeEncoder(all))
}

pub fn all(photos: &[Photo]) -> Answers {
    Ok(photos.iter().map(|photo| Ok(features(photo))).collect())
}

/// Features made of the photo's first pixel, so that a row can be told from another's.
pub fn features(photo: &Photo) -> Features {
    let red = f32::from(photo.pixels.rgba[0]);
    Features {
        shape: vec![red, 1.0, 2.0, 3.0],
        colour: vec![0.6, 0.8],
        classes: vec![red / 255.0, 0.25, 0.25, 0.25, 0.25],
        colours: vec![Colour {
            name: "teal".into(),
            hex: "#008080".into(),
            share: 1.0,
        }],
        product_share: 0.5,
    }
}

/// Gives each photo one label with its own id, and a text vector made of the first class.
pub struct FakeTagger(pub &'static str);

impl Tagger for FakeTagger {
    fn id(&self) -> &str {
        self.0
    }

    fn tag(&self, classes: &[f32], colours: &[Colour]) -> Tagged {
        assert!(self.0 != "panics", "the tagger has a bug");
        Tagged {
            category: None,
            labels: vec![Tag {
                id: format!("by-{}", self.0),
                name: colours[0].name.clone(),
                score: classes[0],
                calibrated: None,
                decision: Decision::Review,
                source: "classes".to_string(),
                model: self.0.to_string(),
            }],
            text: vec![
                classes[0];
                if self.0 == "short" {
                    1
                } else {
                    DIMENSIONS.text
                }
            ],
        }
    }
}

/// A folder whose fetches are counted, after something was done for each.
pub struct Counting<F> {
    pub folder: FolderSource,
    pub fetches: AtomicUsize,
    pub before_fetch: F,
}

pub fn counting(folder: &Path) -> Counting<impl Fn(&PhotoRef) + Sync + Send> {
    counting_with(folder, |_| {})
}

pub fn counting_with<F: Fn(&PhotoRef) + Sync + Send>(folder: &Path, before: F) -> Counting<F> {
    let folder = FolderSource::new(&[folder], SkuFrom::Stem).unwrap();
    Counting {
        folder,
        fetches: AtomicUsize::new(0),
        before_fetch: before,
    }
}

impl<F> Counting<F> {
    pub fn fetches(&self) -> usize {
        self.fetches.load(SeqCst)
    }
}

impl<F: Fn(&PhotoRef) + Sync + Send> Source for Counting<F> {
    fn list(
        &self,
        found: &mut dyn FnMut(Result<PhotoRef, Reject>) -> bool,
    ) -> Result<(), SourceError> {
        self.folder.list(found)
    }

    fn fetch(&self, photo: &PhotoRef, max_bytes: u64) -> Result<Vec<u8>, SourceError> {
        self.fetches.fetch_add(1, SeqCst);
        (self.before_fetch)(photo);
        self.folder.fetch(photo, max_bytes)
    }

    fn skipped(&self) -> u64 {
        self.folder.skipped()
    }
}

/// A run with the made-up tagger and nobody looking on.
pub fn run(
    source: &dyn Source,
    encoder: Box<dyn Encoder>,
    catalogue: &Memory,
    options: IngestOptions,
    cancel: &Cancel,
) -> Result<IngestSummary, IngestError> {
    let parts = Parts {
        source,
        encoders: vec![encoder],
        tagger: &FakeTagger("tagger-1"),
        catalogue,
    };
    ingest(parts, options, cancel, &Quiet, runtime().handle())
}

/// A run that must go well, with small defaults.
pub fn run_ok(source: &dyn Source, catalogue: &Memory) -> IngestSummary {
    run(
        source,
        encoder(),
        catalogue,
        IngestOptions::default(),
        &Cancel::new(),
    )
    .unwrap()
}

/// `listed, unchanged, added, updated, rejected`, after checking that they add up.
pub fn counts(summary: &IngestSummary) -> [u64; 5] {
    let t = &summary.totals;
    if !summary.interrupted {
        assert_eq!(
            t.listed,
            t.unchanged + t.added + t.updated + t.rejected,
            "{t:?}"
        );
        assert_eq!(t.handled, t.added + t.updated + t.rejected, "{t:?}");
        assert!(t.listing_done);
        assert!(t.stages.iter().all(|stage| stage.waiting == 0), "{t:?}");
    }
    [t.listed, t.unchanged, t.added, t.updated, t.rejected]
}

pub fn text_vector(record: &Record) -> &[f32] {
    record.vectors.get(VectorName::Text)
}
