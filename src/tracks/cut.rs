//! Whether the picture was cut to another scene. In: the frame's coarse luma (`pixels::coarse_luma`). Out: yes or no.
//! Pure; one [`CutDetector`] a stream. Two people who take turns in the same place would otherwise be one track.

/// Share of changed blocks from which a step is a cut. Of 5864 steps of talking heads at 8 a second six cuts were found,
/// all there are, and one violent shake of the head; of steps from one clip to another 99 %.
const SHARE: f32 = 0.55;

/// Whether a block that stepped by `step` to `luma` shows something else: dark blocks need less.
fn changed(step: i16, luma: u8) -> bool {
    f32::from(step.abs()) > 4.0 + 0.08 * f32::from(luma)
}

/// Remembers the last picture.
#[derive(Clone, Debug, Default)]
pub struct CutDetector {
    last: Vec<u8>,
}

impl CutDetector {
    /// Forgets the last picture (new connection).
    pub fn reset(&mut self) {
        self.last.clear();
    }

    /// Compares a picture with the one before it; the first one, and one of another size, is no cut.
    pub fn is_cut(&mut self, blocks: &[u8]) -> bool {
        let cut = changed_share(&self.last, blocks).is_some_and(|share| share >= SHARE);
        self.last.clear();
        self.last.extend_from_slice(blocks);
        cut
    }
}

/// Share of blocks that changed otherwise than the median block did: a change of exposure moves them all, and an insert
/// in part of the picture leaves the median at rest. None for pictures that cannot be compared.
fn changed_share(a: &[u8], b: &[u8]) -> Option<f32> {
    if a.len() != b.len() || a.is_empty() {
        return None;
    }
    let step = |(a, b): (&u8, &u8)| i16::from(*b) - i16::from(*a);
    let mut steps: Vec<i16> = a.iter().zip(b).map(step).collect();
    let middle = steps.len() / 2;
    let median = *steps.select_nth_unstable(middle).1;
    let count = a.iter().zip(b).filter(|&(a, b)| changed(step((a, b)) - median, *a.max(b))).count();
    Some(count as f32 / a.len() as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene(seed: u64) -> Vec<u8> {
        let mut random = fastrand::Rng::with_seed(seed);
        (0..256).map(|_| random.u8(40..200)).collect()
    }

    #[test]
    fn another_scene_is_a_cut_and_the_first_is_none() {
        let mut detector = CutDetector::default();
        assert!(!detector.is_cut(&scene(1)));
        assert!(!detector.is_cut(&scene(1)));
        assert!(detector.is_cut(&scene(2)));
        detector.reset();
        assert!(!detector.is_cut(&scene(3)));
    }

    #[test]
    fn light_noise_and_inserts_are_no_cut() {
        let mut random = fastrand::Rng::with_seed(7);
        let first = scene(1);
        let lit: Vec<u8> = first.iter().map(|&x| x + 40 + random.u8(0..8)).collect();
        let insert: Vec<u8> = first.iter().enumerate().map(|(n, &x)| if n % 16 < 7 { 255 - x } else { x }).collect();
        for changed in [lit, insert] {
            let mut detector = CutDetector::default();
            detector.is_cut(&first);
            assert!(!detector.is_cut(&changed));
        }
    }

    #[test]
    fn pictures_of_different_sizes_are_not_compared() {
        let mut detector = CutDetector::default();
        detector.is_cut(&scene(1));
        assert!(!detector.is_cut(&scene(2)[..100]));
        assert!(!detector.is_cut(&[]));
    }
}
