//! The settings of evidence. In: `[evidence]` of the settings. Out: checked values. Read by the rest of the room.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::faults::{self, Faults};
use crate::record::Keep;

const MB: u64 = 1 << 20;
const MOST_MB: u32 = 100_000_000;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whether evidence of alerts is kept.
    pub on: bool,
    /// Its folder, made at the start. One program a folder.
    pub folder: PathBuf,
    /// The original video from so long before an alert opened, seconds, 0-60.
    pub before_secs: f64,
    /// To so long after, seconds, 0-300.
    pub after_secs: f64,
    /// Coded video held in memory for one stream at most, MB (2^20 bytes), 1-1024.
    pub stream_mb: u32,
    /// And for all streams together, faces included, MB, 16-65536.
    pub memory_mb: u32,
    /// Video kept of one alert at most, MB, 1-4096; what comes after it is left out.
    pub clip_mb: u32,
    /// Evidence is removed after so many days, 1-3650.
    pub keep_days: u32,
    /// Above so many MB the oldest is removed, twice clip_mb-100000000.
    pub keep_mb: u32,
    /// With fewer MB free on its disk none is kept, 1-100000000.
    pub min_free_mb: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            on: true,
            folder: "data/evidence".into(),
            before_secs: 10.0,
            after_secs: 10.0,
            stream_mb: 16,
            memory_mb: 256,
            clip_mb: 64,
            keep_days: 30,
            keep_mb: 10_240,
            min_free_mb: 1024,
        }
    }
}

impl Config {
    /// Adds a (key, message) for every impossible value; keys are relative to this table.
    pub fn check(&self, faults: &mut Faults) {
        if self.on && self.folder.as_os_str().is_empty() {
            faults.push(("folder".into(), "must name a folder; evidence.on = false keeps no evidence".into()));
        }
        let mut range = |key: &str, value: f64, low, high| faults::range(faults, key, value, low, high);
        range("before_secs", self.before_secs, 0.0, 60.0);
        range("after_secs", self.after_secs, 0.0, 300.0);
        range("stream_mb", self.stream_mb.into(), 1.0, 1024.0);
        range("memory_mb", self.memory_mb.into(), 16.0, 65_536.0);
        range("clip_mb", self.clip_mb.into(), 1.0, 4096.0);
        range("keep_days", self.keep_days.into(), 1.0, 3650.0);
        let (least, most) = self.keep().mb_range;
        range("keep_mb", self.keep_mb.into(), least.into(), most.into());
        range("min_free_mb", self.min_free_mb.into(), 1.0, 100_000_000.0);
    }

    /// How long and how much evidence is kept; room for two alerts at least.
    pub fn keep(&self) -> Keep {
        Keep { days: self.keep_days, mb: self.keep_mb, mb_range: (self.clip_mb.saturating_mul(2), MOST_MB) }
    }

    pub(super) fn stream_bytes(&self) -> usize {
        bytes(self.stream_mb)
    }

    /// Of all streams' coded video: seven eighths of the memory.
    pub(super) fn video_bytes(&self) -> usize {
        bytes(self.memory_mb) / 8 * 7
    }

    /// Of all streams' faces: the rest.
    pub(super) fn face_bytes(&self) -> usize {
        bytes(self.memory_mb) / 8
    }

    pub(super) fn clip_bytes(&self) -> u64 {
        u64::from(self.clip_mb) * MB
    }

    pub(super) fn min_free_bytes(&self) -> u64 {
        u64::from(self.min_free_mb) * MB
    }
}

fn bytes(mb: u32) -> usize {
    usize::try_from(u64::from(mb) * MB).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_impossible_value_is_named() {
        let mut faults = Vec::new();
        Config::default().check(&mut faults);
        assert_eq!(faults, []);
        let wrong = Config {
            on: true,
            folder: "".into(),
            before_secs: f64::NAN,
            after_secs: 301.0,
            stream_mb: 0,
            memory_mb: 1,
            clip_mb: 0,
            keep_days: 0,
            keep_mb: 0,
            min_free_mb: 0,
        };
        wrong.check(&mut faults);
        let mut keys: Vec<&str> = faults.iter().map(|(key, _)| key.as_str()).collect();
        let named = ["folder", "before_secs", "after_secs", "stream_mb", "memory_mb", "clip_mb", "keep_days"];
        assert_eq!(keys.drain(..7).collect::<Vec<_>>(), named);
        // Nothing is enough for clips of no size.
        assert_eq!(keys, ["min_free_mb"]);
        faults.clear();
        Config { keep_mb: 100, ..Config::default() }.check(&mut faults);
        assert_eq!(faults[0].0, "keep_mb");
    }
}
