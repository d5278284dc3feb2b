//! Jobs that are many requests to the API itself: documents by the thousand, tags of many photos.
//!
//! They go through the same routes as a client's requests, so that they are checked, bounded and answered
//! alike; where the server is busy they wait, so that clients who wait for an answer come first.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use serde_json::{Map, Value, json};
use showroom_catalog::seams::BoxFuture;
use tower::ServiceExt;

use super::{JobContext, JobRunner};

const DOCUMENTS: &str = "documents";
const TAG: &str = "tag";
/// Documents of one request: few, so that others have their turn between.
const CHUNK: usize = 16;
/// Documents and pictures of one job.
const MAX_DOCUMENTS: usize = 100_000;
const MAX_IMAGES: usize = 1000;
/// Documents that could not be taken in and are named in the result.
const MAX_NAMED: usize = 1000;
/// Longest answer to one request.
const MAX_ANSWER: usize = 16 << 20;
/// Wait where the server is busy, and how often.
const BUSY: Duration = Duration::from_millis(500);
const MAX_WAITS: u32 = 600;

/// Runs `documents` and `tag` through a router.
pub struct ApiJobs {
    router: Router,
    index: String,
    busy: Duration,
}

impl ApiJobs {
    /// `router` has the routes without the layers that ask for a key: whoever accepted the job did.
    pub fn new(router: Router, index: impl Into<String>) -> ApiJobs {
        ApiJobs {
            router,
            index: index.into(),
            busy: BUSY,
        }
    }

    async fn documents(&self, input: &Value, context: &JobContext) -> Result<Value, String> {
        let path = format!("/indexes/{}/documents", self.index);
        let all = list(input, "documents");
        let (mut added, mut failed, mut named) = (0_u64, 0_u64, Vec::new());
        for (nth, chunk) in all.chunks(CHUNK).enumerate() {
            context.progress((nth * CHUNK) as u64, all.len() as u64);
            // What else is said of the documents is said of each chunk.
            let mut request: Map<String, Value> = input.as_object().cloned().unwrap_or_default();
            request.insert("documents".into(), chunk.into());
            let (status, answer) = self.post(&path, &request.into(), context).await?;
            if status != StatusCode::OK {
                return Err(format!("after {added} documents: {}", message(&answer)));
            }
            for item in list(&answer, "items") {
                let is_good = item["status"].as_u64().is_some_and(|status| status < 400);
                added += u64::from(is_good);
                failed += u64::from(!is_good);
                if !is_good && named.len() < MAX_NAMED {
                    named.push(item.clone());
                }
            }
        }
        context.progress(all.len() as u64, all.len() as u64);
        Ok(json!({"added": added, "failed": failed, "errors": named}))
    }

    async fn tag(&self, input: &Value, context: &JobContext) -> Result<Value, String> {
        let all = list(input, "images");
        let mut results = Vec::with_capacity(all.len());
        for (nth, image) in all.iter().enumerate() {
            context.progress(nth as u64, all.len() as u64);
            let (status, answer) = self
                .post("/v1/tag", &json!({"image": image}), context)
                .await?;
            results.push(match status {
                StatusCode::OK => answer,
                _ => json!({"error": answer}),
            });
        }
        context.progress(all.len() as u64, all.len() as u64);
        Ok(json!({"results": results}))
    }

    /// Status and JSON; waits while the server is busy.
    async fn post(
        &self,
        path: &str,
        body: &Value,
        context: &JobContext,
    ) -> Result<(StatusCode, Value), String> {
        for _ in 0..MAX_WAITS {
            if context.is_cancelled() {
                return Err("it was cancelled".into());
            }
            let request = Request::post(path)
                .header(header::HOST, "localhost")
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string()))
                .map_err(|error| error.to_string())?;
            let answer = match self.router.clone().oneshot(request).await {
                Ok(answer) => answer,
                Err(never) => match never {},
            };
            let status = answer.status();
            if !matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
            ) {
                let bytes = to_bytes(answer.into_body(), MAX_ANSWER)
                    .await
                    .map_err(|error| error.to_string())?;
                let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
                return Ok((status, json));
            }
            tokio::select! {
                () = tokio::time::sleep(self.busy) => {}
                () = context.cancelled() => {}
            }
        }
        Err("the server was too busy for too long; try again later".into())
    }
}

impl JobRunner for ApiJobs {
    fn kinds(&self) -> Vec<&'static str> {
        vec![DOCUMENTS, TAG]
    }

    fn check(&self, kind: &str, input: &Value) -> Result<(), String> {
        let (name, most) = match kind {
            DOCUMENTS => ("documents", MAX_DOCUMENTS),
            _ => ("images", MAX_IMAGES),
        };
        let all = list(input, name);
        if all.is_empty() || all.len() > most {
            return Err(format!(
                "input.{name} of a job of kind {kind} is a list of 1 to {most}"
            ));
        }
        // A job may be done twice, and what has no name would be there twice.
        let is_named = |one: &Value| match kind {
            DOCUMENTS => one["_id"].as_str().is_some_and(|id| !id.is_empty()),
            _ => one.is_string(),
        };
        match (all.iter().all(is_named), kind) {
            (true, _) => Ok(()),
            (false, DOCUMENTS) => Err("every document of a job has an _id".into()),
            (false, _) => Err("every image is an address or a data URI".into()),
        }
    }

    fn run<'a>(
        &'a self,
        kind: &'a str,
        input: &'a Value,
        context: &'a JobContext,
    ) -> BoxFuture<'a, Result<Value, String>> {
        match kind {
            DOCUMENTS => Box::pin(self.documents(input, context)),
            _ => Box::pin(self.tag(input, context)),
        }
    }
}

/// The list of this name; empty where there is none.
fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn message(answer: &Value) -> &str {
    answer["message"].as_str().unwrap_or("the server failed")
}
