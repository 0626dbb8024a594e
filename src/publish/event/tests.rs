//! The golden messages, which the dashboard's tests parse, are what Rust writes and reads.

use serde_json::{Value, json};

use super::*;
use crate::source::{Container, Medium};

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../tests/golden/events.json")).unwrap()
}

fn verdict(frame: u64, label: Label, fake_confidence: Option<f32>) -> VerdictState {
    VerdictState {
        id: "lobby".into(),
        frame,
        pts_secs: 329.24,
        captured: "2026-11-24T11:05:31.120Z".into(),
        latency_ms: 51.25,
        width: 1280,
        height: 720,
        label,
        fake_confidence,
        reasons: Vec::new(),
        evidence_age_secs: None,
        faces: Vec::new(),
    }
}

fn alert() -> Alert {
    Alert {
        id: "019ab5a3e1c04f2d".into(),
        stream: "lobby".into(),
        stream_name: "Lobby".into(),
        track: 7,
        state: "open".into(),
        began: "2026-11-24T11:05:27.500Z".into(),
        opened: Some("2026-11-24T11:05:30.500Z".into()),
        updated: "2026-11-24T11:05:30.500Z".into(),
        resolved: None,
        peak_confidence: 0.875,
        note: String::new(),
        deliveries: vec![AlertDelivery {
            target: "webhook".into(),
            state: "waiting".into(),
            attempts: 1,
            error: Some("the receiver answered 503: busy".into()),
        }],
        evidence: Some(AlertEvidence {
            state: "kept".into(),
            reason: Some("clip-1.mkv lacks 3 packets that were lost".into()),
            bytes: 5_242_880,
            clips: vec!["clip-1.mkv".into()],
            manifest: Some("4c0e".repeat(16)),
        }),
    }
}

fn face(track: u64, label: Label, rect: [f32; 4], quality: [f32; 7]) -> FaceState {
    let [x, y, width, height] = rect;
    let [side_px, sharpness, luma, yaw_deg, pitch_deg, outside, weight] = quality;
    FaceState {
        track,
        rect: Rect { x, y, width, height },
        label,
        fake_confidence: None,
        window_confidence: None,
        synthetic_confidence: None,
        attention: Vec::new(),
        windows: 0,
        quality: Quality { side_px, sharpness, luma, yaw_deg, pitch_deg, outside, weight },
        reasons: Vec::new(),
    }
}

fn stream(id: &str, state: State, since: &str) -> StreamState {
    StreamState {
        id: id.into(),
        name: id.into(),
        kind: "rtsp".into(),
        source: "rtsp://gate.local/stream1".into(),
        state,
        fault: None,
        since: since.into(),
        width: 0,
        height: 0,
        fps: None,
        codec: None,
        decoder: None,
        reconnects: 0,
        dropped: BTreeMap::new(),
        analyses_per_sec: 0.0,
        verdict: None,
    }
}

fn snapshot() -> Snapshot {
    let fake = FaceState {
        fake_confidence: Some(0.91),
        window_confidence: Some(0.95),
        synthetic_confidence: Some(0.12),
        attention: vec![0.125, 0.125, 0.0625, 0.0625, 0.25, 0.125, 0.125, 0.125],
        windows: 112,
        ..face(3, Label::Fake, [412.5, 160.0, 180.0, 220.5], [236.0, 184.5, 121.0, -6.5, 3.0, 0.0, 0.93])
    };
    let unclear = FaceState {
        reasons: vec![Reason::FaceTooSmall, Reason::Blurred, Reason::Turned, Reason::IncompleteWindow],
        ..face(5, Label::Uncertain, [900.0, 210.0, 32.0, 40.0], [41.0, 12.5, 64.0, 48.0, -2.0, 0.0, 0.0])
    };
    let lobby = StreamState {
        name: "Lobby camera".into(),
        source: "rtsp://[redacted]@cam.local:554/live?[redacted]".into(),
        width: 1280,
        height: 720,
        fps: Some(25.0),
        codec: Some("video/x-h264".into()),
        decoder: Some("avdec_h264".into()),
        reconnects: 1,
        dropped: BTreeMap::from([("overwritten".into(), 5218), ("detector_queue_full".into(), 2)]),
        analyses_per_sec: 7.8,
        verdict: Some(VerdictState {
            pts_secs: 329.12,
            captured: "2026-11-24T11:05:31.000Z".into(),
            latency_ms: 48.5,
            evidence_age_secs: Some(0.25),
            faces: vec![fake, unclear],
            ..verdict(8261, Label::Fake, Some(0.91))
        }),
        ..stream("lobby", State::Live, "2026-11-24T11:00:02.125Z")
    };
    let gate = StreamState {
        fault: Some(Fault {
            code: "unreachable".into(),
            message: "could not connect to gate.local: connection refused; the camera may be off".into(),
            retry_in_secs: Some(5.0),
        }),
        ..stream("gate", State::Fault, "2026-11-24T11:05:29.000Z")
    };
    Snapshot {
        boot: "5f0c7a1e9b3d2468".into(),
        now: "2026-11-24T11:05:31.250Z".into(),
        server: Server {
            version: "0.1.0".into(),
            model: Model {
                name: "trial-112".into(),
                version: "0.0.1".into(),
                trial: true,
                note: "A trial model: for trying the program, not for judging anyone.".into(),
            },
            provider: "cpu".into(),
            passed_over: vec![PassedOver {
                provider: "cuda".into(),
                why: "this onnx runtime library was built without it".into(),
            }],
            fake_at: 0.7,
            real_at: 0.3,
            stale_secs: 2.0,
        },
        streams: vec![lobby, gate],
    }
}

