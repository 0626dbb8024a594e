//! Uploaded files judged as a whole. In: a file's bytes as they arrive ([`Upload`]). Out: jobs that queue, run one at a
//! time beside the live streams and outlive a restart. Called by `web`; the worker uses `score` with models of its own.

mod folder;
mod job;
mod upload;
mod worker;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use serde::{Deserialize, Serialize};

use crate::faults::{self, Faults};
use crate::metrics::Metrics;
use crate::publish::event::{AnalysisState, Body, JobState, ModelName};
use crate::publish::{Board, Report};
use crate::record::Keep;
use crate::score;

pub use job::{Analysis, AnalysisResult};
pub use upload::{Refusal, Upload};

use folder::Folder;
use job::Job;

/// The least and the most of `keep_mb`.
const KEEP_MB: (u32, u32) = (10, 1_000_000);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where uploads, results and pictures lie; this program's alone.
    pub folder: PathBuf,
    /// Size of one file, MB, 1-100000.
    pub max_mb: u64,
    /// Files that may wait, 1-1000.
    pub queue: usize,
    /// Results older than that go, days, 1-3650.
    pub keep_days: u32,
    /// The oldest results go when all together take more, MB, 10-1000000.
    pub keep_mb: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { folder: "data/analyses".into(), max_mb: 500, queue: 16, keep_days: 30, keep_mb: 2000 }
    }
}

impl Config {
    pub fn keep(&self) -> Keep {
        Keep { days: self.keep_days, mb: self.keep_mb, mb_range: KEEP_MB }
    }

