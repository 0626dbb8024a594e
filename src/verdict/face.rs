//! What is known of one face of a stream. In: its evidence, frame by frame. Out: its verdict as of that frame, or
//! stale. Called by `judge`.

use std::time::{Duration, Instant};

use super::decision::{Decision, Doubt, Finding};
use super::rolling::{Rolling, sigmoid};
use super::{Config, FaceVerdict, Label, Reason};
use crate::crops::Reject;
use crate::detector::{Evidence, Score, ScoredFace};
use crate::infer::contract::ScoreRule;
use crate::source::Stamp;

/// How old a face's evidence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Within the limit, or there is none yet.
    Fresh,
    /// Frames come, but it has not been scored for longer than the limit.
    EvidenceStale,
    /// No frame was judged for longer than the limit.
    SourceStale,
}

/// A face that is remembered, seen in the newest frame or a moment before.
pub struct Face {
    /// The frame it was last seen in.
    pub seen: Stamp,
    /// The frame that ended its newest window.
    pub evidence: Option<Stamp>,
    /// It appeared a moment after another face vanished.
    switched: bool,
    fake: Rolling,
    synthetic: Rolling,
    /// Side of the crop in pixels of the frame.
    side: Rolling,
    decision: Decision,
    /// None until `min_windows` have counted.
    finding: Option<Finding>,
    /// As last seen; label and reasons are filled in by [`Face::verdict`].
    shown: FaceVerdict,
    /// What spoke against scoring it in the newest frame.
    obstacles: Vec<Reason>,
}

impl Face {
    pub fn new(scored: &ScoredFace, stamp: Stamp, switched: bool) -> Self {
        Self {
            seen: stamp,
            evidence: None,
            switched,
            fake: Rolling::default(),
            synthetic: Rolling::default(),
            side: Rolling::default(),
            decision: Decision::default(),
            finding: None,
            shown: FaceVerdict {
                track: scored.track,
                rect: scored.rect,
                quality: scored.quality,
                label: Label::Uncertain,
                fake_confidence: None,
                window_confidence: None,
                synthetic_confidence: None,
                attention: Vec::new(),
                windows: 0,
                span: None,
                reasons: Vec::new(),
            },
            obstacles: Vec::new(),
        }
    }

    /// Takes one frame's evidence in. Only a score moves the confidence; all else lets it age.
    pub fn update(&mut self, config: &Config, rule: &ScoreRule, scored: &ScoredFace, stamp: Stamp, frames_lost: bool) {
        self.seen = stamp;
        self.shown.rect = scored.rect;
        self.shown.quality = scored.quality;
        self.shown.window_confidence = None;
        self.shown.attention.clear();
        self.obstacles.clear();
        match &scored.evidence {
            // A number that is none comes from a broken runtime; it must not enter the average.
            Evidence::Score(score) if !score.fake_logit.is_finite() => self.obstacles.push(Reason::DetectorDegraded),
            Evidence::Score(score) => self.take(config, rule, score, scored.quality.side_px, stamp),
            Evidence::Gathering { .. } => {}
            Evidence::Rejected(rejects) => self.obstacles.extend(rejects.iter().copied().map(Reason::from)),
            Evidence::Failed => self.obstacles.push(Reason::DetectorDegraded),
        }
        if frames_lost && !self.obstacles.contains(&Reason::DetectorDegraded) {
            self.obstacles.push(Reason::DetectorDegraded);
        }
    }

    fn take(&mut self, config: &Config, rule: &ScoreRule, score: &Score, side_px: f32, stamp: Stamp) {
        if self.stale(config, stamp.pts) {
            // What went stale does not come back: the face is judged anew.
            (self.fake, self.synthetic, self.side, self.decision) = Default::default();
            (self.finding, self.shown.windows) = (None, 0);
        }
        let clip = f64::from(config.clip_log_odds);
        let log_odds = f64::from((score.fake_logit - rule.bias) / rule.temperature);
        self.shown.window_confidence = Some(sigmoid(log_odds) as f32);
        self.shown.attention.clone_from(&score.attention);
        self.shown.span = Some(score.span);
        let weight = f64::from(score.weight.clamp(0.0, 1.0));
        if weight.is_nan() || weight == 0.0 {
            return;
        }
        self.fake.add(stamp.pts, log_odds.clamp(-clip, clip), weight, config.time_constant_secs);
        self.side.add(stamp.pts, f64::from(side_px), weight, config.time_constant_secs);
        if let Some(logit) = score.synthetic_logit.filter(|logit| logit.is_finite()) {
            self.synthetic.add(stamp.pts, f64::from(logit).clamp(-clip, clip), weight, config.time_constant_secs);
        }
        self.shown.windows = self.shown.windows.saturating_add(1);
        self.evidence = Some(stamp);
        self.shown.fake_confidence = self.fake.probability();
        self.shown.synthetic_confidence = self.synthetic.probability();
        if self.shown.windows >= config.min_windows
            && let Some(fake) = self.shown.fake_confidence
        {
            let doubt = Doubt {
                synthetic: self.shown.synthetic_confidence.is_some_and(|synthetic| synthetic >= rule.synthetic_at),
                small: self.side.mean().is_some_and(|side| side < f64::from(config.real_side_px(rule))),
            };
            self.finding = Some(self.decision.update(config, stamp.pts, fake, doubt));
        }
    }

    /// Whether its evidence is older than the limit at `pts` of the stream.
    pub fn stale(&self, config: &Config, pts: Duration) -> bool {
        self.evidence.is_some_and(|evidence| pts.saturating_sub(evidence.pts).as_secs_f64() > config.stale_secs)
    }

    /// Whether its evidence is older than the limit at `now`.
    pub fn stale_at(&self, config: &Config, now: Instant) -> bool {
        self.evidence
            .is_some_and(|evidence| now.saturating_duration_since(evidence.arrived).as_secs_f64() > config.stale_secs)
    }

    /// What is said of it as of frame number `frame`.
    pub fn verdict(&self, freshness: Freshness, frame: u64) -> FaceVerdict {
        let mut reasons = Vec::new();
        let label = match (freshness, self.finding) {
            (Freshness::SourceStale, _) => {
                reasons.push(Reason::SourceStale);
                Label::Stale
            }
            (Freshness::EvidenceStale, _) => {
                if self.seen.number != frame {
                    reasons.push(Reason::NoFace);
                }
                reasons.extend(&self.obstacles);
                if reasons.is_empty() {
                    reasons.push(Reason::IncompleteWindow);
                }
                Label::Stale
            }
            (Freshness::Fresh, None) => {
                reasons.extend(&self.obstacles);
                if self.switched {
                    reasons.push(Reason::TrackSwitch);
                }
                reasons.push(Reason::IncompleteWindow);
                Label::Uncertain
            }
            (Freshness::Fresh, Some(finding)) => {
                if let Some(reason) = finding.reason() {
                    reasons.push(reason);
                    reasons.extend(&self.obstacles);
                }
                finding.label()
            }
        };
        FaceVerdict { label, reasons, ..self.shown.clone() }
    }
}

impl From<Reject> for Reason {
    fn from(reject: Reject) -> Self {
        match reject {
            Reject::FaceTooSmall => Self::FaceTooSmall,
            Reject::Blurred => Self::Blurred,
            Reject::Turned => Self::Turned,
            Reject::Dark => Self::Dark,
            Reject::Overexposed => Self::Overexposed,
            Reject::CutOff => Self::CutOff,
        }
    }
}
