//! `truevision score`: in, a video file; out, one JSON object. Every frame in order, nothing dropped, no clock in any
//! figure: the same file, settings and model give the same bytes. Called by `main` and by tests.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::config::Config;
use crate::detector::{self, Analysis, Detector, Model, StreamId, WhenFull, Work};
use crate::faces::{self, Rect};
use crate::infer::contract::ScoreRule;
use crate::metrics::Metrics;
use crate::source::{self, Next, Source};
use crate::stream::{self, Analyst};
use crate::verdict::{self, FaceVerdict, Judge, Label, Reason, Verdict};

/// A file that gives nothing for so long is given up.
const NO_PROGRESS: Duration = Duration::from_secs(30);

/// What a file came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FileScore {
    pub file: String,
    /// The worst track's.
    pub verdict: Label,
    /// Of that track: its windows' clipped log-odds, averaged over the whole file by quality weight, as a probability.
    pub fake_confidence: Option<f32>,
    pub reasons: Vec<Reason>,
    /// Presentation time of the last frame.
    pub duration_secs: f64,
    /// Frames decoded.
    pub frames: u64,
    /// Frames looked at, at the model's sampling rate.
    pub analysed: u64,
    /// Faces seen in them.
    pub faces: u64,
    /// Windows scored.
    pub windows: u64,
    /// The file broke off: what was wrong after the last good frame.
    pub damage: Option<String>,
    pub model: String,
    pub tracks: Vec<TrackScore>,
    pub timeline: Vec<Moment>,
}

/// One face through the file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrackScore {
    pub track: u64,
    pub verdict: Label,
    pub fake_confidence: Option<f32>,
    pub windows: u64,
    pub first_secs: f64,
    pub last_secs: f64,
    /// Reasons given while it was not decided, with the number of frames.
    pub reasons: BTreeMap<Reason, u64>,
}

/// The rolling verdict as of one analysed frame.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moment {
    pub pts_secs: f64,
    pub verdict: Label,
    pub fake_confidence: Option<f32>,
    pub faces: Vec<MomentFace>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MomentFace {
    pub track: u64,
    pub rect: Rect,
    pub verdict: Label,
    pub fake_confidence: Option<f32>,
    pub window_confidence: Option<f32>,
    pub reasons: Vec<Reason>,
}

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
    #[error("the detector's thread ended before {file} was scored; see the log above")]
    DetectorGone { file: String },
    #[error("{file}: no frame came for {} s; the file or its decoder hangs", NO_PROGRESS.as_secs())]
    Hangs { file: String },
}

/// The models, loaded once for many files.
pub struct Scorer {
    config: Config,
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
    pub fn load(config: &Config) -> Result<Self, Error> {
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
        let model = Model::load(&config.detector, &config.infer)?;
        let detector = Detector::start(model, &config.detector, metrics.clone(), sink)?;
        let faces = faces::Detector::load(&config.faces, &config.infer)?;
        Ok(Self { config: config.clone(), faces, detector, metrics, shared })
    }

    /// Scores one file. A file that breaks off after good frames is scored as far as it went, and says so.
    pub fn score(&self, path: &Path) -> Result<FileScore, Error> {
        let file = path.display().to_string();
        let contract = self.detector.contract();
        *self.shared.lock() = Some(Sheet::new(&self.config.verdict, &contract.score));
        let stream: StreamId = file.as_str().into();
        let played = self.play(&stream);
        self.detector.forget(&stream);
        let (frames, submitted, duration, damage) = played?;
        let sheet = self.wait_for(submitted).ok_or_else(|| Error::DetectorGone { file: file.clone() })?;
        Ok(sheet.finish(file, contract.name.clone(), frames, duration, damage))
    }

