//! A request's JSON body, judged key by key. In: a request. Out: a `T`, or the problem with the key it is about.
//! Used by `api`.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::problem::Problem;

/// Bytes of a body.
pub const LIMIT: usize = 64 * 1024;
/// A body that is not there by then never will be.
const PATIENCE: Duration = Duration::from_secs(10);

/// The body as a `T`, which has a default for every key and refuses unknown ones.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            let message = format!("the body must be application/json, got {kind:?}");
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message));
        }
        let bytes = match tokio::time::timeout(PATIENCE, Bytes::from_request(request, state)).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                let message = format!("the body is larger than {LIMIT} bytes");
                return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message));
            }
            Ok(Err(rejection)) => return Err(Problem::malformed(rejection.body_text())),
            Err(_) => {
                let message = format!("the body did not arrive within {} s", PATIENCE.as_secs());
                return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "too_slow", message));
            }
        };
        parse(&bytes).map(Self)
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let body: Value =
        serde_json::from_slice(bytes).map_err(|error| Problem::malformed(format!("the body is no JSON: {error}")))?;
    let Value::Object(body) = body else {
        return Err(Problem::malformed("the body must be a JSON object"));
    };
    for (key, value) in &body {
        // Alone, a key can only fail by itself: that tells which one it is.
        let alone = Map::from_iter([(key.clone(), value.clone())]);
        if let Err(error) = serde_json::from_value::<T>(Value::Object(alone)) {
            return Err(Problem::invalid(key, error.to_string()));
        }
    }
    serde_json::from_value(Value::Object(body)).map_err(|error| Problem::malformed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source;

    #[test]
    fn a_fault_names_its_key() {
        for (body, code, field) in [
            ("", "malformed", None),
            ("{", "malformed", None),
            ("[]", "malformed", None),
            (r#"{"id": 7}"#, "invalid", Some("id")),
            (r#"{"id": "a", "colour": "red"}"#, "invalid", Some("colour")),
            (r#"{"transport": "pigeon"}"#, "invalid", Some("transport")),
            (r#"{"no_frames_secs": null}"#, "invalid", Some("no_frames_secs")),
        ] {
            let problem = parse::<source::Config>(body.as_bytes()).unwrap_err();
            assert_eq!((problem.code, problem.field.as_deref()), (code, field), "{body}: {}", problem.message);
        }
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let stream: source::Config = parse(br#"{"id": "a", "url": "test"}"#).unwrap();
        assert_eq!(stream, source::Config { id: "a".into(), url: "test".into(), ..Default::default() });
    }
}
