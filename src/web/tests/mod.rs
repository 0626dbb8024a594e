//! The door as its clients see it: over real sockets on a port of its own, with scripted streams behind it.

mod analyses;
mod api;
mod events;
mod guard;
mod openapi;
mod page;
mod vitals;
mod ws;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use tokio::runtime::Runtime;

use super::*;
use crate::analyses::{Analyses, Config as AnalysesConfig};
use crate::detector::{self, Analysis, ScoredFace};
use crate::infer::contract::{Contract, ScoreRule};
use crate::metrics::Metrics;
use crate::publish::{Board, Report, event};
use crate::record;
use crate::source::Stamp;
use crate::vitals::Vitals;
use crate::{evidence, publish, score, verdict};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
const TOKEN: &str = "correct-horse-battery";

/// An open door and what is behind it.
struct Site {
    runtime: Runtime,
    door: Option<Door>,
    address: SocketAddr,
    board: Board,
    metrics: Arc<Metrics>,
    streams: Arc<Scripted>,
    behind: Behind,
    /// Where analyses lie.
    _folder: tempfile::TempDir,
}

impl Site {
    fn open() -> Self {
        Self::with(Config::default(), ws::PATIENCE)
    }

    /// Keeps what happens in a folder.
    fn recording(folder: &std::path::Path) -> Self {
        let record = record::Config { folder: folder.into(), ..Default::default() };
        Self::build(Config::default(), ws::PATIENCE, &record)
    }

    fn with_token() -> Self {
        Self::with(Config { token: Secret::new(TOKEN), ..Config::default() }, ws::PATIENCE)
    }

    fn with(config: Config, patience: Duration) -> Self {
        Self::build(config, patience, &record::Config { folder: "".into(), ..Default::default() })
    }

    fn build(config: Config, patience: Duration, record: &record::Config) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let metrics = Arc::new(Metrics::new());
        // The smallest queue, so that a slow client is slow soon.
        let settings = publish::Config { client_queue: 16, ..Default::default() };
        let rule =
            ScoreRule { temperature: 1.0, bias: 0.0, synthetic_at: 0.5, fake_at: 0.7, real_at: 0.3, real_side_px: 0.0 };
        let server = event::Server {
            version: "0.1.0".into(),
            model: event::Model { name: "m".into(), version: "1".into(), trial: true, note: "a trial".into() },
            provider: "cpu".into(),
            passed_over: Vec::new(),
            fake_at: 0.7,
            real_at: 0.3,
            stale_secs: 2.0,
        };
        let verdict = verdict::Config::default();
        let analyses = AnalysesConfig::default().keep();
        let evidence = evidence::Config::default().keep();
        let start = record::Values { verdict: verdict.clone(), record: record.clone(), analyses, evidence };
        let opened = record::Opened::new(start, Vec::new(), metrics.clone());
        let sinks = opened.iter().map(record::Opened::sink).collect();
        let board = Board::start(&settings, &verdict, &rule, server, metrics.clone(), sinks, runtime.handle());
        let record =
            opened.and_then(|opened| opened.start(board.clone(), "m 1".into())).map(Arc::new).map_err(Arc::new);
        let streams =
            Arc::new(Scripted { board: board.clone(), list: Mutex::default(), broken: AtomicBool::new(false) });
        let config = Config { listen: "127.0.0.1:0".into(), ..config };
        let folder = tempfile::tempdir().unwrap();
        let settings = AnalysesConfig { folder: folder.path().into(), max_mb: 1, queue: 2, ..Default::default() };
        let model = event::ModelName { name: "m".into(), version: "1".into() };
        // Its models are not there: no file is judged here, all fail.
        let scoring = score::Settings { detector: no_model(), ..Default::default() };
        let kept = record.clone().ok();
        let keep = move || kept.as_ref().map_or(analyses, |record| record.analyses());
        let analyses = Analyses::start(&settings, keep, scoring, model, board.clone(), metrics.clone()).unwrap();
        let model = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models/trial-112");
        let contract = Contract::load(&model).unwrap();
        let behind = Behind {
            streams: streams.clone(),
            board: board.clone(),
            alerts: Err("not tested here".into()),
            evidence: Err(None),
            metrics: metrics.clone(),
            record,
            analyses: Arc::new(analyses),
            vitals: Vitals::start(metrics.clone()).unwrap(),
            model: Arc::new(Model::read(&contract, "cpu", &model, 64)),
        };
        let door = runtime.block_on(Door::listen(&config, behind.clone(), patience)).unwrap();
        Self { address: door.address(), door: Some(door), runtime, board, metrics, streams, behind, _folder: folder }
    }

    fn behind(&self) -> Behind {
        self.behind.clone()
    }

    fn close(&mut self) {
        self.runtime.block_on(self.door.take().unwrap().close());
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = agent().get(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request.call())
    }

    fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = agent().post(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request.send(body))
    }

    fn post_json(&self, path: &str, body: &str) -> Answer {
        self.post(path, &[("content-type", "application/json")], body)
    }

    fn patch(&self, path: &str, body: &Value) -> Answer {
        let request = agent().patch(self.url(path)).header("content-type", "application/json");
        Answer::of(request.send(body.to_string()))
    }

    fn delete(&self, path: &str) -> Answer {
        Answer::of(agent().delete(self.url(path)).call())
    }

    /// A stream comes.
    fn added(&self, id: &str, name: &str) {
        let (stream, name, source) = (id.into(), name.into(), "test".into());
        assert!(self.board.post(Report::Added { stream, name, kind: "test", source }));
    }

    /// A frame without faces was judged.
    fn judged(&self, id: &str, number: u64, picture: Option<&[u8]>) {
        self.analysed(id, number, Vec::new(), picture);
    }

    fn analysed(&self, id: &str, number: u64, faces: Vec<ScoredFace>, picture: Option<&[u8]>) {
        let stamp = Stamp {
            number,
            epoch: 1,
            pts: Duration::from_millis(125 * number),
            arrived: Instant::now(),
            captured: SystemTime::now(),
            width: 64,
            height: 48,
        };
        let picture = picture.map(Arc::from);
        assert!(self.board.post(Report::Analysis(Analysis { stream: id.into(), stamp, faces, picture })));
    }
}

