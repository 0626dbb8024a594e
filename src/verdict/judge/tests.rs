//! The judge as a whole: reasons, freshness, worst face; and what must hold for every sequence (properties).

use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::*;
use crate::crops::{Quality, Reject};
use crate::detector::{Evidence, Score, ScoredFace};

const RULE: ScoreRule =
    ScoreRule { temperature: 2.0, bias: 0.5, synthetic_at: 0.9, fake_at: 0.7, real_at: 0.3, real_side_px: 0.0 };
const STEP_MS: u64 = 125;

/// A stream whose frames come every 125 ms, by pts and by arrival.
struct Stream {
    judge: Judge,
    began: Instant,
    frame: u64,
    epoch: u32,
    /// Of every face's crop.
    side_px: f32,
}

impl Stream {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        Self::ruled(config, RULE)
    }

    fn ruled(config: Config, rule: ScoreRule) -> Self {
        Self { judge: Judge::new(&config, &rule), began: Instant::now(), frame: 0, epoch: 0, side_px: 0.0 }
    }

    fn frame(&mut self, faces: &[(u64, Evidence)]) -> Verdict {
        self.frame += 1;
        let time = Duration::from_millis(STEP_MS * self.frame);
        let stamp = Stamp {
            number: self.frame,
            epoch: self.epoch,
            pts: time,
            arrived: self.began + time,
            captured: SystemTime::UNIX_EPOCH + time,
            width: 640,
            height: 480,
        };
        let faces = faces
            .iter()
            .map(|(track, evidence)| ScoredFace {
                track: *track,
                rect: Default::default(),
                quality: Quality { side_px: self.side_px, ..Quality::default() },
                evidence: evidence.clone(),
                crop: None,
            })
            .collect();
        self.judge.update(&Analysis { stream: "a".into(), stamp, faces, picture: None })
    }

    fn frames(&mut self, count: usize, face: (u64, Evidence)) -> Verdict {
        (0..count).map(|_| self.frame(std::slice::from_ref(&face))).last().expect("count is above 0")
    }

    /// The verdict so long after the newest frame.
    fn after(&self, later: Duration) -> Verdict {
        let newest = self.began + Duration::from_millis(STEP_MS * self.frame);
        self.judge.at(newest + later).expect("a frame was judged")
    }
}

fn score(fake_logit: f32) -> Evidence {
    heads(fake_logit, None)
}

fn heads(fake_logit: f32, synthetic_logit: Option<f32>) -> Evidence {
    let span = (Duration::ZERO, Duration::from_millis(875));
    Evidence::Score(Score { fake_logit, synthetic_logit, attention: vec![0.125; 8], span, weight: 1.0 })
}

const REAL: f32 = -5.0;
const FAKE: f32 = 6.0;
const UNSURE: f32 = 0.5;

#[test]
fn a_face_too_small_for_a_live_swap_to_show_is_uncertain_until_it_comes_nearer() {
    let mut stream = Stream::ruled(Config::default(), ScoreRule { real_side_px: 112.0, ..RULE });
    stream.side_px = 80.0;
    let far = stream.frames(8, (1, score(REAL)));
    assert_eq!((far.label, far.reasons), (Label::Uncertain, vec![Reason::TooSmallForReal]));
    assert_eq!(stream.frames(8, (2, score(FAKE))).label, Label::Fake);
    stream.side_px = 200.0;
    assert_eq!(stream.frames(1, (1, score(REAL))).faces[0].label, Label::Uncertain, "one large look is not enough");
    let near = stream.frames(40, (1, score(REAL)));
    assert_eq!((near.label, near.reasons), (Label::Real, vec![]));
    let mut allowed =
        Stream::ruled(Config { real_side_px: 1.0, ..Config::default() }, ScoreRule { real_side_px: 112.0, ..RULE });
    allowed.side_px = 80.0;
    assert_eq!(allowed.frames(8, (1, score(REAL))).label, Label::Real, "the settings move the edge");
}

#[test]
fn a_face_is_real_or_fake_after_the_least_windows() {
    for (logit, label) in [(REAL, Label::Real), (FAKE, Label::Fake)] {
        let mut stream = Stream::new();
        for windows in 1..4 {
            let verdict = stream.frames(1, (1, score(logit)));
            assert_eq!((verdict.label, verdict.faces[0].windows), (Label::Uncertain, windows));
            assert_eq!(verdict.reasons, [Reason::IncompleteWindow]);
        }
        let verdict = stream.frames(1, (1, score(logit)));
        assert_eq!((verdict.label, verdict.reasons), (label, vec![]));
        let calibrated = 1.0 / (1.0 + (-(logit - 0.5) / 2.0).exp());
        assert!((verdict.fake_confidence.unwrap() - calibrated).abs() < 1e-6);
        assert!((verdict.faces[0].window_confidence.unwrap() - calibrated).abs() < 1e-6);
    }
}

