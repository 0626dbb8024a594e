//! One alert and its states. Made and moved by `lifecycle`, kept by `store`, told by `desk`.

use std::time::{Duration, SystemTime};

use crate::publish::{event, rfc3339};

/// Unix time, ms.
pub type Millis = i64;

/// Where an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// A face is FAKE, not yet for long enough.
    Pending,
    /// It has been for long enough; nobody has said anything yet.
    Open,
    /// Somebody knows.
    Acknowledged,
    /// Over, by itself or because somebody said so.
    Resolved,
    /// Somebody said that the face was genuine.
    False,
}

impl State {
    pub const ALL: [Self; 5] = [Self::Pending, Self::Open, Self::Acknowledged, Self::Resolved, Self::False];

    /// As on the wire, in the database and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
            Self::False => "false",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether it still follows what its face does.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Pending | Self::Open | Self::Acknowledged)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// 16 hex digits that sort by time.
    pub id: String,
    pub stream: String,
    pub stream_name: String,
    /// The face's track; another one after a reconnect.
    pub track: u64,
    pub state: State,
    /// When the face became FAKE.
    pub began: Millis,
    pub opened: Option<Millis>,
    pub updated: Millis,
    pub resolved: Option<Millis>,
    /// Highest rolling fake confidence so far, 0-1.
    pub peak_confidence: f32,
    /// What the person who acknowledged or closed it wrote.
    pub note: String,
}

impl Alert {
    /// As clients see it, with what became of its deliveries and of its evidence.
    pub fn wire(&self, deliveries: Vec<event::AlertDelivery>, evidence: Option<event::AlertEvidence>) -> event::Alert {
        event::Alert {
            id: self.id.clone(),
            stream: self.stream.clone(),
            stream_name: self.stream_name.clone(),
            track: self.track,
            state: self.state.name().to_owned(),
            began: text(self.began),
            opened: self.opened.map(text),
            updated: text(self.updated),
            resolved: self.resolved.map(text),
            peak_confidence: self.peak_confidence,
            note: self.note.clone(),
            deliveries,
            evidence,
        }
    }
}

/// RFC 3339 UTC with milliseconds.
pub fn text(at: Millis) -> String {
    rfc3339::format(SystemTime::UNIX_EPOCH + Duration::from_millis(at.max(0).unsigned_abs()))
}

pub fn now() -> Millis {
    // Before 1970 or after the year 292 million the clock is wrong, and 0 says so.
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or_default()
}

/// A new id that sorts after all earlier ones.
pub fn new_id(at: Millis) -> String {
    format!("{:011x}{:05x}", at.max(0), fastrand::u32(0..1 << 20))
}
