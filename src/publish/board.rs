//! The one task that owns live state. In: reports of the streams and the detector, by [`Board::post`]. Out: events in
//! sequence to every subscriber, snapshots, pictures to watchers. A subscriber that is slow loses its place, never
//! the board's time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use tokio::runtime::Handle;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use super::event::{Body, Event, Server, Snapshot, VERSION};
use super::gallery::GalleryFace;
use super::history::History;
use super::live::Live;
use super::watch::{self, Watcher, Watchers};
use super::{BOARD_QUEUE_FULL, Config, Report, Sink, Told, rfc3339};
use crate::detector::StreamId;
use crate::infer::contract::ScoreRule;
use crate::metrics::Metrics;
use crate::verdict::{self, Judge};

/// Reports that may wait for the board: about a second of 100 streams.
const REPORTS: usize = 1024;
/// Requests of the door that may wait for the board; a further one waits to ask.
const REQUESTS: usize = 64;
/// How often verdicts age. A verdict is STALE at most so much after its limit.
const TICK: Duration = Duration::from_millis(250);
/// Ticks from one heartbeat to the next.
const TICKS_A_HEARTBEAT: u64 = 4;
/// A board that has not ticked for so long is stuck.
const STUCK: Duration = Duration::from_secs(3);

/// The handle of the board; the task ends when the last one is gone.
#[derive(Clone)]
pub struct Board {
    shared: Arc<Shared>,
    reports: mpsc::Sender<Report>,
    requests: mpsc::Sender<Request>,
}

/// What handles and task both touch.
struct Shared {
    boot: String,
    /// Only the task changes it.
    server: RwLock<Server>,
    began: Instant,
    /// ms since `began`.
    ticked: AtomicU64,
    /// Analyses that found the queue full, not yet counted by the task.
    lost: Mutex<HashMap<StreamId, u64>>,
    watchers: Arc<Watchers>,
}

enum Request {
    Subscribe { resume: Option<(String, u64)>, answer: oneshot::Sender<Subscription> },
    Snapshot { answer: oneshot::Sender<Snapshot> },
    Gallery { stream: String, answer: oneshot::Sender<Option<Seen>> },
}

/// A stream's faces as the detector sees them, and the stream's decoder.
type Seen = (Vec<GalleryFace>, Option<String>);

/// A place in the sequence of events, all of them serialised.
pub struct Subscription {
    /// To be sent first: a snapshot, or the events missed.
    pub first: Vec<Arc<str>>,
    /// What follows. `Lagged` means that this subscriber fell behind: it subscribes again, to a fresh snapshot.
    pub events: broadcast::Receiver<Arc<str>>,
}

impl Board {
    /// Starts the task on `runtime`; every sink hears all news.
    pub fn start(
        config: &Config,
        verdict: &verdict::Config,
        rule: &ScoreRule,
        server: Server,
        metrics: Arc<Metrics>,
        sinks: Vec<Sink>,
        runtime: &Handle,
    ) -> Self {
        let shared = Arc::new(Shared {
            boot: format!("{:016x}", fastrand::u64(..)),
            server: RwLock::new(server),
            began: Instant::now(),
            ticked: AtomicU64::new(0),
            lost: Mutex::default(),
            watchers: Arc::default(),
        });
        let (reports, incoming) = mpsc::channel(REPORTS);
        let (requests, asked) = mpsc::channel(REQUESTS);
        let task = Task {
            shared: shared.clone(),
            verdict: verdict.clone(),
            rule: *rule,
            metrics,
            sinks,
            streams: Vec::new(),
            history: History::new(config.resume_events),
            events: broadcast::Sender::new(config.client_queue),
        };
        runtime.spawn(task.run(incoming, asked));
        Self { shared, reports, requests }
    }

