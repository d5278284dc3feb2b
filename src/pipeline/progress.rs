//! What a run says of itself while it goes and when it is over.

use serde::Serialize;
use showroom_catalog::{Reject, Stage};

/// Who looks on while a run goes.
pub trait Progress: Sync {
    /// Called about ten times a second, and once more at the end, also where the run fails.
    fn update(&self, now: &Snapshot);

    /// Called for every reject, from the thread that writes.
    fn rejected(&self, _reject: &Reject) {}
}

/// Nobody looks on.
pub struct Quiet;

impl Progress for Quiet {
    fn update(&self, _now: &Snapshot) {}
}

/// How far a run is. At the end of a run that was not interrupted,
/// `listed = unchanged + added + updated + rejected`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Snapshot {
    /// Photos that the source named, with what it could not list.
    pub listed: u64,
    /// Whether `listed` is final, so that a time left can be told.
    pub listing_done: bool,
    /// Photos that were dealt with before and have not changed since; nothing is done about them.
    pub unchanged: u64,
    /// How many of `unchanged` were rejected then, and would be again.
    pub rejected_before: u64,
    /// New photos in the catalogue, durable.
    pub added: u64,
    /// Photos that were in the catalogue in another version, durable.
    pub updated: u64,
    /// Photos that could not be used, durable.
    pub rejected: u64,
    /// Photos that went through every stage but the writing, and rejects: what a bar shows.
    pub handled: u64,
    /// Files that are no photos, passed over.
    pub skipped_other_files: u64,
    /// Since the run began.
    pub seconds: f64,
    /// In the order of the work.
    pub stages: Vec<StageLoad>,
}

impl Snapshot {
    /// Photos a second that went through, rejects included.
    pub fn rate(&self) -> f64 {
        if self.seconds > 0.0 {
            self.handled as f64 / self.seconds
        } else {
            0.0
        }
    }

    /// How many photos there are to do; a lower bound until `listing_done`.
    pub fn to_do(&self) -> u64 {
        self.listed.saturating_sub(self.unchanged)
    }

    /// Estimate from the rate so far; `None` while it cannot be told.
    pub fn seconds_left(&self) -> Option<f64> {
        let left = self.to_do().saturating_sub(self.handled) as f64;
        (self.listing_done && self.handled > 0).then(|| left / self.rate())
    }

    /// The stage whose threads were busy the greatest part of the time: the one to speed up.
    pub fn slowest(&self) -> Option<&StageLoad> {
        self.stages
            .iter()
            .max_by(|a, b| a.busy_share().total_cmp(&b.busy_share()))
    }
}

/// How busy one stage is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StageLoad {
    pub stage: Stage,
    pub threads: usize,
    /// Time spent at work, not waiting, summed over its threads.
    pub busy_seconds: f64,
    /// Photos that wait for this stage.
    pub waiting: u64,
}

impl StageLoad {
    fn busy_share(&self) -> f64 {
        self.busy_seconds / self.threads.max(1) as f64
    }
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct IngestSummary {
    #[serde(flatten)]
    pub totals: Snapshot,
    /// Photos that are gone from the source and, under `delete_missing`, from the catalogue.
    pub deleted: u64,
    /// Whether `delete_missing` was asked for and nothing was deleted, because a part of the source
    /// could not be read.
    pub deletion_held: bool,
    /// Whether it was asked to stop and left photos undone. What was in flight is written; the same call
    /// again goes on with the rest.
    pub interrupted: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_is_told_when_the_listing_is_done() {
        let mut now = Snapshot {
            listed: 110,
            unchanged: 10,
            handled: 20,
            seconds: 4.0,
            ..Snapshot::default()
        };
        assert_eq!(now.rate(), 5.0);
        assert_eq!(now.seconds_left(), None);
        now.listing_done = true;
        assert_eq!(now.seconds_left(), Some(16.0));
    }

    #[test]
    fn the_slowest_stage_is_the_busiest_a_thread() {
        let load = |stage, threads, busy_seconds| StageLoad {
            stage,
            threads,
            busy_seconds,
            waiting: 0,
        };
        let stages = vec![load(Stage::Decode, 4, 8.0), load(Stage::Encode, 1, 3.0)];
        let now = Snapshot {
            stages,
            ..Snapshot::default()
        };
        assert_eq!(now.slowest().map(|load| load.stage), Some(Stage::Encode));
    }
}
