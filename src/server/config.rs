//! How much of everything the server may use, resolved by whoever starts it.

use std::time::Duration;

use showroom_pixels::DecodeOptions;

/// Most hits that a search can reach: `limit` and `offset` together.
pub const MAX_REACH: usize = 1000;

/// Bounds. Each holds for itself; a request beyond one is refused with a status that says so.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of one request's body (413).
    pub body_bytes: usize,
    /// Bytes of all bodies that are in memory at once (429).
    pub all_bodies_bytes: usize,
    /// What a photo may cost.
    pub decode: DecodeOptions,
    /// Requests that may wait for a model or the catalogue or be worked on (429).
    pub queue: usize,
    /// Searches, decodings and sentences that are worked on at once, each kind for itself.
    pub workers: usize,
    /// Connections that are open at once; more wait to be accepted.
    pub connections: usize,
    /// From the first byte of a request to the last of its header.
    pub header_timeout: Duration,
    /// From a request's header to its answer (503).
    pub request_timeout: Duration,
    /// The longest that a client may take none of an answer.
    pub write_timeout: Duration,
    /// Documents of one request (413).
    pub documents: usize,
    /// Inputs of one request for embeddings (413).
    pub inputs: usize,
    pub batching: Batching,
    pub drain: Drain,
}

/// How photos of several requests go through a model together.
#[derive(Clone, Copy, Debug)]
pub struct Batching {
    /// Photos at a time, at the most; 1 for each by itself.
    pub most: usize,
    /// How long the first photo of a batch waits for others; zero takes only what is there.
    pub wait: Duration,
}

/// How the server ends.
#[derive(Clone, Copy, Debug)]
pub struct Drain {
    /// Between the moment that `/ready` says no and that at which no connection is accepted.
    pub notice: Duration,
    /// How long requests that were accepted may then take.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Limits {
            body_bytes: 32 << 20,
            all_bodies_bytes: 512 << 20,
            decode: DecodeOptions::default(),
            queue: 64,
            workers: cores,
            connections: 1024,
            header_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            documents: 128,
            inputs: 64,
            batching: Batching {
                most: 4,
                wait: Duration::from_millis(2),
            },
            drain: Drain {
                notice: Duration::from_millis(500),
                patience: Duration::from_secs(30),
            },
        }
    }
}
