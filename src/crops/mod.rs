//! Room 4: the face, upright, at the model's size. In: a frame and a track. Out: a [`Candidate`]: the crop with its
//! quality, or the reasons why the detector should not see it. Called by `stream`.

mod quality;

use std::sync::Arc;

use crate::faces::{Landmarks, Rect};
use crate::infer::contract::{CropRule, QualityGate};
use crate::pixels::{Picture, Point, Square};
use crate::tracks::Track;

use serde::Serialize;
use utoipa::ToSchema;

/// What was measured of a crop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
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

impl Reject {
    pub const ALL: [Self; 6] =
        [Self::FaceTooSmall, Self::Blurred, Self::Turned, Self::Dark, Self::Overexposed, Self::CutOff];
}

/// A tracked face of one frame, ready for the detector or rejected.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub track: u64,
    pub rect: Rect,
    pub landmarks: Landmarks,
    pub quality: Quality,
    /// `[size, size, 3] u8 RGB`, or why not. Shared, because who judges it and who keeps it as a picture are two.
    pub crop: Result<Arc<[u8]>, Vec<Reject>>,
}

/// The square that the rule cuts for these landmarks (formula in docs/crop-rule.md).
pub fn square(rule: &CropRule, landmarks: &Landmarks) -> Square {
    let Axes { eyes, eye_distance, to_mouth, .. } = Axes::of(landmarks);
    let scale = eye_distance.max(to_mouth.x.hypot(to_mouth.y));
    Square {
        center: Point { x: eyes.x + rule.center * to_mouth.x, y: eyes.y + rule.center * to_mouth.y },
        side: (rule.side * scale).max(1.0),
        roll: landmarks.roll(),
    }
}

/// Cuts and measures the faces of one frame, in order. What its place and pose already rule out is not cut: sharpness and
/// luma stay 0.
pub fn cut(
    rule: &CropRule,
    gate: &QualityGate,
    frame: &dyn Picture,
    tracks: &[Track],
) -> Result<Vec<Candidate>, crate::pixels::Error> {
    let (width, height) = frame.size();
    let placed = |track: &Track| {
        let square = square(rule, &track.landmarks);
        let quality = Quality::of_place(&square, &track.landmarks, width, height);
        (square, quality, quality.rejects_place(gate))
    };
    let placed: Vec<_> = tracks.iter().map(placed).collect();
    let wanted = placed.iter().filter(|(_, _, rejects)| rejects.is_empty()).map(|(square, ..)| *square);
    let mut pixels = Vec::new();
    frame.crops(&wanted.collect::<Vec<_>>(), rule.size, &mut pixels)?;

    let size = rule.size as usize;
    let mut crops = pixels.chunks_exact(size * size * 3);
    let candidate = |(track, (_, mut quality, mut rejects)): (&Track, (Square, Quality, Vec<Reject>))| {
        // As many as squares were asked for.
        let pixels = if rejects.is_empty() { crops.next().unwrap_or_default() } else { &[] };
        if rejects.is_empty() {
            quality.add_pixels(pixels, size);
            rejects = quality.rejects_pixels(gate);
        }
        let crop = if rejects.is_empty() {
            quality.weight = quality.weight(gate);
            Ok(pixels.into())
        } else {
            Err(rejects)
        };
        Candidate { track: track.id, rect: track.rect, landmarks: track.landmarks, quality, crop }
    };
    Ok(tracks.iter().zip(placed).map(candidate).collect())
}

/// The directions of a face.
struct Axes {
    /// Middle of the eyes.
    eyes: Point,
    eye_distance: f32,
    /// From the middle of the eyes to the mouth.
    to_mouth: Point,
    /// From there to the tip of the nose.
    to_nose: Point,
}

