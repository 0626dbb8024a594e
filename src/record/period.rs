//! From verdicts to periods: a face under one label, from its first verdict to the last. In: the board's news, in order,
//! and now and then the time. Out: [`Change`]s. Pure: no clock, no database; all times are capture times. Owned by
//! `writer`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::detector::StreamId;
use crate::publish::Told;
use crate::verdict::{FaceVerdict, Label, Reason, Verdict};

/// A face out of sight for so long has ended its period; shorter is a blink.
const BLINK: Duration = Duration::from_secs(2);
/// A stream of which nothing was heard for so long shows nothing any more, whatever became of it.
const SILENCE: Duration = Duration::from_secs(10);

/// One face under one label.
#[derive(Clone, Debug, PartialEq)]
pub struct Period {
    /// Unique in this start of the program.
    pub key: u64,
    pub stream: StreamId,
    pub stream_name: String,
    pub track: u64,
    /// Never STALE.
    pub label: Label,
    pub began: SystemTime,
    /// The newest verdict with this label; the end, once it has ended.
    pub last: SystemTime,
    /// The highest rolling fake confidence and when.
    pub peak: Option<(f32, SystemTime)>,
    /// Sum of the rolling fake confidence over the windows.
    sum: f64,
    pub windows: u64,
    pub reasons: BTreeSet<Reason>,
    /// What the detector saw: of a FAKE at its peak, of others first. `[size, size, 3] u8 RGB`.
    pub crop: Option<Arc<[u8]>>,
}

impl Period {
    /// Mean of the rolling fake confidence over its windows.
    pub fn mean(&self) -> Option<f32> {
        (self.windows > 0).then(|| (self.sum / self.windows as f64) as f32)
    }

    pub fn length(&self) -> Duration {
        self.last.duration_since(self.began).unwrap_or_default()
    }

    fn see(&mut self, face: &FaceVerdict, at: SystemTime, crop: Option<&Arc<[u8]>>) {
        // A clock that was set back must not make it shorter.
        self.last = self.last.max(at);
        self.reasons.extend(&face.reasons);
        let mut peaked = false;
        if let Some(fake) = face.fake_confidence {
            if face.window_confidence.is_some() {
                self.windows += 1;
                self.sum += f64::from(fake);
            }
            peaked = self.peak.is_none_or(|(peak, _)| fake > peak);
            if peaked {
                self.peak = Some((fake, at));
            }
        }
        if let Some(crop) = crop
            && (self.crop.is_none() || (peaked && self.label == Label::Fake))
        {
            self.crop = Some(crop.clone());
        }
    }
}

/// What became of a period.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It is long enough to be kept, and lasts.
    Began(Period),
    /// It is over; one that was never told to begin was long enough all the same.
    Ended(Period),
}

struct Open {
    period: Period,
    told: bool,
}

/// The periods that last.
pub struct Periods {
    /// Shorter ones are not kept, unless FAKE.
    least: Duration,
    next_key: u64,
    names: HashMap<StreamId, String>,
    open: BTreeMap<(StreamId, u64), Open>,
}

impl Periods {
    pub fn new(least: Duration) -> Self {
        Self { least, next_key: 0, names: HashMap::new(), open: BTreeMap::new() }
    }

    /// Takes one piece of news in.
    pub fn hear(&mut self, told: &Told) -> Vec<Change> {
        match told {
            Told::Added { stream, name } => {
                self.names.insert(stream.clone(), name.clone());
                self.end(|period| period.stream == *stream)
            }
            // Tracks of another connection are other faces.
            Told::Entered { stream, .. } => self.end(|period| period.stream == *stream),
            Told::Removed { stream } => {
                self.names.remove(stream);
                self.end(|period| period.stream == *stream)
            }
            Told::Verdict { stream, verdict, crops } => self.judged(stream, verdict, crops),
        }
    }

    /// Ends what has not been heard of for long.
    pub fn at(&mut self, now: SystemTime) -> Vec<Change> {
        self.end(|period| passed(period.last, now) > SILENCE)
    }

    /// Ends everything: the program stops.
    pub fn finish(&mut self) -> Vec<Change> {
        self.end(|_| true)
    }

    /// What lasts and was told.
    pub fn lasting(&self) -> impl Iterator<Item = &Period> {
        self.open.values().filter(|open| open.told).map(|open| &open.period)
    }

    fn judged(&mut self, stream: &StreamId, verdict: &Verdict, crops: &[(u64, Arc<[u8]>)]) -> Vec<Change> {
        let at = verdict.stamp.captured;
        let mut changes = self.end(|period| period.stream == *stream && passed(period.last, at) > BLINK);
        for face in &verdict.faces {
            let key = (stream.clone(), face.track);
            if let Some(open) = self.open.get_mut(&key)
                && open.period.label != face.label
            {
                if face.label != Label::Stale {
                    // One label's end is the other's beginning.
                    open.period.last = open.period.last.max(at);
                }
                let open = self.open.remove(&key);
                changes.extend(open.and_then(|open| ended(open, self.least)));
            }
            if face.label == Label::Stale {
                continue;
            }
            let open = self.open.entry(key).or_insert_with(|| {
                self.next_key += 1;
                let name = self.names.get(stream).cloned().unwrap_or_else(|| stream.to_string());
                Open { period: began(self.next_key, stream, name, face, at), told: false }
            });
            let crop = crops.iter().find(|(track, _)| *track == face.track).map(|(_, crop)| crop);
            open.period.see(face, at, crop);
            if !open.told && worth(&open.period, self.least) {
                open.told = true;
                changes.push(Change::Began(open.period.clone()));
            }
        }
        changes
    }

    fn end(&mut self, over: impl Fn(&Period) -> bool) -> Vec<Change> {
        let least = self.least;
        let over = self.open.extract_if(.., |_, open| over(&open.period));
        over.filter_map(|(_, open)| ended(open, least)).collect()
    }
}

fn began(key: u64, stream: &StreamId, stream_name: String, face: &FaceVerdict, at: SystemTime) -> Period {
    Period {
        key,
        stream: stream.clone(),
        stream_name,
        track: face.track,
        label: face.label,
        began: at,
        last: at,
        peak: None,
        sum: 0.0,
        windows: 0,
        reasons: BTreeSet::new(),
        crop: None,
    }
}

fn ended(open: Open, least: Duration) -> Option<Change> {
    (open.told || worth(&open.period, least)).then_some(Change::Ended(open.period))
}

fn worth(period: &Period, least: Duration) -> bool {
    period.label == Label::Fake || period.length() >= least
}

fn passed(since: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(since).unwrap_or_default()
}

#[cfg(test)]
mod tests;
