//! Properties of the tracker on scripted scenes.

use proptest::prelude::*;

use super::*;

const STEP: f64 = 0.125;

fn face(x: f32, y: f32, size: f32) -> Face {
    scored(x, y, size, 0.9)
}

/// Centre and size.
fn scored(x: f32, y: f32, size: f32, score: f32) -> Face {
    let (left, top) = (x - size / 2.0, y - size / 2.0);
    Face::from_numbers([left, top, size, size, x - 10.0, y, x + 10.0, y, x, y + 10.0, x, y + 20.0], score)
}

fn at(step: usize) -> Duration {
    Duration::from_secs_f64(step as f64 * STEP)
}

fn tracker() -> Tracker {
    Tracker::new(&Config::default())
}

fn ids(tracks: &[Track]) -> Vec<u64> {
    tracks.iter().map(|t| t.id).collect()
}

#[test]
fn every_impossible_setting_is_named() {
    let faults = |config: Config| {
        let mut faults = Vec::new();
        config.check(&mut faults);
        faults.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
    };
    assert!(faults(Config::default()).is_empty());
    let bad = Config { birth_hits: 0, birth_score: 2.0, death_secs: 0.0, min_iou: 0.0, max_gap_secs: f64::NAN };
    assert_eq!(faults(bad), ["birth_hits", "birth_score", "min_iou", "death_secs", "max_gap_secs"]);
}

#[test]
fn a_face_is_a_track_from_its_second_frame() {
    let mut tracker = tracker();
    assert_eq!(tracker.update(at(0), &[face(100.0, 100.0, 80.0)]), []);
    let tracks = tracker.update(at(1), &[face(102.0, 100.0, 80.0)]);
    assert_eq!(ids(&tracks), [1]);
    assert_eq!((tracks[0].hits, tracks[0].rect), (2, face(102.0, 100.0, 80.0).rect));
}

#[test]
fn a_single_false_alarm_uses_no_id() {
    let mut tracker = tracker();
    tracker.update(at(0), &[face(100.0, 100.0, 80.0)]);
    tracker.update(at(1), &[]);
    assert_eq!(tracker.update(at(2), &[face(100.0, 100.0, 80.0)]), []);
    assert_eq!(ids(&tracker.update(at(3), &[face(100.0, 100.0, 80.0)])), [1]);
}

#[test]
fn a_missed_face_keeps_its_id_and_a_long_gone_one_does_not() {
    let mut tracker = tracker();
    for step in 0..4 {
        tracker.update(at(step), &[face(100.0, 100.0, 80.0)]);
    }
    for step in 4..10 {
        assert_eq!(tracker.update(at(step), &[]), []);
    }
    assert_eq!(ids(&tracker.update(at(10), &[face(105.0, 100.0, 80.0)])), [1]);
    for step in 11..24 {
        tracker.update(at(step), &[]);
    }
    tracker.update(at(24), &[face(105.0, 100.0, 80.0)]);
    assert_eq!(ids(&tracker.update(at(25), &[face(105.0, 100.0, 80.0)])), [2]);
}

#[test]
fn doubtful_faces_continue_tracks_and_begin_none() {
    let mut tracker = tracker();
    let doubtful = scored(300.0, 100.0, 80.0, 0.45);
    for step in 0..3 {
        assert!(ids(&tracker.update(at(step), &[face(100.0, 100.0, 80.0), doubtful])).iter().all(|&id| id == 1));
    }
    assert_eq!(ids(&tracker.update(at(3), &[scored(101.0, 100.0, 80.0, 0.45), doubtful])), [1]);
}

#[test]
fn gaps_steps_back_and_resets_end_all_tracks_but_never_reuse_ids() {
    let mut tracker = tracker();
    // After 17 steps without a call, after a step back in time, after a reset.
    for (id, start) in [(1, 100), (2, 120), (3, 70), (4, 73)] {
        if id == 4 {
            tracker.reset();
        }
        assert_eq!(tracker.update(at(start), &[face(100.0, 100.0, 80.0)]), []);
        for step in 1..3 {
            assert_eq!(ids(&tracker.update(at(start + step), &[face(100.0, 100.0, 80.0)])), [id]);
        }
    }
}

