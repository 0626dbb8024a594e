//! Room 8: the door. In: HTTP on one port. Out: dashboard, `/api/status`, `/api/streams`, `/ws`, `/healthz`, `/readyz`,
//! `/metrics`. No pixel work and no blocking here: streams are added and removed through [`Streams`].

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::secret::Secret;
use crate::source;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address and port; another than loopback needs a token.
    pub listen: String,
    /// Token that API, WebSocket, pictures and metrics then require; better from environment or file.
    pub token: Secret,
    /// A file that holds the token.
    pub token_file: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Self { listen: "127.0.0.1:8080".into(), token: Secret::default(), token_file: PathBuf::new() }
    }
}

impl Config {
    pub fn check(&self, faults: &mut Vec<(String, String)>) {
        let _ = faults;
        todo!()
    }
}

/// Why a stream could not be added, removed or restarted; becomes `{code, message, field}`.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    #[error("a stream named {0:?} exists already; choose another id or remove that one first")]
    Exists(String),
    #[error("there is no stream named {0:?}")]
    Unknown(String),
    #[error("{message}")]
    Invalid { field: String, message: String },
    #[error("{0} streams are running already, the most this program takes (streams_max)")]
    Full(usize),
}

/// What the door can do with streams; `app` implements it. Calls may block for a moment: `web` makes them off the
/// async threads.
pub trait Streams: Send + Sync + 'static {
    fn add(&self, config: source::Config) -> Result<(), StreamError>;
    fn remove(&self, id: &str) -> Result<(), StreamError>;
    fn restart(&self, id: &str) -> Result<(), StreamError>;
    /// Settings of every stream, in order of arrival (secrets print as redacted).
    fn list(&self) -> Vec<source::Config>;
}
