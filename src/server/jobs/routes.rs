//! `/v1/jobs`.

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use super::job::{NewJob, Status};
use super::{Job, Jobs};
use crate::error::ApiError;

const USUAL_LIMIT: usize = 20;
const MAX_LIMIT: usize = 100;
/// Longest `Idempotency-Key`.
const MAX_KEY: usize = 255;

/// The routes of jobs: `write` scope.
pub fn routes(jobs: Jobs) -> Router {
    let max_bytes = jobs.0.options.max_bytes;
    Router::new()
        .route("/v1/jobs", get(list).post(accept))
        .route("/v1/jobs/{id}", get(show).delete(cancel))
        .layer(DefaultBodyLimit::max(max_bytes))
        .with_state(jobs)
}

async fn accept(
    State(jobs): State<Jobs>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Response, ApiError> {
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .and_then(|kind| kind.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
    if !is_json {
        let message = "send the job as JSON, with Content-Type: application/json";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(ApiError::new(status, "not_json", message));
    }
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            ApiError::too_large("the job is larger than the server takes")
        }
        _ => ApiError::bad("bad_body", "the body could not be read to its end"),
    })?;
    let new: NewJob = serde_json::from_slice(&body).map_err(|error| {
        let message = format!("this is no job: {error}");
        match error.classify() {
            serde_json::error::Category::Data => ApiError::invalid(message),
            _ => ApiError::bad("bad_json", message),
        }
    })?;
    let key = key(&headers)?;
    // Waits for the disk.
    let work = move || jobs.accept(new, key.as_deref());
    let (job, _) = tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ApiError::internal(&error))??;
    let at = format!("/v1/jobs/{}", job.id);
    Ok((
        StatusCode::ACCEPTED,
        [(header::LOCATION, at)],
        Json(job.shown()),
    )
        .into_response())
}

/// The `Idempotency-Key`, bare or as a quoted string.
fn key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let bad = || {
        let message = format!("Idempotency-Key is 1 to {MAX_KEY} printable characters, once");
        ApiError::bad("bad_idempotency_key", message)
    };
    let mut keys = headers.get_all("idempotency-key").iter();
    let Some(key) = keys.next() else {
        return Ok(None);
    };
    let text = key.to_str().map_err(|_| bad())?.trim();
    let quoted = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let text = quoted.unwrap_or(text);
    match keys.next().is_none() && !text.is_empty() && text.len() <= MAX_KEY {
        true => Ok(Some(text.to_string())),
        false => Err(bad()),
    }
}

async fn show(State(jobs): State<Jobs>, Path(id): Path<String>) -> Result<Response, ApiError> {
    answer(jobs.get(&id))
}

async fn cancel(State(jobs): State<Jobs>, Path(id): Path<String>) -> Result<Response, ApiError> {
    let work = move || jobs.cancel(&id);
    let job = tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ApiError::internal(&error))??;
    answer(job)
}

fn answer(job: Option<Job>) -> Result<Response, ApiError> {
    match job {
        Some(job) => Ok(Json(job.shown()).into_response()),
        None => {
            let message = "there is no job with this id, or it was over long ago";
            Err(ApiError::not_found("no_such_job", message))
        }
    }
}

async fn list(State(jobs): State<Jobs>, RawQuery(query): RawQuery) -> Result<Response, ApiError> {
    let (mut status, mut before, mut limit) = (None, None, USUAL_LIMIT);
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match name.as_ref() {
            "status" => status = Some(status_of(&value)?),
            "cursor" => {
                // As it was given: a number from 1, without a sign or zeros before it.
                let number = value
                    .parse()
                    .ok()
                    .filter(|number: &u64| number.to_string() == value);
                let number = number.filter(|number| *number > 0).ok_or_else(|| {
                    ApiError::invalid("cursor is the next_cursor of an answer before")
                })?;
                before = Some(number);
            }
            "limit" => {
                limit = value
                    .parse()
                    .ok()
                    .filter(|limit| (1..=MAX_LIMIT).contains(limit))
                    .ok_or_else(|| ApiError::invalid(format!("limit is 1 to {MAX_LIMIT}")))?;
            }
            _ => {
                return Err(ApiError::invalid(
                    "the parameters are status, limit and cursor",
                ));
            }
        }
    }
    let mut found = jobs.list(status, before, limit + 1);
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found
        .last()
        .filter(|_| more)
        .map(|job| job.number.to_string());
    let shown: Vec<_> = found.iter().map(Job::shown).collect();
    let body = json!({"object": "list", "data": shown, "next_cursor": next});
    Ok(Json(body).into_response())
}

fn status_of(name: &str) -> Result<Status, ApiError> {
    serde_json::from_value(name.into())
        .map_err(|_| ApiError::invalid("status is queued, running, done, failed or cancelled"))
}