fn period() -> Period {
    Period {
        id: 12,
        stream: "lobby".into(),
        stream_name: "Lobby camera".into(),
        track: 3,
        label: Label::Fake,
        began: "2026-11-24T11:05:20.000Z".into(),
        ended: Some("2026-11-24T11:05:31.120Z".into()),
        secs: 11.12,
        peak_confidence: Some(0.93),
        peak_at: Some("2026-11-24T11:05:27.500Z".into()),
        mean_confidence: Some(0.875),
        windows: 84,
        reasons: Vec::new(),
        review: Review::Confirmed,
        note: "a rehearsal".into(),
        reviewed_at: Some("2026-11-24T11:05:34.000Z".into()),
        thumbnail: true,
        model: "trial-112 0.0.1".into(),
    }
}

fn ongoing() -> Period {
    Period {
        id: 13,
        stream: "gate".into(),
        stream_name: "gate".into(),
        track: 1,
        label: Label::Uncertain,
        began: "2026-11-24T11:05:34.000Z".into(),
        ended: None,
        secs: 1.5,
        peak_confidence: None,
        peak_at: None,
        mean_confidence: None,
        windows: 0,
        reasons: vec![Reason::FaceTooSmall, Reason::IncompleteWindow],
        review: Review::None,
        note: String::new(),
        reviewed_at: None,
        thumbnail: false,
        ..period()
    }
}

fn running() -> AnalysisState {
    AnalysisState {
        id: "0199f0c2a1b47c3de901".into(),
        name: "interview.mov".into(),
        kind: Medium::Video,
        container: Container::Mov,
        bytes: 4_194_304,
        sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
        state: JobState::Running,
        stage: Some(Stage::Scoring),
        frames_done: 120,
        frames_total: Some(480),
        progress: Some(0.25),
        eta_secs: Some(4.5),
        created: "2026-11-24T11:05:30.000Z".into(),
        started: Some("2026-11-24T11:05:35.500Z".into()),
        finished: None,
        processing_secs: None,
        error: None,
        model: ModelName { name: "trial-112".into(), version: "0.0.1".into() },
    }
}

fn failed() -> AnalysisState {
    AnalysisState {
        id: "0199f0c2a1b47c3de902".into(),
        name: "photo.jpg".into(),
        kind: Medium::Image,
        container: Container::Jpeg,
        bytes: 420_310,
        sha256: "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752".into(),
        state: JobState::Failed,
        stage: None,
        frames_done: 0,
        frames_total: None,
        progress: None,
        eta_secs: None,
        created: "2026-11-24T11:05:31.000Z".into(),
        started: Some("2026-11-24T11:05:38.000Z".into()),
        finished: Some("2026-11-24T11:05:38.250Z".into()),
        processing_secs: Some(0.25),
        error: Some(JobError {
            code: "damaged".into(),
            message: "photo.jpg: damaged, or no video (no picture in it); check it with another player".into(),
        }),
        ..running()
    }
}

fn events() -> Vec<(u64, Body)> {
    let real = VerdictState {
        evidence_age_secs: Some(0.05),
        faces: vec![FaceState {
            fake_confidence: Some(0.04),
            window_confidence: Some(0.02),
            attention: vec![0.125; 8],
            windows: 31,
            ..face(7, Label::Real, [400.0, 150.0, 182.0, 221.0], [240.0, 190.0, 118.0, 2.0, 1.0, 0.0, 0.97])
        }],
        ..verdict(8264, Label::Real, Some(0.04))
    };
    let stale = VerdictState {
        reasons: vec![Reason::SourceStale],
        evidence_age_secs: Some(2.25),
        ..verdict(8264, Label::Stale, Some(0.04))
    };
    let nobody = VerdictState {
        pts_secs: 330.68,
        captured: "2026-11-24T11:05:34.560Z".into(),
        latency_ms: 40.0,
        reasons: vec![Reason::NoFace],
        ..verdict(8300, Label::Uncertain, None)
    };
    let gate = StreamState {
        width: 640,
        height: 360,
        codec: Some("video/x-h265".into()),
        decoder: Some("avdec_h265".into()),
        ..stream("gate", State::Live, "2026-11-24T11:05:35.000Z")
    };
    vec![
        (41, Body::Snapshot(snapshot())),
        (42, Body::Verdict(real)),
        (43, Body::Verdict(stale)),
        (44, Body::Verdict(nobody)),
        (45, Body::Stream(gate)),
        (46, Body::Period(period())),
        (47, Body::Period(ongoing())),
        (47, Body::Heartbeat { now: "2026-11-24T11:05:36.000Z".into() }),
        (48, Body::Removed { id: "gate".into() }),
        (49, Body::Analysis(running())),
        (50, Body::Analysis(failed())),
        (51, Body::Alert(alert())),
    ]
}

#[test]
fn every_event_is_written_as_the_golden_file_has_it() {
    let golden = golden();
    let golden = golden["events"].as_array().unwrap();
    let events = events();
    assert_eq!(golden.len(), events.len());
    for (golden, (seq, body)) in golden.iter().zip(events) {
        let text = serde_json::to_string(&Event { v: VERSION, seq, body }).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), *golden);
    }
}

#[test]
fn every_request_is_read_as_the_golden_file_has_it() {
    let requests: Vec<Request> = serde_json::from_value(golden()["requests"].clone()).unwrap();
    let watch = |streams: &[&str]| Request::Watch { streams: streams.iter().map(|id| id.to_string()).collect() };
    assert_eq!(requests, [watch(&["lobby", "gate"]), watch(&[])]);
    for wrong in [json!({ "type": "watch" }), json!({ "type": "watch", "streams": [], "extra": 1 }), json!([])] {
        assert!(serde_json::from_value::<Request>(wrong).is_err());
    }
}
