//! One decoded picture and the facts that travel with it to the verdict.
//! Made by `source`; its view is read by `faces`, `crops` and `pixels`.

use std::time::{Duration, Instant, SystemTime};

use gst_video::prelude::*;
use gst_video::video_frame::Readable;
use gstreamer_video as gst_video;

use crate::pixels::{Chroma, Matrix, Plane, Range, Yuv};

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
    pixels: Pixels,
}

enum Pixels {
    Mapped(Box<gst_video::VideoFrame<Readable>>),
    /// I420, rows packed at the width (chroma at half the width, rounded up).
    Owned {
        i420: Vec<u8>,
        matrix: Matrix,
        range: Range,
    },
}

impl Frame {
    /// A frame from packed I420 planes of our own; `i420` holds w*h + 2*ceil(w/2)*ceil(h/2) bytes.
    pub fn from_i420(stamp: Stamp, i420: Vec<u8>, matrix: Matrix, range: Range) -> Self {
        Self { stamp, pixels: Pixels::Owned { i420, matrix, range } }
    }

    pub(super) fn mapped(stamp: Stamp, frame: gst_video::VideoFrame<Readable>) -> Self {
        Self { stamp, pixels: Pixels::Mapped(Box::new(frame)) }
    }

    /// The planes as they lie in memory. Planes that are too short are found by `pixels` when they are read.
    pub fn view(&self) -> Yuv<'_> {
        let (width, height) = (self.stamp.width, self.stamp.height);
        match &self.pixels {
            Pixels::Mapped(frame) => {
                let plane = |i: u32| Plane {
                    data: frame.plane_data(i).unwrap_or_default(),
                    // The appsink only lets I420 and NV12 through, whose strides are positive.
                    stride: frame.plane_stride().get(i as usize).map_or(0, |stride| stride.unsigned_abs() as usize),
                };
                let chroma = match frame.format() {
                    gst_video::VideoFormat::Nv12 => Chroma::Interleaved(plane(1)),
                    _ => Chroma::Planar { u: plane(1), v: plane(2) },
                };
                let (matrix, range) = colour(&frame.info().colorimetry(), height);
                Yuv { width, height, luma: plane(0), chroma, matrix, range }
            }
            Pixels::Owned { i420, matrix, range } => {
                let (w, half) = (width as usize, width.div_ceil(2) as usize);
                let luma = w * height as usize;
                let chroma = half * height.div_ceil(2) as usize;
                let plane = |from: usize, to: usize, stride: usize| Plane {
                    data: i420.get(from..to.min(i420.len())).unwrap_or_default(),
                    stride,
                };
                Yuv {
                    width,
                    height,
                    luma: plane(0, luma, w),
                    chroma: Chroma::Planar {
                        u: plane(luma, luma + chroma, half),
                        v: plane(luma + chroma, luma + 2 * chroma, half),
                    },
                    matrix: *matrix,
                    range: *range,
                }
            }
        }
    }
}

/// What the stream says of its colours; unsaid, what players assume: BT.709 from 720 lines on, limited range.
fn colour(info: &gst_video::VideoColorimetry, height: u32) -> (Matrix, Range) {
    let matrix = match info.matrix() {
        gst_video::VideoColorMatrix::Bt601 | gst_video::VideoColorMatrix::Fcc => Matrix::Bt601,
        gst_video::VideoColorMatrix::Bt709 | gst_video::VideoColorMatrix::Smpte240m => Matrix::Bt709,
        // BT.2020 stays nearer to BT.709 than to BT.601.
        gst_video::VideoColorMatrix::Bt2020 => Matrix::Bt709,
        _ if height < 720 => Matrix::Bt601,
        _ => Matrix::Bt709,
    };
    let range = match info.range() {
        gst_video::VideoColorRange::Range0_255 => Range::Full,
        _ => Range::Limited,
    };
    (matrix, range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(width: u32, height: u32) -> Stamp {
        let (arrived, captured) = (Instant::now(), SystemTime::now());
        Stamp { number: 0, epoch: 0, pts: Duration::ZERO, arrived, captured, width, height }
    }

    #[test]
    fn planes_of_odd_sizes_are_where_i420_has_them() {
        let i420: Vec<u8> = (0..15 + 6 + 6).collect();
        let frame = Frame::from_i420(stamp(5, 3), i420, Matrix::Bt601, Range::Full);
        let view = frame.view();
        let Chroma::Planar { u, v } = view.chroma else { panic!("{view:?}") };
        assert_eq!((view.luma.data.len(), view.luma.stride), (15, 5));
        assert_eq!((u.data, u.stride), (&[15, 16, 17, 18, 19, 20][..], 3));
        assert_eq!(v.data, [21, 22, 23, 24, 25, 26]);
    }

    #[test]
    fn planes_that_are_too_short_are_not_read_beyond_their_end() {
        let frame = Frame::from_i420(stamp(5, 3), vec![0; 17], Matrix::Bt601, Range::Full);
        let Chroma::Planar { u, v } = frame.view().chroma else { panic!() };
        assert_eq!((u.data.len(), v.data.len()), (2, 0));
    }

    #[test]
    fn unsaid_colours_go_by_the_height() {
        let unsaid = gst_video::VideoColorimetry::new(
            gst_video::VideoColorRange::Unknown,
            gst_video::VideoColorMatrix::Unknown,
            gst_video::VideoTransferFunction::Unknown,
            gst_video::VideoColorPrimaries::Unknown,
        );
        assert_eq!(colour(&unsaid, 480), (Matrix::Bt601, Range::Limited));
        assert_eq!(colour(&unsaid, 720), (Matrix::Bt709, Range::Limited));
    }
}
