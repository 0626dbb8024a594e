//! stub
use super::*;

/// The whole frame, at most `max_width` pixels wide, as a JPEG of `quality` 1-100, straight from YUV.
pub fn encode(frame: &Yuv<'_>, max_width: u32, quality: u8) -> Result<Vec<u8>, Error> {
    let _ = (frame, max_width, quality);
    todo!()
}
