//! Room 5: how fake. In: the candidates of one frame ([`Work`]). Out: the same faces with a [`Score`] each
//! ([`Analysis`]). One detector thread for all streams: crops are batched through the encoder, a track keeps
//! its last embeddings, a complete window goes through the head.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::crops::{Candidate, Quality, Reject};
use crate::faces::Rect;
use crate::source::Stamp;

/// A stream's name, shared by all that travels.
pub type StreamId = Arc<str>;

/// One frame's faces on their way in.
pub struct Work {
    pub stream: StreamId,
    pub stamp: Stamp,
    pub faces: Vec<Candidate>,
    /// The frame as JPEG, when someone watches.
    pub picture: Option<Arc<[u8]>>,
}

/// One frame's faces, scored.
#[derive(Clone, Debug)]
pub struct Analysis {
    pub stream: StreamId,
    pub stamp: Stamp,
    pub faces: Vec<ScoredFace>,
    pub picture: Option<Arc<[u8]>>,
}

#[derive(Clone, Debug)]
pub struct ScoredFace {
    pub track: u64,
    pub rect: Rect,
    pub quality: Quality,
    pub evidence: Evidence,
}

/// What the detector could say of one face in one frame.
#[derive(Clone, Debug)]
pub enum Evidence {
    /// A complete window ended with this frame.
    Score(Score),
    /// The window is not complete yet (or not due by the stride): so many of its frames are there.
    Gathering { have: usize },
    /// The quality gate kept it from the detector.
    Rejected(Vec<Reject>),
    /// The detector failed on it (runtime error); the worker goes on.
    Failed,
}

/// A window's score.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// Raw logits of the head; above 0 leans to fake.
    pub fake_logit: f32,
    pub synthetic_logit: Option<f32>,
    /// Weight of each frame of the window, oldest first; sums to 1.
    pub attention: Vec<f32>,
    /// pts of the window's first and last frame.
    pub span: (Duration, Duration),
    /// Mean quality weight of the window's crops, 0-1.
    pub weight: f32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder of the model: graphs and model.toml.
    pub model: String,
    /// Crops a batch at most, 1-256.
    pub batch_max: usize,
    /// How long a batch waits for more crops, ms.
    pub batch_wait_ms: u64,
    /// Frames that may wait for the detector; live streams lose a frame beyond it (counted).
    pub queue: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { model: "models/trial-112".into(), batch_max: 16, batch_wait_ms: 4, queue: 64 }
    }
}

impl Config {
    pub fn check(&self, faults: &mut Vec<(String, String)>) {
        let _ = faults;
        todo!()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Infer(#[from] crate::infer::Error),
}

/// What to do with work while the queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// Live: give the work up (the caller counts it).
    Drop,
    /// Files: wait.
    Wait,
}

/// The handle of the detector thread; dropping it drains the queue and joins the thread.
pub struct Detector {
    _private: (),
}

impl Detector {
    /// Loads and verifies the model and starts the thread. `sink` gets every analysis, in order of submission
    /// within a stream, on the detector's thread: it must not block for long.
    pub fn start(
        config: &Config,
        infer: &crate::infer::Config,
        metrics: Arc<crate::metrics::Metrics>,
        sink: impl FnMut(Analysis) + Send + 'static,
    ) -> Result<Self, Error> {
        let _ = (config, infer, metrics, sink);
        todo!()
    }

    pub fn contract(&self) -> &crate::infer::contract::Contract {
        todo!()
    }

    /// What the encoder runs on: `cpu`, `cuda`, `tensorrt`.
    pub fn provider(&self) -> &'static str {
        todo!()
    }

    /// Hands one frame's faces over; false when the queue was full and `when_full` is `Drop`, or the thread is gone.
    pub fn submit(&self, work: Work, when_full: WhenFull) -> bool {
        let _ = (work, when_full);
        todo!()
    }

    /// Frees what is kept of a stream that was removed.
    pub fn forget(&self, stream: &StreamId) {
        let _ = stream;
        todo!()
    }
}
