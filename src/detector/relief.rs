//! Relief for a detector that is behind. Frames lost here and there would break the windows of every stream, and nobody
//! would be judged; so one stream after another rests for some seconds and the others keep all their frames. As CoDel sheds
//! packets (Nichols and Jacobson, ACM Queue 10(5), 2012): one more an interval for as long as the delay is above its target.
//! In: what `worker` is at. Out: whether the stream that asks rests now, for `stream`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A frame may wait so long for the detector and be in its hands.
const TARGET: Duration = Duration::from_millis(200);
/// Beyond it there are no turns: every stream that asks rests. What is in the queue by then is work for a second, as much
/// as a rest gives time for.
const LIMIT: Duration = Duration::from_secs(1);
/// From one stream's rest to the next one's. A rest takes effect after what the queue holds, so not at once again.
const INTERVAL: Duration = Duration::from_millis(100);
/// Shorter, streams would rest as often as they complete a window (1 s); longer, their verdicts would be STALE for longer.
const REST: Duration = Duration::from_secs(2);

const IDLE: u64 = u64::MAX;

pub(super) struct Relief {
    began: Instant,
    /// When the frame taken last was handed over, ms after `began`; [`IDLE`] while nothing waits. What waits now was
    /// handed over later, so this tells of a delay while it grows, even if the detector is stuck.
    taken: AtomicU64,
    /// When the next stream may be asked to rest, ms after `began`.
    next: AtomicU64,
}

impl Relief {
    pub fn new() -> Self {
        Self { began: Instant::now(), taken: AtomicU64::new(IDLE), next: AtomicU64::new(0) }
    }

    /// The detector took a frame that was handed over then.
    pub fn took(&self, handed_over: Instant) {
        self.taken.store(self.at(handed_over), Ordering::Relaxed);
    }

    /// The detector has nothing to do.
    pub fn idle(&self) {
        self.taken.store(IDLE, Ordering::Relaxed);
    }

    fn at(&self, moment: Instant) -> u64 {
        millis(moment.saturating_duration_since(self.began))
    }

    /// Until when the stream that asks is to rest, if it is to.
    pub fn rest(&self, now: Instant) -> Option<Instant> {
        let at = self.at(now);
        let delay = at.saturating_sub(self.taken.load(Ordering::Relaxed));
        if delay <= millis(TARGET) {
            return None;
        }
        if delay > millis(LIMIT) {
            return Some(now + REST);
        }
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

    const TARGET_MS: u64 = TARGET.as_millis() as u64;
    const LIMIT_MS: u64 = LIMIT.as_millis() as u64;

    /// When streams that ask every 10 ms from `from` to `to` are told to rest, ms after the last frame was handed over.
    fn resting(relief: &Relief, from: u64, to: u64) -> Vec<u64> {
        (from..to).step_by(10).filter(|ms| relief.rest(relief.began + Duration::from_millis(*ms)).is_some()).collect()
    }

    #[test]
    fn behind_its_target_one_stream_an_interval_rests() {
        let relief = Relief::new();
        relief.took(relief.began);
        assert_eq!(resting(&relief, 0, TARGET_MS + 10), [0; 0]);
        assert_eq!(resting(&relief, TARGET_MS + 10, 500), [210, 310, 410]);
        assert_eq!(relief.rest(relief.began + LIMIT), Some(relief.began + LIMIT + REST));
    }

    #[test]
    fn far_behind_nobody_waits_for_a_turn() {
        let relief = Relief::new();
        relief.took(relief.began);
        assert_eq!(resting(&relief, LIMIT_MS + 10, LIMIT_MS + 40).len(), 3);
    }

    #[test]
    fn a_detector_that_keeps_up_lets_nobody_rest() {
        let relief = Relief::new();
        assert_eq!(resting(&relief, 0, 5000), [0; 0]);
        relief.took(relief.began);
        relief.took(relief.began + Duration::from_secs(9));
        assert_eq!(resting(&relief, 9000, 9000 + TARGET_MS + 10), [0; 0]);
        relief.idle();
        assert_eq!(resting(&relief, 10_000, 20_000), [0; 0]);
    }
}