    /// Runs the file through rooms 1 to 4. Gives frames decoded, frames handed to the detector, the last pts and
    /// what broke the file off.
    fn play(&self, stream: &StreamId) -> Result<(u64, u64, Duration, Option<String>), Error> {
        let settings =
            source::Config { id: "file".into(), url: stream.to_string(), realtime: false, ..source::Config::default() };
        let mut source = Source::open(&settings)?;
        let contract = self.detector.contract();
        let mut analyst = Analyst::new(&self.config.faces, &self.config.tracks, contract);
        let (mut frames, mut submitted, mut last) = (0, 0, Duration::ZERO);
        loop {
            match source.next(NO_PROGRESS) {
                Next::Idle => return Err(Error::Hangs { file: stream.to_string() }),
                Next::Connected(_) => analyst.reset(),
                Next::Fault { error, .. } if frames > 0 => {
                    return Ok((frames, submitted, last, Some(error.to_string())));
                }
                Next::Fault { error, .. } => return Err(error.into()),
                Next::End => return Ok((frames, submitted, last, None)),
                Next::Frame(frame) => {
                    frames += 1;
                    last = frame.stamp.pts;
                    if !analyst.due(&frame) {
                        continue;
                    }
                    let faces = analyst
                        .look(&frame, &self.faces, &self.metrics)
                        .map_err(|source| Error::Analysis { file: stream.to_string(), source })?;
                    let work = Work { stream: stream.clone(), stamp: frame.stamp, faces, picture: None };
                    if !self.detector.submit(work, WhenFull::Wait) {
                        return Err(Error::DetectorGone { file: stream.to_string() });
                    }
                    submitted += 1;
                }
            }
        }
    }

    /// The sheet once `submitted` frames are on it; None when the detector's thread is gone.
    fn wait_for(&self, submitted: u64) -> Option<Sheet> {
        let mut sheet = self.shared.lock();
        while sheet.as_ref().is_some_and(|sheet| sheet.analysed < submitted) {
            if !self.detector.is_running() {
                return None;
            }
            let waited = self.shared.judged.wait_timeout(sheet, Duration::from_millis(100));
            sheet = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        sheet.take()
    }
}

/// One file's account, filled frame by frame.
struct Sheet {
    judge: Judge,
    thresholds: verdict::Config,
    analysed: u64,
    faces: u64,
    windows: u64,
    tracks: BTreeMap<u64, Tally>,
    timeline: Vec<Moment>,
}

/// The running sums of one track.
#[derive(Default)]
struct Tally {
    first: Duration,
    last: Duration,
    windows: u64,
    log_odds: f64,
    weight: f64,
    reasons: BTreeMap<Reason, u64>,
}

impl Sheet {
    fn new(thresholds: &verdict::Config, rule: &ScoreRule) -> Self {
        Self {
            judge: Judge::new(thresholds, rule),
            thresholds: thresholds.clone(),
            analysed: 0,
            faces: 0,
            windows: 0,
            tracks: BTreeMap::new(),
            timeline: Vec::new(),
        }
    }

    fn add(&mut self, analysis: &Analysis) {
        let verdict = self.judge.update(analysis);
        self.analysed += 1;
        for face in &verdict.faces {
            self.faces += 1;
            let tally =
                self.tracks.entry(face.track).or_insert_with(|| Tally { first: verdict.stamp.pts, ..Tally::default() });
            tally.add(face, verdict.stamp.pts, f64::from(self.thresholds.clip_log_odds));
            self.windows += u64::from(face.window_confidence.is_some());
        }
        self.timeline.push(Moment::of(&verdict));
    }

