//! Cutting a turned square out of a plane by the crop rule (docs/crop-rule.md): box mean on a grid at the frame's
//! origin, then bilinear; the border repeated for ever.

use super::planes::Samples;

/// A square in one plane's pixels.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    pub x: f64,
    pub y: f64,
    pub side: f64,
    pub roll: f64,
    /// Samples a side of the result.
    pub size: usize,
}

/// Cells per box side at most: sums of a column then fit 16 bits.
pub(super) const MAX_BOX: f64 = 256.0;

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
const ONE: f64 = 4_294_967_296.0;

/// Cuts the square; `size * size` samples. `side / size` is at most [`MAX_BOX`].
pub(super) fn cut<const C: usize>(plane: &Samples<'_, C>, cut: &Cut) -> Vec<[f32; C]> {
    let size = cut.size;
    let k = (cut.side / size as f64).floor().max(1.0);
    let step = cut.side / k / size as f64;
    let (sin, cos) = cut.roll.sin_cos();
    // Centre and reach of the sample positions in cells.
    let (x, y) = (cut.x / k - 0.5, cut.y / k - 0.5);
    let reach = (size - 1) as f64 / 2.0 * step * (sin.abs() + cos.abs()) + 1e-6;
    let (left, top) = ((x - reach).floor() as i64, (y - reach).floor() as i64);
    let (right, bottom) = ((x + reach).floor() as i64 + 2, (y + reach).floor() as i64 + 2);
    let patch = reduce(plane, k as usize, (left, top), ((right - left) as usize, (bottom - top) as usize));

    let mut out = vec![[0f32; C]; size * size];
    let (dx, dy) = ((step * cos * ONE) as i64, (step * sin * ONE) as i64);
    for (j, row) in out.chunks_exact_mut(size).enumerate() {
        let (u, v) = (-((size - 1) as f64) / 2.0 * step, (j as f64 - (size - 1) as f64 / 2.0) * step);
        let mut px = ((x + u * cos - v * sin - left as f64) * ONE) as i64;
        let mut py = ((y + u * sin + v * cos - top as f64) * ONE) as i64;
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
