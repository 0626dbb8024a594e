//! Room 2: where the faces are. In: a frame's planes. Out: [`Face`]s in frame pixels, best first.
//! Called by `stream`; many streams share one [`Detector`].

use serde::{Deserialize, Serialize};

use crate::pixels::{Point, Yuv};

/// A rectangle in frame pixels; may reach beyond the frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rect {
    pub x: f32,
    pub y: f32,
    pub width: f32,
    pub height: f32,
}

/// The points of a face that every supported model gives. Right and left are the subject's own.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Landmarks {
    pub right_eye: Point,
    pub left_eye: Point,
    pub nose: Point,
    pub mouth: Point,
}

/// A face found in one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Face {
    pub rect: Rect,
    pub landmarks: Landmarks,
    /// The model's confidence that this is a face, 0-1.
    pub score: f32,
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
    /// 0-1; candidates below are no faces.
    pub min_score: f32,
    /// Overlap (intersection over union) above which two candidates are one face, 0-1.
    pub nms_iou: f32,
    /// Longer side of the box in frame pixels below which a face is not looked at.
    pub min_face_px: f32,
    /// At most so many faces a frame, the largest first, 1-64.
    pub max_faces: usize,
    /// Face detector sessions shared by all streams; 0: one a core, at most 4.
    pub workers: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            kind: Kind::BlazefaceFull,
            model: String::new(),
            min_score: 0.6,
            nms_iou: 0.3,
            min_face_px: 24.0,
            max_faces: 16,
            workers: 0,
        }
    }
}

impl Config {
    pub fn check(&self, faults: &mut Vec<(String, String)>) {
        let _ = faults;
        todo!()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Infer(#[from] crate::infer::Error),
    #[error(transparent)]
    Pixels(#[from] crate::pixels::Error),
}

/// The shared face detector: a few sessions, a stream borrows one for a call.
pub struct Detector {
    _private: (),
}

impl Detector {
    /// Loads the network; fails with what was expected and what the file holds.
    pub fn load(config: &Config, infer: &crate::infer::Config) -> Result<Self, Error> {
        let _ = (config, infer);
        todo!()
    }

    /// The faces of one frame, largest first. Blocks while all sessions are in use.
    pub fn detect(&self, frame: &Yuv<'_>) -> Result<Vec<Face>, Error> {
        let _ = frame;
        todo!()
    }
}
