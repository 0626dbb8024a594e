//! Room 4: the face, upright, at the model's size. In: a frame and a track. Out: a [`Candidate`]: the crop with its
//! quality, or the reasons why the detector should not see it. Called by `stream`.

use crate::faces::{Landmarks, Rect};
use crate::infer::contract::{CropRule, QualityGate};
use crate::pixels::{Square, Yuv};
use crate::tracks::Track;

use serde::Serialize;

/// What was measured of a crop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Quality {
    /// Side of the crop's square in frame pixels: the resolution the face really had.
    pub side_px: f32,
    /// Variance of the Laplacian of the crop's luma (inner face) at model size.
    pub sharpness: f32,
    /// Mean luma of the inner face, 0-255 full range.
    pub luma: f32,
    /// Degrees, estimated from landmarks: 0 is frontal; positive: subject turns to their left / looks up.
    pub yaw_deg: f32,
    pub pitch_deg: f32,
    /// Share of the square that lies outside the frame, 0-1.
    pub outside: f32,
    /// One number 0-1 that weighs this face's evidence in the verdict.
    pub weight: f32,
}

/// Why a face is not shown to the detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reject {
    FaceTooSmall,
    Blurred,
    Turned,
    Dark,
    Overexposed,
    CutOff,
}

/// A tracked face of one frame, ready for the detector or rejected.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub track: u64,
    pub rect: Rect,
    pub landmarks: Landmarks,
    pub quality: Quality,
    /// `[size, size, 3] u8 RGB`, or why not.
    pub crop: Result<Box<[u8]>, Vec<Reject>>,
}

/// The square that the rule cuts for these landmarks (formula in docs/crop-rule.md).
pub fn square(rule: &CropRule, landmarks: &Landmarks) -> Square {
    let _ = (rule, landmarks);
    todo!()
}

/// Cuts and measures one face.
pub fn cut(rule: &CropRule, gate: &QualityGate, frame: &Yuv<'_>, track: &Track) -> Result<Candidate, crate::pixels::Error> {
    let _ = (rule, gate, frame, track);
    todo!()
}
