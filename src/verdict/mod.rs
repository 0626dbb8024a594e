//! Room 6: what we tell people. In: [`Analysis`], in order, and from time to time the time. Out: [`Verdict`]s with
//! rolling confidence, reasons and freshness. Pure: no clock, no threads. One [`Judge`] a stream.

use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use crate::crops::Quality;
use crate::detector::Analysis;
use crate::faces::Rect;
use crate::infer::contract::ScoreRule;
use crate::source::Stamp;

/// The four answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Label {
    Real,
    Fake,
    Uncertain,
    /// The newest evidence is older than its limit.
    Stale,
}

/// Why a verdict is not (yet) REAL or FAKE; the words people see are the dashboard's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    NoFace,
    FaceTooSmall,
    Blurred,
    Turned,
    Dark,
    Overexposed,
    CutOff,
    /// Fewer windows than a verdict needs.
    IncompleteWindow,
    /// The track began a moment ago after another was lost.
    TrackSwitch,
    SourceStale,
    /// The detector failed or lost frames to a full queue.
    DetectorDegraded,
    /// The synthetic head objects to what the fake head says.
    HeadsDisagree,
    /// Enough evidence, and it lies between the thresholds.
    BetweenThresholds,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Rolling fake confidence at or above it is FAKE, 0.5-1.
    pub fake_at: f32,
    /// At or below it is REAL, 0-0.5.
    pub real_at: f32,
    /// How far beyond a threshold the confidence must come back to leave a label, 0-0.2.
    pub hysteresis: f32,
    /// How long a new label must hold before it is told, seconds of stream time.
    pub dwell_secs: f64,
    /// Time constant of the rolling confidence, seconds.
    pub time_constant_secs: f64,
    /// One window's log-odds count at most so much, either way.
    pub clip_log_odds: f32,
    /// Windows a face needs before it is REAL or FAKE, 1-100.
    pub min_windows: u32,
    /// Evidence older than this is STALE, seconds.
    pub stale_secs: f64,
    /// A face not seen for so long no longer counts for the stream, seconds.
    pub forget_secs: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            fake_at: 0.70,
            real_at: 0.30,
            hysteresis: 0.05,
            dwell_secs: 0.5,
            time_constant_secs: 3.0,
            clip_log_odds: 4.0,
            min_windows: 4,
            stale_secs: 2.0,
            forget_secs: 2.0,
        }
    }
}

impl Config {
    pub fn check(&self, faults: &mut Vec<(String, String)>) {
        let _ = faults;
        todo!()
    }
}

/// What is said of one face.
#[derive(Clone, Debug, PartialEq)]
pub struct FaceVerdict {
    pub track: u64,
    pub rect: Rect,
    pub quality: Quality,
    pub label: Label,
    /// Rolling probability that the face is manipulated, 0-1; None before the first window.
    pub fake_confidence: Option<f32>,
    /// The newest window's own calibrated probability, when this frame ended one.
    pub window_confidence: Option<f32>,
    /// Rolling synthetic probability, when the model has the head.
    pub synthetic_confidence: Option<f32>,
    /// Attention over the newest window's frames, oldest first; empty when this frame ended none.
    pub attention: Vec<f32>,
    /// Windows that counted so far.
    pub windows: u32,
    /// pts of the first and last frame of the newest window.
    pub span: Option<(Duration, Duration)>,
    pub reasons: Vec<Reason>,
}

/// What is said of a stream: its worst face's verdict, and every face's.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    pub label: Label,
    pub fake_confidence: Option<f32>,
    pub reasons: Vec<Reason>,
    pub faces: Vec<FaceVerdict>,
    /// The frame it was said of.
    pub stamp: Stamp,
    /// Arrival and wall time of the newest frame that carried evidence (a scored window); None before.
    pub evidence: Option<(Instant, SystemTime)>,
}

/// Holds the rolling state of one stream.
pub struct Judge {
    _private: (),
}

impl Judge {
    pub fn new(config: &Config, rule: &ScoreRule) -> Self {
        let _ = (config, rule);
        todo!()
    }

    /// Takes one frame's scores in; gives the verdict as of that frame.
    pub fn update(&mut self, analysis: &Analysis) -> Verdict {
        let _ = analysis;
        todo!()
    }

    /// The newest verdict as of `now`: STALE (with `source_stale`) once its evidence is older than the limit, so
    /// that a frozen REAL is impossible. None before the first frame.
    pub fn at(&self, now: Instant) -> Option<Verdict> {
        let _ = now;
        todo!()
    }

    /// Forgets the faces (new connection); the next verdict starts from nothing.
    pub fn reset(&mut self) {
        todo!()
    }
}
