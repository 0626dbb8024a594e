//! A frame wherever its pixels lie. In: planes in the host's memory, or a decoder's frame in the GPU's (`gpu.rs`). Out: of
//! either the same small pictures, in the host's memory. Seen by `faces`, `crops`, `stream` and `score`.

use super::{Error, Letterbox, Square, Yuv, coarse, cpu, jpeg};

/// What the rooms ask of a frame.
pub trait Picture {
    /// Width and height, pixels.
    fn size(&self) -> (u32, u32);

    /// The whole frame in a square of `side` pixels; `out` becomes `[side, side, 3] u8 RGB`.
    fn letterbox(&self, side: u32, out: &mut Vec<u8>) -> Result<Letterbox, Error>;

    /// What is in the squares, upright; `out` becomes `[squares, size, size, 3] u8 RGB`.
    fn crops(&self, squares: &[Square], size: u32, out: &mut Vec<u8>) -> Result<(), Error>;

    /// Mean lumas of 16 x 16 blocks.
    fn coarse_luma(&self) -> Result<[u8; coarse::BLOCKS * coarse::BLOCKS], Error>;

    /// The frame as JPEG, its longer side at most `longer` pixels.
    fn jpeg(&self, longer: u32, quality: u8) -> Result<Vec<u8>, Error>;
}

impl Picture for Yuv<'_> {
    fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    fn letterbox(&self, side: u32, out: &mut Vec<u8>) -> Result<Letterbox, Error> {
        cpu::letterbox(self, side, out)
    }

    fn crops(&self, squares: &[Square], size: u32, out: &mut Vec<u8>) -> Result<(), Error> {
        out.clear();
        let mut one = Vec::new();
        for square in squares {
            cpu::crop(self, square, size, &mut one)?;
            out.extend_from_slice(&one);
        }
        Ok(())
    }

    fn coarse_luma(&self) -> Result<[u8; coarse::BLOCKS * coarse::BLOCKS], Error> {
        coarse::coarse_luma(self)
    }

    fn jpeg(&self, longer: u32, quality: u8) -> Result<Vec<u8>, Error> {
        jpeg::encode(self, longer, quality)
    }
}
