//! What other thresholds would have said of what is kept. In: the points, in order of time. Out: an [`Effect`] for the
//! thresholds in force and for those proposed. Pure. Called by `read`.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use utoipa::ToSchema;

/// Seconds without FAKE that still belong to one FAKE period.
const BRIDGED: i64 = 2;

/// What thresholds make of the kept points.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Effect {
    pub fake_at: f32,
    pub real_at: f32,
    /// Seconds of all faces.
    pub secs: Seconds,
    /// Runs of FAKE of one face.
    pub fake_periods: u64,
    /// Streams with at least one second of FAKE.
    pub streams_flagged: u64,
}

/// Seconds by label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub struct Seconds {
    pub real: u64,
    pub uncertain: u64,
    pub fake: u64,
}

/// Moving the thresholds, on the kept points.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = ThresholdEffect)]
pub struct Effects {
    /// Hours from the oldest point looked at until now.
    pub hours_kept: f64,
    pub now: Effect,
    pub proposed: Effect,
}

/// Counts point by point.
pub struct Count {
    oldest: Option<i64>,
    streams: HashMap<String, u32>,
    each: [Tally; 2],
}

struct Tally {
    fake_at: f32,
    real_at: f32,
    secs: Seconds,
    fake_periods: u64,
    flagged: HashSet<u32>,
    /// The newest FAKE second of a face.
    newest_fake: HashMap<(u32, i64), i64>,
}

impl Count {
    /// For the thresholds in force and the proposed ones, each as (fake_at, real_at).
    pub fn new(thresholds: [(f32, f32); 2]) -> Self {
        let tally = |(fake_at, real_at)| Tally {
            fake_at,
            real_at,
            secs: Seconds::default(),
            fake_periods: 0,
            flagged: HashSet::new(),
            newest_fake: HashMap::new(),
        };
        Self { oldest: None, streams: HashMap::new(), each: thresholds.map(tally) }
    }

    /// One face in one second (unix), with its rolling confidence in thousandths. Seconds never run backwards.
    pub fn add(&mut self, second: i64, stream: &str, track: i64, fake: Option<i64>) {
        self.oldest.get_or_insert(second);
        let stream = match self.streams.get(stream) {
            Some(number) => *number,
            None => {
                let number = self.streams.len() as u32;
                self.streams.insert(stream.to_owned(), number);
                number
            }
        };
        for tally in &mut self.each {
            tally.add(second, (stream, track), fake.map(|thousandths| thousandths as f32 / 1000.0));
        }
    }

    pub fn finish(self, now: i64) -> Effects {
        let [in_force, proposed] = self.each.map(|tally| Effect {
            fake_at: tally.fake_at,
            real_at: tally.real_at,
            secs: tally.secs,
            fake_periods: tally.fake_periods,
            streams_flagged: tally.flagged.len() as u64,
        });
        let hours_kept = self.oldest.map_or(0.0, |oldest| (now - oldest).max(0) as f64 / 3600.0);
        Effects { hours_kept, now: in_force, proposed }
    }
}

impl Tally {
    fn add(&mut self, second: i64, face: (u32, i64), fake: Option<f32>) {
        match fake {
            Some(fake) if fake >= self.fake_at => {
                self.secs.fake += 1;
                self.flagged.insert(face.0);
                let before = self.newest_fake.insert(face, second);
                if before.is_none_or(|before| second - before > BRIDGED + 1) {
                    self.fake_periods += 1;
                }
            }
            Some(fake) if fake <= self.real_at => self.secs.real += 1,
            _ => self.secs.uncertain += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seconds_are_counted_under_both_thresholds() {
        let mut count = Count::new([(0.7, 0.3), (0.9, 0.1)]);
        // Track 1 of a: FAKE, a gap of two seconds, FAKE, a longer gap, FAKE.
        for (second, fake) in [(0, 950), (1, 700), (4, 800), (8, 950)] {
            count.add(second, "a", 1, Some(fake));
        }
        count.add(8, "b", 1, Some(200));
        count.add(8, "b", 2, None);
        let Effects { hours_kept, now, proposed } = count.finish(3600);
        assert_eq!(hours_kept, 1.0);
        assert_eq!(now.secs, Seconds { real: 1, uncertain: 1, fake: 4 });
        assert_eq!((now.fake_periods, now.streams_flagged), (2, 1));
        assert_eq!(proposed.secs, Seconds { real: 0, uncertain: 4, fake: 2 });
        assert_eq!((proposed.fake_periods, proposed.streams_flagged, proposed.fake_at), (2, 1, 0.9));
    }

    #[test]
    fn nothing_kept_is_no_hours() {
        assert_eq!(Count::new([(0.7, 0.3); 2]).finish(1_800_000_000).hours_kept, 0.0);
    }
}
