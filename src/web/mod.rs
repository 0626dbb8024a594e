//! Room 12: the door. In: HTTP on one port. Out: dashboard, `/api/v1` (also as `/api`), `/ws`, `/healthz`, `/readyz`,
//! `/metrics`. No pixel work and no blocking here: streams are added and removed through [`Streams`].

mod alerts;
mod analyses;
mod api;
mod body;
mod connections;
mod dashboard;
mod door;
mod events;
mod evidence;
mod export;
mod guard;
mod health;
mod openapi;
mod page;
mod problem;
mod query;
mod settings;
mod vitals;
mod ws;

pub use door::{Behind, Door, Error};
pub use vitals::Model;

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::faults::Faults;
use crate::secret::{self, Secret};
use crate::source;

/// Characters of a token: fewer could be found by trying.
const TOKEN_LEAST: usize = 16;

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
    /// Adds a (key, message) for every impossible value; keys are relative to this table.
    pub fn check(&self, faults: &mut Faults) {
        let mut fault = |(key, message): (&str, String)| faults.push((key.into(), message));
        let token = self.token();
        match self.address() {
            Err(wrong) => fault(wrong),
            Ok(address) if !address.ip().is_loopback() && matches!(token, Ok(None)) => fault((
                "listen",
                format!(
                    "{address} is reachable from other machines, so web.token or web.token_file must be set; \
                     or listen on 127.0.0.1"
                ),
            )),
            Ok(_) => {}
        }
        if let Err(wrong) = token {
            fault(wrong);
        }
    }

    fn address(&self) -> Result<SocketAddr, (&'static str, String)> {
        let wrong =
            || ("listen", format!("must be an address and a port as \"127.0.0.1:8080\", got {:?}", self.listen));
        self.listen.parse().map_err(|_| wrong())
    }

    /// The token in force, from the settings or its file.
    fn token(&self) -> Result<Option<Secret>, (&'static str, String)> {
        let key = if self.token_file.as_os_str().is_empty() { "token" } else { "token_file" };
        let token = secret::chosen(&self.token, &self.token_file).map_err(|message| (key, message))?;
        if key == "token" && token.is_empty() {
            return Ok(None);
        }
        match token.expose().chars().count() {
            TOKEN_LEAST.. => Ok(Some(token)),
            got => Err((
                key,
                format!("a token has at least {TOKEN_LEAST} characters, got {got}; try `openssl rand -hex 32`"),
            )),
        }
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
    #[error("the system cannot start a thread for the stream: {0}; free some memory or remove streams")]
    Thread(std::io::Error),
}

/// What the door can do with streams; `app` implements it. Calls may block for a moment: `web` makes them off the
/// async threads.
pub trait Streams: Send + Sync + 'static {
    fn add(&self, config: source::Config) -> Result<(), StreamError>;
    fn remove(&self, id: &str) -> Result<(), StreamError>;
    fn restart(&self, id: &str) -> Result<(), StreamError>;
    /// Settings of every stream, in order of arrival (secrets print as redacted).
    fn list(&self) -> Vec<source::Config>;
    /// Whether verdicts can come; if not, why, in words.
    fn ready(&self) -> Result<(), String>;
}

#[cfg(test)]
mod tests;
