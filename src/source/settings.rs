//! A stream's settings and the check that finds every impossible one. Read by `config`, by the API when a stream is added, and by `Source`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::address::{Kind, Target};
use super::decoder::Decoder;
use crate::faults::Faults;
use crate::secret::Secret;

/// One stream's settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// 1-64 characters a-z A-Z 0-9 _ -; names the stream in API, metrics and logs.
    pub id: String,
    /// Shown to people; the id when empty.
    pub name: String,
    /// A file path, rtsp:// rtsps:// http:// https:// srt://, /dev/videoN, `screen` (`screen::1` for display :1) or `test`.
    pub url: String,
    /// User and password for RTSP and HTTP (for SRT the password is the passphrase); better here than in the url.
    pub user: String,
    #[schema(value_type = String)]
    pub password: Secret,
    /// RTSP transport.
    pub transport: Transport,
    /// Where it is decoded.
    pub decoder: Decoder,
    /// Files, also over HTTP: play at the clock's pace as if live (frames may be dropped) instead of as fast as possible.
    pub realtime: bool,
    /// Files, also over HTTP: start again at the end.
    pub repeat: bool,
    /// Connected but no frame for so long is a fault.
    pub no_frames_secs: f64,
}

/// RTSP transport.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
            decoder: Decoder::Auto,
            realtime: true,
            repeat: false,
            no_frames_secs: 5.0,
        }
    }
}

impl Config {
    /// Adds a (key, message) for every impossible value; keys are relative to the stream's table.
    pub fn check(&self, faults: &mut Faults) {
        let mut fault = |key: &str, message: String| faults.push((key.to_owned(), message));
        let id_char = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if !(1..=64).contains(&self.id.len()) || !self.id.chars().all(id_char) {
            fault("id", format!("1-64 characters a-z A-Z 0-9 _ -, got {:?}; choose another", self.id));
        }
        if self.name.chars().count() > 200 || self.name.chars().any(char::is_control) {
            fault("name", "at most 200 characters on one line; shorten it".into());
        }
        if let Err(message) = Target::new(&self.url, &self.user, &self.password) {
            fault("url", message);
        }
        for (key, text) in [("user", self.user.as_str()), ("password", self.password.expose())] {
            if text.chars().any(char::is_control) {
                fault(key, "holds a control character; write it anew".into());
            }
        }
        let kind = Kind::of(&self.url);
        if !self.password.is_empty() && self.user.is_empty() && matches!(kind, Some(Kind::Rtsp | Kind::Http)) {
            fault("user", "must be given with a password".into());
        }
        if !self.user.is_empty() && !matches!(kind, Some(Kind::Rtsp | Kind::Http) | None) {
            fault("user", "only RTSP and HTTP sources log in; remove it".into());
        }
        if self.decoder == Decoder::Gpu && matches!(kind, Some(Kind::Screen | Kind::Test)) {
            fault("decoder", "a screen or a test picture is not decoded on a GPU; use \"auto\"".into());
        }
        if self.repeat && !matches!(kind, Some(Kind::File | Kind::Http) | None) {
            fault("repeat", "only a file can start again; remove it".into());
        }
        if !(0.5..=3600.0).contains(&self.no_frames_secs) {
            fault("no_frames_secs", format!("0.5-3600 s, got {}; the default is 5", self.no_frames_secs));
        }
    }

    /// `file`, `rtsp`, `http`, `srt`, `v4l2`, `screen` or `test`; `unknown` for what [`Config::check`] refuses.
    pub fn kind(&self) -> &'static str {
        Kind::of(&self.url).map_or("unknown", Kind::name)
    }

    /// Whether a frame that is not taken in time is overwritten by the next; else the source waits and nothing is lost.
    pub fn is_live(&self) -> bool {
        self.realtime || !matches!(Kind::of(&self.url), Some(Kind::File | Kind::Http))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(config: &Config) -> Vec<String> {
        let mut faults = Vec::new();
        config.check(&mut faults);
        faults.into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn a_plain_camera_passes_and_every_fault_is_named_at_once() {
        let camera = Config { id: "door-1".into(), url: "rtsp://cam/1".into(), ..Config::default() };
        assert!(keys(&camera).is_empty());
        let broken = Config {
            id: "a b".into(),
            name: "x\n".into(),
            url: "gopher://x".into(),
            user: "\0".into(),
            password: Secret::new("\0"),
            no_frames_secs: f64::NAN,
            ..Config::default()
        };
        assert_eq!(keys(&broken), ["id", "name", "url", "user", "password", "no_frames_secs"]);
    }

    #[test]
    fn only_files_that_play_as_fast_as_possible_wait_for_their_reader() {
        let live = |url: &str, realtime| Config { url: url.into(), realtime, ..Config::default() }.is_live();
        assert!(!live("a.mp4", false));
        assert!(live("a.mp4", true));
        assert!(live("rtsp://cam/1", false));
    }
}
