//! The pictures kept of a file while it is judged: few, small, and spread evenly however long it turns out to be. In:
//! the frames looked at and the faces in them. Out: [`Picture`]s. Used by `play` when its caller wants them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::outcome::seconds;
use crate::crops::Candidate;
use crate::faces::Rect;
use crate::pixels;
use crate::source::Frame;

/// Pictures kept at most.
pub const PICTURES: usize = 240;
/// Their longer side at most, pixels.
const SIDE: u32 = 640;
const QUALITY: u8 = 80;

/// One frame that is kept.
pub struct Picture {
    pub seen: Seen,
    pub jpeg: Vec<u8>,
}

/// What is on a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Seen {
    pub pts_secs: f64,
    /// Size of the picture, which the rectangles refer to, pixels.
    pub width: u32,
    pub height: u32,
    pub faces: Vec<SeenFace>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SeenFace {
    pub track: u64,
    pub rect: Rect,
}

/// Keeps every `step`-th frame; when it is full, every other one goes and the step doubles.
#[derive(Default)]
pub struct Pictures {
    kept: Vec<Picture>,
    step: usize,
    offered: usize,
}

impl Pictures {
    pub(super) fn offer(&mut self, frame: &Frame, faces: &[Candidate]) -> Result<(), pixels::Error> {
        let step = self.step.max(1);
        let wanted = self.offered.is_multiple_of(step);
        self.offered += 1;
        if !wanted {
            return Ok(());
        }
        self.kept.push(Picture::of(frame, faces)?);
        if self.kept.len() > PICTURES {
            let mut at = 0;
            self.kept.retain(|_| {
                at += 1;
                at % 2 == 1
            });
            self.step = step * 2;
        }
        Ok(())
    }

    pub fn into_kept(self) -> Vec<Picture> {
        self.kept
    }
}

impl Picture {
    fn of(frame: &Frame, faces: &[Candidate]) -> Result<Self, pixels::Error> {
        let (wide, high) = (frame.stamp.width, frame.stamp.height);
        let shrink = (f64::from(SIDE) / f64::from(wide.max(high))).min(1.0);
        let width = ((f64::from(wide) * shrink).round() as u32).max(1);
        let scale = width as f32 / wide as f32;
        let height = ((high as f32 * scale).round() as u32).max(1);
        let placed = |rect: &Rect| Rect {
            x: rect.x * scale,
            y: rect.y * scale,
            width: rect.width * scale,
            height: rect.height * scale,
        };
        let faces = faces.iter().map(|face| SeenFace { track: face.track, rect: placed(&face.rect) }).collect();
        Ok(Self {
            seen: Seen { pts_secs: seconds(frame.stamp.pts), width, height, faces },
            jpeg: frame.picture().jpeg(width, QUALITY)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant, SystemTime};

    use super::*;
    use crate::pixels::{Matrix, Range};
    use crate::source::Stamp;

    fn frame(number: u64, width: u32, height: u32) -> Frame {
        let pts = Duration::from_millis(125 * number);
        let (arrived, captured) = (Instant::now(), SystemTime::now());
        let stamp = Stamp { number, epoch: 0, pts, arrived, captured, width, height };
        let half = (width.div_ceil(2) * height.div_ceil(2)) as usize;
        Frame::from_i420(stamp, vec![128; (width * height) as usize + 2 * half], Matrix::Bt601, Range::Full)
    }

    #[test]
    fn however_many_come_they_are_few_and_evenly_spread() {
        for count in [1, 240, 241, 1000] {
            let mut pictures = Pictures::default();
            (0..count).for_each(|number| pictures.offer(&frame(number, 16, 16), &[]).unwrap());
            let times: Vec<f64> = pictures.into_kept().iter().map(|picture| picture.seen.pts_secs).collect();
            assert!(times.len() <= PICTURES && times.len() as u64 >= count.min(120), "{}", times.len());
            assert_eq!(times[0], 0.0);
            let steps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert!(steps.iter().all(|step| *step == steps[0]), "{steps:?}");
        }
    }

    #[test]
    fn the_longer_side_is_bounded_and_nothing_is_enlarged() {
        for (size, expected) in [((1280, 720), (640, 360)), ((360, 1280), (180, 640)), ((64, 48), (64, 48))] {
            let seen = Picture::of(&frame(0, size.0, size.1), &[]).unwrap().seen;
            assert_eq!((seen.width, seen.height), expected);
        }
    }
}
