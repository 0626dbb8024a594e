//! What the detector saw of each face of a stream lately. In: the analyses and verdicts, while somebody looks. Out:
//! [`GalleryFace`]s with the crops of the newest window. Owned by `live`; a stream that nobody looks at keeps nothing.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::live::reject_name;
use crate::detector::{Analysis, Evidence, Score};
use crate::verdict::{FaceVerdict, Label, Verdict};

/// Who has not asked for so long does not look any more.
const LOOKS_FOR: Duration = Duration::from_secs(10);
/// A face not seen for so long (of the stream's time) is gone.
const SEEN_FOR: Duration = Duration::from_secs(2);
/// Crops kept of a face; windows are not longer.
const CROPS: usize = 8;

/// One sampled crop: when, and `[size, size, 3] u8 RGB`.
pub type Crop = (Duration, Arc<[u8]>);

/// A face as the detector saw it.
#[derive(Clone, Debug, PartialEq)]
pub struct GalleryFace {
    pub track: u64,
    pub label: Label,
    pub fake_confidence: Option<f32>,
    /// The newest window scored.
    pub window: Option<GalleryWindow>,
    /// Frames since somebody looks that did not reach a window, by reason.
    pub rejected: BTreeMap<&'static str, u64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct GalleryWindow {
    /// pts of its first and last frame.
    pub span: (Duration, Duration),
    pub fake_confidence: Option<f32>,
    pub synthetic_confidence: Option<f32>,
    /// Oldest first, as `crops`.
    pub attention: Vec<f32>,
    pub crops: Vec<Crop>,
}

#[derive(Default)]
pub(super) struct Gallery {
    asked: Option<Instant>,
    lanes: BTreeMap<u64, Lane>,
}

struct Lane {
    seen: Duration,
    crops: VecDeque<Crop>,
    face: GalleryFace,
}

impl Gallery {
    /// Somebody looks: what there is, and from now on more.
    pub fn ask(&mut self, now: Instant) -> Vec<GalleryFace> {
        self.asked = Some(now);
        self.lanes.values().map(|lane| lane.face.clone()).collect()
    }

    /// Forgets everything once nobody looks.
    pub fn age(&mut self, now: Instant) {
        if self.asked.is_some_and(|asked| now.saturating_duration_since(asked) > LOOKS_FOR) {
            *self = Self::default();
        }
    }

    pub fn add(&mut self, analysis: &Analysis, verdict: &Verdict) {
        if self.asked.is_none() {
            return;
        }
        let pts = analysis.stamp.pts;
        // Also after a new connection, whose time begins anew.
        self.lanes.retain(|_, lane| lane.seen <= pts && pts - lane.seen <= SEEN_FOR);
        for scored in &analysis.faces {
            let Some(told) = verdict.faces.iter().find(|face| face.track == scored.track) else { continue };
            let lane = self.lanes.entry(scored.track).or_insert_with(|| Lane::new(told));
            lane.seen = pts;
            (lane.face.label, lane.face.fake_confidence) = (told.label, told.fake_confidence);
            if let Some(crop) = &scored.crop {
                lane.push((pts, crop.clone()));
            }
            match &scored.evidence {
                Evidence::Score(score) => lane.scored(score, told),
                Evidence::Gathering { .. } => {}
                Evidence::Rejected(rejects) => rejects.iter().for_each(|reject| lane.reject(reject_name(*reject))),
                Evidence::Failed => lane.reject("detector_failed"),
            }
        }
    }
}

impl Lane {
    fn new(told: &FaceVerdict) -> Self {
        let face = GalleryFace {
            track: told.track,
            label: told.label,
            fake_confidence: told.fake_confidence,
            window: None,
            rejected: BTreeMap::new(),
        };
        Self { seen: Duration::ZERO, crops: VecDeque::with_capacity(CROPS), face }
    }

    fn push(&mut self, crop: Crop) {
        if self.crops.len() == CROPS {
            self.crops.pop_front();
        }
        self.crops.push_back(crop);
    }

    fn scored(&mut self, score: &Score, told: &FaceVerdict) {
        let sigmoid = |logit: f32| 1.0 / (1.0 + (-logit).exp());
        self.face.window = Some(GalleryWindow {
            span: score.span,
            fake_confidence: told.window_confidence,
            synthetic_confidence: score.synthetic_logit.map(sigmoid),
            attention: score.attention.clone(),
            crops: self.crops.iter().filter(|(pts, _)| *pts >= score.span.0).cloned().collect(),
        });
    }

    fn reject(&mut self, reason: &'static str) {
        *self.face.rejected.entry(reason).or_default() += 1;
    }
}