#[test]
fn one_window_counts_no_more_than_the_clip() {
    let verdict = Stream::new().frames(1, (1, score(1e30)));
    assert!((verdict.fake_confidence.unwrap() - 1.0 / (1.0 + (-4.0f32).exp())).abs() < 1e-6);
}

#[test]
fn evidence_between_the_thresholds_says_so() {
    let verdict = Stream::new().frames(4, (1, score(UNSURE)));
    assert_eq!((verdict.label, verdict.reasons), (Label::Uncertain, vec![Reason::BetweenThresholds]));
}

#[test]
fn no_face_says_so_and_claims_no_evidence() {
    let mut stream = Stream::new();
    let verdict = stream.frame(&[]);
    assert_eq!((verdict.label, verdict.reasons, verdict.evidence), (Label::Uncertain, vec![Reason::NoFace], None));
    assert_eq!(stream.after(Duration::from_millis(1900)).reasons, [Reason::NoFace]);
    let stale = stream.after(Duration::from_millis(2100));
    assert_eq!((stale.label, stale.reasons), (Label::Stale, vec![Reason::SourceStale]));
}

#[test]
fn every_rejection_is_a_reason() {
    let pairs = [
        (Reject::FaceTooSmall, Reason::FaceTooSmall),
        (Reject::Blurred, Reason::Blurred),
        (Reject::Turned, Reason::Turned),
        (Reject::Dark, Reason::Dark),
        (Reject::Overexposed, Reason::Overexposed),
        (Reject::CutOff, Reason::CutOff),
    ];
    for (reject, reason) in pairs {
        let verdict = Stream::new().frames(1, (1, Evidence::Rejected(vec![reject])));
        assert_eq!(verdict.label, Label::Uncertain);
        assert_eq!(verdict.reasons, [reason, Reason::IncompleteWindow]);
    }
}

#[test]
fn a_rejected_frame_does_not_move_the_confidence_but_lets_it_age() {
    let mut stream = Stream::new();
    let before = stream.frames(4, (1, score(REAL)));
    let turned = Evidence::Rejected(vec![Reject::Turned]);
    let fresh = stream.frames(16, (1, turned.clone()));
    assert_eq!((fresh.label, fresh.fake_confidence), (Label::Real, before.fake_confidence));
    let stale = stream.frames(1, (1, turned));
    assert_eq!((stale.label, stale.reasons), (Label::Stale, vec![Reason::Turned]));
    assert_eq!(stale.evidence, before.evidence);
}

#[test]
fn a_face_that_went_stale_is_judged_anew() {
    let mut stream = Stream::new();
    stream.frames(8, (1, score(REAL)));
    let stale = stream.frames(20, (1, Evidence::Gathering { have: 3 }));
    assert_eq!((stale.label, stale.reasons), (Label::Stale, vec![Reason::IncompleteWindow]));
    let anew = stream.frames(1, (1, score(FAKE)));
    assert_eq!((anew.label, anew.faces[0].windows), (Label::Uncertain, 1));
    assert_eq!(stream.frames(3, (1, score(FAKE))).label, Label::Fake);
}

#[test]
fn a_source_that_falls_silent_is_stale() {
    let mut stream = Stream::new();
    stream.frames(8, (1, score(REAL)));
    assert_eq!(stream.after(Duration::from_millis(2000)).label, Label::Real);
    let stale = stream.after(Duration::from_millis(2001));
    assert_eq!((stale.label, stale.faces[0].label), (Label::Stale, Label::Stale));
    assert_eq!((stale.reasons, stale.faces[0].reasons.clone()), (vec![Reason::SourceStale], vec![Reason::SourceStale]));
}

