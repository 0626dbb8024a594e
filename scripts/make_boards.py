"""Writes Grafana's boards: `make_boards.py [FOLDER]` (default deploy/grafana/boards), one JSON file a board.

The boards are this file; the JSON is committed so that Grafana can be pointed at it (scripts/tests/test_boards.py sees
that the two agree, tests/stack.rs that a real Prometheus answers every query).
"""

import json
import sys
from pathlib import Path

SOURCE = {"type": "prometheus", "uid": "truevision-prometheus"}
STREAM = 'stream=~"$stream"'
COLOURS = {"REAL": "green", "FAKE": "red", "UNCERTAIN": "yellow", "STALE": "text"}
WIDTH, HEIGHT = 12, 8


def panel(title: str, query: str | dict[str, str], legend: str = "", unit: str = "short", kind: str = "timeseries", **defaults) -> dict:
    """A panel with one query, or with several by legend. `legend` as Grafana has it, `{{label}}`; `defaults` go to the
    field's own settings."""
    queries = query if isinstance(query, dict) else {legend: query}
    targets = [
        {"refId": "ABC"[at], "datasource": SOURCE, "expr": expr, "legendFormat": legend or "__auto"}
        for at, (legend, expr) in enumerate(queries.items())
    ]
    options = {}
    if kind == "timeseries":
        options = {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": any(queries)}}
    if kind == "table":
        targets = [target | {"format": "table", "instant": True} for target in targets]
    return {
        "title": title,
        "type": kind,
        "datasource": SOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": {"unit": unit, **defaults}, "overrides": []},
        "options": options,
    }


def coloured(made: dict) -> dict:
    """Verdicts in the dashboard's colours."""
    made["fieldConfig"]["overrides"] = [
        {
            "matcher": {"id": "byName", "options": verdict},
            "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}],
        }
        for verdict, colour in COLOURS.items()
    ]
    return made


def number(title: str, query: str, **more) -> dict:
    return panel(title, query, kind="stat", **more)


BOARDS = {
    "overview": (
        "TrueVision: overview",
        False,
        [
            number("Streams live", 'sum(truevision_stream_state{state="live"})'),
            number("Streams not live", 'sum(truevision_stream_state{state=~"connecting|fault"})'),
            number("Streams FAKE", 'sum(truevision_verdict{verdict="FAKE"})'),
            number("Alerts open", 'sum(truevision_alerts{state="open"})'),
            coloured(panel("Streams by verdict", "sum by (verdict) (truevision_verdict)", "{{verdict}}")),
            panel("Fake confidence", "truevision_fake_confidence", "{{stream}}", "percentunit", min=0, max=1),
            panel("Alerts by state", "sum by (state) (truevision_alerts)", "{{state}}"),
            panel(
                "Deliveries a minute",
                "sum by (kind, outcome) (rate(truevision_deliveries_total[5m])) * 60",
                "{{kind}}: {{outcome}}",
            ),
            panel("Frames given up", "stream:truevision_frames_dropped:ratio_rate5m", "{{stream}}", "percentunit"),
            panel("Firing in Prometheus", 'ALERTS{alertstate="firing"}', kind="table"),
        ],
    ),
    "stream": (
        "TrueVision: one stream",
        True,
        [
            coloured(panel("Verdict", f"max by (verdict) (truevision_verdict{{{STREAM}}})", "{{verdict}}", max=1)),
            panel("Fake confidence", f"truevision_fake_confidence{{{STREAM}}}", "{{stream}}", "percentunit", min=0, max=1),
            panel("Age of the evidence", f"truevision_verdict_age_seconds{{{STREAM}}}", "{{stream}}", "s"),
            panel("State", f"max by (state) (truevision_stream_state{{{STREAM}}})", "{{state}}", max=1),
            panel(
                "Frames a second",
                f"sum by (stream) (rate(truevision_frames_total{{{STREAM}}}[$__rate_interval]))",
                "{{stream}}",
            ),
            panel(
                "Analyses a second",
                f"sum by (stream) (rate(truevision_frames_analysed_total{{{STREAM}}}[$__rate_interval]))",
                "{{stream}}",
            ),
            panel(
                "Windows scored a face",
                f"sum by (stream) (rate(truevision_windows_total{{{STREAM}}}[$__rate_interval]))"
                f" / sum by (stream) (rate(truevision_faces_total{{{STREAM}}}[$__rate_interval]) > 0)",
                "{{stream}}",
                "percentunit",
            ),
            panel(
                "Frames given up, by reason",
                f"sum by (reason) (rate(truevision_frames_dropped_total{{{STREAM}}}[$__rate_interval]))",
                "{{reason}}",
            ),
            panel(
                "Faces kept from the detector, by reason",
                f"sum by (reason) (rate(truevision_windows_rejected_total{{{STREAM}}}[$__rate_interval]))",
                "{{reason}}",
            ),
            panel("Reconnects in 10 minutes", f"increase(truevision_reconnects_total{{{STREAM}}}[10m])", "{{stream}}"),
        ],
    ),
    "detector": (
        "TrueVision: detector and latency",
        False,
        [
            panel(
                "Frame to verdict",
                {
                    f"p{p}": f"histogram_quantile(0.{p}, "
                    "sum by (le) (rate(truevision_end_to_end_seconds_bucket[$__rate_interval])))"
                    for p in (50, 95, 99)
                },
                unit="s",
            ),
            panel("Frame to verdict, p95 a stream", "stream:truevision_end_to_end_seconds:p95_5m", "{{stream}}", "s"),
            panel(
                "Verdicts later than 300 ms",
                "instance:truevision_slow_verdicts:ratio_rate5m",
                "{{instance}}",
                "percentunit",
                min=0,
            ),
            panel(
                "Stages, p95",
                "histogram_quantile(0.95, sum by (le, stage) (rate(truevision_stage_seconds_bucket[$__rate_interval])))",
                "{{stage}}",
                "s",
            ),
            panel("Frames that wait for the detector", "truevision_detector_queue", "{{instance}}"),
            panel(
                "Crops in a call of the encoder",
                "sum(rate(truevision_batch_size_sum[$__rate_interval]))"
                " / sum(rate(truevision_batch_size_count[$__rate_interval]))",
                "mean",
            ),
            panel("Windows a second", "sum(rate(truevision_windows_total[$__rate_interval]))", "windows"),
            panel("Calls of the model that failed", "increase(truevision_detector_failures_total[10m])", "{{instance}}"),
            panel("Model and device", "truevision_provider_info", kind="table"),
        ],
    ),
    "system": (
        "TrueVision: system",
        False,
        [
            panel("CPU cores in use", 'rate(process_cpu_seconds_total{job="truevision"}[$__rate_interval])', "{{instance}}"),
            panel("Memory", 'process_resident_memory_bytes{job="truevision"}', "{{instance}}", "bytes"),
            panel("Threads", 'process_threads{job="truevision"}', "{{instance}}"),
            panel("Open files", 'process_open_fds{job="truevision"}', "{{instance}}"),
            panel("Disk free", "truevision_disk_free_bytes", "{{instance}}", "bytes", min=0),
            panel("Evidence", "truevision_evidence_bytes", "{{instance}}", "bytes", min=0),
            panel("Evidence stopped", "truevision_evidence_stopped", "{{instance}}", max=1),
            panel("Uptime", "time() - truevision_start_time_seconds", "{{instance}}", "s"),
            panel("Dashboards connected", "truevision_websocket_clients", "{{instance}}"),
            panel(
                "Dashboards that fell behind", "increase(truevision_websocket_resyncs_total[10m])", "{{instance}}"
            ),
            panel("Deliveries that wait", "truevision_deliveries_waiting", "{{kind}}"),
            panel("Reached by Prometheus", 'up{job="truevision"}', "{{instance}}", max=1),
        ],
    ),
}


def board(name: str) -> dict:
    title, choose_stream, panels = BOARDS[name]
    x = y = 0
    for number_, made in enumerate(panels, 1):
        small = made["type"] == "stat"
        width, height = (WIDTH // 2, HEIGHT // 2) if small else (WIDTH, HEIGHT)
        if x + width > 24:
            x, y = 0, y + (panels[number_ - 2]["gridPos"]["h"])
        made |= {"id": number_, "gridPos": {"x": x, "y": y, "w": width, "h": height}}
        x += width
    variable = {
        "name": "stream",
        "label": "Stream",
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": "label_values(truevision_stream_state, stream)", "refId": "stream"},
        "refresh": 2,
        "sort": 1,
    }
    return {
        "uid": f"truevision-{name}",
        "title": title,
        "tags": ["truevision"],
        "schemaVersion": 38,
        "version": 1,
        "editable": True,
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "10s",
        "templating": {"list": [variable] if choose_stream else []},
        "annotations": {"list": []},
        "links": [{"type": "dashboards", "title": "TrueVision", "tags": ["truevision"], "asDropdown": True}],
        "panels": panels,
    }


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in BOARDS:
        (folder / f"{name}.json").write_text(json.dumps(board(name), indent=1) + "\n")


if __name__ == "__main__":
    root = Path(__file__).resolve().parent.parent
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else root / "deploy/grafana/boards")
