//! Periods without a database: verdicts in, changes out.

use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::publish::event::State;
use crate::source::Stamp;

fn time(ms: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000) + Duration::from_millis(ms)
}

/// A frame of stream `a` at `ms` with these faces; a face with a confidence ended a window.
fn frame(ms: u64, faces: &[(u64, Label, Option<f32>)]) -> Told {
    frame_of("a", ms, faces)
}

fn frame_of(stream: &str, ms: u64, faces: &[(u64, Label, Option<f32>)]) -> Told {
    let face = |&(track, label, fake): &(u64, Label, Option<f32>)| FaceVerdict {
        track,
        rect: Default::default(),
        quality: Default::default(),
        label,
        fake_confidence: fake,
        window_confidence: fake,
        synthetic_confidence: None,
        attention: Vec::new(),
        windows: 0,
        span: None,
        reasons: if label == Label::Uncertain { vec![Reason::Blurred] } else { Vec::new() },
    };
    let stamp = Stamp {
        number: ms,
        epoch: 0,
        pts: Duration::from_millis(ms),
        arrived: Instant::now(),
        captured: time(ms),
        width: 1,
        height: 1,
    };
    let verdict = Verdict {
        label: Label::Uncertain,
        fake_confidence: None,
        reasons: Vec::new(),
        faces: faces.iter().map(face).collect(),
        stamp,
        evidence: None,
    };
    // A crop that says when it was seen.
    let crops = faces.iter().map(|(track, ..)| (*track, ms.to_le_bytes().as_slice().into())).collect();
    Told::Verdict { stream: stream.into(), verdict: Arc::new(verdict), crops }
}

fn periods() -> Periods {
    Periods::new(Duration::from_secs(1))
}

fn began(change: &Change) -> &Period {
    match change {
        Change::Began(period) => period,
        Change::Ended(period) => panic!("ended: {period:?}"),
    }
}

fn over(change: &Change) -> &Period {
    match change {
        Change::Ended(period) => period,
        Change::Began(period) => panic!("began: {period:?}"),
    }
}

#[test]
fn a_label_that_lasts_is_told_when_it_is_long_enough_and_when_it_ends() {
    let mut periods = periods();
    periods.hear(&Told::Added { stream: "a".into(), name: "Door".into() });
    for ms in [0, 500] {
        assert_eq!(periods.hear(&frame(ms, &[(1, Label::Real, Some(0.2))])), []);
    }
    let told = periods.hear(&frame(1000, &[(1, Label::Real, Some(0.1))]));
    let first = began(&told[0]);
    assert_eq!((first.began, first.last, first.windows), (time(0), time(1000), 3));
    assert_eq!((first.stream_name.as_str(), first.label), ("Door", Label::Real));
    assert_eq!((first.peak, first.crop.as_deref()), (Some((0.2, time(0))), Some(0u64.to_le_bytes().as_slice())));
    assert!((first.mean().unwrap() - 0.5 / 3.0).abs() < 1e-6);
    assert_eq!(periods.hear(&frame(1500, &[(1, Label::Real, Some(0.1))])), []);
    let told = periods.hear(&frame(1600, &[(1, Label::Fake, Some(0.8))]));
    let (real, fake) = (over(&told[0]), began(&told[1]));
    assert_eq!((real.key, real.last), (first.key, time(1600)));
    assert_eq!((fake.label, fake.began), (Label::Fake, time(1600)));
}

#[test]
fn a_short_fake_is_kept_with_the_face_at_its_peak_and_another_short_label_is_not() {
    let mut periods = periods();
    periods.hear(&frame(0, &[(1, Label::Fake, Some(0.8))]));
    periods.hear(&frame(100, &[(1, Label::Fake, Some(0.95))]));
    let told = periods.hear(&frame(200, &[(1, Label::Uncertain, Some(0.6))]));
    let fake = over(&told[0]);
    assert_eq!((told.len(), fake.peak), (1, Some((0.95, time(100)))));
    assert_eq!(fake.crop.as_deref(), Some(100u64.to_le_bytes().as_slice()));
    let told = periods.hear(&frame(300, &[(1, Label::Fake, Some(0.8))]));
    assert_eq!(told.len(), 1, "the UNCERTAIN of 0.1 s is not told: {told:?}");
}

