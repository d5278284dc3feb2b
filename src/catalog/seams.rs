//! The seams: what the pipeline and the server know of sources, models and stores.
//!
//! Work that computes is synchronous and runs on threads of its own; work that waits is async.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use serde::Serialize;

use crate::asset::{Asset, Made, Planned};
use crate::decision::{DecisionLog, Decisions, LogEntry};
use crate::embedding::Vectors;
use crate::filter::Filter;
use crate::manifest::StoreManifest;
use crate::photo::{Photo, PhotoId, PhotoRef, Pixels};
use crate::product::Product;
use crate::query::{Hits, Query, QueryPart};
use crate::record::Record;
use crate::reject::{Reject, Stage};
use crate::studio::{StudioChoices, StudioError, StudioFile, StudioTask};
use crate::tag::{Category, Colour, Tag};

/// A future behind a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where photos come from.
pub trait Source: Send + Sync {
    /// Calls `found` with every photo, in a fixed order, until it returns `false`. What can not be
    /// listed (an unreadable folder, a link that leads nowhere) is given as a [`Reject`].
    fn list(
        &self,
        found: &mut dyn FnMut(Result<PhotoRef, Reject>) -> bool,
    ) -> Result<(), SourceError>;

    /// As [`Source::list`], with what the shop says of the product on each photo. A source that
    /// knows of no products says nothing, and what is known of them stays.
    fn list_products(
        &self,
        found: &mut dyn FnMut(Result<FoundProduct, Reject>) -> bool,
    ) -> Result<(), SourceError> {
        self.list(&mut |one| {
            found(one.map(|photo| FoundProduct {
                photo,
                product: None,
            }))
        })
    }

    /// Whether a row of the catalogue with this key and etag came from a source like this one, so
    /// that it is out of date where this one does not list it.
    fn owns(&self, _uri: &str, _etag: &str) -> bool {
        false
    }

    /// Whether this is the key of a reject that is about the source itself (a row of a feed) and
    /// over as soon as the source does not list it any more.
    fn is_note(&self, _uri: &str) -> bool {
        false
    }

    /// The bytes of one photo. Never reads more than `max_bytes`.
    fn fetch(&self, photo: &PhotoRef, max_bytes: u64) -> Result<Vec<u8>, SourceError>;

    /// How many files that are no photos (a README, a price list) the last [`Source::list`] passed
    /// over, so far.
    fn skipped(&self) -> u64 {
        0
    }
}

/// A photo of a source and its product.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundProduct {
    /// Its etag also changes with the product: [`crate::product::etag_with_product`].
    pub photo: PhotoRef,
    /// `None` where the source knows of no products.
    pub product: Option<Product>,
}

/// Why a source could not list or fetch.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("{uri} does not exist")]
    NotFound { uri: String },
    #[error("{uri} is {bytes} bytes, more than the limit of {limit}; raise --max-bytes to take it")]
    TooLarge { uri: String, bytes: u64, limit: u64 },
    #[error("{uri} cannot be read: {reason}")]
    Unreadable { uri: String, reason: String },
}

/// Bytes that somebody names by an address: `https://…` or `s3://bucket/key`.
pub trait Fetch: Send + Sync {
    /// Never more than `max_bytes`; refuses what may not be fetched.
    fn fetch<'a>(
        &'a self,
        address: &'a str,
        max_bytes: u64,
    ) -> BoxFuture<'a, Result<Vec<u8>, FetchError>>;
}

/// Tells an address that somebody named that something happened (a webhook).
pub trait Deliver: Send + Sync {
    /// Refuses an address of a form that is never delivered to; looks nothing up.
    fn check(&self, address: &str) -> Result<(), FetchError>;

    /// Sends `body` by POST with these headers; the status of the answer, which is not read and no
    /// redirect of which is followed. Refuses what may not be fetched.
    fn deliver<'a>(
        &'a self,
        address: &'a str,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    ) -> BoxFuture<'a, Result<u16, FetchError>>;
}

/// Why bytes could not be fetched. No sentence names more of the network than the address that was asked
/// for.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address is none, or one that may not be fetched.
    #[error("{0}")]
    Refused(String),
    #[error("there is nothing at {0}")]
    NotFound(String),
    #[error("{address} has more than the limit of {limit} bytes")]
    TooLarge { address: String, limit: u64 },
    /// The other side did not answer as it should: another time it may.
    #[error("{0}")]
    Failed(String),
}

