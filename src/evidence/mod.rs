//! Room 10: what is kept of an alert. In: news of alerts, the streams' coded video, the verdicts. Out: a folder an alert
//! with the original video (never coded anew), the faces and scores, and a manifest that is chained to the one before;
//! whether all of it is as it was written ([`verify`]). Nothing here is on a verdict's path: the board's task and the
//! desk hand over, two threads of this room look and write. Started by `app`, asked by `web` and `main`.
//!
//! Why so: docs/design/0008-evidence.md.

mod chain;
mod clip;
mod collector;
mod job;
mod keeper;
mod manifest;
mod settings;
mod sightings;
mod spool;
mod store;
mod verify;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::alerts::{Alert, Desk, Event, Listener};
use crate::infer::contract::Contract;
use crate::metrics::Metrics;
use crate::publish::event::AlertEvidence;
use crate::publish::{Board, Sink};
use crate::record::Keep;
use crate::source::Taps;

pub use manifest::{FileFacts, Manifest, ModelFacts, NAME as MANIFEST, sha256};
pub use settings::Config;
pub use store::Totals;
pub use verify::{Finding, Report, verify};

use collector::{AT_ONCE, Collector};
use keeper::Keeper;
use sightings::Sightings;
use store::Store;

/// News of alerts that may wait.
const QUEUE: usize = 1024;
/// Held beyond what is wanted, so that a thread that is late finds it.
const SLACK: Duration = Duration::from_secs(3);
/// How long the last evidence may take to be written when the program stops.
const FAREWELL: Duration = Duration::from_secs(8);

/// Why no evidence can be kept, or none checked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot use the folder {folder}: {source}; name another in evidence.folder, or let this user write there")]
    Folder { folder: PathBuf, source: io::Error },
    #[error("{folder} is in use by another TrueVision; stop that one, or name another folder in evidence.folder")]
    InUse { folder: PathBuf },
    #[error(
        "{file}: {why}; `truevision verify` says what is left, and another evidence.folder begins a new chain beside it"
    )]
    Chain { file: PathBuf, why: String },
    #[error("the system gives no thread for evidence: {0}; it is out of threads or memory")]
    Thread(io::Error),
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{path} is no evidence: it has neither {} nor {}", chain::NAME, manifest::NAME)]
    NoEvidence { path: PathBuf },
}

/// What is the same for all evidence of this run.
pub struct Facts {
    /// Name and version.
    pub program: String,
    pub model: ModelFacts,
    /// The settings that bear on verdicts, alerts and evidence, without secrets and addresses.
    pub settings: Vec<u8>,
}

impl Facts {
    /// `folder`: of the model. Fails when its contract cannot be read any more.
    pub fn of(contract: &Contract, folder: &Path, settings: &serde_json::Value) -> Result<Self, Error> {
        let path = folder.join("model.toml");
        let text = std::fs::read(&path).map_err(|source| Error::Read { path, source })?;
        let model = ModelFacts {
            name: contract.name.clone(),
            version: contract.version.clone(),
            trial: contract.trial,
            // Told by the board.
            provider: String::new(),
            contract_sha256: sha256(&text),
            encoder_sha256: contract.encoder.sha256.clone(),
            head_sha256: contract.head.sha256.clone(),
        };
        let program = concat!("truevision ", env!("CARGO_PKG_VERSION")).to_owned();
        Ok(Self { program, model, settings: format!("{settings:#}\n").into_bytes() })
    }
}

/// Tells how long and how much is kept, by the settings in force.
type KeepNow = Arc<dyn Fn() -> Keep + Send + Sync>;

/// News of an alert.
struct News {
    event: Event,
    alert: Alert,
}

/// Whether the disk takes evidence.
#[derive(Default)]
struct Health {
    state: Mutex<Faults>,
}

#[derive(Default)]
struct Faults {
    /// Less is free than must be.
    low: Option<String>,
    /// The newest write failed.
    failed: Option<String>,
}

impl Health {
    /// Why nothing new may be written: too little room; None when there is enough.
    fn room(&self, store: &Store, config: &Config) -> Option<String> {
        let free = store.free();
        let low = free.filter(|free| *free < config.min_free_bytes()).map(|free| {
            format!(
                "the disk is nearly full: {} MB are free, and evidence.min_free_mb is {}",
                free >> 20,
                config.min_free_mb
            )
        });
        let mut state = self.lock();
        match (&state.low, &low) {
            (None, Some(why)) => tracing::error!("evidence is not kept: {why}"),
            (Some(_), None) => tracing::info!("there is room for evidence again"),
            _ => {}
        }
        state.low.clone_from(&low);
        low
    }

