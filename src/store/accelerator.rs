//! What finds candidates for an exact search faster than the CPU compares rows, and what is said
//! where it does not.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

use showroom_catalog::seams::{ExactSearch, HeldVectors, ModelError, Scored, SearchLimits};
use tokio::task::spawn_blocking;

/// An [`ExactSearch`], and who is told of its failures.
pub(crate) struct Accelerator {
    search: Arc<dyn ExactSearch>,
    tell: Box<dyn Fn(&str) + Send + Sync>,
    /// The last sentence, which is not told again.
    told: Mutex<String>,
}

/// What an accelerator found among some rows.
pub(crate) struct Proposals {
    /// [`showroom_catalog::seams::HeldVectors::error`].
    pub(crate) error: f32,
    /// A list for each query. Nothing in them is checked yet.
    pub(crate) lists: Vec<Vec<Scored>>,
}

impl Accelerator {
    pub(crate) fn new(
        search: Arc<dyn ExactSearch>,
        tell: impl Fn(&str) + Send + Sync + 'static,
    ) -> Accelerator {
        Accelerator {
            search,
            tell: Box::new(tell),
            told: Mutex::default(),
        }
    }

    pub(crate) fn limits(&self, dimension: usize) -> SearchLimits {
        self.search.limits(dimension)
    }

    /// The best `k` of the rows for each of the `queries`; the error says what went wrong.
    pub(crate) async fn propose(
        &self,
        dimension: usize,
        rows: Arc<impl AsRef<[f32]> + Send + Sync + 'static>,
        queries: Arc<[f32]>,
        k: usize,
    ) -> Result<Proposals, String> {
        let search = self.search.clone();
        self.search(move || {
            let held = search.hold(dimension, (*rows).as_ref())?;
            Ok(Proposals {
                error: held.error(),
                lists: held.top_k(&queries, None, k)?,
            })
        })
        .await
    }

    /// The rows brought to where they are searched; the error says what went wrong.
    pub(crate) async fn hold(
        &self,
        dimension: usize,
        rows: Arc<impl AsRef<[f32]> + Send + Sync + 'static>,
    ) -> Result<Box<dyn HeldVectors>, String> {
        let search = self.search.clone();
        self.search(move || search.hold(dimension, (*rows).as_ref()))
            .await
    }

    /// Runs `work` on a thread that may wait, where a panic of a driver is an error like another.
    pub(crate) async fn search<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ModelError> + Send + 'static,
    ) -> Result<T, String> {
        match spawn_blocking(work).await {
            Ok(done) => done.map_err(|error| error.to_string()),
            Err(error) => Err(match error.try_into_panic() {
                Ok(panic) => words_of(panic.as_ref()),
                Err(cancelled) => cancelled.to_string(),
            }),
        }
    }

    /// Says that the CPU did its work, unless that was the last thing said.
    pub(crate) fn failed(&self, reason: &str) {
        let sentence = format!(
            "exact search on {} failed, and the CPU does it instead: {reason}",
            self.search.name()
        );
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if *told != sentence {
            (self.tell)(&sentence);
            *told = sentence;
        }
    }
}

/// What was said with a panic.
fn words_of(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<&str>().copied();
    let said = said.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    said.unwrap_or("it panicked").to_string()
}
