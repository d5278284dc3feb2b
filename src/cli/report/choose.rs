//! Which searches a page shows when nobody says: those that this catalogue can answer.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use showroom_catalog::Record;

/// What the catalogue holds, counted while it is read.
#[derive(Debug, Default)]
pub struct Contents {
    categories: HashMap<String, Kind>,
}

#[derive(Debug, Default)]
struct Kind {
    name: String,
    photos: usize,
    /// Main colour → photos.
    colours: BTreeMap<String, usize>,
    /// URI of the surest photo.
    surest: (f32, String),
}

impl Contents {
    pub fn count(&mut self, record: &Record) {
        let Some(category) = &record.category else {
            return;
        };
        let kind = self.categories.entry(category.id.clone()).or_default();
        kind.photos += 1;
        if kind.name.is_empty() || category.score > kind.surest.0 {
            kind.surest = (category.score, record.source.uri.clone());
        }
        kind.name.clone_from(&category.name);
        if let Some(colour) = record.colours.first() {
            *kind.colours.entry(colour.name.clone()).or_default() += 1;
        }
    }

    /// Up to `count` queries: the most frequent categories in their most frequent colour, first one
    /// of each part of the shop, then further ones.
    pub fn queries(&self, count: usize) -> Vec<String> {
        let mut parts = BTreeSet::new();
        let (mut first, mut further) = (Vec::new(), Vec::new());
        for (id, kind) in self.by_photos() {
            let part = id.split('-').next().unwrap_or_default();
            if parts.insert(part) {
                &mut first
            } else {
                &mut further
            }
            .push(kind);
        }
        let mut queries: Vec<String> = Vec::new();
        for kind in first.into_iter().chain(further) {
            let colour = kind
                .colours
                .iter()
                .max_by_key(|(name, photos)| (**photos, Reverse(*name)));
            let words = match colour {
                Some((colour, _)) => format!("{colour} {}", kind.name.to_lowercase()),
                None => kind.name.to_lowercase(),
            };
            if queries.len() < count && !queries.contains(&words) {
                queries.push(words);
            }
        }
        queries
    }

    /// URI of a photo to show others like it: the surest of the most frequent category.
    pub fn photo(&self) -> Option<&str> {
        self.by_photos()
            .first()
            .map(|(_, kind)| kind.surest.1.as_str())
    }

    /// Categories below the top level before those of it (`black shoes` is a query, `black apparel &
    /// accessories` is none), most photos first, then by id.
    fn by_photos(&self) -> Vec<(&str, &Kind)> {
        let mut kinds: Vec<_> = self
            .categories
            .iter()
            .map(|(id, kind)| (id.as_str(), kind))
            .collect();
        kinds.sort_by_key(|(id, kind)| (!id.contains('-'), Reverse(kind.photos), *id));
        kinds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::page::sample::record;

    #[test]
    fn queries_are_what_is_there_most_one_part_of_the_shop_after_the_other() {
        let mut contents = Contents::default();
        let photos = [
            ("aa-8", "Shoes", "black", 0.6),
            ("aa-8", "Shoes", "black", 0.9),
            ("aa-8", "Shoes", "red", 0.7),
            ("aa-1", "Clothing", "blue", 0.8),
            ("aa-1", "Clothing", "blue", 0.8),
            ("hg-11", "Mugs", "white", 0.9),
            ("aa", "Apparel & Accessories", "white", 0.99),
            ("aa", "Apparel & Accessories", "white", 0.99),
            ("aa", "Apparel & Accessories", "white", 0.99),
            ("aa", "Apparel & Accessories", "white", 0.99),
        ];
        for (at, (id, name, colour, score)) in photos.into_iter().enumerate() {
            contents.count(&record(
                &format!("/p/{at}.jpg"),
                Some((id, name, score)),
                &[colour],
            ));
        }
        contents.count(&record("/p/unsure.jpg", None, &["green"]));
        assert_eq!(
            contents.queries(3),
            ["black shoes", "white mugs", "blue clothing"]
        );
        assert_eq!(contents.photo(), Some("/p/1.jpg"));
        assert_eq!(Contents::default().queries(3), Vec::<String>::new());
        assert_eq!(Contents::default().photo(), None);
    }
}
