//! Long work that a client does not wait for: accepted, done in the background, asked after, cancelled.
//!
//! `POST /v1/jobs` answers 202 once the job is on the disk. A job that was running when the server died is
//! queued again when it starts, up to [`JobOptions::max_attempts`] times, so what a job does must be safe to
//! do again. What it does is a [`JobRunner`]'s business.

mod api;
mod job;
mod log;
mod routes;
mod work;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use showroom_catalog::seams::BoxFuture;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::clock::now_s;
use crate::error::ApiError;
use crate::webhooks::Webhooks;
pub use api::ApiJobs;
use job::{Event, Idempotency};
pub use job::{Job, NewJob, Progress, Status};
use log::Log;
pub use routes::routes;

/// What jobs do.
pub trait JobRunner: Send + Sync {
    /// Kinds of jobs that there are.
    fn kinds(&self) -> Vec<&'static str>;

    /// Refuses an input that can never be done, in a sentence, before the job is accepted.
    fn check(&self, kind: &str, input: &Value) -> Result<(), String>;

    /// Does it; the result is shown to the client. To be ended soon after [`JobContext::cancelled`];
    /// dropped some seconds later.
    fn run<'a>(
        &'a self,
        kind: &'a str,
        input: &'a Value,
        context: &'a JobContext,
    ) -> BoxFuture<'a, Result<Value, String>>;
}

/// What a running job sees of the server.
#[derive(Clone)]
pub struct JobContext {
    id: String,
    progress: Arc<Mutex<Progress>>,
    stop: watch::Receiver<bool>,
}

impl JobContext {
    /// The job's id: the same when it is run again.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How far it is; `total` 0 where that is not known.
    pub fn progress(&self, done: u64, total: u64) {
        *lock(&self.progress) = Progress { done, total };
    }

    pub fn is_cancelled(&self) -> bool {
        *self.stop.borrow()
    }

    /// Returns once the job is to end.
    pub async fn cancelled(&self) {
        let mut stop = self.stop.clone();
        // A sender that is gone is a server that ends.
        let _ = stop.wait_for(|stop| *stop).await;
    }
}

/// Bounds of jobs.
#[derive(Clone, Debug)]
pub struct JobOptions {
    /// Jobs that run at once. Default 1: most write to the catalogue, which one does at a time.
    pub workers: usize,
    /// Jobs that may wait. Default 100.
    pub queue: usize,
    /// Finished jobs that are remembered, and their idempotency keys. Default 1000.
    pub keep: usize,
    /// Bytes of one job's input, and of its result. Default 4 MiB.
    pub max_bytes: usize,
    /// How long one job may take. Default 6 hours.
    pub timeout: Duration,
    /// How long a cancelled job may take to end by itself. Default 10 s.
    pub grace: Duration,
    /// How often a job is begun whose server dies. Default 3.
    pub max_attempts: u32,
}

impl Default for JobOptions {
    fn default() -> Self {
        JobOptions {
            workers: 1,
            queue: 100,
            keep: 1000,
            max_bytes: 4 << 20,
            timeout: Duration::from_secs(6 * 3600),
            grace: Duration::from_secs(10),
            max_attempts: 3,
        }
    }
}

/// The jobs of a server. Cheap to clone.
#[derive(Clone)]
pub struct Jobs(Arc<Inner>);

struct Inner {
    options: JobOptions,
    runner: Arc<dyn JobRunner>,
    webhooks: Option<Webhooks>,
    state: Mutex<State>,
    /// Something was queued, or the server ends.
    changed: Notify,
    closing: watch::Sender<bool>,
}

struct State {
    log: Log,
    /// By number: in the order in which they were accepted.
    jobs: BTreeMap<u64, Job>,
    numbers: HashMap<String, u64>,
    keys: HashMap<String, (u64, String)>,
    queue: VecDeque<u64>,
    running: HashMap<u64, Running>,
    next: u64,
}

struct Running {
    stop: watch::Sender<bool>,
    progress: Arc<Mutex<Progress>>,
    is_cancelled: bool,
}

impl Jobs {
    /// Opens the jobs of a folder, and queues again what was running when they were left. Call
    /// [`Jobs::start`] to have them done.
    pub fn open(
        folder: &Path,
        options: JobOptions,
        runner: Arc<dyn JobRunner>,
        webhooks: Option<Webhooks>,
    ) -> io::Result<Jobs> {
        let (log, jobs) = Log::open(folder, &options)?;
        let mut state = State {
            log,
            jobs: BTreeMap::new(),
            numbers: HashMap::new(),
            keys: HashMap::new(),
            queue: VecDeque::new(),
            running: HashMap::new(),
            next: 1,
        };
        for job in jobs {
            if job.status == Status::Queued {
                state.queue.push_back(job.number);
            }
            state.insert(job);
        }
        Ok(Jobs(Arc::new(Inner {
            options,
            runner,
            webhooks,
            state: Mutex::new(state),
            changed: Notify::new(),
            closing: watch::channel(false).0,
        })))
    }

