//! From a confidence to what is told: thresholds, hysteresis and dwell. In: rolling probabilities with their pts.
//! Out: a [`Finding`] that does not flap. Called by `face`.

use std::time::Duration;

use super::{Config, Label, Reason};

/// What the evidence of a face comes to. Of a whole file `score` asks without a past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    Real,
    Fake,
    /// Between the thresholds.
    Between,
    /// The fake head says REAL, the synthetic head objects.
    Disagree,
    /// The fake head says REAL of a face so small that it would say so of a live swap too.
    Unseen,
}

impl Finding {
    pub fn label(self) -> Label {
        match self {
            Self::Real => Label::Real,
            Self::Fake => Label::Fake,
            Self::Between | Self::Disagree | Self::Unseen => Label::Uncertain,
        }
    }

    pub fn reason(self) -> Option<Reason> {
        match self {
            Self::Real | Self::Fake => None,
            Self::Between => Some(Reason::BetweenThresholds),
            Self::Disagree => Some(Reason::HeadsDisagree),
            Self::Unseen => Some(Reason::TooSmallForReal),
        }
    }
}

/// What speaks against REAL where the fake head says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Doubt {
    /// The synthetic head does not think the face real.
    pub synthetic: bool,
    /// The face is smaller than those in which a live swap was seen (`score.real_side_px` of the contract).
    pub small: bool,
}

/// What was told last, and what wants to be told instead since when.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    told: Option<Finding>,
    pending: Option<(Finding, Duration)>,
}

impl Decision {
    /// Takes the confidences as of a window that ended at `pts`. The first finding is told at once (the caller has
    /// waited for `min_windows`); another one when every window for `dwell_secs` has said the same.
    pub fn update(&mut self, config: &Config, pts: Duration, fake: f32, doubt: Doubt) -> Finding {
        let found = classify(config, self.told, fake, doubt);
        let since = match self.pending {
            Some((wanted, since)) if wanted == found => since,
            _ => pts,
        };
        match self.told {
            Some(told) if told != found && pts.saturating_sub(since).as_secs_f64() < config.dwell_secs => {
                self.pending = Some((found, since));
                told
            }
            _ => {
                *self = Self { told: Some(found), pending: None };
                found
            }
        }
    }
}

/// A label that was told is left only when the confidence comes back beyond its threshold by the hysteresis (a Schmitt
/// trigger).
pub fn classify(config: &Config, told: Option<Finding>, fake: f32, doubt: Doubt) -> Finding {
    let fake_at = if told == Some(Finding::Fake) { config.fake_at - config.hysteresis } else { config.fake_at };
    let leaning_real = matches!(told, Some(Finding::Real | Finding::Disagree | Finding::Unseen));
    let real_at = if leaning_real { config.real_at + config.hysteresis } else { config.real_at };
    if fake >= fake_at {
        Finding::Fake
    } else if fake > real_at {
        Finding::Between
    } else if doubt.synthetic {
        Finding::Disagree
    } else if doubt.small {
        Finding::Unseen
    } else {
        Finding::Real
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(steps: &[(u64, f32, bool)]) -> Vec<Finding> {
        let config = Config::default();
        let mut decision = Decision::default();
        let told = |&(ms, fake, synthetic)| {
            decision.update(&config, Duration::from_millis(ms), fake, Doubt { synthetic, ..Doubt::default() })
        };
        steps.iter().map(told).collect()
    }

    #[test]
    fn thresholds_belong_to_their_labels() {
        for (fake, finding) in
            [(0.70, Finding::Fake), (0.699, Finding::Between), (0.301, Finding::Between), (0.30, Finding::Real)]
        {
            assert_eq!(run(&[(0, fake, false)]), [finding], "{fake}");
        }
    }

    #[test]
    fn a_label_is_left_only_beyond_the_hysteresis() {
        use Finding::{Between, Fake, Real};
        assert_eq!(run(&[(0, 0.8, false), (1000, 0.66, false), (2000, 0.66, false)]), [Fake, Fake, Fake]);
        assert_eq!(run(&[(0, 0.8, false), (1000, 0.64, false), (2000, 0.64, false)]), [Fake, Fake, Between]);
        assert_eq!(run(&[(0, 0.2, false), (1000, 0.34, false), (2000, 0.34, false)]), [Real, Real, Real]);
    }

    #[test]
    fn a_new_label_must_hold_for_the_dwell_without_a_break() {
        use Finding::{Fake, Real};
        let told = run(&[(0, 0.1, false), (100, 0.9, false), (500, 0.9, false), (600, 0.9, false)]);
        assert_eq!(told, [Real, Real, Real, Fake]);
        let told = run(&[(0, 0.1, false), (100, 0.9, false), (500, 0.1, false), (600, 0.9, false), (1000, 0.9, false)]);
        assert_eq!(told, [Real; 5]);
    }

    #[test]
    fn the_synthetic_head_objects_to_real_only() {
        assert_eq!(run(&[(0, 0.1, true)]), [Finding::Disagree]);
        assert_eq!(run(&[(0, 0.5, true)]), [Finding::Between]);
        assert_eq!(run(&[(0, 0.9, true)]), [Finding::Fake]);
    }

    #[test]
    fn a_small_face_may_be_fake_but_not_real() {
        let config = Config::default();
        let small = |fake| classify(&config, None, fake, Doubt { small: true, ..Doubt::default() });
        assert_eq!([0.1, 0.5, 0.9].map(small), [Finding::Unseen, Finding::Between, Finding::Fake]);
        assert_eq!(classify(&config, None, 0.1, Doubt { small: true, synthetic: true }), Finding::Disagree);
    }
}
