//! The one thread that judges uploaded files, one after another, with models of its own and behind everything live in
//! the system's order. In: the queue. Out: results on the disk, states to the board. Started by `Analyses`.

use std::io;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::job::AnalysisResult;
use super::{Job, Shared};
use crate::publish::event::{AnalysisState, JobState};
use crate::score::{self, Outcome, Pictures, Progress, Scorer, Watch};

/// Steps of `nice`: live streams go first.
const NICE: i32 = 10;
/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_secs(1);

pub(super) fn run(shared: &Shared, scoring: &score::Settings) {
    // The detector's thread starts from this one and takes its place in the order over. A thread may always step back.
    let _ = rustix::process::setpriority_process(None, NICE);
    let mut scorer = None;
    while let Some((told, cancel)) = shared.next(&mut scorer) {
        shared.changed(&told);
        let worked = catch_unwind(AssertUnwindSafe(|| serve(shared, scoring, &mut scorer, &told, &cancel)));
        let ended = worked.unwrap_or_else(|_| {
            // Its state may be spoilt.
            scorer = None;
            Err(Ended::Failed("internal", "an internal error (a bug; the log has its place)".into()))
        });
        shared.settle(&told.id, ended);
    }
}

/// Why a job did not come to its result.
enum Ended {
    Cancelled,
    /// The program stops.
    Stopped,
    Failed(&'static str, String),
}

impl Shared {
    /// Waits for a job and begins it; None: the program stops. The models are let go while there is nothing to do.
    fn next(&self, scorer: &mut Option<Scorer>) -> Option<(AnalysisState, Arc<AtomicBool>)> {
        let mut list = self.lock();
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return None;
            }
            if let Some(job) = list.jobs.values_mut().find(|job| job.told.state == JobState::Queued) {
                job.begin();
                return Some((job.told.clone(), job.cancel.clone()));
            }
            if scorer.is_some() {
                drop(list);
                *scorer = None;
                list = self.lock();
            } else {
                list = self.news.wait(list).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Changes a running job; a copy of it as it is then.
    fn update(&self, id: &str, change: impl FnOnce(&mut Job)) -> Option<AnalysisState> {
        let mut list = self.lock();
        let job = list.jobs.get_mut(id)?;
        change(job);
        Some(job.told.clone())
    }

    fn settle(&self, id: &str, ended: Result<(), Ended>) {
        let told = self.update(id, |job| match ended {
            Ok(()) => job.end(JobState::Done, None),
            Err(Ended::Cancelled) => job.end(JobState::Cancelled, None),
            Err(Ended::Failed(code, ref message)) => job.end(JobState::Failed, Some((code, message.clone()))),
            Err(Ended::Stopped) => job.requeue(),
        });
        let Some(told) = told else { return };
        tracing::info!(analysis = id, state = told.state.name(), secs = told.processing_secs, "analysis");
        if told.state.is_final() { self.over(&told) } else { self.keep(&told) }
    }
}

fn serve(
    shared: &Shared,
    scoring: &score::Settings,
    scorer: &mut Option<Scorer>,
    told: &AnalysisState,
    cancel: &AtomicBool,
) -> Result<(), Ended> {
    let stopped = || {
        let by_user = cancel.load(Ordering::Relaxed).then_some(Ended::Cancelled);
        by_user.or_else(|| shared.stop.load(Ordering::Relaxed).then_some(Ended::Stopped))
    };
    let path = shared.folder.upload(&told.id);
    let fault = |error| stopped().unwrap_or_else(|| failed(&error, &path, &told.name));
    if scorer.is_none() {
        *scorer = Some(Scorer::load(scoring).map_err(fault)?);
    }
    let Some(scorer) = scorer else { return Err(Ended::Stopped) };
    let (mut pictures, mut telling) = (Pictures::default(), Instant::now());
    let mut progress = |progress: Progress| {
        if stopped().is_some() {
            return ControlFlow::Break(());
        }
        let told = shared.update(&told.id, |job| job.progress(progress));
        if telling.elapsed() >= TELL_EVERY {
            telling = Instant::now();
            told.iter().for_each(|told| shared.tell(told));
        }
        ControlFlow::Continue(())
    };
    let mut watch = Watch { progress: &mut progress, pictures: Some(&mut pictures) };
    let mut outcome = scorer.judge(&path, &mut watch).map_err(fault)?;
    if let Some(stopped) = stopped() {
        return Err(stopped);
    }
    shared.update(&told.id, Job::finishing).iter().for_each(|told| shared.tell(told));
    outcome.damage = outcome.damage.map(|damage| named(&damage, &path, &told.name));
    write(shared, scoring, &told.id, outcome, pictures).map_err(|error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Ended::Failed("storage_full", "no space is left for its result; free some and upload it again".into())
        }
        _ => Ended::Failed("disk", format!("its result cannot be written ({error}); check analyses.folder")),
    })
}

fn write(shared: &Shared, scoring: &score::Settings, id: &str, outcome: Outcome, pictures: Pictures) -> io::Result<()> {
    let pictures = pictures.into_kept();
    let result = AnalysisResult {
        outcome,
        fake_at: scoring.verdict.fake_at,
        real_at: scoring.verdict.real_at,
        pictures: pictures.iter().map(|picture| picture.seen.clone()).collect(),
    };
    shared.folder.keep_result(id, &result, &pictures)
}

fn failed(error: &score::Error, path: &Path, name: &str) -> Ended {
    let code = match error {
        score::Error::Source(source) => source.code(),
        score::Error::Hangs { .. } => "hangs",
        score::Error::Analysis { .. } => "not_analysable",
        score::Error::Faces(_) | score::Error::Detector(_) | score::Error::DetectorGone { .. } => "detector",
        score::Error::Cancelled => return Ended::Cancelled,
    };
    Ended::Failed(code, named(&error.to_string(), path, name))
}

/// A message about the file as its user calls it; where it lies is nobody's business.
fn named(message: &str, path: &Path, name: &str) -> String {
    message.replace(&path.display().to_string(), name)
}
