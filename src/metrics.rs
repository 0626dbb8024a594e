//! Tool: every Prometheus metric in one struct on its own registry; docs/metrics.md lists the same (tested).
//! Rooms count here; `web` renders. Labels: stream, reason, stage, verdict, provider, model, state, kind,
//! outcome, decoder, on.

mod latency;

use std::collections::{BTreeMap, HashMap};

use prometheus::core::{Collector, MetricVec, MetricVecBuilder};
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::Metric;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

pub use latency::Latency;

/// Seconds. A stage takes a few ms and the whole path some tens; 300 ms is the limit we promise, 2 s is lost.
const LATENCY: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0];

/// Crops.
const BATCH: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// All metrics. A removed stream's series go with [`Metrics::forget`].
pub struct Metrics {
    pub registry: Registry,
    /// truevision_frames_total{stream}: decoded frames that reached us.
    pub frames: IntCounterVec,
    /// truevision_frames_dropped_total{stream,reason}: overwritten, detector_queue_full, board_queue_full, ...
    pub frames_dropped: IntCounterVec,
    /// truevision_frames_analysed_total{stream}.
    pub frames_analysed: IntCounterVec,
    /// truevision_faces_total{stream}: faces found in analysed frames.
    pub faces: IntCounterVec,
    /// truevision_windows_total{stream}: windows scored.
    pub windows: IntCounterVec,
    /// truevision_windows_rejected_total{stream,reason}.
    pub windows_rejected: IntCounterVec,
    /// truevision_reconnects_total{stream}.
    pub reconnects: IntCounterVec,
    /// truevision_stream_state{stream,state}: 1 for the state it is in.
    pub stream_state: IntGaugeVec,
    /// truevision_decoder_info{stream,decoder,on}: 1 for the decoder in use; on: gpu or cpu.
    pub decoder: IntGaugeVec,
    /// truevision_verdict{stream,verdict}: 1 for the verdict in force.
    pub verdict: IntGaugeVec,
    /// truevision_fake_confidence{stream}: rolling, 0-1; absent while there is none that counts.
    pub fake_confidence: GaugeVec,
    /// truevision_verdict_timestamp_seconds{stream}: unix time of the newest evidence (age = time() - this).
    pub verdict_timestamp: GaugeVec,
    /// truevision_verdict_age_seconds{stream}: age of the newest evidence at the last look.
    pub verdict_age: GaugeVec,
    /// truevision_stage_seconds{stage}: faces, crops, queue, encode, head.
    pub stage: HistogramVec,
    /// truevision_end_to_end_seconds{stream}: frame's arrival to its verdict.
    pub end_to_end: HistogramVec,
    /// truevision_batch_size: crops an encoder call.
    pub batch_size: Histogram,
    /// truevision_detector_queue: frames waiting.
    pub detector_queue: IntGauge,
    /// truevision_detector_failures_total.
    pub detector_failures: IntCounter,
    /// truevision_out_of_memory_total: batches that the device's memory did not hold.
    pub out_of_memory: IntCounter,
    /// truevision_provider_info{provider,model} 1.
    pub provider: IntGaugeVec,
    /// truevision_websocket_clients.
    pub websocket_clients: IntGauge,
    /// truevision_websocket_resyncs_total: clients that fell behind and got a fresh snapshot.
    pub websocket_resyncs: IntCounter,
    /// truevision_recording: 1 while verdicts are kept.
    pub recording: IntGauge,
    /// truevision_record_dropped_total{reason}: queue_full, write_failed.
    pub record_dropped: IntCounterVec,
    /// truevision_record_pruned_total{reason}: age, size.
    pub record_pruned: IntCounterVec,
    /// truevision_record_bytes.
    pub record_bytes: IntGauge,
    /// truevision_analyses_total{state}: uploaded files that are done, failed or cancelled.
    pub analyses: IntCounterVec,
    /// truevision_analyses_refused_total{reason}.
    pub analyses_refused: IntCounterVec,
    /// truevision_analyses_queue.
    pub analyses_queue: IntGauge,
    /// truevision_alert_verdicts_lost_total: verdicts that the desk of alerts could not take.
    pub alert_verdicts_lost: IntCounter,
    /// truevision_alerts{state}: live alerts.
    pub alerts: IntGaugeVec,
    /// truevision_alert_store_failures_total: writes that the alerts' database refused.
    pub alert_store_failures: IntCounter,
    /// truevision_deliveries_total{kind,outcome}: delivered, failed (and tried again), dead.
    pub deliveries: IntCounterVec,
    /// truevision_deliveries_waiting{kind}.
    pub deliveries_waiting: IntGaugeVec,
    /// truevision_evidence_kept_total: alerts whose evidence is whole.
    pub evidence_kept: IntCounter,
    /// truevision_evidence_lost_total{reason}: alerts without evidence: disk_full, disk, too_many, queue_full.
    pub evidence_lost: IntCounterVec,
    /// truevision_evidence_packets_lost_total: coded pictures that streams' threads did not take in time.
    pub evidence_packets_lost: IntCounter,
    /// truevision_evidence_removed_total{reason}: age, size.
    pub evidence_removed: IntCounterVec,
    /// truevision_evidence_stopped: 1 while none is kept because of its disk.
    pub evidence_stopped: IntGauge,
    /// truevision_evidence_bytes.
    pub evidence_bytes: Gauge,
    /// truevision_evidence_disk_free_bytes.
    pub evidence_disk_free: Gauge,
    /// truevision_evidence_memory_bytes: coded video held in memory, of all streams.
    pub evidence_memory: IntGauge,
    /// truevision_disk_free_bytes: where alerts are kept.
    pub disk_free: Gauge,
    /// truevision_start_time_seconds.
    pub start_time: Gauge,
}

