//! How much of everything a run may use.

use std::sync::Arc;
use std::time::Duration;

use showroom_catalog::Decisions;
use showroom_pixels::DecodeOptions;

/// Bounds and sizes of a run. Zeros are taken as ones.
#[derive(Clone, Debug)]
pub struct IngestOptions {
    /// Its limit on bytes also holds for reading: a file that is bigger is a reject, and not read.
    pub decode: DecodeOptions,
    /// Threads that read. Reading waits more than it works: two are enough for a disk.
    pub fetchers: usize,
    /// Threads that decode.
    pub decoders: usize,
    /// Files that may wait to be decoded, and photos that may wait to be encoded.
    pub queue: usize,
    /// Bytes of pixels that may wait to be encoded or be in an encoder; one photo that is bigger
    /// goes alone.
    pub max_pixel_bytes: u64,
    /// Photos an encoder takes at once, at the most; it never waits for a batch to fill.
    pub batch: usize,
    /// Rows that are written at once, at the most.
    pub write_rows: usize,
    /// The longest that a finished row waits to be written: what a crash can cost.
    pub write_every: Duration,
    /// Try photos again that were rejected before, though they have not changed: after a limit was
    /// raised. What could not be listed or fetched is always tried again.
    pub retry_rejects: bool,
    /// Delete what came from this source before and is not in it any more. Nothing is deleted where
    /// a part of the source cannot be read, or where it lists nothing at all.
    pub delete_missing: bool,
    /// What people decided: it holds for a photo that was in the catalogue before, or is in it under
    /// another name, as soon as it comes in.
    pub decisions: Arc<Decisions>,
}

impl Default for IngestOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        IngestOptions {
            decode: DecodeOptions::default(),
            fetchers: 2,
            decoders: cores,
            queue: 2 * cores,
            max_pixel_bytes: 512 << 20,
            batch: 16,
            write_rows: 512,
            write_every: Duration::from_secs(5),
            retry_rejects: false,
            delete_missing: false,
            decisions: Arc::default(),
        }
    }
}

impl IngestOptions {
    pub(super) fn at_least_one(mut self) -> IngestOptions {
        let sizes = [
            &mut self.fetchers,
            &mut self.decoders,
            &mut self.queue,
            &mut self.batch,
            &mut self.write_rows,
        ];
        sizes.into_iter().for_each(|size| *size = (*size).max(1));
        self
    }

    /// How many photos can be between the source and the end of the encoders at once, in bytes or
    /// in pixels. Of these at most `fetchers + queue + decoders` are files in memory, each up to
    /// `decode.limits.max_bytes`; pixels take up to `max_pixel_bytes`, and one photo more for each decoder.
    pub fn most_in_flight(&self, encoders: usize) -> usize {
        self.fetchers + self.queue + self.decoders + self.queue + encoders * self.batch
    }
}