#[test]
fn a_detector_that_fails_or_loses_frames_says_so() {
    let mut stream = Stream::new();
    let failed = stream.frames(1, (1, Evidence::Failed));
    assert_eq!(failed.reasons, [Reason::DetectorDegraded, Reason::IncompleteWindow]);
    let broken = stream.frames(1, (1, score(f32::NAN)));
    assert_eq!(broken.reasons, [Reason::DetectorDegraded, Reason::IncompleteWindow]);
    assert_eq!(broken.fake_confidence, None);
    stream.judge.frames_lost();
    let lost = stream.frames(1, (1, Evidence::Gathering { have: 1 }));
    assert_eq!(lost.reasons, [Reason::DetectorDegraded, Reason::IncompleteWindow]);
    let well = stream.frames(1, (1, Evidence::Gathering { have: 2 }));
    assert_eq!(well.reasons, [Reason::IncompleteWindow]);
}

#[test]
fn the_synthetic_head_raises_uncertain_and_nothing_else() {
    let verdict = Stream::new().frames(4, (1, heads(REAL, Some(5.0))));
    assert_eq!((verdict.label, verdict.reasons), (Label::Uncertain, vec![Reason::HeadsDisagree]));
    assert!(verdict.faces[0].synthetic_confidence.unwrap() > 0.9);
    assert_eq!(Stream::new().frames(4, (1, heads(FAKE, Some(-5.0)))).label, Label::Fake);
    assert_eq!(Stream::new().frames(4, (1, heads(REAL, Some(0.0)))).label, Label::Real);
}

#[test]
fn a_face_that_follows_another_says_so_until_it_has_windows_of_its_own() {
    let mut stream = Stream::new();
    stream.frames(8, (1, score(REAL)));
    let switched = stream.frames(1, (2, score(REAL)));
    assert_eq!(switched.faces[0].reasons, [Reason::TrackSwitch, Reason::IncompleteWindow]);
    assert_eq!(switched.label, Label::Uncertain);
    assert_eq!(stream.frames(3, (2, score(REAL))).faces[0].label, Label::Real);
}

#[test]
fn a_face_that_joins_another_is_no_switch() {
    let mut stream = Stream::new();
    stream.frames(8, (1, score(REAL)));
    let joined = stream.frame(&[(1, score(REAL)), (2, score(REAL))]);
    assert_eq!(joined.faces[1].reasons, [Reason::IncompleteWindow]);
}

#[test]
fn the_worst_face_speaks_for_the_stream() {
    let mut stream = Stream::new();
    let all = [(1, score(REAL)), (2, score(UNSURE)), (3, score(FAKE))];
    let label = |stream: &mut Stream, faces: &[(u64, Evidence)]| (0..4).map(|_| stream.frame(faces).label).last();
    assert_eq!(label(&mut stream, &all), Some(Label::Fake));
    assert_eq!(label(&mut Stream::new(), &all[..2]), Some(Label::Uncertain));
    assert_eq!(label(&mut Stream::new(), &all[..1]), Some(Label::Real));
    let mut aged = Stream::new();
    label(&mut aged, &[(1, score(REAL)), (2, score(REAL))]);
    for _ in 0..17 {
        aged.frame(&[(1, score(REAL)), (2, Evidence::Rejected(vec![Reject::Blurred]))]);
    }
    let verdict = aged.frame(&[(1, score(REAL)), (2, Evidence::Rejected(vec![Reject::Blurred]))]);
    assert_eq!((verdict.label, verdict.reasons), (Label::Stale, vec![Reason::Blurred]));
}

#[test]
fn a_vanished_face_counts_until_it_is_forgotten() {
    let mut stream = Stream::new();
    stream.frames(4, (1, score(FAKE)));
    let mut seen = Vec::new();
    for _ in 0..17 {
        let verdict = stream.frame(&[]);
        assert_eq!(verdict.faces, []);
        seen.push(verdict.label);
    }
    assert_eq!(seen[..16], [Label::Fake; 16]);
    assert_eq!(seen[16], Label::Uncertain);
}

#[test]
fn a_remembered_face_goes_stale_out_of_sight() {
    let mut stream = Stream::with(Config { forget_secs: 10.0, ..Config::default() });
    stream.frames(4, (1, score(FAKE)));
    let verdict = (0..17).map(|_| stream.frame(&[])).last().unwrap();
    assert_eq!((verdict.label, verdict.reasons), (Label::Stale, vec![Reason::NoFace]));
}

#[test]
fn a_stream_that_was_started_anew_starts_from_nothing() {
    let mut stream = Stream::new();
    assert_eq!(stream.frames(80, (1, score(FAKE))).label, Label::Fake);
    stream.frame = 0;
    let verdict = stream.frame(&[(2, score(REAL))]);
    assert_eq!((verdict.label, verdict.reasons), (Label::Uncertain, vec![Reason::IncompleteWindow]));
}

