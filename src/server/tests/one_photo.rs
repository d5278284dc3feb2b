//! A catalogue of the photos that a test gives it, which can be looked up and nothing else.

use std::collections::HashMap;
use std::io::Cursor;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use image::{ImageFormat, Rgb, RgbImage};
use showroom_catalog::embedding::{Dimensions, Vectors};
use showroom_catalog::manifest::{STORE_FORMAT, StoreManifest};
use showroom_catalog::query::Hits;
use showroom_catalog::seams::*;
use showroom_catalog::{Attributes, Colour, Filter, PhotoRef, Query, Record, Reject};
use showroom_pixels::{DecodeOptions, decode, photo_id};

/// Photos by what they are asked for.
pub struct Photos {
    manifest: StoreManifest,
    pub records: Mutex<Vec<Record>>,
    pub asked: AtomicUsize,
}

impl Photos {
    pub fn new(records: Vec<Record>) -> Photos {
        Photos {
            manifest: StoreManifest {
                format: STORE_FORMAT,
                encoder: "none".to_string(),
                dimensions: Dimensions {
                    shape: 1,
                    colour: 1,
                    text: 1,
                    classes: 1,
                },
            },
            records: Mutex::new(records),
            asked: AtomicUsize::new(0),
        }
    }
}

/// The row of a photo at this URI.
pub fn record(uri: &str, bytes: &[u8]) -> Record {
    let facts = decode(bytes, &DecodeOptions::default()).unwrap().facts;
    Record {
        id: photo_id(bytes),
        source: PhotoRef {
            uri: uri.to_string(),
            etag: String::new(),
            bytes: bytes.len() as u64,
            sku: None,
        },
        title: None,
        attributes: Attributes::default(),
        facts,
        category: None,
        colours: vec![Colour {
            name: "red".into(),
            hex: "#c81414".into(),
            share: 1.0,
        }],
        labels: Vec::new(),
        classes: Vec::new(),
        vectors: Vectors::default(),
        tagger: String::new(),
        ingested_at_ms: 0,
    }
}

/// A photo in this file, left half red and right half blue, and its row.
pub fn put(path: &Path, width: u32, height: u32) -> Record {
    let photo = RgbImage::from_fn(width, height, |x, _| match x < width / 2 {
        true => Rgb([200, 20, 20]),
        false => Rgb([20, 20, 200]),
    });
    let mut bytes = Cursor::new(Vec::new());
    photo.write_to(&mut bytes, ImageFormat::Png).unwrap();
    let bytes = bytes.into_inner();
    std::fs::write(path, &bytes).unwrap();
    record(path.to_str().unwrap(), &bytes)
}

impl Catalogue for Photos {
    fn manifest(&self) -> &StoreManifest {
        &self.manifest
    }

    fn get<'a>(
        &'a self,
        key: &'a str,
        _columns: Columns,
    ) -> BoxFuture<'a, Result<Vec<Record>, StoreError>> {
        self.asked.fetch_add(1, SeqCst);
        let records = self.records.lock().unwrap();
        let found = records
            .iter()
            .filter(|record| record.id.to_string() == key)
            .cloned()
            .collect();
        Box::pin(async { Ok(found) })
    }

    fn seen(&self) -> BoxFuture<'_, Result<HashMap<String, String>, StoreError>> {
        panic!("nothing is listed")
    }

    fn upsert(
        &self,
        _records: Vec<Record>,
        _rejects: Vec<Reject>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        panic!("nothing is written")
    }

    fn search(&self, _query: Query) -> BoxFuture<'_, Result<Hits, StoreError>> {
        panic!("nothing is searched")
    }

    fn scan<'a>(
        &'a self,
        _filter: Option<Filter>,
        _columns: Columns,
        _each: &'a mut (dyn FnMut(Vec<Record>) -> bool + Send),
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        panic!("nothing is scanned")
    }

    fn delete<'a>(&'a self, _uris: &'a [String]) -> BoxFuture<'a, Result<usize, StoreError>> {
        panic!("nothing is deleted")
    }

    fn rejects(&self) -> BoxFuture<'_, Result<Vec<Reject>, StoreError>> {
        panic!("nothing is listed")
    }

    fn stats(&self) -> BoxFuture<'_, Result<Stats, StoreError>> {
        panic!("nothing is counted")
    }

    fn build_index(&self) -> BoxFuture<'_, Result<Stats, StoreError>> {
        panic!("nothing is built")
    }

    fn compact(&self) -> BoxFuture<'_, Result<Stats, StoreError>> {
        panic!("nothing is compacted")
    }

    fn verify(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        panic!("nothing is verified")
    }
}