/// What an encoder makes of one photo.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// Unit length, [`crate::embedding::Dimensions::shape`] long.
    pub shape: Vec<f32>,
    /// Unit length (or all zero where there is no product pixel), [`crate::embedding::Dimensions::colour`] long.
    pub colour: Vec<f32>,
    /// Probabilities, [`crate::embedding::Dimensions::classes`] long, sum 1.
    pub classes: Vec<f32>,
    /// Main colour first, shares of the product's pixels.
    pub colours: Vec<Colour>,
    /// Share of the photo that the product covers, 0–1.
    pub product_share: f32,
}

/// Photos → features. One encoder belongs to one thread.
pub trait Encoder: Send {
    /// Changes whenever the features of the same photo would change: models, weights, crops.
    fn id(&self) -> &str;

    /// Features of each photo, in the same order; the inner error is about that photo alone.
    /// The outer error means that the encoder itself cannot go on.
    fn encode(&mut self, photos: &[Photo]) -> Result<Vec<Result<Features, String>>, ModelError>;
}

/// Where the product is on a photo, coarsely: what a matting network says, stretched over the photo.
#[derive(Clone, Debug, PartialEq)]
pub struct SoftMask {
    pub width: u32,
    pub height: u32,
    /// `width * height` values row by row, scaled so that the least is 0 and the greatest 1; all 0
    /// where the network saw nothing.
    pub values: Vec<f32>,
    /// How sure the network was where it was surest, before scaling: 0–1. Near 1 on a photo of a product,
    /// below ½ on a plain surface.
    pub peak: f32,
}

/// Photos → where the product is. One belongs to one thread.
pub trait Matting: Send {
    /// Changes whenever the masks of the same photo would change.
    fn id(&self) -> &str;

    /// The mask, at the model's own size. The inner error is about this photo alone; the outer one means
    /// that the model itself cannot go on.
    fn matte(&mut self, pixels: &Pixels) -> Result<Result<SoftMask, String>, ModelError>;
}

/// What is asked of an [`Inpainting`] model.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// What is to be round the product: `on a mossy rock`.
    pub prompt: String,
    /// What is not; may be empty.
    pub negative: String,
    /// In how many steps noise is taken away, from 1.
    pub steps: u32,
    /// How much more the words count than none, usually 5 to 10; up to 1 they count once and `negative` not
    /// at all, in half the time.
    pub guidance: f32,
    /// The same seed gives the same noise.
    pub seed: u64,
}

/// Words → what is round a product. One belongs to one thread.
pub trait Inpainting: Send {
    /// Changes whenever the same words would give another picture.
    fn id(&self) -> &str;

    /// An opaque picture at the model's own size, of about the same shape as `product`, which is transparent
    /// (straight alpha) where the picture is to be made. The product on it is redrawn, so that the real one
    /// belongs over it. `step` is told before each step how many are done and of how many, and once in the
    /// end; where it answers `false`, the model stops with [`ModelError::Stopped`].
    fn paint(
        &mut self,
        wanted: &Wanted,
        product: &Pixels,
        step: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Result<Pixels, ModelError>;
}

/// A line or a word of text in a photo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextBox {
    /// The corners of the rectangle round it, which may be turned, one after another; shares of the photo's
    /// width and height, 0–1.
    pub corners: [[f32; 2]; 4],
    /// How probably it is text, 0–1.
    pub score: f32,
}

/// Photos → where text is; what it says is not read. One belongs to one thread.
pub trait TextDetector: Send {
    /// Changes whenever the boxes of the same photo would change.
    fn id(&self) -> &str;

    /// The boxes, in no order. The inner error is about this photo alone; the outer one means that the
    /// model itself cannot go on.
    fn detect(&mut self, pixels: &Pixels) -> Result<Result<Vec<TextBox>, String>, ModelError>;
}

/// Why nothing was made of a photo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPhoto {
    pub stage: Stage,
    /// Stable word for programs: [`Reject::code`].
    pub code: String,
    /// One sentence for people: what is wrong and what to do.
    pub reason: String,
}

/// Photos → files made of them: cut-outs, backdrops, renditions. One belongs to one thread.
pub trait Maker: Send {
    /// What will be made of a photo, in the order of [`Maker::make`], so that what is there already need
    /// not be made again.
    fn plan(&self, photo: PhotoId) -> Vec<Planned>;

    /// Makes all of it of a photo's bytes. The inner error is about this photo alone.
    fn make(
        &mut self,
        photo: PhotoId,
        bytes: &[u8],
    ) -> Result<Result<Vec<Made>, BadPhoto>, ModelError>;
}

