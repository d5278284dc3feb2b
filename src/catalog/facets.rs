//! Facets: what is among some photos, and how often, for the filters beside a list of results.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::product::AttributeValue;
use crate::record::Record;
use crate::tag::Decision;

/// Values that a facet lists, the most frequent ones.
const MOST_VALUES: usize = 50;
/// Different values that a facet counts; those that come up after so many are left out.
const MOST_COUNTED: usize = 10_000;

/// A value, and in how many of the photos it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    pub value: String,
    pub photos: usize,
}

/// A category with all below it: as many photos as `category = id` finds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CategoryCount {
    pub id: String,
    /// Name of the node.
    pub value: String,
    pub photos: usize,
}

/// Counts over some photos. Every list has the most frequent value first, equal ones in the order of
/// the alphabet, and at most 50 values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Facets {
    /// How many photos were counted.
    pub photos: usize,
    pub category: Vec<CategoryCount>,
    pub colour: Vec<Count>,
    /// Labels that are used, not those that were rejected.
    pub label: Vec<Count>,
    pub format: Vec<Count>,
    /// By the attribute's name.
    pub attributes: BTreeMap<String, Vec<Count>>,
}

/// Counts as the photos come by.
#[derive(Debug, Default)]
pub struct Counter {
    photos: usize,
    categories: Tally<(String, String)>,
    colours: Tally<String>,
    labels: Tally<String>,
    formats: Tally<String>,
    attributes: BTreeMap<String, Tally<String>>,
}

impl Counter {
    pub fn add(&mut self, record: &Record) {
        self.photos += 1;
        if let Some(category) = &record.category {
            let nodes = category.ancestors().zip(&category.path);
            self.categories
                .add(nodes.map(|(id, name)| (id.to_string(), name.clone())));
        }
        let colours = record.colours.iter();
        self.colours.add(colours.map(|colour| colour.name.clone()));
        let labels = (record.labels.iter()).filter(|label| label.decision != Decision::Reject);
        self.labels.add(labels.map(|label| label.name.clone()));
        self.formats
            .add([record.facts.format.name().to_string()].into_iter());
        for (name, value) in &record.attributes {
            // As many names as a catalogue may have.
            let tally = self.attributes.entry(name.clone()).or_default();
            match value {
                AttributeValue::List(values) => tally.add(values.iter().cloned()),
                value => tally.add([value.to_string()].into_iter()),
            }
        }
    }

    pub fn finish(self) -> Facets {
        let count = |(value, photos)| Count { value, photos };
        let counts = |tally: Tally<String>| tally.most().into_iter().map(count).collect();
        let category = |((id, value), photos)| CategoryCount { id, value, photos };
        Facets {
            photos: self.photos,
            category: self.categories.most().into_iter().map(category).collect(),
            colour: counts(self.colours),
            label: counts(self.labels),
            format: counts(self.formats),
            attributes: (self.attributes.into_iter())
                .map(|(name, tally)| (name, counts(tally)))
                .collect(),
        }
    }
}

/// How often each value came up.
#[derive(Debug)]
struct Tally<T>(BTreeMap<T, usize>);

impl<T> Default for Tally<T> {
    fn default() -> Self {
        Tally(BTreeMap::new())
    }
}

impl<T: Ord> Tally<T> {
    /// The values of one photo; one that comes twice counts once.
    fn add(&mut self, values: impl Iterator<Item = T>) {
        let mut values: Vec<T> = values.collect();
        values.sort();
        values.dedup();
        for value in values {
            if let Some(count) = self.0.get_mut(&value) {
                *count += 1;
            } else if self.0.len() < MOST_COUNTED {
                self.0.insert(value, 1);
            }
        }
    }

    fn most(self) -> Vec<(T, usize)> {
        let mut counted: Vec<(T, usize)> = self.0.into_iter().collect();
        // Stable, so that equal ones stay in order.
        counted.sort_by_key(|(_, photos)| std::cmp::Reverse(*photos));
        counted.truncate(MOST_VALUES);
        counted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_counts_a_photo_once_and_keeps_the_most_frequent() {
        let mut tally = Tally::default();
        tally.add(["red", "blue", "red"].into_iter());
        tally.add(["blue"].into_iter());
        tally.add(["amber"].into_iter());
        assert_eq!(tally.most(), [("blue", 2), ("amber", 1), ("red", 1)]);
        let mut many = Tally::default();
        many.add(0..MOST_COUNTED + 5);
        assert_eq!(many.0.len(), MOST_COUNTED);
        many.add([7].into_iter());
        let most = many.most();
        assert_eq!((most.len(), most[0]), (MOST_VALUES, (7, 2)));
    }
}
