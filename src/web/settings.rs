//! `/settings`, `/thresholds/effect`, `/storage`: settings that change while the program runs, what moving the thresholds
//! would do, what is kept. In: requests that `guard` let through. Out: what `record` says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::api::blocking;
use super::body::Body;
use super::door::Shared;
use super::events::{read, record};
use super::problem::Problem;
use super::query::Asked;
use crate::record::{Effects, Key, Setting, Storage};

/// Hours of the record that the effect is computed on.
const HOURS: (f64, f64, f64) = (0.1, 24.0, 720.0);

/// The settings that can be changed while the program runs.
#[derive(Serialize, ToSchema)]
pub struct Settings {
    settings: Vec<Setting>,
}

/// The settings in force.
#[utoipa::path(get, path = "/settings", tag = "settings", responses((status = 200, body = Settings)))]
pub async fn list(State(shared): State<Arc<Shared>>) -> Result<Json<Settings>, Problem> {
    Ok(Json(Settings { settings: record(&shared)?.settings() }))
}

/// Changes settings at once and for later starts, all or none; null goes back to the file's value.
#[utoipa::path(patch, path = "/settings", tag = "settings", responses((status = 200, body = Settings)),
    request_body(content = Object, description = "Keys and numbers or null, as {\"verdict.fake_at\": 0.75}"))]
pub async fn change(
    State(shared): State<Arc<Shared>>,
    Body(wanted): Body<BTreeMap<String, Option<f64>>>,
) -> Result<Json<Settings>, Problem> {
    let unknown =
        |name: &str| Problem::invalid(name, "there is no such setting that can be changed while the program runs");
    let known = |(name, value): (String, _)| Key::of(&name).map(|key| (key, value)).ok_or_else(|| unknown(&name));
    let changes = wanted.into_iter().map(known).collect::<Result<BTreeMap<_, _>, _>>()?;
    let settings = record(&shared)?.change(changes).await?;
    let analyses = shared.analyses.clone();
    // Who lowers what is kept wants it gone now and not with the next file.
    blocking(move || analyses.tidy()).await?;
    Ok(Json(Settings { settings }))
}

/// What other thresholds would have made of what is kept.
#[utoipa::path(get, path = "/thresholds/effect", tag = "settings", responses((status = 200, body = Effects)), params(
    ("fake_at" = Option<f64>, Query, description = "0.5-1; that in force"),
    ("real_at" = Option<f64>, Query, description = "0-0.5; that in force"),
    ("hours" = Option<f64>, Query, description = "0.1-720, 24"),
))]
pub async fn effect(State(shared): State<Arc<Shared>>, mut asked: Asked) -> Result<Json<Effects>, Problem> {
    let record = record(&shared)?;
    let now = record.thresholds();
    let fake_at = asked.number("fake_at", 0.5, 1.0)?.unwrap_or(now.0);
    let real_at = asked.number("real_at", 0.0, 0.5)?.unwrap_or(now.1);
    let (low, default, high) = HOURS;
    let hours = asked.number("hours", low, high)?.unwrap_or(default);
    asked.end()?;
    let thresholds = [now, (fake_at, real_at)];
    Ok(Json(read(&shared, move |reader| reader.effects(SystemTime::now(), hours, thresholds)).await?))
}

/// How much is kept, and where.
#[utoipa::path(get, path = "/storage", tag = "settings", responses((status = 200, body = Storage)))]
pub async fn storage(State(shared): State<Arc<Shared>>) -> Result<Json<Storage>, Problem> {
    let config = record(&shared)?.config();
    Ok(Json(read(&shared, move |reader| reader.storage(&config)).await?))
}
