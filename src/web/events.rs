//! `/events`: what happened, as periods: listed, reviewed, with their faces, exported; and the history of a stream's
//! faces. In: requests that `guard` let through. Out: what `record` keeps.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Body;
use super::door::Shared;
use super::export::{self, Format};
use super::page::Page as Paging;
use super::problem::Problem;
use super::query::Asked;
use crate::publish::event::{Period, Review};
use crate::publish::rfc3339;
use crate::record::{self, Cursor, Events, Filter, Point, Reader, Record};
use crate::verdict::Label;

/// Characters of a note.
const NOTE: usize = 2000;
/// Seconds of a stream's history.
const HISTORY: (f64, f64, f64) = (1.0, 300.0, 3600.0);

/// Periods of verdicts, newest first.
#[utoipa::path(get, path = "/events", tag = "events", responses((status = 200, body = Events)), params(Paging,
    ("stream" = Option<String>, Query, description = "Of this stream"),
    ("label" = Option<String>, Query, description = "FAKE, UNCERTAIN or REAL"),
    ("review" = Option<String>, Query, description = "none, reviewed, confirmed or false"),
    ("from" = Option<String>, Query, description = "That lasted after this time, RFC 3339"),
    ("to" = Option<String>, Query, description = "That began before this time, RFC 3339"),
))]
pub async fn list(State(shared): State<Arc<Shared>>, page: Paging, mut asked: Asked) -> Result<Json<Events>, Problem> {
    let filter = filter(&mut asked)?;
    asked.paged();
    asked.end()?;
    let limit = page.limit();
    let cursor = page.cursor().filter(|text| !text.is_empty());
    let wrong = || Problem::invalid("cursor", "must be `next` of another page");
    let cursor = cursor.map(|text| Cursor::parse(text).ok_or_else(wrong)).transpose()?;
    Ok(Json(read(&shared, move |reader| reader.page(&filter, cursor, limit)).await?))
}

/// One period.
#[utoipa::path(get, path = "/events/{id}", tag = "events", responses((status = 200, body = Period)))]
pub async fn one(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Result<Json<Period>, Problem> {
    let id = number(&id)?;
    Ok(Json(read(&shared, move |reader| reader.period(id)).await?))
}

/// What a person says of a period; what is left out stays as it was.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = EventReview)]
pub struct Said {
    review: Option<Review>,
    /// At most 2000 characters.
    note: Option<String>,
}

/// Reviews a period. The answer comes when the disk has it.
#[utoipa::path(patch, path = "/events/{id}", tag = "events", request_body = Said, responses((status = 200, body = Period)))]
pub async fn review(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Body(Said { review, note }): Body<Said>,
) -> Result<Json<Period>, Problem> {
    let id = number(&id)?;
    if review.is_none() && note.is_none() {
        return Err(Problem::malformed("nothing to change: give `review`, `note` or both"));
    }
    if note.as_ref().is_some_and(|note| note.chars().count() > NOTE) {
        return Err(Problem::invalid("note", format!("must have at most {NOTE} characters")));
    }
    Ok(Json(record(&shared)?.review(id, review, note).await?))
}

/// The face of a period, as the detector saw it: of a FAKE at its peak, of others at the beginning.
#[utoipa::path(get, path = "/events/{id}/thumbnail", tag = "events",
    responses((status = 200, body = Vec<u8>, content_type = "image/jpeg")))]
pub async fn thumbnail(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Result<Response, Problem> {
    let id = number(&id)?;
    let jpeg = read(&shared, move |reader| reader.thumbnail(id)).await?;
    let jpeg = jpeg.ok_or_else(|| Problem::unknown("no picture is kept of this period"))?;
    Ok(([(header::CONTENT_TYPE, "image/jpeg")], jpeg).into_response())
}

/// Every reviewed period that passes the filters, for training.
#[utoipa::path(get, path = "/events/export", tag = "events", responses((status = 200, body = [Period])), params(
    ("format" = Option<String>, Query, description = "json (an array) or csv"),
    ("stream" = Option<String>, Query, description = "As for /events, and so are label, review, from, to"),
))]
pub async fn export(State(shared): State<Arc<Shared>>, mut asked: Asked) -> Result<Response, Problem> {
    let format = asked.take("format", "json or csv", Format::of)?.unwrap_or(Format::Json);
    let filter = filter(&mut asked)?;
    asked.end()?;
    Ok(export::send(record(&shared)?.reader().clone(), filter, format))
}

/// One point a second a face.
#[derive(Serialize, ToSchema)]
#[schema(as = StreamHistory)]
pub struct History {
    points: Vec<Point>,
}

/// The last minutes of a stream's faces, oldest first.
#[utoipa::path(get, path = "/streams/{id}/history", tag = "streams", responses((status = 200, body = History)),
    params(("secs" = Option<f64>, Query, description = "1-3600, 300")))]
pub async fn history(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    mut asked: Asked,
) -> Result<Json<History>, Problem> {
    let (low, default, high) = HISTORY;
    let secs = asked.number("secs", low, high)?.unwrap_or(default);
    asked.end()?;
    let since = SystemTime::now() - Duration::from_secs_f64(secs);
    Ok(Json(History { points: read(&shared, move |reader| reader.points(&id, since)).await? }))
}

fn filter(asked: &mut Asked) -> Result<Filter, Problem> {
    let labels = [Label::Fake, Label::Uncertain, Label::Real];
    Ok(Filter {
        stream: asked.take("stream", "a stream's id", |id| Some(id.to_owned()))?,
        label: asked.take("label", "FAKE, UNCERTAIN or REAL", |name| named(&labels, Label::name, name))?,
        review: asked
            .take("review", "none, reviewed, confirmed or false", |name| named(&Review::ALL, Review::name, name))?,
        from: asked.take("from", "a time as 2026-11-24T11:05:31Z", rfc3339::parse)?,
        to: asked.take("to", "a time as 2026-11-24T11:05:31Z", rfc3339::parse)?,
    })
}

fn named<T: Copy>(all: &[T], name_of: impl Fn(T) -> &'static str, name: &str) -> Option<T> {
    all.iter().copied().find(|one| name_of(*one) == name)
}

fn number(id: &str) -> Result<i64, Problem> {
    id.parse().map_err(|_| Problem::unknown("there is no such period"))
}

/// What keeps verdicts, or why nothing does.
pub fn record(shared: &Shared) -> Result<&Arc<Record>, Problem> {
    shared.record.as_ref().map_err(|error| Problem::from(&**error))
}

/// Asks the record on a thread that may block.
pub async fn read<T: Send + 'static>(
    shared: &Shared,
    question: impl FnOnce(&Reader) -> Result<T, record::Error> + Send + 'static,
) -> Result<T, Problem> {
    let reader = record(shared)?.reader().clone();
    Ok(super::api::blocking(move || question(&reader)).await??)
}
