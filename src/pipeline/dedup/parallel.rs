//! The same work over many numbers, on several threads.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::cancel::Cancel;

/// Does `work` for each chunk of `0..count`, and puts the results one after another in the order of
/// the chunks. `done` is told how many numbers are behind. What is begun is finished when
/// cancelled, and the rest is left out.
pub fn in_chunks<T: Send>(
    count: usize,
    chunk: usize,
    threads: usize,
    cancel: &Cancel,
    done: &(dyn Fn(usize) + Sync),
    work: impl Fn(Range<usize>) -> Vec<T> + Sync,
) -> Vec<T> {
    let (next, behind) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let results = Mutex::new(Vec::new());
    let run = || {
        while !cancel.is_cancelled() {
            let start = next.fetch_add(chunk, Ordering::Relaxed);
            if start >= count {
                break;
            }
            let range = start..(start + chunk).min(count);
            let length = range.len();
            let result = work(range);
            let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
            results.push((start, result));
            drop(results);
            done(behind.fetch_add(length, Ordering::Relaxed) + length);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(run);
        }
        run();
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_unstable_by_key(|(start, _)| *start);
    results.into_iter().flat_map(|(_, result)| result).collect()
}
