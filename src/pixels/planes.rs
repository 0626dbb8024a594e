//! From a view as it lies in memory to planes whose every row is known to be there. Damaged frames end here.

use super::{Chroma, Error, Plane, Yuv};

/// Pixels a side at most: twice 8K.
const MAX_SIDE: u32 = 16_384;

/// A checked plane of `C` interleaved channels.
#[derive(Clone, Copy)]
pub(super) struct Samples<'a, const C: usize> {
    data: &'a [u8],
    stride: usize,
    /// Samples a row and channel.
    pub width: usize,
    pub height: usize,
}

impl<'a, const C: usize> Samples<'a, C> {
    fn new(name: &'static str, plane: Plane<'a>, width: u32, height: u32) -> Result<Self, Error> {
        let (columns, rows) = (width as usize, height as usize);
        let needed = plane.stride.checked_mul(rows - 1).and_then(|n| n.checked_add(columns * C));
        if plane.stride < columns * C || needed.is_none_or(|n| n > plane.data.len()) {
            let (stride, got) = (plane.stride, plane.data.len());
            return Err(Error::ShortPlane { plane: name, width, height, stride, got });
        }
        Ok(Self { data: plane.data, stride: plane.stride, width: columns, height: rows })
    }

    /// `width * C` samples.
    pub fn row(&self, y: usize) -> &'a [u8] {
        &self.data[y * self.stride..][..self.width * C]
    }
}

/// The two layouts of checked chroma.
pub(super) enum ChromaSamples<'a> {
    Planar(Samples<'a, 1>, Samples<'a, 1>),
    Interleaved(Samples<'a, 2>),
}

/// Checks sizes, strides and lengths of all planes.
pub(super) fn check<'a>(frame: &Yuv<'a>) -> Result<(Samples<'a, 1>, ChromaSamples<'a>), Error> {
    let (width, height) = (frame.width, frame.height);
    if !(1..=MAX_SIDE).contains(&width) || !(1..=MAX_SIDE).contains(&height) {
        return Err(Error::FrameSize { width, height, max: MAX_SIDE });
    }
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    let luma = Samples::new("luma", frame.luma, width, height)?;
    let chroma = match frame.chroma {
        Chroma::Planar { u, v } => ChromaSamples::Planar(
            Samples::new("u", u, half_width, half_height)?,
            Samples::new("v", v, half_width, half_height)?,
        ),
        Chroma::Interleaved(uv) => ChromaSamples::Interleaved(Samples::new("uv", uv, half_width, half_height)?),
    };
    Ok((luma, chroma))
}
