//! Builds the rooms from a `Config`, starts a thread for each stream, watches them, and stops everything in the order
//! of the flow: sources, detector, board, evidence, alerts, door. Called by `main` (`run`) and `bench`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::alerts;
use crate::analyses::{self, Analyses};
use crate::config::{self, Config};
use crate::detector::{self, Detector, Model, StreamId};
use crate::evidence;
use crate::faces;
use crate::infer::health;
use crate::metrics::Metrics;
use crate::publish::{Board, Report, event};
use crate::record::{self, Keep, Record};
use crate::source;
use crate::stream::{self, Rooms};
use crate::vitals::Vitals;
use crate::web::{self, Behind, Door, StreamError, Streams};

/// How long a stream whose thread panicked rests before it starts anew.
const REST_AFTER_PANIC: Duration = Duration::from_secs(5);

/// From a detector's end to the program's: time for verdicts to go STALE and for everybody to be told.
const FAREWELL: Duration = Duration::from_secs(5);

/// What stopping may take when a call on a lost GPU never comes back.
const STOPPING: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Detector(#[from] detector::Error),
    #[error(transparent)]
    Faces(#[from] faces::Error),
    #[error(transparent)]
    Alerts(#[from] alerts::Error),
    #[error(transparent)]
    Evidence(#[from] evidence::Error),
    #[error(transparent)]
    Analyses(#[from] analyses::Error),
    #[error(transparent)]
    Door(#[from] web::Error),
    #[error("cannot start the asynchronous runtime: {0}; the system is out of threads or memory")]
    Runtime(std::io::Error),
    #[error("no verdict can come any more, so the program stops for its supervisor to start it anew: {0}")]
    DetectorGone(detector::Fault),
}

impl Error {
    /// 2: it cannot start with these settings and files; 1: it failed while running; 3: the GPU was lost while running.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::DetectorGone(detector::Fault::GpuLost(_)) => 3,
            Self::DetectorGone(detector::Fault::ThreadEnded) => 1,
            _ => 2,
        }
    }
}

/// `truevision run`: everything, until SIGINT or SIGTERM.
pub fn run(config: Config) -> Result<(), Error> {
    let runtime = runtime()?;
    let app = App::start(&config, &runtime)?;
    let Rooms { board, metrics, detector, .. } = &*app.rooms;
    let contract = detector.contract();
    let model = event::ModelName { name: contract.name.clone(), version: contract.version.clone() };
    let keep = keep_now(&app.record, config.analyses.keep(), Record::analyses);
    let analyses = Analyses::start(&config.analyses, keep, config.scoring(), model, board.clone(), metrics.clone())?;
    let analyses = Arc::new(analyses);
    let folder = Path::new(&config.detector.model);
    let behind = Behind {
        streams: app.clone(),
        board: board.clone(),
        metrics: metrics.clone(),
        record: app.record.clone(),
        alerts: app.alerts.as_ref().map(|alerts| alerts.desk.clone()).map_err(String::clone),
        evidence: app.evidence.as_ref().map(|running| running.evidence.clone()).map_err(Option::clone),
        analyses: analyses.clone(),
        vitals: Vitals::start(metrics.clone()).map_err(Error::Runtime)?,
        model: Arc::new(web::Model::read(contract, detector.provider(), folder, config.detector.queue)),
    };
    let door = runtime.block_on(Door::open(&config.web, behind))?;
    let address = door.address();
    tracing::info!(%address, streams = config.streams.len(), "ready");
    // The one line a person waits for, whatever the log filter.
    println!("TrueVision: http://{address}/");
    let ended = runtime.block_on(app.wait());
    if let Err(error) = &ended {
        end_at_last(error.exit_code());
    }
    app.stop();
    if let Ok(evidence) = &app.evidence {
        evidence.stop();
    }
    if let Ok(alerts) = &app.alerts {
        alerts.stop();
    }
    analyses.stop();
    runtime.block_on(door.close());
    ended
}

/// Ends the program even when a thread hangs in a call that never comes back, and so do the libraries' own farewells.
fn end_at_last(code: u8) {
    let watchdog = move || {
        std::thread::sleep(STOPPING);
        tracing::error!("something does not stop within {} s: ended the hard way", STOPPING.as_secs());
        std::thread::spawn(|| {
            std::thread::sleep(STOPPING);
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        });
        std::process::exit(code.into());
    };
    // Without a thread it ends as well as it can.
    let _ = std::thread::Builder::new().name("watchdog".into()).spawn(watchdog);
}

/// A record that cannot be kept does not keep anybody from analysing.
fn open_record(config: &Config, metrics: &Arc<Metrics>) -> Result<record::Opened, record::Error> {
    let fixed = record::Key::ALL.into_iter().filter(|key| config::set_by_environment(key.name())).collect();
    let start = record::Values {
        verdict: config.verdict.clone(),
        record: config.record.clone(),
        analyses: config.analyses.keep(),
        evidence: config.evidence.keep(),
    };
    let opened = record::Opened::new(start, fixed, metrics.clone());
    match &opened {
        Ok(_) => tracing::info!(folder = %config.record.folder.display(), "verdicts are kept"),
        Err(record::Error::Off) => tracing::info!("verdicts are not kept: record.folder is empty"),
        Err(error) => tracing::error!("verdicts are not kept: {error}"),
    }
    opened
}

/// How long and how much a room keeps by the settings in force. Without a record they are those of the start.
fn keep_now(
    record: &Result<Arc<Record>, Arc<record::Error>>,
    start: Keep,
    of: fn(&Record) -> Keep,
) -> impl Fn() -> Keep + Send + Sync + 'static {
    let record = record.clone().ok();
    move || record.as_deref().map_or(start, of)
}

/// A database that cannot be opened costs the alerts and nothing else; a target that cannot be used is a wrong setting.
fn open_alerts(config: &alerts::Config, metrics: &Arc<Metrics>) -> Result<Result<alerts::Opened, String>, Error> {
    match alerts::Opened::new(config, metrics.clone()) {
        Ok(opened) => Ok(Ok(opened)),
        Err(alerts::Error::Store(error)) => {
            tracing::error!("no alerts are made: {error}");
            Ok(Err(error.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}

/// A folder that cannot be used costs the evidence and nothing else. Err(None): nobody wants any.
fn open_evidence(config: &Config, metrics: &Arc<Metrics>) -> Result<evidence::Opened, Option<String>> {
    if !config.evidence.on {
        return Err(None);
    }
    evidence::Opened::new(&config.evidence, metrics.clone()).map_err(|error| {
        tracing::error!("no evidence is kept: {error}");
        metrics.evidence_stopped.set(1);
        Some(error.to_string())
    })
}

/// What evidence says of this run. Of the settings only those that bear on it, and none that names an address.
fn facts(config: &Config, model: &Model) -> Result<evidence::Facts, evidence::Error> {
    let settings = serde_json::json!({
        "faces": config.faces, "tracks": config.tracks, "detector": config.detector, "verdict": config.verdict,
        "alerts": { "rules": config.alerts.rules }, "evidence": config.evidence,
    });
    evidence::Facts::of(&model.contract, Path::new(&config.detector.model), &settings)
}

/// Two threads serve HTTP and the board; all heavy work has threads of its own.
pub fn runtime() -> Result<Runtime, Error> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(Error::Runtime)
}

/// The running rooms and their streams.
pub struct App {
    pub rooms: Arc<Rooms>,
    /// Or why nothing is kept.
    record: Result<Arc<Record>, Arc<record::Error>>,
    /// Or why none are made.
    alerts: Result<alerts::Running, String>,
    /// Or why none is kept; None: nobody wants any.
    evidence: Result<evidence::Running, Option<String>>,
    streams_max: usize,
    /// In order of arrival.
    streams: Mutex<Vec<Running>>,
}

/// One stream and its thread.
struct Running {
    id: StreamId,
    config: source::Config,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Running {
    fn start(rooms: &Arc<Rooms>, config: source::Config) -> std::io::Result<Self> {
        let id: StreamId = config.id.as_str().into();
        let stop = Arc::new(AtomicBool::new(false));
        let thread = {
            let (rooms, id, config, stop) = (rooms.clone(), id.clone(), config.clone(), stop.clone());
            // Linux shows 15 characters of a thread's name.
            std::thread::Builder::new()
                .name(format!("stream-{id}"))
                .spawn(move || keep_running(&id, &config, &rooms, &stop))?
        };
        Ok(Self { id, config, stop, thread })
    }

    /// Waits for the thread; one that panicked has told so already.
    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.join();
    }
}

/// One stream's trouble never touches another: a panic ends its run, is told, and the stream starts anew.
fn keep_running(id: &StreamId, config: &source::Config, rooms: &Rooms, stop: &AtomicBool) {
    while catch_unwind(AssertUnwindSafe(|| stream::run(id, config, rooms, stop))).is_err() {
        let message = "internal error (a bug; the log has its place); the stream starts anew".to_owned();
        tracing::error!(stream = %id, "{message}");
        let retry_in = Some(REST_AFTER_PANIC);
        rooms.board.post(Report::Fault { stream: id.clone(), code: "internal", message, retry_in });
        let mut rested = Duration::ZERO;
        while rested < REST_AFTER_PANIC {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            std::thread::sleep(stream::PULL_WAIT);
            rested += stream::PULL_WAIT;
        }
    }
}

impl App {
    /// Loads the models, starts detector and board, then the streams of the settings.
    pub fn start(config: &Config, runtime: &Runtime) -> Result<Arc<Self>, Error> {
        let metrics = Arc::new(Metrics::new());
        let faces = faces::Detector::load(&config.faces, &config.infer)?;
        let model = Model::load(&config.detector, &config.infer)?;
        let opened = open_record(config, &metrics);
        let verdict = opened.as_ref().map_or(&config.verdict, record::Opened::verdict).clone();
        let server = event::Server {
            version: env!("CARGO_PKG_VERSION").into(),
            model: event::Model {
                name: model.contract.name.clone(),
                version: model.contract.version.clone(),
                trial: model.contract.trial,
                note: model.contract.note.clone(),
            },
            provider: model.provider().into(),
            passed_over: { model.passed_over().iter() }
                .map(|p| event::PassedOver { provider: p.provider.name().into(), why: p.why.clone() })
                .collect(),
            fake_at: verdict.fake_at,
            real_at: verdict.real_at,
            stale_secs: verdict.stale_secs,
        };
        let rule = model.contract.score;
        let alerts = match config.alerts.on {
            true => open_alerts(&config.alerts, &metrics)?,
            false => Err("alerts are off in the settings (alerts.on)".to_owned()),
        };
        // Of what, when there are no alerts?
        let evidence = if alerts.is_ok() { open_evidence(config, &metrics) } else { Err(None) };
        let sinks = opened.iter().map(record::Opened::sink).chain(alerts.iter().map(alerts::Opened::sink));
        let sinks = sinks.chain(evidence.iter().map(evidence::Opened::sink)).collect();
        let taps = evidence.as_ref().ok().map(evidence::Opened::taps);
        let wanted = match &evidence {
            Ok(opened) => alerts::Evidence::Kept(opened.listener()),
            Err(Some(why)) => alerts::Evidence::Broken(why.clone()),
            Err(None) => alerts::Evidence::Off,
        };
        let board = Board::start(&config.publish, &verdict, &rule, server, metrics.clone(), sinks, runtime.handle());
        let judged_by = format!("{} {}", model.contract.name, model.contract.version);
        let record = opened.and_then(|opened| opened.start(board.clone(), judged_by)).map(Arc::new).map_err(Arc::new);
        let alerts = match alerts {
            Ok(opened) => Ok(opened.start(board.clone(), wanted)?),
            Err(why) => Err(why),
        };
        let evidence = match (evidence, &alerts) {
            (Ok(opened), Ok(alerts)) => {
                let keep = keep_now(&record, config.evidence.keep(), Record::evidence);
                Ok(opened.start(alerts.desk.clone(), board.clone(), facts(config, &model)?, keep)?)
            }
            (Err(why), _) => Err(why),
            (_, Err(_)) => Err(None),
        };
        let sink = {
            let board = board.clone();
            move |analysis| {
                // One that finds the board full is counted there.
                board.post(Report::Analysis(analysis));
            }
        };
        let detector = Detector::start(model, &config.detector, metrics.clone(), sink)?;
        let settings = stream::Settings {
            faces: config.faces.clone(),
            tracks: config.tracks.clone(),
            publish: config.publish.clone(),
        };
        let app = Arc::new(Self {
            rooms: Arc::new(Rooms { faces, detector, board, metrics, taps, settings }),
            record,
            alerts,
            evidence,
            streams_max: config.streams_max,
            streams: Mutex::new(Vec::new()),
        });
        for stream in &config.streams {
            // Ids are unique and few enough: the settings were checked.
            if let Err(error) = app.add(stream.clone()) {
                tracing::error!(stream = stream.id, "{error}");
            }
        }
        Ok(app)
    }

    /// Until a signal asks to stop (Ok) or the detector is gone; then a little longer, so that everybody hears of it.
    async fn wait(&self) -> Result<(), Error> {
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).map_err(Error::Runtime)?;
        let gone = async {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                self.rooms.metrics.out_of_memory.inc_by(health::take_out_of_memory());
                if let Some(fault) = self.rooms.detector.fault() {
                    tracing::error!("{fault}; no verdict can come any more");
                    tokio::time::sleep(FAREWELL).await;
                    return Error::DetectorGone(fault);
                }
            }
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => Ok(()),
            _ = terminate.recv() => Ok(()),
            error = gone => Err(error),
        }
    }

    /// Ends all streams, side by side: each may take as long as its source needs to let go. Then what is kept of them.
    pub fn stop(&self) {
        let running = std::mem::take(&mut *self.lock());
        for stream in &running {
            stream.stop.store(true, Ordering::Relaxed);
        }
        running.into_iter().for_each(Running::stop);
        if let Ok(record) = &self.record {
            record.stop();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Running>> {
        // The list is whole at every moment it is held, so a panic elsewhere does not spoil it.
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a stream out of the list and waits for its thread.
    fn take(&self, id: &str) -> Result<(StreamId, source::Config), StreamError> {
        let stream = {
            let mut streams = self.lock();
            let at = streams.iter().position(|stream| &*stream.id == id);
            streams.remove(at.ok_or_else(|| StreamError::Unknown(id.into()))?)
        };
        let (id, config) = (stream.id.clone(), stream.config.clone());
        stream.stop();
        self.rooms.detector.forget(&id);
        Ok((id, config))
    }
}

impl Streams for App {
    fn add(&self, config: source::Config) -> Result<(), StreamError> {
        let mut faults = Vec::new();
        config.check(&mut faults);
        if let Some((field, message)) = faults.into_iter().next() {
            return Err(StreamError::Invalid { field, message });
        }
        let mut streams = self.lock();
        if streams.iter().any(|stream| *stream.id == config.id) {
            return Err(StreamError::Exists(config.id));
        }
        if streams.len() >= self.streams_max {
            return Err(StreamError::Full(streams.len()));
        }
        let id: StreamId = config.id.as_str().into();
        let name = if config.name.is_empty() { config.id.clone() } else { config.name.clone() };
        let (kind, source) = (config.kind(), crate::secret::redact_url(&config.url));
        self.rooms.board.post(Report::Added { stream: id, name, kind, source });
        streams.push(Running::start(&self.rooms, config).map_err(StreamError::Thread)?);
        Ok(())
    }

    fn remove(&self, id: &str) -> Result<(), StreamError> {
        let (stream, _) = self.take(id)?;
        self.rooms.board.post(Report::Removed { stream });
        Ok(())
    }

    fn restart(&self, id: &str) -> Result<(), StreamError> {
        let (_, config) = self.take(id)?;
        self.add(config)
    }

    fn list(&self) -> Vec<source::Config> {
        self.lock().iter().map(|stream| stream.config.clone()).collect()
    }

    fn ready(&self) -> Result<(), String> {
        self.rooms.detector.fault().map_or(Ok(()), |fault| Err(fault.to_string()))
    }
}