/// What all streams came to since the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// Frames judged.
    pub analysed: f64,
    /// Frames given up, by reason.
    pub dropped: BTreeMap<String, f64>,
    /// Streams now, and those of them that are live.
    pub streams: usize,
    pub live: usize,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    pub fn new() -> Self {
        let registry = Registry::new();
        // The process's own: CPU time, memory, threads, files, under the names that all of Prometheus' clients use.
        registry.register(Box::new(ProcessCollector::for_self())).expect("the name is used once");
        let made = Make { registry: &registry };
        Self {
            frames: made.counters("frames_total", "Decoded frames that arrived.", &["stream"]),
            frames_dropped: made.counters(
                "frames_dropped_total",
                "Frames that were given up before they were judged.",
                &["stream", "reason"],
            ),
            frames_analysed: made.counters("frames_analysed_total", "Frames that were judged.", &["stream"]),
            faces: made.counters("faces_total", "Faces in the frames that were judged.", &["stream"]),
            windows: made.counters("windows_total", "Windows that the detector scored.", &["stream"]),
            windows_rejected: made.counters(
                "windows_rejected_total",
                "Faces of a frame that did not reach a window: kept back by the quality gate, or the detector failed.",
                &["stream", "reason"],
            ),
            reconnects: made.counters("reconnects_total", "Connections that came back after a fault.", &["stream"]),
            stream_state: made.int_gauges(
                "stream_state",
                "1 for the state that the stream is in, 0 for the others.",
                &["stream", "state"],
            ),
            decoder: made.int_gauges(
                "decoder_info",
                "1, with the decoder that the stream's connection uses and where it runs.",
                &["stream", "decoder", "on"],
            ),
            verdict: made.int_gauges(
                "verdict",
                "1 for the verdict in force, 0 for the others.",
                &["stream", "verdict"],
            ),
            fake_confidence: made.gauges(
                "fake_confidence",
                "Rolling probability, 0-1, that the worst face is manipulated; absent while none counts.",
                &["stream"],
            ),
            verdict_timestamp: made.gauges(
                "verdict_timestamp_seconds",
                "Unix time of the newest scored window behind the verdict; absent while none is behind it.",
                &["stream"],
            ),
            verdict_age: made.gauges(
                "verdict_age_seconds",
                "Age of the newest scored window behind the verdict; absent while none is behind it.",
                &["stream"],
            ),
            stage: made.histograms("stage_seconds", "Time that a stage of the path took.", &["stage"]),
            end_to_end: made.histograms(
                "end_to_end_seconds",
                "Time from a frame's arrival to its verdict.",
                &["stream"],
            ),
            batch_size: made.register(Histogram::with_opts(
                HistogramOpts::new("truevision_batch_size", "Crops in one call of the encoder.")
                    .buckets(BATCH.to_vec()),
            )),
            detector_queue: made
                .register(IntGauge::new("truevision_detector_queue", "Frames that wait for the detector.")),
            detector_failures: made
                .register(IntCounter::new("truevision_detector_failures_total", "Calls of the model that failed.")),
            out_of_memory: made.register(IntCounter::new(
                "truevision_out_of_memory_total",
                "Batches that the device had no memory for; they were halved and called again.",
            )),
            provider: made.int_gauges(
                "provider_info",
                "1, with the model and what it runs on.",
                &["provider", "model"],
            ),
            websocket_clients: made
                .register(IntGauge::new("truevision_websocket_clients", "WebSocket clients that are connected.")),
            websocket_resyncs: made.register(IntCounter::new(
                "truevision_websocket_resyncs_total",
                "Times that a client fell behind and got a fresh snapshot.",
            )),
            recording: made
                .register(IntGauge::new("truevision_recording", "1 while verdicts are kept in the database, else 0.")),
            record_dropped: made.counters(
                "record_dropped_total",
                "Pieces of news and rows that were not kept.",
                &["reason"],
            ),
            record_pruned: made.counters("record_pruned_total", "Rows that were removed from the record.", &["reason"]),
            record_bytes: made
                .register(IntGauge::new("truevision_record_bytes", "Size of the database with its write-ahead log.")),
            analyses: made.counters("analyses_total", "Uploaded files that are over, by how they ended.", &["state"]),
            analyses_refused: made.counters(
                "analyses_refused_total",
                "Uploaded files that were not taken, or broke off.",
                &["reason"],
            ),
            analyses_queue: made
                .register(IntGauge::new("truevision_analyses_queue", "Uploaded files that wait or arrive.")),
            alert_verdicts_lost: made.register(IntCounter::new(
                "truevision_alert_verdicts_lost_total",
                "Verdicts that alerts could not take in time.",
            )),
            alerts: made.int_gauges("alerts", "Alerts that are not over.", &["state"]),
            alert_store_failures: made.register(IntCounter::new(
                "truevision_alert_store_failures_total",
                "Writes that the database of alerts refused; they are tried again.",
            )),
            deliveries: made.counters(
                "deliveries_total",
                "Attempts to tell a target of an alert.",
                &["kind", "outcome"],
            ),
            deliveries_waiting: made.int_gauges(
                "deliveries_waiting",
                "Deliveries that wait for their target.",
                &["kind"],
            ),
            evidence_kept: made
                .register(IntCounter::new("truevision_evidence_kept_total", "Alerts whose evidence was kept.")),
            evidence_lost: made.counters("evidence_lost_total", "Alerts of which no evidence was kept.", &["reason"]),
            evidence_packets_lost: made.register(IntCounter::new(
                "truevision_evidence_packets_lost_total",
                "Coded pictures that could not be held for evidence in time.",
            )),
            evidence_removed: made.counters(
                "evidence_removed_total",
                "Alerts whose evidence was removed again.",
                &["reason"],
            ),
            evidence_stopped: made.register(IntGauge::new(
                "truevision_evidence_stopped",
                "1 while no evidence is kept because its disk is full or fails, else 0.",
            )),
            evidence_bytes: made.register(Gauge::new("truevision_evidence_bytes", "Size of all evidence.")),
            evidence_disk_free: made
                .register(Gauge::new("truevision_evidence_disk_free_bytes", "Bytes free where evidence is kept.")),
            evidence_memory: made.register(IntGauge::new(
                "truevision_evidence_memory_bytes",
                "Coded video that is held in memory, of all streams.",
            )),
            disk_free: made.register(Gauge::new("truevision_disk_free_bytes", "Bytes free where alerts are kept.")),
            start_time: made
                .register(Gauge::new("truevision_start_time_seconds", "Unix time at which the program started.")),
            registry,
        }
    }

    /// The text format that Prometheus scrapes.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }

    /// Sum of a family's counters over their series, of those only whose `reason` is one of `reasons` unless that is
    /// empty. 0 for a name that no metric has.
    pub fn sum(&self, family: &str, reasons: &[&str]) -> f64 {
        let families = self.registry.gather();
        let series = families.iter().filter(|found| found.name() == family).flat_map(|found| found.get_metric());
        let wanted = |metric: &&Metric| {
            let reason = metric.get_label().iter().find(|label| label.name() == "reason");
            reasons.is_empty() || reason.is_some_and(|reason| reasons.contains(&reason.value()))
        };
        series.filter(wanted).map(|metric| metric.get_counter().get_value()).sum()
    }

    /// Every stage's latencies since the start, and of all streams together `end_to_end`.
    pub fn latencies(&self) -> BTreeMap<String, Latency> {
        let mut latencies = BTreeMap::<String, Latency>::new();
        for (histograms, label) in [(&self.stage, Some("stage")), (&self.end_to_end, None)] {
            for metric in histograms.collect().iter().flat_map(|family| family.get_metric()) {
                let stage = metric.get_label().iter().find(|found| Some(found.name()) == label);
                let stage = stage.map_or("end_to_end", |stage| stage.value());
                let histogram = metric.get_histogram();
                let finite = histogram.get_bucket().iter().map(|b| (b.upper_bound(), b.cumulative_count()));
                let buckets: Vec<_> = finite.chain([(f64::INFINITY, histogram.get_sample_count())]).collect();
                latencies.entry(stage.to_owned()).or_default().add(&buckets);
            }
        }
        latencies
    }

    /// Sums over all streams.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals { analysed: self.sum("truevision_frames_analysed_total", &[]), ..Totals::default() };
        for metric in self.frames_dropped.collect().iter().flat_map(|family| family.get_metric()) {
            let reason = metric.get_label().iter().find(|label| label.name() == "reason");
            let reason = reason.map(|reason| reason.value().to_owned()).unwrap_or_default();
            let frames = metric.get_counter().get_value();
            if frames > 0.0 {
                *totals.dropped.entry(reason).or_default() += frames;
            }
        }
        for metric in self.stream_state.collect().iter().flat_map(|family| family.get_metric()) {
            if metric.get_label().iter().any(|label| label.name() == "state" && label.value() == "live") {
                totals.streams += 1;
                totals.live += usize::from(metric.get_gauge().get_value() > 0.0);
            }
        }
        totals
    }

    /// The decoder of a stream's connection, in place of the one before; None for raw video.
    pub fn set_decoder(&self, stream: &str, decoder: Option<(&str, &str)>) {
        forget(&self.decoder, stream);
        if let Some((name, on)) = decoder {
            self.decoder.with_label_values(&[stream, name, on]).set(1);
        }
    }

    /// Removes a stream's series.
    pub fn forget(&self, stream: &str) {
        for counters in [
            &self.frames,
            &self.frames_dropped,
            &self.frames_analysed,
            &self.faces,
            &self.windows,
            &self.windows_rejected,
            &self.reconnects,
        ] {
            forget(counters, stream);
        }
        for gauges in [&self.stream_state, &self.verdict, &self.decoder] {
            forget(gauges, stream);
        }
        for gauges in [&self.fake_confidence, &self.verdict_timestamp, &self.verdict_age] {
            forget(gauges, stream);
        }
        forget(&self.end_to_end, stream);
    }
}

