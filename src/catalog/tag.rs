//! What is said about a photo, each with its score and who said it.

use serde::{Deserialize, Serialize};

/// What to do with a tag, by its calibrated score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Sure enough to be used as it is.
    Accept,
    /// A person should look.
    Review,
    /// Not used.
    Reject,
}

/// A node of the product taxonomy, the deepest that the tagger is sure of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Category {
    /// Shopify taxonomy id, e.g. `aa-8-8`.
    pub id: String,
    /// Name of the node, e.g. `Sneakers`.
    pub name: String,
    /// Names from the top level down to this node; the last one is `name`.
    pub path: Vec<String>,
    /// Calibrated probability that the category is right, 0–1.
    pub score: f32,
    /// Which model said so.
    pub model: String,
}

impl Category {
    /// Ids from the top level down to this node: `aa-8-8` → `aa`, `aa-8`, `aa-8-8`.
    pub fn ancestors(&self) -> impl Iterator<Item = &str> {
        let id = self.id.as_str();
        id.match_indices('-')
            .map(|(end, _)| &id[..end])
            .chain(std::iter::once(id))
    }
}

/// A named colour measured on the product's pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Colour {
    /// Basic colour word, lower case, e.g. `navy`.
    pub name: String,
    /// Mean colour of the pixels so named, `#rrggbb`.
    pub hex: String,
    /// Share of the product's pixels, 0–1.
    pub share: f32,
}

/// A label that is neither category nor colour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tag {
    pub id: String,
    pub name: String,
    /// Raw score of the model, 0–1.
    pub score: f32,
    /// Calibrated probability that the label is right, 0–1, where one is known.
    #[serde(default)]
    pub calibrated: Option<f32>,
    pub decision: Decision,
    /// What kind of evidence: `classes`, `words`, `person`, ….
    pub source: String,
    /// Which model said so.
    pub model: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ancestors_end_with_the_node_itself() {
        let category = Category {
            id: "aa-8-10".into(),
            name: "Sneakers".into(),
            path: vec![],
            score: 0.9,
            model: String::new(),
        };
        assert_eq!(
            category.ancestors().collect::<Vec<_>>(),
            ["aa", "aa-8", "aa-8-10"]
        );
    }
}
