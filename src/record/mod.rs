//! Room 8: what is kept. In: the board's news ([`Told`]). Out: verdicts as periods, a point a second a face and the faces
//! themselves in one SQLite database, which people review, search and export; settings changed while the program runs.
//! One thread, `record`, writes; who reads has a connection of his own. Started by `app`, asked by `web`.
//!
//! Why a database, and why pictures lie in it: docs/design/0007-periods-in-sqlite.md.

mod effect;
mod period;
mod read;
mod retention;
mod store;
mod tuning;
mod writer;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::faults::{self, Faults};
use crate::metrics::Metrics;
use crate::publish::event::{Period, Review};
use crate::publish::{Board, Sink, Told};
use crate::verdict;

pub use effect::Effects;
pub use read::{Cursor, Events, Filter, Point, Reader, Storage};
pub use tuning::{Keep, Key, Refused, Setting, Values};

use store::Store;
use tuning::Tuning;
use writer::{Message, Writer};

/// News and requests that may wait for the writer: some seconds of 60 streams.
const QUEUE: usize = 4096;
/// Reason of a loss: the writer could not keep up.
pub const QUEUE_FULL: &str = "queue_full";
/// Reason of a loss: the database did not take it.
pub const WRITE_FAILED: &str = "write_failed";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder of the database; empty: nothing is kept.
    pub folder: PathBuf,
    /// Periods shorter than this are not kept unless FAKE, seconds, 0-3600.
    pub min_secs: f64,
    /// What is kept is removed after so many days, 1-3650.
    pub keep_days: u32,
    /// Above so many MB (2^20 bytes) the oldest is removed, 1-1000000.
    pub keep_mb: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { folder: "data".into(), min_secs: 1.0, keep_days: 30, keep_mb: 1024 }
    }
}

impl Config {
    /// Adds a (key, message) for every impossible value; keys are relative to this table.
    pub fn check(&self, faults: &mut Faults) {
        let mut range = |key: &str, value: f64, low, high| faults::range(faults, key, value, low, high);
        range("min_secs", self.min_secs, 0.0, 3600.0);
        range("keep_days", self.keep_days.into(), 1.0, 3650.0);
        range("keep_mb", self.keep_mb.into(), 1.0, 1_000_000.0);
    }
}

/// Why nothing is kept, or a request for what is kept fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("nothing is kept, because record.folder is empty; name a folder to keep verdicts")]
    Off,
    #[error("cannot use the folder {folder}: {source}; name another in record.folder, or let this user write there")]
    Folder { folder: PathBuf, source: std::io::Error },
    #[error("{folder} is in use by another TrueVision; stop that one, or name another folder in record.folder")]
    InUse { folder: PathBuf },
    #[error(
        "{file} is damaged: {source}; stop the program, move it away (a new one is made) or put a copy back, and start again"
    )]
    Damaged { file: PathBuf, source: rusqlite::Error },
    #[error(
        "{file} was written by a newer TrueVision (version {version} of its tables, this program knows {known}); \
         start that one, or move the file away"
    )]
    Newer { file: PathBuf, version: u32, known: u32 },
    #[error("the disk of {file} is full: {source}; free some space, or lower record.keep_mb")]
    Full { file: PathBuf, source: rusqlite::Error },
    #[error("{file}: {source}")]
    Database { file: PathBuf, source: rusqlite::Error },
    #[error("the recorder cannot be started: {0}; the system is out of threads or memory")]
    Thread(std::io::Error),
    #[error("the recorder is busy; try again in a moment")]
    Busy,
    #[error("the recorder has ended (a bug; the log has its place); start the program anew to keep verdicts again")]
    Ended,
    #[error("there is no period {0}; it was removed, or never was")]
    Unknown(i64),
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// The record, opened but not yet writing: it has to hear the board, which needs its thresholds.
pub struct Opened {
    store: Store,
    tuning: Tuning,
    min_secs: f64,
    queue: SyncSender<Message>,
    messages: Receiver<Message>,
    metrics: Arc<Metrics>,
}

impl Opened {
    /// Opens the database of these settings; `fixed` are those that the environment has set.
    pub fn new(start: Values, fixed: Vec<Key>, metrics: Arc<Metrics>) -> Result<Self, Error> {
        let config = start.record.clone();
        if config.folder.as_os_str().is_empty() {
            return Err(Error::Off);
        }
        let store = Store::open(&config.folder)?;
        let mut tuning = Tuning::new(start, fixed);
        let kept = store.settings()?;
        for refused in tuning.restore(&kept) {
            tracing::warn!("a setting changed earlier is passed over: {refused}");
        }
        for setting in tuning.list().iter().filter(|setting| setting.changed) {
            tracing::info!(
                key = setting.key,
                value = setting.value,
                file = setting.default,
                "changed in an earlier run"
            );
        }
        let (queue, messages) = sync_channel(QUEUE);
        Ok(Self { store, tuning, min_secs: config.min_secs, queue, messages, metrics })
    }

