//! From a network's raw answer to the faces of one thumbnail. In: outputs as flat floats, maybe garbage.
//! Out: sane faces in thumbnail pixels, one a face, best first. Pure; called by `network` and the fuzz target.

use super::merge::{merge, sane};
use super::{Face, Kind, blazeface, yunet};
use crate::pixels::Point;

/// One network's way of saying where faces are.
pub struct Decoder {
    kind: Kind,
    /// Pixels a side of the thumbnail.
    side: u32,
    /// BlazeFace's anchors; YuNet has none.
    anchors: Vec<Point>,
}

impl Decoder {
    /// `side` matters to YuNet only; BlazeFace has its own.
    pub fn new(kind: Kind, side: u32) -> Self {
        let (side, anchors) = match kind {
            Kind::BlazefaceFull => (blazeface::FULL.side, blazeface::FULL.anchors()),
            Kind::BlazefaceShort => (blazeface::SHORT.side, blazeface::SHORT.anchors()),
            Kind::Yunet => (side, Vec::new()),
        };
        Self { kind, side, anchors }
    }

    pub fn side(&self) -> u32 {
        self.side
    }

    /// BlazeFace's outputs: `boxes` [A, 16], `scores` [A]. YuNet's: `cls_8`, `obj_8`, `bbox_8`, `kps_8`, then those
    /// of strides 16 and 32. What is missing or short holds no face.
    pub fn faces(&self, outputs: &[&[f32]], min_score: f32, nms_iou: f32) -> Vec<Face> {
        let output = |i: usize| outputs.get(i).copied().unwrap_or_default();
        let mut candidates = match self.kind {
            Kind::BlazefaceFull | Kind::BlazefaceShort => {
                blazeface::decode(&self.anchors, output(0), output(1), min_score)
            }
            Kind::Yunet => {
                let raw = std::array::from_fn(|s| std::array::from_fn(|o| output(s * yunet::OUTPUTS.len() + o)));
                yunet::decode(self.side, raw, min_score)
            }
        };
        candidates.retain(|face| sane(face, self.side as f32));
        merge(candidates, nms_iou)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Any bits: NaN, infinities, denormals, and plausible numbers.
    fn floats(len: usize) -> impl Strategy<Value = Vec<f32>> {
        let float = prop_oneof![any::<u32>().prop_map(f32::from_bits), -200f32..200.0];
        proptest::collection::vec(float, len..=len)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn garbage_never_gives_an_absurd_face(
            boxes in floats(896 * 16), scores in floats(896), lost in 0..900usize, min_score in 0.05f32..0.99,
        ) {
            let decoder = Decoder::new(Kind::BlazefaceShort, 0);
            let scores = &scores[..scores.len().saturating_sub(lost)];
            for face in decoder.faces(&[&boxes, scores], min_score, 0.3) {
                prop_assert!(face.numbers().iter().all(|n| n.abs() <= 6.0 * 128.0), "{face:?}");
                prop_assert!(face.rect.width > 0.0 && face.rect.height > 0.0);
                prop_assert!((min_score..=1.0).contains(&face.score));
            }
        }

        #[test]
        fn garbage_of_yunet_is_no_worse(values in floats(64 * 16), missing in 0..13usize) {
            let decoder = Decoder::new(Kind::Yunet, 64);
            let lengths = [64, 64, 256, 640, 16, 16, 64, 160, 4, 4, 16, 40];
            let outputs: Vec<&[f32]> = lengths.iter().take(missing).map(|&n| &values[..n]).collect();
            for face in decoder.faces(&outputs, 0.5, 0.3) {
                prop_assert!(face.numbers().iter().all(|n| n.abs() <= 6.0 * 64.0), "{face:?}");
            }
        }
    }
}
