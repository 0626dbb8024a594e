//! One file's account. In: its analyses in order. Out: the [`Outcome`]. Filled on the detector's thread, finished by
//! `Scorer`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::outcome::{Moment, Outcome, TrackScore, seconds};
use super::play::Played;
use crate::detector::{Analysis, Evidence, ScoredFace};
use crate::infer::contract::ScoreRule;
use crate::verdict::{self, Doubt, FaceVerdict, Finding, Judge, Label, Reason, Verdict};

pub(super) struct Sheet {
    judge: Judge,
    /// The thresholds in force.
    bounds: verdict::Config,
    rule: ScoreRule,
    still: Option<Still>,
    /// Analyses seen.
    pub taken: u64,
    analysed: u64,
    faces: u64,
    windows: u64,
    tracks: BTreeMap<u64, Tally>,
    timeline: Vec<Moment>,
}

/// A picture is looked at until its window is full; only the last look counts.
struct Still {
    looks: u64,
    /// What would be enough of a film.
    film: verdict::Config,
}

/// The running sums of one track.
#[derive(Default)]
struct Tally {
    first: Duration,
    last: Duration,
    windows: u64,
    fake: Mean,
    synthetic: Mean,
    /// Side of the crop in pixels of the frame.
    side: Mean,
    reasons: BTreeMap<Reason, u64>,
}

/// An average by weight, of log-odds or of sides.
#[derive(Default)]
struct Mean {
    sum: f64,
    weight: f64,
}

impl Mean {
    fn add(&mut self, value: f64, weight: f64) {
        self.weight += weight;
        self.sum += weight * value;
    }

    fn mean(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }

    fn probability(&self) -> Option<f32> {
        self.mean().map(|log_odds| (1.0 / (1.0 + (-log_odds).exp())) as f32)
    }
}

impl Sheet {
    /// `looks`: of a still picture, how often it is looked at.
    pub fn new(thresholds: &verdict::Config, rule: &ScoreRule, looks: Option<u64>) -> Self {
        let film = thresholds.clone();
        let still = looks.map(|looks| Still { looks, film });
        let bounds = if still.is_some() { for_a_still(thresholds) } else { thresholds.clone() };
        Self {
            judge: Judge::new(&bounds, rule),
            bounds,
            rule: *rule,
            still,
            taken: 0,
            analysed: 0,
            faces: 0,
            windows: 0,
            tracks: BTreeMap::new(),
            timeline: Vec::new(),
        }
    }

    pub fn add(&mut self, analysis: &Analysis) {
        let mut verdict = self.judge.update(analysis);
        self.taken += 1;
        if let Some(still) = &self.still {
            if self.taken < still.looks {
                return;
            }
            verdict.stamp.pts = Duration::ZERO;
            still.own_up(&mut verdict);
        }
        self.analysed += 1;
        for face in &verdict.faces {
            self.faces += 1;
            let scored = analysis.faces.iter().find(|scored| scored.track == face.track);
            let tally =
                self.tracks.entry(face.track).or_insert_with(|| Tally { first: verdict.stamp.pts, ..Tally::default() });
            tally.add(face, scored, verdict.stamp.pts, f64::from(self.bounds.clip_log_odds));
            self.windows += u64::from(face.window_confidence.is_some());
        }
        self.timeline.push(Moment::of(&verdict));
    }

    pub fn finish(self, played: Played) -> Outcome {
        let tracks: Vec<_> = self.tracks.iter().map(|(id, tally)| tally.score(*id, &self.bounds, &self.rule)).collect();
        let worst = tracks.iter().max_by(|a, b| {
            a.verdict
                .cmp(&b.verdict)
                .then(a.fake_confidence.unwrap_or(0.0).total_cmp(&b.fake_confidence.unwrap_or(0.0)))
        });
        let reasons = match worst {
            None => vec![Reason::NoFace],
            Some(track) if track.verdict == Label::Uncertain => track.main_reasons(),
            Some(_) => Vec::new(),
        };
        Outcome {
            verdict: worst.map_or(Label::Uncertain, |track| track.verdict),
            fake_confidence: worst.and_then(|track| track.fake_confidence),
            reasons,
            duration_secs: seconds(played.last),
            frames: played.frames,
            analysed: self.analysed,
            faces: self.faces,
            windows: self.windows,
            damage: played.damage,
            width: played.size.0,
            height: played.size.1,
            tracks,
            timeline: self.timeline,
        }
    }
}

/// A picture gives one window and no movement: it must lie twice as far beyond a threshold as a film, measured towards
/// certainty.
fn for_a_still(film: &verdict::Config) -> verdict::Config {
    let (fake_at, real_at) = ((1.0 + film.fake_at) / 2.0, film.real_at / 2.0);
    verdict::Config { min_windows: 1, fake_at, real_at, ..film.clone() }
}