/// Where assets go. Any number of threads put.
pub trait Sink: Send + Sync {
    /// The asset of that name, where it is there whole with what tells of it; `stem` is what the photo is
    /// called.
    fn get(&self, stem: &str, planned: &Planned) -> Result<Option<Asset>, SinkError>;

    /// Keeps a file and what tells of it. When it returns both are there whole; before, neither counts.
    fn put(
        &self,
        stem: &str,
        source: &PhotoRef,
        photo: PhotoId,
        made: Made,
    ) -> Result<Asset, SinkError>;
}

/// What a designer asks of single photos: cut-outs, backdrops, the rules of a marketplace.
pub trait Studio: Send + Sync {
    fn choices(&self) -> StudioChoices;

    /// Understands what is asked, by the names and in the words of the API, before a photo is read.
    fn understand(
        &self,
        task: StudioTask,
        asked: &[(String, String)],
    ) -> Result<Box<dyn StudioWork>, StudioError>;
}

/// Work that was understood. Where it is run by several threads they wait for each other.
pub trait StudioWork: Send {
    /// Blocks for seconds, longer where a model has to be loaded first.
    fn run(&self, photo: &[u8]) -> Result<StudioFile, StudioError>;
}

/// Why an asset could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    #[error(
        "no room left to write {path}; free some and run the same command again: it goes on where it stopped"
    )]
    Full { path: String },
    #[error("{path} cannot be written: {reason}")]
    Failed { path: String, reason: String },
}

/// Sentences → unit vectors.
pub trait TextEncoder: Send + Sync {
    fn id(&self) -> &str;
    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError>;
}

/// What a tagger says of one photo.
#[derive(Clone, Debug, PartialEq)]
pub struct Tagged {
    pub category: Option<Category>,
    pub labels: Vec<Tag>,
    /// The text vector of the photo, [`crate::embedding::Dimensions::text`] long; empty where words are
    /// compared with its shape vector, as both lie in one space.
    pub text: Vec<f32>,
}

/// Features → tags and the text vector. Needs no pixels, so that a catalogue can be tagged again.
pub trait Tagger: Send + Sync {
    /// Changes whenever the tags of the same features would change.
    fn id(&self) -> &str;
    fn tag(&self, classes: &[f32], colours: &[Colour]) -> Tagged;
}

/// A shop's own labels: what the catalogue keeps of a photo → tags. Needs no pixels.
pub trait Labeller: Send + Sync {
    /// [`Tag::source`] of all its tags, and of no others.
    fn source(&self) -> &str;

    /// Tags of a photo with these vectors, of which `decisions` are the last word. A label that is
    /// neither accepted nor to be reviewed has no tag, unless a person rejected it.
    fn label(&self, photo: PhotoId, vectors: &Vectors, decisions: &Decisions) -> Vec<Tag>;
}

/// Words of a shopper → the vector to compare with the text vectors of photos.
pub trait TextQuery: Send + Sync {
    /// [`crate::embedding::Dimensions::text`] long. Fails where the words hold nothing to look for.
    fn text_query(&self, words: &str) -> Result<Vec<f32>, ModelError>;

    /// [`TextQuery::text_query`] with what was understood; without more where nobody can say.
    fn understand(&self, words: &str) -> Result<Understood, ModelError> {
        Ok(Understood {
            vector: self.text_query(words)?,
            ..Understood::default()
        })
    }

    /// What the likeness of a photo's text vector to a query's is made of, most first; empty where
    /// nobody can say.
    fn matched(&self, _query: &[f32], _photo: &[f32]) -> Vec<Matched> {
        Vec::new()
    }
}

/// What was understood of a shopper's words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Understood {
    /// As [`TextQuery::text_query`] makes it.
    pub vector: Vec<f32>,
    /// Colours that the words ask for, by the names that photos are measured in.
    pub colours: Vec<String>,
    /// Whether they ask for nothing but colours: `but in blue`.
    pub only_colours: bool,
    /// What the words ask of other vectors of a photo, beside `vector`, which counts 1: what an adapter
    /// has learned from the shop's titles. It moves hits up; what a hit is said to be does not rest on it.
    pub further: Vec<QueryPart>,
}

/// A word that a photo answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Matched {
    pub kind: MatchedKind,
    /// Name of the colour, the class, or the word of the title.
    pub word: String,
    /// How much of the score it makes, 0–1; `null` for words of a title.
    pub share: Option<f32>,
}

