//! Starts the real program for whole-program tests, talks to it as a user would, and always stops it. Used by the tests
//! beside it.
#![allow(dead_code, reason = "each test file uses a part")]

pub mod stack;
pub mod standin;

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio_tungstenite::tungstenite::stream::MaybeTlsStream;
use tokio_tungstenite::tungstenite::{Message, WebSocket};

/// Longer than anything a test waits for takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(180);

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A demo clip that set-up made: `untouched` or `manipulated`.
pub fn demo(name: &str) -> PathBuf {
    let clip = root().join(".cache/demo").join(format!("{name}.mp4"));
    assert!(clip.exists(), "{} is missing; run `make setup`", clip.display());
    clip
}

/// Runs a GStreamer pipeline to its end.
pub fn pipeline(description: &str) {
    use gstreamer::prelude::*;
    gstreamer::init().unwrap();
    let pipeline = gstreamer::parse::launch(description).unwrap();
    pipeline.set_state(gstreamer::State::Playing).unwrap();
    let kinds = [gstreamer::MessageType::Eos, gstreamer::MessageType::Error];
    let patience = gstreamer::ClockTime::try_from(PATIENCE).unwrap();
    let ended = pipeline.bus().unwrap().timed_pop_filtered(patience, &kinds).expect("the pipeline ends");
    pipeline.set_state(gstreamer::State::Null).unwrap();
    assert_eq!(ended.type_(), gstreamer::MessageType::Eos, "{ended:?}");
}

/// A clip's first frame as a picture, made by an encoder of GStreamer; its path.
pub fn still(clip: &Path, folder: &Path, name: &str, encoder: &str) -> String {
    let path = folder.join(name).display().to_string();
    pipeline(&format!(
        "filesrc location={clip:?} ! decodebin ! videoconvert ! identity eos-after=1 ! {encoder} ! filesink location={path:?}"
    ));
    path
}

/// Runs a command of the program to its end.
pub fn truevision(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_truevision")).args(args).current_dir(root()).output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The trial model with another bias, by which every face is FAKE: it is not sure enough of the demo's clip.
pub fn suspicious_model() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let from = root().join("models/trial-112");
    for file in ["encoder.onnx", "head.onnx"] {
        std::fs::copy(from.join(file), folder.path().join(file)).unwrap();
    }
    let text = std::fs::read_to_string(from.join("model.toml")).unwrap();
    let line = |line: &str| if line.starts_with("bias = ") { "bias = -8.0".to_owned() } else { line.to_owned() };
    let changed: Vec<String> = text.lines().map(line).collect();
    assert_ne!(changed.join("\n"), text.trim_end());
    std::fs::write(folder.path().join("model.toml"), changed.join("\n")).unwrap();
    folder
}

/// `truevision run`, listening on a port of its own.
pub struct Program {
    child: Child,
    /// As `127.0.0.1:40123`.
    pub address: String,
    log: std::thread::JoinHandle<String>,
    /// What it keeps, if the test gave it no place.
    _folder: tempfile::TempDir,
}

impl Program {
    /// Starts with these settings (TOML) and waits until the door is open.
    pub fn start(settings: &str) -> Self {
        Self::start_with(settings, &[])
    }

