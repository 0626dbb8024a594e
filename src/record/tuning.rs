//! Settings that can be changed while the program runs. In: the settings it started with and what was changed since.
//! Out: the values in force. Precedence: environment, then changed here, then file, then default. Kept by `writer`,
//! shown and changed through `web`.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::Config;
use crate::verdict;

/// A setting that can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    FakeAt,
    RealAt,
    KeepDays,
    KeepMb,
    AnalysesKeepDays,
    AnalysesKeepMb,
    EvidenceKeepDays,
    EvidenceKeepMb,
}

impl Key {
    pub const ALL: [Self; 8] = [
        Self::FakeAt,
        Self::RealAt,
        Self::KeepDays,
        Self::KeepMb,
        Self::AnalysesKeepDays,
        Self::AnalysesKeepMb,
        Self::EvidenceKeepDays,
        Self::EvidenceKeepMb,
    ];

    /// As in the settings file.
    pub fn name(self) -> &'static str {
        match self {
            Self::FakeAt => "verdict.fake_at",
            Self::RealAt => "verdict.real_at",
            Self::KeepDays => "record.keep_days",
            Self::KeepMb => "record.keep_mb",
            Self::AnalysesKeepDays => "analyses.keep_days",
            Self::AnalysesKeepMb => "analyses.keep_mb",
            Self::EvidenceKeepDays => "evidence.keep_days",
            Self::EvidenceKeepMb => "evidence.keep_mb",
        }
    }

    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }

    fn unit(self) -> &'static str {
        match self {
            Self::FakeAt | Self::RealAt => "confidence",
            Self::KeepDays | Self::AnalysesKeepDays | Self::EvidenceKeepDays => "days",
            Self::KeepMb | Self::AnalysesKeepMb | Self::EvidenceKeepMb => "MB",
        }
    }

    fn meaning(self) -> &'static str {
        match self {
            Self::FakeAt => "A face whose rolling fake confidence is at or above it is FAKE.",
            Self::RealAt => "At or below it the face is REAL; between the two it is UNCERTAIN.",
            Self::KeepDays => "Events and their pictures are removed after so many days.",
            Self::KeepMb => "Above so much the oldest events are removed.",
            Self::AnalysesKeepDays => "Results of uploaded files are removed after so many days.",
            Self::AnalysesKeepMb => "Above so much the oldest results of uploaded files are removed.",
            Self::EvidenceKeepDays => "Video and faces of alerts are removed after so many days.",
            Self::EvidenceKeepMb => "Above so much the oldest video and faces of alerts are removed.",
        }
    }
}

/// The rooms' settings that hold the keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    pub verdict: verdict::Config,
    pub record: Config,
    pub analyses: Keep,
    pub evidence: Keep,
}

/// How long and how much a later room keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    pub days: u32,
    /// 2^20 bytes.
    pub mb: u32,
    /// The least and the most that `mb` may be.
    pub mb_range: (u32, u32),
}

impl Values {
    fn get(&self, key: Key) -> f64 {
        match key {
            Key::FakeAt => shown(self.verdict.fake_at),
            Key::RealAt => shown(self.verdict.real_at),
            Key::KeepDays => self.record.keep_days.into(),
            Key::KeepMb => self.record.keep_mb.into(),
            Key::AnalysesKeepDays => self.analyses.days.into(),
            Key::AnalysesKeepMb => self.analyses.mb.into(),
            Key::EvidenceKeepDays => self.evidence.days.into(),
            Key::EvidenceKeepMb => self.evidence.mb.into(),
        }
    }

    /// What the file's check accepts of it alone (tested).
    fn range(&self, key: Key) -> (f64, f64) {
        let of = |(low, high): (u32, u32)| (low.into(), high.into());
        match key {
            Key::FakeAt => (0.5, 1.0),
            Key::RealAt => (0.0, 0.5),
            Key::KeepDays | Key::AnalysesKeepDays | Key::EvidenceKeepDays => (1.0, 3650.0),
            Key::KeepMb => (1.0, 1_000_000.0),
            Key::AnalysesKeepMb => of(self.analyses.mb_range),
            Key::EvidenceKeepMb => of(self.evidence.mb_range),
        }
    }

    /// A value that must be whole and in its range.
    fn whole(&self, key: Key, value: f64) -> Result<u32, Refused> {
        let (low, high) = self.range(key);
        if value.fract() == 0.0 && (low..=high).contains(&value) {
            return Ok(value as u32);
        }
        let message = format!("must be a whole number {low}-{high}, got {value}");
        Err(Refused { field: key.name().into(), message })
    }

