//! Room 2: where the faces are. In: a frame's planes. Out: [`Face`]s in frame pixels, largest first.
//! Called by `stream`; many streams share one [`Detector`].

mod blazeface;
mod decode;
mod detector;
mod merge;
mod network;
mod pool;
mod schedule;
mod yunet;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::faults::Faults;
use crate::pixels::Point;

pub use decode::Decoder;
pub use detector::{Detector, Looks};
pub use schedule::{Region, Schedule};

/// A rectangle in frame pixels; may reach beyond the frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Rect {
    pub x: f32,
    pub y: f32,
    pub width: f32,
    pub height: f32,
}

impl Rect {
    pub fn center(&self) -> Point {
        Point { x: self.x + self.width / 2.0, y: self.y + self.height / 2.0 }
    }

    /// The longer side.
    pub fn longer(&self) -> f32 {
        self.width.max(self.height)
    }

    /// Intersection over union, 0-1.
    pub fn iou(&self, other: &Rect) -> f32 {
        let common = |a: f32, a_len: f32, b: f32, b_len: f32| ((a + a_len).min(b + b_len) - a.max(b)).max(0.0);
        let common =
            common(self.x, self.width, other.x, other.width) * common(self.y, self.height, other.y, other.height);
        let union = self.width * self.height + other.width * other.height - common;
        if union > 0.0 { common / union } else { 0.0 }
    }
}

/// The points of a face that every supported model gives. Right and left are the subject's own.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Landmarks {
    pub right_eye: Point,
    pub left_eye: Point,
    pub nose: Point,
    pub mouth: Point,
}

impl Landmarks {
    pub fn points(&self) -> [Point; 4] {
        [self.right_eye, self.left_eye, self.nose, self.mouth]
    }

    /// Angle of the line from the right to the left eye against the x axis, radians, clockwise as seen.
    pub fn roll(&self) -> f32 {
        (self.left_eye.y - self.right_eye.y).atan2(self.left_eye.x - self.right_eye.x)
    }
}

/// A face found in one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Face {
    pub rect: Rect,
    pub landmarks: Landmarks,
    /// The model's confidence that this is a face, 0-1.
    pub score: f32,
}

impl Face {
    /// Rectangle (x, y, width, height) and landmarks (x and y of right eye, left eye, nose, mouth).
    pub fn numbers(&self) -> [f32; 12] {
        let (r, [a, b, c, d]) = (&self.rect, self.landmarks.points());
        [r.x, r.y, r.width, r.height, a.x, a.y, b.x, b.y, c.x, c.y, d.x, d.y]
    }

    /// The reverse of [`Face::numbers`].
    pub fn from_numbers(n: [f32; 12], score: f32) -> Self {
        let point = |i: usize| Point { x: n[i], y: n[i + 1] };
        Self {
            rect: Rect { x: n[0], y: n[1], width: n[2], height: n[3] },
            landmarks: Landmarks { right_eye: point(4), left_eye: point(6), nose: point(8), mouth: point(10) },
            score,
        }
    }

    /// The face in other pixels: positions through `place`, sizes times `scale`.
    fn moved(&self, scale: f32, place: impl Fn(Point) -> Point) -> Self {
        let centre = place(self.rect.center());
        let (width, height) = (self.rect.width * scale, self.rect.height * scale);
        let [right_eye, left_eye, nose, mouth] = self.landmarks.points().map(place);
        Self {
            rect: Rect { x: centre.x - width / 2.0, y: centre.y - height / 2.0, width, height },
            landmarks: Landmarks { right_eye, left_eye, nose, mouth },
            score: self.score,
        }
    }
}

