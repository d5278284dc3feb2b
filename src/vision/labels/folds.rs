//! Which examples are held back together.

use std::collections::{BTreeMap, BTreeSet};

use showroom_catalog::PhotoId;

/// Folds at the most.
const FOLDS: usize = 5;

/// What the folds are cut from: one photo.
pub struct Photo<'a> {
    pub id: PhotoId,
    /// Photos of one item are in one fold.
    pub item: &'a str,
    /// A label that it has.
    pub label: Option<usize>,
}

/// The fold of each photo, from 0, each label spread over as many folds as it can be; `None` where
/// no label has two items. The same photos are always cut in the same way: their order is that of
/// their hashes.
pub fn folds(photos: &[Photo<'_>]) -> Option<Vec<usize>> {
    // By label, items in the order of the first of their hashes.
    let mut first: BTreeMap<&str, (PhotoId, Option<usize>)> = BTreeMap::new();
    for photo in photos {
        let known = first.entry(photo.item).or_insert((photo.id, photo.label));
        known.0 = known.0.min(photo.id);
        known.1 = known.1.or(photo.label);
    }
    let mut by_label: BTreeMap<Option<usize>, BTreeSet<(PhotoId, &str)>> = BTreeMap::new();
    for (item, (id, label)) in first {
        by_label.entry(label).or_default().insert((id, item));
    }
    let most = by_label
        .iter()
        .filter(|(label, _)| label.is_some())
        .map(|(_, items)| items.len())
        .max()?;
    let count = most.min(FOLDS);
    if count < super::MIN_HELD_BACK {
        return None;
    }
    let mut fold_of = BTreeMap::new();
    // One after the other, also from label to label, so that rare labels do not all come first.
    for (next, (_, item)) in by_label.into_values().flatten().enumerate() {
        fold_of.insert(item, next % count);
    }
    photos
        .iter()
        .map(|photo| fold_of.get(photo.item).copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_of_an_item_stay_together_and_labels_are_spread() {
        let names: Vec<String> = (0..20).map(|at| format!("item {}", at / 2)).collect();
        let photos: Vec<Photo> = (0..20)
            .map(|at| Photo {
                id: PhotoId([at as u8; 32]),
                item: &names[at],
                label: Some(usize::from(at >= 10)),
            })
            .collect();
        let found = folds(&photos).unwrap();
        assert!(found.chunks(2).all(|views| views[0] == views[1]));
        for label in [&found[..10], &found[10..]] {
            let distinct: BTreeSet<_> = label.iter().collect();
            assert_eq!(distinct.len(), 5, "{label:?}");
        }
    }

    #[test]
    fn one_item_a_label_cannot_be_held_back() {
        let photo = |label| Photo {
            id: PhotoId([label as u8; 32]),
            item: ["a", "b"][label],
            label: Some(label),
        };
        assert_eq!(folds(&[photo(0), photo(1), photo(0)]), None);
        assert_eq!(folds(&[]), None);
    }
}
