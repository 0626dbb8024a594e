//! The listener's connections: at most so many at a time, none that dawdles. In: a socket. Out: its requests, handed
//! to the routes with the peer's address. axum's own server has no time limit for a request's head, so that a client
//! that never finishes one would hold its place for ever. Run by `door`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Connections at a time; further ones wait to be accepted. WebSocket clients leave here and are counted by `ws`.
const CONNECTIONS: usize = 256;
/// How long to wait when the system has no file descriptor left for another connection.
const BREATH: Duration = Duration::from_millis(500);

/// Serves until `closing` is true, then lets the requests under way end. A connection whose next request's head is not
/// there within `patience` is closed.
pub async fn serve(listener: TcpListener, routes: Router, patience: Duration, mut closing: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let (place, accepted) = tokio::select! {
            accepted = async { (places.clone().acquire_owned().await, listener.accept().await) } => accepted,
            () = closed(&mut closing) => break,
        };
        match accepted {
            Ok((socket, peer)) => {
                let connection = connection(socket, peer, routes.clone(), patience, closing.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(BREATH).await;
            }
        }
        // What has ended is forgotten.
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection(
    socket: TcpStream,
    peer: SocketAddr,
    routes: Router,
    patience: Duration,
    mut closing: watch::Receiver<bool>,
) {
    // Only costs latency when it fails.
    let _ = socket.set_nodelay(true);
    let routes = TowerToHyperService::new(routes);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        routes.call(request)
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades();
    tokio::pin!(serving);
    // An error of one connection is its client's, who sees it closed.
    tokio::select! {
        _ = serving.as_mut() => return,
        () = closed(&mut closing) => serving.as_mut().graceful_shutdown(),
    }
    let _ = serving.await;
}

/// Waits until the door closes, or is gone.
async fn closed(closing: &mut watch::Receiver<bool>) {
    drop(closing.wait_for(|closing| *closing).await);
}
