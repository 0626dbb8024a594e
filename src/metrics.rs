//! Tool: every Prometheus metric in one struct on its own registry; docs/metrics.md lists the same (tested).
//! Rooms count here; `web` renders. Labels: stream, reason, stage, verdict, provider, model, state.

use prometheus::{Gauge, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry};

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
    /// truevision_verdict{stream,verdict}: 1 for the verdict in force.
    pub verdict: IntGaugeVec,
    /// truevision_fake_confidence{stream}: rolling, 0-1.
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
    /// truevision_provider_info{provider,model} 1.
    pub provider: IntGaugeVec,
    /// truevision_websocket_clients.
    pub websocket_clients: IntGauge,
    /// truevision_websocket_resyncs_total: clients that fell behind and got a fresh snapshot.
    pub websocket_resyncs: IntCounter,
    /// truevision_start_time_seconds.
    pub start_time: Gauge,
}

impl Metrics {
    pub fn new() -> Self {
        todo!()
    }

    /// Removes a stream's series.
    pub fn forget(&self, stream: &str) {
        let _ = stream;
        todo!()
    }
}
