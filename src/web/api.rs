//! The API's own part: the program's status, its streams, the login. In: requests that `guard` let through. Out: JSON, or a
//! [`Problem`]. Whatever may block runs off the async threads.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Json;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Body;
use super::door::Shared;
use super::problem::Problem;
use super::{Streams, guard, health};
use crate::publish::event::{Server, StreamState};
use crate::publish::rfc3339;
use crate::secret::Secret;
use crate::source;

/// What runs here.
#[derive(Serialize, ToSchema)]
struct Status<'a> {
    #[serde(flatten)]
    server: Server,
    /// Unique to this start of the program.
    boot: &'a str,
    now: String,
    uptime_secs: f64,
    streams: usize,
    websocket_clients: i64,
    /// What keeps the program from doing its work, in words.
    not_ready: Vec<String>,
    /// What is amiss though verdicts come, in words.
    warnings: Vec<String>,
}

/// Version, model, thresholds, and what is not ready.
#[utoipa::path(get, path = "/status", tag = "program", responses((status = 200, body = inline(Status))))]
pub async fn status(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    let streams = off_thread(&shared, |streams| streams.list().len()).await?;
    let status = Status {
        server: shared.board.server(),
        boot: shared.board.boot(),
        now: rfc3339::format(SystemTime::now()),
        uptime_secs: shared.board.uptime().as_secs_f64(),
        streams,
        websocket_clients: shared.metrics.websocket_clients.get(),
        not_ready: health::not_ready(&shared).await,
        warnings: health::warnings(&shared),
    };
    Ok(Json(status).into_response())
}

/// Every stream, in order of arrival.
#[derive(Serialize, ToSchema)]
#[schema(as = Streams)]
pub struct List {
    streams: Vec<Listed>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Stream)]
struct Listed {
    #[serde(flatten)]
    state: StreamState,
    /// None while the stream is being restarted.
    settings: Option<Settings>,
}

/// What may be shown of a stream's settings.
#[derive(Serialize, ToSchema)]
#[schema(as = StreamSettings)]
struct Settings {
    transport: source::Transport,
    decoder: source::Decoder,
    realtime: bool,
    repeat: bool,
    no_frames_secs: f64,
}

impl From<&source::Config> for Settings {
    fn from(config: &source::Config) -> Self {
        let &source::Config { transport, decoder, realtime, repeat, no_frames_secs, .. } = config;
        Self { transport, decoder, realtime, repeat, no_frames_secs }
    }
}

/// All streams with their states and verdicts.
#[utoipa::path(get, path = "/streams", tag = "streams", responses((status = 200, body = List)))]
pub async fn list(State(shared): State<Arc<Shared>>) -> Result<Json<List>, Problem> {
    let configs = off_thread(&shared, |streams| streams.list()).await?;
    let snapshot = shared.board.snapshot().await.ok_or_else(Problem::stopping)?;
    let listed = |state: StreamState| {
        let settings = configs.iter().find(|config| config.id == state.id).map(Settings::from);
        Listed { state, settings }
    };
    Ok(Json(List { streams: snapshot.streams.into_iter().map(listed).collect() }))
}

/// The stream that was added.
#[derive(Serialize, ToSchema)]
pub struct Added {
    id: String,
}

/// Adds a stream that runs until it is removed or the program ends.
#[utoipa::path(post, path = "/streams", tag = "streams", request_body = source::Config, responses((status = 201, body = Added)))]
pub async fn add(
    State(shared): State<Arc<Shared>>,
    Body(config): Body<source::Config>,
) -> Result<(StatusCode, Json<Added>), Problem> {
    let id = config.id.clone();
    off_thread(&shared, move |streams| streams.add(config)).await??;
    tracing::info!(stream = id, "added");
    Ok((StatusCode::CREATED, Json(Added { id })))
}

/// Removes a stream.
#[utoipa::path(delete, path = "/streams/{id}", tag = "streams", responses((status = 204)))]
pub async fn remove(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    tracing::info!(stream = id, "to be removed");
    off_thread(&shared, move |streams| streams.remove(&id)).await??;
    Ok(StatusCode::NO_CONTENT)
}

/// Starts a stream anew.
#[utoipa::path(post, path = "/streams/{id}/restart", tag = "streams", responses((status = 204)))]
pub async fn restart(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    tracing::info!(stream = id, "to be restarted");
    off_thread(&shared, move |streams| streams.restart(&id)).await??;
    Ok(StatusCode::NO_CONTENT)
}

/// The body of a login.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Login {
    #[schema(value_type = String)]
    token: Secret,
}

/// Sets the cookie that shows the token from then on.
#[utoipa::path(post, path = "/login", tag = "door", request_body = Login, responses((status = 204)))]
pub async fn login(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Body(login): Body<Login>,
) -> Result<(HeaderMap, StatusCode), Problem> {
    let cookie = shared.guard.login(peer.ip(), login.token.expose()).inspect_err(|problem| {
        tracing::warn!(%peer, code = problem.code, "login refused");
    })?;
    let headers = HeaderMap::from_iter(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
    Ok((headers, StatusCode::NO_CONTENT))
}

/// Takes the cookie away.
#[utoipa::path(post, path = "/logout", tag = "door", responses((status = 204)))]
pub async fn logout() -> (HeaderMap, StatusCode) {
    (HeaderMap::from_iter([(header::SET_COOKIE, guard::forget_cookie())]), StatusCode::NO_CONTENT)
}

/// Asks the streams on a thread that may block.
pub async fn off_thread<T: Send + 'static>(
    shared: &Shared,
    call: impl FnOnce(&dyn Streams) -> T + Send + 'static,
) -> Result<T, Problem> {
    let streams = shared.streams.clone();
    blocking(move || call(&*streams)).await
}

/// The same for what is no stream.
pub async fn blocking<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    // It fails when the call panicked (the log has its place) or the runtime stops.
    tokio::task::spawn_blocking(call)
        .await
        .map_err(|_| Problem::unavailable("an internal error (a bug; the log has its place); nothing else is affected"))
}
