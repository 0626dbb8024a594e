//! Room 6: what we tell people. In: [`Analysis`](crate::detector::Analysis), in order, and from time to time the time.
//! Out: [`Verdict`]s with rolling confidence, reasons and freshness. Pure: no clock, no threads. One [`Judge`] a stream.
//! Formulas and their sources: docs/verdict.md.

mod decision;
mod face;
mod judge;
mod rolling;

pub use decision::{Doubt, Finding, classify};
pub use judge::Judge;

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::crops::Quality;
use crate::faces::Rect;
use crate::faults::{self, Faults};
use crate::infer::contract::ScoreRule;
use crate::source::Stamp;

/// The four answers, in the order in which they weigh: a stream has its worst face's. A stale face weighs more than a
/// real one, so that nobody is told REAL of a face that is not being judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Label {
    Real,
    /// The newest evidence is older than its limit.
    Stale,
    Uncertain,
    Fake,
}

impl Label {
    pub const ALL: [Self; 4] = [Self::Real, Self::Stale, Self::Uncertain, Self::Fake];

    /// As on the wire and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Real => "REAL",
            Self::Stale => "STALE",
            Self::Uncertain => "UNCERTAIN",
            Self::Fake => "FAKE",
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why a verdict is not (yet) REAL or FAKE; the words people see are the dashboard's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
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
    /// A single picture: what would be enough of a film is not enough of it.
    StillPicture,
    /// It looks real, and at this size a live swap would too.
    TooSmallForReal,
}

impl Reason {
    pub const ALL: [Self; 15] = [
        Self::NoFace,
        Self::FaceTooSmall,
        Self::Blurred,
        Self::Turned,
        Self::Dark,
        Self::Overexposed,
        Self::CutOff,
        Self::IncompleteWindow,
        Self::TrackSwitch,
        Self::SourceStale,
        Self::DetectorDegraded,
        Self::HeadsDisagree,
        Self::BetweenThresholds,
        Self::StillPicture,
        Self::TooSmallForReal,
    ];

    /// As on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoFace => "no_face",
            Self::FaceTooSmall => "face_too_small",
            Self::Blurred => "blurred",
            Self::Turned => "turned",
            Self::Dark => "dark",
            Self::Overexposed => "overexposed",
            Self::CutOff => "cut_off",
            Self::IncompleteWindow => "incomplete_window",
            Self::TrackSwitch => "track_switch",
            Self::SourceStale => "source_stale",
            Self::DetectorDegraded => "detector_degraded",
            Self::HeadsDisagree => "heads_disagree",
            Self::BetweenThresholds => "between_thresholds",
            Self::StillPicture => "still_picture",
            Self::TooSmallForReal => "too_small_for_real",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
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
    /// A face whose crop has a shorter side in pixels of the frame is never REAL; 0: as the model's contract says.
    pub real_side_px: f32,
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
            real_side_px: 0.0,
        }
    }
}

impl Config {
    /// The side that counts.
    pub fn real_side_px(&self, rule: &ScoreRule) -> f32 {
        if self.real_side_px > 0.0 { self.real_side_px } else { rule.real_side_px }
    }

    /// Adds a (key, message) for every impossible value; keys are relative to this table.
    pub fn check(&self, faults: &mut Faults) {
        let mut range = |key: &str, value: f64, low, high| faults::range(faults, key, value, low, high);
        range("fake_at", self.fake_at.into(), 0.5, 1.0);
        range("real_at", self.real_at.into(), 0.0, 0.5);
        range("hysteresis", self.hysteresis.into(), 0.0, 0.2);
        range("dwell_secs", self.dwell_secs, 0.0, 60.0);
        range("time_constant_secs", self.time_constant_secs, 0.1, 300.0);
        range("clip_log_odds", self.clip_log_odds.into(), 1.0, 20.0);
        range("min_windows", self.min_windows.into(), 1.0, 100.0);
        range("stale_secs", self.stale_secs, 0.5, 3600.0);
        range("forget_secs", self.forget_secs, 0.0, 3600.0);
        range("real_side_px", self.real_side_px.into(), 0.0, 10_000.0);
        if faults.is_empty() && self.hysteresis > self.fake_at - self.real_at {
            let gap = self.fake_at - self.real_at;
            let message = format!(
                "must be at most the gap between real_at and fake_at ({gap:.2}), got {}; a face could never leave its label",
                self.hysteresis
            );
            faults.push(("hysteresis".into(), message));
        }
    }
}

/// What is said of one face.
#[derive(Clone, Debug, PartialEq)]
pub struct FaceVerdict {
    pub track: u64,
    pub rect: Rect,
    pub quality: Quality,
    pub label: Label,
    /// Rolling probability that the face is manipulated, 0-1; None before the first window. With STALE it is the last
    /// one known.
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
    /// Arrival and wall time of the newest frame with a scored window behind this label (the worst face's); None when
    /// no window stands behind it.
    pub evidence: Option<(Instant, SystemTime)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(config: Config) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        config.check(&mut faults);
        faults
    }

    #[test]
    fn labels_and_reasons_are_printed_as_on_the_wire() {
        for label in Label::ALL {
            assert_eq!(serde_json::to_value(label).unwrap(), label.to_string());
        }
        for reason in Reason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.to_string());
        }
    }

    #[test]
    fn the_defaults_are_possible() {
        assert_eq!(faults(Config::default()), []);
    }

    #[test]
    fn every_impossible_value_is_named_with_its_range() {
        let bad = Config {
            fake_at: 0.4,
            real_at: f32::NAN,
            hysteresis: -0.1,
            dwell_secs: -1.0,
            time_constant_secs: 0.0,
            clip_log_odds: 0.0,
            min_windows: 0,
            stale_secs: f64::INFINITY,
            forget_secs: -1.0,
            real_side_px: f32::NAN,
        };
        let faults = faults(bad);
        assert_eq!(faults.len(), 10, "{faults:?}");
        assert!(faults.contains(&("min_windows".into(), "must be 1-100, got 0".into())), "{faults:?}");
    }

    #[test]
    fn a_hysteresis_wider_than_the_gap_is_refused() {
        let faults = faults(Config { fake_at: 0.5, real_at: 0.45, hysteresis: 0.1, ..Config::default() });
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].0, "hysteresis");
    }
}
