//! Requests that are turned away, in the log: there are most of them when there is least time to write lines.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two lines.
const PAUSE: Duration = Duration::from_secs(1);

/// Counts what is turned away, and says so at most once a second.
#[derive(Default)]
pub struct Refusals(Mutex<Untold>);

#[derive(Default)]
struct Untold {
    count: u64,
    told: Option<Instant>,
}

impl Refusals {
    /// One more.
    pub fn add(&self) {
        if let Some(count) = self.due(Instant::now()) {
            tracing::warn!(
                count,
                "requests were turned away: more came than the queue holds"
            );
        }
    }

    /// How many there were since the last line, where the next is due.
    fn due(&self, now: Instant) -> Option<u64> {
        let mut untold = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        untold.count += 1;
        if untold
            .told
            .is_some_and(|told| now.duration_since(told) < PAUSE)
        {
            return None;
        }
        untold.told = Some(now);
        Some(std::mem::take(&mut untold.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_second_tells_of_all() {
        let (refusals, began) = (Refusals::default(), Instant::now());
        let at = |ms: u64| refusals.due(began + Duration::from_millis(ms));
        assert_eq!(at(0), Some(1));
        assert_eq!([at(1), at(500), at(999)], [None; 3]);
        assert_eq!(at(1000), Some(4));
        assert_eq!(at(1999), None);
        assert_eq!(at(9000), Some(2));
    }
}
