//! JSON Lines as rows: an object a line. Values keep their types.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};

use serde_json::{Map, Value};
use showroom_catalog::AttributeValue;
use showroom_catalog::feed::{BadRow, Cell, Row, Table};
use showroom_catalog::seams::SourceError;

use crate::folder::source_error;

/// Longest line, in bytes.
const MAX_LINE: u64 = 4 << 20;

/// A JSON Lines file.
pub struct JsonTable {
    path: String,
}

impl JsonTable {
    pub fn new(path: String) -> JsonTable {
        JsonTable { path }
    }
}

impl Table for JsonTable {
    fn path(&self) -> &str {
        &self.path
    }

    fn rows(&self, each: &mut dyn FnMut(Result<Row, BadRow>) -> bool) -> Result<(), SourceError> {
        let failed = |e: &std::io::Error| source_error(self.path.clone(), e);
        let mut reader = BufReader::new(File::open(&self.path).map_err(|e| failed(&e))?);
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            let mut bounded = reader.by_ref().take(MAX_LINE + 1);
            let read = bounded
                .read_until(b'\n', &mut line)
                .map_err(|e| failed(&e))?;
            if read == 0 {
                break;
            }
            if read as u64 > MAX_LINE {
                let reason = format!(
                    "line {number} is longer than {MAX_LINE} bytes; write an object a line"
                );
                let uri = self.path.clone();
                return Err(SourceError::Unreadable { uri, reason });
            }
            let text = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line);
            if text.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let row = serde_json::from_slice::<Map<String, Value>>(text)
                .map(|object| Row {
                    number,
                    cells: cells(object),
                })
                .map_err(|e| BadRow {
                    number,
                    reason: format!("it is no JSON object: {e}"),
                });
            if !each(row) {
                break;
            }
        }
        Ok(())
    }
}

/// What belongs to a photo as `showroom export` writes it and is measured again.
const OWN: [&str; 7] = [
    "id", "width", "height", "category", "colours", "labels", "facts",
];

fn cells(object: Map<String, Value>) -> Vec<(String, Cell)> {
    let is_own = ["uri", "facts", "colours"]
        .iter()
        .all(|key| object.contains_key(*key));
    let mut cells = Vec::new();
    for (key, value) in object {
        match value {
            _ if is_own && OWN.contains(&key.as_str()) => {}
            Value::Object(attributes) if key == "attributes" => {
                // Their names are names already: they never mean the SKU or a photo.
                let named = |(name, value)| Some((format!("{name}:any"), cell(value)?));
                cells.extend(attributes.into_iter().filter_map(named));
            }
            value => cells.extend(cell(value).map(|cell| (key, cell))),
        }
    }
    cells
}

fn cell(value: Value) -> Option<Cell> {
    let value = match value {
        Value::Null => return None,
        Value::Bool(value) => AttributeValue::Bool(value),
        Value::Number(number) => match number.as_f64() {
            // Beyond this a number is a key, and its digits count.
            Some(value) if value.is_finite() && value.abs() < 9e15 => AttributeValue::Number(value),
            _ => AttributeValue::Text(number.to_string()),
        },
        Value::String(text) if text.trim().is_empty() => return None,
        Value::String(text) => AttributeValue::Text(text),
        Value::Array(values) => AttributeValue::List(values.into_iter().filter_map(word).collect()),
        Value::Object(_) => AttributeValue::Text(value.to_string()),
    };
    Some(Cell::Value(value))
}

/// An element of a list; of a photo with its own object, where it is.
fn word(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        Value::Object(object) => ["src", "url", "uri"]
            .iter()
            .find_map(|key| object.get(*key)?.as_str().map(str::to_string)),
        value => Some(value.to_string()),
    }
}
