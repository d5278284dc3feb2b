//! What a shop calls the 1,000 ImageNet classes, and where each stands in the taxonomy.

use std::sync::OnceLock;

/// Number of ImageNet-1k classes.
pub const CLASSES: usize = 1000;

/// Tab-separated: index, label, phrases (joined by `|`), taxonomy id (empty: no product).
pub const TABLE: &str = include_str!("../../../models/imagenet-1k/classes.tsv");

/// One row of the table.
#[derive(Debug)]
pub struct Class {
    /// As ImageNet has it: all its names in one.
    pub label: &'static str,
    /// As a shopper would ask for it; the first one is the name to show. Never empty.
    pub phrases: Vec<&'static str>,
    /// Id of the most specific right node, `None` where the class is no product.
    pub node: Option<&'static str>,
}

/// All classes, in the order of the network's outputs.
pub fn classes() -> &'static [Class] {
    static PARSED: OnceLock<Vec<Class>> = OnceLock::new();
    PARSED.get_or_init(|| TABLE.lines().skip(1).map(row).collect())
}

/// The table is part of the program, so a row that does not fit is our bug.
fn row(line: &'static str) -> Class {
    let mut fields = line.split('\t').skip(1);
    let (Some(label), Some(phrases), Some(node)) = (fields.next(), fields.next(), fields.next())
    else {
        panic!("classes.tsv: a row without label, phrases and taxonomy: {line}");
    };
    Class {
        label,
        phrases: phrases.split('|').collect(),
        node: Some(node).filter(|id| !id.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_its_row_and_a_phrase() {
        assert_eq!(classes().len(), CLASSES);
        for (index, line) in TABLE.lines().skip(1).enumerate() {
            assert_eq!(line.split('\t').next(), Some(index.to_string().as_str()));
        }
        assert!(
            classes()
                .iter()
                .all(|class| class.phrases.iter().all(|phrase| !phrase.is_empty()))
        );
        assert_eq!(classes()[414].phrases[0], "backpack");
        assert_eq!(classes()[414].node, Some("lb-1"));
        assert_eq!(classes()[970].node, None);
    }
}
