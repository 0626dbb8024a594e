//! What the kernels are told of each picture to make, laid out as `kernels.cu` reads it. In: a frame's shape, the
//! addresses of its planes, a square or a side. Out: one descriptor a picture. Made by `cuda`, and by the kernels' tests.

use super::affine::{Cut, ONE};
use super::area::Fit;
use super::colour::ToRgb;
use super::planes;
use super::{Chroma, Error, Letterbox, Matrix, Range, Square, Yuv};

/// Address of a byte where the kernels run.
pub(super) type Address = u64;

/// A frame where the kernels can read it: its own view, for strides and colours, and where its planes begin.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct Frame {
    y: Address,
    u: Address,
    v: Address,
    strides: [i32; 3],
    chroma_step: i32,
    width: i32,
    height: i32,
    colours: [f32; 7],
}

/// `Walk` of `kernels.cu`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Walk {
    x: i64,
    y: i64,
    dx: i64,
    dy: i64,
    cell: i32,
}

#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct CropDescriptor {
    frame: Frame,
    luma: Walk,
    chroma: Walk,
}

#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct LetterboxDescriptor {
    frame: Frame,
    ratio: f64,
    left: i32,
    top: i32,
    width: i32,
    height: i32,
}

// The same numbers are asserted in kernels.cu.
const _: () = assert!(size_of::<Frame>() == 80);
const _: () = assert!(size_of::<CropDescriptor>() == 160);
const _: () = assert!(size_of::<LetterboxDescriptor>() == 104);

impl Frame {
    /// `view` is checked; `planes` are the addresses that its planes (luma, then u and v, or uv) were copied to, each
    /// with the view's own stride.
    pub fn new(view: &Yuv<'_>, planes: &[Address]) -> Result<Self, Error> {
        planes::check(view)?;
        let (addresses, strides, interleaved) = match view.chroma {
            Chroma::Planar { u, v } => ([planes[0], planes[1], planes[2]], [u.stride, v.stride], false),
            Chroma::Interleaved(uv) => ([planes[0], planes[1], planes[1] + 1], [uv.stride, uv.stride], true),
        };
        let strides = [view.luma.stride, strides[0], strides[1]];
        Ok(Self::laid_out((view.width, view.height), addresses, strides, interleaved, (view.matrix, view.range)))
    }

    /// Of a frame that is known to be whole: addresses and strides of y, u and v, whose samples are interleaved or not.
    pub fn laid_out(
        (width, height): (u32, u32),
        [y, u, v]: [Address; 3],
        strides: [usize; 3],
        interleaved: bool,
        (matrix, range): (Matrix, Range),
    ) -> Self {
        // 16384 pixels a side at most, checked; strides of mapped memory are far below 2^31.
        let stride = |bytes: usize| i32::try_from(bytes).unwrap_or(i32::MAX);
        Self {
            y,
            u,
            v,
            strides: strides.map(stride),
            chroma_step: if interleaved { 2 } else { 1 },
            width: width as i32,
            height: height as i32,
            colours: ToRgb::new(matrix, range).constants(),
        }
    }

    pub fn crop(&self, square: &Square, size: u32) -> Result<CropDescriptor, Error> {
        let (luma, chroma) = Cut::of(square, size)?;
        Ok(CropDescriptor { frame: *self, luma: Walk::of(&luma), chroma: Walk::of(&chroma) })
    }

    /// Also how to come back from thumbnail points to frame points.
    pub fn letterbox(&self, side: u32) -> Result<(LetterboxDescriptor, Letterbox), Error> {
        let fit = Fit::of(self.width as u32, self.height as u32, side)?;
        let descriptor = LetterboxDescriptor {
            frame: *self,
            ratio: fit.ratio,
            // Within the thumbnail.
            left: fit.left as i32,
            top: fit.top as i32,
            width: fit.width as i32,
            height: fit.height as i32,
        };
        Ok((descriptor, fit.letterbox()))
    }
}

impl Walk {
    fn of(cut: &Cut) -> Self {
        let (x, y) = cut.start_of_row(0);
        let (dx, dy) = cut.steps();
        // At most 256 samples a cell's side.
        Self { x: (x * ONE).floor() as i64, y: (y * ONE).floor() as i64, dx, dy, cell: cut.cell as i32 }
    }
}
