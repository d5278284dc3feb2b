//! `GET /v1/review`: what a person should look at, the most doubtful first.
//!
//! In it are labels that are to be reviewed, and the category where it is unsure or missing. The queue
//! is made from a scan of the catalogue and kept; what has been decided since is left out of it.

use std::collections::{HashMap, HashSet};
use std::sync::PoisonError;

use serde::Deserialize;
use serde_json::{Value as Any, json};
use showroom_catalog::decision::{CATEGORY, Decisions, PERSON, Verdict};
use showroom_catalog::json::CategoryJson;
use showroom_catalog::seams::{Catalogue, Columns, StoreError};
use showroom_catalog::{Decision, PhotoId, Record, Tag};

use super::{ByLabel, REVIEW_CATEGORY_BELOW, Reviewer, Waiting};
use crate::error::ApiError;
use crate::product::{by_uri, told, within};

/// Items of a page, unless asked for otherwise, and at the most.
const PAGE: usize = 50;
const MAX_PAGE: usize = 200;
/// Items that are kept, the most doubtful ones: some 200 bytes each.
const MAX_ITEMS: usize = 200_000;

/// `?limit=&cursor=&label=`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    limit: Option<usize>,
    cursor: Option<String>,
    /// Id or name of a label, or `@category`.
    label: Option<String>,
}

/// How little is known: lower comes first. Of what is calibrated one half says least; of what is not,
/// nothing is known, and the likeliest come first since they are the soonest done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Doubt(f32, f32);

impl Doubt {
    fn of_label(tag: &Tag) -> Doubt {
        match tag.calibrated {
            Some(p) => Doubt((p - 0.5).abs(), -tag.score),
            None => Doubt(0.0, -tag.score),
        }
    }

    /// No category is as little as can be known.
    fn of_category(score: Option<f32>) -> Doubt {
        score.map_or(Doubt(0.0, 0.0), |p| Doubt((p - 0.5).abs(), -p))
    }

    fn bits(self) -> (i64, i64) {
        // As `f32::total_cmp` orders them, for a cursor.
        let key = |number: f32| {
            let bits = number.to_bits() as i32;
            i64::from(bits ^ ((((bits >> 31) as u32) >> 1) as i32))
        };
        (key(self.0), key(self.1))
    }
}

/// One thing to decide.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    pub doubt: Doubt,
    pub photo: PhotoId,
    pub uri: String,
    /// [`Tag::id`], or [`CATEGORY`].
    pub label: String,
    /// Of the label.
    pub name: String,
    /// Id of the category that the photo has.
    pub category: Option<String>,
}

impl Item {
    fn key(&self) -> (i64, i64, &str, &str) {
        let (first, second) = self.doubt.bits();
        (first, second, &self.uri, &self.label)
    }

    fn cursor(&self) -> String {
        let (first, second) = self.doubt.bits();
        format!("{first},{second},{},{}", self.label.len(), self.label) + &self.uri
    }
}

/// Where a page begins: behind the item of this cursor.
struct Cursor<'a>(i64, i64, &'a str, &'a str);

impl<'a> Cursor<'a> {
    fn parse(text: &'a str) -> Option<Cursor<'a>> {
        let mut parts = text.splitn(4, ',');
        let first = parts.next()?.parse().ok()?;
        let second = parts.next()?.parse().ok()?;
        let length: usize = parts.next()?.parse().ok()?;
        let (label, uri) = parts.next()?.split_at_checked(length)?;
        Some(Cursor(first, second, uri, label))
    }
}

/// What waits, the most doubtful first; each label of a photo once, however many rows have it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub items: Vec<Item>,
    seen: HashSet<(PhotoId, String)>,
}

impl Queue {
    /// Reads the whole catalogue.
    pub async fn read(catalogue: &dyn Catalogue) -> Result<Queue, StoreError> {
        let mut queue = Queue::default();
        let mut each = |records: Vec<Record>| {
            records.iter().for_each(|record| queue.add(record));
            if queue.items.len() > 2 * MAX_ITEMS {
                queue.sort();
            }
            true
        };
        catalogue.scan(None, Columns::Tags, &mut each).await?;
        queue.sort();
        Ok(queue)
    }

    /// Adds what is doubtful about a photo.
    pub fn add(&mut self, record: &Record) {
        for item in doubtful(record) {
            if self.seen.insert((item.photo, item.label.clone())) {
                self.items.push(item);
            }
        }
    }

    pub fn sort(&mut self) {
        self.items.sort_by(|a, b| a.key().cmp(&b.key()));
        self.items.truncate(MAX_ITEMS);
    }
}

/// Each thing about a photo that a person should look at.
fn doubtful(record: &Record) -> Vec<Item> {
    let category = record.category.as_ref();
    let item = |label: &str, name: &str, doubt| Item {
        doubt,
        photo: record.id,
        uri: record.source.uri.clone(),
        label: label.into(),
        name: name.into(),
        category: category.map(|category| category.id.clone()),
    };
    let tags = record.labels.iter();
    let mut found: Vec<Item> = tags
        .filter(|tag| tag.decision == Decision::Review && tag.model != PERSON)
        .map(|tag| item(&tag.id, &tag.name, Doubt::of_label(tag)))
        .collect();
    let is_sure = category.is_some_and(|c| c.model == PERSON || c.score >= REVIEW_CATEGORY_BELOW);
    if !is_sure {
        let doubt = Doubt::of_category(category.map(|category| category.score));
        found.push(item(CATEGORY, "category", doubt));
    }
    found
}

