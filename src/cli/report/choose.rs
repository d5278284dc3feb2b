//! Which searches a page shows when nobody says: those that this catalogue can answer.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use showroom_catalog::{Decision, Record};

/// What the catalogue holds, counted while it is read.
#[derive(Debug, Default)]
pub struct Contents {
    /// By what a shopper would call it.
    kinds: HashMap<String, Kind>,
}

#[derive(Debug, Default)]
struct Kind {
    /// Whether it is a label that the tagger is sure of, and not the name of a category.
    is_label: bool,
    /// Top of the taxonomy.
    part: String,
    photos: usize,
    /// Main colour → photos.
    colours: BTreeMap<String, usize>,
    /// Score and URI of the surest photo.
    surest: (f32, String),
}

impl Contents {
    pub fn count(&mut self, record: &Record) {
        let label = record
            .labels
            .iter()
            .find(|label| label.decision == Decision::Accept);
        // `black shoes` is a query, `black apparel & accessories` is none.
        let below_the_top = record
            .category
            .as_ref()
            .filter(|category| category.path.len() > 1);
        let (name, score) = match (label, below_the_top) {
            (Some(label), _) => (&label.name, label.calibrated.unwrap_or(label.score)),
            (None, Some(category)) => (&category.name, category.score),
            (None, None) => return,
        };
        let kind = self.kinds.entry(name.to_lowercase()).or_default();
        kind.is_label |= label.is_some();
        kind.photos += 1;
        if kind.photos == 1 || score > kind.surest.0 {
            kind.surest = (score, record.source.uri.clone());
        }
        let top = record
            .category
            .as_ref()
            .and_then(|category| category.path.first());
        kind.part = top.unwrap_or(name).clone();
        if let Some(colour) = record.colours.first() {
            *kind.colours.entry(colour.name.clone()).or_default() += 1;
        }
    }

    /// Up to `count` queries: the most frequent kinds in their most frequent colour, first one of
    /// each part of the shop, then further ones.
    pub fn queries(&self, count: usize) -> Vec<String> {
        let mut parts = BTreeSet::new();
        let (first, further): (Vec<_>, Vec<_>) = self
            .by_photos()
            .into_iter()
            .partition(|(_, kind)| parts.insert(&kind.part));
        let words = |(name, kind): (&str, &Kind)| {
            let most = kind
                .colours
                .iter()
                .max_by_key(|(name, photos)| (**photos, Reverse(*name)));
            match most {
                // An orange is called that and not an orange orange.
                Some((colour, _)) if colour != name => format!("{colour} {name}"),
                _ => name.to_string(),
            }
        };
        first
            .into_iter()
            .chain(further)
            .take(count)
            .map(words)
            .collect()
    }

    /// URI of a photo to show others like it: the surest of the most frequent kind.
    pub fn photo(&self) -> Option<&str> {
        self.by_photos()
            .first()
            .map(|(_, kind)| kind.surest.1.as_str())
    }

    /// Labels first, most photos first, then by name.
    fn by_photos(&self) -> Vec<(&str, &Kind)> {
        let mut kinds: Vec<_> = self
            .kinds
            .iter()
            .map(|(name, kind)| (name.as_str(), kind))
            .collect();
        kinds.sort_by_key(|(name, kind)| (!kind.is_label, Reverse(kind.photos), *name));
        kinds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::page::sample::{label, record};

    #[test]
    fn queries_are_what_is_there_most_one_part_of_the_shop_after_the_other() {
        let mut contents = Contents::default();
        let photos = [
            ("aa-8", "Shoes", "black", 0.6, "loafer"),
            ("aa-8", "Shoes", "black", 0.9, "running shoe"),
            ("aa-8", "Shoes", "black", 0.7, "running shoe"),
            ("aa-8", "Shoes", "red", 0.8, "running shoe"),
            ("aa-1", "Clothing", "blue", 0.8, ""),
            ("aa-1", "Clothing", "blue", 0.8, ""),
            ("hg-11", "Mugs", "white", 0.9, ""),
            ("aa", "Apparel & Accessories", "white", 0.99, ""),
        ];
        for (at, (id, name, colour, score, what)) in photos.into_iter().enumerate() {
            let mut record = record(&format!("/p/{at}.jpg"), Some((id, name, score)), &[colour]);
            record.labels.push(label("abacus", 0.2, Decision::Review));
            if !what.is_empty() {
                record.labels.push(label(what, score, Decision::Accept));
            }
            contents.count(&record);
        }
        contents.count(&record("/p/unsure.jpg", None, &["green"]));
        assert_eq!(
            contents.queries(9),
            [
                "black running shoe",
                "white mugs",
                "black loafer",
                "blue clothing"
            ]
        );
        assert_eq!(contents.queries(1), ["black running shoe"]);
        assert_eq!(contents.photo(), Some("/p/1.jpg"));
        assert_eq!(Contents::default().queries(3), Vec::<String>::new());
        assert_eq!(Contents::default().photo(), None);
    }
}
