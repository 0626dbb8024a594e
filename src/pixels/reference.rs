//! Test only: the crop rule (docs/crop-rule.md) and the letterbox in f64, sample by sample, as they are written
//! down; generated pictures; golden numbers that any other path (CUDA) must meet within 2/255.

use proptest::prelude::*;

use super::{Chroma, Matrix, Plane, Point, Range, Square, Yuv};

/// A generated I420 picture that owns its planes, with padding at the end of each row.
#[derive(Debug)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    pub planes: [Vec<u8>; 3],
    uv: Vec<u8>,
    padding: usize,
    pub matrix: Matrix,
    pub range: Range,
}

impl Picture {
    /// Slow waves and a fast pattern in luma, slow waves in chroma; every number follows from the arguments.
    pub fn new(width: u32, height: u32, padding: usize, matrix: Matrix, range: Range) -> Self {
        let plane = |w: u32, h: u32, sample: &dyn Fn(f64, f64) -> f64| {
            let mut data = Vec::new();
            for y in 0..h {
                data.extend((0..w).map(|x| sample(x.into(), y.into()).round() as u8));
                data.resize(data.len() + padding, 255);
            }
            data
        };
        let luma =
            |x: f64, y: f64| 126.0 + 70.0 * (x / 23.0).sin() * (y / 31.0).cos() + 30.0 * (x * 0.9 + y * 0.7).sin();
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        let u = plane(half_width, half_height, &|x, y| 128.0 + 60.0 * (x / 17.0 + y / 29.0).sin());
        let v = plane(half_width, half_height, &|x, y| 128.0 + 60.0 * (x / 37.0 - y / 19.0).cos());
        let stride = half_width as usize + padding;
        let mut uv = Vec::new();
        for (u, v) in u.chunks(stride).zip(v.chunks(stride)) {
            uv.extend(u[..half_width as usize].iter().zip(v).flat_map(|(&u, &v)| [u, v]));
            uv.resize(uv.len() + padding, 255);
        }
        Self { width, height, planes: [plane(width, height, &luma), u, v], uv, padding, matrix, range }
    }

    pub fn i420(&self) -> Yuv<'_> {
        let half = self.width.div_ceil(2) as usize + self.padding;
        let [y, u, v] = &self.planes;
        Yuv {
            width: self.width,
            height: self.height,
            luma: Plane { data: y, stride: self.width as usize + self.padding },
            chroma: Chroma::Planar { u: Plane { data: u, stride: half }, v: Plane { data: v, stride: half } },
            matrix: self.matrix,
            range: self.range,
        }
    }

    pub fn nv12(&self) -> Yuv<'_> {
        let stride = 2 * self.width.div_ceil(2) as usize + self.padding;
        Yuv { chroma: Chroma::Interleaved(Plane { data: &self.uv, stride }), ..self.i420() }
    }

    /// The planes as functions of column and row, borders repeated.
    fn sample(&self, plane: usize, x: i64, y: i64) -> f64 {
        let (w, h) = match plane {
            0 => (self.width, self.height),
            _ => (self.width.div_ceil(2), self.height.div_ceil(2)),
        };
        let (x, y) = (x.clamp(0, i64::from(w) - 1) as usize, y.clamp(0, i64::from(h) - 1) as usize);
        self.planes[plane][y * (w as usize + self.padding) + x].into()
    }

    fn rgb(&self, y: f64, u: f64, v: f64) -> [u8; 3] {
        let (y, cb, cr) = match self.range {
            Range::Limited => ((y - 16.0) * 255.0 / 219.0, (u - 128.0) * 255.0 / 224.0, (v - 128.0) * 255.0 / 224.0),
            Range::Full => (y, u - 128.0, v - 128.0),
        };
        let (kr, kb) = match self.matrix {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.2126, 0.0722),
        };
        let kg = 1.0 - kr - kb;
        let red = y + 2.0 * (1.0 - kr) * cr;
        let green = y - 2.0 * kb * (1.0 - kb) / kg * cb - 2.0 * kr * (1.0 - kr) / kg * cr;
        let blue = y + 2.0 * (1.0 - kb) * cb;
        [red, green, blue].map(|x| (x + 0.5).floor().clamp(0.0, 255.0) as u8)
    }
}

/// Pictures of any small size, matrix and range.
pub fn pictures() -> impl Strategy<Value = Picture> {
    let matrix = prop_oneof![Just(Matrix::Bt601), Just(Matrix::Bt709)];
    let range = prop_oneof![Just(Range::Limited), Just(Range::Full)];
    (1..90u32, 1..90u32, 0..9usize, matrix, range).prop_map(|(w, h, p, m, r)| Picture::new(w, h, p, m, r))
}