#[test]
fn a_blink_is_bridged_and_a_longer_absence_ends_at_the_last_sight() {
    let mut periods = periods();
    let real = [(1, Label::Real, Some(0.1))];
    periods.hear(&frame(0, &real));
    periods.hear(&frame(1000, &[]));
    assert_eq!(periods.hear(&frame(1900, &real)).len(), 1, "long enough now");
    assert_eq!(periods.hear(&frame(3900, &[])), []);
    let told = periods.hear(&frame(3901, &[]));
    assert_eq!(over(&told[0]).last, time(1900));
}

#[test]
fn stale_ends_a_period_and_has_none() {
    let mut periods = periods();
    for ms in [0, 1000, 1200] {
        periods.hear(&frame(ms, &[(1, Label::Real, Some(0.1))]));
    }
    let told = periods.hear(&frame(1900, &[(1, Label::Stale, Some(0.1))]));
    assert_eq!((told.len(), over(&told[0]).last), (1, time(1200)));
    assert_eq!(periods.finish(), []);
}

#[test]
fn a_connection_a_removal_silence_and_the_end_each_end_what_lasts_there() {
    let entered = Told::Entered { stream: "a".into(), state: State::Fault, at: time(1500) };
    let removed = Told::Removed { stream: "a".into() };
    for told in [entered, removed] {
        let mut periods = periods();
        for stream in ["a", "b"] {
            for ms in [0, 1000] {
                periods.hear(&frame_of(stream, ms, &[(1, Label::Real, None)]));
            }
        }
        let told = periods.hear(&told);
        assert_eq!((told.len(), &*over(&told[0]).stream), (1, "a"));
        assert_eq!(periods.lasting().count(), 1);
        assert_eq!(periods.at(time(11_000)), []);
        let told = periods.at(time(11_001));
        assert_eq!((told.len(), over(&told[0]).last), (1, time(1000)));
    }
    let mut periods = periods();
    periods.hear(&frame(0, &[(1, Label::Fake, Some(0.9)), (2, Label::Real, None)]));
    assert_eq!(periods.finish().len(), 1, "the REAL was too short");
}

fn label() -> impl Strategy<Value = Label> {
    prop::sample::select(Label::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes: a period begins before it ends, ends once, is not too short, never STALE; those of one face follow
    /// each other without overlap; its peak is no less than its mean.
    #[test]
    fn periods_of_one_face_never_overlap(
        steps in prop::collection::vec((0u64..3000, label(), prop::option::of(0f32..1.0), any::<bool>()), 1..80),
    ) {
        let mut periods = periods();
        let mut changes = Vec::new();
        let mut now = 0;
        for (step, label, fake, seen) in steps {
            now += step;
            let faces = [(1, label, fake)];
            changes.extend(periods.hear(&frame(now, if seen { &faces } else { &[] })));
            prop_assert!(periods.lasting().count() <= 1);
        }
        changes.extend(periods.finish());
        let mut open = None;
        let mut free_from = time(0);
        for change in changes {
            match change {
                Change::Began(period) => {
                    prop_assert_eq!(open, None);
                    open = Some(period.key);
                }
                Change::Ended(period) => {
                    prop_assert!(open.is_none_or(|key| key == period.key));
                    open = None;
                    prop_assert!(period.label != Label::Stale);
                    prop_assert!(period.began >= free_from && period.last >= period.began);
                    prop_assert!(period.label == Label::Fake || period.length() >= Duration::from_secs(1));
                    if let (Some((peak, at)), Some(mean)) = (period.peak, period.mean()) {
                        prop_assert!(peak + 1e-6 >= mean && at >= period.began && at <= period.last);
                    }
                    free_from = period.last;
                }
            }
        }
        prop_assert_eq!(open, None);
    }
}