/// Where a photo answers a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MatchedKind {
    /// A colour measured on the product.
    Colour,
    /// What the classifier sees in the photo.
    Class,
    /// A word of the title.
    Title,
}

/// Exact dot-product search where something does it faster than [`crate::embedding::dot`] on the
/// CPU: a GPU. Its answers are proposals: whoever asks compares what it proposes again on the CPU,
/// and does without it where it fails.
pub trait ExactSearch: Send + Sync {
    /// What does the work, for a sentence: `NVIDIA H200 (Vulkan)`.
    fn name(&self) -> String;

    /// What it takes of vectors that are `dimension` numbers long. Asked before every search, so it
    /// answers at once.
    fn limits(&self, dimension: usize) -> SearchLimits;

    /// Brings a copy of vectors to where they are searched; they stay there until what is returned
    /// is dropped. `rows` holds one vector after another, each `dimension` (from 1) numbers long, at
    /// most [`SearchLimits::max_rows`] of them, every number finite. Blocks until it is done.
    fn hold(&self, dimension: usize, rows: &[f32]) -> Result<Box<dyn HeldVectors>, ModelError>;
}

/// What an [`ExactSearch`] takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchLimits {
    /// A search over fewer rows than this is done sooner by the CPU than handed over, the rows of
    /// all calls of [`ExactSearch::hold`] taken together.
    pub min_rows: usize,
    /// Rows of one call of [`ExactSearch::hold`].
    pub max_rows: usize,
    /// Largest `k`.
    pub max_k: usize,
}

/// Vectors that an [`ExactSearch`] holds. They can be searched any number of times.
pub trait HeldVectors: Send + Sync {
    /// How far a score may be from the true dot product, at the most and times the lengths of the
    /// row and of the query, from 0: [`crate::embedding::dot_error`] where rows are held and added
    /// up in f32, more where they are held in fewer bits.
    fn error(&self) -> f32;

    /// The `k` rows that score highest with each query, best first; equal scores in any order.
    ///
    /// `queries` holds one query after another, each as long as a row, at least one, every number
    /// finite; a list is returned for each, in the same order. Only rows whose bit in `allowed` is
    /// set are looked at (row `r` is bit `r % 32` of word `r / 32`), every row where it is `None`. A
    /// list is shorter than `k` only where fewer rows are allowed. `k` is from 1 to
    /// [`SearchLimits::max_k`]. Blocks until it is done.
    fn top_k(
        &self,
        queries: &[f32],
        allowed: Option<&[u32]>,
        k: usize,
    ) -> Result<Vec<Vec<Scored>>, ModelError>;
}

/// A row that [`HeldVectors::top_k`] found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// From 0, in the order in which the rows were given.
    pub row: u32,
    /// Dot product with the query, within [`HeldVectors::error`].
    pub score: f32,
}

/// Why a model could not answer.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The weights are not here. The sentence says which command fetches them.
    #[error("{0}")]
    Missing(String),
    /// The weights are here and must not be used: wrong hash, code in a pickle, broken file.
    #[error("{0}")]
    Refused(String),
    /// The words or pictures asked with hold nothing to look for.
    #[error("{0}")]
    BadInput(String),
    /// The device that was asked for is not there, or has not what was asked of it.
    #[error("{0}")]
    Device(String),
    /// The engine failed.
    #[error("{0}")]
    Failed(String),
    /// Whoever asked wanted it to stop.
    #[error("stopped before the end")]
    Stopped,
}

/// Which columns a scan brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns {
    /// All but vectors and class probabilities.
    Tags,
    /// All but class probabilities.
    Vectors,
    /// Everything.
    All,
}

/// URI and SKU of a photo.
pub type PhotoKey = (String, Option<String>);

/// Numbers about a store.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Stats {
    pub photos: usize,
    pub rejects: usize,
    pub categorised: usize,
    pub bytes_on_disk: u64,
    pub table_version: u64,
    pub fragments: usize,
    /// Vectors that have an index, with the number of rows that it does not cover yet.
    pub indices: Vec<IndexStats>,
    pub manifest: StoreManifest,
}

/// One index of a store.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct IndexStats {
    pub column: String,
    pub kind: String,
    pub unindexed_rows: usize,
    /// Recall@10 against the exact search, measured on rows of the table when it was built.
    pub recall_at_10: Option<f32>,
}

/// The catalogue on disk. One process writes at a time; any number read.
pub trait Catalogue: Send + Sync {
    fn manifest(&self) -> &StoreManifest;

