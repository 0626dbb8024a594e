//! Room 7: who hears about it. In: [`Report`]s of the streams and the detector. Out: live state as a snapshot and a
//! sequence of [`event::Event`]s, metrics of every verdict, and whether anyone watches a stream's pictures.
//! The board is the one task that owns live state.

pub mod event;
pub mod rfc3339;

mod board;
mod gallery;
mod history;
mod live;
mod told;
mod watch;

pub use board::{Board, Subscription};
pub use gallery::{Crop, GalleryFace, GalleryWindow};
pub use told::{Sink, Told};
pub use watch::{Picture, Watcher};

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::detector::{Analysis, StreamId};
use crate::faults::{self, Faults};
use crate::source::Connection;

/// Reason of a loss: a newer frame came first.
pub const OVERWRITTEN: &str = "overwritten";
/// Reason of a loss: the frame was not whole.
pub const DAMAGED: &str = "damaged";
/// Reason of a loss: its faces could not be found or cut.
pub const NOT_ANALYSABLE: &str = "not_analysable";
/// Reason of a loss: the detector is behind, and the stream rests so that others keep their windows.
pub const DETECTOR_BEHIND: &str = "detector_behind";
/// Reason of a loss: more frames came at once than may wait for the detector.
pub const DETECTOR_QUEUE_FULL: &str = "detector_queue_full";
/// Reason of a loss: the board could not keep up.
pub const BOARD_QUEUE_FULL: &str = "board_queue_full";
/// Every reason of a loss.
pub const LOSSES: [&str; 6] =
    [OVERWRITTEN, DAMAGED, NOT_ANALYSABLE, DETECTOR_BEHIND, DETECTOR_QUEUE_FULL, BOARD_QUEUE_FULL];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Events a client may be behind before it gets a fresh snapshot instead, 16-65536.
    pub client_queue: usize,
    /// Events kept for clients that resume by sequence, 0-65536.
    pub resume_events: usize,
    /// Longer side of the pictures sent to the dashboard, pixels, 160-1920.
    pub picture_px: u32,
    /// JPEG quality of those pictures, 1-100.
    pub picture_quality: u8,
}

impl Default for Config {
    fn default() -> Self {
        Self { client_queue: 256, resume_events: 1024, picture_px: 640, picture_quality: 75 }
    }
}

impl Config {
    /// Adds a (key, message) for every impossible value; keys are relative to this table.
    pub fn check(&self, faults: &mut Faults) {
        let mut range = |key: &str, value: usize, low, high| faults::range(faults, key, value, low, high);
        range("client_queue", self.client_queue, 16, 65_536);
        range("resume_events", self.resume_events, 0, 65_536);
        range("picture_px", self.picture_px as usize, 160, 1920);
        range("picture_quality", self.picture_quality.into(), 1, 100);
    }
}

/// What the streams and the detector tell the board.
pub enum Report {
    /// A stream exists from now on; one that exists already starts anew.
    Added {
        stream: StreamId,
        name: String,
        kind: &'static str,
        source: String,
    },
    Removed {
        stream: StreamId,
    },
    Connected {
        stream: StreamId,
        connection: Connection,
    },
    /// `code` and `message` as the source's error gives them; no `retry_in`: it will not come back by itself.
    Fault {
        stream: StreamId,
        code: &'static str,
        message: String,
        retry_in: Option<Duration>,
    },
    Ended {
        stream: StreamId,
    },
    /// Frames that were given up since the last such report: `overwritten`, `detector_behind`.
    Dropped {
        stream: StreamId,
        reason: &'static str,
        frames: u64,
    },
    /// A frame's faces, scored.
    Analysis(Analysis),
    /// An event of another room, to be told as it is.
    Tell(Box<event::Body>),
    /// Other thresholds are in force from the next frame on; every client gets a fresh snapshot.
    Thresholds {
        fake_at: f32,
        real_at: f32,
    },
}

impl Report {
    /// The stream that it is about; None for what is about the whole program.
    fn stream(&self) -> Option<&StreamId> {
        match self {
            Self::Added { stream, .. } | Self::Removed { stream } | Self::Connected { stream, .. } => Some(stream),
            Self::Fault { stream, .. } | Self::Ended { stream } | Self::Dropped { stream, .. } => Some(stream),
            Self::Analysis(analysis) => Some(&analysis.stream),
            Self::Tell(_) | Self::Thresholds { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_impossible_value_is_named() {
        let mut faults = Vec::new();
        Config::default().check(&mut faults);
        assert_eq!(faults, []);
        Config { client_queue: 1, resume_events: 1 << 20, picture_px: 0, picture_quality: 101 }.check(&mut faults);
        let keys: Vec<&str> = faults.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["client_queue", "resume_events", "picture_px", "picture_quality"]);
    }
}
