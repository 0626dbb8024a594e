//! What a client is told when its request fails: a status and `{code, message, field}`. Made by all of `web`;
//! docs/api.md lists the codes.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::StreamError;
use crate::record;

/// The body of every refusal.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub struct Told {
    /// Short and stable; docs/api.md lists them.
    code: &'static str,
    /// For people: what is wrong and what to do.
    message: String,
    /// The key of the request that it is about.
    field: Option<String>,
}

/// A refused request.
#[derive(Debug)]
pub struct Problem {
    pub status: StatusCode,
    /// Short and stable.
    pub code: &'static str,
    /// For people: what is wrong and what to do.
    pub message: String,
    /// The key of the request that it is about.
    pub field: Option<String>,
}

impl Problem {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), field: None }
    }

    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", message)
    }

    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..Self::new(StatusCode::BAD_REQUEST, "invalid", message) }
    }

    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path; docs/api.md lists what is")
    }

    /// No such thing, at a path that exists.
    pub fn unknown(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub fn method_not_allowed() -> Self {
        let message = "this path does not take this method; docs/api.md lists what it takes";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
    }

    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
    }

    /// The board has ended, which it does only at the end of the program.
    pub fn stopping() -> Self {
        Self::unavailable("the program is stopping; try again when it runs")
    }
}

impl From<StreamError> for Problem {
    fn from(error: StreamError) -> Self {
        let message = error.to_string();
        match error {
            StreamError::Exists(_) => {
                Self { field: Some("id".into()), ..Self::new(StatusCode::CONFLICT, "exists", message) }
            }
            StreamError::Full(_) => Self::new(StatusCode::CONFLICT, "full", message),
            StreamError::Unknown(_) => Self::new(StatusCode::NOT_FOUND, "not_found", message),
            StreamError::Invalid { field, .. } => Self::invalid(field, message),
            StreamError::Thread(_) => Self::unavailable(message),
        }
    }
}

impl From<&record::Error> for Problem {
    fn from(error: &record::Error) -> Self {
        match error {
            record::Error::Unknown(_) => Self::unknown(error.to_string()),
            record::Error::Refused(refused) => Self::invalid(&refused.field, &refused.message),
            record::Error::Busy => Self::unavailable(error.to_string()),
            _ => Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_recording", error.to_string()),
        }
    }
}

impl From<record::Error> for Problem {
    fn from(error: record::Error) -> Self {
        Self::from(&error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { status, code, message, field } = self;
        let mut response = (status, Json(Told { code, message, field })).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
