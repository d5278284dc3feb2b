//! Pairs that somebody has looked at and said are none: `dismissed.jsonl` beside the tables.
//!
//! A line is added for every decision and none is ever changed, so that it can be seen who was
//! wrong when; the last line about a pair counts. It is no part of the tables: neither ingesting
//! again nor compacting touches it.

use std::collections::HashSet;
use std::path::Path;

use serde::{Deserialize, Serialize};
use showroom_catalog::PairKey;
use showroom_catalog::seams::StoreError;

use crate::log::{add_lines, read_lines};

const LOG: &str = "dismissed.jsonl";

/// One decision: a line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dismissal {
    /// Milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
    /// `false` takes an earlier one back.
    pub dismissed: bool,
    pub pair: PairKey,
    /// Where the photos were then, for whoever reads the log.
    pub a: String,
    pub b: String,
}

/// What the log says.
#[derive(Clone, Debug, Default)]
pub struct Dismissed {
    pub pairs: HashSet<PairKey>,
    /// Lines that are no decision (cut off by a crash, edited): they are passed over.
    pub unreadable_lines: usize,
}

/// The pairs that are dismissed in the store in `dir`; none where there is no log.
pub fn read_dismissed(dir: &Path) -> Result<Dismissed, StoreError> {
    let mut pairs = HashSet::new();
    let unreadable_lines = read_lines(dir, LOG, |one: Dismissal| {
        match one.dismissed {
            true => pairs.insert(one.pair),
            false => pairs.remove(&one.pair),
        };
    })?;
    Ok(Dismissed {
        pairs,
        unreadable_lines,
    })
}

/// Adds decisions to the log of the store in `dir`, which must be there. When it returns they are on
/// the disk. Needs no right to write to the tables, and waits for others that add at the same time.
pub fn add_dismissals(dir: &Path, dismissals: &[Dismissal]) -> Result<(), StoreError> {
    add_lines(dir, LOG, dismissals)
}

#[cfg(test)]
mod tests {
    use super::*;
    use showroom_catalog::PhotoId;
    use std::fs;

    fn decision(a: u8, b: u8, dismissed: bool) -> Dismissal {
        let key = |byte: u8| (PhotoId([byte; 32]), "/photo");
        Dismissal {
            at_ms: 1,
            dismissed,
            pair: PairKey::new(key(a), key(b)),
            a: "/a".into(),
            b: "/b".into(),
        }
    }

    #[test]
    fn the_last_word_counts_and_a_broken_line_costs_only_itself() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read_dismissed(dir.path()).unwrap().pairs.is_empty());
        let add = |some: &[Dismissal]| add_dismissals(dir.path(), some).unwrap();
        add(&[decision(1, 2, true), decision(3, 4, true)]);
        add(&[decision(2, 1, false)]);
        let log = dir.path().join(LOG);
        let mut text = fs::read(&log).unwrap();
        text.extend(b"{\"at_ms\":1,\"dism");
        fs::write(&log, text).unwrap();
        add(&[decision(5, 6, true)]);
        let found = read_dismissed(dir.path()).unwrap();
        let wanted = [decision(3, 4, true).pair, decision(5, 6, true).pair];
        assert_eq!(found.pairs, HashSet::from(wanted));
        assert_eq!(found.unreadable_lines, 1);
        assert_eq!(fs::read_to_string(&log).unwrap().lines().count(), 5);
    }

    #[test]
    fn without_the_folder_the_error_names_it() {
        let error = add_dismissals(Path::new("/nowhere/shop"), &[]).unwrap_err();
        assert!(error.to_string().contains("/nowhere/shop"), "{error}");
    }
}
