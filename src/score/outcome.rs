//! What a judged file came to, as `truevision score --json` prints it and as the API gives it. Filled by `sheet`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::faces::Rect;
use crate::verdict::{Label, Reason, Verdict};

/// What `truevision score` says of a file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FileScore {
    pub file: String,
    pub model: String,
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What a file came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Outcome {
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
    /// Size of the frames that rectangles refer to, pixels; of the last one where it changes.
    pub width: u32,
    pub height: u32,
    pub tracks: Vec<TrackScore>,
    pub timeline: Vec<Moment>,
}

/// One face through the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrackScore {
    pub track: u64,
    pub verdict: Label,
    pub fake_confidence: Option<f32>,
    /// The same average of the synthetic head's log-odds, when the model has the head.
    pub synthetic_confidence: Option<f32>,
    pub windows: u64,
    pub first_secs: f64,
    pub last_secs: f64,
    /// Reasons given while it was not decided, with the number of frames.
    pub reasons: BTreeMap<Reason, u64>,
}

/// The rolling verdict as of one analysed frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Moment {
    pub pts_secs: f64,
    pub verdict: Label,
    pub fake_confidence: Option<f32>,
    pub faces: Vec<MomentFace>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MomentFace {
    pub track: u64,
    pub rect: Rect,
    pub verdict: Label,
    pub fake_confidence: Option<f32>,
    /// Of the window that ended with this frame.
    pub window_confidence: Option<f32>,
    /// Rolling, when the model has the head.
    pub synthetic_confidence: Option<f32>,
    /// Weights of that window's frames, oldest first; empty when none ended here.
    pub attention: Vec<f32>,
    pub reasons: Vec<Reason>,
}

impl TrackScore {
    /// What stood in the way most often; between the thresholds when nothing did.
    pub(super) fn main_reasons(&self) -> Vec<Reason> {
        let most = self.reasons.values().max();
        let main: Vec<_> = self.reasons.iter().filter(|(_, n)| Some(*n) == most).map(|(reason, _)| *reason).collect();
        if main.is_empty() { vec![Reason::BetweenThresholds] } else { main }
    }
}

impl Moment {
    pub(super) fn of(verdict: &Verdict) -> Self {
        let faces = verdict
            .faces
            .iter()
            .map(|face| MomentFace {
                track: face.track,
                rect: face.rect,
                verdict: face.label,
                fake_confidence: face.fake_confidence,
                window_confidence: face.window_confidence,
                synthetic_confidence: face.synthetic_confidence,
                attention: face.attention.clone(),
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
pub(super) fn seconds(time: Duration) -> f64 {
    time.as_millis() as f64 / 1000.0
}

impl std::fmt::Display for FileScore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { file, outcome, .. } = self;
        write!(f, "{file}: {}", outcome.verdict)?;
        if let Some(fake) = outcome.fake_confidence {
            write!(f, " (fake {:.0} %)", f64::from(fake) * 100.0)?;
        }
        if !outcome.reasons.is_empty() {
            let reasons: Vec<_> = outcome.reasons.iter().map(ToString::to_string).collect();
            write!(f, " because {}", reasons.join(", "))?;
        }
        write!(
            f,
            "; {:.1} s, {} frames, {} faces tracked, {} windows",
            outcome.duration_secs,
            outcome.frames,
            outcome.tracks.len(),
            outcome.windows
        )?;
        match &outcome.damage {
            Some(damage) => write!(f, "; broke off: {damage}"),
            None => Ok(()),
        }
    }
}
