//! What the shop itself says of a product: its title, and attributes such as brand, price or size.
//!
//! They come from the shop's feed and are kept beside what was measured and tagged; a filter and an
//! export know them by their names.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::filter::Field;

/// Longest name of an attribute, in characters.
pub const MAX_NAME: usize = 64;
/// Most attributes of one catalogue: each is a column of its table.
pub const MAX_ATTRIBUTES: usize = 512;

/// Attributes by name, as [`attribute_name`] makes it.
pub type Attributes = BTreeMap<String, AttributeValue>;

/// The value of one attribute. In JSON a text, a number, a truth value or a list of texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AttributeValue {
    Bool(bool),
    /// Finite.
    Number(f64),
    Text(String),
    List(Vec<String>),
}

/// Which kind of value; an attribute may have values of several kinds in one catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AttributeKind {
    Bool,
    Number,
    Text,
    List,
}

impl AttributeKind {
    pub const ALL: [AttributeKind; 4] = [
        AttributeKind::Bool,
        AttributeKind::Number,
        AttributeKind::Text,
        AttributeKind::List,
    ];

    /// Lower-case name, as in the store and in a preview.
    pub fn name(self) -> &'static str {
        match self {
            AttributeKind::Bool => "bool",
            AttributeKind::Number => "number",
            AttributeKind::Text => "text",
            AttributeKind::List => "list",
        }
    }
}

impl AttributeValue {
    pub fn kind(&self) -> AttributeKind {
        match self {
            AttributeValue::Bool(_) => AttributeKind::Bool,
            AttributeValue::Number(_) => AttributeKind::Number,
            AttributeValue::Text(_) => AttributeKind::Text,
            AttributeValue::List(_) => AttributeKind::List,
        }
    }
}

/// As people read it; the elements of a list are separated by commas.
impl fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AttributeValue::Bool(value) => write!(f, "{value}"),
            AttributeValue::Number(value) => write!(f, "{value}"),
            AttributeValue::Text(value) => f.write_str(value),
            AttributeValue::List(values) => f.write_str(&values.join(", ")),
        }
    }
}

/// What a feed says of a product besides its SKU.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Product {
    pub title: Option<String>,
    pub attributes: Attributes,
}

/// The name of an attribute, from the heading of a column: lower case, `_` for everything that is
/// neither a letter nor a digit, so that a filter needs no quotes: `Preis (EUR)` → `preis_eur`.
/// A name that the filter language has already (`colour`, `width`) becomes `feed_colour`; `None`
/// where nothing is left of the heading.
pub fn attribute_name(heading: &str) -> Option<String> {
    let mut name = String::new();
    for c in heading.chars().flat_map(char::to_lowercase) {
        match c {
            c if c.is_alphanumeric() => name.push(c),
            _ if name.is_empty() || name.ends_with('_') => {}
            _ => name.push('_'),
        }
    }
    let name: String = name.chars().take(MAX_NAME).collect();
    let name = name.trim_end_matches('_');
    let is_taken = matches!(name, "and" | "or" | "not" | "in") || Field::from_name(name).is_known();
    match name {
        "" => None,
        name if is_taken => Some(format!("feed_{name}")),
        name => Some(name.to_string()),
    }
}

/// Separates the path of a photo from the SKU where one file shows several products, each of which
/// has a row: `/photos/set.jpg#sku=BOWL-2`. The first product has the path alone.
const SKU_MARK: &str = "#sku=";

/// The key of the row of a further product on the photo at `path`.
pub fn uri_with_sku(path: &str, sku: &str) -> String {
    format!("{path}{SKU_MARK}{sku}")
}

/// Where the file of a row is: its URI without a further product's SKU.
pub fn file_of(uri: &str) -> &str {
    uri.split_once(SKU_MARK).map_or(uri, |(path, _)| path)
}

/// Separates the version of a file from that of what a feed said of it.
const PRODUCT_MARK: char = '+';

/// The etag of a photo of a feed: changes with the file and with the product.
pub fn etag_with_product(file: &str, product: &str) -> String {
    format!("{file}{PRODUCT_MARK}{product}")
}

/// The version of the file, and that of the product where a feed named it.
pub fn split_etag(etag: &str) -> (&str, Option<&str>) {
    match etag.split_once(PRODUCT_MARK) {
        Some((file, product)) => (file, Some(product)),
        None => (etag, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_need_no_quotes_in_a_filter() {
        let cases = [
            ("Brand", Some("brand")),
            ("  Preis (EUR) ", Some("preis_eur")),
            ("Größe", Some("größe")),
            ("Option1 Value", Some("option1_value")),
            ("Colour", Some("feed_colour")),
            ("color", Some("feed_color")),
            ("IN", Some("feed_in")),
            ("title", Some("feed_title")),
            ("--", None),
            ("", None),
        ];
        for (heading, name) in cases {
            assert_eq!(attribute_name(heading).as_deref(), name, "{heading}");
        }
        assert_eq!(attribute_name(&"x".repeat(99)).map(|n| n.len()), Some(64));
    }

    #[test]
    fn values_keep_their_kind_in_json() {
        for text in [r#"true"#, r#"12.5"#, r#""12.5""#, r#"["a","b"]"#] {
            let value: AttributeValue = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&value).unwrap(), text);
        }
    }

    #[test]
    fn keys_and_etags_come_apart_again() {
        let uri = uri_with_sku("/a/b.jpg", "X");
        assert_eq!(
            (uri.as_str(), file_of(&uri)),
            ("/a/b.jpg#sku=X", "/a/b.jpg")
        );
        assert_eq!(split_etag("12-3"), ("12-3", None));
        let etag = etag_with_product("12-3", "ab");
        assert_eq!(split_etag(&etag), ("12-3", Some("ab")));
    }
}
