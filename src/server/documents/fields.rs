//! A document as a client writes it ↔ a row of the catalogue.

use serde_json::{Map, Value, json};
use showroom_catalog::json::PhotoJson;
use showroom_catalog::product::{MAX_ATTRIBUTES, attribute_name};
use showroom_catalog::seams::Columns;
use showroom_catalog::{AttributeValue, Attributes, PhotoId, Record};

use crate::error::ApiError;
use crate::photos::{Picture, is_address};
use crate::search::to_json;
use crate::state::App;

/// Fields in which a document has its picture, unless `tensorFields` names another.
const PICTURES: [&str; 3] = ["image", "image_url", "photo"];
/// Longest text of a field, in characters.
const LONGEST_TEXT: usize = 10_000;

/// A document that is to be added.
#[derive(Clone, Debug)]
pub struct Document {
    pub id: String,
    /// `None` where the photo that is there already stays.
    pub picture: Option<Picture>,
    pub sku: Option<String>,
    pub title: Option<String>,
    pub attributes: Attributes,
}

/// A document, or its `_id` and why it cannot be used.
pub type Read = Result<Document, (String, String)>;

impl Document {
    /// `id` is what it is called where it does not say so itself. Fails where it is none at all; where one of
    /// its fields cannot be used, gives its `_id` and the reason.
    pub fn read(
        fields: Value,
        id: impl FnOnce() -> String,
        tensor_fields: &[String],
    ) -> Result<Read, ApiError> {
        let Value::Object(mut fields) = fields else {
            return Err(ApiError::invalid("a document is an object"));
        };
        let id = match fields.remove("_id") {
            None | Some(Value::Null) => id(),
            Some(Value::String(id)) => id,
            Some(other) => {
                return Err(ApiError::invalid(format!(
                    "_id must be a text, not {other}"
                )));
            }
        };
        let mut document = Document {
            id: id.clone(),
            picture: None,
            sku: None,
            title: None,
            attributes: Attributes::new(),
        };
        Ok(match document.fill(fields, tensor_fields) {
            Ok(()) => Ok(document),
            Err(reason) => Err((id, reason)),
        })
    }

    fn fill(&mut self, fields: Map<String, Value>, tensor_fields: &[String]) -> Result<(), String> {
        let named = PICTURES
            .into_iter()
            .find(|name| fields.get(*name).is_some_and(Value::is_string));
        let has_address = |name: &&str| {
            fields
                .get(*name)
                .and_then(Value::as_str)
                .is_some_and(is_address)
        };
        let tensors = || tensor_fields.iter().map(String::as_str).find(has_address);
        let picture = named.or_else(tensors).map(str::to_string);
        for (name, value) in fields {
            if picture.as_deref() == Some(name.as_str())
                && let Some(address) = value.as_str()
            {
                if !is_address(address) {
                    return Err(format!(
                        "{name} must be a data URI (data:image/…;base64,…) or an address (https://…, s3://…)"
                    ));
                }
                self.picture = Some(Picture::Address(address.to_string()));
                if address.starts_with("data:") {
                    continue;
                }
            }
            self.field(&name, value)?;
        }
        Ok(())
    }

    fn field(&mut self, name: &str, value: Value) -> Result<(), String> {
        let value = match value {
            Value::Null => return Ok(()),
            Value::Bool(value) => AttributeValue::Bool(value),
            Value::Number(number) => {
                let number = number.as_f64().filter(|number| number.is_finite());
                AttributeValue::Number(
                    number.ok_or_else(|| format!("{name} is too large a number"))?,
                )
            }
            Value::String(text) => AttributeValue::Text(self::text(name, text)?),
            Value::Array(values) => {
                let texts = values.into_iter().map(|value| match value {
                    Value::String(text) => self::text(name, text),
                    other => Err(format!("{name} must be a list of texts; {other} is none")),
                });
                AttributeValue::List(texts.collect::<Result<_, _>>()?)
            }
            Value::Object(_) => {
                return Err(format!(
                    "{name} is an object; a field is a text, a number, a truth value or a list"
                ));
            }
        };
        match (name, value) {
            ("title", AttributeValue::Text(title)) => self.title = Some(title),
            ("sku", AttributeValue::Text(sku)) => self.sku = Some(sku),
            ("title" | "sku", _) => return Err(format!("{name} must be a text")),
            (name, value) => {
                let known = attribute_name(name);
                let known = known.ok_or_else(|| format!("{name:?} is no name for a field"))?;
                self.attributes.insert(known, value);
                if self.attributes.len() > MAX_ATTRIBUTES {
                    return Err(format!("a document has at most {MAX_ATTRIBUTES} fields"));
                }
            }
        }
        Ok(())
    }
}

