//! A number of bytes that threads share: who wants more than is left waits.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes of pixels in flight.
pub struct Budget {
    state: Mutex<State>,
    changed: Condvar,
    limit: u64,
}

struct State {
    used: u64,
    closed: bool,
}

/// Bytes taken from a budget; given back when dropped.
pub struct Share<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    pub fn new(limit: u64) -> Budget {
        let state = Mutex::new(State {
            used: 0,
            closed: false,
        });
        Budget {
            state,
            changed: Condvar::new(),
            limit,
        }
    }

    /// Waits until `bytes` are left, or nothing is taken: more than the limit is taken alone.
    /// `None` once the budget is closed.
    pub fn take(&self, bytes: u64) -> Option<Share<'_>> {
        let full = |state: &mut State| {
            !state.closed && state.used > 0 && state.used.saturating_add(bytes) > self.limit
        };
        let mut state = self
            .changed
            .wait_while(self.lock(), full)
            .unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return None;
        }
        state.used = state.used.saturating_add(bytes);
        Some(Share {
            budget: self,
            bytes,
        })
    }

    /// Nobody gives anything back any more: wakes who waits.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Two numbers are never half written: a thread that panicked left them sound.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut state = self.budget.lock();
        state.used = state.used.saturating_sub(self.bytes);
        drop(state);
        self.budget.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_wants_too_much_waits_until_it_is_given_back() {
        let budget = Budget::new(10);
        let first = budget.take(8);
        std::thread::scope(|scope| {
            let second = scope.spawn(|| budget.take(3).map(|share| share.bytes));
            assert_eq!(budget.lock().used, 8);
            drop(first);
            assert_eq!(second.join().ok(), Some(Some(3)));
        });
        assert_eq!(budget.lock().used, 0);
    }

    #[test]
    fn more_than_the_limit_goes_alone_and_closing_wakes() {
        let budget = Budget::new(10);
        let alone = budget.take(25);
        assert!(alone.is_some());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| budget.take(1).is_none());
            budget.close();
            assert_eq!(waiting.join().ok(), Some(true));
        });
    }
}
