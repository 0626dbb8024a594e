//! Follows the alerts that opened: one thread for all. In: news of alerts; the taps and sightings, which it looks into a
//! few times a second. Out: finished [`Job`]s for the keeper. It writes nothing through to the disk, so that it is never
//! long away: what the rings hold bridges seconds.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::time::{Duration, Instant};

use super::job::Job;
use super::settings::Config;
use super::sightings::Sightings;
use super::store::Store;
use super::{Health, News};
use crate::alerts::{Alert, Desk, Event};
use crate::metrics::Metrics;
use crate::publish::event::AlertEvidence;
use crate::source::Taps;

/// From one look to the next.
const LOOK: Duration = Duration::from_millis(250);
/// How often the disk and the figures are looked at.
const FIGURES: Duration = Duration::from_secs(2);
/// Alerts whose evidence may come in at a time.
pub const AT_ONCE: usize = 64;

pub struct Collector {
    pub config: Config,
    pub store: Arc<Store>,
    pub taps: Arc<Taps>,
    pub sightings: Arc<Sightings>,
    pub health: Arc<Health>,
    pub desk: Desk,
    pub metrics: Arc<Metrics>,
    pub finished: SyncSender<Job>,
    pub stop: Arc<AtomicBool>,
}

impl Collector {
    pub fn run(self, news: &Receiver<News>) {
        let mut jobs = Vec::new();
        let (mut looked, mut figured) = (Instant::now(), None::<Instant>);
        while !self.stop.load(Ordering::Relaxed) {
            if figured.is_none_or(|at| at.elapsed() >= FIGURES) {
                figured = Some(Instant::now());
                self.figures();
            }
            match news.recv_timeout(LOOK.saturating_sub(looked.elapsed())) {
                Ok(News { event: Event::Opened, alert }) => self.open(alert, &mut jobs),
                // A face that came back has another track.
                Ok(News { alert, .. }) => {
                    for job in jobs.iter_mut().filter(|job| job.alert.id == alert.id) {
                        job.tracks.insert(alert.track);
                        job.alert.peak_confidence = job.alert.peak_confidence.max(alert.peak_confidence);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if looked.elapsed() >= LOOK {
                jobs = self.look(jobs);
                looked = Instant::now();
            }
        }
        for mut job in self.look(jobs) {
            job.cut_short("the program was stopped");
            // Fails when the keeper has ended; the next start removes what is left.
            let _ = self.finished.send(job);
        }
    }

    fn open(&self, alert: Alert, jobs: &mut Vec<Job>) {
        let id = alert.id.clone();
        if jobs.len() >= AT_ONCE {
            let why = format!("the evidence of {AT_ONCE} other alerts was being written");
            return self.give_up(&id, "too_many", why);
        }
        if let Some(why) = self.health.room(&self.store, &self.config) {
            return self.give_up(&id, "disk_full", why);
        }
        let folder = match self.store.begin(&id) {
            Ok(folder) => folder,
            Err(error) => return self.failed(&id, &error),
        };
        self.desk.note_evidence(&id, AlertEvidence::without("writing", None));
        jobs.push(Job::new(alert, folder, &self.config, &self.taps, &self.sightings));
    }

    /// Takes in what has come, and passes on what is over. Returns the rest.
    fn look(&self, jobs: Vec<Job>) -> Vec<Job> {
        let mut left = Vec::with_capacity(jobs.len());
        for mut job in jobs {
            if let Err(error) = job.collect(&self.config, &self.taps, &self.sightings) {
                self.failed(&job.alert.id, &error);
                continue;
            }
            if !job.is_over(Instant::now()) {
                left.push(job);
                continue;
            }
            match self.finished.try_send(job) {
                Ok(()) => {}
                // The keeper is behind: again with the next look.
                Err(TrySendError::Full(job)) => left.push(job),
                Err(TrySendError::Disconnected(job)) => {
                    self.give_up(&job.alert.id, "failed", "an internal error (the log has its place)".into());
                }
            }
        }
        if let Some(why) = self.health.room(&self.store, &self.config) {
            left.iter_mut().for_each(|job| job.cut_short(&why));
        }
        left
    }

    fn failed(&self, alert: &str, error: &io::Error) {
        let reason = self.health.failed(error);
        self.give_up(alert, reason, format!("the disk did not take it: {error}"));
    }

    fn give_up(&self, alert: &str, reason: &str, why: String) {
        self.store.give_up(alert);
        give_up(&self.desk, &self.metrics, alert, reason, why);
    }

    fn figures(&self) {
        self.taps.share_out();
        let held = i64::try_from(self.taps.bytes()).unwrap_or(i64::MAX);
        self.metrics.evidence_memory.set(held);
        self.metrics.evidence_packets_lost.inc_by(self.taps.take_lost());
        self.metrics.evidence_bytes.set(self.store.bytes() as f64);
        if let Some(free) = self.store.free() {
            self.metrics.evidence_disk_free.set(free as f64);
        }
        // Said before an alert is without evidence, and not only then.
        let _ = self.health.room(&self.store, &self.config);
        self.metrics.evidence_stopped.set(i64::from(self.health.fault().is_some()));
    }
}

/// Tells that an alert has no evidence, and why.
pub fn give_up(desk: &Desk, metrics: &Metrics, alert: &str, reason: &str, why: String) {
    tracing::warn!(alert, reason, "no evidence is kept of this alert: {why}");
    metrics.evidence_lost.with_label_values(&[reason]).inc();
    desk.note_evidence(alert, AlertEvidence::without("none", Some(why)));
}
