//! BlazeFace's answer to faces. In: raw `boxes` and `scores` of one thumbnail. Out: faces in thumbnail pixels.
//! Pure; garbage in gives no faces, never a panic. Sources: MediaPipe's face_detection_full_range and
//! face_detection_short_range graphs (SsdAnchorsCalculator, TensorsToDetectionsCalculator options).

use super::{Face, Landmarks, Rect};
use crate::pixels::Point;

/// Values a box: centre, size, then x and y of six points; all in thumbnail pixels, positions relative to the anchor.
pub(super) const VALUES: usize = 16;

/// Thumbnail side and (stride, anchors a cell) of each grid.
pub(super) struct Layout {
    pub side: u32,
    grids: &'static [(u32, usize)],
}

/// 48 x 48 = 2304 anchors.
pub(super) const FULL: Layout = Layout { side: 192, grids: &[(4, 1)] };

/// 16 x 16 x 2 + 8 x 8 x 6 = 896 anchors (three layers of stride 16 in one).
pub(super) const SHORT: Layout = Layout { side: 128, grids: &[(8, 2), (16, 6)] };

impl Layout {
    /// The cells' centres in thumbnail pixels, in the order of the network's answer.
    pub fn anchors(&self) -> Vec<Point> {
        let cells = |&(stride, count): &(u32, usize)| {
            let across = self.side / stride;
            let centre = move |i: u32| (i as f32 + 0.5) * stride as f32;
            (0..across * across)
                .flat_map(move |i| std::iter::repeat_n(Point { x: centre(i % across), y: centre(i / across) }, count))
        };
        self.grids.iter().flat_map(cells).collect()
    }
}

/// The faces of one thumbnail with a score of at least `min_score`, before suppression.
/// `boxes`: [`VALUES`] for each anchor; `scores`: one logit for each anchor.
pub(super) fn decode(anchors: &[Point], boxes: &[f32], scores: &[f32], min_score: f32) -> Vec<Face> {
    let (boxes, _) = boxes.as_chunks::<VALUES>();
    anchors
        .iter()
        .zip(boxes)
        .zip(scores)
        .map(|((anchor, raw), logit)| (anchor, raw, 1.0 / (1.0 + (-logit).exp())))
        .filter(|(.., score)| *score >= min_score)
        .map(|(anchor, raw, score)| {
            let point = |i: usize| Point { x: raw[i] + anchor.x, y: raw[i + 1] + anchor.y };
            let centre = point(0);
            let (width, height) = (raw[2], raw[3]);
            Face {
                rect: Rect { x: centre.x - width / 2.0, y: centre.y - height / 2.0, width, height },
                // Points 4 and 5 are the ears.
                landmarks: Landmarks { right_eye: point(4), left_eye: point(6), nose: point(8), mouth: point(10) },
                score,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_as_many_as_the_networks_answer() {
        assert_eq!(FULL.anchors().len(), 2304);
        assert_eq!(SHORT.anchors().len(), 896);
        assert_eq!(FULL.anchors()[49], Point { x: 6.0, y: 6.0 });
        assert_eq!(SHORT.anchors()[3], Point { x: 12.0, y: 4.0 });
        assert_eq!(SHORT.anchors()[512 + 6], Point { x: 24.0, y: 8.0 });
    }

    #[test]
    fn a_box_is_relative_to_its_anchor() {
        let anchors = FULL.anchors();
        let mut boxes = vec![0.0; anchors.len() * VALUES];
        let mut scores = vec![-9.0; anchors.len()];
        scores[49] = 2.0;
        boxes[49 * VALUES..][..VALUES].copy_from_slice(&[
            1.0, 2.0, 40.0, 50.0, -10.0, -5.0, 10.0, -5.0, 0.0, 1.0, 0.5, 9.0, -20.0, 0.0, 20.0, 0.0,
        ]);
        let faces = decode(&anchors, &boxes, &scores, 0.5);
        assert_eq!(faces.len(), 1);
        assert_eq!(faces[0].rect, Rect { x: 7.0 - 20.0, y: 8.0 - 25.0, width: 40.0, height: 50.0 });
        assert_eq!(faces[0].landmarks.right_eye, Point { x: -4.0, y: 1.0 });
        assert_eq!(faces[0].landmarks.mouth, Point { x: 6.5, y: 15.0 });
        assert!((faces[0].score - 0.880_797).abs() < 1e-5, "sigmoid");
    }
}
