//! Room 7: who hears about it. In: [`Report`]s of the streams and the detector. Out: live state as a snapshot and a
//! sequence of [`event::Event`]s, metrics of every verdict, and whether anyone watches a stream's pictures.
//! The board is the one task that owns live state.

pub mod event;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::detector::{Analysis, StreamId};
use crate::source::Connection;

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
    pub fn check(&self, faults: &mut Vec<(String, String)>) {
        let _ = faults;
        todo!()
    }
}

/// What the streams and the detector tell the board.
pub enum Report {
    /// A stream exists from now on.
    Added { stream: StreamId, name: String, kind: &'static str, source: String },
    Removed { stream: StreamId },
    Connected { stream: StreamId, connection: Connection },
    /// `code` and `message` as the source's error gives them; no `retry_in`: it will not come back by itself.
    Fault { stream: StreamId, code: &'static str, message: String, retry_in: Option<Duration> },
    Ended { stream: StreamId },
    /// A frame's faces, scored.
    Analysis(Analysis),
}