    fn set(&mut self, key: Key, value: f64) -> Result<(), Refused> {
        match key {
            Key::FakeAt => self.verdict.fake_at = value as f32,
            Key::RealAt => self.verdict.real_at = value as f32,
            Key::KeepDays => self.record.keep_days = self.whole(key, value)?,
            Key::KeepMb => self.record.keep_mb = self.whole(key, value)?,
            Key::AnalysesKeepDays => self.analyses.days = self.whole(key, value)?,
            Key::AnalysesKeepMb => self.analyses.mb = self.whole(key, value)?,
            Key::EvidenceKeepDays => self.evidence.days = self.whole(key, value)?,
            Key::EvidenceKeepMb => self.evidence.mb = self.whole(key, value)?,
        }
        Ok(())
    }

    /// The same check as the file's; what a later room keeps is checked by its range alone.
    fn check(&self) -> Result<(), Refused> {
        let mut faults = Vec::new();
        self.verdict.check(&mut faults);
        let verdict = faults.drain(..).map(|(key, message)| (format!("verdict.{key}"), message)).collect::<Vec<_>>();
        self.record.check(&mut faults);
        let record = faults.into_iter().map(|(key, message)| (format!("record.{key}"), message));
        match verdict.into_iter().chain(record).next() {
            Some((field, message)) => Err(Refused { field, message }),
            None => Ok(()),
        }
    }
}

/// A confidence as it was written: an f32 of 0.7 would read 0.699999988 as an f64.
fn shown(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_default()
}

/// Why a change was not made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field} {message}")]
pub struct Refused {
    /// The setting that it is about.
    pub field: String,
    pub message: String,
}

/// Blames a setting of the request: two that are possible alone may leave no room for a third.
fn about(refused: Refused, changes: &BTreeMap<Key, Option<f64>>) -> Refused {
    let named = changes.keys().any(|key| key.name() == refused.field);
    match changes.keys().next() {
        Some(first) if !named => {
            let message = format!("does not go with {}, which {}", refused.field, refused.message);
            Refused { field: first.name().into(), message }
        }
        _ => refused,
    }
}

/// One setting, as the API shows it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Setting {
    pub key: &'static str,
    pub value: f64,
    /// What it was at the start, from file or default: what null goes back to.
    pub default: f64,
    /// Changed here, while the program ran.
    pub changed: bool,
    /// Set by the environment, which wins: it cannot be changed here.
    pub fixed: bool,
    pub unit: &'static str,
    pub low: f64,
    pub high: f64,
    pub meaning: &'static str,
}

/// The values in force and where they come from.
#[derive(Clone, Debug)]
pub struct Tuning {
    start: Values,
    fixed: Vec<Key>,
    changed: BTreeMap<Key, f64>,
    now: Values,
}

impl Tuning {
    /// `start`: as environment, file and defaults have it; `fixed`: what the environment has set.
    pub fn new(start: Values, fixed: Vec<Key>) -> Self {
        Self { now: start.clone(), start, fixed, changed: BTreeMap::new() }
    }

    pub fn now(&self) -> &Values {
        &self.now
    }

    /// Takes changes in, all or none; None goes back to the start's value.
    pub fn change(&mut self, changes: &BTreeMap<Key, Option<f64>>) -> Result<(), Refused> {
        let mut changed = self.changed.clone();
        for (key, value) in changes {
            if self.fixed.contains(key) {
                let message = "is set by the environment, which wins; change it there".to_owned();
                return Err(Refused { field: key.name().into(), message });
            }
            match value {
                Some(value) => drop(changed.insert(*key, *value)),
                None => drop(changed.remove(key)),
            }
        }
        let now = self.with(&changed).map_err(|refused| about(refused, changes))?;
        (self.changed, self.now) = (changed, now);
        Ok(())
    }

    /// Takes in what was kept from an earlier start; what the environment sets by now, or is no longer possible with the
    /// settings of this start, is passed over. Gives what was passed over, and why.
    pub fn restore(&mut self, kept: &BTreeMap<Key, f64>) -> Vec<Refused> {
        let all = kept.iter().map(|(key, value)| (*key, Some(*value)));
        // Together first: one alone may be impossible beside the start's other values.
        if self.change(&all.clone().collect()).is_ok() {
            return Vec::new();
        }
        all.filter_map(|one| self.change(&BTreeMap::from([one])).err()).collect()
    }

