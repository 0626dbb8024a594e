//! The life of alerts, told as what a camera shows second by second.

use super::*;

const RULES: Rules =
    Rules { open_at: 0.75, close_at: 0.6, dwell_secs: 3.0, resolve_secs: 10.0, rejoin_secs: 60.0, quiet_secs: 0.0 };

/// A stream and a clock.
struct Scene {
    lifecycle: Lifecycle,
    now: Millis,
    told: Vec<(Event, u64)>,
}

impl Scene {
    fn new(rules: Rules) -> Self {
        Self { lifecycle: Lifecycle::new(rules, Vec::new(), 0), now: 0, told: Vec::new() }
    }

    /// `secs` of verdicts, eight a second, that show these faces: (track, FAKE, confidence).
    fn show(&mut self, secs: f64, faces: &[(u64, bool, f32)]) -> &mut Self {
        self.show_on("lobby", secs, faces)
    }

    fn show_on(&mut self, stream: &str, secs: f64, faces: &[(u64, bool, f32)]) -> &mut Self {
        let faces = faces.iter().map(|&(track, fake, confidence)| Face { track, fake, confidence }).collect();
        let seen = Sighting { stream: stream.into(), stream_name: stream.to_uppercase(), faces };
        for _ in 0..(secs * 8.0) as u32 {
            self.now += 125;
            let changes = self.lifecycle.see(self.now, &seen);
            self.note(changes);
        }
        self
    }

    /// `secs` in which nothing is heard.
    fn silence(&mut self, secs: f64) -> &mut Self {
        for _ in 0..(secs * 2.0) as u32 {
            self.now += 500;
            let changes = self.lifecycle.tick(self.now);
            self.note(changes);
        }
        self
    }

    fn note(&mut self, changes: Vec<Change>) {
        self.told.extend(changes.into_iter().map(|change| (change.event, change.alert.track)));
    }

    /// What happened since the last call.
    fn told(&mut self) -> Vec<(Event, u64)> {
        std::mem::take(&mut self.told)
    }

    fn open_id(&self) -> String {
        self.lifecycle.open().next().unwrap().id.clone()
    }

    fn decide(&mut self, decision: Decision) -> Option<Event> {
        let id = self.lifecycle.live[0].alert.id.clone();
        self.lifecycle.decide(self.now, &id, decision, "seen").map(|change| change.event)
    }
}

use Event::{Began, Faded, Opened, Resolved, Updated};

const FAKE: &[(u64, bool, f32)] = &[(1, true, 0.9)];
const REAL: &[(u64, bool, f32)] = &[(1, false, 0.1)];

#[test]
fn an_alert_opens_after_the_dwell_and_ends_after_the_face_is_clean() {
    let mut scene = Scene::new(RULES);
    assert_eq!(scene.show(3.0, FAKE).told(), [(Began, 1)]);
    assert_eq!(scene.show(0.25, FAKE).told(), [(Opened, 1)]);
    assert_eq!(scene.show(600.0, FAKE).told(), []);
    assert_eq!(scene.show(9.75, REAL).told(), []);
    assert_eq!(scene.show(0.5, REAL).told(), [(Resolved, 1)]);
}

#[test]
fn a_face_that_is_fake_for_a_moment_opens_nothing() {
    let mut scene = Scene::new(RULES);
    assert_eq!(scene.show(2.5, FAKE).told(), [(Began, 1)]);
    assert_eq!(scene.show(1.5, REAL).told(), [(Faded, 1)]);
    // The face finder's gaps end nothing: the dwell goes on.
    scene.show(1.0, FAKE).show(0.5, &[]).show(2.0, FAKE);
    assert_eq!(scene.told(), [(Began, 1), (Opened, 1)]);
}

#[test]
fn hysteresis_needs_more_to_begin_than_to_go_on() {
    let mut scene = Scene::new(RULES);
    assert_eq!(scene.show(10.0, &[(1, true, 0.7)]).told(), [], "FAKE, and below open_at");
    assert_eq!(scene.show(10.0, &[(1, false, 0.9)]).told(), [], "above open_at, and not FAKE");
    scene.show(1.0, FAKE);
    assert_eq!(scene.show(30.0, &[(1, false, 0.61)]).told(), [(Began, 1), (Opened, 1)]);
    assert_eq!(scene.show(11.0, &[(1, true, 0.59)]).told(), [(Resolved, 1)]);
}

#[test]
fn a_stream_that_drops_and_returns_is_in_the_same_alert_with_its_new_track() {
    let mut scene = Scene::new(RULES);
    scene.show(4.0, FAKE).told();
    let id = scene.open_id();
    assert_eq!(scene.silence(55.0).show(20.0, &[(2, true, 0.9)]).told(), [(Updated, 2)]);
    assert_eq!(scene.open_id(), id);
    assert_eq!(scene.silence(59.0).told(), []);
    assert_eq!(scene.silence(2.0).told(), [(Resolved, 2)], "gone for longer than rejoin_secs");
}

