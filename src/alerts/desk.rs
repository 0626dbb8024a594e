//! The desk: hears every verdict, moves the alerts, writes them down with the letters they cause, and tells the board.
//! In: the board's news on a bounded queue, decisions of people. Out: rows in the store, events to clients, work for
//! the targets. Started by `app`, asked by `web`. A desk that is slow loses verdicts (counted), never the board's time.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::alert::{Alert, Millis, State, now};
use super::delivery::{Courier, Letter, Target};
use super::lifecycle::{Change, Decision, Event, Face, Lifecycle, Sighting};
use super::settings::Config;
use super::store::{self, Kept, Store, Totals};
use super::{Error, Evidence, QUEUE, disk};
use crate::metrics::Metrics;
use crate::publish::{Board, Report, Sink, Told, event};
use crate::verdict::{FaceVerdict, Label, Reason};

/// Time passes for alerts at least so often.
const TICK: Duration = Duration::from_millis(500);
/// How often figures are brought up to date and old rows removed.
const FIGURES: Duration = Duration::from_secs(2);
const CLEANING: Duration = Duration::from_secs(3600);
/// Changes that may wait for a disk that takes none.
const UNSAVED: usize = 4096;
const DAY: Millis = 24 * 3600 * 1000;

/// The handle, for the door.
#[derive(Clone)]
pub struct Desk {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<Moving>,
    store: Arc<Store>,
    couriers: Vec<Courier>,
    board: Board,
    evidence: Evidence,
    metrics: Arc<Metrics>,
    keep: Millis,
    folder: std::path::PathBuf,
    stop: AtomicBool,
}

/// What changes with every verdict.
struct Moving {
    lifecycle: Lifecycle,
    /// Names of the streams that were announced.
    names: HashMap<String, String>,
    /// What the disk did not take yet, oldest first.
    unsaved: Vec<(Vec<Change>, Vec<Letter>)>,
    /// What became of evidence, as far as the disk did not take it yet: of a full disk too an alert must say why it has
    /// none.
    unsaved_evidence: Unsaved,
}

/// By alert.
type Unsaved = BTreeMap<String, event::AlertEvidence>;

/// The database is open, the targets are known, and nothing runs yet: the board, which the desk tells, must first know
/// whom to tell its own news.
pub struct Opened {
    config: Config,
    store: Arc<Store>,
    targets: Vec<Target>,
    metrics: Arc<Metrics>,
    queue: SyncSender<Told>,
    heard: Receiver<Told>,
}

/// The running desk; stopped by `app`.
pub struct Running {
    pub desk: Desk,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Opened {
    pub fn new(config: &Config, metrics: Arc<Metrics>) -> Result<Self, Error> {
        let targets = Target::all(config).map_err(Error::Target)?;
        let store = Arc::new(Store::open(&config.database, config.delivery.queue)?);
        let (queue, heard) = sync_channel(QUEUE);
        Ok(Self { config: config.clone(), store, targets, metrics, queue, heard })
    }

    /// What the board must tell its news to. It never blocks; a verdict that finds the queue full is counted.
    pub fn sink(&self) -> Sink {
        let (queue, metrics) = (self.queue.clone(), self.metrics.clone());
        Box::new(move |told: &Told| {
            // Pictures are not wanted here, and would only be held.
            let told = match told {
                Told::Verdict { stream, verdict, .. } => {
                    Told::Verdict { stream: stream.clone(), verdict: verdict.clone(), crops: Vec::new() }
                }
                other => other.clone(),
            };
            if queue.try_send(told).is_err() {
                metrics.alert_verdicts_lost.inc();
            }
        })
    }

    /// Starts a thread for each target and one that hears the news.
    pub fn start(self, board: Board, evidence: Evidence) -> Result<Running, Error> {
        let Self { config, store, targets, metrics, queue: _, heard } = self;
        let kept = store.open_alerts()?;
        if !kept.is_empty() {
            tracing::info!(alerts = kept.len(), "open alerts of the last run wait for their faces");
        }
        let start = |target| Courier::start(target, config.delivery, store.clone(), metrics.clone());
        let couriers = targets.into_iter().map(start).collect::<Result<_, _>>().map_err(Error::Thread)?;
        let folder = config.database.parent().unwrap_or(&config.database).to_owned();
        let lifecycle = Lifecycle::new(config.rules, kept, now());
        let moving =
            Moving { lifecycle, names: HashMap::new(), unsaved: Vec::new(), unsaved_evidence: BTreeMap::new() };
        let inner = Arc::new(Inner {
            state: Mutex::new(moving),
            store,
            couriers,
            board,
            evidence,
            metrics,
            keep: Millis::from(config.keep_days) * DAY,
            folder,
            stop: AtomicBool::new(false),
        });
        inner.figures();
        let thread = {
            let inner = inner.clone();
            std::thread::Builder::new().name("alerts".into()).spawn(move || inner.run(&heard)).map_err(Error::Thread)?
        };
        Ok(Running { desk: Desk { inner }, thread: Mutex::new(Some(thread)) })
    }
}

impl Running {
    /// Ends the desk; what waits for a target waits on in the database.
    pub fn stop(&self) {
        self.desk.inner.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // One that panicked has told so already.
            let _ = thread.join();
        }
        self.desk.inner.couriers.iter().for_each(Courier::stop);
    }
}

