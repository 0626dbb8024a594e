//! The reconnect ladder. In: that a connection failed, and how long it had run. Out: how long to rest before the next
//! try, for ever. Pure: the only chance in it is the jitter that the caller draws. Used by `connection`.

use std::time::Duration;

/// (rest in seconds, tries), then the last rest for ever: quick for a camera that reboots, gentle on one that is gone.
const STEPS: [(u64, u32); 3] = [(1, 5), (5, 5), (10, 10)];
const LAST: Duration = Duration::from_secs(60);
/// A connection that gave frames for so long starts the ladder anew.
const STABLE: Duration = Duration::from_secs(10);
/// Share of the rest that chance adds or takes: many cameras behind one switch must not come back in one moment.
const JITTER: f64 = 0.2;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ladder {
    tries: u32,
}

impl Ladder {
    /// The rest after a failure. `ran`: how long the failed connection had given frames. `chance`: 0-1.
    pub fn rest(&mut self, ran: Duration, chance: f64) -> Duration {
        if ran >= STABLE {
            self.tries = 0;
        }
        let mut left = self.tries;
        self.tries = self.tries.saturating_add(1);
        let rest = STEPS.iter().find_map(|&(secs, tries)| {
            let here = left < tries;
            left = left.saturating_sub(tries);
            here.then_some(Duration::from_secs(secs))
        });
        rest.unwrap_or(LAST).mul_f64(1.0 + JITTER * (2.0 * chance.clamp(0.0, 1.0) - 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_climbs_one_five_ten_and_stays_at_sixty() {
        let mut ladder = Ladder::default();
        let rests: Vec<u64> = (0..25).map(|_| ladder.rest(Duration::ZERO, 0.5).as_secs()).collect();
        let expected = [vec![1; 5], vec![5; 5], vec![10; 10], vec![60; 5]].concat();
        assert_eq!(rests, expected);
    }

    #[test]
    fn a_stable_connection_starts_it_anew_and_a_short_one_does_not() {
        let mut ladder = Ladder::default();
        for _ in 0..12 {
            ladder.rest(Duration::from_secs(9), 0.5);
        }
        assert_eq!(ladder.rest(Duration::from_secs(9), 0.5).as_secs(), 10);
        assert_eq!(ladder.rest(STABLE, 0.5).as_secs(), 1);
    }

    #[test]
    fn chance_moves_a_rest_by_a_fifth_at_most() {
        let rest = |chance| Ladder::default().rest(Duration::ZERO, chance).as_millis();
        assert_eq!([rest(0.0), rest(0.5), rest(1.0), rest(7.0)], [800, 1000, 1200, 1200]);
    }
}
