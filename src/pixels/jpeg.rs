//! A frame as a small JPEG for the dashboard, straight from YUV: scaled planes, a linear map to JPEG's own YCbCr
//! (BT.601, full range), no RGB. Called by `stream` while someone watches.

use jpeg_encoder::{ColorType, Encoder, ImageBuffer, JpegColorType, SamplingFactor};

use super::area::{self, MAX_RATIO};
use super::colour::ToJpeg;
use super::planes::{self, ChromaSamples};
use super::{Error, Yuv};

/// The whole frame, at most `max_width` pixels wide, as a JPEG of `quality` 1-100, straight from YUV.
pub fn encode(frame: &Yuv<'_>, max_width: u32, quality: u8) -> Result<Vec<u8>, Error> {
    let (luma, chroma) = planes::check(frame)?;
    let ratio = (f64::from(frame.width) / f64::from(max_width)).max(1.0);
    if ratio > MAX_RATIO {
        return Err(Error::Scale { width: frame.width, height: frame.height, to: max_width });
    }
    let shrunk = |length: u32| ((f64::from(length) / ratio).round() as usize).max(1);
    let (width, height) = (shrunk(frame.width), shrunk(frame.height));
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));

    let luma = area::scale(&luma, ratio, width, height);
    let chroma = match chroma {
        ChromaSamples::Planar(u, v) => {
            let half = |plane| area::scale::<1>(plane, ratio, half_width, half_height);
            half(&u).into_iter().zip(half(&v)).map(|([u], [v])| [u, v]).collect()
        }
        ChromaSamples::Interleaved(uv) => area::scale(&uv, ratio, half_width, half_height),
    };
    let picture = Picture { width, height, luma, chroma, to_jpeg: ToJpeg::new(frame.matrix, frame.range) };

    let mut out = Vec::with_capacity(width * height / 4);
    let mut encoder = Encoder::new(&mut out, quality.clamp(1, 100));
    // The planes hold no more colour than this.
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.encode_image(picture)?;
    Ok(out)
}

/// A face crop, `[size, size, 3] u8 RGB`, as a JPEG of `quality` 1-100.
pub fn encode_crop(rgb: &[u8], size: u32, quality: u8) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(rgb.len() / 4);
    let side = u16::try_from(size).unwrap_or(u16::MAX);
    Encoder::new(&mut out, quality.clamp(1, 100)).encode(rgb, side, side, ColorType::Rgb)?;
    Ok(out)
}

/// Scaled planes; chroma at half size.
struct Picture {
    width: usize,
    height: usize,
    luma: Vec<[f32; 1]>,
    /// U and V.
    chroma: Vec<[f32; 2]>,
    to_jpeg: ToJpeg,
}

impl ImageBuffer for Picture {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    // Sides are at most 16384 (checked planes, never scaled up).
    fn width(&self) -> u16 {
        self.width as u16
    }

    fn height(&self) -> u16 {
        self.height as u16
    }

    fn fill_buffers(&self, row: u16, buffers: &mut [Vec<u8>; 4]) {
        let row = usize::from(row);
        let half = self.width.div_ceil(2);
        let luma = &self.luma[row * self.width..][..self.width];
        let chroma = &self.chroma[row / 2 * half..][..half];
        self.to_jpeg.row(luma.as_flattened(), chroma, buffers);
    }
}

#[cfg(test)]
mod tests {
    use super::super::reference::{Picture, difference};
    use super::super::{Matrix, Range};
    use super::*;

    /// Width and height in the start-of-frame segment.
    fn size(jpeg: &[u8]) -> (u16, u16) {
        let at = jpeg.windows(2).position(|w| w == [0xFF, 0xC0]).unwrap();
        let number = |i: usize| u16::from_be_bytes([jpeg[at + i], jpeg[at + i + 1]]);
        (number(7), number(5))
    }

    #[test]
    fn a_picture_is_at_most_as_wide_as_asked_and_never_enlarged() {
        for (w, h, max, expected) in
            [(320, 180, 160, (160, 90)), (101, 51, 640, (101, 51)), (1, 1, 640, (1, 1)), (640, 3, 64, (64, 1))]
        {
            let picture = Picture::new(w, h, 5, Matrix::Bt709, Range::Limited);
            let jpeg = encode(&picture.i420(), max, 80).unwrap();
            assert_eq!(size(&jpeg), expected);
            assert!(jpeg.starts_with(&[0xFF, 0xD8]) && jpeg.ends_with(&[0xFF, 0xD9]), "whole JPEG");
            assert_eq!(jpeg, encode(&picture.nv12(), max, 80).unwrap());
        }
    }

    #[test]
    fn a_crop_is_encoded_whole_or_refused() {
        assert_eq!(size(&encode_crop(&[90; 16 * 16 * 3], 16, 90).unwrap()), (16, 16));
        assert!(encode_crop(&[90; 100], 16, 90).is_err());
    }

    #[test]
    fn colours_are_those_of_the_stream() {
        // BT.709 limited: pure red is (63, 102, 240), white (235, 128, 128); JPEG's red is (76, 85, 255).
        let pixel = |matrix, range, [y, u, v]: [f32; 3]| {
            let mut out = [const { Vec::new() }; 4];
            ToJpeg::new(matrix, range).row(&[y, y, y], &[[u, v], [u, v]], &mut out);
            let [y, cb, cr, _] = out;
            assert_eq!((y.len(), cb.len(), cr.len()), (3, 3, 3));
            [y[2], cb[2], cr[2]]
        };
        let red = pixel(Matrix::Bt709, Range::Limited, [62.56, 102.34, 240.0]);
        assert!(difference(&red, &[76, 85, 255]) <= 1, "{red:?}");
        let white = pixel(Matrix::Bt709, Range::Limited, [235.0, 128.0, 128.0]);
        assert!(difference(&white, &[255, 128, 128]) <= 1, "{white:?}");
        assert_eq!(pixel(Matrix::Bt601, Range::Full, [17.0, 99.0, 200.0]), [17, 99, 200]);
    }

    #[test]
    fn a_width_of_nothing_is_refused() {
        let picture = Picture::new(64, 48, 0, Matrix::Bt601, Range::Full);
        assert!(matches!(encode(&picture.i420(), 0, 80), Err(Error::Scale { to: 0, .. })));
    }
}
