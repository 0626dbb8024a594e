//! Area-correct scaling of a plane: every target sample is the mean of the rectangle it covers, fractions of
//! source samples included. Used by the letterbox and the JPEG picture.

use super::planes::Samples;
use super::{Error, Letterbox, Point};

/// Source samples a target sample at most, along one axis: their sum then fits 16 bits.
pub(super) const MAX_RATIO: f64 = 256.0;

/// How a frame is put into a square thumbnail.
#[derive(Clone, Copy)]
pub(super) struct Fit {
    /// Frame pixels a thumbnail pixel.
    pub ratio: f64,
    /// Where the picture lies in the thumbnail.
    pub left: usize,
    pub top: usize,
    pub width: usize,
    pub height: usize,
}

impl Fit {
    /// The longer side fills the thumbnail, the shorter is centred. Fails for a frame more than 256 times its size.
    pub fn of(width: u32, height: u32, side: u32) -> Result<Self, Error> {
        let ratio = f64::from(width.max(height)) / f64::from(side);
        if ratio > MAX_RATIO {
            return Err(Error::Scale { width, height, to: side });
        }
        let side = side as usize;
        // The last row or column may be covered in part; the slack keeps a rounding error from adding one.
        let shrunk = |length: u32| ((f64::from(length) / ratio - 1e-6).ceil() as usize).clamp(1, side);
        let (width, height) = (shrunk(width), shrunk(height));
        Ok(Self { ratio, left: (side - width) / 2, top: (side - height) / 2, width, height })
    }

    pub fn letterbox(&self) -> Letterbox {
        let offset = Point { x: self.left as f32, y: self.top as f32 };
        Letterbox { scale: (1.0 / self.ratio) as f32, offset }
    }
}

/// What one target sample covers along one axis: source samples `first..=last`, the two ends in part.
struct Span {
    first: usize,
    last: usize,
    /// Shares of the first and the last sample; 0 for the last when it is the first.
    head: f32,
    tail: f32,
    /// 1 / length.
    norm: f32,
}

/// Target sample i covers `[i * ratio, (i + 1) * ratio)`, cut at `source`; it must begin before that.
fn spans(source: usize, ratio: f64, count: usize) -> Vec<Span> {
    let end = source as f64;
    (0..count)
        .map(|i| {
            let low = (i as f64 * ratio).min(end - 1e-6);
            let high = ((i + 1) as f64 * ratio).min(end).max(low + 1e-6);
            let first = low as usize;
            // `high` may be a rounding error above a whole number: that is not one more sample.
            let last = ((high - 1e-9).ceil() as usize - 1).clamp(first, source - 1);
            let (head, tail) = match last == first {
                true => (high - low, 0.0),
                false => ((first + 1) as f64 - low, high - last as f64),
            };
            Span { first, last, head: head as f32, tail: tail as f32, norm: (1.0 / (high - low)) as f32 }
        })
        .collect()
}

/// Scales a plane by `1 / ratio` to `width * height` samples. `ratio` is at most [`MAX_RATIO`].
pub(super) fn scale<const C: usize>(plane: &Samples<'_, C>, ratio: f64, width: usize, height: usize) -> Vec<[f32; C]> {
    let columns = spans(plane.width, ratio, width);
    let mut sums = vec![0u16; plane.width * C];
    let mut line = vec![[0f32; C]; plane.width];
    let mut out = Vec::with_capacity(width * height);
    for row in spans(plane.height, ratio, height) {
        sums.fill(0);
        // At most 256 whole rows of at most 255 each: no overflow.
        for y in row.first + 1..row.last {
            for (sum, &sample) in sums.iter_mut().zip(plane.row(y)) {
                *sum += u16::from(sample);
            }
        }
        let ends = plane.row(row.first).iter().zip(plane.row(row.last));
        for ((to, &sum), (&head, &tail)) in line.as_flattened_mut().iter_mut().zip(&sums).zip(ends) {
            *to = (f32::from(sum) + row.head * f32::from(head) + row.tail * f32::from(tail)) * row.norm;
        }
        out.extend(columns.iter().map(|column| {
            let (first, last) = (line[column.first], line[column.last]);
            let mut sum: [f32; C] = std::array::from_fn(|c| column.head * first[c] + column.tail * last[c]);
            for sample in &line[(column.first + 1).min(column.last)..column.last] {
                for c in 0..C {
                    sum[c] += sample[c];
                }
            }
            sum.map(|s| s * column.norm)
        }));
    }
    out
}