    /// URI → etag of everything that was dealt with: photos that are in, and rejects. Where a
    /// photo is in and a later version of it was rejected, the etag of the reject.
    fn seen(&self) -> BoxFuture<'_, Result<HashMap<String, String>, StoreError>>;

    /// Writes records and rejects, replacing those of the same URI. When it returns, they are
    /// durable. A photo that is in the catalogue stays as it was where a later version of it is
    /// rejected; a photo that comes in removes its reject, unless the version that comes in is in
    /// already (new tags) and the reject is about another. No URI comes twice in one call.
    fn upsert(
        &self,
        records: Vec<Record>,
        rejects: Vec<Reject>,
    ) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The photos with this id (hex, or the first 8 or more digits of it), URI or SKU, in the order
    /// of their URIs.
    fn get<'a>(
        &'a self,
        key: &'a str,
        columns: Columns,
    ) -> BoxFuture<'a, Result<Vec<Record>, StoreError>>;

    fn search(&self, query: Query) -> BoxFuture<'_, Result<Hits, StoreError>>;

    /// Calls `each` with the records that pass, a batch at a time, in the order of their URIs,
    /// until it returns `false`. Reads the catalogue as it was when the scan began: another thread
    /// may `upsert` meanwhile.
    fn scan<'a>(
        &'a self,
        filter: Option<Filter>,
        columns: Columns,
        each: &'a mut (dyn FnMut(Vec<Record>) -> bool + Send),
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// URI and SKU of every photo that passes, in the order of the URIs: a [`Catalogue::scan`] that
    /// reads no more than that.
    fn keys(&self, filter: Option<Filter>) -> BoxFuture<'_, Result<Vec<PhotoKey>, StoreError>> {
        Box::pin(async move {
            let mut keys = Vec::new();
            let mut each = |records: Vec<Record>| {
                let sources = records.into_iter().map(|record| record.source);
                keys.extend(sources.map(|source| (source.uri, source.sku)));
                true
            };
            self.scan(filter, Columns::Tags, &mut each).await?;
            Ok(keys)
        })
    }

    /// Removes the photos with these URIs and the rejects of the same; how many photos went.
    fn delete<'a>(&'a self, uris: &'a [String]) -> BoxFuture<'a, Result<usize, StoreError>>;

    /// In the order of their URIs.
    fn rejects(&self) -> BoxFuture<'_, Result<Vec<Reject>, StoreError>>;

    fn stats(&self) -> BoxFuture<'_, Result<Stats, StoreError>>;

    /// Builds or refreshes the indices where the table is big enough for them to pay.
    fn build_index(&self) -> BoxFuture<'_, Result<Stats, StoreError>>;

    /// Merges small fragments and removes versions that nobody needs.
    fn compact(&self) -> BoxFuture<'_, Result<Stats, StoreError>>;

    /// Reads every row and says what is wrong with it; empty means sound.
    fn verify(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>>;
}

/// The log of what people decided about the photos of a catalogue. Lines are only ever added to it.
pub trait DecisionStore: Send + Sync {
    /// All of it. Blocks while it is read.
    fn read(&self) -> Result<DecisionLog, StoreError>;

    /// Adds lines, all or none. When it returns they are durable. Blocks. Whoever adds is the one
    /// that has the catalogue open for writing.
    fn append(&self, entries: &[LogEntry]) -> Result<(), StoreError>;
}

/// Why a store could not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("there is no catalogue at {at}; make one with: showroom ingest PATH --store {at}")]
    NotFound { at: String },
    #[error(
        "the catalogue at {at} was made by encoder {found}, this run uses {wanted}; use another \
         --store, or encode its photos again with: showroom reindex --encoder NAME --store {at}"
    )]
    OtherModel {
        at: String,
        found: String,
        wanted: String,
    },
    #[error("the catalogue at {at} has format {found}, this showroom reads format {wanted}")]
    OtherFormat { at: String, found: u32, wanted: u32 },
    #[error("another process is writing to the catalogue at {at}; wait for it, or stop it")]
    Locked { at: String },
    #[error("the catalogue at {at} is damaged: {reason}")]
    Damaged { at: String, reason: String },
    #[error("{0}")]
    BadQuery(String),
    #[error(
        "no room left on the disk of {at}; free some and run the same command again: it goes on where it stopped"
    )]
    DiskFull { at: String },
    #[error("the catalogue at {at} failed: {reason}")]
    Failed { at: String, reason: String },
}
