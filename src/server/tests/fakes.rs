//! A catalogue in memory, models that are made up, and small photos.

use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use showroom_catalog::bands::{Bands, PhotoBands, WordBands};
use showroom_catalog::decision::{DecisionLog, LogEntry};
use showroom_catalog::embedding::{Dimensions, dot, normalise};
use showroom_catalog::filter::{Comparison, Field, Value};
use showroom_catalog::manifest::{STORE_FORMAT, StoreManifest};
use showroom_catalog::query::{Hit, Hits, Why};
use showroom_catalog::seams::*;
use showroom_catalog::*;
use showroom_server::{Batching, Keys, Learned, Limits, ModelCard, Parts, Uploads};

pub const DIMENSIONS: Dimensions = Dimensions {
    shape: 4,
    colour: 2,
    text: 3,
    classes: 5,
};
/// Red of photos on which the encoder panics, and green of those that it refuses.
pub const PANICS: u8 = 13;
pub const REFUSED: u8 = 13;

/// A PNG of 6×4 pixels in one colour.
pub fn png(colour: [u8; 3]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image::RgbImage::from_pixel(6, 4, image::Rgb(colour))
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

pub fn data_uri(bytes: &[u8]) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(bytes))
}

/// Holds the encoder back until it is opened.
#[derive(Default)]
pub struct Gate {
    closed: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    pub fn set(&self, closed: bool) {
        *self.closed.lock().unwrap() = closed;
        self.changed.notify_all();
    }

    fn pass(&self) {
        let closed = self.closed.lock().unwrap();
        drop(self.changed.wait_while(closed, |closed| *closed).unwrap());
    }
}

/// What the fakes did.
#[derive(Default)]
pub struct Seen {
    pub gate: Gate,
    /// Sizes of the batches, the canary's first.
    pub batches: Mutex<Vec<usize>>,
}

struct FakeEncoder(Arc<Seen>);

impl Encoder for FakeEncoder {
    fn id(&self) -> &str {
        "fake-encoder"
    }

    fn encode(&mut self, photos: &[Photo]) -> Result<Vec<Result<Features, String>>, ModelError> {
        self.0.batches.lock().unwrap().push(photos.len());
        self.0.gate.pass();
        Ok(photos.iter().map(features).collect())
    }
}

/// Of the photo's first pixel alone, so that the likeness of two photos is known.
fn features(photo: &Photo) -> Result<Features, String> {
    let [red, green, blue] = [0, 1, 2].map(|at| photo.pixels.rgba[at]);
    assert!(red != PANICS, "the encoder has a bug");
    if green == REFUSED {
        return Err("nothing can be made of this photo".to_string());
    }
    let mut shape = vec![f32::from(red), f32::from(green), f32::from(blue), 1.0];
    normalise(&mut shape);
    Ok(Features {
        shape,
        colour: vec![0.6, 0.8],
        classes: vec![0.2; 5],
        colours: vec![Colour {
            name: if red > blue { "red" } else { "blue" }.to_string(),
            hex: format!("#{red:02x}{green:02x}{blue:02x}"),
            share: 1.0,
        }],
        product_share: 0.5,
    })
}

/// `red` and `blue` are where photos of these colours are; other words lie between.
struct FakeWords;

impl TextQuery for FakeWords {
    fn text_query(&self, words: &str) -> Result<Vec<f32>, ModelError> {
        match words {
            "red" => Ok(vec![1.0, 0.0, 0.0]),
            "blue" => Ok(vec![0.0, 1.0, 0.0]),
            "panic" => panic!("the model of words has a bug"),
            words if words.trim().is_empty() => {
                Err(ModelError::BadInput("there is no word in it".into()))
            }
            _ => Ok(vec![0.0, 0.0, 1.0]),
        }
    }

    fn matched(&self, query: &[f32], photo: &[f32]) -> Vec<Matched> {
        let is_red = dot(query, photo) > 0.9 && query[0] == 1.0;
        let red = Matched {
            kind: MatchedKind::Colour,
            word: "red".into(),
            share: Some(1.0),
        };
        if is_red { vec![red] } else { Vec::new() }
    }
}

/// A shop's own labels: one that red photos have for sure, and one that is to be reviewed.
pub struct FakeLabels;

