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

/// What a photo counts for in one facet.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Term {
    /// A node of the taxonomy: that of the photo, or one above it.
    Category {
        id: String,
        name: String,
    },
    Colour(String),
    /// One that is used, not one that was rejected.
    Label(String),
    Format(String),
    Attribute {
        name: String,
        value: String,
    },
}

/// What a photo counts for, each once.
pub fn terms(record: &Record) -> Vec<Term> {
    let mut terms = vec![Term::Format(record.facts.format.name().to_string())];
    if let Some(category) = &record.category {
        let nodes = category.ancestors().zip(&category.path);
        terms.extend(nodes.map(|(id, name)| Term::Category {
            id: id.to_string(),
            name: name.clone(),
        }));
    }
    let colours = record.colours.iter();
    terms.extend(colours.map(|colour| Term::Colour(colour.name.clone())));
    let labels = (record.labels.iter()).filter(|label| label.decision != Decision::Reject);
    terms.extend(labels.map(|label| Term::Label(label.name.clone())));
    for (name, value) in &record.attributes {
        let attribute = |value: String| Term::Attribute {
            name: name.clone(),
            value,
        };
        match value {
            AttributeValue::List(values) => terms.extend(values.iter().cloned().map(attribute)),
            value => terms.push(attribute(value.to_string())),
        }
    }
    terms.sort_unstable();
    terms.dedup();
    terms
}

/// Counts as the photos come by.
#[derive(Debug, Default)]
pub struct Counter {
    photos: usize,
    categories: Tally<(String, String)>,
    colours: Tally<String>,
    labels: Tally<String>,
    formats: Tally<String>,
    /// As many names as a catalogue may have.
    attributes: BTreeMap<String, Tally<String>>,
}

impl Counter {
    pub fn add(&mut self, record: &Record) {
        self.photos += 1;
        terms(record)
            .into_iter()
            .for_each(|term| self.count(term, 1));
    }

    /// The facets of so many photos, of which so many count for each of these terms. A term comes once.
    pub fn of<'a>(photos: usize, counts: impl Iterator<Item = (&'a Term, usize)>) -> Facets {
        let mut counter = Counter {
            photos,
            ..Counter::default()
        };
        counts.for_each(|(term, photos)| counter.count(term.clone(), photos));
        counter.finish()
    }

    fn count(&mut self, term: Term, photos: usize) {
        match term {
            Term::Category { id, name } => self.categories.add((id, name), photos),
            Term::Colour(name) => self.colours.add(name, photos),
            Term::Label(name) => self.labels.add(name, photos),
            Term::Format(name) => self.formats.add(name, photos),
            Term::Attribute { name, value } => {
                self.attributes.entry(name).or_default().add(value, photos);
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
    fn add(&mut self, value: T, photos: usize) {
        if let Some(count) = self.0.get_mut(&value) {
            *count += photos;
        } else if self.0.len() < MOST_COUNTED {
            self.0.insert(value, photos);
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
    fn a_tally_adds_up_and_keeps_the_most_frequent() {
        let mut tally = Tally::default();
        for (value, photos) in [("red", 1), ("blue", 1), ("amber", 1), ("blue", 1)] {
            tally.add(value, photos);
        }
        assert_eq!(tally.most(), [("blue", 2), ("amber", 1), ("red", 1)]);
        let mut many = Tally::default();
        (0..MOST_COUNTED + 5).for_each(|value| many.add(value, 1));
        assert_eq!(many.0.len(), MOST_COUNTED);
        many.add(7, 2);
        let most = many.most();
        assert_eq!((most.len(), most[0]), (MOST_VALUES, (7, 3)));
    }
}
