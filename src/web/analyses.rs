//! `/analyses`: files are uploaded, listed, looked at, cancelled and removed. In: requests that `guard` let through. Out:
//! JSON, pictures, or a [`Problem`]. A file streams to the disk on a thread that may block; its size and kind are judged
//! while it arrives.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};

use super::api::blocking;
use super::door::Shared;
use super::page::Page;
use super::problem::Problem;
use crate::analyses::{Analyses, Analysis, Refusal};
use crate::publish::event::AnalysisState;

/// Pieces of a file that may wait for the disk.
const PIECES: usize = 8;
/// A sender that is refused in the midst of its file is heard out for so long: many read no answer before they are done.
const HEARD_OUT: Duration = Duration::from_secs(10);

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// What people call the file; says nothing of its kind.
    #[serde(default)]
    name: String,
}

/// Takes a file in; it is judged when those before it are.
#[utoipa::path(post, path = "/analyses", tag = "analyses", params(Named),
    request_body(content = inline(Vec<u8>), content_type = "application/octet-stream"),
    responses((status = 201, body = Analysis)))]
pub async fn upload(
    State(shared): State<Arc<Shared>>,
    named: Result<Query<Named>, QueryRejection>,
    headers: HeaderMap,
    mut body: Body,
) -> Result<(StatusCode, Json<Analysis>), Problem> {
    let Query(Named { name }) = named.map_err(|error| Problem::invalid("name", error.body_text()))?;
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let (pieces, arriving) = mpsc::channel(PIECES);
    let analyses = shared.analyses.clone();
    let writing = tokio::task::spawn_blocking(move || write(&analyses, &name, announced, arriving));
    let sent = pump(&mut body, pieces, shared.patience).await;
    let written =
        writing.await.map_err(|_| Problem::unavailable("an internal error (a bug; the log has its place)"))?;
    match (sent, written) {
        (_, Ok(Some(state))) => Ok((StatusCode::CREATED, Json(Analysis { state, result: None }))),
        (Err(problem), _) => Err(problem),
        (Ok(()), Ok(None)) => Err(broken_off()),
        (Ok(()), Err(refusal)) => {
            let rest = async { while let Some(Ok(_)) = body.frame().await {} };
            // Whatever it still says, the answer is the same.
            let _ = timeout(HEARD_OUT, rest).await;
            Err(refusal.into())
        }
    }
}

/// Passes the body on piece by piece and a None at its end; stops when nobody takes them any more.
async fn pump(body: &mut Body, pieces: mpsc::Sender<Option<Bytes>>, patience: Duration) -> Result<(), Problem> {
    loop {
        let piece = match timeout(patience, body.frame()).await {
            Ok(Some(Ok(frame))) => frame.into_data().ok(),
            Ok(Some(Err(_))) => return Err(broken_off()),
            Ok(None) => {
                // Refused already when it fails.
                let _ = pieces.send(None).await;
                return Ok(());
            }
            Err(_) => {
                let message = format!("nothing of the file arrived for {} s", patience.as_secs());
                return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "too_slow", message));
            }
        };
        // What is no data is a trailer.
        if let Some(piece) = piece
            && pieces.send(Some(piece)).await.is_err()
        {
            return Ok(());
        }
    }
}

/// Writes the pieces to the disk; None: they ended before the file did.
fn write(
    analyses: &Analyses,
    name: &str,
    announced: Option<u64>,
    mut pieces: mpsc::Receiver<Option<Bytes>>,
) -> Result<Option<AnalysisState>, Refusal> {
    let mut upload = analyses.begin(name, announced)?;
    while let Some(piece) = pieces.blocking_recv() {
        match piece {
            Some(piece) => upload.write(&piece)?,
            None => return upload.finish().map(Some),
        }
    }
    Ok(None)
}

fn broken_off() -> Problem {
    Problem::malformed("the file broke off before its end; send it again")
}

/// Some of the files, the newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = Analyses)]
pub struct Listed {
    analyses: Vec<AnalysisState>,
    /// The cursor of the next page; null: this was the last.
    next: Option<String>,
}

/// The uploaded files, without their results.
#[utoipa::path(get, path = "/analyses", tag = "analyses", params(Page), responses((status = 200, body = Listed)))]
pub async fn list(State(shared): State<Arc<Shared>>, page: Page) -> Json<Listed> {
    let (analyses, more) = shared.analyses.page(page.cursor(), page.limit());
    let next = analyses.last().filter(|_| more).map(|last| last.id.clone());
    Json(Listed { analyses, next })
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// 1: as a file to keep.
    download: Option<u8>,
}

/// One file with its result, once it is done.
#[utoipa::path(get, path = "/analyses/{id}", tag = "analyses", params(("id" = String, Path), Wanted), responses((status = 200, body = Analysis)))]
pub async fn get(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(Wanted { download }) = wanted.map_err(|error| Problem::invalid("download", error.body_text()))?;
    let analyses = shared.analyses.clone();
    let analysis = blocking(move || analyses.get(&id)).await?.ok_or_else(unknown)?;
    let mut response = Json(&analysis).into_response();
    if download == Some(1) {
        let file = format!("attachment; filename=\"analysis-{}.json\"", analysis.state.id);
        // An id is hexadecimal.
        if let Ok(value) = HeaderValue::try_from(file) {
            response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
        }
    }
    Ok(response)
}

/// Cancels a file that waits or runs, removes one that is over.
#[utoipa::path(delete, path = "/analyses/{id}", tag = "analyses", responses((status = 204)))]
pub async fn remove(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let analyses = shared.analyses.clone();
    if blocking(move || analyses.remove(&id)).await? { Ok(StatusCode::NO_CONTENT) } else { Err(unknown()) }
}

/// A picture of the file, as the result lists them.
#[utoipa::path(get, path = "/analyses/{id}/pictures/{n}", tag = "analyses", responses((status = 200, body = inline(Vec<u8>), content_type = "image/jpeg")))]
pub async fn picture(
    State(shared): State<Arc<Shared>>,
    Path((id, n)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let n = n.parse().map_err(|_| Problem::invalid("n", "the number of a picture, from 0"))?;
    let analyses = shared.analyses.clone();
    let jpeg = blocking(move || analyses.picture(&id, n)).await?;
    let jpeg = jpeg.ok_or_else(|| Problem::unknown("there is no such picture; the result lists those there are"))?;
    let head = [(header::CONTENT_TYPE, "image/jpeg"), (header::CACHE_CONTROL, "private, max-age=3600")];
    Ok((head, jpeg).into_response())
}

fn unknown() -> Problem {
    Problem::unknown("there is no analysis with this id; it may have been removed or be too old")
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (status, code) = match refusal {
            Refusal::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Refusal::Unsupported => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
            Refusal::Full(_) => (StatusCode::CONFLICT, "full"),
            Refusal::StorageFull => (StatusCode::INSUFFICIENT_STORAGE, "storage_full"),
            Refusal::Disk(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        };
        Self::new(status, code, refusal.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_a_507() {
        let full = std::io::Error::from_raw_os_error(28);
        let problem = Problem::from(Refusal::from(full));
        assert_eq!((problem.status.as_u16(), problem.code), (507, "storage_full"));
    }
}