impl Labeller for FakeLabels {
    fn source(&self) -> &str {
        "labels:mood"
    }

    fn label(&self, photo: PhotoId, vectors: &Vectors, decisions: &Decisions) -> Vec<Tag> {
        let is_red = vectors.text[0] == 1.0;
        let of = |id: &str, said: Option<Decision>| {
            let person = decisions.of(photo, id).map(|verdict| match verdict {
                Verdict::Accept => Decision::Accept,
                Verdict::Reject => Decision::Reject,
            });
            Some(Tag {
                id: id.into(),
                name: id.into(),
                score: 0.5,
                calibrated: Some(0.5),
                decision: person.or(said)?,
                source: self.source().into(),
                model: person.map_or("labels:mood-1", |_| "person").into(),
            })
        };
        let all = [
            of("mood/warm", is_red.then_some(Decision::Accept)),
            of("mood/calm", Some(Decision::Review)),
        ];
        all.into_iter().flatten().collect()
    }
}

struct FakeTagger;

impl Tagger for FakeTagger {
    fn id(&self) -> &str {
        "fake-tagger"
    }

    fn tag(&self, classes: &[f32], colours: &[Colour]) -> Tagged {
        let is_red = colours[0].name == "red";
        Tagged {
            category: Some(Category {
                id: "aa-8".into(),
                name: "Shoes".into(),
                path: vec!["Apparel".into(), "Shoes".into()],
                score: 0.9,
                model: "fake-tagger".into(),
            }),
            labels: vec![Tag {
                id: "shoe".into(),
                name: "shoe".into(),
                score: classes[0],
                calibrated: None,
                decision: Decision::Review,
                source: "classes".into(),
                model: "fake-tagger".into(),
            }],
            text: if is_red {
                vec![1.0, 0.0, 0.0]
            } else {
                vec![0.0, 1.0, 0.0]
            },
        }
    }
}

/// Called once, if there is anything.
pub type Hook = Mutex<Option<Box<dyn FnOnce() + Send>>>;

fn call(hook: &Hook) {
    let then = hook.lock().unwrap().take();
    then.into_iter().for_each(|then| then());
}

/// Rows and rejects in memory.
pub struct Memory {
    manifest: StoreManifest,
    rows: Mutex<BTreeMap<String, Record>>,
    pub rejected: Mutex<BTreeMap<String, Reject>>,
    /// Called when rows were read for somebody who may write them back.
    pub after_read: Hook,
    /// Called before rows are written.
    pub before_write: Hook,
}

impl Memory {
    fn new() -> Memory {
        Memory {
            manifest: StoreManifest {
                format: STORE_FORMAT,
                encoder: "fake-encoder".into(),
                dimensions: DIMENSIONS,
            },
            rows: Mutex::default(),
            rejected: Mutex::default(),
            after_read: Mutex::default(),
            before_write: Mutex::default(),
        }
    }

    pub fn records(&self) -> Vec<Record> {
        self.rows.lock().unwrap().values().cloned().collect()
    }

    /// A photo that was taken in otherwise.
    pub fn put(&self, record: Record) {
        let uri = record.source.uri.clone();
        self.rows.lock().unwrap().insert(uri, record);
    }

    fn passes(record: &Record, filter: &Filter) -> bool {
        match filter {
            Filter::And(a, b) => Memory::passes(record, a) && Memory::passes(record, b),
            Filter::Or(a, b) => Memory::passes(record, a) || Memory::passes(record, b),
            Filter::Not(inner) => !Memory::passes(record, inner),
            Filter::OneOf(field, values) => values.iter().any(|value| {
                Memory::passes(
                    record,
                    &Filter::Compare(field.clone(), Comparison::Equal, value.clone()),
                )
            }),
            Filter::Compare(field, comparison, value) => {
                let found = match field {
                    Field::Uri => Some(Value::Word(record.source.uri.clone())),
                    Field::Id => Some(Value::Word(record.id.to_string())),
                    Field::Sku => record.source.sku.clone().map(Value::Word),
                    Field::Width => Some(Value::Number(record.facts.width.into())),
                    Field::Colour => Some(Value::Word(record.colours[0].name.clone())),
                    Field::Attribute(name) => match record.attributes.get(name) {
                        Some(AttributeValue::Number(number)) => Some(Value::Number(*number)),
                        Some(other) => Some(Value::Word(other.to_string().to_lowercase())),
                        None => None,
                    },
                    other => panic!("the tests do not filter by {other:?}"),
                };
                match (found, value, comparison) {
                    (Some(Value::Number(a)), Value::Number(b), Comparison::GreaterOrEqual) => {
                        a >= *b
                    }
                    (Some(Value::Number(a)), Value::Number(b), Comparison::LessOrEqual) => a <= *b,
                    (found, value, _) => found.as_ref() == Some(value),
                }
            }
        }
    }
}