    fn with(&self, changed: &BTreeMap<Key, f64>) -> Result<Values, Refused> {
        let mut values = self.start.clone();
        for (key, value) in changed {
            values.set(*key, *value)?;
        }
        values.check()?;
        Ok(values)
    }

    pub fn list(&self) -> Vec<Setting> {
        let setting = |key: Key| {
            let (low, high) = self.now.range(key);
            Setting {
                key: key.name(),
                value: self.now.get(key),
                default: self.start.get(key),
                changed: self.changed.contains_key(&key),
                fixed: self.fixed.contains(&key),
                unit: key.unit(),
                low,
                high,
                meaning: key.meaning(),
            }
        };
        Key::ALL.into_iter().map(setting).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuning(fixed: &[Key]) -> Tuning {
        let (verdict, record) = (verdict::Config::default(), Config::default());
        let analyses = Keep { days: 30, mb: 2000, mb_range: (10, 1_000_000) };
        let evidence = Keep { mb_range: (128, 100_000_000), ..analyses };
        Tuning::new(Values { verdict, record, analyses, evidence }, fixed.to_vec())
    }

    fn changes<T>(list: &[(Key, T)]) -> BTreeMap<Key, T>
    where
        T: Copy,
    {
        list.iter().copied().collect()
    }

    #[test]
    fn the_ranges_are_those_that_the_file_is_checked_with() {
        for key in Key::ALL {
            let (low, high) = tuning(&[]).now.range(key);
            for (value, good) in [(low, true), (high, true), (low - 0.1, false), (high + 1.0, false)] {
                let mut tuning = tuning(&[]);
                // Thresholds at their ends need no hysteresis.
                tuning.start.verdict.hysteresis = 0.0;
                let answer = tuning.change(&changes(&[(key, Some(value))]));
                assert_eq!(answer.is_ok(), good, "{key:?} {value}: {answer:?}");
                if let Err(refused) = answer {
                    assert_eq!(refused.field, key.name());
                }
            }
            assert_eq!(Key::of(key.name()), Some(key));
        }
    }

    #[test]
    fn a_change_is_made_whole_or_not_at_all_and_null_takes_it_back() {
        let mut tuning = tuning(&[]);
        tuning.change(&changes(&[(Key::FakeAt, Some(0.8)), (Key::KeepDays, Some(7.0))])).unwrap();
        assert_eq!((tuning.now().verdict.fake_at, tuning.now().record.keep_days), (0.8, 7));
        tuning.change(&changes(&[(Key::RealAt, Some(0.2)), (Key::KeepDays, Some(0.5))])).unwrap_err();
        assert_eq!(tuning.now().verdict.real_at, 0.3);
        tuning.change(&changes(&[(Key::FakeAt, None)])).unwrap();
        let fake_at = &tuning.list()[0];
        assert_eq!((fake_at.value, fake_at.default, fake_at.changed), (0.7, 0.7, false));
        assert!(tuning.list()[2].changed);
    }

    #[test]
    fn the_environment_wins_over_what_was_changed_and_that_over_the_file() {
        let mut tuning = tuning(&[Key::FakeAt]);
        let refused = tuning.restore(&changes(&[(Key::FakeAt, 0.9), (Key::RealAt, 0.1)]));
        assert_eq!(refused.len(), 1);
        assert_eq!((tuning.now().verdict.fake_at, tuning.now().verdict.real_at), (0.7, 0.1));
        assert!(tuning.change(&changes(&[(Key::FakeAt, Some(0.9))])).unwrap_err().message.contains("environment"));
        assert!(tuning.list()[0].fixed);
    }

    #[test]
    fn what_is_no_longer_possible_is_passed_over() {
        let mut tuning = tuning(&[]);
        let refused = tuning.restore(&changes(&[(Key::RealAt, 0.9), (Key::KeepDays, 3.0)]));
        assert_eq!((refused.len(), tuning.now().record.keep_days), (1, 3));
    }

    #[test]
    fn a_gap_too_narrow_is_told_of_the_setting_that_was_changed() {
        let mut tuning = tuning(&[]);
        tuning.start.verdict.hysteresis = 0.2;
        tuning.start.verdict.real_at = 0.45;
        let refused = tuning.change(&changes(&[(Key::FakeAt, Some(0.55))])).unwrap_err();
        assert_eq!(refused.field, "verdict.fake_at");
        assert!(refused.message.contains("verdict.hysteresis"), "{refused}");
    }
}