/// Whether a person has said the last word. Where a category was rejected, another one that a tagger
/// says since is still to be decided.
fn is_decided(decisions: &Decisions, item: &Item) -> bool {
    let Some(line) = decisions.last(item.photo, &item.label) else {
        return false;
    };
    let rejected = match (line.verdict, &line.details.category) {
        (Verdict::Reject, Some(category)) => category.id.as_str(),
        _ => return true,
    };
    let below = |id: &str| {
        id.strip_prefix(rejected)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    item.category.as_deref().is_none_or(below)
}

impl Reviewer {
    /// What is doubtful about photos that a decision was taken back from waits again.
    pub(super) async fn wait_again(&self, records: &[Record]) -> Result<(), ApiError> {
        let queue = self.queue().await?;
        let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        records.iter().for_each(|record| queue.add(record));
        queue.sort();
        Ok(())
    }

    async fn queue(&self) -> Result<std::sync::Arc<std::sync::Mutex<Queue>>, StoreError> {
        let catalogue = self.catalogue.as_ref();
        let make = || async { Ok(std::sync::Mutex::new(Queue::read(catalogue).await?)) };
        self.queue.get(catalogue, make).await
    }

    /// `GET /v1/review`.
    pub(super) async fn page(&self, asked: Asked) -> Result<Any, ApiError> {
        let limit = within("limit", asked.limit, PAGE, 1..=MAX_PAGE)?;
        let after = asked.cursor.as_deref().map(Cursor::parse);
        let Some(after) = after.map_or(Some(None), |cursor| cursor.map(Some)) else {
            let message = "the cursor is none that this server gave";
            return Err(ApiError::not_found("not_found", message));
        };
        let queue = self.queue().await?;
        let state = self.logged().await?;
        let is_open = |item: &&Item| !is_decided(&state.decisions, item);
        let wanted = asked.label.map(|label| label.trim().to_lowercase());
        let is_wanted = |item: &&Item| {
            let named = |label: &str| {
                item.label.to_lowercase() == label || item.name.to_lowercase() == label
            };
            wanted
                .as_deref()
                .is_none_or(|label| label.is_empty() || named(label))
        };
        let (total, by_label, items) = {
            let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            let open: Vec<&Item> = queue.items.iter().filter(is_open).collect();
            let by_label = count(&open);
            let wanted: Vec<&Item> = open.into_iter().filter(is_wanted).collect();
            let from = after.map_or(0, |Cursor(a, b, uri, label)| {
                wanted.partition_point(|item| item.key() <= (a, b, uri, label))
            });
            let page = wanted.iter().skip(from).take(limit + 1);
            let page: Vec<Item> = page.map(|item| (*item).clone()).collect();
            (wanted.len(), by_label, page)
        };
        let next = (items.len() > limit).then(|| items[limit - 1].cursor());
        let items = &items[..limit.min(items.len())];
        let uris: HashSet<&str> = items.iter().map(|item| item.uri.as_str()).collect();
        let rows = by_uri(self.catalogue.as_ref(), uris.into_iter()).await?;
        let shown = (items.iter()).filter_map(|item| self.shown(item, &rows, &state.decisions));
        let labels = by_label
            .iter()
            .map(|(id, Waiting { name, items })| json!({ "id": id, "name": name, "items": items }));
        Ok(json!({
            "items": shown.collect::<Vec<_>>(),
            "total": total,
            "next": next,
            "labels": labels.collect::<Vec<_>>(),
        }))
    }

    /// An item as it is now; none where there is nothing to review about it any more.
    fn shown(
        &self,
        item: &Item,
        rows: &HashMap<String, Record>,
        decisions: &Decisions,
    ) -> Option<Any> {
        let record = rows.get(&item.uri)?;
        let now = doubtful(record).into_iter();
        let item = now
            .filter(|now| now.photo == item.photo)
            .find(|now| now.label == item.label)?;
        if is_decided(decisions, &item) {
            return None;
        }
        let category = record.category.as_ref();
        let tag = record.labels.iter().find(|tag| tag.id == item.label);
        let (name, score, calibrated) = match tag {
            Some(tag) => (
                Some(tag.name.as_str()),
                Some(tag.calibrated.unwrap_or(tag.score)),
                tag.calibrated.is_some(),
            ),
            None => (
                category.map(|category| category.name.as_str()),
                category.map(|category| category.score),
                category.is_some(),
            ),
        };
        let seen = decisions.last(record.id, &item.label);
        Some(json!({
            "id": record.id,
            "uri": record.source.uri,
            "sku": record.source.sku,
            "title": record.title,
            "label": item.label,
            "name": name,
            "score": told(&score),
            "calibrated": calibrated,
            "source": tag.map(|tag| tag.source.as_str()),
            "category": told(&category.map(CategoryJson::from)),
            "colours": told(&record.colours),
            "seen": seen.and_then(|line| line.details.batch.as_deref()),
            "image": (self.pictures)(record),
        }))
    }
}

fn count(items: &[&Item]) -> ByLabel {
    let mut counts = ByLabel::new();
    for item in items {
        let waiting = counts.entry(item.label.clone()).or_insert_with(|| Waiting {
            name: item.name.clone(),
            items: 0,
        });
        waiting.items += 1;
    }
    counts
}