/// Removes the series of `vec` whose label `stream` is `stream`, whatever their other labels.
fn forget<T: MetricVecBuilder>(vec: &MetricVec<T>, stream: &str) {
    for family in vec.collect() {
        for metric in family.get_metric() {
            let labels: HashMap<&str, &str> =
                metric.get_label().iter().map(|label| (label.name(), label.value())).collect();
            if labels.get("stream") == Some(&stream) {
                // Fails only when another thread removed the same series.
                let _ = vec.remove(&labels);
            }
        }
    }
}

/// Makes and registers metrics. Names and labels are constants, so a failure is a mistake in this file, which every
/// test that makes a `Metrics` finds: hence the `expect`.
struct Make<'a> {
    registry: &'a Registry,
}

impl Make<'_> {
    fn register<C: Collector + Clone + 'static>(&self, metric: prometheus::Result<C>) -> C {
        let metric = metric.expect("the name and labels are valid");
        self.registry.register(Box::new(metric.clone())).expect("the name is used once");
        metric
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.register(IntCounterVec::new(opts(name, help), labels))
    }

    fn int_gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.register(IntGaugeVec::new(opts(name, help), labels))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.register(GaugeVec::new(opts(name, help), labels))
    }

    fn histograms(&self, name: &str, help: &str, labels: &[&str]) -> HistogramVec {
        let opts = HistogramOpts { common_opts: opts(name, help), buckets: LATENCY.to_vec() };
        self.register(HistogramVec::new(opts, labels))
    }
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(format!("truevision_{name}"), help)
}

#[cfg(test)]
mod tests;
