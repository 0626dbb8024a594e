//! stub
use super::*;

/// `frame` scaled to fit a square of `side` pixels, centred, the rest black; `out` becomes
/// `[side, side, 3] u8 RGB`.
pub fn letterbox(frame: &Yuv<'_>, side: u32, out: &mut Vec<u8>) -> Result<Letterbox, Error> {
    let _ = (frame, side, out);
    todo!()
}

/// The face in `square`, upright, `out` becomes `[size, size, 3] u8 RGB` (area-correct; border replicated).
pub fn crop(frame: &Yuv<'_>, square: &Square, size: u32, out: &mut Vec<u8>) -> Result<(), Error> {
    let _ = (frame, square, size, out);
    todo!()
}
