//! One decoded picture and the facts that travel with it to the verdict.
//! Made by `source`; its view is read by `faces`, `crops` and `pixels`.

use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use gst_video::prelude::*;
use gst_video::video_frame::Readable;
use gst_video::{VideoColorMatrix, VideoColorRange, VideoFormat, VideoInfo};
use gstreamer as gst;
use gstreamer_video as gst_video;

use crate::pixels::cuda::Cuda;
use crate::pixels::{Chroma, GpuFrame, Layout, Matrix, Picture, Plane, Range, Yuv};

/// Pictures of this height and more are taken for BT.709 when the stream does not say, as players do.
const HD_HEIGHT: u32 = 720;

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

/// A frame: a mapped GStreamer buffer, a decoder's in the GPU's memory, or planes of our own (tests, generated pictures).
pub struct Frame {
    pub stamp: Stamp,
    pub(super) pixels: Pixels,
}

pub(super) enum Pixels {
    /// Boxed: it is many times larger than the other.
    Mapped(Box<gst_video::VideoFrame<Readable>>),
    Gpu(Box<GpuFrame>),
    /// I420, rows packed at the width (chroma at half the width, rounded up).
    Owned {
        i420: Vec<u8>,
        matrix: Matrix,
        range: Range,
    },
}

impl Pixels {
    /// Maps a decoded buffer. None when it is not the I420 or NV12 that `info` says, or too short for it.
    pub(super) fn map(buffer: gst::Buffer, info: &VideoInfo) -> Option<Self> {
        let planes = match info.format() {
            VideoFormat::I420 => 3,
            VideoFormat::Nv12 => 2,
            _ => return None,
        };
        let frame = gst_video::VideoFrame::from_buffer_readable(buffer, info).ok()?;
        let sound = (0..planes).all(|i| frame.plane_data(i).is_ok() && frame.plane_stride()[i as usize] > 0);
        sound.then(|| Self::Mapped(Box::new(frame)))
    }
}

impl Pixels {
    /// The same of a buffer in the GPU's memory, whose kernels then read it there.
    pub(super) fn on_gpu(buffer: &gst::Buffer, info: &VideoInfo, cuda: &Arc<Cuda>) -> Option<Self> {
        let interleaved = match info.format() {
            VideoFormat::I420 => false,
            VideoFormat::Nv12 => true,
            _ => return None,
        };
        // A decoder's own layout, where it has one.
        let meta = buffer.meta::<gst_video::VideoMeta>();
        let (offsets, strides) =
            meta.as_ref().map_or((info.offset(), info.stride()), |meta| (meta.offset(), meta.stride()));
        let at = |plane: usize| {
            let stride = usize::try_from(*strides.get(plane)?).ok()?;
            Some((*offsets.get(plane)?, stride))
        };
        let (y, u) = (at(0)?, at(1)?);
        let v = if interleaved { (0, 0) } else { at(2)? };
        let (matrix, range) = colours(info);
        let layout = Layout {
            width: info.width(),
            height: info.height(),
            offsets: [y.0, u.0, v.0],
            strides: [y.1, u.1, v.1],
            interleaved,
            matrix,
            range,
        };
        match cuda.decoded(buffer.memory(0)?, &layout) {
            Ok(frame) => Some(Self::Gpu(Box::new(GpuFrame::new(cuda.clone(), frame, layout)))),
            Err(error) => {
                tracing::warn!(%error, "frame not taken");
                None
            }
        }
    }
}

impl Frame {
    /// A frame from packed I420 planes of our own; `i420` holds w*h + 2*ceil(w/2)*ceil(h/2) bytes.
    pub fn from_i420(stamp: Stamp, i420: Vec<u8>, matrix: Matrix, range: Range) -> Self {
        Self { stamp, pixels: Pixels::Owned { i420, matrix, range } }
    }

    /// What the rooms cut their small pictures from. A plane that is too short comes short; `pixels` checks before it reads.
    pub fn picture(&self) -> Seen<'_> {
        match &self.pixels {
            Pixels::Mapped(frame) => Seen::Host(mapped(frame)),
            Pixels::Gpu(frame) => Seen::Gpu(frame),
            Pixels::Owned { i420, matrix, range } => {
                let (width, height) = (self.stamp.width, self.stamp.height);
                let (w, h) = (width as usize, height as usize);
                let (half_w, half_h) = (w.div_ceil(2), h.div_ceil(2));
                let (luma, rest) = i420.split_at_checked(w * h).unwrap_or((i420, &[]));
                let (u, v) = rest.split_at_checked(half_w * half_h).unwrap_or((rest, &[]));
                let half = |data| Plane { data, stride: half_w };
                Seen::Host(Yuv {
                    width,
                    height,
                    luma: Plane { data: luma, stride: w },
                    chroma: Chroma::Planar { u: half(u), v: half(v) },
                    matrix: *matrix,
                    range: *range,
                })
            }
        }
    }
}

/// A frame's pixels: planes as they lie in the host's memory, or the GPU's.
pub enum Seen<'a> {
    Host(Yuv<'a>),
    Gpu(&'a GpuFrame),
}

impl<'a> Deref for Seen<'a> {
    type Target = dyn Picture + 'a;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Host(planes) => planes,
            Self::Gpu(frame) => *frame,
        }
    }
}

