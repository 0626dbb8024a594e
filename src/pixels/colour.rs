//! Colour arithmetic on rows of samples (0-255, real numbers): YUV to RGB, and to JPEG's own YCbCr.
//! Source: ITU-R BT.601-7, BT.709-6 section 3; JFIF 1.02 (BT.601, full range).

use super::{Matrix, Range};

/// Pixels converted at a time, so that the arithmetic is vectorised and only the interleaving is not.
const CHUNK: usize = 32;

/// `Y' = (Y - offset) * luma`, `C' = (C - 128) * chroma`: to full range, chroma around 0.
#[derive(Clone, Copy)]
struct Expand {
    offset: f32,
    luma: f32,
    chroma: f32,
}

impl Expand {
    fn new(range: Range) -> Self {
        match range {
            Range::Limited => Self { offset: 16.0, luma: 255.0 / 219.0, chroma: 255.0 / 224.0 },
            Range::Full => Self { offset: 0.0, luma: 1.0, chroma: 1.0 },
        }
    }
}

/// Kr and Kb.
fn weights(matrix: Matrix) -> (f32, f32) {
    match matrix {
        Matrix::Bt601 => (0.299, 0.114),
        Matrix::Bt709 => (0.2126, 0.0722),
    }
}

/// What Cb and Cr add to R, G and B.
struct Mix {
    red_cr: f32,
    green_cb: f32,
    green_cr: f32,
    blue_cb: f32,
}

impl Mix {
    fn new(matrix: Matrix) -> Self {
        let (kr, kb) = weights(matrix);
        let kg = 1.0 - kr - kb;
        Self {
            red_cr: 2.0 * (1.0 - kr),
            green_cb: -2.0 * kb * (1.0 - kb) / kg,
            green_cr: -2.0 * kr * (1.0 - kr) / kg,
            blue_cb: 2.0 * (1.0 - kb),
        }
    }
}

/// Rounded and clamped to 0-255. Adding 2^23 leaves the integer in the lowest bits: unlike a cast it vectorises.
fn to_byte(x: f32) -> u8 {
    (x.clamp(0.0, 255.0) + 8_388_608.0).to_bits() as u8
}

/// YUV of one matrix and range to RGB.
pub(super) struct ToRgb {
    expand: Expand,
    mix: Mix,
}

impl ToRgb {
    pub fn new(matrix: Matrix, range: Range) -> Self {
        Self { expand: Expand::new(range), mix: Mix::new(matrix) }
    }

    /// The same arithmetic in numbers, for `kernels.cu`: offset, luma, chroma; then red_cr, green_cb, green_cr, blue_cb.
    pub fn constants(&self) -> [f32; 7] {
        let (Expand { offset, luma, chroma }, m) = (self.expand, &self.mix);
        [offset, luma, chroma, m.red_cr, m.green_cb, m.green_cr, m.blue_cb]
    }

    /// `y`, `u`, `v`: the same number of samples; `out`: three bytes for each.
    pub fn row(&self, y: &[f32], u: &[f32], v: &[f32], out: &mut [u8]) {
        let (e, m) = (self.expand, &self.mix);
        let chunks = y.chunks(CHUNK).zip(u.chunks(CHUNK)).zip(v.chunks(CHUNK));
        for (((y, u), v), out) in chunks.zip(out.chunks_mut(3 * CHUNK)) {
            let (mut red, mut green, mut blue) = ([0u8; CHUNK], [0u8; CHUNK], [0u8; CHUNK]);
            for (i, ((y, u), v)) in y.iter().zip(u).zip(v).enumerate() {
                let luma = (y - e.offset) * e.luma;
                let (cb, cr) = ((u - 128.0) * e.chroma, (v - 128.0) * e.chroma);
                red[i] = to_byte(luma + m.red_cr * cr);
                green[i] = to_byte(luma + m.green_cb * cb + m.green_cr * cr);
                blue[i] = to_byte(luma + m.blue_cb * cb);
            }
            for (i, pixel) in out.chunks_exact_mut(3).enumerate() {
                pixel.copy_from_slice(&[red[i], green[i], blue[i]]);
            }
        }
    }
}

/// YUV of one matrix and range to JPEG's YCbCr: a linear map, so RGB is never made.
pub(super) struct ToJpeg {
    expand: Expand,
    /// What Cb and Cr of the stream add to Y, Cb and Cr of the JPEG.
    luma: [f32; 2],
    cb: [f32; 2],
    cr: [f32; 2],
}

impl ToJpeg {
    pub fn new(matrix: Matrix, range: Range) -> Self {
        let m = Mix::new(matrix);
        let (kr, kb) = weights(Matrix::Bt601);
        let kg = 1.0 - kr - kb;
        let luma = [kg * m.green_cb + kb * m.blue_cb, kr * m.red_cr + kg * m.green_cr];
        // Cb = (B - Y) / (2 (1 - Kb)), Cr = (R - Y) / (2 (1 - Kr)); the grey part cancels.
        let (b, r) = (2.0 * (1.0 - kb), 2.0 * (1.0 - kr));
        Self {
            expand: Expand::new(range),
            luma,
            cb: [(m.blue_cb - luma[0]) / b, -luma[1] / b],
            cr: [-luma[0] / r, (m.red_cr - luma[1]) / r],
        }
    }

    /// One row: `luma` samples, and `chroma` (U, V) of every two of them. Appends a byte a luma sample to Y, Cb and Cr.
    pub fn row(&self, luma: &[f32], chroma: &[[f32; 2]], [out_y, out_cb, out_cr, _]: &mut [Vec<u8>; 4]) {
        let e = self.expand;
        for (luma, chroma) in luma.chunks(2 * CHUNK).zip(chroma.chunks(CHUNK)) {
            let mut add = [0f32; CHUNK];
            let (mut y, mut cb, mut cr) = ([[0u8; 2]; CHUNK], [[0u8; 2]; CHUNK], [[0u8; 2]; CHUNK]);
            for (i, &[u, v]) in chroma.iter().enumerate() {
                let (u, v) = ((u - 128.0) * e.chroma, (v - 128.0) * e.chroma);
                add[i] = self.luma[0] * u + self.luma[1] * v - e.offset * e.luma;
                cb[i] = [to_byte(128.0 + self.cb[0] * u + self.cb[1] * v); 2];
                cr[i] = [to_byte(128.0 + self.cr[0] * u + self.cr[1] * v); 2];
            }
            let (pairs, last) = luma.as_chunks::<2>();
            for (i, pair) in pairs.iter().enumerate() {
                y[i] = pair.map(|y| to_byte(y * e.luma + add[i]));
            }
            if let [odd] = last {
                y[pairs.len()][0] = to_byte(odd * e.luma + add[pairs.len()]);
            }
            out_y.extend_from_slice(&y.as_flattened()[..luma.len()]);
            out_cb.extend_from_slice(&cb.as_flattened()[..luma.len()]);
            out_cr.extend_from_slice(&cr.as_flattened()[..luma.len()]);
        }
    }
}
