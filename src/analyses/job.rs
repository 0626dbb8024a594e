//! One file's way from the queue to its result. Owned by `Analyses`, moved on by `worker`.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Instant, SystemTime};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::publish::event::{AnalysisState, JobError, JobState, Stage};
use crate::publish::rfc3339;
use crate::score::{Outcome, Progress, Seen};

/// A job with what it came to, once it is done.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Analysis {
    #[serde(flatten)]
    pub state: AnalysisState,
    pub result: Option<AnalysisResult>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AnalysisResult {
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Thresholds that were in force.
    pub fake_at: f32,
    pub real_at: f32,
    /// By index, as `/analyses/{id}/pictures/{n}` gives them.
    pub pictures: Vec<Seen>,
}

pub(super) struct Job {
    pub told: AnalysisState,
    pub cancel: Arc<AtomicBool>,
    began: Option<Instant>,
}

impl Job {
    pub fn new(told: AnalysisState) -> Self {
        Self { told, cancel: Arc::default(), began: None }
    }

    pub fn begin(&mut self) {
        self.began = Some(Instant::now());
        self.told.state = JobState::Running;
        self.told.stage = Some(Stage::Decoding);
        self.told.started = Some(rfc3339::format(SystemTime::now()));
    }

    /// Back to where it was before it began.
    pub fn requeue(&mut self) {
        let told = &mut self.told;
        (told.state, told.stage, told.started) = (JobState::Queued, Some(Stage::Queued), None);
        (told.frames_done, told.progress, told.eta_secs) = (0, None, None);
    }

    pub fn progress(&mut self, progress: Progress) {
        let told = &mut self.told;
        let Progress { frames, total } = progress;
        (told.frames_done, told.frames_total) = (frames, total);
        if frames > 0 {
            told.stage = Some(Stage::Scoring);
        }
        told.progress = total.map(|total| (frames as f64 / total as f64).min(1.0));
        let spent = self.began.map_or(0.0, |began| began.elapsed().as_secs_f64());
        told.eta_secs = told.progress.filter(|done| *done > 0.0).map(|done| spent * (1.0 - done) / done);
    }

    pub fn finishing(&mut self) {
        self.told.stage = Some(Stage::Finishing);
        self.told.eta_secs = None;
    }

    /// For good: done, failed with code and message, or cancelled.
    pub fn end(&mut self, state: JobState, error: Option<(&str, String)>) {
        let told = &mut self.told;
        (told.state, told.stage, told.eta_secs) = (state, None, None);
        if state == JobState::Done {
            told.progress = Some(1.0);
        }
        told.finished = Some(rfc3339::format(SystemTime::now()));
        told.processing_secs = self.began.map(|began| began.elapsed().as_secs_f64());
        told.error = error.map(|(code, message)| JobError { code: code.to_owned(), message });
    }
}