    /// The thresholds in force, changed ones included.
    pub fn verdict(&self) -> &verdict::Config {
        &self.tuning.now().verdict
    }

    /// What the board must tell its news to. It never blocks; what finds the queue full is counted.
    pub fn sink(&self) -> Sink {
        let (queue, metrics) = (self.queue.clone(), self.metrics.clone());
        Box::new(move |told: &Told| {
            let sent = queue.try_send(Message::Told(told.clone()));
            if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = sent {
                metrics.record_dropped.with_label_values(&[QUEUE_FULL]).inc();
            }
        })
    }

    /// Starts the thread. `model` is the name and version that periods are kept with.
    pub fn start(self, board: Board, model: String) -> Result<Record, Error> {
        let Self { store, tuning, min_secs, queue, messages, metrics } = self;
        let reader = Reader::new(store.place.clone());
        let state = Arc::new(Mutex::new(State { tuning, fault: None }));
        metrics.recording.set(1);
        // A counter that is there from the start shows its first increase.
        for reason in [QUEUE_FULL, WRITE_FAILED] {
            metrics.record_dropped.with_label_values(&[reason]).inc_by(0);
        }
        let writer = Writer::new(store, min_secs, model, board, metrics, state.clone());
        let thread = std::thread::Builder::new()
            .name("record".into())
            .spawn(move || writer.run(&messages))
            .map_err(Error::Thread)?;
        Ok(Record { queue, reader, state, thread: Mutex::new(Some(thread)) })
    }
}

/// What writer and readers share.
struct State {
    tuning: Tuning,
    /// Why the newest write failed.
    fault: Option<String>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // Whole at every moment it is held, so a panic elsewhere does not spoil it.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The running record. Its calls answer when the disk has what they changed.
pub struct Record {
    queue: SyncSender<Message>,
    reader: Reader,
    state: Arc<Mutex<State>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Record {
    /// For requests that read; they block, so they run off the async threads.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Why verdicts are not being kept, in words; None while they are.
    pub fn fault(&self) -> Option<String> {
        let ended =
            self.thread.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_none_or(JoinHandle::is_finished);
        if ended { Some(Error::Ended.to_string()) } else { lock(&self.state).fault.clone() }
    }

    /// Keeps what a person said of a period; what is None stays as it was.
    pub async fn review(&self, id: i64, review: Option<Review>, note: Option<String>) -> Result<Period, Error> {
        self.ask(|answer| Message::Review { id, review, note, answer }).await
    }

    /// Changes settings at once and for later starts, all or none; None goes back to the file's value.
    pub async fn change(&self, changes: BTreeMap<Key, Option<f64>>) -> Result<Vec<Setting>, Error> {
        self.ask(|answer| Message::Change { changes, answer }).await
    }

    /// The settings of the record in force.
    pub fn config(&self) -> Config {
        lock(&self.state).tuning.now().record.clone()
    }

    /// How long and how much of the analyses is kept by the settings in force.
    pub fn analyses(&self) -> Keep {
        lock(&self.state).tuning.now().analyses
    }

    /// How long and how much evidence of alerts is kept by the settings in force.
    pub fn evidence(&self) -> Keep {
        lock(&self.state).tuning.now().evidence
    }

    /// The thresholds in force: fake_at and real_at.
    pub fn thresholds(&self) -> (f32, f32) {
        let state = lock(&self.state);
        let verdict = &state.tuning.now().verdict;
        (verdict.fake_at, verdict.real_at)
    }

    pub fn settings(&self) -> Vec<Setting> {
        lock(&self.state).tuning.list()
    }

    async fn ask<T>(&self, message: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Message) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(message(answer)).map_err(|error| match error {
            TrySendError::Full(_) => Error::Busy,
            TrySendError::Disconnected(_) => Error::Ended,
        })?;
        answered.await.map_err(|_| Error::Ended)?
    }

    /// Ends what lasts, writes it, and waits for the thread. Call it when the board has told all it will.
    pub fn stop(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A thread that is gone has written what it could.
            let _ = self.queue.send(Message::Stop);
            let _ = thread.join();
        }
    }
}
