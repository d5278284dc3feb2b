//! Where the kept rows of a key are: a URI, a SKU, or the beginning of an id.

use std::hash::{DefaultHasher, Hash, Hasher};

/// Hexadecimal digits of an id in a number.
const DIGITS: usize = 16;

/// The rows of a part by their keys.
#[derive(Default)]
pub(crate) struct Keys {
    /// Hash of a URI or SKU and the row that has it, in this order.
    named: Vec<(u64, u32)>,
    /// First digits of an id and the row that has it, in this order.
    ids: Vec<(u64, u32)>,
}

impl Keys {
    /// Of rows with these URIs, SKUs and ids, in order.
    pub(crate) fn of<'a>(rows: impl Iterator<Item = (&'a str, Option<&'a str>, &'a str)>) -> Keys {
        let mut keys = Keys::default();
        for ((uri, sku, id), row) in rows.zip(0u32..) {
            keys.named.push((hash(uri), row));
            keys.named.extend(sku.map(|sku| (hash(sku), row)));
            keys.ids.extend(digits(id, '0').map(|id| (id, row)));
        }
        keys.named.sort_unstable();
        keys.ids.sort_unstable();
        keys
    }

    /// Rows among which are those with this URI or SKU.
    pub(crate) fn named(&self, key: &str) -> impl Iterator<Item = usize> {
        let key = hash(key);
        between(&self.named, key, key)
    }

    /// Rows among which are those whose id begins so; none where these are no hexadecimal digits.
    pub(crate) fn with_id(&self, beginning: &str) -> impl Iterator<Item = usize> {
        let range = digits(beginning, '0').zip(digits(beginning, 'f'));
        let found = range.map(|(from, to)| between(&self.ids, from, to));
        found.into_iter().flatten()
    }
}

fn between(rows: &[(u64, u32)], from: u64, to: u64) -> impl Iterator<Item = usize> {
    let start = rows.partition_point(|(key, _)| *key < from);
    let rows = rows[start..].iter().take_while(move |(key, _)| *key <= to);
    rows.map(|(_, row)| *row as usize)
}

fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// The first digits as a number; digits that are missing are `missing`.
fn digits(id: &str, missing: char) -> Option<u64> {
    let first = id.chars().chain(std::iter::repeat(missing)).take(DIGITS);
    first
        .map(|digit| digit.to_digit(16))
        .try_fold(0, |number, digit| Some(number << 4 | u64::from(digit?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_by_every_key() {
        let ids = [
            "00ff".repeat(16),
            "00fe".repeat(16),
            "abcd".repeat(16),
            "00ff".repeat(16),
        ];
        let rows = [
            ("/a.jpg", Some("A"), ids[0].as_str()),
            ("/b.jpg", Some("A"), ids[1].as_str()),
            ("/c.jpg", None, ids[2].as_str()),
            ("/d.jpg", Some("/a.jpg"), ids[3].as_str()),
        ];
        let keys = Keys::of(rows.into_iter());
        let named = |key| keys.named(key).collect::<Vec<_>>();
        assert_eq!(named("A"), [0, 1]);
        assert_eq!(named("/a.jpg"), [0, 3]);
        assert_eq!(named("/c.jpg"), [2]);
        assert_eq!(named("nobody"), [0; 0]);
        let with_id = |beginning: &str| keys.with_id(beginning).collect::<Vec<_>>();
        assert_eq!(with_id("00ff"), [0, 3]);
        assert_eq!(with_id("00"), [1, 0, 3]);
        assert_eq!(with_id(&ids[2]), [2]);
        assert_eq!(with_id("ffff"), [0; 0]);
        assert_eq!(with_id("/a.jpg"), [0; 0]);
        assert_eq!(with_id("+1"), [0; 0]);
    }
}