fn mapped(frame: &gst_video::VideoFrame<Readable>) -> Yuv<'_> {
    // `Pixels::map` has seen that each plane is there.
    let plane = |i: u32| Plane {
        data: frame.plane_data(i).unwrap_or_default(),
        stride: frame.plane_stride()[i as usize] as usize,
    };
    let chroma = match frame.format() {
        VideoFormat::Nv12 => Chroma::Interleaved(plane(1)),
        _ => Chroma::Planar { u: plane(1), v: plane(2) },
    };
    let (matrix, range) = colours(frame.info());
    Yuv { width: frame.width(), height: frame.height(), luma: plane(0), chroma, matrix, range }
}

/// BT.2020 (wide gamut) is read with the nearer of the two matrices, BT.709.
fn colours(info: &VideoInfo) -> (Matrix, Range) {
    let colorimetry = info.colorimetry();
    let matrix = match colorimetry.matrix() {
        VideoColorMatrix::Bt601 | VideoColorMatrix::Fcc => Matrix::Bt601,
        VideoColorMatrix::Bt709 | VideoColorMatrix::Smpte240m | VideoColorMatrix::Bt2020 => Matrix::Bt709,
        _ if info.height() < HD_HEIGHT => Matrix::Bt601,
        _ => Matrix::Bt709,
    };
    let range = match colorimetry.range() {
        VideoColorRange::Range0_255 => Range::Full,
        _ => Range::Limited,
    };
    (matrix, range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(frame: &Frame) -> Yuv<'_> {
        let Seen::Host(view) = frame.picture() else { panic!("no GPU is here") };
        view
    }

    fn stamp(width: u32, height: u32) -> Stamp {
        Stamp {
            number: 0,
            epoch: 0,
            pts: Duration::ZERO,
            arrived: Instant::now(),
            captured: SystemTime::UNIX_EPOCH,
            width,
            height,
        }
    }

    fn mapped(format: VideoFormat, width: u32, height: u32, colours: &str) -> Option<Frame> {
        gst::init().unwrap();
        let mut builder = VideoInfo::builder(format, width, height);
        let parsed: Option<gst_video::VideoColorimetry> = (!colours.is_empty()).then(|| colours.parse().unwrap());
        if let Some(colorimetry) = &parsed {
            builder = builder.colorimetry(colorimetry);
        }
        let info = builder.build().unwrap();
        let bytes: Vec<u8> = (0..info.size()).map(|i| i as u8).collect();
        let pixels = Pixels::map(gst::Buffer::from_slice(bytes), &info)?;
        Some(Frame { stamp: stamp(width, height), pixels })
    }

    #[test]
    fn both_layouts_come_as_they_lie() {
        let frame = mapped(VideoFormat::I420, 5, 3, "").unwrap();
        let seen = view(&frame);
        assert_eq!((seen.width, seen.height, seen.luma.stride), (5, 3, 8));
        let Chroma::Planar { u, v } = seen.chroma else { panic!("I420 has planes") };
        assert_eq!((u.stride, u.data[0], v.data[0]), (4, 32, 40));

        let frame = mapped(VideoFormat::Nv12, 6, 4, "").unwrap();
        let Chroma::Interleaved(uv) = view(&frame).chroma else { panic!("NV12 is interleaved") };
        assert_eq!((uv.stride, uv.data[0]), (8, 32));
    }

    #[test]
    fn colours_follow_the_stream_and_else_the_height() {
        let colours = |height, text| {
            let frame = mapped(VideoFormat::I420, 16, height, text).unwrap();
            (view(&frame).matrix, view(&frame).range)
        };
        assert_eq!(colours(480, "bt709"), (Matrix::Bt709, Range::Limited));
        assert_eq!(colours(1080, "bt601"), (Matrix::Bt601, Range::Limited));
        assert_eq!(colours(480, "1:4:0:0"), (Matrix::Bt601, Range::Full));
        assert_eq!(colours(480, "0:0:0:0"), (Matrix::Bt601, Range::Limited));
        assert_eq!(colours(720, "0:0:0:0"), (Matrix::Bt709, Range::Limited));
        assert_eq!(colours(720, "bt2020"), (Matrix::Bt709, Range::Limited));
    }

    #[test]
    fn what_is_no_yuv_420_or_too_short_is_not_mapped() {
        assert!(mapped(VideoFormat::Rgb, 8, 8, "").is_none());
        let info = VideoInfo::builder(VideoFormat::I420, 64, 64).build().unwrap();
        assert!(Pixels::map(gst::Buffer::from_slice(vec![0u8; 100]), &info).is_none());
    }

    #[test]
    fn planes_of_our_own_come_short_rather_than_panic() {
        let frame = Frame::from_i420(stamp(4, 4), vec![1; 18], Matrix::Bt601, Range::Full);
        let Chroma::Planar { u, v } = view(&frame).chroma else { panic!("I420 has planes") };
        assert_eq!((view(&frame).luma.data.len(), u.data.len(), v.data.len()), (16, 2, 0));
    }
}
