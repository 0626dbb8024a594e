//! One file judged as a whole: in, a video or a picture; out, an [`Outcome`]. Every frame in order, nothing dropped, no
//! clock in any figure: the same file, settings and model give the same bytes. Called by `main` (`truevision score`) and
//! by `analyses`.

mod outcome;
mod picture;
mod play;
mod sheet;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::detector::{self, Analysis, Detector, Model, StreamId};
use crate::metrics::Metrics;
use crate::{faces, infer, source, stream, tracks, verdict};

pub use outcome::{FileScore, Moment, MomentFace, Outcome, TrackScore};
pub use picture::{Picture, Pictures, Seen, SeenFace};
pub use play::{Progress, Watch};

use play::Played;
use sheet::Sheet;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Source(#[from] source::Error),
    #[error("{file}: {source}")]
    Analysis { file: String, source: stream::Error },
    #[error(transparent)]
    Faces(#[from] faces::Error),
    #[error(transparent)]
    Detector(#[from] detector::Error),
    #[error("{file} was not scored: {fault}; see the log above, and start anew")]
    DetectorGone { file: String, fault: detector::Fault },
    #[error("{file}: no frame came for {} s; the file or its decoder hangs", play::NO_PROGRESS.as_secs())]
    Hangs { file: String },
    #[error("cancelled")]
    Cancelled,
}

/// The settings of the rooms that a file passes.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub infer: infer::Config,
    pub faces: faces::Config,
    pub tracks: tracks::Config,
    pub detector: detector::Config,
    pub verdict: verdict::Config,
}

/// The models, loaded once for many files.
pub struct Scorer {
    settings: Settings,
    faces: faces::Detector,
    detector: Detector,
    metrics: Arc<Metrics>,
    shared: Arc<Shared>,
}

/// Where the detector's thread leaves what it has judged.
#[derive(Default)]
struct Shared {
    sheet: Mutex<Option<Sheet>>,
    judged: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Option<Sheet>> {
        // A panic while it was held would have ended the detector's thread, which is noticed by itself.
        self.sheet.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scorer {
    pub fn load(settings: &Settings) -> Result<Self, Error> {
        let metrics = Arc::new(Metrics::new());
        let shared = Arc::new(Shared::default());
        let sink = {
            let shared = shared.clone();
            move |analysis: Analysis| {
                if let Some(sheet) = shared.lock().as_mut() {
                    sheet.add(&analysis);
                }
                shared.judged.notify_one();
            }
        };
        let model = Model::load(&settings.detector, &settings.infer)?;
        let detector = Detector::start(model, &settings.detector, metrics.clone(), sink)?;
        let faces = faces::Detector::load(&settings.faces, &settings.infer)?;
        Ok(Self { settings: settings.clone(), faces, detector, metrics, shared })
    }

    /// Scores one file. A file that breaks off after good frames is scored as far as it went, and says so.
    pub fn score(&self, path: &Path) -> Result<FileScore, Error> {
        let mut progress = |_: Progress| ControlFlow::Continue(());
        let outcome = self.judge(path, &mut Watch { progress: &mut progress, pictures: None })?;
        let model = self.detector.contract().name.clone();
        Ok(FileScore { file: path.display().to_string(), model, outcome })
    }

    /// The same for somebody who watches. A picture counts as a film of one window's length.
    pub fn judge(&self, path: &Path, watch: &mut Watch<'_>) -> Result<Outcome, Error> {
        let file = path.display().to_string();
        let contract = self.detector.contract();
        let born = u64::from(self.settings.tracks.birth_hits.saturating_sub(1));
        let looks = play::is_still(path).then_some(contract.window.frames as u64 + born);
        *self.shared.lock() = Some(Sheet::new(&self.settings.verdict, &contract.score, looks));
        let stream: StreamId = file.as_str().into();
        let mut played = Played::default();
        let ended = self.play(&stream, looks, watch, &mut played);
        self.detector.forget(&stream);
        // Also of a file that was given up: what still came of it would be written on the next one's sheet.
        let sheet = self.wait_for(played.submitted);
        ended?;
        // What a lost GPU left unjudged is no answer.
        let fault = self.detector.fault();
        match (sheet, fault) {
            (Some(sheet), None) => Ok(sheet.finish(played)),
            (_, fault) => Err(Error::DetectorGone { file, fault: fault.unwrap_or(detector::Fault::ThreadEnded) }),
        }
    }

    /// The sheet once `submitted` frames are on it; None when the detector is.
    fn wait_for(&self, submitted: u64) -> Option<Sheet> {
        let mut sheet = self.shared.lock();
        while sheet.as_ref().is_some_and(|sheet| sheet.taken < submitted) {
            if self.detector.fault().is_some() {
                return None;
            }
            let waited = self.shared.judged.wait_timeout(sheet, Duration::from_millis(100));
            sheet = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        sheet.take()
    }
}
