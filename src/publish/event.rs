//! The wire format, version 1: what goes over `/ws` and `/api`. Rust and the dashboard parse the same golden JSON
//! (`tests/golden/events.json`). Made by the board, sent by `web`.

mod analysis;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::crops::Quality;
use crate::faces::Rect;
use crate::verdict::{Label, Reason};

pub use analysis::{AnalysisState, JobError, JobState, ModelName, Stage};

pub const VERSION: u32 = 1;

/// One message of the server. `seq` counts events since this start of the program (`boot`), snapshots and heartbeats
/// aside: those carry that of the newest event. A client that sees a hole asks again with `?boot=..&seq=..`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    pub v: u32,
    pub seq: u64,
    #[serde(flatten)]
    pub body: Body,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Body {
    /// Everything; first on every connection, and again when a client fell behind.
    Snapshot(Snapshot),
    /// A stream came, its connection state changed, or (at most once a second) its figures did.
    Stream(StreamState),
    /// A stream went.
    Removed { id: String },
    /// A frame was judged, or its verdict went STALE.
    Verdict(VerdictState),
    /// A period of verdicts began, ended or was reviewed.
    Period(Period),
    /// An alert began, opened, changed or ended.
    Alert(Alert),
    /// An uploaded file changed its state, or (at most once a second) came further.
    Analysis(AnalysisState),
    /// Once a second, so that a client notices a dead connection and knows the server's clock (RFC 3339 UTC).
    Heartbeat { now: String },
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Snapshot {
    /// Unique to this start of the program.
    pub boot: String,
    /// The server's clock, RFC 3339 UTC.
    pub now: String,
    pub server: Server,
    pub streams: Vec<StreamState>,
}

/// What the page must know of the program.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Server {
    pub version: String,
    pub model: Model,
    /// `cpu`, `cuda`, `tensorrt`, `tensorrt_rtx`.
    pub provider: String,
    /// Better providers that `auto` could not use, best first; empty for a named device.
    pub passed_over: Vec<PassedOver>,
    /// Thresholds in force.
    pub fake_at: f32,
    pub real_at: f32,
    pub stale_secs: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PassedOver {
    pub provider: String,
    pub why: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Model {
    pub name: String,
    pub version: String,
    /// A trial model: the page says so, with the note.
    pub trial: bool,
    pub note: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Connecting,
    Live,
    /// Failed; `fault` says why and when it tries again.
    Fault,
    /// A file that was played once.
    Ended,
}

impl State {
    pub const ALL: [Self; 4] = [Self::Connecting, Self::Live, Self::Fault, Self::Ended];

    /// As on the wire and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Live => "live",
            Self::Fault => "fault",
            Self::Ended => "ended",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StreamState {
    pub id: String,
    pub name: String,
    /// `file`, `rtsp`, `http`, `srt`, `v4l2`, `screen`, `test`.
    pub kind: String,
    /// The address without credentials.
    pub source: String,
    pub state: State,
    pub fault: Option<Fault>,
    /// RFC 3339 UTC: since when it is in this state.
    pub since: String,
    pub width: u32,
    pub height: u32,
    pub fps: Option<f64>,
    pub codec: Option<String>,
    pub decoder: Option<String>,
    pub reconnects: u64,
    /// Lost frames by reason, since the start.
    pub dropped: BTreeMap<String, u64>,
    /// Frames analysed a second, over the last seconds.
    pub analyses_per_sec: f64,
    pub verdict: Option<VerdictState>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Fault {
    /// `not_found`, `unauthorised`, `unreachable`, `no_frames`, ...
    pub code: String,
    pub message: String,
    /// Seconds to the next try; null: it will not come back by itself.
    pub retry_in_secs: Option<f64>,
}

/// A stream's verdict as of one frame. Also the header of that frame's picture.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct VerdictState {
    pub id: String,
    pub frame: u64,
    pub pts_secs: f64,
    /// RFC 3339 UTC with milliseconds: when the frame reached us.
    pub captured: String,
    /// Capture to verdict, ms.
    pub latency_ms: f64,
    /// Size of the frame that `faces[].rect` refers to, pixels.
    pub width: u32,
    pub height: u32,
    pub label: Label,
    pub fake_confidence: Option<f32>,
    pub reasons: Vec<Reason>,
    /// Age of the newest scored window behind the label when this was sent, seconds; null: none stands behind it.
    pub evidence_age_secs: Option<f64>,
    pub faces: Vec<FaceState>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FaceState {
    pub track: u64,
    pub rect: Rect,
    pub label: Label,
    pub fake_confidence: Option<f32>,
    pub window_confidence: Option<f32>,
    pub synthetic_confidence: Option<f32>,
    pub attention: Vec<f32>,
    pub windows: u32,
    pub quality: Quality,
    pub reasons: Vec<Reason>,
}

/// A face under one label, from its first verdict to the last: what is kept of what happened.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Period {
    /// Never used twice.
    pub id: i64,
    pub stream: String,
    /// The stream's name when it began.
    pub stream_name: String,
    pub track: u64,
    /// Never STALE: what is not being judged has no period.
    pub label: Label,
    /// RFC 3339 UTC, capture time.
    pub began: String,
    /// None while it lasts.
    pub ended: Option<String>,
    /// From the beginning to the end, or as far as is known.
    pub secs: f64,
    /// The highest rolling fake confidence, and when.
    pub peak_confidence: Option<f32>,
    pub peak_at: Option<String>,
    /// Mean of the rolling fake confidence over its windows.
    pub mean_confidence: Option<f32>,
    /// Windows that the detector scored in it.
    pub windows: u64,
    /// Every reason that was given, in the order of [`Reason`].
    pub reasons: Vec<Reason>,
    pub review: Review,
    pub note: String,
    pub reviewed_at: Option<String>,
    /// Whether a picture of the face is kept.
    pub thumbnail: bool,
    /// Name and version of the model that judged.
    pub model: String,
}

/// What a person said of a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Review {
    #[default]
    None,
    /// Looked at, with no judgement.
    Reviewed,
    /// The label is right.
    Confirmed,
    /// The label is wrong.
    False,
}

impl Review {
    pub const ALL: [Self; 4] = [Self::None, Self::Reviewed, Self::Confirmed, Self::False];

    /// As on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Reviewed => "reviewed",
            Self::Confirmed => "confirmed",
            Self::False => "false",
        }
    }
}