/// The crop rule, sample by sample.
pub fn crop(picture: &Picture, square: &Square, size: u32) -> Vec<u8> {
    let plane = |plane: usize, x: f64, y: f64, side: f64| {
        let k = (side / f64::from(size)).floor().max(1.0);
        let cell = |a: i64, b: i64| {
            let k = k as i64;
            let sum: f64 = (0..k * k).map(|i| picture.sample(plane, a * k + i % k, b * k + i / k)).sum();
            sum / (k * k) as f64
        };
        let (p, q) = (x / k - 0.5, y / k - 0.5);
        let (a, b) = (p.floor() as i64, q.floor() as i64);
        let (f, g) = (p - p.floor(), q - q.floor());
        (1.0 - g) * ((1.0 - f) * cell(a, b) + f * cell(a + 1, b))
            + g * ((1.0 - f) * cell(a, b + 1) + f * cell(a + 1, b + 1))
    };
    let (side, (sin, cos)) = (f64::from(square.side), f64::from(square.roll).sin_cos());
    let mut out = Vec::new();
    for j in 0..size {
        for i in 0..size {
            let u = ((f64::from(i) + 0.5) / f64::from(size) - 0.5) * side;
            let v = ((f64::from(j) + 0.5) / f64::from(size) - 0.5) * side;
            let x = f64::from(square.center.x) + u * cos - v * sin;
            let y = f64::from(square.center.y) + u * sin + v * cos;
            let chroma = |c| plane(c, x / 2.0, y / 2.0, side / 2.0);
            out.extend(picture.rgb(plane(0, x, y, side), chroma(1), chroma(2)));
        }
    }
    out
}

/// The letterbox, sample by sample: each plane's mean over the rectangle that a thumbnail pixel covers.
pub fn letterbox(picture: &Picture, side: u32) -> Vec<u8> {
    let (w, h) = (f64::from(picture.width), f64::from(picture.height));
    let ratio = w.max(h) / f64::from(side);
    let (width, height) = ((w / ratio - 1e-6).ceil(), (h / ratio - 1e-6).ceil());
    let (left, top) = (((f64::from(side) - width) / 2.0).floor(), ((f64::from(side) - height) / 2.0).floor());
    let axis = |at: f64, ratio: f64, end: f64| (at * ratio, ((at + 1.0) * ratio).min(end));
    let mean = |plane: usize, i: f64, j: f64, ratio: f64, end: (f64, f64)| {
        let ((x0, x1), (y0, y1)) = (axis(i, ratio, end.0), axis(j, ratio, end.1));
        let (mut sum, mut area) = (0.0, 0.0);
        for y in y0.floor() as i64..y1.ceil() as i64 {
            for x in x0.floor() as i64..x1.ceil() as i64 {
                let share = ((x + 1) as f64).min(x1) - (x as f64).max(x0);
                let share = share * (((y + 1) as f64).min(y1) - (y as f64).max(y0));
                sum += share * picture.sample(plane, x, y);
                area += share;
            }
        }
        sum / area
    };
    let mut out = vec![0; (side * side * 3) as usize];
    for j in 0..height as usize {
        for i in 0..width as usize {
            let (x, y) = (i as f64, j as f64);
            let chroma = |c| mean(c, x, y, ratio / 2.0, ((w / 2.0).ceil(), (h / 2.0).ceil()));
            let rgb = picture.rgb(mean(0, x, y, ratio, (w, h)), chroma(1), chroma(2));
            let at = ((j + top as usize) * side as usize + i + left as usize) * 3;
            out[at..at + 3].copy_from_slice(&rgb);
        }
    }
    out
}

/// Largest difference of two pictures of the same size.
pub fn difference(a: &[u8], b: &[u8]) -> u8 {
    assert_eq!(a.len(), b.len(), "two pictures of the same size");
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}

/// Pixels of one crop of `Picture::new(161, 97, 3, Bt709, Limited)`.
#[derive(Debug)]
pub struct Golden {
    pub square: Square,
    pub size: u32,
    /// Column, row, RGB.
    pub pixels: &'static [(u32, u32, [u8; 3])],
}

/// Enlarged; reduced by boxes of 2; over the border.
pub const GOLDEN: &[Golden] = &[
    Golden {
        square: Square { center: Point { x: 80.25, y: 48.5 }, side: 20.0, roll: 0.3 },
        size: 28,
        pixels: &[(0, 0, [231, 87, 171]), (27, 0, [190, 56, 52]), (14, 14, [207, 70, 99]), (5, 20, [237, 103, 156])],
    },
    Golden {
        square: Square { center: Point { x: 70.5, y: 50.25 }, side: 70.0, roll: -0.2 },
        size: 28,
        pixels: &[(0, 0, [255, 136, 255]), (27, 0, [106, 33, 72]), (14, 14, [218, 84, 141]), (5, 20, [156, 91, 162])],
    },
    Golden {
        square: Square { center: Point { x: 150.0, y: 10.0 }, side: 60.0, roll: 0.7 },
        size: 28,
        pixels: &[(0, 0, [83, 148, 9]), (27, 0, [116, 189, 36]), (14, 14, [114, 150, 6]), (5, 20, [93, 90, 2])],
    },
];
