//! The products of the catalogue: listed, and each with all that is known of it.
//!
//! A product is all photos of one SKU; a photo without a SKU is a product of its own. Products come
//! in the order of their first photo's URI.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query as Params, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Any, json};
use showroom_catalog::facets::Facets;
use showroom_catalog::filter::{Field, Value};
use showroom_catalog::json::{CategoryJson, LabelJson};
use showroom_catalog::label::PERSON;
use showroom_catalog::seams::{Catalogue, Columns, StoreError};
use showroom_catalog::{
    Attributes, Colour, Facts, Filter, PhotoId, Query, QueryPart, Record, Tag, VectorName,
};
use tokio::sync::Mutex;

use crate::cached::Cached;
use crate::error::ApiError;
use crate::search::to_json;

/// Products of one page, unless asked for otherwise, and at the most.
const PAGE: usize = 60;
const MAX_PAGE: usize = 200;
/// Products that may be passed over.
const MAX_OFFSET: usize = 1_000_000_000;
/// Filters of which the list of products is kept.
const MAX_LISTINGS: usize = 8;
/// Photos of one product that are shown.
const MAX_PHOTOS: usize = 200;
/// Bits in which the perceptual hashes of copies of one picture differ, at the most.
const NEAR_BITS: u32 = 10;
/// Photos that are compared with a product's, and how many of them are shown as alike.
const NEIGHBOURS: usize = 60;
const MAX_ALIKE: usize = 12;

/// Where a client finds renditions of a photo: `{src, srcset, placeholder}`.
pub type Pictures = Arc<dyn Fn(&Record) -> Any + Send + Sync>;

/// What the routes of this file need.
pub struct Products {
    catalogue: Arc<dyn Catalogue>,
    pictures: Pictures,
    listings: Mutex<HashMap<String, Arc<Cached<Vec<Entry>>>>>,
}

/// A product of a list.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    /// Of its first photo.
    uri: String,
    photos: usize,
}

/// `?cursor=&offset=&limit=&where=&sort=` of a list.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    cursor: Option<String>,
    /// In place of a cursor: products to pass over.
    offset: Option<usize>,
    limit: Option<usize>,
    r#where: Option<String>,
    /// `uri`, or `-uri` from the end.
    sort: Option<String>,
}

/// `?where=` of facets.
#[derive(Debug, Default, Deserialize)]
pub struct Which {
    r#where: Option<String>,
}

/// A photo of a product.
#[derive(Debug, Serialize)]
struct Photo<'a> {
    id: PhotoId,
    uri: &'a str,
    sku: Option<&'a str>,
    title: Option<&'a str>,
    category: Option<CategoryJson<'a>>,
    /// Whether a person gave the category.
    category_by_person: bool,
    colours: &'a [Colour],
    labels: Vec<Label<'a>>,
    facts: &'a Facts,
    image: Any,
}

/// A label with what is needed to decide it.
#[derive(Debug, Serialize)]
struct Label<'a> {
    id: &'a str,
    #[serde(flatten)]
    said: LabelJson<'a>,
    /// Whether `score` is a probability.
    calibrated: bool,
    source: &'a str,
    by_person: bool,
}

impl<'a> From<&'a Tag> for Label<'a> {
    fn from(tag: &'a Tag) -> Self {
        Label {
            id: &tag.id,
            said: LabelJson::from(tag),
            calibrated: tag.calibrated.is_some(),
            source: &tag.source,
            by_person: tag.model == PERSON,
        }
    }
}

/// A product with all that is known of it.
#[derive(Debug, Serialize)]
struct View<'a> {
    key: &'a str,
    sku: Option<&'a str>,
    title: Option<&'a str>,
    attributes: &'a Attributes,
    photos: Vec<Photo<'a>>,
    /// Other photos that are the same picture: resized, cropped, compressed again.
    near_duplicates: Vec<Any>,
    /// The photos of other products that are most like it.
    alike: Vec<Any>,
}

