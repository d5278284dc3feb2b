//! What rows count for in facets, as numbers, so that counting 100,000 of them takes milliseconds.

use std::collections::HashMap;

use showroom_catalog::facets::{Counter, Facets, Term, terms};

use crate::compared::is_set;
use crate::tags::Tags;

/// The terms that rows have, each with its number. Numbers are only ever added.
#[derive(Default)]
pub(crate) struct Dictionary {
    numbers: HashMap<Term, u32>,
    terms: Vec<Term>,
}

impl Dictionary {
    fn number(&mut self, term: Term) -> u32 {
        if let Some(number) = self.numbers.get(&term) {
            return *number;
        }
        let number = self.terms.len() as u32;
        self.terms.push(term.clone());
        self.numbers.insert(term, number);
        number
    }

    /// The facets of the rows of some parts whose bits are set.
    pub(crate) fn count<'a>(
        &self,
        parts: impl Iterator<Item = (&'a Numbered, &'a [u32])>,
    ) -> Facets {
        let (mut photos, mut counts) = (0, vec![0; self.terms.len()]);
        for (numbered, allowed) in parts {
            for row in (0..numbered.ends.len()).filter(|row| is_set(allowed, *row)) {
                photos += 1;
                for number in numbered.row(row) {
                    counts[*number as usize] += 1;
                }
            }
        }
        let counts = self.terms.iter().zip(counts);
        Counter::of(photos, counts.filter(|(_, photos)| *photos > 0))
    }
}

/// The terms of some rows, row after row.
#[derive(Default)]
pub(crate) struct Numbered {
    numbers: Vec<u32>,
    /// Where the terms of each row end.
    ends: Vec<u32>,
}

impl Numbered {
    /// The error says what is wrong with a row.
    pub(crate) fn of(tags: &Tags, dictionary: &mut Dictionary) -> Result<Numbered, String> {
        let mut numbered = Numbered::default();
        tags.each(|record| {
            let terms = terms(&record).into_iter();
            (numbered.numbers).extend(terms.map(|term| dictionary.number(term)));
            numbered.ends.push(numbered.numbers.len() as u32);
        })?;
        Ok(numbered)
    }

    fn row(&self, row: usize) -> &[u32] {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.numbers[start as usize..self.ends[row] as usize]
    }
}
