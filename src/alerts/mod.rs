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

pub use alert::{State, text};
pub use desk::{DecisionError, Desk, Opened, Running};
pub use lifecycle::Decision;
pub use settings::Config;
pub use store::{Error as StoreError, Kept, Totals};

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
