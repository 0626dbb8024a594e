//! Room 5: how fake. In: the candidates of one frame ([`Work`]). Out: the same faces with a [`Score`] each
//! ([`Analysis`]). One detector thread for all streams: crops are batched through the encoder, a track keeps
//! its last embeddings, a complete window goes through the head.

mod analyst;
mod encoder;
mod head;
mod model;
mod relief;
mod window;
mod worker;

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::crops::{Candidate, Quality, Reject};
use crate::faces::Rect;
use crate::faults::Faults;
use crate::infer::contract::Contract;
use crate::infer::health;
use crate::metrics::Metrics;
use crate::source::Stamp;

pub use model::{Model, Probe};

use analyst::Analyst;
use relief::Relief;
use worker::{Message, Worker};

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
    /// What the detector saw, `[size, size, 3] u8 RGB`; None when the quality gate kept it from it.
    pub crop: Option<Arc<[u8]>>,
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
    pub fn check(&self, faults: &mut Faults) {
        let mut fault = |key: &str, message: String| faults.push((key.into(), message));
        if self.model.is_empty() {
            fault("model", "must name the model's folder, got nothing; as models/trial-112".into());
        }
        if !(1..=256).contains(&self.batch_max) {
            fault("batch_max", format!("must be 1-256 crops, got {}", self.batch_max));
        }
        if self.batch_wait_ms > 100 {
            fault(
                "batch_wait_ms",
                format!("must be 0-100 ms, got {}; it adds to every verdict's age", self.batch_wait_ms),
            );
        }
        if !(1..=4096).contains(&self.queue) {
            fault("queue", format!("must be 1-4096 frames, got {}", self.queue));
        }
    }
}

/// What ends a detector for good: only a new process has another.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Fault {
    #[error("the detector's thread has ended")]
    ThreadEnded,
    #[error("the GPU is lost: {0}")]
    GpuLost(String),
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Infer(#[from] crate::infer::Error),
    #[error("the detector's thread cannot be started: {0}; the system is out of threads or memory")]
    Thread(std::io::Error),
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
    contract: Contract,
    provider: &'static str,
    metrics: Arc<Metrics>,
    relief: Arc<Relief>,
    /// None only while dropping.
    queue: Option<SyncSender<Message>>,
    thread: Option<JoinHandle<()>>,
}

impl Detector {
    /// Starts the thread. `sink` gets every analysis, in order of submission within a stream, on the detector's
    /// thread: it must not block for long.
    pub fn start(
        model: Model,
        config: &Config,
        metrics: Arc<Metrics>,
        sink: impl FnMut(Analysis) + Send + 'static,
    ) -> Result<Self, Error> {
        let contract = model.contract.clone();
        let provider = model.provider();
        metrics.provider.with_label_values(&[provider, &contract.name]).set(1);
        let (queue, messages) = sync_channel(config.queue);
        let analyst = Analyst::new(model, config.batch_max, metrics.clone());
        let relief = Arc::new(Relief::new());
        let worker = Worker::new(analyst, config, metrics.clone(), relief.clone(), sink);
        let thread = std::thread::Builder::new()
            .name("detector".into())
            .spawn(move || worker.run(&messages))
            .map_err(Error::Thread)?;
        Ok(Self { contract, provider, metrics, relief, queue: Some(queue), thread: Some(thread) })
    }

    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    /// What the encoder runs on: `cpu`, `cuda`, `tensorrt`.
    pub fn provider(&self) -> &'static str {
        self.provider
    }

    /// Why no more verdicts will come; None while it works.
    pub fn fault(&self) -> Option<Fault> {
        if let Some(why) = health::lost() {
            return Some(Fault::GpuLost(why));
        }
        let running = self.thread.as_ref().is_some_and(|thread| !thread.is_finished());
        (!running).then_some(Fault::ThreadEnded)
    }

    /// Asked by a live stream before it works on a frame: when the detector is behind, until when this stream is to leave
    /// it alone. The others then keep their windows whole.
    pub fn rest(&self) -> Option<Instant> {
        self.relief.rest(Instant::now())
    }

    /// Hands one frame's faces over; false when the queue was full and `when_full` is `Drop`, or the thread is gone.
    pub fn submit(&self, work: Work, when_full: WhenFull) -> bool {
        let Some(queue) = &self.queue else {
            return false;
        };
        let message = Message::Work(Box::new(work), Instant::now());
        // Counted first: the thread may take it before `send` returns.
        self.metrics.detector_queue.inc();
        let sent = match when_full {
            WhenFull::Wait => queue.send(message).is_ok(),
            WhenFull::Drop => match queue.try_send(message) {
                Ok(()) => true,
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
            },
        };
        if !sent {
            self.metrics.detector_queue.dec();
        }
        sent
    }

    /// Frees what is kept of a stream that was removed. Call it after the stream's last `submit`, from its own
    /// thread: it waits while the queue is full.
    pub fn forget(&self, stream: &StreamId) {
        if let Some(queue) = &self.queue {
            // Without a thread there is nothing left to free.
            let _ = queue.send(Message::Forget(stream.clone()));
        }
    }
}

impl Drop for Detector {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // The thread catches every panic; what is left has been written by the panic hook.
            let _ = thread.join();
        }
    }
}