    /// Accepts a job. With a key that was used for the same job before, that job; `true` where it is new.
    pub fn accept(&self, new: NewJob, key: Option<&str>) -> Result<(Job, bool), ApiError> {
        let inner = &self.0;
        let kinds = inner.runner.kinds();
        if !kinds.contains(&new.kind.as_str()) {
            let message = format!(
                "there is no job of kind {:?}; there are {}",
                new.kind,
                kinds.join(", ")
            );
            return Err(ApiError::invalid(message));
        }
        inner
            .runner
            .check(&new.kind, &new.input)
            .map_err(ApiError::invalid)?;
        if let Some(address) = &new.webhook {
            let Some(webhooks) = &inner.webhooks else {
                let message = "this server sends no webhooks; ask for the job's status instead";
                return Err(ApiError::bad("no_webhooks", message));
            };
            webhooks.check(address)?;
        }
        let fingerprint = new.fingerprint();
        let mut state = lock(&inner.state);
        if let Some((number, before)) = key.and_then(|key| state.keys.get(key)) {
            if *before != fingerprint {
                let message = "this Idempotency-Key was used for another job; take a new one";
                let status = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
                return Err(ApiError::new(status, "idempotency_key_reused", message));
            }
            if let Some(job) = state.job(*number) {
                return Ok((job, false));
            }
        }
        if state.queue.len() >= inner.options.queue || *inner.closing.borrow() {
            return Err(ApiError::too_many());
        }
        let idempotency = key.map(|key| Idempotency {
            key: key.to_string(),
            fingerprint,
        });
        let job = Job::new(state.next, Uuid::new_v4().to_string(), new, idempotency);
        state
            .log
            .append(&job.id, Event::Accepted(Box::new(job.clone())))
            .map_err(|error| not_written(&error))?;
        state.queue.push_back(job.number);
        state.insert(job.clone());
        state.forget_old(inner.options.keep);
        drop(state);
        inner.changed.notify_one();
        Ok((job, true))
    }

    pub fn get(&self, id: &str) -> Option<Job> {
        let state = lock(&self.0.state);
        state.job(*state.numbers.get(id)?)
    }

    /// Newest first, those before number `before`; at most `limit`.
    pub fn list(&self, status: Option<Status>, before: Option<u64>, limit: usize) -> Vec<Job> {
        let state = lock(&self.0.state);
        let numbers = state.jobs.range(..before.unwrap_or(u64::MAX)).rev();
        numbers
            .filter(|(_, job)| status.is_none_or(|status| job.status == status))
            .filter_map(|(number, _)| state.job(*number))
            .take(limit)
            .collect()
    }

    /// Cancels: at once where it waits, soon where it runs, not at all where it is over.
    pub fn cancel(&self, id: &str) -> Result<Option<Job>, ApiError> {
        let mut state = lock(&self.0.state);
        let Some(number) = state.numbers.get(id).copied() else {
            return Ok(None);
        };
        if let Some(running) = state.running.get_mut(&number) {
            running.is_cancelled = true;
            running.stop.send_replace(true);
        } else if state.queue.contains(&number) {
            state
                .end(number, Event::Cancelled { at_s: now_s() })
                .map_err(|error| not_written(&error))?;
            state.queue.retain(|waiting| *waiting != number);
        }
        Ok(state.job(number))
    }

    /// Jobs that wait.
    pub fn waiting(&self) -> usize {
        lock(&self.0.state).queue.len()
    }
}

impl State {
    fn insert(&mut self, job: Job) {
        self.next = self.next.max(job.number + 1);
        self.numbers.insert(job.id.clone(), job.number);
        if let Some(Idempotency { key, fingerprint }) = &job.idempotency {
            let known = (job.number, fingerprint.clone());
            self.keys.insert(key.clone(), known);
        }
        self.jobs.insert(job.number, job);
    }

    /// As it is now, with its progress.
    fn job(&self, number: u64) -> Option<Job> {
        let mut job = self.jobs.get(&number)?.clone();
        if let Some(running) = self.running.get(&number) {
            job.progress = *lock(&running.progress);
            job.cancelling = running.is_cancelled;
        }
        Some(job)
    }

    /// Writes what happened to a job, and then takes it as having happened.
    fn end(&mut self, number: u64, event: Event) -> io::Result<()> {
        if let Some(job) = self.jobs.get_mut(&number) {
            self.log.append(&job.id, event.clone())?;
            job.apply(event);
        }
        Ok(())
    }

    /// Leaves no more than `keep` jobs that are over.
    fn forget_old(&mut self, keep: usize) {
        let over: Vec<u64> = self
            .jobs
            .values()
            .filter(|job| job.status.is_over())
            .map(|job| job.number)
            .collect();
        for number in &over[..over.len().saturating_sub(keep)] {
            if let Some(job) = self.jobs.remove(number) {
                self.numbers.remove(&job.id);
                if let Some(Idempotency { key, .. }) = &job.idempotency {
                    self.keys.remove(key);
                }
            }
        }
    }
}

fn not_written(error: &io::Error) -> ApiError {
    tracing::error!(%error, "the list of jobs cannot be written");
    let message = "the job cannot be written down; is the server's disk full? Try again later";
    ApiError::unavailable("not_written", message)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
