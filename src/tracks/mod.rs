//! Room 3: which face is which. In: the faces of one frame and its pts. Out: [`Track`]s with ids that stay.
//! Pure: no clock, no pixels (a scene cut is told by the caller). One [`Tracker`] a stream.

mod assign;
mod cut;
mod motion;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::faces::{Face, Landmarks, Rect};
use crate::faults::Faults;

use motion::Motion;

pub use cut::CutDetector;

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
    /// A face is a track after so many frames in a row, 1-10.
    pub birth_hits: u32,
    /// Least score of a face that begins a track, 0-1; less sure ones can only continue one.
    pub birth_score: f32,
    /// A track not seen for so long is dead, seconds.
    pub death_secs: f64,
    /// Least overlap (IoU) of a prediction with a face that continues it, 0-1.
    pub min_iou: f32,
    /// A step between two frames longer than this resets all tracks, seconds.
    pub max_gap_secs: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { birth_hits: 2, birth_score: 0.6, death_secs: 1.0, min_iou: 0.2, max_gap_secs: 2.0 }
    }
}

impl Config {
    pub fn check(&self, faults: &mut Faults) {
        let mut fault = |key: &str, message: String| faults.push((key.into(), message));
        if !(1..=10).contains(&self.birth_hits) {
            fault("birth_hits", format!("must be 1-10, got {}", self.birth_hits));
        }
        if !(0.05..=0.99).contains(&self.birth_score) {
            fault("birth_score", format!("must be 0.05-0.99, got {}", self.birth_score));
        }
        if !(0.05..=0.95).contains(&self.min_iou) {
            fault("min_iou", format!("must be 0.05-0.95, got {}", self.min_iou));
        }
        for (key, secs) in [("death_secs", self.death_secs), ("max_gap_secs", self.max_gap_secs)] {
            if !(0.1..=60.0).contains(&secs) {
                fault(key, format!("must be 0.1-60 seconds, got {secs}"));
            }
        }
    }
}

/// One stream's tracks.
pub struct Tracker {
    config: Config,
    /// Oldest first.
    tracks: Vec<Followed>,
    last_id: u64,
    last_pts: Option<Duration>,
}

/// A track in the making, alive, or out of sight.
struct Followed {
    /// None until it has been seen often enough.
    id: Option<u64>,
    motion: Motion,
    hits: u32,
    last_seen: Duration,
}

impl Tracker {
    pub fn new(config: &Config) -> Self {
        Self { config: config.clone(), tracks: Vec::new(), last_id: 0, last_pts: None }
    }

    /// Assigns this frame's faces to tracks; gives the tracks seen in this frame, oldest first.
    pub fn update(&mut self, pts: Duration, faces: &[Face]) -> Vec<Track> {
        self.advance(pts);
        let usable = |face: &&Face| face.rect.longer() > 0.0 && face.numbers().iter().all(|n| n.is_finite());
        let (sure, doubtful): (Vec<Face>, Vec<Face>) =
            faces.iter().filter(usable).partition(|face| face.score >= self.config.birth_score);

        // Sure faces choose first; doubtful ones may only continue what is left (ByteTrack).
        let mut seen: Vec<Option<Face>> = vec![None; self.tracks.len()];
        let unmatched = self.assign(&sure, &mut seen);
        self.assign(&doubtful, &mut seen);

        for (track, face) in self.tracks.iter_mut().zip(&seen) {
            if let Some(face) = face {
                track.motion.correct(&face.rect);
                track.hits = track.hits.saturating_add(1);
                track.last_seen = pts;
            }
        }
        for face in unmatched {
            self.tracks.push(Followed { id: None, motion: Motion::new(&face.rect), hits: 1, last_seen: pts });
            seen.push(Some(face));
        }
        self.publish(pts, seen)
    }

    /// Forgets all tracks (new connection, scene cut, size change); ids go on.
    pub fn reset(&mut self) {
        self.tracks.clear();
        self.last_pts = None;
    }

    /// Moves all tracks to `pts`; after a gap, or a step back, there are none.
    fn advance(&mut self, pts: Duration) {
        if let Some(last) = self.last_pts.replace(pts) {
            let step = pts.checked_sub(last).map(|step| step.as_secs_f64());
            match step {
                Some(step) if step <= self.config.max_gap_secs => {
                    self.tracks.iter_mut().for_each(|track| track.motion.predict(step as f32));
                }
                _ => self.tracks.clear(),
            }
        }
        let dead = |track: &Followed| (pts - track.last_seen).as_secs_f64() > self.config.death_secs;
        self.tracks.retain(|track| !dead(track));
    }

    /// Gives each face to the track that it fits best, among those in `seen` without one; returns the rest.
    fn assign(&self, faces: &[Face], seen: &mut [Option<Face>]) -> Vec<Face> {
        let fit: Vec<Vec<Option<f32>>> = self
            .tracks
            .iter()
            .zip(seen.iter())
            .map(|(track, taken)| faces.iter().map(|face| self.fit(track, face).filter(|_| taken.is_none())).collect())
            .collect();
        let mut left: Vec<Option<Face>> = faces.iter().copied().map(Some).collect();
        for (track, face) in assign::assign(&fit) {
            seen[track] = left[face].take();
        }
        left.into_iter().flatten().collect()
    }

    /// How well a face continues a track: overlap less distance in sizes, -1 to 1; None: not at all.
    fn fit(&self, track: &Followed, face: &Face) -> Option<f32> {
        let expected = track.motion.rect();
        let (iou, distance) = (expected.iou(&face.rect), motion::distance(&expected, &face.rect));
        let (old, new) = (expected.longer(), face.rect.longer());
        let same_size = (0.6..1.7).contains(&(new / old));
        let near = iou >= self.config.min_iou || distance <= track.motion.reach();
        (near && same_size).then(|| iou - distance / old.max(new))
    }

    /// Ids for those seen often enough; what was never confirmed ends with its first miss.
    fn publish(&mut self, pts: Duration, seen: Vec<Option<Face>>) -> Vec<Track> {
        let mut tracks = Vec::new();
        for (track, face) in self.tracks.iter_mut().zip(seen) {
            let Some(Face { rect, landmarks, score }) = face else {
                continue;
            };
            if track.id.is_none() && track.hits >= self.config.birth_hits {
                self.last_id += 1;
                track.id = Some(self.last_id);
            }
            tracks.extend(track.id.map(|id| Track { id, rect, landmarks, score, hits: track.hits }));
        }
        self.tracks.retain(|track| track.id.is_some() || track.last_seen == pts);
        tracks
    }
}

#[cfg(test)]
mod tests;
