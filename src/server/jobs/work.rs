//! The tasks that do the jobs.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::job::{Event, Job, Progress};
use super::{JobContext, Jobs, Running, lock};
use crate::clock::now_s;

impl Jobs {
    /// Begins to do jobs, on tasks of this runtime. They end after [`Jobs::close`].
    pub fn start(&self) -> Vec<JoinHandle<()>> {
        let workers = (0..self.0.options.workers.max(1)).map(|_| {
            let jobs = self.clone();
            tokio::spawn(async move { jobs.work().await })
        });
        let mut tasks: Vec<_> = workers.collect();
        // What a server that died did not tell any more.
        let untold: Vec<Job> = {
            let state = lock(&self.0.state);
            let jobs = state.jobs.values();
            jobs.filter(|job| job.status.is_over() && job.webhook.is_some() && !job.notified)
                .cloned()
                .collect()
        };
        for job in untold {
            let jobs = self.clone();
            tasks.push(tokio::spawn(async move { jobs.tell(job).await }));
        }
        tasks
    }

    /// No job is begun any more. What runs is told to end and is done again by the next server.
    pub fn close(&self) {
        self.0.closing.send_replace(true);
        for running in lock(&self.0.state).running.values() {
            running.stop.send_replace(true);
        }
        self.0.changed.notify_waiters();
    }

    async fn work(&self) {
        let mut closing = self.0.closing.subscribe();
        loop {
            let changed = self.0.changed.notified();
            if *closing.borrow() {
                return;
            }
            if let Some((job, context)) = self.begin() {
                self.run(job, context).await;
                continue;
            }
            tokio::select! {
                () = changed => {}
                _ = closing.changed() => {}
            }
        }
    }

    /// Takes the job that has waited longest.
    fn begin(&self) -> Option<(Job, JobContext)> {
        let mut state = lock(&self.0.state);
        let number = state.queue.pop_front()?;
        if let Err(error) = state.end(number, Event::Started { at_s: now_s() }) {
            // It runs all the same: what is lost is that it was begun.
            tracing::warn!(%error, "the list of jobs cannot be written");
        }
        let job = state.jobs.get(&number)?.clone();
        let (stop, stopped) = watch::channel(*self.0.closing.borrow());
        let progress = Arc::new(Mutex::new(Progress::default()));
        let context = JobContext {
            id: job.id.clone(),
            progress: progress.clone(),
            stop: stopped,
        };
        let running = Running {
            stop,
            progress,
            is_cancelled: false,
        };
        state.running.insert(number, running);
        // Another worker may find more.
        if !state.queue.is_empty() {
            self.0.changed.notify_one();
        }
        Some((job, context))
    }

    async fn run(&self, job: Job, context: JobContext) {
        let options = &self.0.options;
        let work = self.0.runner.run(&job.kind, &job.input, &context);
        let guarded = AssertUnwindSafe(work).catch_unwind();
        let given_up = async {
            context.cancelled().await;
            tokio::time::sleep(options.grace).await;
        };
        let done: Result<Value, String> = tokio::select! {
            done = guarded => done.unwrap_or_else(|_| Err("the job broke off; the server's log says why".into())),
            () = given_up => Err("the job did not end by itself".into()),
            () = tokio::time::sleep(options.timeout) => {
                Err(format!("the job took longer than {} s", options.timeout.as_secs()))
            }
        };
        let mut state = lock(&self.0.state);
        let running = state.running.remove(&job.number);
        let is_cancelled = running.as_ref().is_some_and(|running| running.is_cancelled);
        if let (Some(running), Some(job)) = (running, state.jobs.get_mut(&job.number)) {
            job.progress = *lock(&running.progress);
        }
        let at_s = now_s();
        let event = match done {
            Ok(result) if result.to_string().len() > options.max_bytes => Event::Failed {
                at_s,
                error: "it is done, and its result is larger than is kept".into(),
            },
            Ok(result) => Event::Done { at_s, result },
            Err(_) if is_cancelled => Event::Cancelled { at_s },
            // The next server does it again: the log says that it runs.
            Err(_) if *self.0.closing.borrow() => return,
            Err(error) => Event::Failed { at_s, error },
        };
        if let Err(error) = state.end(job.number, event.clone()) {
            tracing::error!(%error, job = job.id, "how a job ended cannot be written; it is done again");
            if let Some(job) = state.jobs.get_mut(&job.number) {
                job.apply(event);
            }
        }
        let ended = state.jobs.get(&job.number).cloned();
        drop(state);
        if let Some(job) = ended {
            let jobs = self.clone();
            // So that a webhook that is slow to answer does not hold the next job.
            tokio::spawn(async move { jobs.tell(job).await });
        }
    }

    /// Tells the job's webhook that it is over.
    async fn tell(&self, job: Job) {
        let (Some(webhooks), Some(address)) = (&self.0.webhooks, &job.webhook) else {
            return;
        };
        let kind = format!("job.{}", job.status.name());
        let mut closing = self.0.closing.subscribe();
        let shown = job.shown();
        let told = tokio::select! {
            told = webhooks.send(address, &job.id, &kind, &shown) => told,
            // The next server tells it.
            _ = closing.wait_for(|closing| *closing) => return,
        };
        if let Err(reason) = told {
            tracing::warn!(job = job.id, reason, "a webhook could not be told");
        }
        if let Err(error) = lock(&self.0.state).end(job.number, Event::Notified) {
            tracing::warn!(%error, "the list of jobs cannot be written; a webhook is told again");
        }
    }
}
