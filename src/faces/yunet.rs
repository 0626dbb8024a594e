//! YuNet's format. In: raw outputs of one thumbnail. Out: faces in thumbnail pixels. Pure; garbage in gives no
//! faces, never a panic. Source: Wu et al., "YuNet: A Tiny Millisecond-level Face Detector" (2023), and the
//! decoding that its ONNX exports ask for (anchor-free: one candidate a cell of strides 8, 16 and 32).

use super::{Face, Landmarks, Rect};
use crate::pixels::Point;

/// Cells in pixels, one set of outputs for each.
pub(super) const STRIDES: [u32; 3] = [8, 16, 32];

/// Outputs a stride and their values a cell: class and objectness 0-1; centre, log size; x and y of five points.
pub(super) const OUTPUTS: [(&str, usize); 4] = [("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)];

/// One stride's outputs, in the order of [`OUTPUTS`].
pub(super) type Raw<'a> = [&'a [f32]; 4];

/// The faces of one thumbnail, `side` pixels wide, with a score of at least `min_score`, before suppression.
pub(super) fn decode(side: u32, raw: [Raw<'_>; 3], min_score: f32) -> Vec<Face> {
    let mut faces = Vec::new();
    for (stride, [class, object, boxes, points]) in STRIDES.into_iter().zip(raw) {
        let across = (side / stride).max(1) as usize;
        let cells = class.iter().zip(object).zip(boxes.as_chunks::<4>().0).zip(points.as_chunks::<10>().0);
        for (i, (((class, object), bbox), points)) in cells.enumerate() {
            let score = (class.clamp(0.0, 1.0) * object.clamp(0.0, 1.0)).sqrt();
            if score < min_score || score.is_nan() {
                continue;
            }
            let unit = stride as f32;
            let place =
                |x: f32, y: f32| Point { x: ((i % across) as f32 + x) * unit, y: ((i / across) as f32 + y) * unit };
            let point = |n: usize| place(points[2 * n], points[2 * n + 1]);
            let centre = place(bbox[0], bbox[1]);
            let (width, height) = (bbox[2].exp() * unit, bbox[3].exp() * unit);
            let (right, left) = (point(3), point(4));
            faces.push(Face {
                rect: Rect { x: centre.x - width / 2.0, y: centre.y - height / 2.0, width, height },
                landmarks: Landmarks {
                    right_eye: point(0),
                    left_eye: point(1),
                    nose: point(2),
                    // Points 3 and 4 are the corners of the mouth.
                    mouth: Point { x: (right.x + left.x) / 2.0, y: (right.y + left.y) / 2.0 },
                },
                score,
            });
        }
    }
    faces
}

/// `[side, side, 3] u8 RGB` to the network's `[3, side, side] f32` blue, green, red, 0-255.
pub(super) fn to_planes(rgb: &[u8]) -> Vec<f32> {
    let channel = |c: usize| rgb.chunks_exact(3).map(move |pixel| f32::from(pixel[c]));
    channel(2).chain(channel(1)).chain(channel(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_becomes_a_face() {
        // 64 px: 8 x 8, 4 x 4 and 2 x 2 cells; one face in cell (1, 2) of stride 16.
        let cells = [64, 16, 4];
        let mut raw = cells.map(|n| [vec![0.0; n], vec![0.0; n], vec![0.0; 4 * n], vec![0.0; 10 * n]]);
        let cell = 2 * 4 + 1;
        raw[1][0][cell] = 0.81;
        raw[1][1][cell] = 1.0;
        raw[1][2][4 * cell..][..4].copy_from_slice(&[0.5, 0.25, 0.0, 2f32.ln()]);
        raw[1][3][10 * cell..][..10].copy_from_slice(&[0.0, 0.0, 1.0, 0.0, 0.5, 0.5, 0.0, 1.0, 1.0, 1.0]);
        let views = raw.each_ref().map(|r| r.each_ref().map(Vec::as_slice));
        let faces = decode(64, views, 0.6);
        assert_eq!(faces.len(), 1);
        assert!((faces[0].score - 0.9).abs() < 1e-6);
        assert_eq!(faces[0].rect, Rect { x: 24.0 - 8.0, y: 36.0 - 16.0, width: 16.0, height: 32.0 });
        assert_eq!(faces[0].landmarks.left_eye, Point { x: 32.0, y: 32.0 });
        assert_eq!(faces[0].landmarks.mouth, Point { x: 24.0, y: 48.0 });
    }

    #[test]
    fn the_network_reads_planes_of_blue_green_red() {
        assert_eq!(to_planes(&[1, 2, 3, 4, 5, 6]), [3.0, 6.0, 2.0, 5.0, 1.0, 4.0]);
    }
}
