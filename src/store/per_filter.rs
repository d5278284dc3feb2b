//! What was found out about filters, until something is written.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// Filters of which something is kept: with a million rows, 32 MB of bits.
const MOST_FILTERS: usize = 256;

/// A value for each filter (in SQL; `None` is no filter) in the last version of the table that was asked about.
pub(crate) struct PerFilter<T>(RwLock<(u64, HashMap<Option<String>, T>)>);

impl<T> Default for PerFilter<T> {
    fn default() -> Self {
        PerFilter(RwLock::default())
    }
}

impl<T: Clone> PerFilter<T> {
    pub(crate) fn get(&self, version: u64, which: &Option<String>) -> Option<T> {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (of, values) = &*kept;
        values.get(which).filter(|_| *of == version).cloned()
    }

    /// Forgets what is of another version, or is too much.
    pub(crate) fn put(&self, version: u64, which: Option<String>, value: T) {
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if kept.0 > version {
            return;
        }
        if kept.0 < version || kept.1.len() >= MOST_FILTERS {
            *kept = (version, HashMap::new());
        }
        kept.1.insert(which, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_for_its_filter_and_version() {
        let values = PerFilter::default();
        let red = Some("colour = 'red'".to_string());
        values.put(7, red.clone(), 3);
        values.put(7, None, 9);
        assert_eq!(
            (values.get(7, &red), values.get(7, &None)),
            (Some(3), Some(9))
        );
        assert_eq!((values.get(6, &red), values.get(8, &red)), (None, None));
        // A slow search of an older version.
        values.put(6, None, 8);
        assert_eq!(values.get(7, &None), Some(9));
        values.put(8, None, 10);
        assert_eq!(
            (values.get(8, &None), values.get(8, &red)),
            (Some(10), None)
        );
    }

    #[test]
    fn no_more_than_so_many_are_kept() {
        let values = PerFilter::default();
        for number in 0..MOST_FILTERS + 1 {
            values.put(1, Some(number.to_string()), number);
        }
        assert_eq!(values.get(1, &Some("0".into())), None);
        assert_eq!(
            values.get(1, &Some(MOST_FILTERS.to_string())),
            Some(MOST_FILTERS)
        );
    }
}
