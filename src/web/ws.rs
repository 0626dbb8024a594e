//! `/ws`: one client's connection. In: the board's events and pictures, the client's requests. Out: messages in
//! sequence (docs/api.md). A client that falls behind gets a fresh snapshot, one that takes nothing is let go; neither
//! costs anyone else time.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Query, State, rejection::QueryRejection};
use axum::response::Response;
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, MissedTickBehavior, timeout};

use super::door::Shared;
use super::problem::Problem;
use crate::publish::event::Request;
use crate::publish::{Subscription, Watcher};

/// Bytes of a client's message.
const MESSAGE: usize = 16 * 1024;
/// Streams a client may watch.
const WATCHED: usize = 256;
/// See [`Shared::patience`].
pub const PATIENCE: Duration = Duration::from_secs(30);
const PING_EVERY: Duration = Duration::from_secs(10);
/// How long a client may take to answer a close.
const FAREWELL: Duration = Duration::from_secs(1);

/// WebSocket clients at a time.
pub const CLIENTS: usize = 256;

/// Where a client that was here before wants to go on.
#[derive(Deserialize)]
pub struct Resume {
    boot: Option<String>,
    seq: Option<u64>,
}

pub async fn upgrade(
    State(shared): State<Arc<Shared>>,
    resume: Result<Query<Resume>, QueryRejection>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let Query(Resume { boot, seq }) = resume.map_err(|error| Problem::invalid("seq", error.body_text()))?;
    let upgrade = upgrade.map_err(|error| Problem {
        status: error.status(),
        ..Problem::malformed(format!("this path speaks WebSocket: {error}"))
    })?;
    let place = shared.clients.clone().try_acquire_owned().map_err(|_| {
        Problem::unavailable(format!("{CLIENTS} WebSocket clients are connected, the most this program takes"))
    })?;
    let upgrade = upgrade.max_message_size(MESSAGE).max_frame_size(MESSAGE);
    Ok(upgrade.on_upgrade(move |socket| async move {
        shared.metrics.websocket_clients.inc();
        let client = Client { watcher: shared.board.watcher(), shared: &shared, socket };
        client.serve(boot.zip(seq)).await;
        shared.metrics.websocket_clients.dec();
        drop(place);
    }))
}

struct Client<'a> {
    shared: &'a Shared,
    watcher: Watcher,
    socket: WebSocket,
}

/// Why a connection ends.
enum Ended {
    /// The client went, or takes nothing.
    Gone,
    /// The client is told why.
    Told(u16, String),
}

impl Client<'_> {
    async fn serve(mut self, resume: Option<(String, u64)>) {
        let Err(ended) = self.talk(resume).await;
        if let Ended::Told(code, reason) = ended {
            let _ = self.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
            // The answer is read, or the system would throw the close away with the unread messages.
            let _ = timeout(FAREWELL, async { while let Some(Ok(_)) = self.socket.recv().await {} }).await;
        }
    }

    async fn talk(&mut self, resume: Option<(String, u64)>) -> Result<std::convert::Infallible, Ended> {
        let mut events = self.subscribe(resume).await?;
        let mut closing = self.shared.closing.clone();
        let mut ping = tokio::time::interval(PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Ok(event) => self.send(text(&event)).await?,
                    Err(RecvError::Lagged(_)) => {
                        self.shared.metrics.websocket_resyncs.inc();
                        events = self.subscribe(None).await?;
                    }
                    Err(RecvError::Closed) => return Err(stopping()),
                },
                picture = self.watcher.next() => self.send(Message::Binary(picture.to_vec().into())).await?,
                said = self.socket.recv() => {
                    heard = Instant::now();
                    match said {
                        Some(Ok(Message::Text(said))) => self.take(&said)?,
                        Some(Ok(Message::Binary(_))) => {
                            return Err(Ended::Told(close_code::POLICY, "a request is a text message".into()));
                        }
                        // axum answers pings and closes.
                        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_))) => {}
                        Some(Err(_)) | None => return Err(Ended::Gone),
                    }
                }
                _ = ping.tick() => {
                    if heard.elapsed() > self.shared.patience {
                        return Err(Ended::Gone);
                    }
                    self.send(Message::Ping(Default::default())).await?;
                }
                () = async { drop(closing.wait_for(|closing| *closing).await) } => return Err(stopping()),
            }
        }
    }

    /// Takes a place in the events and sends what comes first.
    async fn subscribe(
        &mut self,
        resume: Option<(String, u64)>,
    ) -> Result<tokio::sync::broadcast::Receiver<Arc<str>>, Ended> {
        let Subscription { first, events } = self.shared.board.subscribe(resume).await.ok_or_else(stopping)?;
        for event in first {
            self.send(text(&event)).await?;
        }
        Ok(events)
    }

    async fn send(&mut self, message: Message) -> Result<(), Ended> {
        match timeout(self.shared.patience, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Ended::Gone),
        }
    }

    fn take(&mut self, said: &str) -> Result<(), Ended> {
        let refused = |reason: String| Ended::Told(close_code::POLICY, reason);
        // A close frame takes 123 bytes of reason, so serde's own words do not fit.
        let request = serde_json::from_str(said)
            .map_err(|_| refused(r#"no request known here; try {"type":"watch","streams":["id"]}"#.into()))?;
        match request {
            Request::Watch { streams } if streams.len() > WATCHED => {
                Err(refused(format!("at most {WATCHED} streams can be watched, got {}", streams.len())))
            }
            Request::Watch { streams } => {
                self.watcher.want(streams);
                Ok(())
            }
        }
    }
}

fn stopping() -> Ended {
    Ended::Told(close_code::AWAY, "the program is stopping".into())
}

fn text(event: &Arc<str>) -> Message {
    Message::Text(Utf8Bytes::from(&**event))
}
