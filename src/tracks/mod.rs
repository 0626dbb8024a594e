//! Room 3: which face is which. In: the faces of one frame and its pts. Out: [`Track`]s with ids that stay.
//! Pure: no clock, no pixels (a scene cut is told by the caller). One [`Tracker`] a stream.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::faces::{Face, Landmarks, Rect};

/// A face that is being followed, as of the newest frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    /// Unique in the stream's life, from 1; never used again.
    pub id: u64,
    /// Where it was seen in this frame.
    pub rect: Rect,
    pub landmarks: Landmarks,
    pub score: f32,
    /// Frames it has been seen in.
    pub hits: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// A face is a track after so many frames, 1-10.
    pub birth_hits: u32,
    /// A track not seen for so long is dead, seconds.
    pub death_secs: f64,
    /// Least overlap (IoU) of a prediction with a face that continues it, 0-1.
    pub min_iou: f32,
    /// A step between two frames longer than this resets all tracks, seconds.
    pub max_gap_secs: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { birth_hits: 2, death_secs: 1.0, min_iou: 0.2, max_gap_secs: 2.0 }
    }
}

impl Config {
    pub fn check(&self, faults: &mut Vec<(String, String)>) {
        let _ = faults;
        todo!()
    }
}

pub struct Tracker {
    _private: (),
}

impl Tracker {
    pub fn new(config: &Config) -> Self {
        let _ = config;
        todo!()
    }

    /// Assigns this frame's faces to tracks; gives the tracks seen in this frame, oldest first.
    pub fn update(&mut self, pts: Duration, faces: &[Face]) -> Vec<Track> {
        let _ = (pts, faces);
        todo!()
    }

    /// Forgets all tracks (new connection, scene cut, size change); ids go on.
    pub fn reset(&mut self) {
        todo!()
    }
}