fn text(name: &str, text: String) -> Result<String, String> {
    match text.chars().nth(LONGEST_TEXT) {
        None => Ok(text),
        Some(_) => Err(format!("{name} has more than {LONGEST_TEXT} characters")),
    }
}

/// The attributes of a row as fields of a document.
pub fn attribute_fields(record: &Record) -> Result<Map<String, Value>, ApiError> {
    match to_json(&record.attributes)? {
        Value::Object(fields) => Ok(fields),
        _ => Ok(Map::new()),
    }
}

impl App {
    /// What the API calls a row: the `_id` with which it was added, else the id of the photo.
    pub fn id_of(&self, record: &Record) -> String {
        let added = self
            .uploads
            .as_ref()
            .and_then(|uploads| uploads.id(&record.source.uri));
        added.unwrap_or_else(|| record.id.to_string())
    }

    /// The rows that a client may mean: with this `_id`, else with this SKU, id (or its first digits) or URI.
    pub async fn find(&self, key: &str, columns: Columns) -> Result<Vec<Record>, ApiError> {
        if let Some(uri) = self.uploads.as_ref().and_then(|uploads| uploads.uri(key)) {
            let added = self.catalogue.get(&uri, columns).await?;
            if !added.is_empty() {
                return Ok(added);
            }
        }
        Ok(self.catalogue.get(key, columns).await?)
    }

    /// The rows with exactly this `_id`, SKU, id or URI: what is deleted is named in full.
    pub async fn find_exactly(&self, key: &str) -> Result<Vec<Record>, ApiError> {
        let mut found = self.find(key, Columns::Tags).await?;
        let id: Option<PhotoId> = key.to_ascii_lowercase().parse().ok();
        found.retain(|record| {
            let source = &record.source;
            self.id_of(record) == key
                || source.uri == key
                || source.sku.as_deref() == Some(key)
                || id == Some(record.id)
        });
        Ok(found)
    }

    /// A row as a document.
    pub fn document(&self, record: &Record) -> Result<Value, ApiError> {
        let mut fields = attribute_fields(record)?;
        if let Value::Object(ours) = to_json(&PhotoJson::from(record))? {
            fields.extend(ours);
        }
        fields.insert("_id".into(), json!(self.id_of(record)));
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: Value) -> Read {
        Document::read(fields, || "made".into(), &["photo_of_it".into()]).unwrap()
    }

    #[test]
    fn fields_keep_their_kind_and_the_picture_is_found() {
        let document = read(json!({
            "_id": "A", "title": "Boots", "sku": "S", "Preis (EUR)": 12.5, "new": true, "tags": ["a", "b"],
            "none": null, "photo_of_it": "https://a/b.jpg", "colour": "red",
        }))
        .unwrap();
        assert_eq!(document.id, "A");
        assert_eq!(document.title.as_deref(), Some("Boots"));
        assert_eq!(document.sku.as_deref(), Some("S"));
        let names: Vec<&str> = document.attributes.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            ["feed_colour", "new", "photo_of_it", "preis_eur", "tags"]
        );
        assert!(
            matches!(document.picture, Some(Picture::Address(address)) if address == "https://a/b.jpg")
        );
        let data = read(json!({"image": "data:image/png;base64,AA"})).unwrap();
        assert_eq!((data.id.as_str(), data.attributes.len()), ("made", 0));
        assert!(read(json!({"title": "x"})).unwrap().picture.is_none());
    }

    #[test]
    fn what_is_no_document_says_why() {
        for wrong in [
            json!({"_id": "a", "x": {"y": 1}}),
            json!({"_id": "a", "x": [1, 2]}),
            json!({"_id": "a", "title": 5}),
            json!({"_id": "a", "--": 5}),
            json!({"_id": "a", "image": "photo.jpg"}),
            json!({"_id": "a", "x": "y".repeat(10_001)}),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
        for wrong in [json!(5), json!({"_id": 5})] {
            assert!(
                Document::read(wrong.clone(), String::new, &[]).is_err(),
                "{wrong}"
            );
        }
    }
}