#[test]
fn a_stream_that_was_away_has_its_time_to_show_the_face_again() {
    let mut scene = Scene::new(RULES);
    scene.show(4.0, FAKE);
    assert_eq!(scene.told(), [(Began, 1), (Opened, 1)]);
    // Back after longer than resolve_secs, it is not sure of the new face at once.
    scene.silence(15.0).show(1.0, &[]).show(3.0, &[(2, false, 0.5)]);
    assert_eq!(scene.show(4.0, &[(2, true, 0.9)]).told(), [(Updated, 2)]);
    // Away now and then, it resolves when it was judged clean for resolve_secs in all.
    for _ in 0..2 {
        assert_eq!(scene.show(4.0, REAL).silence(15.0).told(), []);
    }
    assert_eq!(scene.show(3.0, REAL).told(), [(Resolved, 2)]);
}

#[test]
fn each_face_has_an_alert_of_its_own() {
    let mut scene = Scene::new(RULES);
    let both = [(1, true, 0.9), (2, true, 0.8)];
    assert_eq!(scene.show(4.0, &both).told(), [(Began, 1), (Began, 2), (Opened, 1), (Opened, 2)]);
    assert_eq!(scene.show(11.0, &[(1, true, 0.9), (2, false, 0.2)]).told(), [(Resolved, 2)]);
    scene.show_on("gate", 4.0, FAKE);
    assert_eq!(scene.told(), [(Began, 1), (Opened, 1)], "the same number on another stream is another face");
}

#[test]
fn the_quiet_period_holds_a_streams_next_alert_back_and_loses_none_that_lasts() {
    let mut scene = Scene::new(Rules { quiet_secs: 60.0, ..RULES });
    scene.show(4.0, FAKE).show(11.0, REAL);
    assert_eq!(scene.told(), [(Began, 1), (Opened, 1), (Resolved, 1)]);
    // It flaps: nothing is told. Another stream is not quiet.
    for _ in 0..2 {
        scene.show(4.0, FAKE).show(2.0, REAL);
    }
    assert_eq!(scene.told(), [(Began, 1), (Faded, 1), (Began, 1), (Faded, 1)]);
    assert_eq!(scene.show_on("gate", 4.0, FAKE).told(), [(Began, 1), (Opened, 1)]);
    scene.lifecycle.forget(scene.now, "gate");
    // It stays: the alert opens when the period is over.
    assert_eq!(scene.show(60.0, FAKE).told(), [(Began, 1), (Opened, 1)]);
}

#[test]
fn a_rising_peak_is_told_in_steps() {
    let mut scene = Scene::new(RULES);
    scene.show(4.0, &[(1, true, 0.8)]).told();
    assert_eq!(scene.show(1.0, &[(1, true, 0.81)]).told(), []);
    assert_eq!(scene.show(1.0, &[(1, true, 0.9)]).told(), [(Updated, 1)]);
    assert_eq!(scene.lifecycle.open().next().unwrap().peak_confidence, 0.9);
}

#[test]
fn people_acknowledge_close_and_contradict() {
    let mut scene = Scene::new(RULES);
    scene.show(1.0, FAKE);
    assert_eq!(scene.decide(Decision::Acknowledge), None, "a pending alert is nobody's yet");
    scene.show(3.0, FAKE).told();
    assert_eq!(scene.decide(Decision::Acknowledge), Some(Event::Acknowledged));
    assert_eq!(scene.decide(Decision::Acknowledge), None);
    assert_eq!(scene.show(60.0, FAKE).told(), []);
    assert_eq!(scene.decide(Decision::Resolve), Some(Resolved));
    assert_eq!(scene.show(4.0, FAKE).told(), [(Began, 1), (Opened, 1)], "it was closed, and it is still FAKE");
    assert_eq!(scene.decide(Decision::False), Some(Event::False));
    assert_eq!(scene.show(300.0, FAKE).told(), [], "a genuine face alarms no more");
    assert_eq!(scene.show(4.0, &[(2, true, 0.9)]).told(), [(Began, 2), (Opened, 2)], "another one does");
    assert!(scene.lifecycle.decide(scene.now, "no such", Decision::Resolve, "").is_none());
}

#[test]
fn open_alerts_of_the_last_run_wait_for_their_faces() {
    let mut scene = Scene::new(RULES);
    scene.show(4.0, FAKE);
    let kept: Vec<Alert> = scene.lifecycle.open().cloned().collect();
    // Started again an hour later: what happened in between is not known.
    let now = scene.now + 3_600_000;
    let mut scene = Scene { lifecycle: Lifecycle::new(RULES, kept.clone(), now), now, told: Vec::new() };
    scene.silence(20.0);
    assert_eq!(scene.show(20.0, &[(9, true, 0.9)]).told(), [(Updated, 9)]);
    assert_eq!(scene.open_id(), kept[0].id);

    let mut scene = Scene { lifecycle: Lifecycle::new(RULES, kept, now), now, told: Vec::new() };
    assert_eq!(scene.show(11.0, &[(9, false, 0.1)]).told(), [(Resolved, 1)], "the stream is judged, and clean");
}

#[test]
fn a_removed_stream_ends_its_alerts() {
    let mut scene = Scene::new(RULES);
    scene.show(4.0, FAKE).show(1.0, &[(1, true, 0.9), (2, true, 0.9)]).told();
    let changes = scene.lifecycle.forget(scene.now, "lobby");
    scene.note(changes);
    assert_eq!(scene.told(), [(Resolved, 1), (Faded, 2)]);
    assert_eq!(scene.lifecycle.open().count(), 0);
}

#[test]
fn ids_sort_by_time() {
    assert!(new_id(1_700_000_000_000) < new_id(1_700_000_000_001));
    assert_eq!(new_id(0).len(), 16);
}
