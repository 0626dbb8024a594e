//! `/health`, `/model` and `/streams/{id}/faces`: how the program is doing, what it judges with, and what that sees. In:
//! requests that `guard` let through. Out: JSON.

use std::collections::BTreeMap;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Json;
use axum::extract::{Path, State};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use utoipa::ToSchema;

use super::api::blocking;
use super::door::Shared;
use super::problem::Problem;
use crate::infer::contract::Contract;
use crate::pixels;
use crate::publish::{GalleryFace, GalleryWindow, event, rfc3339};
use crate::verdict::Label;
use crate::vitals::{Gpu, Point, Process, StageTime};

/// JPEG quality of the crops: small, and good enough to see what the detector saw.
const CROP_QUALITY: u8 = 90;

/// How the program is doing.
#[derive(Serialize, ToSchema)]
pub struct Health {
    now: String,
    /// CPU time of all threads a second.
    cpu_cores: f64,
    memory_mb: Option<f64>,
    threads: Option<u64>,
    /// Open files and sockets.
    files: Option<u64>,
    /// null: no NVIDIA driver.
    gpu: Option<Gpu>,
    uptime_secs: f64,
    provider: String,
    model: event::ModelName,
    detector_queue: i64,
    detector_queue_max: usize,
    websocket_clients: i64,
    /// Over the last minute.
    stages: Vec<StageTime>,
    /// Frames given up since the start, by reason.
    dropped: BTreeMap<String, f64>,
    /// Every 5 s, the oldest first, at most 180.
    history: Vec<Point>,
}

/// Load, queues, latencies and losses, now and over the last 15 minutes.
#[utoipa::path(get, path = "/health", tag = "program", responses((status = 200, body = Health)))]
pub async fn health(State(shared): State<Arc<Shared>>) -> Result<Json<Health>, Problem> {
    let server = shared.board.server();
    let (provider, model) = (server.provider.clone(), shared.model.name());
    let vitals = shared.vitals.clone();
    let (process, cpu_cores, gpu) = blocking(move || {
        let process = Process::now();
        (process, vitals.cpu_cores(&process), vitals.gpu())
    })
    .await?;
    Ok(Json(Health {
        now: rfc3339::format(SystemTime::now()),
        cpu_cores,
        memory_mb: process.memory_mb,
        threads: process.threads,
        files: process.files,
        gpu,
        uptime_secs: shared.board.uptime().as_secs_f64(),
        provider,
        model,
        detector_queue: shared.metrics.detector_queue.get(),
        detector_queue_max: shared.model.queue,
        websocket_clients: shared.metrics.websocket_clients.get(),
        stages: shared.vitals.stages(),
        dropped: shared.vitals.totals().dropped,
        history: shared.vitals.history(),
    }))
}

/// What verdicts are made with; read once at the start.
#[derive(Clone)]
pub struct Model {
    contract: Contract,
    provider: String,
    graphs: Vec<Graph>,
    card: Option<String>,
    /// Frames that may wait for it.
    queue: usize,
}

impl Model {
    /// `folder`: where the contract came from.
    pub fn read(contract: &Contract, provider: &str, folder: &FilePath, queue: usize) -> Self {
        let graph = |file: &str, sha256: &str| Graph {
            file: file.to_owned(),
            sha256: sha256.to_owned(),
            bytes: std::fs::metadata(folder.join(file)).ok().map(|about| about.len()),
        };
        let (encoder, head) = (&contract.encoder, &contract.head);
        Self {
            graphs: vec![graph(&encoder.file, &encoder.sha256), graph(&head.file, &head.sha256)],
            card: std::fs::read_to_string(folder.join("card.md")).ok(),
            contract: contract.clone(),
            provider: provider.to_owned(),
            queue,
        }
    }

    fn name(&self) -> event::ModelName {
        event::ModelName { name: self.contract.name.clone(), version: self.contract.version.clone() }
    }
}

#[derive(Clone, Serialize, ToSchema)]
struct Graph {
    file: String,
    sha256: String,
    bytes: Option<u64>,
}

