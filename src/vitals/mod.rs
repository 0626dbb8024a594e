//! How the program is doing. In: its metrics, its process and the GPU, looked at every 5 s. Out: figures of now, percentiles of
//! the last minute, and the last quarter of an hour as points. Read by `web`.

mod gpu;
mod process;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;
use utoipa::ToSchema;

use crate::metrics::{Latency, Metrics, Totals};
use crate::publish::rfc3339;

use gpu::Driver;

pub use gpu::Gpu;
pub use process::Process;

/// From one look to the next.
const EVERY: Duration = Duration::from_secs(5);
/// Points kept: 15 minutes.
const POINTS: usize = 180;
/// Looks that percentiles go over: a minute.
const RECENT: usize = 12;
/// The whole path of a frame, among the stages.
pub const END_TO_END: &str = "end_to_end";

/// One point of the past.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Point {
    /// RFC 3339 UTC.
    pub at: String,
    /// CPU time of all threads a second.
    pub cpu_cores: f64,
    pub memory_mb: Option<f64>,
    /// Frame to verdict, of the verdicts since the point before; null without one.
    pub p95_ms: Option<f64>,
    pub analyses_per_sec: f64,
    pub dropped_per_sec: f64,
    pub detector_queue: i64,
    pub live: usize,
    pub streams: usize,
}

/// How long a stage took, over the last minute.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StageTime {
    /// `faces`, `crops`, `queue`, `encode`, `head`; `end_to_end` is a frame's arrival to its verdict.
    pub stage: String,
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub count: u64,
}

/// Looks every 5 s for as long as somebody holds it.
pub struct Vitals {
    metrics: Arc<Metrics>,
    driver: Driver,
    past: Mutex<Past>,
}

#[derive(Default)]
struct Past {
    /// The newest last; at most a minute's.
    looks: VecDeque<Look>,
    points: VecDeque<Point>,
}

struct Look {
    at: Instant,
    process: Process,
    totals: Totals,
    latencies: BTreeMap<String, Latency>,
}

impl Look {
    fn now(metrics: &Metrics) -> Self {
        let (process, totals) = (Process::now(), metrics.totals());
        Self { at: Instant::now(), process, totals, latencies: metrics.latencies() }
    }
}

impl Vitals {
    /// Starts the thread that looks.
    pub fn start(metrics: Arc<Metrics>) -> std::io::Result<Arc<Self>> {
        let vitals = Arc::new(Self { metrics, driver: Driver::open(), past: Mutex::default() });
        vitals.look();
        let looking = Arc::downgrade(&vitals);
        std::thread::Builder::new().name("vitals".into()).spawn(move || {
            loop {
                std::thread::sleep(EVERY);
                let Some(vitals) = looking.upgrade() else { break };
                vitals.look();
            }
        })?;
        Ok(vitals)
    }

    /// The last quarter of an hour, the oldest first.
    pub fn history(&self) -> Vec<Point> {
        self.lock().points.iter().cloned().collect()
    }

    /// Every stage over the last minute.
    pub fn stages(&self) -> Vec<StageTime> {
        let now = self.metrics.latencies();
        let past = self.lock();
        let before = past.looks.front().map(|look| &look.latencies);
        now.into_iter()
            .map(|(stage, latency)| {
                let recent = latency.since(before.and_then(|before| before.get(&stage)));
                StageTime {
                    stage,
                    p50_ms: recent.quantile_ms(0.5),
                    p95_ms: recent.quantile_ms(0.95),
                    p99_ms: recent.quantile_ms(0.99),
                    count: recent.count(),
                }
            })
            .collect()
    }

    /// CPU time a second since the last look.
    pub fn cpu_cores(&self, process: &Process) -> f64 {
        self.lock().looks.back().map_or(0.0, |look| cores(look, process, Instant::now()))
    }

    /// The GPU, where there is one. Waits for its driver.
    pub fn gpu(&self) -> Option<Gpu> {
        self.driver.gpu()
    }

    pub fn totals(&self) -> Totals {
        self.metrics.totals()
    }

    fn look(&self) {
        let now = Look::now(&self.metrics);
        let mut past = self.lock();
        if let Some(before) = past.looks.back() {
            let secs = (now.at - before.at).as_secs_f64().max(1e-3);
            let rate = |now: f64, before: f64| (now - before).max(0.0) / secs;
            let latency = now.latencies.get(END_TO_END).map(|end| end.since(before.latencies.get(END_TO_END)));
            let point = Point {
                at: rfc3339::format(SystemTime::now()),
                cpu_cores: cores(before, &now.process, now.at),
                memory_mb: now.process.memory_mb,
                p95_ms: latency.and_then(|latency| latency.quantile_ms(0.95)),
                analyses_per_sec: rate(now.totals.analysed, before.totals.analysed),
                dropped_per_sec: rate(now.totals.dropped.values().sum(), before.totals.dropped.values().sum()),
                detector_queue: self.metrics.detector_queue.get(),
                live: now.totals.live,
                streams: now.totals.streams,
            };
            past.points.push_back(point);
        }
        past.looks.push_back(now);
        if past.looks.len() > RECENT {
            past.looks.pop_front();
        }
        if past.points.len() > POINTS {
            past.points.pop_front();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Past> {
        // Whole at every moment it is held.
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cores(before: &Look, process: &Process, now: Instant) -> f64 {
    let spent = process.cpu.saturating_sub(before.process.cpu).as_secs_f64();
    spent / now.saturating_duration_since(before.at).as_secs_f64().max(1e-3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_tells_what_came_since_the_one_before_and_old_ones_go() {
        let vitals = Vitals { metrics: Arc::new(Metrics::new()), driver: Driver::open(), past: Mutex::default() };
        vitals.look();
        assert_eq!(vitals.history(), []);
        let metrics = &vitals.metrics;
        metrics.frames_analysed.with_label_values(&["a"]).inc_by(40);
        metrics.frames_dropped.with_label_values(&["a", "overwritten"]).inc_by(3);
        metrics.stream_state.with_label_values(&["a", "live"]).set(1);
        metrics.stream_state.with_label_values(&["b", "live"]).set(0);
        metrics.end_to_end.with_label_values(&["a"]).observe(0.04);
        metrics.end_to_end.with_label_values(&["b"]).observe(0.04);
        vitals.look();
        let point = vitals.history().pop().unwrap();
        assert!(point.analyses_per_sec > 0.0 && point.dropped_per_sec > 0.0, "{point:?}");
        assert_eq!((point.live, point.streams), (1, 2));
        assert!((30.0..=50.0).contains(&point.p95_ms.unwrap()), "{point:?}");
        let stages = vitals.stages();
        let whole = stages.iter().find(|stage| stage.stage == END_TO_END).unwrap();
        assert_eq!(whole.count, 2);
        (0..200).for_each(|_| vitals.look());
        assert_eq!(vitals.history().len(), POINTS);
        assert_eq!(vitals.history().pop().unwrap().p95_ms, None, "nothing new came");
    }
}
