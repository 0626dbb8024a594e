//! Room 1: where frames come from. In: a stream's settings. Out: [`Frame`]s, and in between the truth about
//! the connection ([`Next`]). One [`Source`] a stream, owned and pulled by the stream's thread.

mod address;
mod connection;
mod container;
mod counts;
mod decoder;
mod error;
mod frame;
mod grab;
mod ladder;
mod launch;
mod reconnect;
mod ring;
mod rtp;
mod settings;
mod tap;

use std::time::Duration;

use serde::Serialize;

pub use container::{Container, Medium};
pub use counts::Counts;
pub use decoder::{Decoder, on_gpu};
pub use error::Error;
pub use frame::{Frame, Seen, Stamp};
pub use reconnect::Source;
pub use ring::{Format, Packet};
pub use settings::{Config, Transport};
pub use tap::{Tap, Taps};

/// What the next pull brought.
pub enum Next {
    /// A frame to look at.
    Frame(Frame),
    /// Nothing within the wait; the connection state is unchanged.
    Idle,
    /// Connected: the first frame of a new epoch follows. Sent again when size or codec change mid-stream, and when a
    /// repeated file starts again.
    Connected(Connection),
    /// The source failed. With `retry_in` it will reconnect by itself (keep pulling); without, it never will.
    Fault { error: Error, retry_in: Option<Duration> },
    /// Nothing more will come: a file that is played once has ended, or a fault came that no retry follows.
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
    /// Of a file that says how long it is.
    pub duration: Option<Duration>,
    /// GStreamer's caps name of the coded video, as "video/x-h264"; None when not known.
    pub codec: Option<String>,
    /// The decoder element in use, as "avdec_h264"; None for raw video.
    pub decoder: Option<String>,
}
