//! From the many candidates of one picture to one face each. In: candidates in any order, maybe garbage.
//! Out: sane faces, best first. Pure; called by `network` and `detector`.

use super::Face;

/// Numbers that are no face whatever the score says: not finite, no size, larger than twice the picture of
/// `side` pixels, or a point further from the box's centre than twice the box's longer side.
pub(super) fn sane(face: &Face, side: f32) -> bool {
    let rect = &face.rect;
    let centre = rect.center();
    let reach = 2.0 * rect.longer();
    let near = |d: f32| d.abs() <= reach;
    // A comparison with NaN is false.
    (0.0..=1.0).contains(&face.score)
        && rect.width > 0.0
        && rect.height > 0.0
        && rect.longer() <= 2.0 * side
        && (-side..=2.0 * side).contains(&centre.x)
        && (-side..=2.0 * side).contains(&centre.y)
        && face.landmarks.points().iter().all(|p| near(p.x - centre.x) && near(p.y - centre.y))
}

/// Non-maximum suppression: the best candidate takes all that overlap it by more than `iou`, and becomes their mean
/// weighted by score (as MediaPipe's blending does: several anchors measure the same face, their mean jitters less).
pub(super) fn merge(mut candidates: Vec<Face>, iou: f32) -> Vec<Face> {
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut faces = Vec::new();
    while let Some(best) = candidates.first().copied() {
        let (same, others) = candidates.into_iter().partition(|c| *c == best || c.rect.iou(&best.rect) > iou);
        candidates = others;
        faces.push(mean(&same, best.score));
    }
    faces
}

/// Every number's mean, weighted by score.
fn mean(faces: &[Face], score: f32) -> Face {
    let total: f32 = faces.iter().map(|f| f.score).sum();
    let mut sum = [0.0; 12];
    for face in faces {
        for (sum, number) in sum.iter_mut().zip(face.numbers()) {
            *sum += number * face.score;
        }
    }
    Face::from_numbers(sum.map(|s| s / total), score)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn face(x: f32, score: f32) -> Face {
        Face::from_numbers([x, 10.0, 20.0, 20.0, x + 5.0, 15.0, x + 15.0, 15.0, x + 10.0, 20.0, x + 10.0, 25.0], score)
    }

    #[test]
    fn overlapping_candidates_become_their_weighted_mean() {
        let faces = merge(vec![face(12.0, 0.5), face(100.0, 0.6), face(10.0, 1.0)], 0.3);
        assert_eq!(faces.len(), 2);
        assert_eq!(faces[0].score, 1.0);
        assert!((faces[0].rect.x - (10.0 * 1.0 + 12.0 * 0.5) / 1.5).abs() < 1e-5);
        assert!((faces[1].rect.x - 100.0).abs() < 1e-3);
    }

    #[test]
    fn garbage_is_no_face() {
        assert!(sane(&face(10.0, 0.9), 192.0));
        for i in 0..12 {
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30, -1e30] {
                let mut numbers = face(10.0, 0.9).numbers();
                numbers[i] = bad;
                assert!(!sane(&Face::from_numbers(numbers, 0.9), 192.0), "number {i} = {bad}");
            }
        }
        assert!(!sane(&face(10.0, f32::NAN), 192.0));
    }

    proptest! {
        #[test]
        fn no_two_faces_overlap(xs in proptest::collection::vec((0f32..200.0, 0.1f32..1.0), 0..40), iou in 0.1f32..0.9) {
            let candidates: Vec<Face> = xs.iter().map(|&(x, score)| face(x, score)).collect();
            let faces = merge(candidates.clone(), iou);
            prop_assert!(faces.is_empty() == candidates.is_empty());
            prop_assert!(faces.is_sorted_by(|a, b| a.score >= b.score));
            for candidate in &candidates {
                prop_assert!(faces.iter().any(|f| (f.rect.x - candidate.rect.x).abs() < 20.0), "every candidate is near a face");
            }
        }
    }
}