    pub fn start_with(settings: &str, env: &[(&str, &str)]) -> Self {
        let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        std::fs::write(file.path(), settings).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_truevision"))
            .env("TRUEVISION__ANALYSES__FOLDER", folder.path().join("analyses"))
            .env("TRUEVISION__ALERTS__DATABASE", folder.path().join("alerts.db"))
            .env("TRUEVISION__EVIDENCE__FOLDER", folder.path().join("evidence"))
            .args(["run", "--listen", "127.0.0.1:0", "--config"])
            .arg(file.path())
            // Programs of tests that run side by side would share it.
            .env("TRUEVISION__RECORD__FOLDER", "")
            .envs(env.iter().copied())
            .current_dir(root())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut errors = child.stderr.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut log = Vec::new();
            let _ = errors.read_to_end(&mut log);
            text(&log)
        });
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("TrueVision: http://").and_then(|rest| rest.strip_suffix('/'));
        match address {
            Some(address) => Self { address: address.to_owned(), child, log, _folder: folder },
            None => {
                let status = child.wait().unwrap();
                panic!("it did not start ({status}), said {line:?} and\n{}", log.join().unwrap());
            }
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Status and body.
    pub fn get(&self, path: &str) -> (u16, String) {
        answer(agent().get(self.url(path)).call())
    }

    pub fn json(&self, path: &str) -> Value {
        let (status, body) = self.get(path);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    pub fn patch(&self, path: &str, body: &Value) -> (u16, String) {
        answer(agent().patch(self.url(path)).send_json(body))
    }

    pub fn post(&self, path: &str, body: &Value) -> (u16, String) {
        answer(agent().post(self.url(path)).send_json(body))
    }

    /// A file as an upload: status and body.
    pub fn upload(&self, name: &str, bytes: &[u8]) -> (u16, Value) {
        let request = agent().post(self.url(&format!("/api/v1/analyses?name={name}")));
        let (status, body) = answer(request.content_type("application/octet-stream").send(bytes));
        (status, serde_json::from_str(&body).unwrap())
    }

    /// Status, header `name` and the bytes.
    pub fn bytes(&self, path: &str, name: &str) -> (u16, String, Vec<u8>) {
        let mut response = agent().get(self.url(path)).call().unwrap();
        let header = response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        (response.status().as_u16(), header, response.body_mut().read_to_vec().unwrap())
    }

    pub fn delete(&self, path: &str) -> (u16, String) {
        answer(agent().delete(self.url(path)).call())
    }

    pub fn events(&self) -> Events {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let url = format!("ws://{}/ws", self.address);
        let (socket, _) =
            tokio_tungstenite::tungstenite::client(url, MaybeTlsStream::Plain(stream)).expect("the WebSocket opens");
        Events { socket }
    }

    /// The stream's state as the API tells it.
    pub fn stream(&self, id: &str) -> Value {
        let streams = self.json("/api/streams");
        let list = streams.as_array().or_else(|| streams["streams"].as_array()).unwrap();
        list.iter().find(|stream| stream["id"] == id).cloned().unwrap_or(Value::Null)
    }

    /// The value of a metric's series, written as `name{label="value"}` with labels in order.
    pub fn metric(&self, series: &str) -> Option<f64> {
        let (_, body) = self.get("/metrics");
        body.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
    }

    /// Ends it as a crash would: nothing is told, nothing is written any more.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop as a supervisor would; its exit code and what it logged.
    pub fn stop(self) -> (Option<i32>, String) {
        signal(self.child.id(), "TERM");
        self.ended()
    }

    /// Waits until it ends by itself; its exit code and what it logged.
    pub fn ended(mut self) -> (Option<i32>, String) {
        let status = wait_for("the program to stop", || self.child.try_wait().unwrap());
        let log = std::mem::replace(&mut self.log, std::thread::spawn(String::new)).join().unwrap();
        (status.code(), log)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal by name (`TERM`, `KILL`, `STOP`, `CONT`).
pub fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap().success());
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build().into()
}

fn answer(result: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> (u16, String) {
    let mut response = result.unwrap();
    (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
}

/// A dashboard's connection.
pub struct Events {
    pub socket: WebSocket<MaybeTlsStream<TcpStream>>,
}

impl Events {
    /// The next text message.
    pub fn next(&mut self) -> Value {
        loop {
            match self.socket.read().expect("an event comes") {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Close(frame) => panic!("closed: {frame:?}"),
                _ => {}
            }
        }
    }

    /// Reads on until an event is as wanted.
    pub fn until(&mut self, what: &str, mut wanted: impl FnMut(&Value) -> bool) -> Value {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let event = self.next();
            if wanted(&event) {
                return event;
            }
        }
        panic!("{what} did not come in {PATIENCE:?}");
    }
}

/// Asks again and again until there is an answer.
pub fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A real RTSP server in a process of its own.
pub struct Camera {
    process: Child,
    /// Without user and password.
    pub url: String,
}

impl Camera {
    /// `login`: nothing, or user and password that it then requires.
    pub fn start(port: u16, login: &[&str]) -> Self {
        Self::of("test", port, login)
    }

    /// Shows this clip to every client from its start.
    pub fn of(clip: &str, port: u16, login: &[&str]) -> Self {
        let examples = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("examples");
        let mut process = Command::new(examples.join("rtsp_server"))
            .args([&port.to_string(), clip])
            .args(login)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example rtsp_server was built with the tests");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("rtsp://"), "the server did not start: {line:?}");
        Self { process, url: line.trim().into() }
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port that nobody listens on at this moment.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