    /// Hands a report over, from a thread of the operating system (not from an async task). An analysis is given up
    /// when the board's queue is full: false, and counted as `board_queue_full`. All other reports wait and are never
    /// lost. False too when the board has ended.
    pub fn post(&self, report: Report) -> bool {
        let Report::Analysis(analysis) = report else {
            return self.reports.blocking_send(report).is_ok();
        };
        match self.reports.try_send(Report::Analysis(analysis)) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(Report::Analysis(analysis))) => {
                let mut lost = self.shared.lost.lock().unwrap_or_else(PoisonError::into_inner);
                *lost.entry(analysis.stream).or_default() += 1;
                false
            }
            Err(_) => false,
        }
    }

    /// Whether anybody watches this stream's pictures; asked for every frame.
    pub fn watched(&self, stream: &StreamId) -> bool {
        self.shared.watchers.watched(stream)
    }

    /// A new watcher of pictures.
    pub fn watcher(&self) -> Watcher {
        self.shared.watchers.join()
    }

    /// A place in the events: after (boot, seq) if those are this start's and still kept, else after a snapshot.
    /// None when the board has ended.
    pub async fn subscribe(&self, resume: Option<(String, u64)>) -> Option<Subscription> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(Request::Subscribe { resume, answer }).await.ok()?;
        answered.await.ok()
    }

    /// Everything as it is now. None when the board has ended.
    pub async fn snapshot(&self) -> Option<Snapshot> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(Request::Snapshot { answer }).await.ok()?;
        answered.await.ok()
    }

    /// The faces of a stream with their newest crops; they are kept for 10 s after every asking. None when the board
    /// has ended, Some(None) when there is no such stream.
    pub async fn gallery(&self, stream: String) -> Option<Option<Seen>> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(Request::Gallery { stream, answer }).await.ok()?;
        answered.await.ok()
    }

    /// Unique to this start of the program.
    pub fn boot(&self) -> &str {
        &self.shared.boot
    }

    pub fn server(&self) -> Server {
        self.shared.server.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn uptime(&self) -> Duration {
        self.shared.began.elapsed()
    }

    /// Whether the task ticked in the last seconds.
    pub fn ticking(&self) -> bool {
        let ticked = Duration::from_millis(self.shared.ticked.load(Ordering::Relaxed));
        self.uptime().saturating_sub(ticked) < STUCK
    }
}

struct Task {
    shared: Arc<Shared>,
    verdict: verdict::Config,
    rule: ScoreRule,
    metrics: Arc<Metrics>,
    sinks: Vec<Sink>,
    /// In order of arrival.
    streams: Vec<Live>,
    history: History,
    events: broadcast::Sender<Arc<str>>,
}