impl Axes {
    fn of(landmarks: &Landmarks) -> Self {
        let Landmarks { right_eye: r, left_eye: l, nose, mouth } = *landmarks;
        let eyes = Point { x: (r.x + l.x) / 2.0, y: (r.y + l.y) / 2.0 };
        let from_eyes = |p: Point| Point { x: p.x - eyes.x, y: p.y - eyes.y };
        let eye_distance = (l.x - r.x).hypot(l.y - r.y);
        Self { eyes, eye_distance, to_mouth: from_eyes(mouth), to_nose: from_eyes(nose) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::reference;
    use crate::pixels::{Matrix, Range};

    const RULE: CropRule = CropRule { size: 32, side: 3.0, center: 0.4 };

    pub(super) const GATE: QualityGate = QualityGate {
        min_side_px: 40.0,
        min_sharpness: 5.0,
        min_luma: 40.0,
        max_luma: 220.0,
        max_yaw_deg: 50.0,
        max_pitch_deg: 40.0,
        max_outside: 0.2,
    };

    /// A frontal face, eyes `distance` apart and the mouth as far below, turned by `roll`.
    pub(super) fn frontal(x: f32, y: f32, distance: f32, roll: f32) -> Landmarks {
        let (sin, cos) = roll.sin_cos();
        let point =
            |u: f32, v: f32| Point { x: x + distance * (u * cos - v * sin), y: y + distance * (u * sin + v * cos) };
        Landmarks {
            right_eye: point(-0.5, 0.0),
            left_eye: point(0.5, 0.0),
            nose: point(0.0, 0.52),
            mouth: point(0.0, 1.0),
        }
    }

    fn track(landmarks: Landmarks) -> Track {
        Track { id: 7, rect: Rect { x: 1.0, y: 2.0, width: 3.0, height: 4.0 }, landmarks, score: 0.9, hits: 3 }
    }

    fn cut_at(x: f32, y: f32, distance: f32, gate: &QualityGate) -> Candidate {
        let picture = reference::Picture::new(200, 150, 0, Matrix::Bt601, Range::Full);
        cut(&RULE, gate, &picture.i420(), &[track(frontal(x, y, distance, 0.1))]).unwrap().remove(0)
    }

    #[test]
    fn the_square_stands_on_the_eyes_and_the_mouth() {
        for roll in [0.0, 0.5, -2.0] {
            let square = square(&RULE, &frontal(100.0, 80.0, 20.0, roll));
            assert!((square.side - 60.0).abs() < 1e-3 && (square.roll - roll).abs() < 1e-4);
            let off = (square.center.x - 100.0 + 8.0 * roll.sin()).hypot(square.center.y - 80.0 - 8.0 * roll.cos());
            assert!(off < 1e-3, "{square:?}");
        }
    }

    #[test]
    fn a_turned_face_is_not_cut_tighter() {
        let mut turned = frontal(100.0, 80.0, 20.0, 0.0);
        (turned.right_eye.x, turned.left_eye.x) = (96.0, 104.0);
        assert!((square(&RULE, &turned).side - 60.0).abs() < 1e-3, "the distance to the mouth counts");
        let nothing = square(&RULE, &Landmarks::default());
        assert_eq!(nothing.side, 1.0, "landmarks in one point");
    }

    #[test]
    fn a_good_face_is_cut_and_weighed() {
        let face = cut_at(100.0, 70.0, 20.0, &GATE);
        assert_eq!(face.crop.unwrap().len(), 32 * 32 * 3);
        assert_eq!((face.track, face.rect.width), (7, 3.0));
        let q = face.quality;
        assert!(q.sharpness > 5.0 && q.luma > 40.0 && q.outside == 0.0 && q.weight > 0.0, "{q:?}");
    }

    #[test]
    fn what_is_wrong_with_a_face_is_said_all_at_once() {
        let strict = QualityGate { min_sharpness: 1e6, min_luma: 250.0, max_luma: 255.0, ..GATE };
        let face = cut_at(100.0, 70.0, 20.0, &strict);
        assert_eq!(face.crop, Err(vec![Reject::Blurred, Reject::Dark]));
        assert_eq!(face.quality.weight, 0.0);
        let edge = cut_at(0.0, 70.0, 10.0, &GATE);
        assert_eq!(edge.crop, Err(vec![Reject::FaceTooSmall, Reject::CutOff]));
        assert_eq!(edge.quality.sharpness, 0.0, "not cut");
    }

    #[test]
    fn a_damaged_frame_is_an_error() {
        let picture = reference::Picture::new(200, 150, 0, Matrix::Bt601, Range::Full);
        let mut frame = picture.i420();
        frame.luma.data = &frame.luma.data[..1000];
        assert!(cut(&RULE, &GATE, &frame, &[track(frontal(100.0, 70.0, 20.0, 0.0))]).is_err());
    }

    #[test]
    fn faces_of_one_frame_get_their_own_crops_whatever_is_refused_between_them() {
        let picture = reference::Picture::new(200, 150, 0, Matrix::Bt601, Range::Full);
        let faces = [(100.0, 20.0), (0.0, 10.0), (90.0, 25.0)].map(|(x, size)| track(frontal(x, 70.0, size, 0.1)));
        let together = cut(&RULE, &GATE, &picture.i420(), &faces).unwrap();
        let alone =
            faces.each_ref().map(|face| cut(&RULE, &GATE, &picture.i420(), std::slice::from_ref(face)).unwrap());
        assert!(together[0].crop.is_ok() && together[1].crop.is_err() && together[2].crop.is_ok());
        for (face, alone) in together.iter().zip(alone.iter().flatten()) {
            assert_eq!((&face.crop, face.quality), (&alone.crop, alone.quality));
        }
    }
}
