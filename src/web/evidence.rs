//! `/evidence`, `/alerts/{id}/evidence`: what is kept of alerts, and the files of one. In: requests that `guard` let through. Out: JSON, or a
//! file, sent while it is read. Only files that the alert's manifest names can be had.

use std::io::Read;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use serde::Serialize;
use tokio::sync::mpsc;
use utoipa::ToSchema;

use super::alerts::ask;
use super::api::blocking;
use super::door::Shared;
use super::problem::Problem;
use crate::evidence::{self, Evidence, FileFacts, MANIFEST};
use crate::publish::event::AlertEvidence;
use crate::record::Keep;

/// Pieces that wait for a slow client; the reading waits then.
const PIECES: usize = 4;
const PIECE: usize = 64 * 1024;

/// What is kept of all alerts, and by which rules.
#[derive(Serialize, ToSchema)]
#[schema(as = EvidenceStore)]
pub struct Store {
    /// Whether evidence is kept at all.
    on: bool,
    /// Why none can be kept now, for people.
    fault: Option<String>,
    alerts: usize,
    bytes: u64,
    /// RFC 3339 UTC: when the oldest was written.
    oldest: Option<String>,
    /// SHA-256 of the newest manifest.
    newest: Option<String>,
    before_secs: f64,
    after_secs: f64,
    keep_days: u32,
    keep_mb: u32,
}

/// How much evidence there is, and what is kept how long.
#[utoipa::path(get, path = "/evidence", tag = "alerts", responses((status = 200, body = Store)))]
pub async fn store(State(shared): State<Arc<Shared>>) -> Json<Store> {
    let kept = shared.evidence.as_ref().ok();
    let totals = kept.map(Evidence::totals).unwrap_or_default();
    let off = evidence::Config::default();
    let (before_secs, after_secs) = kept.map_or((off.before_secs, off.after_secs), Evidence::span_secs);
    let Keep { days: keep_days, mb: keep_mb, .. } = kept.map_or(off.keep(), Evidence::keep);
    let (on, fault) = match &shared.evidence {
        Ok(kept) => (true, kept.fault()),
        Err(why) => (why.is_some(), why.clone()),
    };
    let evidence::Totals { alerts, bytes, oldest, newest } = totals;
    Json(Store { on, fault, alerts, bytes, oldest, newest, before_secs, after_secs, keep_days, keep_mb })
}

#[derive(Serialize, ToSchema)]
#[schema(as = AlertEvidenceFiles)]
pub struct Kept {
    /// Null: none is wanted, or the alert has not opened.
    evidence: Option<AlertEvidence>,
    /// Its files, to be had by their names; `manifest.json` names them with their SHA-256.
    files: Vec<File>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = EvidenceFile)]
struct File {
    name: String,
    bytes: u64,
    sha256: String,
}

/// What is kept of an alert.
#[utoipa::path(get, path = "/alerts/{id}/evidence", tag = "alerts", responses((status = 200, body = Kept)))]
pub async fn list(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Result<Json<Kept>, Problem> {
    let alert = id.clone();
    let evidence = ask(&shared, move |desk| desk.evidence(&alert)).await??;
    let evidence = evidence.ok_or_else(|| Problem::unknown(format!("there is no alert {id:?}")))?;
    let files = match shared.evidence.clone() {
        Ok(kept) => blocking(move || kept.manifest(&id).map(|manifest| manifest.files)).await?.unwrap_or_default(),
        // Then `evidence` says why.
        Err(_) => Vec::new(),
    };
    let file = |FileFacts { name, bytes, sha256 }| File { name, bytes, sha256 };
    Ok(Json(Kept { evidence, files: files.into_iter().map(file).collect() }))
}

/// One file of it: the original video, a face, the scores, the manifest.
#[utoipa::path(get, path = "/alerts/{id}/evidence/{file}", tag = "alerts",
    responses((status = 200, body = inline(Vec<u8>), content_type = "application/octet-stream")))]
pub async fn file(
    State(shared): State<Arc<Shared>>,
    Path((id, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let off = || "it is off in the settings (evidence.on)".to_owned();
    let unavailable =
        |why: Option<String>| Problem::unavailable(format!("no evidence is kept: {}", why.unwrap_or_else(off)));
    let kept = shared.evidence.clone().map_err(unavailable)?;
    let wanted = name.clone();
    let found = blocking(move || kept.file(&id, &wanted)).await?;
    let (file, bytes) = found.ok_or_else(|| {
        Problem::unknown(format!("this alert's evidence has no such file; {MANIFEST} names those there are"))
    })?;
    let kind = mime_guess::from_path(&name).first_or_octet_stream();
    let head = [
        (header::CONTENT_TYPE, kind.to_string()),
        (header::CONTENT_LENGTH, bytes.to_string()),
        // A plain name: it stands in a manifest.
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((head, send(file, bytes)).into_response())
}

/// The body of the answer: what the reading thread sends.
struct Pieces(mpsc::Receiver<std::io::Result<Bytes>>);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

/// Reads a file of so many bytes as fast as its client takes it.
fn send(file: std::fs::File, bytes: u64) -> Body {
    let (sender, pieces) = mpsc::channel(PIECES);
    tokio::task::spawn_blocking(move || {
        let mut file = file.take(bytes);
        loop {
            let mut piece = vec![0; PIECE];
            let read = file.read(&mut piece).map(|read| {
                piece.truncate(read);
                Bytes::from(piece)
            });
            let last = read.as_ref().map_or(true, Bytes::is_empty);
            if read.as_ref().is_ok_and(Bytes::is_empty) || sender.blocking_send(read).is_err() || last {
                return;
            }
        }
    });
    Body::new(Pieces(pieces))
}