impl Task {
    async fn run(mut self, mut reports: mpsc::Receiver<Report>, mut requests: mpsc::Receiver<Request>) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ticks = 0;
        loop {
            tokio::select! {
                report = reports.recv() => match report {
                    Some(report) => self.take(report),
                    None => break,
                },
                Some(request) = requests.recv() => {
                    // An answer knows all that was posted before it was asked for.
                    for _ in 0..reports.len() {
                        reports.try_recv().into_iter().for_each(|report| self.take(report));
                    }
                    self.answer(request);
                }
                _ = tick.tick() => {
                    ticks += 1;
                    self.tick(ticks % TICKS_A_HEARTBEAT == 0);
                }
            }
        }
    }

    fn take(&mut self, report: Report) {
        let metrics = self.metrics.clone();
        let known = report.stream().and_then(|id| self.streams.iter().position(|live| live.id == *id));
        match (report, known) {
            (Report::Tell(body), _) => self.tell(*body),
            (Report::Thresholds { fake_at, real_at }, _) => self.set_thresholds(fake_at, real_at),
            (Report::Added { stream, name, kind, source }, known) => {
                self.inform(&Told::Added { stream: stream.clone(), name: name.clone() });
                let judge = Judge::new(&self.verdict, &self.rule);
                let live = Live::new(stream, name, kind, source, judge, &metrics);
                let at = known.unwrap_or(self.streams.len());
                match known {
                    Some(at) => self.streams[at] = live,
                    None => self.streams.push(live),
                }
                self.tell_entered(at);
            }
            // Late news of a stream that was removed.
            (_, None) => {}
            (Report::Removed { stream }, Some(at)) => {
                self.streams.remove(at);
                metrics.forget(&stream);
                self.tell(Body::Removed { id: stream.to_string() });
                self.inform(&Told::Removed { stream });
            }
            (Report::Connected { connection, .. }, Some(at)) => {
                self.streams[at].connected(connection, &metrics);
                self.tell_entered(at);
            }
            (Report::Fault { code, message, retry_in, .. }, Some(at)) => {
                self.streams[at].failed(code, message, retry_in, &metrics);
                self.tell_entered(at);
            }
            (Report::Ended { .. }, Some(at)) => {
                self.streams[at].ended(&metrics);
                self.tell_entered(at);
            }
            (Report::Dropped { reason, frames, .. }, Some(at)) => self.streams[at].dropped(reason, frames, &metrics),
            (Report::Analysis(analysis), Some(at)) => {
                let (verdict, state) = self.streams[at].judge(&analysis, Instant::now(), &metrics);
                if let Some(jpeg) = analysis.picture
                    && self.shared.watchers.watched(&analysis.stream)
                {
                    self.shared.watchers.show(&analysis.stream, &watch::picture(&state, &jpeg));
                }
                self.tell(Body::Verdict(state));
                let crops = analysis.faces.into_iter().filter_map(|face| Some((face.track, face.crop?))).collect();
                self.inform(&Told::Verdict { stream: analysis.stream, verdict: Arc::new(verdict), crops });
            }
        }
    }

    fn set_thresholds(&mut self, fake_at: f32, real_at: f32) {
        (self.verdict.fake_at, self.verdict.real_at) = (fake_at, real_at);
        self.streams.iter_mut().for_each(|live| live.set_thresholds(fake_at, real_at));
        {
            let mut server = self.shared.server.write().unwrap_or_else(PoisonError::into_inner);
            (server.fake_at, server.real_at) = (fake_at, real_at);
        }
        // Those who are away must not miss it either.
        self.history.break_off();
        self.send(self.write(self.history.newest(), Body::Snapshot(self.snapshot())));
    }

    fn inform(&self, told: &Told) {
        self.sinks.iter().for_each(|sink| sink(told));
    }

    fn answer(&mut self, request: Request) {
        // A client that went while it asked takes no answer: nothing is lost.
        match request {
            Request::Subscribe { resume, answer } => drop(answer.send(self.subscription(resume))),
            Request::Snapshot { answer } => drop(answer.send(self.snapshot())),
            Request::Gallery { stream, answer } => {
                let live = self.streams.iter_mut().find(|live| *live.id == *stream);
                let seen = live.map(|live| (live.gallery.ask(Instant::now()), live.state.decoder.clone()));
                drop(answer.send(seen));
            }
        }
    }

    fn subscription(&self, resume: Option<(String, u64)>) -> Subscription {
        let missed = resume
            .filter(|(boot, _)| *boot == self.shared.boot)
            .and_then(|(_, seq)| self.history.after(seq))
            .unwrap_or_else(|| vec![self.write(self.history.newest(), Body::Snapshot(self.snapshot()))]);
        Subscription { first: missed, events: self.events.subscribe() }
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            boot: self.shared.boot.clone(),
            now: rfc3339::format(SystemTime::now()),
            server: self.shared.server.read().unwrap_or_else(PoisonError::into_inner).clone(),
            streams: self.streams.iter().map(|live| live.state.clone()).collect(),
        }
    }

    /// Lets every verdict age; with `heartbeat`, also brings the figures up to date.
    fn tick(&mut self, heartbeat: bool) {
        let now = Instant::now();
        let metrics = self.metrics.clone();
        self.shared.ticked.store(self.shared.began.elapsed().as_millis() as u64, Ordering::Relaxed);
        let lost = std::mem::take(&mut *self.shared.lost.lock().unwrap_or_else(PoisonError::into_inner));
        for at in 0..self.streams.len() {
            let live = &mut self.streams[at];
            live.dropped(BOARD_QUEUE_FULL, lost.get(&live.id).copied().unwrap_or_default(), &metrics);
            live.gallery.age(now);
            let stream = live.id.clone();
            let aged = live.age(now, &metrics);
            let figures = heartbeat && live.figures(now);
            if let Some((verdict, state)) = aged {
                self.tell(Body::Verdict(state));
                self.inform(&Told::Verdict { stream, verdict: Arc::new(verdict), crops: Vec::new() });
            }
            if figures {
                self.tell_stream(at);
            }
        }
        if heartbeat {
            let beat = Body::Heartbeat { now: rfc3339::format(SystemTime::now()) };
            self.send(self.write(self.history.newest(), beat));
        }
    }

    fn tell_stream(&mut self, at: usize) {
        self.tell(Body::Stream(self.streams[at].state.clone()));
    }

    /// Tells a stream's state, which it entered just now.
    fn tell_entered(&mut self, at: usize) {
        self.tell_stream(at);
        let live = &self.streams[at];
        self.inform(&Told::Entered { stream: live.id.clone(), state: live.state.state, at: SystemTime::now() });
    }

    /// Gives an event the next number, keeps it, and sends it.
    fn tell(&mut self, body: Body) {
        let text = self.write(self.history.next(), body);
        self.history.push(text.clone());
        self.send(text);
    }

    fn send(&self, text: Arc<str>) {
        // Fails only when nobody listens.
        let _ = self.events.send(text);
    }

    fn write(&self, seq: u64, body: Body) -> Arc<str> {
        // Serialising numbers, strings, lists and maps with string keys into memory cannot fail.
        serde_json::to_string(&Event { v: VERSION, seq, body }).expect("an event can be serialised").into()
    }
}

#[cfg(test)]
mod tests;
