//! What the board tells the rooms behind it: the typed state of which the events are the text. In: `board`'s news. Out:
//! a [`Told`] each to every [`Sink`]. Heard by `record`.

use std::sync::Arc;
use std::time::SystemTime;

use super::event::State;
use crate::detector::StreamId;
use crate::verdict::Verdict;

/// One piece of news of one stream, in the order of the events.
#[derive(Clone)]
pub enum Told {
    /// A stream exists from now on, or starts anew.
    Added {
        stream: StreamId,
        name: String,
    },
    /// It entered a state. What was seen before belongs to another connection.
    Entered {
        stream: StreamId,
        state: State,
        at: SystemTime,
    },
    Removed {
        stream: StreamId,
    },
    /// A frame was judged, or the newest frame's verdict aged (then without crops).
    Verdict {
        stream: StreamId,
        verdict: Arc<Verdict>,
        /// What the detector saw of each face, by track: `[size, size, 3] u8 RGB`.
        crops: Vec<(u64, Arc<[u8]>)>,
    },
}

impl Told {
    pub fn stream(&self) -> &StreamId {
        match self {
            Self::Added { stream, .. } | Self::Entered { stream, .. } => stream,
            Self::Removed { stream } | Self::Verdict { stream, .. } => stream,
        }
    }
}

/// Hears all news, on the board's task: it must not block, and counts by itself what it has to give up.
pub type Sink = Box<dyn Fn(&Told) + Send>;
