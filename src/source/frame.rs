//! One decoded picture and the facts that travel with it to the verdict.
//! Made by `source`; its view is read by `faces`, `crops` and `pixels`.

use std::time::{Duration, Instant, SystemTime};

use gstreamer_video as gst_video;
use gst_video::video_frame::Readable;

use crate::pixels::{Matrix, Range, Yuv};

/// When and where a frame was taken: the freshness contract every verdict carries on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stamp {
    /// Counts the frames of a stream from 0, over all its connections.
    pub number: u64,
    /// Which connection of the stream it came from; a window never spans two.
    pub epoch: u32,
    /// Time in the stream, from its first frame of this epoch.
    pub pts: Duration,
    /// When it reached us.
    pub arrived: Instant,
    /// The same moment on the wall clock.
    pub captured: SystemTime,
    /// Pixels.
    pub width: u32,
    pub height: u32,
}

/// A frame: a mapped GStreamer buffer, or planes of our own (tests, generated pictures).
pub struct Frame {
    pub stamp: Stamp,
    pub(super) pixels: Pixels,
}

pub(super) enum Pixels {
    Mapped(gst_video::VideoFrame<Readable>),
    /// I420, rows packed at the width (chroma at half the width, rounded up).
    Owned { i420: Vec<u8>, matrix: Matrix, range: Range },
}

impl Frame {
    /// A frame from packed I420 planes of our own; `i420` holds w*h + 2*ceil(w/2)*ceil(h/2) bytes.
    pub fn from_i420(stamp: Stamp, i420: Vec<u8>, matrix: Matrix, range: Range) -> Self {
        Self { stamp, pixels: Pixels::Owned { i420, matrix, range } }
    }

    /// The planes as they lie in memory.
    pub fn view(&self) -> Yuv<'_> {
        todo!()
    }
}
