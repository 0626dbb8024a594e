//! A frame's luma as 16 x 16 blocks: enough to tell one scene from another, for a hundredth of a thumbnail's price.
//! Read by `tracks::CutDetector`.

use super::{Error, Yuv, planes};

/// Blocks a side.
pub(super) const BLOCKS: usize = 16;

/// Rows that are looked at in each block.
const ROWS: usize = 4;

/// `[16, 16]` mean lumas, 0-255 in the stream's own range, row by row; from every block's four rows.
pub fn coarse_luma(frame: &Yuv<'_>) -> Result<[u8; BLOCKS * BLOCKS], Error> {
    let (luma, _) = planes::check(frame)?;
    let mut blocks = [0; BLOCKS * BLOCKS];
    for (i, row) in blocks.chunks_exact_mut(BLOCKS).enumerate() {
        for (j, block) in row.iter_mut().enumerate() {
            // Less than a block a pixel: neighbours show the same one.
            let left = j * luma.width / BLOCKS;
            let right = ((j + 1) * luma.width / BLOCKS).max(left + 1);
            let sum: u32 = (0..ROWS)
                .flat_map(|n| &luma.row((2 * (i * ROWS + n) + 1) * luma.height / (2 * BLOCKS * ROWS))[left..right])
                .map(|&sample| u32::from(sample))
                .sum();
            // A mean of bytes.
            *block = (sum / (ROWS * (right - left)) as u32) as u8;
        }
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::super::reference::Picture;
    use super::super::{Matrix, Range};
    use super::*;

    #[test]
    fn blocks_are_near_the_means_of_what_they_cover() {
        let mut picture = Picture::new(320, 160, 4, Matrix::Bt601, Range::Full);
        for (n, luma) in picture.planes[0].iter_mut().enumerate() {
            *luma = (n % 324 / 20) as u8 * 10 + (n / 324 / 10) as u8;
        }
        let blocks = coarse_luma(&picture.i420()).unwrap();
        for (n, &block) in blocks.iter().enumerate() {
            assert_eq!(usize::from(block), n % 16 * 10 + n / 16);
        }
    }

    #[test]
    fn any_size_has_blocks() {
        for (w, h) in [(1, 1), (3, 200), (17, 5), (64, 64)] {
            let mut picture = Picture::new(w, h, 0, Matrix::Bt601, Range::Full);
            picture.planes[0].fill(77);
            assert_eq!(coarse_luma(&picture.i420()).unwrap(), [77; 256], "{w}x{h}");
        }
    }
}
