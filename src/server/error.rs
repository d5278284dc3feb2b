//! What goes wrong, as a client sees it: a status and `{message, code, type, link}`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use showroom_catalog::filter::BadFilter;
use showroom_catalog::seams::{FetchError, ModelError, StoreError};
use showroom_pixels::PixelError;

/// Seconds after which a client that was turned away should try again.
const RETRY_AFTER_S: u32 = 1;

/// Why a request was not answered as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    pub status: StatusCode,
    /// Stable word for programs.
    pub code: &'static str,
    /// One sentence for people: what is wrong and what to do.
    pub message: String,
}

/// The body of an error.
#[derive(Debug, Serialize)]
pub struct ErrorJson<'a> {
    pub message: &'a str,
    pub code: &'a str,
    /// `invalid_request`, `authentication`, `overloaded` or `internal`.
    pub r#type: &'static str,
    /// Where to read more.
    pub link: &'static str,
}

impl ApiError {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> ApiError {
        ApiError {
            status,
            code,
            message: message.into(),
        }
    }

    /// 400: the request is understood and can not be answered.
    pub fn bad(code: &'static str, message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 422: a value is of the wrong kind or out of range.
    pub fn invalid(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_value", message)
    }

    pub fn not_found(code: &'static str, message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::NOT_FOUND, code, message)
    }

    pub fn too_large(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    }

    /// 429: there is more to do than fits into the queue.
    pub fn too_many() -> ApiError {
        let message = "more requests are waiting than the queue holds; try again soon";
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message)
    }

    pub fn unavailable(code: &'static str, message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
    }

    /// 424: something that the answer depends on (a model, another server) failed.
    pub fn dependency(code: &'static str, message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::FAILED_DEPENDENCY, code, message)
    }

    /// 500. The reason is for the log: it may name files of the server.
    pub fn internal(reason: &dyn std::fmt::Display) -> ApiError {
        tracing::error!(%reason, "a request failed");
        let message = "the server failed; its log says why, under the request id of this answer";
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    pub fn kind(&self) -> &'static str {
        match self.status.as_u16() {
            401 | 403 => "authentication",
            429 | 503 => "overloaded",
            500.. => "internal",
            _ => "invalid_request",
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Json(ErrorJson {
            message: &self.message,
            code: self.code,
            r#type: self.kind(),
            link: "/docs#errors",
        });
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        match self.status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
            }
            StatusCode::UNAUTHORIZED => {
                let how = HeaderValue::from_static("Bearer");
                headers.insert(header::WWW_AUTHENTICATE, how);
            }
            _ => {}
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> ApiError {
        match error {
            StoreError::BadQuery(reason) => ApiError::bad("bad_query", reason),
            StoreError::DiskFull { .. } => ApiError::unavailable(
                "disk_full",
                "no room is left on the server's disk; nothing was written",
            ),
            other => ApiError::internal(&other),
        }
    }
}

impl From<ModelError> for ApiError {
    fn from(error: ModelError) -> ApiError {
        match error {
            ModelError::BadInput(reason) => ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "nothing_to_look_for",
                reason,
            ),
            other => {
                tracing::error!(reason = %other, "a model failed");
                ApiError::dependency("model_failed", "a model failed on this; try it again")
            }
        }
    }
}

impl From<FetchError> for ApiError {
    fn from(error: FetchError) -> ApiError {
        let message = error.to_string();
        match error {
            FetchError::Refused(_) => ApiError::bad("fetch_refused", message),
            FetchError::TooLarge { .. } => ApiError::too_large(message),
            FetchError::NotFound(_) | FetchError::Failed(_) => {
                ApiError::dependency("fetch_failed", message)
            }
        }
    }
}

impl From<BadFilter> for ApiError {
    fn from(error: BadFilter) -> ApiError {
        ApiError::bad("bad_filter", error.to_string())
    }
}

impl From<PixelError> for ApiError {
    fn from(error: PixelError) -> ApiError {
        let status = match &error {
            PixelError::NotAnImage { .. }
            | PixelError::UnsupportedFormat { .. }
            | PixelError::UnsupportedPixels { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            PixelError::TooManyBytes { .. }
            | PixelError::TooManyPixels { .. }
            | PixelError::TooLongSide { .. }
            | PixelError::TooManyScans { .. }
            | PixelError::TooMuchMemory { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        ApiError::new(status, "bad_photo", error.to_string())
    }
}
