//! Room 9: when somebody has to know. In: the board's news. Out: alerts (pending, open, acknowledged, resolved or
//! false) in a database of their own, told to clients and to targets: webhook, Alertmanager, e-mail, MQTT. Nothing here
//! is on a verdict's path: the desk hears on a bounded queue, each target has a thread of its own.

mod alert;
mod alertmanager;
mod delivery;
mod desk;
mod disk;
mod email;
mod http;
mod lifecycle;
mod mqtt;
mod settings;
mod store;
mod webhook;

pub use alert::{Alert, Millis, State, text};
pub use desk::{DecisionError, Desk, Opened, Running};
pub use disk::free_bytes;
pub use lifecycle::{Decision, Event};
pub use settings::Config;
pub use store::{Error as StoreError, Kept, Totals};

/// Who else hears of an alert that opened or changed; called with the desk's lock held, so it must not block.
pub type Listener = Box<dyn Fn(Event, &Alert) + Send + Sync>;

/// What becomes of the evidence of alerts.
pub enum Evidence {
    /// Nobody wants any.
    Off,
    /// It was wanted, and cannot be kept for this reason.
    Broken(String),
    /// Kept by who listens here, and told to the desk by [`Desk::note_evidence`].
    Kept(Listener),
}

/// News of the board that may wait for the desk: some seconds of 100 streams.
const QUEUE: usize = 4096;

/// Why alerts cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("a target of alerts cannot be used: {0}")]
    Target(String),
    #[error("the system gives no thread for alerts: {0}; it is out of threads or memory")]
    Thread(std::io::Error),
}
