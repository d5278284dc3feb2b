//! A request's photo, and what is asked of it in words.

use bytes::Bytes;
use serde_json::Value;
use showroom_catalog::seams::Columns;
use url::form_urlencoded::parse;

use crate::error::ApiError;
use crate::images::Renditions;
use crate::input::Input;
use crate::photos::{Picture, is_address};
use crate::state::App;

/// Names by which a request says which photo it means; the others are parameters.
const ADDRESSES: [&str; 2] = ["url", "image"];
const CATALOGUED: &str = "photo";
/// Longest parameter that is taken, in bytes; more is none of ours.
const LONGEST: usize = 4096;

/// What a request asks.
pub struct Asked {
    pub photo: Source,
    /// In the order in which they came, those of the address first.
    pub parameters: Vec<(String, String)>,
    /// Its body, and its share of the memory for bodies, held as long as it is used.
    _held: Option<Input>,
}

/// Where the photo is.
pub enum Source {
    Picture(Picture),
    /// SKU, id or URI of a photo of the catalogue.
    Catalogue(String),
}

impl Asked {
    /// Reads the parameters of an address, and a body.
    pub fn read(query: Option<&str>, input: Option<Input>) -> Result<Asked, ApiError> {
        let mut pairs: Vec<(String, String)> = parse(query.unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
        let mut input = input;
        let mut photos = Vec::new();
        if let Some(input) = &mut input {
            pairs.extend(words(input.json.take())?);
            let files = std::mem::take(&mut input.files).into_iter();
            photos.extend(files.map(|file| Source::Picture(Picture::Bytes(file.bytes))));
        }
        let mut parameters = Vec::new();
        for (name, value) in pairs {
            if name == CATALOGUED {
                photos.push(Source::Catalogue(value));
            } else if !ADDRESSES.contains(&name.as_str()) {
                parameters.push((name, short(value)?));
            } else if is_address(&value) {
                photos.push(Source::Picture(Picture::Address(value)));
            } else {
                return Err(ApiError::invalid(format!(
                    "{name} must be an address (https://…, s3://…) or a data URI (data:image/…;base64,…)"
                )));
            }
        }
        let photo = photos.pop().filter(|_| photos.is_empty());
        let photo = photo.ok_or_else(|| {
            ApiError::invalid(
                "there must be one photo: file, url, image, or photo of the catalogue",
            )
        })?;
        Ok(Asked {
            photo,
            parameters,
            _held: input,
        })
    }
}

fn short(value: String) -> Result<String, ApiError> {
    match value.len() <= LONGEST {
        true => Ok(value),
        false => Err(ApiError::too_large(format!(
            "a parameter has more than {LONGEST} bytes"
        ))),
    }
}

/// The fields of a body as text, as a form has them.
fn words(json: Value) -> Result<Vec<(String, String)>, ApiError> {
    let Value::Object(fields) = json else {
        return Err(ApiError::invalid("the body must be an object, or a form"));
    };
    let text = |value| match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    };
    let fields = fields.into_iter();
    Ok(fields.map(|(name, value)| (name, text(value))).collect())
}

/// The bytes of a photo of the catalogue, by its id, SKU or URI; of a product with several photos the first.
pub async fn catalogued(app: &App, renditions: &Renditions, key: &str) -> Result<Bytes, ApiError> {
    let records = app.find(key, Columns::Tags).await?;
    let Some(record) = records.first() else {
        let message = "the catalogue has no photo with this SKU, id or URI";
        return Err(ApiError::not_found("no_such_photo", message));
    };
    let place = renditions.find(app.catalogue.as_ref(), record.id).await?;
    renditions.read(&place).await.map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(json: Value) -> Input {
        Input::of(json)
    }

    fn code(query: &str, json: Option<Value>) -> Result<Asked, u16> {
        let asked = Asked::read(Some(query), json.map(input));
        asked.map_err(|error| error.status.as_u16())
    }

    #[test]
    fn parameters_of_the_address_and_the_body_come_together() {
        let json =
            serde_json::json!({"photo": "A 1", "af": 230, "a": true, "bgc": "0,0,0", "x": null});
        let asked = code("om=true&bgc=1%2C2%2C3", Some(json)).unwrap_or_else(|e| panic!("{e}"));
        let text = |name: &str, value: &str| (name.to_string(), value.to_string());
        let mut parameters = asked.parameters;
        assert_eq!(parameters[..2], [text("om", "true"), text("bgc", "1,2,3")]);
        parameters[2..].sort();
        let rest = [
            text("a", "true"),
            text("af", "230"),
            text("bgc", "0,0,0"),
            text("x", ""),
        ];
        assert_eq!(parameters[2..], rest);
        assert!(matches!(asked.photo, Source::Catalogue(key) if key == "A 1"));
    }

    #[test]
    fn there_is_one_photo_or_it_is_said() {
        assert!(code("url=https://a.example/b.png", None).is_ok());
        for query in [
            "",
            "url=",
            "url=file:///etc/passwd",
            "url=/etc/passwd",
            "photo=a&url=https://b/c",
        ] {
            assert_eq!(code(query, None).err(), Some(422), "{query}");
        }
        assert_eq!(code("photo=a", Some(Value::Null)).err(), Some(422));
        let long = format!("photo=a&om={}", "x".repeat(LONGEST + 1));
        assert_eq!(code(&long, None).err(), Some(413));
    }
}