#[test]
fn two_faces_that_cross_keep_their_ids() {
    // One walks by in front of another; for some frames only the nearer one is found.
    for hidden in 0..4usize {
        let mut tracker = tracker();
        let mut seen = Vec::new();
        for step in 0..25 {
            let (a, b) = (face(100.0 + 20.0 * step as f32, 200.0, 110.0), face(340.0, 190.0, 90.0));
            let overlap = a.rect.iou(&b.rect);
            let covered = overlap > 0.3 || (hidden > 0 && (12 - hidden..12 + hidden).contains(&step));
            let faces = if covered { vec![a] } else { vec![a, b] };
            let tracks = tracker.update(at(step), &faces);
            for track in &tracks {
                let is_a = (track.rect.center().x - a.rect.center().x).abs() < 1.0;
                seen.push((track.id, is_a));
            }
        }
        let a_ids: Vec<u64> = seen.iter().filter(|s| s.1).map(|s| s.0).collect();
        let b_ids: Vec<u64> = seen.iter().filter(|s| !s.1).map(|s| s.0).collect();
        assert!(a_ids.iter().all(|id| *id == a_ids[0]), "hidden {hidden}: walker {a_ids:?}");
        assert!(b_ids.iter().all(|id| *id == b_ids[0]), "hidden {hidden}: other {b_ids:?}");
        assert_ne!(a_ids[0], b_ids[0]);
    }
}

/// Up to five people in their places, who move about a little, with noise and missed detections.
fn scenes() -> impl Strategy<Value = (Vec<(f32, f32, f32)>, u64)> {
    let place = (0usize..12, 40f32..90.0, -10f32..10.0, -10f32..10.0);
    let places = proptest::collection::vec(place, 1..=5).prop_map(|places| {
        let mut used = [false; 12];
        let mut people = Vec::new();
        for (cell, size, dx, dy) in places {
            if !std::mem::replace(&mut used[cell], true) {
                people.push(((cell % 4) as f32 * 100.0 + 80.0 + dx, (cell / 4) as f32 * 100.0 + 80.0 + dy, size));
            }
        }
        people
    });
    (places, any::<u64>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn people_keep_their_ids_under_noise_and_misses((people, seed) in scenes()) {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut tracker = tracker();
        let mut known = vec![None; people.len()];
        for step in 0..40 {
            let mut faces = Vec::new();
            let mut present = Vec::new();
            for (n, &(x, y, size)) in people.iter().enumerate() {
                // Seen at first, then missed now and then.
                if step >= 2 && random.f32() < 0.15 {
                    continue;
                }
                let sway = 0.2 * size * (step as f32 * 0.4 + n as f32).sin();
                let noise = |random: &mut fastrand::Rng| (random.f32() - 0.5) * 0.1 * size;
                faces.push(face(x + sway + noise(&mut random), y + noise(&mut random), size + noise(&mut random)));
                present.push(n);
            }
            let tracks = tracker.update(at(step), &faces);
            prop_assert!(tracks.len() <= faces.len(), "never two tracks for one face");
            prop_assert!(ids(&tracks).is_sorted(), "oldest first, each id once");
            for (n, face) in present.iter().zip(&faces) {
                let own: Vec<u64> = tracks.iter().filter(|t| t.rect == face.rect).map(|t| t.id).collect();
                if step >= 1 {
                    prop_assert_eq!(own.len(), 1, "every known face has a track");
                    prop_assert_eq!(*known[*n].get_or_insert(own[0]), own[0], "person {} at step {}", n, step);
                }
            }
        }
    }

    #[test]
    fn nothing_breaks_it(
        frames in proptest::collection::vec(
            (0u64..5000, proptest::collection::vec((any::<f32>(), -500f32..2000.0, any::<f32>(), any::<f32>()), 0..8)), 1..20),
    ) {
        let mut tracker = tracker();
        let mut newest = 0;
        for (ms, faces) in frames {
            let faces: Vec<Face> = faces.iter().map(|&(x, y, size, score)| scored(x, y, size, score)).collect();
            let tracks = tracker.update(Duration::from_millis(ms), &faces);
            for track in &tracks {
                prop_assert!(faces.iter().any(|f| f.rect == track.rect), "a track is where a face is");
                newest = newest.max(track.id);
            }
            let mut unique = ids(&tracks);
            unique.dedup();
            prop_assert_eq!(unique.len(), tracks.len());
        }
        prop_assert_eq!(newest, tracker.last_id);
    }
}
