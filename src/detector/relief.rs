//! Relief for a detector that is behind. Frames lost here and there would break the windows of every stream, and nobody
//! would be judged; so one stream after another rests for some seconds and the others keep all their frames. As CoDel sheds
//! packets (Nichols and Jacobson, ACM Queue 10(5), 2012): one more an interval for as long as the delay is above its target.
//! In: how long each frame waited, from `worker`. Out: whether the stream that asks rests now, for `stream`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A frame may wait so long for the detector.
const TARGET: Duration = Duration::from_millis(200);
/// Beyond it there are no turns: every stream that asks rests. What is in the queue by then is work for a second, as much
/// as a rest gives time for.
const LIMIT: Duration = Duration::from_secs(1);
/// From one stream's rest to the next one's. A rest takes effect after what the queue holds, so not at once again.
const INTERVAL: Duration = Duration::from_millis(100);
/// Shorter, streams would rest as often as they complete a window (1 s); longer, their verdicts would be STALE for longer.
const REST: Duration = Duration::from_secs(2);

pub(super) struct Relief {
    began: Instant,
    /// How long the frame taken last had waited, ms; 0 once the queue is empty.
    waited: AtomicU64,
    /// When the next stream may be asked to rest, ms after `began`.
    next: AtomicU64,
}

impl Relief {
    pub fn new() -> Self {
        Self { began: Instant::now(), waited: AtomicU64::new(0), next: AtomicU64::new(0) }
    }

    /// A frame was taken that had waited so long; nothing waits: zero.
    pub fn waited(&self, waited: Duration) {
        self.waited.store(millis(waited), Ordering::Relaxed);
    }

    /// Until when the stream that asks is to rest, if it is to.
    pub fn rest(&self, now: Instant) -> Option<Instant> {
        let waited = self.waited.load(Ordering::Relaxed);
        if waited <= millis(TARGET) {
            return None;
        }
        if waited > millis(LIMIT) {
            return Some(now + REST);
        }
        let at = millis(now.saturating_duration_since(self.began));
        let take = |next| (at >= next).then_some(at + millis(INTERVAL));
        self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok().then_some(now + REST)
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_frames_wait_too_long_one_stream_an_interval_rests() {
        let relief = Relief::new();
        let at = |ms| relief.began + Duration::from_millis(ms);
        relief.waited(TARGET);
        assert_eq!(relief.rest(at(0)), None);
        relief.waited(TARGET + Duration::from_millis(1));
        // Ten streams ask every 10 ms.
        let resting: Vec<u64> = (0..500).step_by(10).filter(|ms| relief.rest(at(*ms)).is_some()).collect();
        assert_eq!(resting, [0, 100, 200, 300, 400]);
        relief.waited(Duration::ZERO);
        assert_eq!(relief.rest(at(1000)), None);
        relief.waited(LIMIT);
        assert_eq!([1000, 1050].map(|ms| relief.rest(at(ms))), [Some(at(3000)), None]);
    }

    #[test]
    fn far_behind_nobody_waits_for_a_turn() {
        let relief = Relief::new();
        relief.waited(LIMIT + Duration::from_millis(1));
        assert!((0..10).all(|_| relief.rest(relief.began).is_some()));
    }
}