/// The model in use.
#[derive(Serialize, ToSchema)]
#[schema(as = ModelCard)]
pub struct ModelTold {
    name: String,
    version: String,
    date: String,
    commit: String,
    trial: bool,
    note: String,
    provider: String,
    /// Frames a window.
    frames: usize,
    /// Frames looked at a second.
    rate_hz: f64,
    /// Pixels a side of a crop.
    size: u32,
    /// Numbers a crop becomes.
    embedding: usize,
    graphs: Vec<Graph>,
    thresholds: Thresholds,
    /// The model card, Markdown; null: it has none.
    card: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Thresholds {
    fake_at: f32,
    real_at: f32,
    temperature: f32,
}

/// The model, its graphs, thresholds and card.
#[utoipa::path(get, path = "/model", tag = "program", responses((status = 200, body = ModelTold)))]
pub async fn model(State(shared): State<Arc<Shared>>) -> Json<ModelTold> {
    let Model { contract, provider, graphs, card, .. } = (*shared.model).clone();
    let server = shared.board.server();
    let temperature = contract.score.temperature;
    Json(ModelTold {
        name: contract.name,
        version: contract.version,
        date: contract.date,
        commit: contract.commit,
        trial: contract.trial,
        note: contract.note,
        provider,
        frames: contract.window.frames,
        rate_hz: contract.window.rate_hz,
        size: contract.crop.size,
        embedding: contract.encoder.dim,
        graphs,
        thresholds: Thresholds { fake_at: server.fake_at, real_at: server.real_at, temperature },
        card,
    })
}

/// What the detector sees of a stream.
#[derive(Serialize, ToSchema)]
pub struct Faces {
    faces: Vec<FaceSeen>,
    /// Over the last minute, of all streams.
    stages: Vec<StageTime>,
    provider: String,
    decoder: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct FaceSeen {
    track: u64,
    label: Label,
    fake_confidence: Option<f32>,
    /// The newest window scored.
    window: Option<WindowSeen>,
    /// Frames that did not reach a window since somebody looks, by reason.
    rejected: BTreeMap<&'static str, u64>,
}

#[derive(Serialize, ToSchema)]
struct WindowSeen {
    /// Seconds of the stream's time.
    began: f64,
    ended: f64,
    fake_confidence: Option<f32>,
    synthetic_confidence: Option<f32>,
    /// Oldest first; sums to 1.
    attention: Vec<f32>,
    frames: Vec<CropSeen>,
}

#[derive(Serialize, ToSchema)]
struct CropSeen {
    pts_secs: f64,
    /// A `data:` address.
    jpeg: String,
    /// Its attention.
    weight: Option<f32>,
}

/// The newest crops of each face with their weights; they are kept only for 10 s after somebody asked.
#[utoipa::path(get, path = "/streams/{id}/faces", tag = "streams", responses((status = 200, body = Faces)))]
pub async fn faces(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Result<Json<Faces>, Problem> {
    let asked = shared.board.gallery(id.clone()).await.ok_or_else(Problem::stopping)?;
    let unknown = || Problem::unknown(format!("there is no stream named {id:?}"));
    let (faces, decoder) = asked.ok_or_else(unknown)?;
    let size = shared.model.contract.crop.size;
    let faces = blocking(move || faces.into_iter().map(|face| seen(face, size)).collect()).await?;
    let provider = shared.board.server().provider.clone();
    Ok(Json(Faces { faces, stages: shared.vitals.stages(), provider, decoder }))
}

fn seen(face: GalleryFace, size: u32) -> FaceSeen {
    let GalleryFace { track, label, fake_confidence, window, rejected } = face;
    FaceSeen { track, label, fake_confidence, window: window.map(|window| shown(window, size)), rejected }
}

fn shown(window: GalleryWindow, size: u32) -> WindowSeen {
    let GalleryWindow { span, fake_confidence, synthetic_confidence, attention, crops } = window;
    let frames = crops.iter().enumerate().filter_map(|(at, (pts, crop))| {
        let jpeg = pixels::encode_crop(crop, size, CROP_QUALITY).ok()?;
        let (pts_secs, weight) = (secs(*pts), attention.get(at).copied());
        Some(CropSeen { pts_secs, jpeg: format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg)), weight })
    });
    let frames = frames.collect();
    WindowSeen { began: secs(span.0), ended: secs(span.1), fake_confidence, synthetic_confidence, frames, attention }
}

fn secs(pts: Duration) -> f64 {
    pts.as_secs_f64()
}