fn no_model() -> detector::Config {
    detector::Config { model: "no/such/model".into(), ..Default::default() }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build().into()
}

/// What the server said.
struct Answer {
    status: u16,
    headers: ureq::http::HeaderMap,
    body: String,
}

impl Answer {
    fn of(result: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Self {
        let mut response = result.unwrap();
        let body = response.body_mut().read_to_string().unwrap();
        Self { status: response.status().as_u16(), headers: response.headers().clone(), body }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// A refusal in the one shape that they all have: status, code and field.
    fn refused(&self) -> (u16, String, Option<String>) {
        let body = self.json();
        let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["code", "field", "message"]);
        assert!(!body["message"].as_str().unwrap().is_empty());
        (self.status, body["code"].as_str().unwrap().into(), body["field"].as_str().map(String::from))
    }
}

/// Streams that do as they are told and report to the board as `app` does.
struct Scripted {
    board: Board,
    list: Mutex<Vec<source::Config>>,
    broken: AtomicBool,
}

impl Streams for Scripted {
    fn add(&self, config: source::Config) -> Result<(), StreamError> {
        let mut list = self.list.lock().unwrap();
        if config.url.is_empty() {
            return Err(StreamError::Invalid { field: "url".into(), message: "must not be empty".into() });
        }
        if list.iter().any(|known| known.id == config.id) {
            return Err(StreamError::Exists(config.id));
        }
        if list.len() == 3 {
            return Err(StreamError::Full(3));
        }
        let (stream, source) = (config.id.as_str().into(), crate::secret::redact_url(&config.url));
        self.board.post(Report::Added { stream, name: config.name.clone(), kind: "test", source });
        list.push(config);
        Ok(())
    }

    fn remove(&self, id: &str) -> Result<(), StreamError> {
        let mut list = self.list.lock().unwrap();
        let at = list.iter().position(|known| known.id == id).ok_or_else(|| StreamError::Unknown(id.into()))?;
        list.remove(at);
        self.board.post(Report::Removed { stream: id.into() });
        Ok(())
    }

