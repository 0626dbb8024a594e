//! The verdicts of the last seconds, with faces at most one a second each, so that evidence can begin before its alert
//! opened. In: the board's news. Out: those of a stream from a time or a number on. Bounded by time, count and bytes.
//! Filled on the board's task, which waits at most while a few pointers are copied; read by `collector`.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::detector::StreamId;
use crate::publish::Told;
use crate::verdict::Verdict;

/// Verdicts held of one stream at most: two minutes at the usual rate.
const VERDICTS: usize = 1024;
/// From one face of a track to the next.
const STEP: Duration = Duration::from_secs(1);

/// One verdict and the faces it was made of.
#[derive(Clone)]
pub struct Sighting {
    /// Rises from one to the next, over all streams.
    pub number: u64,
    pub verdict: Arc<Verdict>,
    /// What the detector saw, by track: `[size, size, 3] u8 RGB`.
    pub faces: Vec<(u64, Arc<[u8]>)>,
}

pub struct Sightings {
    span: Duration,
    /// What all faces may take.
    face_bytes: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    next: u64,
    bytes: usize,
    lanes: HashMap<StreamId, Lane>,
}

#[derive(Default)]
struct Lane {
    seen: VecDeque<Sighting>,
    /// When a face of each track was last kept.
    faced: HashMap<u64, Instant>,
}

impl Sightings {
    pub fn new(span: Duration, face_bytes: usize) -> Self {
        Self { span, face_bytes, inner: Mutex::default() }
    }

    /// Takes a piece of the board's news.
    pub fn hear(&self, told: &Told) {
        match told {
            Told::Verdict { stream, verdict, crops } => self.see(stream, verdict, crops),
            Told::Removed { stream } => {
                let mut inner = self.lock();
                if let Some(lane) = inner.lanes.remove(stream) {
                    inner.bytes -= lane.seen.iter().map(bytes).sum::<usize>();
                }
            }
            Told::Added { .. } | Told::Entered { .. } => {}
        }
    }

    fn see(&self, stream: &StreamId, verdict: &Arc<Verdict>, crops: &[(u64, Arc<[u8]>)]) {
        let mut inner = self.lock();
        let Inner { next, bytes: held, lanes } = &mut *inner;
        let lane = lanes.entry(stream.clone()).or_default();
        let arrived = verdict.stamp.arrived;
        if lane.seen.back().is_some_and(|last| last.verdict.stamp.number == verdict.stamp.number) {
            // The same frame's verdict, aged.
            return;
        }
        let old = |first: &Sighting| arrived.saturating_duration_since(first.verdict.stamp.arrived) > self.span;
        while lane.seen.len() >= VERDICTS || lane.seen.front().is_some_and(old) {
            let gone = lane.seen.pop_front();
            *held -= gone.iter().map(bytes).sum::<usize>();
        }
        let mut faces = Vec::new();
        for (track, crop) in crops {
            let due = lane.faced.get(track).is_none_or(|last| arrived.saturating_duration_since(*last) >= STEP);
            if due && *held + crop.len() <= self.face_bytes {
                *held += crop.len();
                lane.faced.insert(*track, arrived);
                faces.push((*track, crop.clone()));
            }
        }
        lane.seen.push_back(Sighting { number: *next, verdict: verdict.clone(), faces });
        *next += 1;
        lane.faced.retain(|_, last| arrived.saturating_duration_since(*last) < STEP);
    }

    /// Those of a stream from this number on.
    pub fn after(&self, stream: &str, number: u64) -> Vec<Sighting> {
        let inner = self.lock();
        let Some(lane) = inner.lanes.get(stream) else { return Vec::new() };
        let first = lane.seen.partition_point(|seen| seen.number < number);
        lane.seen.range(first..).cloned().collect()
    }

    /// The number of a stream's first verdict from `time` on.
    pub fn begin(&self, stream: &str, time: Instant) -> u64 {
        let inner = self.lock();
        let found = inner.lanes.get(stream).and_then(|lane| {
            let first = lane.seen.iter().find(|seen| seen.verdict.stamp.arrived >= time)?;
            Some(first.number)
        });
        found.unwrap_or(inner.next)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // At worst a count of bytes is off by one face.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bytes(sighting: &Sighting) -> usize {
    sighting.faces.iter().map(|(_, crop)| crop.len()).sum()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::source::Stamp;
    use crate::verdict::Label;

    fn told(stream: &str, number: u64, arrived: Instant) -> Told {
        let stamp = Stamp {
            number,
            epoch: 0,
            pts: Duration::ZERO,
            arrived,
            captured: SystemTime::UNIX_EPOCH,
            width: 64,
            height: 48,
        };
        let verdict = Verdict {
            label: Label::Fake,
            fake_confidence: Some(0.9),
            reasons: Vec::new(),
            faces: Vec::new(),
            stamp,
            evidence: None,
        };
        let crops = vec![(1, vec![0; 100].into()), (2, vec![0; 100].into())];
        Told::Verdict { stream: stream.into(), verdict: Arc::new(verdict), crops }
    }

    #[test]
    fn it_holds_the_span_with_a_face_a_second_and_never_more_bytes() {
        let sightings = Sightings::new(Duration::from_secs(5), 1250);
        let began = Instant::now();
        for i in 0..80 {
            sightings.hear(&told("a", i, began + Duration::from_millis(125 * i)));
        }
        let seen = sightings.after("a", 0);
        assert_eq!(seen.len(), 41);
        let faced: Vec<u64> = seen.iter().filter(|seen| !seen.faces.is_empty()).map(|seen| seen.number).collect();
        assert_eq!(faced, [40, 48, 56, 64, 72]);
        assert_eq!(sightings.lock().bytes, 1000);
        // No room is left for another stream's second faces; its verdicts are kept all the same.
        for i in 0..9 {
            sightings.hear(&told("b", i, began + Duration::from_millis(125 * i)));
        }
        let faces: Vec<usize> = sightings.after("b", 0).iter().map(|seen| seen.faces.len()).collect();
        assert_eq!(faces, [2, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(sightings.lock().bytes, 1200);
        sightings.hear(&Told::Removed { stream: "a".into() });
        assert_eq!(sightings.lock().bytes, 200);
        assert_eq!(sightings.after("a", 0).len(), 0);
    }

    #[test]
    fn a_place_in_it_is_found_by_time_and_an_aged_verdict_is_no_new_one() {
        let sightings = Sightings::new(Duration::from_secs(5), 1000);
        let began = Instant::now();
        for i in 0..8 {
            sightings.hear(&told("a", i, began + Duration::from_millis(125 * i)));
        }
        sightings.hear(&told("a", 7, began + Duration::from_millis(875)));
        assert_eq!(sightings.after("a", 6).len(), 2);
        assert_eq!(sightings.begin("a", began + Duration::from_millis(300)), 3);
        assert_eq!(sightings.begin("a", began + Duration::from_secs(3)), 8);
    }
}
