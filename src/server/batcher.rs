//! The model threads: photos of several requests go through an encoder together.
//!
//! Each encoder has a thread. It takes what is queued, waits a moment for more where a batch is not full,
//! and leaves out what nobody waits for any more. A batch that fails as a whole is done again one photo at
//! a time, so that no photo takes others with it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use showroom_catalog::Photo;
use showroom_catalog::embedding::Dimensions;
use showroom_catalog::seams::{Encoder, Features};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::config::Batching;
use crate::error::ApiError;
use crate::state::Observe;

/// Why a photo has no features.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// It is about this photo.
    Photo(String),
    /// The encoder failed.
    Encoder(String),
}

impl From<EncodeError> for ApiError {
    fn from(error: EncodeError) -> ApiError {
        match error {
            EncodeError::Photo(reason) => ApiError::new(
                axum::http::StatusCode::UNPROCESSABLE_ENTITY,
                "bad_photo",
                reason,
            ),
            EncodeError::Encoder(reason) => {
                tracing::error!(%reason, "the encoder failed");
                ApiError::dependency(
                    "model_failed",
                    "the encoder failed on this photo; try it again",
                )
            }
        }
    }
}

type Answer = Result<Features, EncodeError>;

/// A photo that waits, and who waits for it.
struct Job {
    photo: Photo,
    reply: oneshot::Sender<Answer>,
    /// Given back when the job is done, so that the queue is bounded.
    place: OwnedSemaphorePermit,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    closed: bool,
}

struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    batching: Batching,
}

/// Hands photos to the model threads. The threads end when it is dropped.
pub struct EncoderHandle {
    queue: Arc<Queue>,
    places: Arc<Semaphore>,
    /// [`Encoder::id`].
    pub id: String,
}

impl EncoderHandle {
    /// Starts a thread for each encoder. At most `places` photos are queued or being encoded; whoever brings
    /// more waits.
    pub fn start(
        encoders: Vec<Box<dyn Encoder>>,
        dimensions: Dimensions,
        batching: Batching,
        places: usize,
        observe: &Arc<dyn Observe>,
    ) -> std::io::Result<EncoderHandle> {
        let id = encoders
            .first()
            .map_or(String::new(), |encoder| encoder.id().to_string());
        let queue = Arc::new(Queue {
            waiting: Mutex::default(),
            changed: Condvar::new(),
            batching: Batching {
                most: batching.most.max(1),
                ..batching
            },
        });
        for encoder in encoders {
            let mut worker = Worker {
                encoder,
                dimensions,
                observe: observe.clone(),
            };
            let queue = queue.clone();
            let name = "encoder".to_string();
            thread::Builder::new().name(name).spawn(move || {
                while let Some(jobs) = queue.take() {
                    worker.answer(jobs);
                }
            })?;
        }
        Ok(EncoderHandle {
            queue,
            places: Arc::new(Semaphore::new(places.max(1))),
            id,
        })
    }

    /// Features of one photo. Where the caller goes away before it is begun, it is not computed.
    pub async fn encode(&self, photo: Photo) -> Answer {
        let stopped = || EncodeError::Encoder("the model threads have ended".into());
        let place = self.places.clone().acquire_owned().await;
        let (reply, answer) = oneshot::channel();
        let job = Job {
            photo,
            reply,
            place: place.map_err(|_| stopped())?,
        };
        self.queue.lock().jobs.push_back(job);
        self.queue.changed.notify_one();
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Photos that wait to be encoded.
    pub fn waiting(&self) -> usize {
        self.queue.lock().jobs.len()
    }
}

impl Drop for EncoderHandle {
    fn drop(&mut self) {
        self.queue.lock().closed = true;
        self.queue.changed.notify_all();
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next batch, never empty; `None` once the server ends.
    fn take(&self) -> Option<Vec<Job>> {
        let mut waiting = self.lock();
        loop {
            waiting = self.fill(waiting);
            if waiting.closed {
                return None;
            }
            let mut batch = Vec::new();
            while batch.len() < self.batching.most
                && let Some(job) = waiting.jobs.pop_front()
            {
                // Whoever asked is gone.
                if !job.reply.is_closed() {
                    batch.push(job);
                }
            }
            if !batch.is_empty() {
                return Some(batch);
            }
        }
    }

    /// Waits for a photo, and then a moment for a full batch.
    fn fill<'a>(&'a self, mut waiting: MutexGuard<'a, Waiting>) -> MutexGuard<'a, Waiting> {
        while waiting.jobs.is_empty() && !waiting.closed {
            let woken = self.changed.wait(waiting);
            waiting = woken.unwrap_or_else(PoisonError::into_inner);
        }
        let until = Instant::now() + self.batching.wait;
        while waiting.jobs.len() < self.batching.most && !waiting.closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let woken = self.changed.wait_timeout(waiting, left);
            waiting = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        waiting
    }
}

struct Worker {
    encoder: Box<dyn Encoder>,
    dimensions: Dimensions,
    observe: Arc<dyn Observe>,
}

impl Worker {
    fn answer(&mut self, jobs: Vec<Job>) {
        let (photos, waiters): (Vec<Photo>, Vec<_>) = jobs
            .into_iter()
            .map(|job| (job.photo, (job.reply, job.place)))
            .unzip();
        self.observe.batch(photos.len());
        let began = Instant::now();
        let answers = match self.attempt(&photos) {
            Ok(answers) => answers,
            Err(reason) if photos.len() == 1 => vec![Err(EncodeError::Encoder(reason))],
            Err(_) => photos.iter().map(|photo| self.alone(photo)).collect(),
        };
        self.observe.stage("encode", began.elapsed());
        for ((reply, _place), answer) in waiters.into_iter().zip(answers) {
            // It is no error that nobody waits any more.
            let _ = reply.send(answer);
        }
    }

    fn alone(&mut self, photo: &Photo) -> Answer {
        let mut answers = self
            .attempt(std::slice::from_ref(photo))
            .map_err(EncodeError::Encoder)?;
        let none = || Err(EncodeError::Encoder("the encoder gave no answer".into()));
        answers.pop().unwrap_or_else(none)
    }

    /// One answer a photo, or why the encoder failed.
    fn attempt(&mut self, photos: &[Photo]) -> Result<Vec<Answer>, String> {
        let encode = AssertUnwindSafe(|| self.encoder.encode(photos));
        let answers = catch_unwind(encode).map_err(|_| "the encoder panicked".to_string())?;
        let answers = answers.map_err(|error| error.to_string())?;
        if answers.len() != photos.len() {
            let (given, asked) = (answers.len(), photos.len());
            return Err(format!(
                "the encoder gave {given} answers for {asked} photos"
            ));
        }
        answers
            .into_iter()
            .map(|answer| self.check(answer))
            .collect()
    }

    /// Vectors of another length, or with a NaN in them, would spoil every search.
    fn check(&self, answer: Result<Features, String>) -> Result<Answer, String> {
        let features = match answer {
            Ok(features) => features,
            Err(reason) => return Ok(Err(EncodeError::Photo(reason))),
        };
        let expected = &self.dimensions;
        for (values, length) in [
            (&features.shape, expected.shape),
            (&features.colour, expected.colour),
            (&features.classes, expected.classes),
        ] {
            if values.len() != length {
                let found = values.len();
                return Err(format!(
                    "the encoder gives {found} numbers where the catalogue keeps {length}"
                ));
            }
            if !values.iter().all(|value| value.is_finite()) {
                let reason = "the encoder made numbers of it that are not finite".to_string();
                return Ok(Err(EncodeError::Photo(reason)));
            }
        }
        Ok(Ok(features))
    }
}
