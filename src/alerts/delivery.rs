//! One thread a target: takes what waits for it from the store, sends it, writes down what came of it, tries again.
//! In: letters. Out: the target's own protocol. A receiver that is down costs nobody but its own thread anything.
//!
//! What is delivered was accepted by the receiver; a crash between its answer and our note of it sends the letter once
//! more, with the same key, by which the receiver can tell.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::alert::{Millis, now};
use super::alertmanager::Alertmanager;
use super::email::Email;
use super::lifecycle::Change;
use super::mqtt::Mqtt;
use super::settings::{self, Config};
use super::store::{DEAD, DELIVERED, Store, WAITING};
use super::webhook::Webhook;
use crate::metrics::Metrics;
use crate::publish::event;

/// How often an idle target looks for letters that have become due.
const LOOK: Duration = Duration::from_millis(250);

/// One piece of news for one target.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    /// The same for every attempt, different for every news: receivers drop doubles by it.
    pub key: String,
    pub alert: Option<String>,
    /// `opened`, `acknowledged`, `resolved`, `false`; for MQTT also `announced`, `removed` (of a stream).
    pub event: String,
    /// `{v, event, key, stream_open, alert: {...}}`, or `{stream, stream_name, stream_open}` of a stream.
    pub body: Value,
    pub made: Millis,
}

impl Letter {
    /// What is told of a change. `stream_open`: whether its stream has an open alert after it.
    pub fn of(change: &Change, stream_open: bool, evidence: Option<event::AlertEvidence>) -> Self {
        let (alert, event) = (&change.alert, change.event.name());
        let key = format!("{}-{event}", alert.id);
        let mut shown = json!(alert.wire(Vec::new(), evidence));
        if let Some(shown) = shown.as_object_mut() {
            // Of this very delivery nothing is known yet.
            shown.remove("deliveries");
        }
        let body = json!({ "v": 1, "event": event, "key": key, "stream_open": stream_open, "alert": shown });
        Self { key, alert: Some(alert.id.clone()), event: event.into(), body, made: alert.updated }
    }

    /// News of a stream itself, `announced` or `removed`: targets that show streams want them before any alert.
    pub fn of_stream(event: &str, stream: &str, name: &str, stream_open: bool, made: Millis) -> Self {
        let body = json!({ "stream": stream, "stream_name": name, "stream_open": stream_open });
        Self { key: format!("{stream}-{event}-{made}"), alert: None, event: event.into(), body, made }
    }

    /// A text of the alert, as `stream`; empty when there is none.
    pub fn text(&self, key: &str) -> &str {
        self.body["alert"][key].as_str().unwrap_or_default()
    }
}

/// Why a letter was not taken.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody answers: others would fare no better.
    Unreachable(String),
    /// The receiver answers, and cannot take this one now.
    Later(String),
    /// The receiver will never take this one.
    Never(String),
}

impl Refusal {
    fn message(&self) -> &str {
        match self {
            Self::Unreachable(message) | Self::Later(message) | Self::Never(message) => message,
        }
    }
}

/// A place that alerts are told to, connected as its protocol wants it.
pub enum Target {
    Webhook(Webhook),
    Alertmanager(Alertmanager),
    Email(Box<Email>),
    Mqtt(Box<Mqtt>),
}

impl Target {
    /// The targets that the settings name. An error is a setting that only shows now, as a secret's file that has gone.
    pub fn all(config: &Config) -> Result<Vec<Self>, String> {
        let timeout = Duration::from_secs_f64(config.delivery.timeout_secs);
        let mut targets = Vec::new();
        if !config.webhook.url.is_empty() {
            targets.push(Self::Webhook(Webhook::new(&config.webhook, timeout)?));
        }
        if !config.alertmanager.url.is_empty() {
            targets.push(Self::Alertmanager(Alertmanager::new(&config.alertmanager, timeout)?));
        }
        if !config.email.server.is_empty() {
            targets.push(Self::Email(Box::new(Email::new(&config.email, timeout)?)));
        }
        if !config.mqtt.url.is_empty() {
            targets.push(Self::Mqtt(Box::new(Mqtt::new(&config.mqtt, timeout)?)));
        }
        Ok(targets)
    }

    /// `webhook`, `alertmanager`, `email`, `mqtt`: there is at most one of each, so it is also its name.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Alertmanager(_) => "alertmanager",
            Self::Email(_) => "email",
            Self::Mqtt(_) => "mqtt",
        }
    }

    /// Where it is, without credentials.
    pub fn address(&self) -> String {
        match self {
            Self::Webhook(webhook) => webhook.address(),
            Self::Alertmanager(alertmanager) => alertmanager.address(),
            Self::Email(email) => email.address(),
            Self::Mqtt(mqtt) => mqtt.address(),
        }
    }

    fn deliver(&mut self, letter: &Letter) -> Result<(), Refusal> {
        match self {
            Self::Webhook(webhook) => webhook.deliver(letter),
            Self::Alertmanager(alertmanager) => alertmanager.deliver(letter),
            Self::Email(email) => email.deliver(letter),
            Self::Mqtt(mqtt) => mqtt.deliver(letter),
        }
    }
}

