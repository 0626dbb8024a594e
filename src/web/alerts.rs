//! `/alerts`, `/targets`, `/deliveries`: what the desk knows, and what people decide. In: requests that `guard` let
//! through. Out: JSON, or a [`Problem`]. Every call reads or writes the desk's database, so it runs off the async threads.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::api::blocking;
use super::body::Body;
use super::door::Shared;
use super::page::Page;
use super::problem::Problem;
use crate::alerts::{self, Decision, DecisionError, Desk, StoreError};
use crate::publish::event;

/// Which alerts or deliveries.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Only those in this state.
    state: Option<String>,
    /// Only those of this stream.
    stream: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Alerts {
    alerts: Vec<event::Alert>,
    /// For `cursor`; null at the end of the list.
    next: Option<String>,
}

/// Alerts, newest first.
#[utoipa::path(get, path = "/alerts", tag = "alerts", params(Page, Which), responses((status = 200, body = Alerts)))]
pub async fn list(
    State(shared): State<Arc<Shared>>,
    page: Page,
    Query(which): Query<Which>,
) -> Result<Json<Alerts>, Problem> {
    let limit = page.limit();
    let known = |state: &String| alerts::State::ALL.iter().any(|known| known.name() == state);
    if let Some(state) = which.state.as_ref().filter(|state| !known(state)) {
        return Err(Problem::invalid("state", format!("there is no state {state:?} of alerts")));
    }
    let alerts =
        ask(&shared, move |desk| desk.alerts(which.state.as_deref(), which.stream.as_deref(), page.cursor(), limit))
            .await??;
    let next = alerts.last().filter(|_| alerts.len() == limit).map(|alert| alert.id.clone());
    Ok(Json(Alerts { alerts, next }))
}

/// What may be written with a decision.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Note {
    /// At most 2000 characters.
    note: String,
}

/// Somebody knows of the alert.
#[utoipa::path(post, path = "/alerts/{id}/acknowledge", tag = "alerts", request_body = Note, responses((status = 200, body = event::Alert)))]
pub async fn acknowledge(state: State<Arc<Shared>>, id: Path<String>, note: Body<Note>) -> Answer {
    decide(state, id, note, Decision::Acknowledge).await
}

/// The alert is over.
#[utoipa::path(post, path = "/alerts/{id}/resolve", tag = "alerts", request_body = Note, responses((status = 200, body = event::Alert)))]
pub async fn resolve(state: State<Arc<Shared>>, id: Path<String>, note: Body<Note>) -> Answer {
    decide(state, id, note, Decision::Resolve).await
}

/// The face was genuine: its track opens no alert again.
#[utoipa::path(post, path = "/alerts/{id}/false", tag = "alerts", request_body = Note, responses((status = 200, body = event::Alert)))]
pub async fn mark_false(state: State<Arc<Shared>>, id: Path<String>, note: Body<Note>) -> Answer {
    decide(state, id, note, Decision::False).await
}

type Answer = Result<Json<event::Alert>, Problem>;

async fn decide(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Body(Note { note }): Body<Note>,
    decision: Decision,
) -> Answer {
    if note.chars().count() > 2000 {
        return Err(Problem::invalid("note", "must be at most 2000 characters"));
    }
    Ok(Json(ask(&shared, move |desk| desk.decide(&id, decision, &note)).await??))
}

#[derive(Serialize, ToSchema)]
pub struct Targets {
    targets: Vec<Target>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AlertTarget)]
struct Target {
    name: String,
    /// `webhook`, `alertmanager`, `email`, `mqtt`.
    kind: String,
    /// Without credentials.
    address: String,
    waiting: u64,
    delivered: u64,
    dead: u64,
    last_error: Option<String>,
}

/// Where alerts are told to.
#[utoipa::path(get, path = "/targets", tag = "alerts", responses((status = 200, body = Targets)))]
pub async fn targets(State(shared): State<Arc<Shared>>) -> Result<Json<Targets>, Problem> {
    let shown = |(kind, address, totals): (&str, String, alerts::Totals)| Target {
        name: kind.to_owned(),
        kind: kind.to_owned(),
        address,
        waiting: totals.waiting,
        delivered: totals.delivered,
        dead: totals.dead,
        last_error: totals.last_error,
    };
    let targets = ask(&shared, Desk::targets).await??;
    Ok(Json(Targets { targets: targets.into_iter().map(shown).collect() }))
}

#[derive(Serialize, ToSchema)]
pub struct Deliveries {
    deliveries: Vec<Delivery>,
    /// For `cursor`; null at the end of the list.
    next: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Delivery {
    id: i64,
    target: String,
    /// The receiver's idempotency key.
    key: String,
    alert: Option<String>,
    /// `opened`, `acknowledged`, `resolved`, `false`, `announced`, `removed`.
    event: String,
    /// `waiting`, `delivered`, `dead`.
    state: String,
    attempts: u32,
    error: Option<String>,
    made: String,
}

/// Deliveries, newest first.
#[utoipa::path(get, path = "/deliveries", tag = "alerts", params(Page, Which), responses((status = 200, body = Deliveries)))]
pub async fn deliveries(
    State(shared): State<Arc<Shared>>,
    page: Page,
    Query(which): Query<Which>,
) -> Result<Json<Deliveries>, Problem> {
    let limit = page.limit();
    let number =
        |cursor: &str| cursor.parse::<i64>().map_err(|_| Problem::invalid("cursor", "is not one of an earlier answer"));
    let cursor = page.cursor().map(number).transpose()?;
    let found = ask(&shared, move |desk| desk.deliveries(which.state.as_deref(), cursor, limit)).await??;
    let next = found.last().filter(|_| found.len() == limit).map(|kept| kept.id.to_string());
    let shown = |kept: alerts::Kept| Delivery {
        id: kept.id,
        target: kept.target,
        key: kept.key,
        alert: kept.alert,
        event: kept.event,
        state: kept.state,
        attempts: kept.attempts,
        error: kept.error,
        made: alerts::text(kept.made),
    };
    Ok(Json(Deliveries { deliveries: found.into_iter().map(shown).collect(), next }))
}

/// Sends a dead delivery once more, with the same key.
#[utoipa::path(post, path = "/deliveries/{id}/replay", tag = "alerts", responses((status = 204)))]
pub async fn replay(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    // What is no number is no delivery either.
    let found = match id.parse() {
        Ok(id) => ask(&shared, move |desk| desk.replay(id)).await??,
        Err(_) => false,
    };
    if !found {
        let message = format!("there is no dead delivery {id}; GET /api/v1/deliveries?state=dead lists them");
        return Err(Problem::new(StatusCode::NOT_FOUND, "not_found", message));
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Asks the desk on a thread that may block.
pub(super) async fn ask<T: Send + 'static>(
    shared: &Shared,
    call: impl FnOnce(&Desk) -> T + Send + 'static,
) -> Result<T, Problem> {
    let desk = shared.alerts.clone().map_err(|why| Problem::unavailable(format!("no alerts are made: {why}")))?;
    blocking(move || call(&desk)).await
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::unavailable(error.to_string())
    }
}

impl From<DecisionError> for Problem {
    fn from(error: DecisionError) -> Self {
        let message = error.to_string();
        match error {
            DecisionError::Unknown(_) => Self::new(StatusCode::NOT_FOUND, "not_found", message),
            DecisionError::Impossible { .. } => Self::new(StatusCode::CONFLICT, "impossible", message),
            DecisionError::Store(_) => Self::unavailable(message),
        }
    }
}
