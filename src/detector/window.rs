//! From single frames to windows. In: the embeddings of one stream's faces, frame by frame. Out: the last N of one
//! track once they are complete and due. Pure: no clock, no model. A window never spans a new connection, a gap, a
//! jump back or a change of frame size: what cannot be continued is dropped there and then, which also bounds
//! the memory. Called by `worker`.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::infer::contract::WindowRule;
use crate::source::Stamp;

/// One sampled face.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// `[dim] f32`.
    pub embedding: Box<[f32]>,
    /// Quality weight of its crop, 0-1.
    pub weight: f32,
}

/// The complete window of one track.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// `[frames, dim] f32`, oldest first.
    pub embeddings: Vec<f32>,
    /// pts of the first and last frame.
    pub span: (Duration, Duration),
    /// Mean weight of its samples.
    pub weight: f32,
}

/// What a sample led to.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Complete(Window),
    /// Not complete, not due by the stride, or the sample came too early and was left out: so many are kept.
    Gathering {
        have: usize,
    },
}

/// The windows of one stream's tracks.
#[derive(Debug)]
pub struct Windows {
    rule: WindowRule,
    /// Shortest and longest step from one sample to the next.
    step: (Duration, Duration),
    rings: BTreeMap<u64, Ring>,
}

/// The last samples of one track, oldest first, at most a window's.
#[derive(Debug)]
struct Ring {
    epoch: u32,
    size: (u32, u32),
    /// Never empty: a ring is made with its first sample.
    samples: VecDeque<(Duration, Sample)>,
    /// Samples since the last complete window; None before the first.
    since: Option<usize>,
}

impl Windows {
    pub fn new(rule: WindowRule) -> Self {
        let interval = rule.interval();
        let step = (interval.mul_f64(1.0 - rule.tolerance), interval.mul_f64(1.0 + rule.tolerance));
        Self { rule, step, rings: BTreeMap::new() }
    }

    /// Drops every track that a frame with this stamp can no longer continue. Called once a frame, before its faces.
    pub fn begin_frame(&mut self, stamp: &Stamp) {
        let longest = self.step.1;
        self.rings.retain(|_, ring| ring.continues_in(stamp, longest));
    }

    /// Takes the sample of one track in the frame begun last.
    pub fn push(&mut self, stamp: &Stamp, track: u64, sample: Sample) -> Step {
        let ring = self.rings.entry(track).or_insert_with(|| Ring {
            epoch: stamp.epoch,
            size: (stamp.width, stamp.height),
            samples: VecDeque::with_capacity(self.rule.frames),
            since: None,
        });
        let early = ring.samples.back().is_some_and(|(last, _)| stamp.pts < *last + self.step.0);
        if early {
            return Step::Gathering { have: ring.samples.len() };
        }
        if ring.samples.len() == self.rule.frames {
            ring.samples.pop_front();
        }
        ring.samples.push_back((stamp.pts, sample));
        let have = ring.samples.len();
        ring.since = ring.since.map(|since| since + 1);
        if have < self.rule.frames || ring.since.is_some_and(|since| since < self.rule.stride) {
            return Step::Gathering { have };
        }
        ring.since = Some(0);
        Step::Complete(ring.window())
    }
}

impl Ring {
    fn continues_in(&self, stamp: &Stamp, longest: Duration) -> bool {
        let same = self.epoch == stamp.epoch && self.size == (stamp.width, stamp.height);
        let near = |(last, _): &(Duration, Sample)| (*last..=*last + longest).contains(&stamp.pts);
        same && self.samples.back().is_some_and(near)
    }