/// A target and its thread.
pub struct Courier {
    pub kind: &'static str,
    pub address: String,
    wake: SyncSender<()>,
    stop: Arc<AtomicBool>,
}

impl Courier {
    pub fn start(
        target: Target,
        config: settings::Delivery,
        store: Arc<Store>,
        metrics: Arc<Metrics>,
    ) -> std::io::Result<Self> {
        let (kind, address) = (target.kind(), target.address());
        let (wake, woken) = sync_channel(1);
        let stop = Arc::new(AtomicBool::new(false));
        for outcome in ["delivered", "failed", "dead"] {
            // A counter that is there from the start shows its first increase.
            metrics.deliveries.with_label_values(&[kind, outcome]).inc_by(0);
        }
        let round = Round { target, config, store, metrics, woken, stop: stop.clone() };
        std::thread::Builder::new().name(format!("to-{kind}")).spawn(move || round.run())?;
        Ok(Self { kind, address, wake, stop })
    }

    /// There is something new for it.
    pub fn wake(&self) {
        // Full: it will look anyway.
        let _ = self.wake.try_send(());
    }

    /// Asks the thread to end. It may be within a call that takes up to its timeout, so nobody waits for it: what it was
    /// sending is sent again by the next start, with the same key.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.wake();
    }
}

struct Round {
    target: Target,
    config: settings::Delivery,
    store: Arc<Store>,
    metrics: Arc<Metrics>,
    woken: Receiver<()>,
    stop: Arc<AtomicBool>,
}

impl Round {
    fn run(mut self) {
        let mut unreachable = 0;
        while !self.stop.load(Ordering::Relaxed) {
            let kind = self.target.kind();
            let next = match self.store.next(kind, now()) {
                Ok(next) => next,
                Err(error) => {
                    tracing::error!(target = kind, "{error}");
                    self.rest(Duration::from_secs(1));
                    continue;
                }
            };
            let Some((id, attempts, letter)) = next else {
                if let Target::Alertmanager(alertmanager) = &mut self.target {
                    alertmanager.remind(&self.store);
                }
                // Woken, or time to look again.
                if matches!(self.woken.recv_timeout(LOOK), Err(RecvTimeoutError::Disconnected)) {
                    return;
                }
                continue;
            };
            let pause = match self.target.deliver(&letter) {
                Ok(()) => {
                    unreachable = 0;
                    self.note(id, DELIVERED, None, 0);
                    continue;
                }
                Err(refusal) => self.failed(id, attempts, &letter, &refusal, &mut unreachable),
            };
            self.rest(pause);
        }
    }

    /// Writes a failure down; the pause before the next letter is tried.
    fn failed(&self, id: i64, attempts: u32, letter: &Letter, refusal: &Refusal, unreachable: &mut u32) -> Duration {
        let kind = self.target.kind();
        let too_old = (now() - letter.made) as f64 / 1e3 >= self.config.give_up_secs;
        tracing::warn!(
            target = kind,
            key = letter.key,
            attempts = attempts + 1,
            "not delivered: {}",
            refusal.message()
        );
        if too_old || matches!(refusal, Refusal::Never(_)) {
            self.note(id, DEAD, Some(refusal.message()), 0);
            return Duration::ZERO;
        }
        let (pause, due) = match refusal {
            Refusal::Unreachable(_) => {
                *unreachable += 1;
                (self.back_off(*unreachable), 0)
            }
            _ => {
                *unreachable = 0;
                (Duration::ZERO, now() + self.back_off(attempts + 1).as_millis() as Millis)
            }
        };
        self.note(id, WAITING, Some(refusal.message()), due);
        pause
    }

    fn note(&self, id: i64, state: &str, error: Option<&str>, due: Millis) {
        let outcome = if state == WAITING { "failed" } else { state };
        self.metrics.deliveries.with_label_values(&[self.target.kind(), outcome]).inc();
        if let Err(error) = self.store.tried(id, state, error, due) {
            tracing::error!(target = self.target.kind(), "{error}");
            // What cannot be noted would be sent again at once, and again.
            self.rest(Duration::from_secs(5));
        }
    }

    /// Doubles with every failure up to the longest; a tenth more or less, so that many do not come back as one.
    fn back_off(&self, failures: u32) -> Duration {
        let doubled = self.config.first_retry_secs * 2f64.powi(failures.saturating_sub(1).min(30) as i32);
        let pause = doubled.min(self.config.longest_retry_secs);
        Duration::from_secs_f64(pause * (0.9 + 0.2 * fastrand::f64()))
    }

    /// Waits, whatever wakes it but the end.
    fn rest(&self, pause: Duration) {
        let until = Instant::now() + pause;
        while !self.stop.load(Ordering::Relaxed) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || matches!(self.woken.recv_timeout(left), Err(RecvTimeoutError::Disconnected)) {
                return;
            }
        }
    }
}
