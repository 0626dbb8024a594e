//! `truevision bench`: N copies of a clip as live streams through the whole program, and beside them, in the same run on
//! the same machine, what decoding alone and the bare model calls cost. Called by `main`. Figures, not a test.

pub mod gpu;

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

use crate::app::{self, App};
use crate::config::Config;
use crate::detector::{self, Model};
use crate::faces::{self, Looks};
use crate::source::{self, Next, Source};
use crate::stream::PULL_WAIT;

/// Streams connect, caches fill and the first windows complete before anything is measured.
const SETTLE: Duration = Duration::from_secs(5);
/// CPU time spent on each kind of bare model call.
const BARE_CALLS: Duration = Duration::from_secs(2);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    App(#[from] app::Error),
    #[error(transparent)]
    Source(#[from] source::Error),
    #[error(transparent)]
    Detector(#[from] detector::Error),
    #[error(transparent)]
    Faces(#[from] faces::Error),
    #[error("no frame was analysed in {0} s; does the clip show a face, and does `truevision score` read it?")]
    Nothing(u32),
}

impl Error {
    pub fn exit_code(&self) -> u8 {
        2
    }
}

/// What was measured. CPU seconds are of all cores together, over `secs` seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    pub clip: String,
    pub secs: f64,
    pub cores: usize,
    pub streams: u32,
    /// Frames a second a stream that reached the program.
    pub source_fps: f64,
    pub analyses_per_sec_per_stream: f64,
    /// Share of the frames due for analysis that got no verdict.
    pub dropped_share: f64,
    /// Frame's arrival to its verdict.
    pub p50_latency_ms: f64,
    pub p95_latency_ms: f64,
    pub p99_latency_ms: f64,
    pub cpu_secs: f64,
    /// The same streams, decoded and thrown away.
    pub decode_cpu_secs: f64,
    /// As many bare face, encoder and head calls as were made, one after the other.
    pub model_cpu_secs: f64,
    /// cpu_secs / (decode_cpu_secs + model_cpu_secs).
    pub cpu_ratio: f64,
    pub whole_looks: u64,
    pub whole_look_ms: f64,
    pub region_looks: u64,
    pub region_look_ms: f64,
    pub crops: u64,
    pub crop_encode_ms: f64,
    pub mean_batch: f64,
    pub windows: u64,
    pub window_ms: f64,
    pub rss_mb: f64,
    pub provider: String,
    pub model: String,
}

/// Runs the three measurements one after the other.
pub fn run(config: &Config, clip: &Path, streams: u32, secs: u32) -> Result<Report, Error> {
    let clip_settings = |i: u32| source::Config {
        id: format!("bench-{i}"),
        url: clip.display().to_string(),
        realtime: true,
        repeat: true,
        ..source::Config::default()
    };
    let mut config = config.clone();
    // A measurement keeps nothing.
    config.record.folder.clear();
    // A measurement alarms nobody.
    config.alerts.on = false;
    config.streams_max = config.streams_max.max(streams as usize);
    config.streams = (0..streams).map(clip_settings).collect();
    let secs_f = f64::from(secs);

    let decode_cpu_secs = decode_alone(&config.streams, Duration::from_secs(secs.into()))?;
    let live = live(&config, secs)?;
    let bare = bare_calls(&config, &live)?;
    let model_cpu_secs = (live.looks.whole as f64 * bare.whole_look_ms
        + live.looks.region as f64 * bare.region_look_ms
        + live.crops as f64 * bare.crop_ms
        + live.windows as f64 * bare.window_ms)
        / 1e3;
    Ok(Report {
        clip: clip.display().to_string(),
        secs: secs_f,
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        streams,
        source_fps: live.frames as f64 / secs_f / f64::from(streams),
        analyses_per_sec_per_stream: live.latencies_ms.len() as f64 / secs_f / f64::from(streams),
        dropped_share: live.lost as f64 / (live.lost + live.latencies_ms.len() as u64) as f64,
        p50_latency_ms: quantile(&live.latencies_ms, 0.50),
        p95_latency_ms: quantile(&live.latencies_ms, 0.95),
        p99_latency_ms: quantile(&live.latencies_ms, 0.99),
        cpu_secs: live.cpu_secs,
        decode_cpu_secs,
        model_cpu_secs,
        cpu_ratio: live.cpu_secs / (decode_cpu_secs + model_cpu_secs),
        whole_looks: live.looks.whole,
        whole_look_ms: bare.whole_look_ms,
        region_looks: live.looks.region,
        region_look_ms: bare.region_look_ms,
        crops: live.crops,
        crop_encode_ms: bare.crop_ms,
        mean_batch: live.mean_batch,
        windows: live.windows,
        window_ms: bare.window_ms,
        rss_mb: live.rss_mb,
        provider: live.provider,
        model: live.model,
    })
}

/// CPU seconds of pulling all frames of all streams for `time`, as the live measurement does, and doing nothing.
fn decode_alone(streams: &[source::Config], time: Duration) -> Result<f64, Error> {
    let sources = streams.iter().map(Source::open).collect::<Result<Vec<_>, _>>()?;
    let stop = AtomicBool::new(false);
    let frames = AtomicU64::new(0);
    let cpu = std::thread::scope(|scope| {
        for mut source in sources {
            let (stop, frames) = (&stop, &frames);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    if let Next::Frame(_) = source.next(PULL_WAIT) {
                        frames.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        std::thread::sleep(SETTLE);
        let before = cpu_time();
        std::thread::sleep(time);
        let used = cpu_time() - before;
        stop.store(true, Ordering::Relaxed);
        used
    });
    if frames.load(Ordering::Relaxed) == 0 {
        return Err(Error::Nothing(time.as_secs() as u32));
    }
    Ok(cpu.as_secs_f64())
}

/// What the whole program did in the measured time.
struct Live {
    cpu_secs: f64,
    latencies_ms: Vec<f64>,
    frames: u64,
    lost: u64,
    looks: Looks,
    crops: u64,
    mean_batch: f64,
    windows: u64,
    rss_mb: f64,
    provider: String,
    model: String,
}

fn live(config: &Config, secs: u32) -> Result<Live, Error> {
    let runtime = app::runtime()?;
    let app = App::start(config, &runtime)?;
    std::thread::sleep(SETTLE);
    let before = Counters::read(&app);
    let cpu_before = cpu_time();
    let latencies_ms = runtime.block_on(latencies(&app, Duration::from_secs(secs.into())));
    let cpu_secs = (cpu_time() - cpu_before).as_secs_f64();
    let after = Counters::read(&app);
    let rss_mb = resident_mb();
    let (provider, model) = (app.rooms.detector.provider().to_owned(), app.rooms.detector.contract().name.clone());
    app.stop();
    if latencies_ms.is_empty() {
        return Err(Error::Nothing(secs));
    }
    let calls = after.encoder_calls - before.encoder_calls;
    Ok(Live {
        cpu_secs,
        latencies_ms,
        frames: after.frames - before.frames,
        lost: after.lost - before.lost,
        looks: Looks {
            whole: after.looks.whole - before.looks.whole,
            region: after.looks.region - before.looks.region,
        },
        crops: after.crops - before.crops,
        mean_batch: (after.crops - before.crops) as f64 / (calls.max(1)) as f64,
        windows: after.windows - before.windows,
        rss_mb,
        provider,
        model,
    })
}

/// The latency of every verdict that the board publishes within `time`, as a dashboard would see it.
async fn latencies(app: &App, time: Duration) -> Vec<f64> {
    let deadline = tokio::time::Instant::now() + time;
    let mut latencies = Vec::new();
    // A subscription ends when this task was too slow for it; the next one goes on where it can.
    while let Some(mut subscription) = app.rooms.board.subscribe(None).await {
        loop {
            match tokio::time::timeout_at(deadline, subscription.events.recv()).await {
                Err(_) => return latencies,
                Ok(Err(_)) => break,
                Ok(Ok(event)) => latencies.extend(latency_of(&event)),
            }
        }
    }
    latencies
}

fn latency_of(event: &str) -> Option<f64> {
    let event: serde_json::Value = serde_json::from_str(event).ok()?;
    // A STALE is told when its time has come, not when a frame was judged.
    (event["type"] == "verdict" && event["label"] != "STALE").then(|| event["latency_ms"].as_f64())?
}

/// The program's own counters, summed over streams.
struct Counters {
    frames: u64,
    lost: u64,
    looks: Looks,
    crops: u64,
    encoder_calls: u64,
    windows: u64,
}

impl Counters {
    fn read(app: &App) -> Self {
        let metrics = &app.rooms.metrics;
        Self {
            frames: metrics.sum("truevision_frames_total", &[]) as u64,
            lost: metrics.sum(
                "truevision_frames_dropped_total",
                &["detector_behind", "detector_queue_full", "board_queue_full", "not_analysable"],
            ) as u64,
            looks: app.rooms.faces.looks(),
            crops: metrics.batch_size.get_sample_sum() as u64,
            encoder_calls: metrics.batch_size.get_sample_count(),
            windows: metrics.sum("truevision_windows_total", &[]) as u64,
        }
    }
}

/// Milliseconds of one core a call.
struct Bare {
    whole_look_ms: f64,
    region_look_ms: f64,
    crop_ms: f64,
    window_ms: f64,
}

/// The same networks, called directly, at the batch size the live run had.
fn bare_calls(config: &Config, live: &Live) -> Result<Bare, Error> {
    let faces = faces::Detector::load(&config.faces, &config.infer)?;
    let mut model = Model::load(&config.detector, &config.infer)?;
    let batch = (live.mean_batch.round() as usize).max(1);
    Ok(Bare {
        whole_look_ms: call_ms(|| faces.bare_whole_look().map_err(Error::from))?,
        region_look_ms: call_ms(|| faces.bare_region_look().map_err(Error::from))?,
        crop_ms: call_ms(|| model.bare_encode(batch).map_err(Error::from))? / batch as f64,
        window_ms: call_ms(|| model.bare_head(batch).map_err(Error::from))? / batch as f64,
    })
}

/// CPU milliseconds of one call, over about [`BARE_CALLS`] of them.
fn call_ms(mut call: impl FnMut() -> Result<(), Error>) -> Result<f64, Error> {
    for _ in 0..3 {
        call()?;
    }
    let (began, before) = (Instant::now(), cpu_time());
    let mut calls = 0;
    while began.elapsed() < BARE_CALLS {
        call()?;
        calls += 1;
    }
    Ok((cpu_time() - before).as_secs_f64() * 1e3 / f64::from(calls))
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    // The clock counts up from the start of the process.
    Duration::new(time.tv_sec.try_into().unwrap_or_default(), time.tv_nsec.try_into().unwrap_or_default())
}

/// Resident memory of this process, MB of 10^6 bytes; 0 where /proc does not say.
fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: f64 = line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default();
    kib * 1024.0 / 1e6
}

fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(((sorted.len() as f64 * q) as usize).min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} streams of {} for {} s on {} cores", self.streams, self.clip, self.secs, self.cores)?;
        writeln!(f, "model {} on {}", self.model, self.provider)?;
        writeln!(
            f,
            "  source {:.1} fps, {:.2} analyses a second a stream, {:.2} % of those due lost",
            self.source_fps,
            self.analyses_per_sec_per_stream,
            self.dropped_share * 100.0
        )?;
        writeln!(
            f,
            "  frame to verdict: p50 {:.0} ms, p95 {:.0} ms, p99 {:.0} ms",
            self.p50_latency_ms, self.p95_latency_ms, self.p99_latency_ms
        )?;
        writeln!(
            f,
            "  cpu {:.1} s = {:.2} x (decoding alone {:.1} s + bare model calls {:.1} s)",
            self.cpu_secs, self.cpu_ratio, self.decode_cpu_secs, self.model_cpu_secs
        )?;
        writeln!(
            f,
            "  {} looks at whole frames of {:.2} ms, {} at regions of {:.2} ms,",
            self.whole_looks, self.whole_look_ms, self.region_looks, self.region_look_ms
        )?;
        writeln!(
            f,
            "  {} crops of {:.2} ms (batches of {:.1}), {} windows of {:.2} ms",
            self.crops, self.crop_encode_ms, self.mean_batch, self.windows, self.window_ms
        )?;
        writeln!(f, "  memory {:.0} MB", self.rss_mb)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_sorted_values() {
        let values: Vec<f64> = (0..100).rev().map(f64::from).collect();
        assert_eq!(quantile(&values, 0.5), 50.0);
        assert_eq!(quantile(&values, 0.95), 95.0);
        assert_eq!(quantile(&[7.0], 0.99), 7.0);
    }

    #[test]
    fn only_verdicts_have_a_latency() {
        assert_eq!(latency_of(r#"{"v":1,"seq":3,"type":"verdict","latency_ms":12.5}"#), Some(12.5));
        assert_eq!(latency_of(r#"{"v":1,"seq":3,"type":"verdict","label":"STALE","latency_ms":2012.5}"#), None);
        assert_eq!(latency_of(r#"{"v":1,"seq":3,"type":"removed","id":"a"}"#), None);
    }

    #[test]
    fn cpu_time_grows_with_work() {
        let before = cpu_time();
        let mut x = 0u64;
        while cpu_time() == before {
            x = std::hint::black_box(x.wrapping_add(1));
        }
        assert!(cpu_time() > before);
        assert!(resident_mb() > 1.0);
    }
}