type Done<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

impl Catalogue for Memory {
    fn manifest(&self) -> &StoreManifest {
        &self.manifest
    }

    fn seen(&self) -> Done<'_, HashMap<String, String>> {
        panic!("the server does not ask what was seen")
    }

    fn upsert(&self, records: Vec<Record>, rejects: Vec<Reject>) -> Done<'_, ()> {
        let mut uris: Vec<_> = records.iter().map(|r| r.source.uri.clone()).collect();
        uris.extend(rejects.iter().map(|r| r.source.uri.clone()));
        uris.sort();
        assert!(
            uris.windows(2).all(|pair| pair[0] != pair[1]),
            "a URI twice: {uris:?}"
        );
        call(&self.before_write);
        let mut rejected = self.rejected.lock().unwrap();
        for record in records {
            assert_eq!(record.vectors.text.len(), DIMENSIONS.text);
            rejected.remove(&record.source.uri);
            self.rows
                .lock()
                .unwrap()
                .insert(record.source.uri.clone(), record);
        }
        rejected.extend(rejects.into_iter().map(|r| (r.source.uri.clone(), r)));
        Box::pin(async { Ok(()) })
    }

    fn get<'a>(&'a self, key: &'a str, columns: Columns) -> Done<'a, Vec<Record>> {
        let mut found = self.records();
        found.retain(|record| {
            let id = record.id.to_string();
            record.source.uri == key
                || record.source.sku.as_deref() == Some(key)
                || (key.len() >= 8 && id.starts_with(key))
        });
        if columns == Columns::All {
            call(&self.after_read);
        }
        Box::pin(async { Ok(found) })
    }

    fn search(&self, query: Query) -> Done<'_, Hits> {
        if let Some(Filter::Compare(Field::Attribute(name), ..)) = &query.filter
            && name == "nowhere"
        {
            let reason = StoreError::BadQuery("no attribute nowhere".into());
            return Box::pin(async { Err(reason) });
        }
        let mut hits: Vec<Hit> = Vec::new();
        for record in self.records() {
            let filter = query.filter.as_ref();
            if filter.is_some_and(|filter| !Memory::passes(&record, filter))
                || query.exclude_uris.contains(&record.source.uri)
            {
                continue;
            }
            let why: Vec<Why> = (query.parts.iter())
                .map(|part| Why {
                    part: part.on,
                    score: dot(&part.vector, record.vectors.get(part.on)),
                })
                .collect();
            let sum: f32 = query
                .parts
                .iter()
                .zip(&why)
                .map(|(part, why)| part.weight * why.score)
                .sum();
            hits.push(Hit {
                record,
                score: sum / query.weight_sum(),
                why,
                title: None,
            });
        }
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
        _columns: Columns,
        each: &'a mut (dyn FnMut(Vec<Record>) -> bool + Send),
    ) -> Done<'a, ()> {
        let filter = filter.expect("the server reads no whole catalogue here");
        let mut found = self.records();
        found.retain(|record| Memory::passes(record, &filter));
        call(&self.after_read);
        each(found);
        Box::pin(async { Ok(()) })
    }

    fn delete<'a>(&'a self, uris: &'a [String]) -> Done<'a, usize> {
        let mut rows = self.rows.lock().unwrap();
        let deleted = uris
            .iter()
            .filter(|uri| rows.remove(*uri).is_some())
            .count();
        Box::pin(async move { Ok(deleted) })
    }

    fn rejects(&self) -> Done<'_, Vec<Reject>> {
        let rejects = self.rejected.lock().unwrap().values().cloned().collect();
        Box::pin(async { Ok(rejects) })
    }

    fn stats(&self) -> Done<'_, Stats> {
        Box::pin(async {
            Ok(Stats {
                photos: self.records().len(),
                rejects: self.rejected.lock().unwrap().len(),
                categorised: self.records().len(),
                bytes_on_disk: 1,
                table_version: 1,
                fragments: 1,
                indices: Vec::new(),
                manifest: self.manifest.clone(),
            })
        })
    }

    fn build_index(&self) -> Done<'_, Stats> {
        panic!("the server builds no index")
    }

    fn compact(&self) -> Done<'_, Stats> {
        panic!("the server compacts nothing")
    }

    fn verify(&self) -> Done<'_, Vec<String>> {
        panic!("the server verifies nothing")
    }
}