    fn finish(self, file: String, model: String, frames: u64, duration: Duration, damage: Option<String>) -> FileScore {
        let tracks: Vec<_> = self.tracks.iter().map(|(id, tally)| tally.score(*id, &self.thresholds)).collect();
        let worst = tracks.iter().max_by(|a, b| {
            a.verdict
                .cmp(&b.verdict)
                .then(a.fake_confidence.unwrap_or(0.0).total_cmp(&b.fake_confidence.unwrap_or(0.0)))
        });
        let reasons = match worst {
            None => vec![Reason::NoFace],
            Some(track) if track.verdict == Label::Uncertain => track.main_reasons(),
            Some(_) => Vec::new(),
        };
        FileScore {
            file,
            verdict: worst.map_or(Label::Uncertain, |track| track.verdict),
            fake_confidence: worst.and_then(|track| track.fake_confidence),
            reasons,
            duration_secs: seconds(duration),
            frames,
            analysed: self.analysed,
            faces: self.faces,
            windows: self.windows,
            damage,
            model,
            tracks,
            timeline: self.timeline,
        }
    }
}

impl Tally {
    fn add(&mut self, face: &FaceVerdict, pts: Duration, clip: f64) {
        self.last = pts;
        for reason in &face.reasons {
            *self.reasons.entry(*reason).or_default() += 1;
        }
        if let Some(window) = face.window_confidence {
            let window = f64::from(window);
            let weight = f64::from(face.quality.weight.clamp(0.0, 1.0));
            self.windows += 1;
            self.weight += weight;
            self.log_odds += weight * (window / (1.0 - window)).ln().clamp(-clip, clip);
        }
    }

    fn score(&self, track: u64, thresholds: &verdict::Config) -> TrackScore {
        let fake = (self.weight > 0.0).then(|| (1.0 / (1.0 + (-self.log_odds / self.weight).exp())) as f32);
        let verdict = match fake {
            Some(fake) if self.windows < u64::from(thresholds.min_windows) || fake.is_nan() => Label::Uncertain,
            Some(fake) if fake >= thresholds.fake_at => Label::Fake,
            Some(fake) if fake <= thresholds.real_at => Label::Real,
            _ => Label::Uncertain,
        };
        TrackScore {
            track,
            verdict,
            fake_confidence: fake,
            windows: self.windows,
            first_secs: seconds(self.first),
            last_secs: seconds(self.last),
            reasons: self.reasons.clone(),
        }
    }
}

impl TrackScore {
    /// What stood in the way most often; between the thresholds when nothing did.
    fn main_reasons(&self) -> Vec<Reason> {
        let most = self.reasons.values().max();
        let main: Vec<_> = self.reasons.iter().filter(|(_, n)| Some(*n) == most).map(|(reason, _)| *reason).collect();
        if main.is_empty() { vec![Reason::BetweenThresholds] } else { main }
    }
}

impl Moment {
    fn of(verdict: &Verdict) -> Self {
        let faces = verdict
            .faces
            .iter()
            .map(|face| MomentFace {
                track: face.track,
                rect: face.rect,
                verdict: face.label,
                fake_confidence: face.fake_confidence,
                window_confidence: face.window_confidence,
                reasons: face.reasons.clone(),
            })
            .collect();
        Self {
            pts_secs: seconds(verdict.stamp.pts),
            verdict: verdict.label,
            fake_confidence: verdict.fake_confidence,
            faces,
        }
    }
}

/// Milliseconds are what a file's pts are good for.
fn seconds(time: Duration) -> f64 {
    time.as_millis() as f64 / 1000.0
}

impl std::fmt::Display for FileScore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.file, self.verdict)?;
        if let Some(fake) = self.fake_confidence {
            write!(f, " (fake {:.0} %)", f64::from(fake) * 100.0)?;
        }
        if !self.reasons.is_empty() {
            let reasons: Vec<_> = self.reasons.iter().map(ToString::to_string).collect();
            write!(f, " because {}", reasons.join(", "))?;
        }
        write!(
            f,
            "; {:.1} s, {} frames, {} faces tracked, {} windows",
            self.duration_secs,
            self.frames,
            self.tracks.len(),
            self.windows
        )?;
        match &self.damage {
            Some(damage) => write!(f, "; broke off: {damage}"),
            None => Ok(()),
        }
    }
}