impl Still {
    /// What a film's thresholds would have decided is undecided because it is a picture, and says so.
    fn own_up(&self, verdict: &mut Verdict) {
        let Verdict { fake_confidence, reasons, faces, .. } = verdict;
        let all = faces.iter_mut().map(|face| (face.fake_confidence, &mut face.reasons));
        for (fake, reasons) in all.chain([(*fake_confidence, reasons)]) {
            let decided = fake.is_some_and(|fake| fake >= self.film.fake_at || fake <= self.film.real_at);
            if let Some(reason) = reasons.iter_mut().find(|reason| **reason == Reason::BetweenThresholds && decided) {
                *reason = Reason::StillPicture;
            }
        }
    }
}

impl Tally {
    fn add(&mut self, face: &FaceVerdict, scored: Option<&ScoredFace>, pts: Duration, clip: f64) {
        self.last = pts;
        for reason in &face.reasons {
            *self.reasons.entry(*reason).or_default() += 1;
        }
        if let Some(window) = face.window_confidence {
            let window = f64::from(window);
            let weight = f64::from(face.quality.weight.clamp(0.0, 1.0));
            self.windows += 1;
            self.fake.add((window / (1.0 - window)).ln().clamp(-clip, clip), weight);
            self.side.add(f64::from(face.quality.side_px), weight);
            if let Some(Evidence::Score(score)) = scored.map(|scored| &scored.evidence)
                && let Some(logit) = score.synthetic_logit.filter(|logit| logit.is_finite())
            {
                self.synthetic.add(f64::from(logit).clamp(-clip, clip), weight);
            }
        }
    }

    fn score(&self, track: u64, bounds: &verdict::Config, rule: &ScoreRule) -> TrackScore {
        let (fake, synthetic) = (self.fake.probability(), self.synthetic.probability());
        let doubt = Doubt {
            synthetic: synthetic.is_some_and(|synthetic| synthetic >= rule.synthetic_at),
            small: self.side.mean().is_some_and(|side| side < f64::from(bounds.real_side_px(rule))),
        };
        let finding = fake
            .filter(|fake| self.windows >= u64::from(bounds.min_windows) && !fake.is_nan())
            .map(|fake| verdict::classify(bounds, None, fake, doubt));
        let mut reasons = self.reasons.clone();
        if let Some(reason @ (Reason::HeadsDisagree | Reason::TooSmallForReal)) = finding.and_then(Finding::reason) {
            // Of all its windows together, whatever single ones said.
            let frames = reasons.entry(reason).or_default();
            *frames = self.windows.max(*frames);
        }
        TrackScore {
            track,
            verdict: finding.map_or(Label::Uncertain, Finding::label),
            fake_confidence: fake,
            synthetic_confidence: synthetic,
            windows: self.windows,
            first_secs: seconds(self.first),
            last_secs: seconds(self.last),
            reasons,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: ScoreRule =
        ScoreRule { temperature: 1.0, bias: 0.0, synthetic_at: 0.9, fake_at: 0.7, real_at: 0.3, real_side_px: 0.0 };

    fn tally(fake: f64, synthetic: f64) -> Tally {
        let mut tally = Tally { windows: 10, ..Tally::default() };
        tally.fake.add(fake, 1.0);
        tally.synthetic.add(synthetic, 1.0);
        tally
    }

    #[test]
    fn a_face_that_only_the_synthetic_head_doubts_is_not_real() {
        let score = |fake, synthetic| tally(fake, synthetic).score(1, &verdict::Config::default(), &RULE);
        assert_eq!(score(-2.0, 0.0).verdict, Label::Real);
        assert_eq!(score(2.0, 3.0).verdict, Label::Fake);
        let doubted = score(-2.0, 3.0);
        assert_eq!((doubted.verdict, doubted.main_reasons()), (Label::Uncertain, vec![Reason::HeadsDisagree]));
    }

    #[test]
    fn a_few_windows_decide_nothing() {
        let few = Tally { windows: 1, ..tally(5.0, 0.0) };
        assert_eq!(few.score(1, &verdict::Config::default(), &RULE).verdict, Label::Uncertain);
    }

    #[test]
    fn a_face_that_is_small_on_average_is_not_real_unless_the_settings_allow_it() {
        let score = |side, real_side_px, fake| {
            let bounds = verdict::Config { real_side_px, ..verdict::Config::default() };
            let mut tally = tally(fake, 0.0);
            tally.side.add(side, 1.0);
            tally.score(1, &bounds, &ScoreRule { real_side_px: 112.0, ..RULE })
        };
        let small = score(100.0, 0.0, -2.0);
        assert_eq!((small.verdict, small.main_reasons()), (Label::Uncertain, vec![Reason::TooSmallForReal]));
        assert_eq!(score(100.0, 0.0, 2.0).verdict, Label::Fake);
        assert_eq!(score(120.0, 0.0, -2.0).verdict, Label::Real);
        assert_eq!(score(100.0, 90.0, -2.0).verdict, Label::Real);
        assert_eq!(score(120.0, 200.0, -2.0).verdict, Label::Uncertain);
    }
}