/// An address book instead of a network.
struct FakeFetch;

impl Fetch for FakeFetch {
    fn fetch<'a>(
        &'a self,
        address: &'a str,
        max_bytes: u64,
    ) -> BoxFuture<'a, Result<Vec<u8>, FetchError>> {
        assert!(max_bytes > 0);
        Box::pin(async move {
            match address {
                "https://shop.example/red.png" => Ok(png([200, 0, 0])),
                "https://shop.example/blue.png" => Ok(png([0, 0, 200])),
                "http://127.0.0.1/" => {
                    Err(FetchError::Refused("127.0.0.1 is not fetched from".into()))
                }
                "https://shop.example/big" => Err(FetchError::TooLarge {
                    address: address.into(),
                    limit: max_bytes,
                }),
                other => Err(FetchError::NotFound(other.into())),
            }
        })
    }
}

/// What a server is made of here, with what is needed to look inside.
pub struct Made {
    pub parts: Parts,
    pub catalogue: Arc<Memory>,
    pub seen: Arc<Seen>,
}

/// What is decided, in memory.
#[derive(Default)]
struct Decided(Mutex<Vec<LogEntry>>);

impl DecisionStore for Decided {
    fn read(&self) -> Result<DecisionLog, StoreError> {
        Ok(DecisionLog {
            entries: self.0.lock().unwrap().clone(),
            problems: Vec::new(),
        })
    }

    fn append(&self, entries: &[LogEntry]) -> Result<(), StoreError> {
        self.0.lock().unwrap().extend_from_slice(entries);
        Ok(())
    }
}

/// Uploads go to `dir`; limits are small.
pub fn made(dir: &Path) -> Made {
    let (catalogue, seen) = (Arc::new(Memory::new()), Arc::new(Seen::default()));
    let words = WordBands {
        similar: 0.9,
        related: 0.1,
    };
    let parts = Parts {
        catalogue: catalogue.clone(),
        index_name: "shop".into(),
        encoders: vec![Box::new(FakeEncoder(seen.clone()))],
        learned: Learned {
            words: Arc::new(FakeWords),
            titles_version: None,
            labellers: Vec::new(),
            labels: Vec::new(),
            labels_version: String::new(),
            keys: Keys::default(),
        },
        reload: None,
        tagger: Arc::new(FakeTagger),
        bands: Some(Bands {
            photo: PhotoBands {
                same_product: 0.99,
                similar: 0.9,
                related: 0.5,
            },
            words,
            coloured_words: words,
            colour_words: words,
        }),
        fetch: Some(Arc::new(FakeFetch)),
        objects: None,
        uploads: Uploads::new(&dir.join("uploads")),
        models: vec![ModelCard {
            id: "fake-net".into(),
            summary: "made up".into(),
            task: "image-embedding".into(),
            licence: "MIT".into(),
            bytes: 5,
            state: "here".into(),
            card: "# fake-net\n".into(),
        }],
        decisions: Arc::new(Decided::default()),
        categories: Vec::new(),
        pictures: Arc::new(|record| serde_json::json!({ "src": format!("/images/{}", record.id) })),
        limits: Limits {
            body_bytes: 64 << 10,
            queue: 8,
            workers: 4,
            documents: 5,
            inputs: 4,
            batching: Batching {
                most: 4,
                wait: std::time::Duration::from_millis(2),
            },
            ..Limits::default()
        },
        observe: Arc::new(()),
    };
    Made {
        parts,
        catalogue,
        seen,
    }
}
