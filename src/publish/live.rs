//! What is known of one stream now. In: its reports and the time. Out: its wire state, its verdict, its metrics.
//! Owned by `board`.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

use super::event::{FaceState, Fault, State, StreamState, VerdictState};
use super::gallery::Gallery;
use super::rfc3339;
use crate::crops::Reject;
use crate::detector::{Analysis, Evidence, StreamId};
use crate::metrics::Metrics;
use crate::source::{self, Connection};
use crate::verdict::{FaceVerdict, Judge, Label, Verdict};

/// Seconds of which the analyses a second are the mean.
const RATE_SECS: usize = 5;

/// Reason of a window that was not scored: the model's call failed.
const DETECTOR_FAILED: &str = "detector_failed";

/// One stream, live or not.
pub struct Live {
    pub id: StreamId,
    /// As the clients see it.
    pub state: StreamState,
    judge: Judge,
    connected_before: bool,
    analyses: u64,
    /// Analyses so far at the last looks, a second apart.
    looks: VecDeque<(Instant, u64)>,
    /// Figures changed since the clients were told.
    changed: bool,
    pub gallery: Gallery,
}

impl Live {
    pub fn new(
        id: StreamId,
        name: String,
        kind: &'static str,
        source: String,
        judge: Judge,
        metrics: &Metrics,
    ) -> Self {
        let state = StreamState {
            id: id.to_string(),
            name,
            kind: kind.to_owned(),
            source,
            state: State::Connecting,
            fault: None,
            since: rfc3339::format(SystemTime::now()),
            width: 0,
            height: 0,
            fps: None,
            codec: None,
            decoder: None,
            reconnects: 0,
            dropped: Default::default(),
            analyses_per_sec: 0.0,
            verdict: None,
        };
        let (looks, connected_before) = (VecDeque::new(), false);
        let mut live = Self {
            id,
            state,
            judge,
            connected_before,
            analyses: 0,
            looks,
            changed: false,
            gallery: Gallery::default(),
        };
        live.begin(metrics);
        live.enter(State::Connecting, None, metrics);
        live
    }

    /// Makes the stream's counters: one that is there from the start shows its first increase.
    fn begin(&self, metrics: &Metrics) {
        let stream = &*self.id;
        for counters in
            [&metrics.frames, &metrics.frames_analysed, &metrics.faces, &metrics.windows, &metrics.reconnects]
        {
            counters.with_label_values(&[stream]).inc_by(0);
        }
        for reason in super::LOSSES {
            metrics.frames_dropped.with_label_values(&[stream, reason]).inc_by(0);
        }
        for reason in Reject::ALL.map(reject_name).into_iter().chain([DETECTOR_FAILED]) {
            metrics.windows_rejected.with_label_values(&[stream, reason]).inc_by(0);
        }
        // Made by being asked for.
        let _ = metrics.end_to_end.with_label_values(&[stream]);
    }

    pub fn connected(&mut self, connection: Connection, metrics: &Metrics) {
        if self.connected_before && self.state.state != State::Live {
            self.state.reconnects += 1;
            metrics.reconnects.with_label_values(&[&self.id]).inc();
        }
        self.connected_before = true;
        let Connection { epoch: _, width, height, fps, duration: _, codec, decoder } = connection;
        let place = |name| if source::on_gpu(name) { "gpu" } else { "cpu" };
        metrics.set_decoder(&self.id, decoder.as_deref().map(|name| (name, place(name))));
        self.state = StreamState { width, height, fps, codec, decoder, ..self.state.clone() };
        self.enter(State::Live, None, metrics);
    }

    pub fn failed(&mut self, code: &str, message: String, retry_in: Option<Duration>, metrics: &Metrics) {
        let retry_in_secs = retry_in.map(|wait| wait.as_secs_f64());
        self.enter(State::Fault, Some(Fault { code: code.to_owned(), message, retry_in_secs }), metrics);
    }

    pub fn ended(&mut self, metrics: &Metrics) {
        self.enter(State::Ended, None, metrics);
    }

    fn enter(&mut self, state: State, fault: Option<Fault>, metrics: &Metrics) {
        self.state.state = state;
        self.state.fault = fault;
        self.state.since = rfc3339::format(SystemTime::now());
        for other in State::ALL {
            let here = i64::from(other == state);
            metrics.stream_state.with_label_values(&[&*self.id, other.name()]).set(here);
        }
    }

    pub fn dropped(&mut self, reason: &str, frames: u64, metrics: &Metrics) {
        if frames == 0 {
            return;
        }
        metrics.frames_dropped.with_label_values(&[&self.id, reason]).inc_by(frames);
        *self.state.dropped.entry(reason.to_owned()).or_default() += frames;
        if [super::DETECTOR_BEHIND, super::DETECTOR_QUEUE_FULL].contains(&reason) {
            self.judge.frames_lost();
        }
        self.changed = true;
    }

    /// Judges a frame; `state.verdict` says the same.
    pub fn judge(&mut self, analysis: &Analysis, now: Instant, metrics: &Metrics) -> (Verdict, VerdictState) {
        self.analyses += 1;
        count(analysis, metrics);
        let latency = now.saturating_duration_since(analysis.stamp.arrived);
        metrics.end_to_end.with_label_values(&[&self.id]).observe(latency.as_secs_f64());
        let verdict = self.judge.update(analysis);
        self.show(&verdict, now, metrics);
        self.gallery.add(analysis, &verdict);
        let state = wire(&self.id, &verdict, latency, now);
        self.state.verdict = Some(state.clone());
        (verdict, state)
    }