/// One alert as a client sees it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Alert {
    pub id: String,
    pub stream: String,
    pub stream_name: String,
    pub track: u64,
    /// `pending`, `open`, `acknowledged`, `resolved`, `false`.
    pub state: String,
    /// RFC 3339 UTC, as all times here: when the face became FAKE.
    pub began: String,
    /// None while it is pending.
    pub opened: Option<String>,
    pub updated: String,
    pub resolved: Option<String>,
    pub peak_confidence: f32,
    /// What the person who acknowledged or closed it wrote.
    pub note: String,
    /// What became of its newest news at each target.
    pub deliveries: Vec<AlertDelivery>,
    /// What is kept of it on disk; null when none is wanted, and while it is pending.
    pub evidence: Option<AlertEvidence>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AlertDelivery {
    pub target: String,
    /// `waiting`, `delivered`, `dead`.
    pub state: String,
    pub attempts: u32,
    pub error: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AlertEvidence {
    /// `writing`, `kept`, `none`, `removed` (it was too old, or too much).
    pub state: String,
    /// Why there is none, or what is missing in it, for people.
    pub reason: Option<String>,
    /// Of all its files.
    pub bytes: u64,
    /// Files of the original video, under `/alerts/{id}/evidence/`.
    pub clips: Vec<String>,
    /// SHA-256 of its manifest, hex: who keeps this elsewhere can tell whether the whole store was written anew.
    pub manifest: Option<String>,
}

impl AlertEvidence {
    /// In a state that has no files.
    pub fn without(state: &str, reason: Option<String>) -> Self {
        Self { state: state.into(), reason, bytes: 0, clips: Vec::new(), manifest: None }
    }
}

/// What a client may say over `/ws`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Send pictures of these streams from now on (replaces the list; empty: none). A picture is a binary message:
    /// u32 little-endian length of the JSON header, the header (a `VerdictState`), the JPEG.
    Watch { streams: Vec<String> },
}

#[cfg(test)]
mod tests;