/// Which network looks for faces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// MediaPipe BlazeFace, 192 px, faces up to about 5 m away.
    #[default]
    BlazefaceFull,
    /// MediaPipe BlazeFace, 128 px, for close-up webcams.
    BlazefaceShort,
    /// A network in YuNet's ONNX format.
    Yunet,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub kind: Kind,
    /// The ONNX file; empty: what set-up fetched for the kind.
    pub model: String,
    /// 0-1; candidates below are no faces. Below `tracks.birth_score`: a doubtful face continues a track, begins none.
    pub min_score: f32,
    /// Overlap (intersection over union) above which two candidates are one face, 0-1.
    pub nms_iou: f32,
    /// Longer side of the box in frame pixels below which a face is not looked at.
    pub min_face_px: f32,
    /// At most so many faces a frame, the largest first, 1-64.
    pub max_faces: usize,
    /// Face detector sessions shared by all streams; 0: one a core, at most 4.
    pub workers: usize,
    /// Known faces are followed by the small network in the region around them; so often the whole frame is looked
    /// at for new ones (and whenever one is lost), ms of pts, 0-10000; 0: every frame.
    pub whole_every_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            kind: Kind::BlazefaceFull,
            model: String::new(),
            min_score: 0.5,
            nms_iou: 0.3,
            min_face_px: 24.0,
            max_faces: 16,
            workers: 0,
            whole_every_ms: 1000,
        }
    }
}

impl Config {
    pub fn check(&self, faults: &mut Faults) {
        let mut fault = |key: &str, message: String| faults.push((key.into(), message));
        if self.kind == Kind::Yunet && self.model.is_empty() {
            fault("model", "must name an ONNX file when kind is \"yunet\"; set-up fetches none".into());
        }
        for (key, value) in [("min_score", self.min_score), ("nms_iou", self.nms_iou)] {
            if !(0.05..=0.99).contains(&value) {
                fault(key, format!("must be 0.05-0.99, got {value}"));
            }
        }
        if !(8.0..=4096.0).contains(&self.min_face_px) {
            fault("min_face_px", format!("must be 8-4096 px, got {}", self.min_face_px));
        }
        if !(1..=64).contains(&self.max_faces) {
            fault("max_faces", format!("must be 1-64, got {}", self.max_faces));
        }
        if self.workers > 64 {
            fault("workers", format!("must be 0-64 (0: one a core, at most 4), got {}", self.workers));
        }
        if self.whole_every_ms > 10_000 {
            fault("whole_every_ms", format!("must be 0-10000 ms, got {}", self.whole_every_ms));
        }
    }

    /// The file to load.
    fn path(&self) -> PathBuf {
        match (self.model.as_str(), self.kind) {
            ("", Kind::BlazefaceShort) => "models/fetched/blazeface_short.onnx".into(),
            ("", _) => "models/fetched/blazeface_full.onnx".into(),
            (model, _) => model.into(),
        }
    }

    /// The short-range network that follows what the full-range one found: it lies beside it.
    fn near_path(&self) -> PathBuf {
        self.path().with_file_name("blazeface_short.onnx")
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Infer(#[from] crate::infer::Error),
    #[error(transparent)]
    Pixels(#[from] crate::pixels::Error),
    #[error("face model {path} is not of kind {kind:?}: expected {expected}; got {got}; set faces.kind to match")]
    Graph { path: PathBuf, kind: Kind, expected: String, got: String },
    #[error("no face detector session became free within {secs} s; raise faces.workers or run fewer streams")]
    Busy { secs: u64 },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_impossible_setting_is_named() {
        let faults = |config: Config| {
            let mut faults = Vec::new();
            config.check(&mut faults);
            faults.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
        };
        assert!(faults(Config::default()).is_empty());
        let bad = Config {
            kind: Kind::Yunet,
            model: String::new(),
            min_score: f32::NAN,
            nms_iou: 1.5,
            min_face_px: 0.0,
            max_faces: 0,
            workers: 65,
            whole_every_ms: 10_001,
        };
        let keys = ["model", "min_score", "nms_iou", "min_face_px", "max_faces", "workers", "whole_every_ms"];
        assert_eq!(faults(bad), keys);
    }

    #[test]
    fn overlap_is_shared_area_over_all_area() {
        let rect = |x: f32| Rect { x, y: 0.0, width: 10.0, height: 10.0 };
        assert_eq!(rect(0.0).iou(&rect(0.0)), 1.0);
        assert!((rect(0.0).iou(&rect(5.0)) - 1.0 / 3.0).abs() < 1e-6);
        assert_eq!(rect(0.0).iou(&rect(20.0)), 0.0);
        assert_eq!(Rect::default().iou(&Rect::default()), 0.0);
    }
}
