//! Tool: pixels. In: views of decoded YUV planes. Out: letterboxed thumbnails for the face detector,
//! upright face crops for the encoder, small JPEG pictures of frames and crops. Never a whole frame in RGB.
//! Called by `faces`, `crops`, `stream`, `record`, `web`, for frames in the host's memory (`cpu.rs`) and in a GPU's (`gpu.rs`,
//! `cuda.rs`) alike: [`Picture`].

mod affine;
mod area;
mod coarse;
mod colour;
mod cpu;
pub mod cuda;
mod descriptors;
mod gpu;
#[cfg(test)]
mod host;
mod jpeg;
mod picture;
mod planes;
#[cfg(test)]
pub(crate) mod reference;

pub use coarse::coarse_luma;
pub use cpu::{crop, letterbox};
pub use gpu::{GpuFrame, Layout, check as check_gpu};
pub use jpeg::{encode as encode_jpeg, encode_crop};
pub use picture::Picture;

/// One plane of 8-bit samples (one or two interleaved channels), rows `stride` bytes apart.
#[derive(Clone, Copy, Debug)]
pub struct Plane<'a> {
    pub data: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// The chroma of a 4:2:0 picture: half the width and height, rounded up.
#[derive(Clone, Copy, Debug)]
pub enum Chroma<'a> {
    /// I420.
    Planar { u: Plane<'a>, v: Plane<'a> },
    /// NV12: U and V interleaved.
    Interleaved(Plane<'a>),
}

/// The matrix that takes YUV to RGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matrix {
    Bt601,
    Bt709,
}

/// The range of the samples: luma 16-235 or 0-255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    Limited,
    Full,
}

/// A decoded 4:2:0 picture as it lies in memory; nothing is copied.
#[derive(Clone, Copy, Debug)]
pub struct Yuv<'a> {
    /// Pixels, at least 1.
    pub width: u32,
    pub height: u32,
    pub luma: Plane<'a>,
    pub chroma: Chroma<'a>,
    pub matrix: Matrix,
    pub range: Range,
}

/// A point in frame pixels: (0, 0) is the top left corner of the top left pixel.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    pub x: f32,
    pub y: f32,
}

/// A square in the frame: what a face crop shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Square {
    pub center: Point,
    /// Length of a side in frame pixels, above 0.
    pub side: f32,
    /// Angle of its upper edge against the frame's x axis, radians, clockwise as seen.
    pub roll: f32,
}

/// How a frame was put into a square thumbnail: `thumbnail = frame * scale + offset`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Letterbox {
    pub scale: f32,
    pub offset: Point,
}

impl Letterbox {
    /// From thumbnail pixels back to frame pixels.
    pub fn to_frame(&self, p: Point) -> Point {
        Point { x: (p.x - self.offset.x) / self.scale, y: (p.y - self.offset.y) / self.scale }
    }
}

/// What the pixel code can be asked for in vain.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("a {plane} plane of {got} bytes cannot hold {width}x{height} at stride {stride}; the frame is damaged")]
    ShortPlane { plane: &'static str, width: u32, height: u32, stride: usize, got: usize },
    #[error("a frame of {width}x{height} cannot be handled: each side must be 1 to {max} px")]
    FrameSize { width: u32, height: u32, max: u32 },
    #[error("a frame of {width}x{height} cannot be scaled down to {to} px: that is more than 256 times")]
    Scale { width: u32, height: u32, to: u32 },
    #[error("a square of {side} px at ({x}, {y}) cannot be cut to {size} px; the landmarks are absurd")]
    Square { side: f32, x: f32, y: f32, size: u32 },
    #[error("the GPU does not cut a frame: {0}")]
    Gpu(String),
    #[error("jpeg encoding failed: {0}")]
    Jpeg(#[from] jpeg_encoder::EncodingError),
}
