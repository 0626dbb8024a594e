//! `/healthz`, `/readyz` and `/metrics`, for supervisors and Prometheus.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::api::off_thread;
use super::door::Shared;
use super::problem::Problem;
use crate::record;

/// Alive while the board ticks: a stuck one is mended only by a new start.
pub async fn alive(State(shared): State<Arc<Shared>>) -> (StatusCode, Json<Value>) {
    let alive = shared.board.ticking();
    (status(alive), Json(json!({ "alive": alive })))
}

pub async fn ready(State(shared): State<Arc<Shared>>) -> (StatusCode, Json<Value>) {
    let not_ready = not_ready(&shared).await;
    let (ready, warnings) = (not_ready.is_empty(), warnings(&shared));
    (status(ready), Json(json!({ "ready": ready, "not_ready": not_ready, "warnings": warnings })))
}

/// What keeps the program from doing its work, in words.
pub async fn not_ready(shared: &Shared) -> Vec<String> {
    let mut reasons = Vec::new();
    if !shared.board.ticking() {
        reasons.push("the board does not tick".to_owned());
    }
    match off_thread(shared, |streams| streams.ready()).await {
        Ok(Ok(())) => {}
        Ok(Err(reason)) => reasons.push(reason),
        Err(problem) => reasons.push(problem.message),
    }
    reasons
}

/// What is amiss though verdicts come, in words: they are not kept, or no evidence. That nobody wants it is not amiss.
pub fn warnings(shared: &Shared) -> Vec<String> {
    let why = match &shared.record {
        Ok(record) => record.fault(),
        Err(error) if matches!(**error, record::Error::Off) => None,
        Err(error) => Some(error.to_string()),
    };
    let record = why.map(|why| format!("verdicts are not kept: {why}"));
    let why = match &shared.evidence {
        Ok(evidence) => evidence.fault(),
        Err(why) => why.clone(),
    };
    let evidence = why.map(|why| format!("evidence of alerts is not kept: {why}"));
    record.into_iter().chain(evidence).collect()
}

fn status(good: bool) -> StatusCode {
    if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

pub async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    match shared.metrics.render() {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response(),
        Err(error) => Problem::unavailable(format!("the metrics cannot be written: {error}")).into_response(),
    }
}
