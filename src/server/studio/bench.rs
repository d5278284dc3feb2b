//! One photo at a time, and a bounded number that wait: a cut-out takes seconds and some hundred megabytes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use bytes::Bytes;
use showroom_catalog::seams::{ModelError, Studio, StudioWork};
use showroom_catalog::studio::{StudioError, StudioFile, StudioTask};
use tokio::sync::mpsc::{OwnedPermit, Receiver, Sender, channel};
use tokio::sync::oneshot;

use crate::error::ApiError;
use crate::state::Observe;

type Answer = Result<StudioFile, StudioError>;

struct Job {
    task: StudioTask,
    work: Box<dyn StudioWork>,
    photo: Bytes,
    since: Instant,
    reply: oneshot::Sender<Answer>,
}

/// The studio and its thread; clones are the same one. The thread ends with the last of them.
#[derive(Clone)]
pub struct Bench {
    studio: Arc<dyn Studio>,
    jobs: Sender<Job>,
}

/// A place in the queue.
pub struct Turn(OwnedPermit<Job>);

impl Bench {
    /// `queue` photos may wait beside the one that is worked on.
    pub fn start(
        studio: Arc<dyn Studio>,
        queue: usize,
        observe: Arc<dyn Observe>,
    ) -> std::io::Result<Bench> {
        let (jobs, coming) = channel(queue.max(1));
        let thread = thread::Builder::new().name("studio".to_string());
        thread.spawn(move || work(coming, observe.as_ref()))?;
        Ok(Bench { studio, jobs })
    }

    pub fn studio(&self) -> &dyn Studio {
        self.studio.as_ref()
    }

    /// Photos that wait.
    pub fn waiting(&self) -> usize {
        self.jobs.max_capacity() - self.jobs.capacity()
    }

    /// A place in the queue; refuses where there is none.
    pub fn turn(&self) -> Result<Turn, ApiError> {
        let place = self.jobs.clone().try_reserve_owned();
        place.map(Turn).map_err(|_| ApiError::too_many())
    }
}

impl Turn {
    /// The file that comes of the photo. Where the caller goes away before it is begun, nothing is made.
    pub async fn run(
        self,
        task: StudioTask,
        work: Box<dyn StudioWork>,
        photo: Bytes,
    ) -> Result<StudioFile, ApiError> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Job {
            task,
            work,
            photo,
            since: Instant::now(),
            reply,
        });
        match answer.await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(ApiError::internal(&"the studio's thread has ended")),
        }
    }
}

fn work(mut coming: Receiver<Job>, observe: &dyn Observe) {
    while let Some(job) = coming.blocking_recv() {
        // Whoever asked is gone.
        if job.reply.is_closed() {
            continue;
        }
        observe.stage("queue", job.since.elapsed());
        let began = Instant::now();
        let attempt = AssertUnwindSafe(|| job.work.run(&job.photo));
        let panicked = |_| Err(ModelError::Failed("the studio panicked".into()).into());
        let answer = catch_unwind(attempt).unwrap_or_else(panicked);
        observe.stage(job.task.name(), began.elapsed());
        // It is no error that nobody waits any more.
        let _ = job.reply.send(answer);
    }
}
