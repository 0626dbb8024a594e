//! Cutting a turned square out of a plane by the crop rule (docs/crop-rule.md): box mean on a grid at the frame's
//! origin, then bilinear; the border repeated for ever.

use super::planes::Samples;
use super::{Error, Square};

/// Samples per box side at most: sums of a column then fit 16 bits.
const MAX_BOX: f64 = 256.0;

/// Pixels from the origin beyond which no frame reaches and positions would lose their precision.
const FAR: f32 = 100_000.0;

/// A turned square in one plane's cells.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    /// Samples a side of the result.
    pub size: usize,
    /// Plane samples a side of a cell.
    pub cell: usize,
    /// Centre in cells, less half a cell: a whole number is the middle of a cell.
    pub x: f64,
    pub y: f64,
    /// Cells from one sample of the result to the next.
    pub step: f64,
    pub sin: f64,
    pub cos: f64,
}

impl Cut {
    /// For the luma and the chroma planes. Fails for squares that no face in a frame can have.
    pub fn of(square: &Square, size: u32) -> Result<(Self, Self), Error> {
        let Square { center, side, roll } = *square;
        let sane = side > 0.0
            && f64::from(side) <= MAX_BOX * f64::from(size)
            && center.x.abs() <= FAR
            && center.y.abs() <= FAR
            && roll.is_finite();
        if !sane {
            return Err(Error::Square { side, x: center.x, y: center.y, size });
        }
        let size = size as usize;
        let (sin, cos) = f64::from(roll).sin_cos();
        let plane = |scale: f64| {
            let (x, y, side) = (f64::from(center.x) / scale, f64::from(center.y) / scale, f64::from(side) / scale);
            let cell = (side / size as f64).floor().max(1.0);
            let step = side / cell / size as f64;
            Self { size, cell: cell as usize, x: x / cell - 0.5, y: y / cell - 0.5, step, sin, cos }
        };
        Ok((plane(1.0), plane(2.0)))
    }

    /// Where the sample of column 0 and row `j` lies, in cells like the centre.
    pub fn start_of_row(&self, j: usize) -> (f64, f64) {
        let first = -((self.size - 1) as f64) / 2.0;
        let (u, v) = (first * self.step, (j as f64 + first) * self.step);
        (self.x + u * self.cos - v * self.sin, self.y + u * self.sin + v * self.cos)
    }

    /// From one sample to the next of its row, in fixed point.
    pub fn steps(&self) -> (i64, i64) {
        ((self.step * self.cos * ONE) as i64, (self.step * self.sin * ONE) as i64)
    }
}

/// Box means of a rectangle of cells, channels interleaved.
struct Patch<const C: usize> {
    cells: Vec<[f32; C]>,
    width: usize,
}

/// Means of the cells `left..left + width` by `top..top + height`, each `k` samples wide and high; cells may lie
/// outside the plane.
fn reduce<const C: usize>(
    plane: &Samples<'_, C>,
    k: usize,
    (left, top): (i64, i64),
    (width, height): (usize, usize),
) -> Patch<C> {
    let count = width * k;
    let from = left * k as i64;
    // The columns of the plane that are in view, at least one, and where they begin in the line.
    let edge = plane.width as i64 - 1;
    let first = from.clamp(0, edge);
    let last = (from + count as i64 - 1).clamp(0, edge);
    let start = (first - from).clamp(0, count as i64 - 1) as usize;
    let inner = (last - first + 1) as usize;
    let end = (start + inner).min(count);

    let mut line = vec![0u16; count * C];
    let mut cells = Vec::with_capacity(width * height);
    for b in 0..height {
        line.fill(0);
        for dy in 0..k as i64 {
            let y = ((top + b as i64) * k as i64 + dy).clamp(0, plane.height as i64 - 1) as usize;
            let row = &plane.row(y)[first as usize * C..];
            for (sum, &sample) in line[start * C..end * C].iter_mut().zip(row) {
                *sum += u16::from(sample);
            }
        }
        let (border_left, border_right) = (start * C, (end - 1) * C);
        for x in (0..start).chain(end..count) {
            let border = if x < start { border_left } else { border_right };
            for c in 0..C {
                line[x * C + c] = line[border + c];
            }
        }
        match k {
            1 => mean::<C, 1>(&line, &mut cells),
            2 => mean::<C, 2>(&line, &mut cells),
            3 => mean::<C, 3>(&line, &mut cells),
            4 => mean::<C, 4>(&line, &mut cells),
            _ => cells.extend(line.chunks_exact(k * C).map(|cell| {
                std::array::from_fn(|c| {
                    let sum: u32 = cell.iter().skip(c).step_by(C).map(|&s| u32::from(s)).sum();
                    sum as f32 / (k * k) as f32
                })
            })),
        }
    }
    Patch { cells, width }
}

/// The usual box sizes, known to the compiler.
fn mean<const C: usize, const K: usize>(line: &[u16], cells: &mut Vec<[f32; C]>) {
    let norm = 1.0 / (K * K) as f32;
    cells.extend(line.as_chunks::<C>().0.as_chunks::<K>().0.iter().map(|cell| {
        std::array::from_fn(|c| cell.iter().map(|sample| i32::from(sample[c])).sum::<i32>() as f32 * norm)
    }));
}

/// Fixed point with 32 fractional bits.
pub(super) const ONE: f64 = 4_294_967_296.0;

/// Cuts the square; `size * size` samples.
pub(super) fn cut<const C: usize>(plane: &Samples<'_, C>, cut: &Cut) -> Vec<[f32; C]> {
    let Cut { size, x, y, .. } = *cut;
    // Reach of the sample positions around the centre.
    let reach = (size - 1) as f64 / 2.0 * cut.step * (cut.sin.abs() + cut.cos.abs()) + 1e-6;
    let (left, top) = ((x - reach).floor() as i64, (y - reach).floor() as i64);
    let (right, bottom) = ((x + reach).floor() as i64 + 2, (y + reach).floor() as i64 + 2);
    let patch = reduce(plane, cut.cell, (left, top), ((right - left) as usize, (bottom - top) as usize));

    let mut out = vec![[0f32; C]; size * size];
    let (dx, dy) = cut.steps();
    for (j, row) in out.chunks_exact_mut(size).enumerate() {
        let (start_x, start_y) = cut.start_of_row(j);
        let mut px = ((start_x - left as f64) * ONE) as i64;
        let mut py = ((start_y - top as f64) * ONE) as i64;
        for sample in row {
            let at = (py >> 32) as usize * patch.width + (px >> 32) as usize;
            let (f, g) = (fraction(px), fraction(py));
            // Within the patch by the reach above, whose slack is far larger than the error of the steps.
            let upper = &patch.cells[at..at + 2];
            let lower = &patch.cells[at + patch.width..at + patch.width + 2];
            *sample = std::array::from_fn(|c| {
                let a = upper[0][c] + f * (upper[1][c] - upper[0][c]);
                let b = lower[0][c] + f * (lower[1][c] - lower[0][c]);
                a + g * (b - a)
            });
            px += dx;
            py += dy;
        }
    }
    out
}

fn fraction(fixed: i64) -> f32 {
    (fixed as u32 >> 8) as f32 * (1.0 / 16_777_216.0)
}