    /// Notes that a write failed; the reason as metrics have it.
    fn failed(&self, error: &io::Error) -> &'static str {
        let mut state = self.lock();
        if state.failed.is_none() {
            tracing::error!("evidence is not kept: {error}");
        }
        state.failed = Some(error.to_string());
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "disk_full",
            _ => "disk",
        }
    }

    fn worked(&self) {
        self.lock().failed = None;
    }

    fn fault(&self) -> Option<String> {
        let state = self.lock();
        state.low.clone().or_else(|| state.failed.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Faults> {
        // Whole at every moment it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The folder is open and nothing runs yet: board and desk must first know whom to tell their news.
pub struct Opened {
    config: Config,
    store: Arc<Store>,
    taps: Arc<Taps>,
    sightings: Arc<Sightings>,
    news: SyncSender<News>,
    heard: Receiver<News>,
    metrics: Arc<Metrics>,
}

impl Opened {
    pub fn new(config: &Config, metrics: Arc<Metrics>) -> Result<Self, Error> {
        let store = Arc::new(Store::open(&config.folder)?);
        let span = Duration::try_from_secs_f64(config.before_secs).unwrap_or_default() + SLACK;
        let taps = Taps::new(span, config.stream_bytes(), config.video_bytes());
        let sightings = Arc::new(Sightings::new(span, config.face_bytes()));
        let (news, heard) = sync_channel(QUEUE);
        Ok(Self { config: config.clone(), store, taps, sightings, news, heard, metrics })
    }

    /// What the board must tell its news to.
    pub fn sink(&self) -> Sink {
        let sightings = self.sightings.clone();
        Box::new(move |told| sightings.hear(told))
    }

    /// What the desk must tell its alerts to.
    pub fn listener(&self) -> Listener {
        let (news, metrics) = (self.news.clone(), self.metrics.clone());
        Box::new(move |event, alert| {
            if matches!(event, Event::Opened | Event::Updated)
                && news.try_send(News { event, alert: alert.clone() }).is_err()
                && event == Event::Opened
            {
                metrics.evidence_lost.with_label_values(&["queue_full"]).inc();
            }
        })
    }

    /// Where streams leave their coded video.
    pub fn taps(&self) -> Arc<Taps> {
        self.taps.clone()
    }

    /// Starts the two threads. `keep` is asked whenever evidence may be too old or too much.
    pub fn start(
        self,
        desk: Desk,
        board: Board,
        facts: Facts,
        keep: impl Fn() -> Keep + Send + Sync + 'static,
    ) -> Result<Running, Error> {
        let keep: KeepNow = Arc::new(keep);
        let Self { config, store, taps, sightings, news: _, heard, metrics } = self;
        let health = Arc::new(Health::default());
        for reason in ["disk_full", "disk", "too_many", "queue_full"] {
            // A counter that is there from the start shows its first increase.
            metrics.evidence_lost.with_label_values(&[reason]).inc_by(0);
        }
        if let Some(link) = store.newest() {
            // The program may have been killed when this was on the disk and not yet told.
            let manifest = store.manifest(&link.alert);
            let clips = manifest.iter().flat_map(|m| m.video.clips.iter().map(|clip| clip.file.clone())).collect();
            let lacks = manifest.map(|manifest| manifest.video.lacks.join("; ")).filter(|lacks| !lacks.is_empty());
            let (state, sha256) = ("kept".to_owned(), Some(link.sha256));
            let told = AlertEvidence { state, reason: lacks, bytes: link.bytes, clips, manifest: sha256 };
            desk.note_evidence(&link.alert, told);
        }
        let evidence = Evidence {
            config: Arc::new(config.clone()),
            keep: keep.clone(),
            store: store.clone(),
            health: health.clone(),
        };
        let stop = Arc::new(AtomicBool::new(false));
        let (finished, waiting) = sync_channel(AT_ONCE);
        let (done, over) = sync_channel::<()>(1);
        let keeper = Keeper {
            keep,
            store: store.clone(),
            health: health.clone(),
            desk: desk.clone(),
            board,
            metrics: metrics.clone(),
            facts,
        };
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new().name(name.into()).spawn(work).map_err(Error::Thread)
        };
        spawn(
            "evidence-keep",
            Box::new(move || {
                // Dropped when the thread ends, however it does.
                let _done = done;
                keeper.run(&waiting);
            }),
        )?;
        let collector =
            Collector { config, store, taps, sightings, health, desk, metrics, finished, stop: stop.clone() };
        spawn("evidence", Box::new(move || collector.run(&heard)))?;
        Ok(Running { evidence, stop, over: Mutex::new(over) })
    }
}

/// The running room; stopped by `app`.
pub struct Running {
    pub evidence: Evidence,
    stop: Arc<AtomicBool>,
    /// Disconnected once all is written.
    over: Mutex<Receiver<()>>,
}

impl Running {
    /// Ends what is coming in, and waits a while until it is written; the next start removes what is not.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        let over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        if over.recv_timeout(FAREWELL) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            tracing::warn!("the disk did not take the last evidence in time; the next start removes what is not whole");
        }
    }
}

/// What is kept, for the door.
#[derive(Clone)]
pub struct Evidence {
    config: Arc<Config>,
    keep: KeepNow,
    store: Arc<Store>,
    health: Arc<Health>,
}

impl Evidence {
    /// The manifest of an alert's evidence; None when there is none, or no more.
    pub fn manifest(&self, alert: &str) -> Option<Manifest> {
        self.store.manifest(alert)
    }

    /// A file of it, and its size; None for what its manifest does not name.
    pub fn file(&self, alert: &str, name: &str) -> Option<(std::fs::File, u64)> {
        let manifest = self.manifest(alert)?;
        if name != manifest::NAME && !manifest.files.iter().any(|file| file.name == name) {
            return None;
        }
        let path = self.store.place(alert, name)?;
        // A link that somebody put there would lead elsewhere.
        let about = std::fs::symlink_metadata(&path).ok().filter(|about| about.is_file())?;
        Some((std::fs::File::open(path).ok()?, about.len()))
    }

    /// Why evidence is not being kept, in words; None while it is.
    pub fn fault(&self) -> Option<String> {
        self.health.fault()
    }

    pub fn totals(&self) -> Totals {
        self.store.totals()
    }

    /// Seconds of video before and after the opening of an alert.
    pub fn span_secs(&self) -> (f64, f64) {
        (self.config.before_secs, self.config.after_secs)
    }

    /// How long and how much is kept, by the settings in force.
    pub fn keep(&self) -> Keep {
        (self.keep)()
    }
}