impl Desk {
    /// Alerts before `cursor` (an id), newest first.
    pub fn alerts(
        &self,
        state: Option<&str>,
        stream: Option<&str>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Vec<event::Alert>, store::Error> {
        let found = self.inner.store.alerts(state, stream, cursor, limit)?;
        let unsaved = self.inner.lock().unsaved_evidence.clone();
        found.iter().map(|alert| self.inner.shown(&unsaved, alert)).collect()
    }

    /// Carries out what a person decided.
    pub fn decide(&self, id: &str, decision: Decision, note: &str) -> Result<event::Alert, DecisionError> {
        let inner = &self.inner;
        let mut state = inner.lock();
        let change = match state.lifecycle.decide(now(), id, decision, note) {
            Some(change) => change,
            None => {
                let alert = inner.store.alert(id)?.ok_or_else(|| DecisionError::Unknown(id.into()))?;
                // One that is over may still turn out to have been wrong.
                if (decision, alert.state) != (Decision::False, State::Resolved) {
                    return Err(DecisionError::Impossible { id: id.into(), state: alert.state.name() });
                }
                let note = if note.is_empty() { alert.note.clone() } else { note.into() };
                Change { event: Event::False, alert: Alert { state: State::False, updated: now(), note, ..alert } }
            }
        };
        let alert = change.alert.clone();
        inner.apply(&mut state, vec![change]);
        Ok(inner.shown(&state.unsaved_evidence, &alert)?)
    }

    /// Takes in what became of an alert's evidence and tells the clients.
    pub fn note_evidence(&self, alert: &str, evidence: event::AlertEvidence) {
        let inner = &self.inner;
        let mut state = inner.lock();
        inner.keep_evidence(&mut state, alert, evidence);
        match inner.store.alert(alert) {
            Ok(Some(found)) => inner.tell(&state, &found, false),
            Ok(None) => {}
            Err(error) => tracing::error!("{error}"),
        }
    }

    /// What became of an alert's evidence; None when there is no such alert, Some(None) when it has none.
    pub fn evidence(&self, alert: &str) -> Result<Option<Option<event::AlertEvidence>>, store::Error> {
        let Some(found) = self.inner.store.alert(alert)? else { return Ok(None) };
        Ok(Some(self.inner.evidence_of(&self.inner.lock().unsaved_evidence, &found.id)?))
    }

    /// Each target's kind (its name), address and totals.
    pub fn targets(&self) -> Result<Vec<(&'static str, String, Totals)>, store::Error> {
        let totals = |courier: &Courier| {
            let totals = self.inner.store.totals(courier.kind)?;
            Ok((courier.kind, courier.address.clone(), totals))
        };
        self.inner.couriers.iter().map(totals).collect()
    }

    /// Deliveries before `cursor` (an id), newest first.
    pub fn deliveries(
        &self,
        state: Option<&str>,
        cursor: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Kept>, store::Error> {
        self.inner.store.deliveries(state, cursor, limit)
    }

    /// Sends a dead delivery once more; false when there is no such dead one.
    pub fn replay(&self, id: i64) -> Result<bool, store::Error> {
        let found = self.inner.store.replay(id, now())?;
        self.inner.couriers.iter().for_each(Courier::wake);
        Ok(found)
    }
}

/// Why a decision was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum DecisionError {
    #[error("there is no alert {0:?}")]
    Unknown(String),
    #[error("alert {id} is {state}, which this does not fit")]
    Impossible { id: String, state: &'static str },
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Inner {
    fn run(&self, heard: &Receiver<Told>) {
        let (mut figured, mut cleaned) = (Instant::now(), None::<Instant>);
        let mut ticked = Instant::now();
        while !self.stop.load(Ordering::Relaxed) {
            match heard.recv_timeout(TICK) {
                Ok(told) => self.hear(&told),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if ticked.elapsed() >= TICK {
                ticked = Instant::now();
                let mut state = self.lock();
                let changes = state.lifecycle.tick(now());
                self.apply(&mut state, changes);
            }
            if figured.elapsed() >= FIGURES {
                figured = Instant::now();
                self.figures();
            }
            if cleaned.is_none_or(|at| at.elapsed() >= CLEANING) {
                cleaned = Some(Instant::now());
                if let Err(error) = self.store.clean(now() - self.keep) {
                    tracing::error!("{error}");
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Moving> {
        // Whole at every moment it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, told: &Told) {
        let mut state = self.lock();
        match told {
            Told::Verdict { stream, verdict, .. } => {
                // Nobody looked: that says nothing of its faces.
                if verdict.reasons.contains(&Reason::SourceStale) {
                    return;
                }
                let Some(name) = state.names.get(&**stream).cloned() else { return };
                let face = |face: &FaceVerdict| {
                    let confidence = face.fake_confidence.filter(|_| face.label != Label::Stale)?;
                    Some(Face { track: face.track, fake: face.label == Label::Fake, confidence })
                };
                let faces = verdict.faces.iter().filter_map(face).collect();
                let changes =
                    state.lifecycle.see(now(), &Sighting { stream: stream.to_string(), stream_name: name, faces });
                self.apply(&mut state, changes);
            }
            Told::Added { stream, name } => {
                if state.names.insert(stream.to_string(), name.clone()).is_none() {
                    self.tell_of_stream(&mut state, "announced", stream, name);
                }
            }
            Told::Removed { stream } => {
                let changes = state.lifecycle.forget(now(), stream);
                self.apply(&mut state, changes);
                if let Some(name) = state.names.remove(&**stream) {
                    self.tell_of_stream(&mut state, "removed", stream, &name);
                }
            }
            Told::Entered { .. } => {}
        }
    }

    /// News of a stream, for MQTT alone: the others know streams by their alerts.
    fn tell_of_stream(&self, state: &mut Moving, event: &str, stream: &str, name: &str) {
        if self.couriers.iter().any(|courier| courier.kind == "mqtt") {
            let open = state.lifecycle.open().any(|alert| alert.stream == stream);
            state.unsaved.push((Vec::new(), vec![Letter::of_stream(event, stream, name, open, now())]));
            self.save(state);
        }
    }

    /// Writes changes down, then tells the clients.
    fn apply(&self, state: &mut Moving, changes: Vec<Change>) {
        if changes.is_empty() && state.unsaved.is_empty() && state.unsaved_evidence.is_empty() {
            return;
        }
        if !changes.is_empty() {
            let letters = changes.iter().filter(|change| change.event.is_delivered());
            let open = |change: &Change| state.lifecycle.open().any(|alert| alert.stream == change.alert.stream);
            let letters = letters
                // Without its evidence the letter is still true.
                .map(|change| {
                    Letter::of(
                        change,
                        open(change),
                        self.evidence_of(&state.unsaved_evidence, &change.alert.id).unwrap_or_default(),
                    )
                })
                .collect();
            state.unsaved.push((changes.clone(), letters));
        }
        self.save(state);
        for Change { event, alert } in &changes {
            if event.is_delivered() {
                tracing::info!(alert = alert.id, stream = alert.stream, track = alert.track, "alert {}", event.name());
            }
            match &self.evidence {
                Evidence::Kept(listener) => listener(*event, alert),
                Evidence::Broken(why) if *event == Event::Opened => {
                    self.keep_evidence(state, &alert.id, event::AlertEvidence::without("none", Some(why.clone())));
                }
                Evidence::Broken(_) | Evidence::Off => {}
            }
            self.tell(state, alert, *event == Event::Faded);
        }
    }

    /// Tells the clients of an alert. A pending one that faded is gone; for them it is over.
    fn tell(&self, state: &Moving, alert: &Alert, faded: bool) {
        match self.shown(&state.unsaved_evidence, alert) {
            Ok(mut shown) => {
                if faded {
                    shown.state = State::Resolved.name().into();
                }
                self.board.post(Report::Tell(Box::new(event::Body::Alert(shown))));
            }
            Err(error) => tracing::error!("{error}"),
        }
    }

    fn keep_evidence(&self, state: &mut Moving, alert: &str, evidence: event::AlertEvidence) {
        match self.store.keep_evidence(alert, &evidence) {
            // Of an alert that is not written either, it waits with it.
            Ok(true) => drop(state.unsaved_evidence.remove(alert)),
            Ok(false) if !state.lifecycle.open().any(|open| open.id == alert) => {}
            Ok(false) | Err(_) if state.unsaved_evidence.len() < UNSAVED => {
                state.unsaved_evidence.insert(alert.to_owned(), evidence);
            }
            Ok(false) | Err(_) => tracing::error!(alert, "the disk takes nothing: what became of its evidence is lost"),
        }
    }

    fn evidence_of(&self, unsaved: &Unsaved, alert: &str) -> Result<Option<event::AlertEvidence>, store::Error> {
        match unsaved.get(alert) {
            Some(evidence) => Ok(Some(evidence.clone())),
            None => self.store.evidence(alert),
        }
    }

    /// Writes what is not written; what the disk does not take is tried again at the next tick.
    fn save(&self, state: &mut Moving) {
        let mut written = 0;
        for (changes, letters) in &state.unsaved {
            let addressed: Vec<(&str, Letter)> = letters
                .iter()
                .flat_map(|letter| self.couriers.iter().map(move |courier| (courier, letter)))
                .filter(|(courier, letter)| letter.alert.is_some() || courier.kind == "mqtt")
                .map(|(courier, letter)| (courier.kind, letter.clone()))
                .collect();
            match self.store.save(changes, &addressed) {
                Ok(refused) if refused > 0 => {
                    tracing::error!(refused, "too many deliveries wait: kept as dead, to be sent again on request");
                }
                Ok(_) => {}
                Err(error) => {
                    self.metrics.alert_store_failures.inc();
                    tracing::error!("{error}");
                    break;
                }
            }
            written += 1;
        }
        state.unsaved.drain(..written);
        if state.unsaved.len() > UNSAVED {
            let lost = state.unsaved.len() - UNSAVED;
            tracing::error!(lost, "the disk takes nothing: the oldest changes of alerts are given up");
            state.unsaved.drain(..lost);
        }
        for (alert, evidence) in std::mem::take(&mut state.unsaved_evidence) {
            self.keep_evidence(state, &alert, evidence);
        }
        if written > 0 {
            self.couriers.iter().for_each(Courier::wake);
        }
    }

    fn shown(&self, unsaved: &Unsaved, alert: &Alert) -> Result<event::Alert, store::Error> {
        Ok(alert.wire(self.store.of_alert(&alert.id)?, self.evidence_of(unsaved, &alert.id)?))
    }

    fn figures(&self) {
        let state = self.lock();
        for one in State::ALL.into_iter().filter(|state| state.is_live()) {
            self.metrics.alerts.with_label_values(&[one.name()]).set(state.lifecycle.count(one) as i64);
        }
        drop(state);
        for courier in &self.couriers {
            match self.store.totals(courier.kind) {
                Ok(totals) => {
                    let waiting = self.metrics.deliveries_waiting.with_label_values(&[courier.kind]);
                    waiting.set(i64::try_from(totals.waiting).unwrap_or(i64::MAX));
                }
                Err(error) => tracing::error!("{error}"),
            }
        }
        if let Some(free) = disk::free_bytes(&self.folder) {
            self.metrics.disk_free.set(free as f64);
        }
    }
}
