//! One stream's settings. Read by `config` and by the API when a stream is added; checked the same way for both.

use serde::{Deserialize, Serialize};

use super::address::Kind;
use crate::secret::Secret;

/// One stream's settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// 1-64 characters a-z A-Z 0-9 _ -; names the stream in API, metrics and logs.
    pub id: String,
    /// Shown to people; the id when empty.
    pub name: String,
    /// A file path, rtsp:// rtsps:// http:// https:// srt://, /dev/videoN, `screen` or `test`.
    pub url: String,
    /// User and password for RTSP and HTTP; better here than in the url.
    pub user: String,
    pub password: Secret,
    /// RTSP transport.
    pub transport: Transport,
    /// Files and HTTP: play at the clock's pace as if live (frames may be dropped) instead of as fast as possible.
    pub realtime: bool,
    /// Files: start again at the end.
    pub repeat: bool,
    /// Connected but no frame for so long is a fault, seconds, 1-3600.
    pub no_frames_secs: f64,
}

/// RTSP transport.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// UDP first, TCP when no packets come.
    #[default]
    Auto,
    Tcp,
    Udp,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            id: String::new(),
            name: String::new(),
            url: String::new(),
            user: String::new(),
            password: Secret::default(),
            transport: Transport::Auto,
            realtime: true,
            repeat: false,
            no_frames_secs: 5.0,
        }
    }
}

impl Config {
    /// Adds a (key, message) for every impossible value; keys are relative to the stream's table.
    pub fn check(&self, faults: &mut Vec<(String, String)>) {
        let mut fault = |key: &str, message: String| faults.push((key.into(), message));
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if !(1..=64).contains(&self.id.len()) || !self.id.chars().all(allowed) {
            fault("id", format!("must be 1-64 characters a-z A-Z 0-9 _ -, got {:?}", self.id));
        }
        if self.name.chars().count() > 200 || self.name.chars().any(char::is_control) {
            fault("name", "must be at most 200 characters without control characters".into());
        }
        let kind = Kind::of(&self.url);
        if self.url.is_empty() || kind.is_none() {
            let known = "a file, rtsp://, http://, https://, srt://, /dev/videoN, screen or test";
            let scheme = self.url.split("://").next().unwrap_or_default();
            fault("url", format!("must be {known}, got {}", if self.url.is_empty() { "nothing" } else { scheme }));
        }
        if !self.password.is_empty() && self.user.is_empty() {
            fault("user", "must be given with a password".into());
        }
        if !self.user.is_empty() && !matches!(kind, Some(Kind::Rtsp | Kind::Http) | None) {
            fault("user", "only RTSP and HTTP sources log in; remove it".into());
        }
        if self.repeat && !matches!(kind, Some(Kind::File) | None) {
            fault("repeat", "only a file can start again; remove it".into());
        }
        if !(1.0..=3600.0).contains(&self.no_frames_secs) {
            fault("no_frames_secs", format!("must be 1-3600 seconds, got {}", self.no_frames_secs));
        }
    }

    /// `file`, `rtsp`, `http`, `srt`, `v4l2`, `screen` or `test`.
    pub fn kind(&self) -> &'static str {
        Kind::of(&self.url).map_or("unknown", Kind::name)
    }

    /// Whether its frames come at the clock's pace, so that one that is not taken in time is lost.
    pub fn is_live(&self) -> bool {
        match Kind::of(&self.url) {
            Some(Kind::File | Kind::Http) => self.realtime,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(config: &Config) -> Vec<String> {
        let mut faults = Vec::new();
        config.check(&mut faults);
        faults.into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn every_impossible_value_is_named() {
        let good = Config { id: "door_1-b".into(), url: "rtsp://cam/1".into(), ..Config::default() };
        assert_eq!(faults(&good), [""; 0]);
        let bad = Config {
            id: "front door".into(),
            url: "gopher://x".into(),
            password: Secret::new("x"),
            no_frames_secs: f64::NAN,
            ..Config::default()
        };
        assert_eq!(faults(&bad), ["id", "url", "user", "no_frames_secs"]);
        assert_eq!(faults(&Config { repeat: true, ..good.clone() }), ["repeat"]);
        assert_eq!(faults(&Config { user: "bob".into(), url: "a.mp4".into(), ..good }), ["user"]);
    }

    #[test]
    fn no_fault_shows_a_password_in_the_address() {
        let config = Config { id: "a".into(), url: "gopher://bob:hunter2@x/".into(), ..Config::default() };
        let mut faults = Vec::new();
        config.check(&mut faults);
        assert!(!format!("{faults:?}").contains("hunter2"));
    }
}