#[test]
fn a_new_connection_starts_from_nothing() {
    let mut stream = Stream::new();
    stream.frames(8, (1, score(FAKE)));
    stream.epoch = 1;
    let verdict = stream.frames(1, (2, score(REAL)));
    assert_eq!((verdict.label, verdict.reasons), (Label::Uncertain, vec![Reason::IncompleteWindow]));
}

/// One frame's evidence of one face, or no face.
fn step() -> impl Strategy<Value = Option<Evidence>> {
    prop_oneof![
        6 => (-12.0f32..12.0, 0.0f32..1.0).prop_map(|(logit, weight)| {
            let Evidence::Score(score) = score(logit) else { unreachable!("score() makes scores") };
            Some(Evidence::Score(Score { weight, ..score }))
        }),
        1 => Just(Some(Evidence::Gathering { have: 3 })),
        2 => Just(Some(Evidence::Rejected(vec![Reject::Turned]))),
        1 => Just(Some(Evidence::Failed)),
        1 => Just(None),
    ]
}

fn faces(step: &Option<Evidence>) -> Vec<(u64, Evidence)> {
    step.iter().map(|evidence| (1, evidence.clone())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_frozen_real_is_impossible(steps in prop::collection::vec(step(), 1..80), later_ms in 0u64..10_000) {
        let mut stream = Stream::new();
        let mut newest_score = None;
        for step in &steps {
            let verdict = stream.frame(&faces(step));
            if verdict.faces.iter().any(|face| face.window_confidence.is_some()) {
                newest_score = Some(stream.frame);
            }
            let age_ms = newest_score.map(|frame| STEP_MS * (stream.frame - frame));
            if matches!(verdict.label, Label::Real | Label::Fake) {
                prop_assert!(age_ms.is_some_and(|age| age <= 2000), "{verdict:?}");
            }
            prop_assert_eq!(verdict.reasons.is_empty(), matches!(verdict.label, Label::Real | Label::Fake));
            let later = stream.after(Duration::from_millis(later_ms));
            if matches!(later.label, Label::Real | Label::Fake) {
                prop_assert!(age_ms.is_some_and(|age| age + later_ms <= 2000), "{later:?}");
            }
            prop_assert_eq!(later.label == Label::Stale || later_ms <= 2000, true);
        }
    }

    #[test]
    fn more_evidence_for_fake_never_lowers_the_confidence(
        logits in prop::collection::vec((-12.0f32..12.0, 0.01f32..1.0), 1..40), raised in 0usize..40, by in 0.0f32..5.0,
    ) {
        let (mut low, mut high) = (Stream::new(), Stream::new());
        for (index, (logit, weight)) in logits.iter().enumerate() {
            let lifted = if index == raised { logit + by } else { *logit };
            let weighted = |logit| match score(logit) {
                Evidence::Score(score) => Evidence::Score(Score { weight: *weight, ..score }),
                other => other,
            };
            let below = low.frames(1, (1, weighted(*logit))).fake_confidence;
            let above = high.frames(1, (1, weighted(lifted))).fake_confidence;
            prop_assert!(above >= below, "{above:?} < {below:?}");
        }
    }

    #[test]
    fn a_decided_face_flips_at_most_once_a_dwell(logits in prop::collection::vec(-12.0f32..12.0, 1..200)) {
        let config = Config { time_constant_secs: 0.1, min_windows: 1, ..Config::default() };
        let mut stream = Stream::with(config);
        let (mut told, mut flipped) = (None, None);
        for logit in logits {
            let label = stream.frames(1, (1, score(logit))).label;
            if told.is_some_and(|told| told != label) {
                let since = flipped.map(|frame| STEP_MS * (stream.frame - frame));
                prop_assert!(since.is_none_or(|ms| ms >= 500), "{since:?}");
                flipped = Some(stream.frame);
            }
            told = Some(label);
        }
    }

    #[test]
    fn the_same_frames_give_the_same_verdicts_whatever_their_pace(steps in prop::collection::vec(step(), 1..60)) {
        let (mut live, mut fast) = (Stream::new(), Stream::new());
        for step in &steps {
            let slow = live.frame(&faces(step));
            fast.began = Instant::now();
            let quick = fast.frame(&faces(step));
            prop_assert_eq!((slow.label, slow.fake_confidence, slow.reasons), (quick.label, quick.fake_confidence, quick.reasons));
            prop_assert_eq!(slow.faces, quick.faces);
        }
    }
}