    fn window(&self) -> Window {
        let samples = || self.samples.iter().map(|(_, sample)| sample);
        let weights: f32 = samples().map(|s| s.weight).sum();
        let pts = |end: Option<&(Duration, Sample)>| end.map(|(pts, _)| *pts).unwrap_or_default();
        Window {
            embeddings: samples().flat_map(|s| s.embedding.iter().copied()).collect(),
            span: (pts(self.samples.front()), pts(self.samples.back())),
            weight: weights / self.samples.len() as f32,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Instant, SystemTime};

    use proptest::prelude::*;

    use super::*;

    const RULE: WindowRule = WindowRule { frames: 8, rate_hz: 8.0, tolerance: 0.45, stride: 1 };

    fn stamp(epoch: u32, pts_ms: u64, size: (u32, u32)) -> Stamp {
        Stamp {
            number: 0,
            epoch,
            pts: Duration::from_millis(pts_ms),
            arrived: Instant::now(),
            captured: SystemTime::UNIX_EPOCH,
            width: size.0,
            height: size.1,
        }
    }

    /// A sample that tells in its embedding where it came from.
    fn sample(mark: f32) -> Sample {
        Sample { embedding: [mark, mark].into(), weight: 0.5 }
    }

    fn feed(windows: &mut Windows, stamp: &Stamp, track: u64, mark: f32) -> Step {
        windows.begin_frame(stamp);
        windows.push(stamp, track, sample(mark))
    }

    #[test]
    fn eight_samples_make_a_window_and_each_further_one_the_next() {
        let mut windows = Windows::new(RULE);
        for i in 0..7 {
            let step = feed(&mut windows, &stamp(1, i * 125, (640, 480)), 1, i as f32);
            assert_eq!(step, Step::Gathering { have: i as usize + 1 });
        }
        let Step::Complete(window) = feed(&mut windows, &stamp(1, 875, (640, 480)), 1, 7.0) else { panic!("complete") };
        assert_eq!(window.embeddings, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7].map(|i| i as f32));
        assert_eq!(window.span, (Duration::ZERO, Duration::from_millis(875)));
        assert_eq!(window.weight, 0.5);
        let Step::Complete(window) = feed(&mut windows, &stamp(1, 1000, (640, 480)), 1, 8.0) else {
            panic!("complete")
        };
        assert_eq!(window.span, (Duration::from_millis(125), Duration::from_millis(1000)));
    }

    #[test]
    fn the_stride_says_which_windows_are_due() {
        let mut windows = Windows::new(WindowRule { stride: 3, ..RULE });
        let complete: Vec<u64> = (0..20)
            .filter(|i| matches!(feed(&mut windows, &stamp(1, i * 125, (640, 480)), 1, 0.0), Step::Complete(_)))
            .collect();
        assert_eq!(complete, [7, 10, 13, 16, 19]);
    }

    #[test]
    fn connection_gap_size_and_jump_back_start_anew_and_an_early_sample_is_left_out() {
        let anew = Step::Gathering { have: 1 };
        for next in [
            stamp(2, 1125, (640, 480)),
            stamp(1, 1000 + 182, (640, 480)),
            stamp(1, 1125, (320, 240)),
            stamp(1, 999, (640, 480)),
        ] {
            let mut windows = Windows::new(RULE);
            for i in 0..9 {
                feed(&mut windows, &stamp(1, i * 125, (640, 480)), 1, 0.0);
            }
            assert_eq!(feed(&mut windows, &next, 1, 0.0), anew, "{next:?}");
        }
        let mut windows = Windows::new(RULE);
        feed(&mut windows, &stamp(1, 0, (640, 480)), 1, 0.0);
        assert_eq!(feed(&mut windows, &stamp(1, 68, (640, 480)), 1, 0.0), anew);
        assert_eq!(feed(&mut windows, &stamp(1, 69, (640, 480)), 1, 0.0), Step::Gathering { have: 2 });
    }

    #[test]
    fn a_track_that_is_gone_is_forgotten() {
        let mut windows = Windows::new(RULE);
        for track in 0..1000 {
            feed(&mut windows, &stamp(1, track * 125, (640, 480)), track, 0.0);
            assert!(windows.rings.len() <= 2, "{}", windows.rings.len());
        }
        windows.begin_frame(&stamp(1, 10_000_000, (640, 480)));
        assert!(windows.rings.is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever comes: a window holds samples of one track, connection and size only, in order, no step too long.
        #[test]
        fn a_window_never_spans_what_it_must_not(
            frames in prop::collection::vec((prop::bool::weighted(0.03), 60u64..190, prop::bool::weighted(0.03), 0u64..2), 1..300),
            stride in 1usize..4,
        ) {
            let mut windows = Windows::new(WindowRule { stride, ..RULE });
            let (mut epoch, mut pts, mut wide) = (1, 0, false);
            // What each mark stands for: epoch, size, track, pts.
            let mut log = Vec::new();
            for (reconnect, step, resize, track) in frames {
                epoch += u32::from(reconnect);
                pts = if reconnect { 0 } else { pts + step };
                wide ^= resize;
                let size = if wide { (1280, 720) } else { (640, 480) };
                let stamp = stamp(epoch, pts, size);
                windows.begin_frame(&stamp);
                for track in [track, 7] {
                    let mark = log.len();
                    log.push((epoch, size, track, pts));
                    let Step::Complete(window) = windows.push(&stamp, track, sample(mark as f32)) else { continue };
                    let members: Vec<_> = window.embeddings.iter().step_by(2).map(|&mark| log[mark as usize]).collect();
                    prop_assert_eq!(members.len(), 8);
                    prop_assert!(members.iter().all(|m| (m.0, m.1, m.2) == (epoch, size, track)));
                    prop_assert!(members.windows(2).all(|w| (69..=181).contains(&(w[1].3 - w[0].3))));
                    prop_assert_eq!(window.span.1, stamp.pts);
                }
            }
        }
    }
}
