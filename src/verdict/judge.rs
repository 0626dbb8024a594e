//! The rolling state of one stream. In: its analyses in order, and the time. Out: its verdict, that of its worst
//! face. Called by `publish` (live) and `score` (files).

use std::collections::BTreeMap;
use std::time::Instant;

use super::face::{Face, Freshness};
use super::{Config, FaceVerdict, Label, Reason, Verdict};
use crate::detector::Analysis;
use crate::infer::contract::ScoreRule;
use crate::source::Stamp;

/// Holds the rolling state of one stream.
pub struct Judge {
    config: Config,
    rule: ScoreRule,
    /// By track; those not seen for `forget_secs` go.
    faces: BTreeMap<u64, Face>,
    newest: Option<Stamp>,
    frames_lost: bool,
}

impl Judge {
    pub fn new(config: &Config, rule: &ScoreRule) -> Self {
        Self { config: config.clone(), rule: *rule, faces: BTreeMap::new(), newest: None, frames_lost: false }
    }

    /// Takes one frame's scores in; gives the verdict as of that frame. Ages are taken from pts, so the same frames
    /// give the same verdicts whatever their pace. A new epoch or a pts that runs backwards (the stream was started
    /// anew) starts from nothing.
    pub fn update(&mut self, analysis: &Analysis) -> Verdict {
        let stamp = analysis.stamp;
        if self.newest.is_some_and(|newest| newest.epoch != stamp.epoch || newest.pts > stamp.pts) {
            self.faces.clear();
        }
        self.newest = Some(stamp);
        let forget = self.config.forget_secs;
        self.faces.retain(|_, face| stamp.pts.saturating_sub(face.seen.pts).as_secs_f64() <= forget);
        let vanished = self.faces.keys().any(|track| !analysis.faces.iter().any(|scored| scored.track == *track));
        for scored in &analysis.faces {
            let face = self.faces.entry(scored.track).or_insert_with(|| Face::new(scored, stamp, vanished));
            face.update(&self.config, &self.rule, scored, stamp, self.frames_lost);
        }
        self.frames_lost = false;
        self.conclude(stamp, |face| match face {
            Some(face) if face.stale(&self.config, stamp.pts) => Freshness::EvidenceStale,
            _ => Freshness::Fresh,
        })
    }

    /// Other thresholds from the next frame on; what was decided stays until a window says otherwise.
    pub fn set_thresholds(&mut self, fake_at: f32, real_at: f32) {
        (self.config.fake_at, self.config.real_at) = (fake_at, real_at);
    }

    /// Frames of this stream were lost to a full detector queue: a face that is not decided says so in the next
    /// verdict.
    pub fn frames_lost(&mut self) {
        self.frames_lost = true;
    }

    /// The newest verdict as of `now`: STALE (with `source_stale`) once no frame was judged for the limit, and STALE
    /// for a face whose evidence is older than it, so that a frozen REAL is impossible. None before the first frame.
    pub fn at(&self, now: Instant) -> Option<Verdict> {
        let newest = self.newest?;
        let silent = now.saturating_duration_since(newest.arrived).as_secs_f64() > self.config.stale_secs;
        Some(self.conclude(newest, |face| match face {
            _ if silent => Freshness::SourceStale,
            Some(face) if face.stale(&self.config, newest.pts) || face.stale_at(&self.config, now) => {
                Freshness::EvidenceStale
            }
            _ => Freshness::Fresh,
        }))
    }

    /// The verdict as of the frame `stamp`; `freshness` is asked of every face, and of none when there is none.
    fn conclude(&self, stamp: Stamp, freshness: impl Fn(Option<&Face>) -> Freshness) -> Verdict {
        let judged: Vec<(&Face, FaceVerdict)> =
            self.faces.values().map(|face| (face, face.verdict(freshness(Some(face)), stamp.number))).collect();
        let confidence = |face: &FaceVerdict| face.fake_confidence.unwrap_or_default();
        let worst =
            judged.iter().max_by(|(_, a), (_, b)| a.label.cmp(&b.label).then(confidence(a).total_cmp(&confidence(b))));
        let (label, fake_confidence, reasons, evidence) = match worst {
            None if freshness(None) == Freshness::SourceStale => (Label::Stale, None, vec![Reason::SourceStale], None),
            None => (Label::Uncertain, None, vec![Reason::NoFace], None),
            Some((face, verdict)) => (verdict.label, verdict.fake_confidence, verdict.reasons.clone(), face.evidence),
        };
        Verdict {
            label,
            fake_confidence,
            reasons,
            evidence: evidence.map(|stamp| (stamp.arrived, stamp.captured)),
            stamp,
            faces: judged
                .into_iter()
                .filter(|(face, _)| face.seen.number == stamp.number)
                .map(|(_, verdict)| verdict)
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests;
