//! The listener and what stands behind each path. In: settings, the streams, the board, the metrics. Out: a [`Door`]
//! that serves until it is closed. Opened by `app`.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{any, get};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use super::guard::{self, Guard};
use super::problem::Problem;
use super::{Config, Model, Streams, body, connections, dashboard, health, openapi, ws};
use crate::alerts;
use crate::analyses::Analyses;
use crate::evidence::Evidence;
use crate::metrics::Metrics;
use crate::publish::Board;
use crate::record::{self, Record};
use crate::vitals::Vitals;

/// How long open requests and WebSockets may take to end.
const CLOSING: Duration = Duration::from_secs(3);

/// Why the door does not open.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("web.{key}: {message}")]
    Setting { key: String, message: String },
    #[error("cannot listen on {address}: {source}; choose another address or port with web.listen or --listen")]
    Listen { address: SocketAddr, source: std::io::Error },
}

/// What stands behind the door.
#[derive(Clone)]
pub struct Behind {
    pub streams: Arc<dyn Streams>,
    pub board: Board,
    /// Or why no alerts are made.
    pub alerts: Result<alerts::Desk, String>,
    /// Or why none is kept; None: nobody wants any.
    pub evidence: Result<Evidence, Option<String>>,
    pub metrics: Arc<Metrics>,
    /// Or why nothing is kept.
    pub record: Result<Arc<Record>, Arc<record::Error>>,
    pub analyses: Arc<Analyses>,
    pub vitals: Arc<Vitals>,
    pub model: Arc<Model>,
}

/// What all requests share.
pub struct Shared {
    pub behind: Behind,
    pub guard: Guard,
    /// A client that does not finish the head of its request, takes no WebSocket message, or answers no ping, for so
    /// long is let go.
    pub patience: Duration,
    /// A place for each WebSocket client.
    pub clients: Arc<Semaphore>,
    /// True once the door closes.
    pub closing: watch::Receiver<bool>,
}

impl Deref for Shared {
    type Target = Behind;

    fn deref(&self) -> &Behind {
        &self.behind
    }
}

/// The open door.
pub struct Door {
    address: SocketAddr,
    close: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Door {
    /// Listens and serves on the current tokio runtime.
    pub async fn open(config: &Config, behind: Behind) -> Result<Self, Error> {
        Self::listen(config, behind, ws::PATIENCE).await
    }

    /// With another patience for slow clients: tests have less.
    pub(super) async fn listen(config: &Config, behind: Behind, patience: Duration) -> Result<Self, Error> {
        let setting = |(key, message): (&str, String)| Error::Setting { key: key.into(), message };
        let (wanted, token) = (config.address().map_err(setting)?, config.token().map_err(setting)?);
        let listener = TcpListener::bind(wanted).await.map_err(|source| Error::Listen { address: wanted, source })?;
        // An open listener has an address.
        let address = listener.local_addr().map_err(|source| Error::Listen { address: wanted, source })?;
        let (close, closing) = watch::channel(false);
        let guard = Guard::new(token, address.ip().is_loopback());
        let clients = Arc::new(Semaphore::new(ws::CLIENTS));
        let shared = Arc::new(Shared { behind, guard, patience, clients, closing: closing.clone() });
        let serving = tokio::spawn(connections::serve(listener, routes(shared), patience, closing));
        Ok(Self { address, close, serving })
    }

    /// Where it listens, with the port that the system chose if 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets open requests end and tells the WebSocket clients; what is not over after some seconds is cut off.
    pub async fn close(mut self) {
        self.close.send_replace(true);
        let ended = async {
            // Fails only when the task panicked, and then it is over.
            let _ = (&mut self.serving).await;
            // Every WebSocket's task holds a receiver.
            self.close.closed().await;
        };
        if tokio::time::timeout(CLOSING, ended).await.is_err() {
            self.serving.abort();
        }
    }
}

pub(super) fn routes(shared: Arc<Shared>) -> Router {
    let guarded = Router::new()
        .nest("/api/v1", openapi::guarded().into())
        .nest("/api", openapi::guarded().into())
        .route("/api/{*rest}", any(async || Problem::not_found()))
        .route("/metrics", get(health::metrics))
        .route("/ws", get(ws::upgrade))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .route_layer(middleware::from_fn_with_state(shared.clone(), guard::token));
    Router::new()
        .nest("/api/v1", openapi::open().into())
        .nest("/api", openapi::open().into())
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .merge(guarded)
        .fallback(dashboard::serve)
        .layer(DefaultBodyLimit::max(body::LIMIT))
        .layer(middleware::from_fn_with_state(shared.clone(), guard::same_site))
        .layer(middleware::from_fn(headers))
        .with_state(shared)
}

/// Only this origin's own files run in the page, and no other site may frame or read it. What says nothing else about
/// its caching is not kept.
async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' blob: data:; \
             connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