/// The routes, all of which only read.
pub fn routes<S: Clone + Send + Sync + 'static>(products: Arc<Products>) -> Router<S> {
    Router::new()
        .route("/v1/products", get(list))
        .route("/v1/products/{key}", get(view))
        .route("/v1/facets", get(facets))
        .with_state(products)
}

async fn list(
    State(products): State<Arc<Products>>,
    asked: Result<Params<Asked>, QueryRejection>,
) -> Result<Json<Any>, ApiError> {
    let Params(asked) = asked.map_err(|error| ApiError::bad("bad_request", error.body_text()))?;
    Ok(Json(products.page(&asked).await?))
}

async fn view(
    State(products): State<Arc<Products>>,
    key: Result<Path<String>, PathRejection>,
) -> Result<Json<Any>, ApiError> {
    let Path(key) = key.map_err(|error| ApiError::bad("bad_request", error.body_text()))?;
    Ok(Json(products.view(&key).await?))
}

async fn facets(
    State(products): State<Arc<Products>>,
    which: Result<Params<Which>, QueryRejection>,
) -> Result<Json<Facets>, ApiError> {
    let Params(which) = which.map_err(|error| ApiError::bad("bad_request", error.body_text()))?;
    Ok(Json(products.facets(which.r#where.as_deref()).await?))
}

/// The filter of a request; none where the words are empty.
fn filter(words: Option<&str>) -> Result<Option<Filter>, ApiError> {
    let words = words.map(str::trim).filter(|words| !words.is_empty());
    let parsed = words.map(str::parse::<Filter>).transpose();
    parsed.map_err(ApiError::from)
}

impl Products {
    pub fn new(catalogue: Arc<dyn Catalogue>, pictures: Pictures) -> Products {
        Products {
            catalogue,
            pictures,
            listings: Mutex::default(),
        }
    }

    /// `GET /v1/products`.
    async fn page(&self, asked: &Asked) -> Result<Any, ApiError> {
        let from_end = match asked.sort.as_deref() {
            None | Some("uri") => false,
            Some("-uri") => true,
            Some(other) => {
                let message = format!("sort is uri or -uri, not {other:?}");
                return Err(ApiError::bad("bad_request", message));
            }
        };
        let limit = within("limit", asked.limit, PAGE, 1..=MAX_PAGE)?;
        let offset = within("offset", asked.offset, 0, 0..=MAX_OFFSET)?;
        let listing = self.listing(filter(asked.r#where.as_deref())?).await?;
        let total = listing.len();
        let place = |cursor: &String| {
            let of_uri = |entry: &Entry| match from_end {
                false => entry.uri <= *cursor,
                true => entry.uri < *cursor,
            };
            let at = listing.partition_point(of_uri);
            if from_end { total - at } else { at }
        };
        let from = match &asked.cursor {
            Some(cursor) => place(cursor),
            None => offset.min(total),
        };
        let to = from.saturating_add(limit).min(total);
        let entries: Vec<&Entry> = match from_end {
            false => listing[from..to].iter().collect(),
            true => listing[total - to..total - from].iter().rev().collect(),
        };
        let uris = entries.iter().map(|entry| entry.uri.as_str());
        let rows = by_uri(self.catalogue.as_ref(), uris).await?;
        let next = entries.last().map(|entry| &entry.uri);
        let items: Vec<Any> = (entries.iter())
            .filter_map(|entry| {
                let record = rows.get(&entry.uri)?;
                Some(self.card(record, json!({ "photos": entry.photos })))
            })
            .collect();
        Ok(json!({
            "items": items,
            "total": total,
            "offset": from,
            "next": next.filter(|_| to < total),
        }))
    }

    /// The products that pass, kept for the next page.
    async fn listing(&self, filter: Option<Filter>) -> Result<Arc<Vec<Entry>>, ApiError> {
        let name = filter.as_ref().map(Filter::to_string).unwrap_or_default();
        let kept = {
            let mut listings = self.listings.lock().await;
            if listings.len() >= MAX_LISTINGS && !listings.contains_key(&name) {
                listings.clear();
            }
            listings.entry(name).or_default().clone()
        };
        let make = || list_products(self.catalogue.as_ref(), filter);
        Ok(kept.get(self.catalogue.as_ref(), make).await?)
    }

    /// What a list shows of a photo, with more fields.
    fn card(&self, record: &Record, more: Any) -> Any {
        let labels = record.labels.iter().map(Label::from);
        let mut card = json!({
            "id": record.id,
            "uri": record.source.uri,
            "sku": record.source.sku,
            "title": record.title,
            "category": told(&record.category.as_ref().map(CategoryJson::from)),
            "colours": told(&record.colours),
            "labels": told(&labels.collect::<Vec<_>>()),
            "image": (self.pictures)(record),
        });
        if let (Some(card), Any::Object(more)) = (card.as_object_mut(), more) {
            card.extend(more);
        }
        card
    }

    /// `GET /v1/products/{key}`: `key` is a SKU, a photo's id or its URI.
    async fn view(&self, key: &str) -> Result<Any, ApiError> {
        let mut records = self.catalogue.get(key, Columns::All).await?;
        let sku = records.first().and_then(|first| first.source.sku.clone());
        if let Some(sku) = sku.as_deref().filter(|sku| *sku != key) {
            let asked_for = std::mem::take(&mut records);
            records = self.catalogue.get(sku, Columns::All).await?;
            records.retain(|record| record.source.sku.as_deref() == Some(sku));
            // The photo that was asked for comes first.
            let is_asked = |record: &Record| asked_for.iter().any(|asked| asked.id == record.id);
            records.sort_by_key(|record| !is_asked(record));
        }
        records.truncate(MAX_PHOTOS);
        let Some(first) = records.first() else {
            let message = format!("no photo of the catalogue has the SKU, id or URI {key:?}");
            return Err(ApiError::not_found("not_found", message));
        };
        let (near_duplicates, alike) = self.neighbours(first, &records).await?;
        let photos = records.iter().map(|record| Photo {
            id: record.id,
            uri: &record.source.uri,
            sku: record.source.sku.as_deref(),
            title: record.title.as_deref(),
            category: record.category.as_ref().map(CategoryJson::from),
            category_by_person: (record.category.as_ref()).is_some_and(|c| c.model == PERSON),
            colours: &record.colours,
            labels: record.labels.iter().map(Label::from).collect(),
            facts: &record.facts,
            image: (self.pictures)(record),
        });
        let view = View {
            key: sku.as_deref().unwrap_or(&first.source.uri),
            sku: sku.as_deref(),
            title: records.iter().find_map(|record| record.title.as_deref()),
            attributes: &first.attributes,
            photos: photos.collect(),
            near_duplicates,
            alike,
        };
        to_json(&view)
    }

    /// Photos that are the same picture as `first`, and those of other products that are most like it.
    async fn neighbours(
        &self,
        first: &Record,
        own: &[Record],
    ) -> Result<(Vec<Any>, Vec<Any>), ApiError> {
        let part = |on: VectorName| QueryPart {
            on,
            vector: first.vectors.get(on).to_vec(),
            weight: 1.0,
        };
        let query = Query {
            parts: vec![part(VectorName::Shape), part(VectorName::Colour)],
            k: NEIGHBOURS,
            exclude_uris: vec![first.source.uri.clone()],
            ..Query::default()
        };
        let found = self.catalogue.search(query).await?;
        let is_own = |record: &Record| own.iter().any(|own| own.source.uri == record.source.uri);
        let (mut near, mut alike) = (Vec::new(), Vec::new());
        for hit in &found.hits {
            let bits = (hit.record.facts.phash ^ first.facts.phash).count_ones();
            let is_exact = hit.record.id == first.id;
            let kind = if is_exact { "exact" } else { "near" };
            let score = json!({ "score": told(&hit.score), "bits": bits, "kind": kind });
            if is_exact || bits <= NEAR_BITS {
                near.push(self.card(&hit.record, score));
            } else if !is_own(&hit.record) && alike.len() < MAX_ALIKE {
                alike.push(self.card(&hit.record, json!({ "score": told(&hit.score) })));
            }
        }
        Ok((near, alike))
    }

    /// `GET /v1/facets`.
    async fn facets(&self, words: Option<&str>) -> Result<Facets, ApiError> {
        let query = Query {
            filter: filter(words)?,
            facets: true,
            ..Query::default()
        };
        Ok(self
            .catalogue
            .search(query)
            .await?
            .facets
            .unwrap_or_default())
    }
}

/// Every product of which a photo passes, in the order of their first such photo.
async fn list_products(
    catalogue: &dyn Catalogue,
    filter: Option<Filter>,
) -> Result<Vec<Entry>, StoreError> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (uri, sku) in catalogue.keys(filter).await? {
        if let Some(&place) = sku.as_ref().and_then(|sku| places.get(sku)) {
            entries[place].photos += 1;
            continue;
        }
        if let Some(sku) = sku {
            places.insert(sku, entries.len());
        }
        entries.push(Entry { uri, photos: 1 });
    }
    Ok(entries)
}

/// A part of an answer with the digits that its numbers have.
pub(crate) fn told<T: Serialize>(part: &T) -> Any {
    // Fails for our own bugs alone, and is logged.
    to_json(part).unwrap_or_default()
}

/// A number of a request that must lie in a range.
pub(crate) fn within(
    name: &str,
    given: Option<usize>,
    default: usize,
    range: RangeInclusive<usize>,
) -> Result<usize, ApiError> {
    let number = given.unwrap_or(default);
    if range.contains(&number) {
        return Ok(number);
    }
    let (from, to) = (range.start(), range.end());
    let message = format!("{name} must be from {from} to {to}, not {number}");
    Err(ApiError::bad("bad_request", message))
}

/// The rows of these URIs, at most 200 of them, without vectors.
pub(crate) async fn by_uri(
    catalogue: &dyn Catalogue,
    uris: impl Iterator<Item = &str>,
) -> Result<HashMap<String, Record>, StoreError> {
    let uris: Vec<Value> = uris.map(|uri| Value::Word(uri.to_string())).collect();
    let mut rows = HashMap::with_capacity(uris.len());
    if uris.is_empty() {
        return Ok(rows);
    }
    let mut each = |records: Vec<Record>| {
        let records = records.into_iter();
        rows.extend(records.map(|record| (record.source.uri.clone(), record)));
        true
    };
    let filter = Filter::OneOf(Field::Uri, uris);
    catalogue
        .scan(Some(filter), Columns::Tags, &mut each)
        .await?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::fakes::{Memory, label, photo, pictures};

    fn products(records: Vec<Record>) -> (Arc<Memory>, Products) {
        let catalogue = Memory::new(records);
        (catalogue.clone(), Products::new(catalogue, pictures()))
    }

    fn uris(page: &Any) -> Vec<&str> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| item["uri"].as_str().unwrap()).collect()
    }

    fn asked(text: &str) -> Asked {
        let Params(asked) = Params::try_from_uri(&format!("/?{text}").parse().unwrap()).unwrap();
        asked
    }

    #[tokio::test]
    async fn photos_of_a_sku_are_one_product_and_pages_follow_one_another() {
        let (catalogue, products) = products(vec![
            photo("a1", Some("A"), 1),
            photo("b", None, 2),
            photo("c1", Some("C"), 3),
            photo("c2", Some("C"), 4),
            photo("d", Some("A"), 5),
        ]);
        let first = products.page(&asked("limit=2")).await.unwrap();
        assert_eq!(uris(&first), ["/p/a1", "/p/b"]);
        assert_eq!(
            (&first["total"], &first["next"]),
            (&json!(3), &json!("/p/b"))
        );
        assert_eq!(first["items"][0]["photos"], 2);
        assert_eq!(
            first["items"][0]["image"]["src"],
            format!("/images/{}", PhotoId([1; 32]))
        );
        let second = products.page(&asked("limit=2&cursor=/p/b")).await.unwrap();
        assert_eq!(uris(&second), ["/p/c1"]);
        assert!(second["next"].is_null());
        let by_place = products.page(&asked("offset=1&limit=9")).await.unwrap();
        assert_eq!(uris(&by_place), ["/p/b", "/p/c1"]);
        let back = products.page(&asked("sort=-uri&limit=2")).await.unwrap();
        assert_eq!(uris(&back), ["/p/c1", "/p/b"]);
        let back = products
            .page(&asked("sort=-uri&cursor=/p/b"))
            .await
            .unwrap();
        assert_eq!(uris(&back), ["/p/a1"]);
        let past = products.page(&asked("offset=99")).await.unwrap();
        assert_eq!((uris(&past).len(), &past["total"]), (0, &json!(3)));
        assert_eq!(
            catalogue.scans.load(Ordering::SeqCst),
            1,
            "one scan serves all pages"
        );
        for wrong in ["where=colour+%3D", "sort=price"] {
            let refused = products.page(&asked(wrong)).await.unwrap_err();
            assert_eq!(refused.status.as_u16(), 400, "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_filter_lists_products_of_which_a_photo_passes() {
        let mut records = vec![
            photo("a", Some("A"), 1),
            photo("b", Some("A"), 2),
            photo("c", None, 3),
        ];
        records[1].labels = vec![label("mug", 0.5, None)];
        let (_, products) = products(records);
        let page = products.page(&asked("where=label+%3D+mug")).await.unwrap();
        assert_eq!((uris(&page), &page["total"]), (vec!["/p/b"], &json!(1)));
        assert_eq!(
            products.facets(Some("label = mug")).await.unwrap().photos,
            1
        );
        assert_eq!(products.facets(None).await.unwrap().photos, 3);
    }

    #[tokio::test]
    async fn a_product_shows_its_photos_its_copies_and_what_is_like_it() {
        let mut records = vec![
            photo("a1", Some("A"), 1),
            photo("a2", Some("A"), 20),
            photo("copy", Some("B"), 1),
            photo("resized", Some("B"), 3),
            photo("far", Some("D"), 63),
        ];
        records[0].labels = vec![label("mug", 0.5, Some(0.6))];
        let (_, products) = products(records);
        for key in ["A", "/p/a1"] {
            let view = products.view(key).await.unwrap();
            assert_eq!((&view["key"], &view["sku"]), (&json!("A"), &json!("A")));
            let photos = view["photos"].as_array().unwrap();
            assert_eq!(photos.len(), 2);
            assert_eq!(photos[0]["uri"], "/p/a1");
            let said = &photos[0]["labels"][0];
            assert_eq!(
                (&said["id"], &said["calibrated"]),
                (&json!("mug"), &json!(true))
            );
            let near = view["near_duplicates"].as_array().unwrap();
            let kinds: Vec<_> = near
                .iter()
                .map(|n| (n["uri"].as_str().unwrap(), &n["kind"], &n["bits"]))
                .collect();
            let expected = [
                ("/p/copy", &json!("exact"), &json!(0)),
                ("/p/resized", &json!("near"), &json!(2)),
            ];
            assert_eq!(kinds, expected);
            let alike = view["alike"].as_array().unwrap();
            assert_eq!(alike.len(), 1, "its own other photo is not among them");
            assert_eq!(alike[0]["uri"], "/p/far");
        }
        let first = products.view("/p/a2").await.unwrap();
        assert_eq!(
            first["photos"][0]["uri"], "/p/a2",
            "the photo that was asked for comes first"
        );
        let missing = products.view("nobody").await.unwrap_err();
        assert_eq!(missing.status.as_u16(), 404);
    }
}