    fn restart(&self, id: &str) -> Result<(), StreamError> {
        let config = self.list().into_iter().find(|known| known.id == id);
        let config = config.ok_or_else(|| StreamError::Unknown(id.into()))?;
        self.remove(id)?;
        self.add(config)
    }

    fn list(&self) -> Vec<source::Config> {
        self.list.lock().unwrap().clone()
    }

    fn ready(&self) -> Result<(), String> {
        if self.broken.load(Ordering::Relaxed) { Err("the detector's thread has ended".into()) } else { Ok(()) }
    }
}

#[test]
fn an_address_that_others_reach_needs_a_token() {
    let faults = |config: Config| {
        let mut faults = Vec::new();
        config.check(&mut faults);
        faults.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
    };
    let listen = |listen: &str| Config { listen: listen.into(), ..Config::default() };
    assert_eq!(faults(Config::default()), [""; 0]);
    assert_eq!(faults(listen("[::1]:0")), [""; 0]);
    for address in ["0.0.0.0:8080", "[::]:8080", "192.168.1.7:80", "localhost:8080", "127.0.0.1", ""] {
        assert_eq!(faults(listen(address)), ["listen"], "{address}");
    }
    assert_eq!(faults(Config { token: Secret::new(TOKEN), ..listen("0.0.0.0:8080") }), [""; 0]);
    assert_eq!(faults(Config { token: Secret::new("short"), ..listen("0.0.0.0:8080") }), ["token"]);
    assert_eq!(faults(Config { token_file: "no/such/file".into(), ..Config::default() }), ["token_file"]);
}

#[test]
fn a_token_file_holds_the_token_and_nothing_else_counts() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let config = Config { token_file: file.path().into(), ..Config::default() };
    assert_eq!(config.token().unwrap_err().0, "token_file");
    std::fs::write(file.path(), format!("{TOKEN}\n")).unwrap();
    assert!(config.token().unwrap().unwrap().matches(TOKEN));
    let both = Config { token: Secret::new(TOKEN), ..config };
    assert_eq!(both.token().unwrap_err().0, "token_file");
}

#[test]
fn a_port_that_is_taken_is_told_with_a_remedy() {
    let site = Site::open();
    let config = Config { listen: site.address.to_string(), ..Config::default() };
    let message = site.runtime.block_on(Door::open(&config, site.behind())).err().unwrap().to_string();
    assert!(message.contains(&site.address.to_string()) && message.contains("web.listen"), "{message}");
}

#[test]
fn health_tells_what_is_wrong() {
    let mut site = Site::open();
    assert_eq!(site.get("/healthz", &[]).json(), serde_json::json!({ "alive": true }));
    assert_eq!(site.get("/readyz", &[]).json(), serde_json::json!({ "ready": true, "not_ready": [], "warnings": [] }));
    site.streams.broken.store(true, Ordering::Relaxed);
    let answer = site.get("/readyz", &[]);
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["not_ready"], serde_json::json!(["the detector's thread has ended"]));
    assert_eq!(site.get("/api/status", &[]).json()["not_ready"], answer.json()["not_ready"]);
    site.close();
    let gone = agent().get(site.url("/healthz")).call();
    assert!(gone.is_err());
}

#[test]
fn who_never_finishes_a_request_is_let_go_and_costs_the_others_nothing() {
    use std::io::{Read, Write};
    let site = Site::with(Config::default(), Duration::from_millis(300));
    let mut slow: Vec<_> = (0..100).map(|_| std::net::TcpStream::connect(site.address).unwrap()).collect();
    for socket in &mut slow {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.write_all(b"GET /api/status HTTP/1.1\r\nhost: localhost\r\nx-never-").unwrap();
    }
    assert_eq!(site.get("/api/status", &[]).status, 200);
    for socket in &mut slow {
        let mut said = Vec::new();
        socket.read_to_end(&mut said).expect("the server closes the connection");
    }
}
