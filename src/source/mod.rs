//! Room 1: where frames come from. In: a stream's settings. Out: [`Frame`]s, and in between the truth about
//! the connection ([`Next`]). One [`Source`] a stream, owned and pulled by the stream's thread.

mod frame;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

pub use frame::{Frame, Stamp};

/// What the next pull brought.
pub enum Next {
    /// A frame to look at.
    Frame(Frame),
    /// Nothing within the wait; the connection state is unchanged.
    Idle,
    /// Connected: the first frame of a new epoch follows. Sent again when size or codec change mid-stream.
    Connected(Connection),
    /// The source failed. With `retry_in` it will reconnect by itself (keep pulling); without, it never will.
    Fault { error: Error, retry_in: Option<Duration> },
    /// A file that is played once has ended.
    End,
}

/// What is known of a live connection ("decoder truth").
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Connection {
    pub epoch: u32,
    pub width: u32,
    pub height: u32,
    /// Frames a second as announced; None when the stream does not say.
    pub fps: Option<f64>,
    /// GStreamer's caps name of the coded video, as "video/x-h264"; None when not known.
    pub codec: Option<String>,
    /// The decoder element in use, as "avdec_h264".
    pub decoder: Option<String>,
}

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
    /// Files: play at the clock's pace as if live (frames may be dropped) instead of as fast as possible.
    pub realtime: bool,
    /// Files: start again at the end.
    pub repeat: bool,
    /// Connected but no frame for so long is a fault.
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
        let _ = faults;
        todo!()
    }

    /// `file`, `rtsp`, `http`, `srt`, `v4l2`, `screen` or `test`.
    pub fn kind(&self) -> &'static str {
        todo!()
    }
}

/// What can go wrong with a source; `code()` is stable for API and metrics.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("stub")]
    Stub,
}

impl Error {
    /// A short stable name: `not_found`, `unauthorised`, `unreachable`, `no_frames`, `no_video`, `damaged`, ...
    pub fn code(&self) -> &'static str {
        todo!()
    }

    /// Whether trying again can help by itself (a wrong password cannot).
    pub fn retry(&self) -> bool {
        todo!()
    }
}

/// Frames that were lost before anyone looked at them, since the last call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Decoded frames that reached the slot.
    pub arrived: u64,
    /// Of those, overwritten by a newer one before they were taken (live only).
    pub overwritten: u64,
}

/// A stream's source, reconnecting for ever by its ladder.
pub struct Source {
    _private: (),
}

impl Source {
    /// Prepares the source; connects at the first [`Source::next`]. Fails only for settings no retry can mend.
    pub fn open(config: &Config) -> Result<Self, Error> {
        let _ = config;
        todo!()
    }

    /// Waits at most `wait` for what comes next. Never blocks longer, whatever the network does.
    pub fn next(&mut self, wait: Duration) -> Next {
        let _ = wait;
        todo!()
    }

    /// Counts since the last call.
    pub fn take_counts(&mut self) -> Counts {
        todo!()
    }
}
