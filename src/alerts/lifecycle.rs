//! When an alert begins, opens and ends: pure, no clock, no database. In: what each verdict says of each face, the time,
//! and what people decide. Out: the alerts that changed. Run by `desk`.
//!
//! A face is *suspect* from `open_at` on until it falls below `close_at` (hysteresis). Suspect without a break for
//! `dwell_secs`: the alert opens, unless its stream is in its quiet period: then when that is over. Not suspect for
//! `resolve_secs`: it resolves. While the stream itself is not judged (it dropped, it is STALE) nobody knows, and the
//! alert waits `rejoin_secs`; a suspect face that appears where an open alert's own face is gone takes its place.

use std::collections::HashMap;

use super::alert::{Alert, Millis, State, new_id};
use super::settings::Rules;

/// What one verdict says of one stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    pub stream: String,
    pub stream_name: String,
    pub faces: Vec<Face>,
}

/// A face that is judged; one that is STALE or has no confidence is not in the list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Face {
    pub track: u64,
    /// Its label is FAKE.
    pub fake: bool,
    /// Rolling, 0-1.
    pub confidence: f32,
}

/// What happened to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Began,
    /// Pending, and gone before it opened.
    Faded,
    Opened,
    /// Its peak or its track changed.
    Updated,
    Acknowledged,
    Resolved,
    False,
}

impl Event {
    /// Whether the outside world is told.
    pub fn is_delivered(self) -> bool {
        matches!(self, Self::Opened | Self::Acknowledged | Self::Resolved | Self::False)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Began => "began",
            Self::Faded => "faded",
            Self::Opened => "opened",
            Self::Updated => "updated",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
            Self::False => "false",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub event: Event,
    pub alert: Alert,
}

/// What a person decides about an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Acknowledge,
    Resolve,
    False,
}

/// All live alerts.
pub struct Lifecycle {
    rules: Rules,
    live: Vec<Live>,
    /// The end of each stream's quiet period.
    quiet_until: HashMap<String, Millis>,
    /// Faces that a person called genuine, and when they were last seen.
    genuine: HashMap<(String, u64), Millis>,
}

struct Live {
    alert: Alert,
    /// The face was last suspect.
    suspect_at: Millis,
    /// The stream was last judged.
    judged_at: Millis,
    /// Its face was in the newest verdict.
    in_sight: bool,
    /// The peak that was last told.
    told_peak: f32,
}

/// A peak that rose by less is not worth telling again.
const PEAK_STEP: f32 = 0.02;
/// The face finder misses a face in single frames; a pending alert outlives so much, ms.
const PENDING_GAP: Millis = 1000;
/// Verdicts farther apart say nothing of the time between them, ms; by then they are STALE.
const BREAK: Millis = 2000;

impl Lifecycle {
    /// `kept`: the open and acknowledged alerts of the last run, which wait for their faces from `now` on.
    pub fn new(rules: Rules, kept: Vec<Alert>, now: Millis) -> Self {
        let live = |alert: Alert| Live {
            told_peak: alert.peak_confidence,
            alert,
            suspect_at: now,
            judged_at: now,
            in_sight: false,
        };
        Self { rules, live: kept.into_iter().map(live).collect(), quiet_until: HashMap::new(), genuine: HashMap::new() }
    }

    /// Live alerts that are open or acknowledged.
    pub fn open(&self) -> impl Iterator<Item = &Alert> {
        self.live.iter().map(|live| &live.alert).filter(|alert| alert.state != State::Pending)
    }

    pub fn count(&self, state: State) -> usize {
        self.live.iter().filter(|live| live.alert.state == state).count()
    }

    /// Takes what a verdict says of a stream.
    pub fn see(&mut self, now: Millis, seen: &Sighting) -> Vec<Change> {
        let mut changes = Vec::new();
        for live in self.live.iter_mut().filter(|live| live.alert.stream == seen.stream) {
            let away = now - live.judged_at;
            if away > BREAK && live.alert.state != State::Pending {
                // Nothing was seen of it meanwhile: its time to resolve goes on where it stood.
                live.suspect_at += away;
            }
            live.in_sight = seen.faces.iter().any(|face| face.track == live.alert.track);
            live.judged_at = now;
        }
        for face in &seen.faces {
            if let Some(at) = self.genuine.get_mut(&(seen.stream.clone(), face.track)) {
                *at = now;
                continue;
            }
            self.see_face(now, seen, face, &mut changes);
        }
        self.settle(now, Some(&seen.stream), &mut changes);
        changes
    }

