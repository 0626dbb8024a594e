//! The metrics against Prometheus' own checker and against docs/metrics.md.

use std::io::Write;
use std::process::{Command, Stdio};

use super::*;

/// Metrics with one series each. The struct is taken apart so that a new field cannot be left out here.
fn filled() -> Metrics {
    let metrics = Metrics::new();
    let Metrics {
        registry: _,
        frames,
        frames_dropped,
        frames_analysed,
        faces,
        windows,
        windows_rejected,
        reconnects,
        stream_state,
        decoder,
        verdict,
        fake_confidence,
        verdict_timestamp,
        verdict_age,
        stage,
        end_to_end,
        batch_size,
        detector_queue,
        detector_failures,
        out_of_memory,
        provider,
        websocket_clients,
        websocket_resyncs,
        recording,
        record_dropped,
        record_pruned,
        record_bytes,
        analyses,
        analyses_refused,
        analyses_queue,
        alert_verdicts_lost,
        alerts,
        alert_store_failures,
        deliveries,
        deliveries_waiting,
        evidence_kept,
        evidence_lost,
        evidence_packets_lost,
        evidence_removed,
        evidence_stopped,
        evidence_bytes,
        evidence_disk_free,
        evidence_memory,
        disk_free,
        start_time,
    } = &metrics;
    for counters in [frames, frames_analysed, faces, windows, reconnects] {
        counters.with_label_values(&["lobby"]).inc();
    }
    frames_dropped.with_label_values(&["lobby", "overwritten"]).inc_by(3);
    windows_rejected.with_label_values(&["lobby", "turned"]).inc();
    stream_state.with_label_values(&["lobby", "live"]).set(1);
    verdict.with_label_values(&["lobby", "REAL"]).set(1);
    for gauges in [fake_confidence, verdict_timestamp, verdict_age] {
        gauges.with_label_values(&["lobby"]).set(0.25);
    }
    stage.with_label_values(&["encode"]).observe(0.004);
    end_to_end.with_label_values(&["lobby"]).observe(0.08);
    batch_size.observe(4.0);
    detector_queue.set(2);
    detector_failures.inc();
    out_of_memory.inc();
    decoder.with_label_values(&["lobby", "avdec_h264", "cpu"]).set(1);
    provider.with_label_values(&["cpu", "trial-112"]).set(1);
    websocket_clients.set(1);
    websocket_resyncs.inc();
    recording.set(1);
    record_dropped.with_label_values(&["queue_full"]).inc();
    record_pruned.with_label_values(&["age"]).inc();
    record_bytes.set(4096);
    analyses.with_label_values(&["done"]).inc();
    analyses_refused.with_label_values(&["too_large"]).inc();
    analyses_queue.set(1);
    alert_verdicts_lost.inc();
    alerts.with_label_values(&["open"]).set(1);
    alert_store_failures.inc();
    deliveries.with_label_values(&["webhook", "delivered"]).inc();
    deliveries_waiting.with_label_values(&["webhook"]).set(0);
    evidence_kept.inc();
    evidence_lost.with_label_values(&["disk_full"]).inc();
    evidence_packets_lost.inc();
    evidence_removed.with_label_values(&["age"]).inc();
    evidence_stopped.set(0);
    evidence_bytes.set(1e6);
    evidence_disk_free.set(1e10);
    evidence_memory.set(1 << 20);
    disk_free.set(1e10);
    start_time.set(1.7e9);
    metrics
}

#[test]
fn promtool_finds_nothing_to_say() {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed; run make setup");
    let text = filled().render().unwrap();
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}\n{text}");
}

#[test]
fn the_document_lists_the_metrics_as_they_are() {
    let mut families = filled().registry.gather();
    families.retain(|family| family.name().starts_with("truevision_"));
    families.sort_by(|a, b| a.name().cmp(b.name()));
    let lines: Vec<String> = families
        .iter()
        .map(|family| {
            let labels: Vec<String> =
                family.get_metric()[0].get_label().iter().map(|label| format!("`{}`", label.name())).collect();
            let kind = format!("{:?}", family.get_field_type()).to_lowercase();
            format!("| `{}` | {kind} | {} | {} |", family.name(), labels.join(", "), family.help())
        })
        .collect();
    let document = include_str!("../../docs/metrics.md");
    let listed: Vec<&str> = document.lines().filter(|line| line.starts_with("| `truevision_")).collect();
    assert_eq!(listed, lines, "docs/metrics.md must hold:\n{}", lines.join("\n"));
}

#[test]
fn a_sum_goes_over_all_series_or_over_those_of_some_reasons() {
    let metrics = filled();
    metrics.frames_dropped.with_label_values(&["gate", "overwritten"]).inc();
    metrics.frames_dropped.with_label_values(&["gate", "board_queue_full"]).inc_by(10);
    let family = "truevision_frames_dropped_total";
    assert_eq!(metrics.sum(family, &[]), 14.0);
    assert_eq!(metrics.sum(family, &["overwritten", "detector_queue_full"]), 4.0);
    assert_eq!(metrics.sum("truevision_no_such_total", &[]), 0.0);
}

#[test]
fn a_forgotten_stream_leaves_no_series_and_takes_no_other_with_it() {
    let metrics = filled();
    metrics.frames_dropped.with_label_values(&["gate", "overwritten"]).inc();
    metrics.forget("lobby");
    let text = metrics.render().unwrap();
    assert!(!text.contains("lobby"), "{text}");
    assert!(text.contains(r#"truevision_frames_dropped_total{reason="overwritten",stream="gate"} 1"#), "{text}");
    assert!(text.contains(r#"stage="encode""#), "{text}");
}