    /// Adds a (key, message) for every impossible value; keys are relative to this table.
    pub fn check(&self, faults: &mut Faults) {
        let mut range = |key: &str, value: u64, low, high| faults::range(faults, key, value, low, high);
        range("max_mb", self.max_mb, 1, 100_000);
        range("queue", self.queue as u64, 1, 1000);
        range("keep_days", self.keep_days.into(), 1, 3650);
        range("keep_mb", self.keep_mb.into(), KEEP_MB.0.into(), KEEP_MB.1.into());
        if self.folder.as_os_str().is_empty() {
            faults.push(("folder".into(), "must name a folder, got nothing; as data/analyses".into()));
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("analyses.folder: {folder}: {source}; give a folder that this program may write")]
    Folder { folder: String, source: std::io::Error },
    #[error("analyses.folder: {0} is in use by another TrueVision; give this one another folder")]
    InUse(String),
    #[error("the thread for analyses cannot be started: {0}; the system is out of threads or memory")]
    Thread(std::io::Error),
}

/// The jobs and their worker. Dropping it does not end the worker: [`Analyses::stop`] does.
pub struct Analyses {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the door and the worker both touch.
struct Shared {
    config: Config,
    /// What of the results is kept; it may change while the program runs.
    keep: Box<dyn Fn() -> Keep + Send + Sync>,
    folder: Folder,
    model: ModelName,
    board: Board,
    metrics: Arc<Metrics>,
    list: Mutex<List>,
    /// A job came, or the end did.
    news: Condvar,
    stop: AtomicBool,
}

/// Ids sort by time of arrival.
#[derive(Default)]
struct List {
    jobs: BTreeMap<String, Job>,
    /// Files that are arriving; they have a place in the queue already.
    arriving: usize,
}

impl List {
    fn waiting(&self) -> usize {
        self.jobs.values().filter(|job| job.told.state == JobState::Queued).count() + self.arriving
    }
}

impl Analyses {
    /// Takes up what an earlier start of the program left and starts the worker. Loads no model before the first file.
    /// `keep` is asked whenever results may be too old or too much.
    pub fn start(
        config: &Config,
        keep: impl Fn() -> Keep + Send + Sync + 'static,
        scoring: score::Settings,
        model: ModelName,
        board: Board,
        metrics: Arc<Metrics>,
    ) -> Result<Self, Error> {
        let folder = Folder::open(&config.folder)?;
        // A counter that is there from the start shows its first increase.
        for state in JobState::FINAL {
            metrics.analyses.with_label_values(&[state.name()]).inc_by(0);
        }
        let jobs = folder.jobs().into_iter().map(|told| (told.id.clone(), Job::new(told))).collect();
        let shared = Arc::new(Shared {
            config: config.clone(),
            keep: Box::new(keep),
            folder,
            model,
            board,
            metrics,
            list: Mutex::new(List { jobs, arriving: 0 }),
            news: Condvar::new(),
            stop: AtomicBool::new(false),
        });
        shared.interrupted();
        shared.tidy();
        let working = shared.clone();
        let thread = std::thread::Builder::new()
            .name("analyses".into())
            .spawn(move || worker::run(&working, &scoring))
            .map_err(Error::Thread)?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// A place for a file that is about to arrive. `announced`: its length, if the sender says. Blocks for the disk.
    pub fn begin(&self, name: &str, announced: Option<u64>) -> Result<Upload, Refusal> {
        Upload::begin(self.shared.clone(), name, announced)
    }

    /// At most `limit` jobs, the newest first, older than `before`; true when there are more.
    pub fn page(&self, before: Option<&str>, limit: usize) -> (Vec<AnalysisState>, bool) {
        let list = self.shared.lock();
        let mut jobs = list.jobs.values().rev().filter(|job| before.is_none_or(|before| *job.told.id < *before));
        let page = jobs.by_ref().take(limit).map(|job| job.told.clone()).collect();
        (page, jobs.next().is_some())
    }

    /// One job with its result. Blocks for the disk.
    pub fn get(&self, id: &str) -> Option<Analysis> {
        let state = self.shared.lock().jobs.get(id)?.told.clone();
        let result = if state.state == JobState::Done { self.shared.folder.result(&state.id) } else { None };
        Some(Analysis { state, result })
    }

    /// JPEG number `n` of a job. Blocks for the disk.
    pub fn picture(&self, id: &str, n: usize) -> Option<Vec<u8>> {
        let known = self.shared.lock().jobs.contains_key(id);
        if known { self.shared.folder.picture(id, n) } else { None }
    }

    /// Cancels a job that is queued or running, removes one that is over; false when there is none. Blocks for the disk.
    pub fn remove(&self, id: &str) -> bool {
        let mut list = self.shared.lock();
        let Some(job) = list.jobs.get_mut(id) else { return false };
        match job.told.state {
            // The worker sees it with the next frame and tells.
            JobState::Running => job.cancel.store(true, Ordering::Relaxed),
            JobState::Queued => {
                job.end(JobState::Cancelled, None);
                let told = job.told.clone();
                drop(list);
                self.shared.over(&told);
            }
            JobState::Done | JobState::Failed | JobState::Cancelled => {
                list.jobs.remove(id);
                drop(list);
                self.shared.folder.remove(id);
            }
        }
        true
    }

    /// Removes what is too old or too much, as after a change of what is kept. Blocks for the disk.
    pub fn tidy(&self) {
        self.shared.tidy();
    }

    /// Ends the worker. What runs is queued again for the next start of the program.
    pub fn stop(&self) {
        {
            let _list = self.shared.lock();
            self.shared.stop.store(true, Ordering::Relaxed);
            self.shared.news.notify_all();
        }
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // It catches every panic of a job; what is left has been written by the panic hook.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, List> {
        // The list is whole at every moment it is held, so a panic elsewhere does not spoil it.
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A job that ran when the program ended without a word may be why it ended: it does not run again by itself.
    fn interrupted(&self) {
        let mut list = self.lock();
        for job in list.jobs.values_mut().filter(|job| job.told.state == JobState::Running) {
            let message = "the program ended while this file was analysed; upload it again".to_owned();
            job.end(JobState::Failed, Some(("interrupted", message)));
            self.folder.drop_upload(&job.told.id);
            self.keep(&job.told);
        }
        self.metrics.analyses_queue.set(list.waiting() as i64);
    }

    /// What is over is written, told and counted; the file itself is not needed any more.
    fn over(&self, told: &AnalysisState) {
        self.folder.drop_upload(&told.id);
        self.metrics.analyses.with_label_values(&[told.state.name()]).inc();
        self.changed(told);
        self.tidy();
    }

    /// Writes and tells a change.
    fn changed(&self, told: &AnalysisState) {
        self.keep(told);
        self.metrics.analyses_queue.set(self.lock().waiting() as i64);
        self.tell(told);
    }

    fn keep(&self, told: &AnalysisState) {
        if let Err(error) = self.folder.keep(told) {
            tracing::error!(analysis = told.id, %error, "its state could not be written; a restart will not know it");
        }
    }

    fn tell(&self, told: &AnalysisState) {
        self.board.post(Report::Tell(Box::new(Body::Analysis(told.clone()))));
    }

    /// Removes what is too old or too much.
    fn tidy(&self) {
        let over: Vec<String> =
            self.lock().jobs.values().filter(|job| job.told.state.is_final()).map(|job| job.told.id.clone()).collect();
        let Keep { days, mb, .. } = (self.keep)();
        for id in self.folder.too_much(&over, days, mb.into()) {
            self.lock().jobs.remove(&id);
            self.folder.remove(&id);
        }
    }
}