    /// Other thresholds are in force from the next frame on.
    pub fn set_thresholds(&mut self, fake_at: f32, real_at: f32) {
        self.judge.set_thresholds(fake_at, real_at);
    }

    /// Lets the verdict age; gives it when that changed more than its age.
    pub fn age(&mut self, now: Instant, metrics: &Metrics) -> Option<(Verdict, VerdictState)> {
        let verdict = self.judge.at(now)?;
        self.show(&verdict, now, metrics);
        let before = self.state.verdict.as_mut()?;
        let latency = Duration::from_secs_f64(before.latency_ms / 1e3);
        let after = wire(&self.id, &verdict, latency, now);
        let said = |verdict: &VerdictState| {
            let faces = verdict.faces.iter().map(|face| (face.label, face.reasons.clone())).collect::<Vec<_>>();
            (verdict.label, verdict.reasons.clone(), faces)
        };
        let changed = said(before) != said(&after);
        before.clone_from(&after);
        changed.then_some((verdict, after))
    }

    /// Brings the figures up to date, once a second; true when the clients must be told.
    pub fn figures(&mut self, now: Instant) -> bool {
        self.looks.push_back((now, self.analyses));
        if self.looks.len() > RATE_SECS + 1 {
            self.looks.pop_front();
        }
        let (since, before) = self.looks[0];
        let secs = now.saturating_duration_since(since).as_secs_f64();
        if secs > 0.0 {
            let rate = ((self.analyses - before) as f64 / secs * 10.0).round() / 10.0;
            self.changed |= rate != self.state.analyses_per_sec;
            self.state.analyses_per_sec = rate;
        }
        std::mem::take(&mut self.changed)
    }

    /// Shows the verdict in the metrics.
    fn show(&self, verdict: &Verdict, now: Instant, metrics: &Metrics) {
        let stream = &[&*self.id];
        for label in Label::ALL {
            let here = i64::from(label == verdict.label);
            metrics.verdict.with_label_values(&[&*self.id, label.name()]).set(here);
        }
        match verdict.fake_confidence.filter(|_| verdict.label != Label::Stale) {
            Some(fake) => metrics.fake_confidence.with_label_values(stream).set(fake.into()),
            // Absent already when there was none before.
            None => drop(metrics.fake_confidence.remove_label_values(stream)),
        }
        match verdict.evidence {
            Some((arrived, captured)) => {
                let unix = captured.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                metrics.verdict_timestamp.with_label_values(stream).set(unix.as_secs_f64());
                let age = now.saturating_duration_since(arrived);
                metrics.verdict_age.with_label_values(stream).set(age.as_secs_f64());
            }
            None => {
                drop(metrics.verdict_timestamp.remove_label_values(stream));
                drop(metrics.verdict_age.remove_label_values(stream));
            }
        }
    }
}

/// Counts what an analysis holds.
fn count(analysis: &Analysis, metrics: &Metrics) {
    let stream = &*analysis.stream;
    metrics.frames_analysed.with_label_values(&[stream]).inc();
    metrics.faces.with_label_values(&[stream]).inc_by(analysis.faces.len() as u64);
    let rejected = |reason: &str| metrics.windows_rejected.with_label_values(&[stream, reason]).inc();
    for face in &analysis.faces {
        match &face.evidence {
            Evidence::Score(_) => metrics.windows.with_label_values(&[stream]).inc(),
            Evidence::Gathering { .. } => {}
            Evidence::Rejected(rejects) => rejects.iter().for_each(|reject| rejected(reject_name(*reject))),
            Evidence::Failed => rejected(DETECTOR_FAILED),
        }
    }
}

pub(super) fn reject_name(reject: Reject) -> &'static str {
    match reject {
        Reject::FaceTooSmall => "face_too_small",
        Reject::Blurred => "blurred",
        Reject::Turned => "turned",
        Reject::Dark => "dark",
        Reject::Overexposed => "overexposed",
        Reject::CutOff => "cut_off",
    }
}

fn wire(id: &str, verdict: &Verdict, latency: Duration, now: Instant) -> VerdictState {
    let Verdict { label, fake_confidence, reasons, faces, stamp, evidence } = verdict;
    VerdictState {
        id: id.to_owned(),
        frame: stamp.number,
        pts_secs: stamp.pts.as_secs_f64(),
        captured: rfc3339::format(stamp.captured),
        latency_ms: latency.as_secs_f64() * 1e3,
        width: stamp.width,
        height: stamp.height,
        label: *label,
        fake_confidence: *fake_confidence,
        reasons: reasons.clone(),
        evidence_age_secs: evidence.map(|(arrived, _)| now.saturating_duration_since(arrived).as_secs_f64()),
        faces: faces.iter().map(face).collect(),
    }
}

fn face(verdict: &FaceVerdict) -> FaceState {
    FaceState {
        track: verdict.track,
        rect: verdict.rect,
        label: verdict.label,
        fake_confidence: verdict.fake_confidence,
        window_confidence: verdict.window_confidence,
        synthetic_confidence: verdict.synthetic_confidence,
        attention: verdict.attention.clone(),
        windows: verdict.windows,
        quality: verdict.quality,
        reasons: verdict.reasons.clone(),
    }
}
