//! A frame that a decoder left in the GPU's memory. In: its buffer and layout. Out: a [`Picture`]: cut by the kernels, only
//! the small results come to the host. A failure of the GPU is told to `infer::health`. Made by `source`.

use std::sync::Arc;

use super::cuda::{self, Cuda, DeviceFrame};
use super::{Chroma, Error, Letterbox, Matrix, Picture, Plane, Range, Square, Yuv, coarse, jpeg};
use crate::infer::health;

/// Side of the thumbnail that coarse lumas are made of.
const COARSE_SIDE: u32 = 64;

/// How a picture lies in one piece of memory: where y, then u and v (or uv) begin, and bytes from row to row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layout {
    /// Pixels.
    pub width: u32,
    pub height: u32,
    pub offsets: [usize; 3],
    pub strides: [usize; 3],
    /// NV12: u and v are in one plane, and the third of both is not used. Else I420.
    pub interleaved: bool,
    pub matrix: Matrix,
    pub range: Range,
}

impl Layout {
    /// Bytes from the beginning to the end of the last row.
    pub(super) fn bytes(&self) -> usize {
        let (half_width, half_height) = (self.width.div_ceil(2) as usize, self.height.div_ceil(2) as usize);
        let end = |plane: usize, columns: usize, rows: usize| {
            self.offsets[plane] + self.strides[plane] * rows.saturating_sub(1) + columns
        };
        let luma = end(0, self.width as usize, self.height as usize);
        let chroma = match self.interleaved {
            true => end(1, 2 * half_width, half_height),
            false => end(1, half_width, half_height).max(end(2, half_width, half_height)),
        };
        luma.max(chroma)
    }

    /// The planes of a copy in the host's memory; a plane that is not there comes short.
    fn view<'a>(&self, bytes: &'a [u8]) -> Yuv<'a> {
        let plane =
            |n: usize| Plane { data: bytes.get(self.offsets[n]..).unwrap_or_default(), stride: self.strides[n] };
        let chroma = match self.interleaved {
            true => Chroma::Interleaved(plane(1)),
            false => Chroma::Planar { u: plane(1), v: plane(2) },
        };
        let &Self { width, height, matrix, range, .. } = self;
        Yuv { width, height, luma: plane(0), chroma, matrix, range }
    }
}

/// A decoded frame in the GPU's memory, which is given back when it is dropped.
pub struct GpuFrame {
    cuda: Arc<Cuda>,
    frame: DeviceFrame,
    layout: Layout,
}

impl GpuFrame {
    pub fn new(cuda: Arc<Cuda>, frame: DeviceFrame, layout: Layout) -> Self {
        Self { cuda, frame, layout }
    }

    /// Crops in one launch, in several when the memory does not hold them at once.
    fn cut(&self, squares: &[Square], size: u32, out: &mut Vec<u8>) -> Result<(), cuda::Error> {
        let wanted: Vec<_> = squares.iter().map(|square| (&self.frame, *square)).collect();
        match self.cuda.crops(&wanted, size).and_then(|crops| self.cuda.download(&crops)) {
            Ok(crops) => out.extend(crops),
            Err(error) if error.is_out_of_memory() && squares.len() > 1 => {
                tracing::warn!(crops = squares.len(), %error, "no memory for crops: halved");
                health::out_of_memory();
                let (first, second) = squares.split_at(squares.len() / 2);
                self.cut(first, size, out)?;
                self.cut(second, size, out)?;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Asks whether the GPU still answers, when a decoder on it failed: that it does not is then told to `infer::health`.
pub fn check(cuda: &Cuda) -> Result<(), Error> {
    watched(|| cuda.synchronize())
}

/// One use of the GPU; damaged frames and absurd squares are no fault of it.
fn watched<T>(work: impl FnOnce() -> Result<T, cuda::Error>) -> Result<T, Error> {
    let mut refused = None;
    let done = health::watched(|| match work() {
        Err(cuda::Error::Pixels(error)) => {
            refused = Some(error);
            Ok(None)
        }
        done => done.map(Some).map_err(|error| error.to_string()),
    });
    match (done, refused) {
        (Ok(Some(done)), _) => Ok(done),
        (Ok(None), Some(error)) => Err(error),
        (Ok(None), None) => unreachable!("nothing done without a refusal"),
        (Err(why), _) => Err(Error::Gpu(why)),
    }
}

impl Picture for GpuFrame {
    fn size(&self) -> (u32, u32) {
        (self.layout.width, self.layout.height)
    }

    fn letterbox(&self, side: u32, out: &mut Vec<u8>) -> Result<Letterbox, Error> {
        let (thumbnail, fits) = watched(|| {
            let made = self.cuda.letterboxes(&[&self.frame], side)?;
            Ok((self.cuda.download(&made.0)?, made.1))
        })?;
        *out = thumbnail;
        Ok(fits[0])
    }

    fn crops(&self, squares: &[Square], size: u32, out: &mut Vec<u8>) -> Result<(), Error> {
        out.clear();
        if squares.is_empty() {
            return Ok(());
        }
        watched(|| self.cut(squares, size, out))
    }

    /// Of a thumbnail: near enough to tell one scene from another, and no kernel of its own.
    fn coarse_luma(&self) -> Result<[u8; coarse::BLOCKS * coarse::BLOCKS], Error> {
        let mut thumbnail = Vec::new();
        let fit = self.letterbox(COARSE_SIDE, &mut thumbnail)?;
        let shown = |pixels: u32| ((pixels as f32 * fit.scale).ceil() as usize).clamp(1, COARSE_SIDE as usize);
        let (width, height) = (shown(self.layout.width), shown(self.layout.height));
        let (left, top) = (fit.offset.x as usize, fit.offset.y as usize);
        let grey = |x: usize, y: usize| {
            let at = 3 * ((top + y) * COARSE_SIDE as usize + left + x);
            let [red, green, blue] = [0, 1, 2].map(|c| u32::from(thumbnail[at + c]));
            // BT.709's weights, of 1024.
            (218 * red + 732 * green + 74 * blue) / 1024
        };
        let span = |n: usize, of: usize| {
            let first = n * of / coarse::BLOCKS;
            first..((n + 1) * of / coarse::BLOCKS).max(first + 1)
        };
        Ok(std::array::from_fn(|block| {
            let (rows, columns) = (span(block / coarse::BLOCKS, height), span(block % coarse::BLOCKS, width));
            let count = (rows.len() * columns.len()) as u32;
            let sum: u32 = rows.flat_map(|y| columns.clone().map(move |x| (x, y))).map(|(x, y)| grey(x, y)).sum();
            // A mean of bytes.
            (sum / count) as u8
        }))
    }

    /// The one that copies the whole frame: only while someone watches.
    fn jpeg(&self, longer: u32, quality: u8) -> Result<Vec<u8>, Error> {
        let bytes = watched(|| self.cuda.download_frame(&self.frame))?;
        jpeg::encode(&self.layout.view(&bytes), longer, quality)
    }
}