    fn see_face(&mut self, now: Millis, seen: &Sighting, face: &Face, changes: &mut Vec<Change>) {
        let begins = face.fake && face.confidence >= self.rules.open_at;
        let here = |live: &&mut Live| live.alert.stream == seen.stream;
        let own = self.live.iter_mut().filter(here).find(|live| live.alert.track == face.track);
        let suspect = begins || (own.is_some() && face.confidence >= self.rules.close_at);
        if !suspect {
            return;
        }
        // Its own alert; else an open one whose face is gone: after a reconnect the same face has another track.
        let found = match own {
            Some(own) => Some(own),
            None => self.live.iter_mut().filter(here).find(|live| !live.in_sight && live.alert.state != State::Pending),
        };
        let Some(live) = found else {
            let alert = Alert {
                id: new_id(now),
                stream: seen.stream.clone(),
                stream_name: seen.stream_name.clone(),
                track: face.track,
                state: State::Pending,
                began: now,
                opened: None,
                updated: now,
                resolved: None,
                peak_confidence: face.confidence,
                note: String::new(),
            };
            changes.push(Change { event: Event::Began, alert: alert.clone() });
            let told_peak = face.confidence;
            self.live.push(Live { alert, suspect_at: now, judged_at: now, in_sight: true, told_peak });
            return;
        };
        live.suspect_at = now;
        live.in_sight = true;
        let joined = live.alert.track != face.track;
        live.alert.track = face.track;
        live.alert.peak_confidence = live.alert.peak_confidence.max(face.confidence);
        if joined || live.alert.peak_confidence >= live.told_peak + PEAK_STEP {
            live.told_peak = live.alert.peak_confidence;
            live.alert.updated = now;
            changes.push(Change { event: Event::Updated, alert: live.alert.clone() });
        }
    }

    /// Lets time pass, for streams that say nothing.
    pub fn tick(&mut self, now: Millis) -> Vec<Change> {
        let mut changes = Vec::new();
        self.settle(now, None, &mut changes);
        self.quiet_until.retain(|_, until| *until > now);
        let forget = millis(self.rules.rejoin_secs);
        self.genuine.retain(|_, seen| now - *seen < forget);
        changes
    }

    /// Opens and ends what is due, on one stream or on all.
    fn settle(&mut self, now: Millis, stream: Option<&str>, changes: &mut Vec<Change>) {
        let Rules { dwell_secs, resolve_secs, rejoin_secs, quiet_secs, .. } = self.rules;
        let quiet_until = &mut self.quiet_until;
        self.live.retain_mut(|live| {
            if stream.is_some_and(|stream| stream != live.alert.stream) {
                return true;
            }
            let unsuspect = now - live.suspect_at;
            // While verdicts come, they tell that the face is gone or clean; without them nothing does.
            let judged = live.judged_at - live.suspect_at;
            match live.alert.state {
                State::Pending if judged >= PENDING_GAP || unsuspect >= millis(resolve_secs) => {
                    changes.push(Change { event: Event::Faded, alert: live.alert.clone() });
                    return false;
                }
                State::Pending => {
                    let quiet = quiet_until.get(&live.alert.stream).is_some_and(|until| *until > now);
                    if !quiet && live.suspect_at - live.alert.began >= millis(dwell_secs) {
                        live.alert.state = State::Open;
                        live.alert.opened = Some(now);
                        live.alert.updated = now;
                        quiet_until.insert(live.alert.stream.clone(), now + millis(quiet_secs));
                        changes.push(Change { event: Event::Opened, alert: live.alert.clone() });
                    }
                }
                _ if judged >= millis(resolve_secs) || unsuspect >= millis(rejoin_secs) => {
                    close(&mut live.alert, State::Resolved, now);
                    changes.push(Change { event: Event::Resolved, alert: live.alert.clone() });
                    return false;
                }
                _ => {}
            }
            true
        });
    }

    /// Carries out what a person decided; None when there is no such live alert, or it cannot be decided so.
    pub fn decide(&mut self, now: Millis, id: &str, decision: Decision, note: &str) -> Option<Change> {
        let at = self.live.iter().position(|live| live.alert.id == id)?;
        let alert = &mut self.live[at].alert;
        if alert.state == State::Pending || (decision, alert.state) == (Decision::Acknowledge, State::Acknowledged) {
            return None;
        }
        if !note.is_empty() {
            alert.note = note.to_owned();
        }
        let event = match decision {
            Decision::Acknowledge => {
                alert.state = State::Acknowledged;
                alert.updated = now;
                return Some(Change { event: Event::Acknowledged, alert: alert.clone() });
            }
            Decision::Resolve => {
                close(alert, State::Resolved, now);
                Event::Resolved
            }
            Decision::False => {
                close(alert, State::False, now);
                self.genuine.insert((alert.stream.clone(), alert.track), now);
                Event::False
            }
        };
        let alert = self.live.remove(at).alert;
        // The face may well be FAKE still: not again at once.
        self.quiet_until.insert(alert.stream.clone(), now + millis(self.rules.quiet_secs));
        Some(Change { event, alert })
    }

    /// A stream that is removed ends its alerts.
    pub fn forget(&mut self, now: Millis, stream: &str) -> Vec<Change> {
        self.quiet_until.remove(stream);
        let (gone, live) = std::mem::take(&mut self.live).into_iter().partition(|live| live.alert.stream == stream);
        self.live = live;
        let gone: Vec<Live> = gone;
        gone.into_iter()
            .map(|Live { mut alert, .. }| match alert.state {
                State::Pending => Change { event: Event::Faded, alert },
                _ => {
                    close(&mut alert, State::Resolved, now);
                    Change { event: Event::Resolved, alert }
                }
            })
            .collect()
    }
}

fn close(alert: &mut Alert, state: State, now: Millis) {
    alert.state = state;
    alert.updated = now;
    alert.resolved = Some(now);
}

fn millis(secs: f64) -> Millis {
    (secs * 1e3) as Millis
}

#[cfg(test)]
mod tests;
