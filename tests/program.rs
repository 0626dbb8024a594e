//! The main job, whole: the real binary with real clips, spoken to over HTTP and WebSocket as a user would.

mod support;

use serde_json::{Value, json};
use support::{Camera, Program, demo, free_port, text, truevision, wait_for};

fn looping(id: &str, clip: &str) -> String {
    format!("[[streams]]\nid = \"{id}\"\nurl = {:?}\nrepeat = true\n", demo(clip).display().to_string())
}

fn verdict_of<'a>(id: &'a str, labels: &'a [&'a str]) -> impl FnMut(&Value) -> bool + 'a {
    move |event| event["type"] == "verdict" && event["id"] == id && labels.iter().any(|label| event["label"] == *label)
}

#[test]
fn from_a_clip_to_a_verdict_over_the_websocket() {
    let program = Program::start(&(looping("untouched", "untouched") + &looping("manipulated", "manipulated")));
    let mut events = program.events();
    let snapshot = events.next();
    assert_eq!(snapshot["type"], "snapshot");
    assert_eq!(snapshot["streams"].as_array().unwrap().len(), 2);
    assert_eq!(snapshot["server"]["provider"], "cpu");

    let judged = events.until("a decided verdict", verdict_of("manipulated", &["REAL", "FAKE"]));
    let face = &judged["faces"][0];
    assert!(face["windows"].as_u64().unwrap() >= 4, "{judged}");
    assert!((0.0..=1.0).contains(&judged["fake_confidence"].as_f64().unwrap()));
    assert!(judged["latency_ms"].as_f64().unwrap() > 0.0);

    let mut seq = judged["seq"].as_u64().unwrap();
    for _ in 0..20 {
        let event = events.next();
        if event["type"] == "heartbeat" {
            continue;
        }
        seq += 1;
        assert_eq!(event["seq"], seq, "no hole in the sequence");
    }

    assert!(program.metric("truevision_windows_total{stream=\"manipulated\"}").unwrap() > 0.0);
    assert_eq!(program.get("/healthz").0, 200);
    assert_eq!(program.get("/readyz").0, 200);
    let (code, log) = program.stop();
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn what_it_runs_on_is_said_with_the_reasons_and_a_named_device_never_falls_back() {
    let shown = truevision(&["devices"]);
    assert!(shown.status.success(), "{}", text(&shown.stderr));
    let shown = text(&shown.stdout);
    let (provider, _) = shown.split_once(':').unwrap();

    let program = Program::start("");
    let status = program.json("/api/status");
    assert_eq!(status["provider"], provider);
    for passed_over in status["passed_over"].as_array().unwrap() {
        let line = format!(
            "{}: not used: {}",
            passed_over["provider"].as_str().unwrap(),
            passed_over["why"].as_str().unwrap()
        );
        assert!(shown.contains(&line), "{line:?} in\n{shown}");
    }
    program.stop();
    if provider != "cpu" {
        return;
    }
    assert_eq!(status["passed_over"].as_array().unwrap().len(), 3);
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("cuda.toml");
    for command in ["devices", "run"] {
        std::fs::write(&settings, "[infer]\ndevice = \"cuda\"\n[web]\nlisten = \"127.0.0.1:0\"\n").unwrap();
        let refused = truevision(&[command, "--config", settings.to_str().unwrap()]);
        assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stderr));
        let told = text(&refused.stderr);
        assert!(
            told.contains("device cuda cannot be used") && told.contains("set infer.device to auto or cpu"),
            "{told}"
        );
    }
}

#[test]
fn a_watched_stream_sends_the_picture_of_the_very_frame_it_judged() {
    let program = Program::start(&looping("demo", "untouched"));
    let mut events = program.events();
    events.next();
    let watch = json!({ "type": "watch", "streams": ["demo"] }).to_string();
    events.socket.send(tokio_tungstenite::tungstenite::Message::text(watch)).unwrap();
    let mut judged = std::collections::HashMap::new();
    loop {
        match events.socket.read().unwrap() {
            tokio_tungstenite::tungstenite::Message::Text(text) => {
                let event: Value = serde_json::from_str(&text).unwrap();
                if event["type"] == "verdict" {
                    judged.insert(event["frame"].as_u64().unwrap(), event["faces"].clone());
                }
            }
            tokio_tungstenite::tungstenite::Message::Binary(bytes) => {
                let length = u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
                let header: Value = serde_json::from_slice(&bytes[4..4 + length]).unwrap();
                assert_eq!(bytes[4 + length..][..2], [0xff, 0xd8], "a JPEG follows the header");
                let frame = header["frame"].as_u64().unwrap();
                if let Some(faces) = judged.get(&frame) {
                    assert_eq!(header["faces"], *faces);
                    break;
                }
            }
            _ => {}
        }
    }
}

#[test]
fn a_broken_source_says_why_and_never_touches_the_others() {
    let garbage = tempfile::Builder::new().suffix(".mp4").tempfile().unwrap();
    std::fs::write(garbage.path(), [0x17u8; 4096]).unwrap();
    let settings = format!(
        "{}[[streams]]\nid = \"garbage\"\nurl = {:?}\n[[streams]]\nid = \"missing\"\nurl = \"no/such/clip.mp4\"\n",
        looping("good", "untouched"),
        garbage.path().display().to_string(),
    );
    let program = Program::start(&settings);
    let mut events = program.events();
    events.until("the good stream's verdict", verdict_of("good", &["REAL", "FAKE"]));
    for (id, code) in [("missing", "not_found"), ("garbage", "damaged")] {
        let stream = wait_for("a fault", || Some(program.stream(id)).filter(|stream| stream["state"] == "fault"));
        assert_eq!(stream["fault"]["code"], code, "{stream}");
        assert!(!stream["fault"]["message"].as_str().unwrap().is_empty());
    }
    assert_eq!(program.stream("good")["state"], "live");
}

#[test]
fn streams_come_and_go_at_run_time() {
    let program = Program::start("");
    assert_eq!(program.stream("new"), Value::Null);
    let clip = demo("untouched").display().to_string();
    let (status, body) = program.post("/api/streams", &json!({ "id": "new", "url": clip, "repeat": true }));
    assert_eq!(status, 201, "{body}");
    wait_for("the stream to be live", || (program.stream("new")["state"] == "live").then_some(()));

    let (status, body) = program.post("/api/streams", &json!({ "id": "new", "url": clip }));
    assert_eq!(status, 409, "{body}");
    let (status, body) = program.post("/api/streams", &json!({ "id": "b d", "url": "gopher://x" }));
    assert_eq!(status, 400, "{body}");
    let error: Value = serde_json::from_str(&body).unwrap();
    assert!(error["field"].is_string() && error["message"].is_string() && error["code"].is_string(), "{error}");

    assert!(program.post("/api/streams/new/restart", &json!({})).0 < 300);
    wait_for("the stream to be live again", || (program.stream("new")["state"] == "live").then_some(()));
    assert!(program.delete("/api/streams/new").0 < 300);
    assert_eq!(program.stream("new"), Value::Null);
    let (_, metrics) = program.get("/metrics");
    assert!(!metrics.contains("stream=\"new\""), "the series of a removed stream go with it");
    assert_eq!(program.delete("/api/streams/new").0, 404);
}

#[test]
fn a_camera_that_dies_is_told_and_comes_back_by_itself() {
    let port = free_port();
    let camera = Camera::start(port, &["bob", "right"]);
    let program = Program::start_with(
        &format!(
            "[[streams]]\nid = \"cam\"\nurl = {:?}\nuser = \"bob\"\ntransport = \"tcp\"\nno_frames_secs = 2.0\n{}",
            camera.url,
            looping("beside", "untouched")
        ),
        &[("TRUEVISION__STREAMS__CAM__PASSWORD", "right")],
    );
    wait_for("the camera", || (program.stream("cam")["state"] == "live").then_some(()));
    drop(camera);
    let lost = wait_for("the loss", || Some(program.stream("cam")).filter(|stream| stream["state"] == "fault"));
    assert!(lost["fault"]["retry_in_secs"].as_f64().is_some_and(|secs| secs <= 1.2), "{lost}");
    assert_eq!(program.stream("beside")["state"], "live");
    let _camera = Camera::start(port, &["bob", "right"]);
    let back = wait_for("the camera again", || Some(program.stream("cam")).filter(|stream| stream["state"] == "live"));
    assert!(back["reconnects"].as_u64().unwrap() >= 1, "{back}");
    assert_eq!(back["codec"], "video/x-h264");
    assert!(program.metric("truevision_reconnects_total{stream=\"cam\"}").unwrap() >= 1.0);
}

#[test]
fn a_frozen_source_is_stale_everywhere_within_seconds() {
    // The clip is played once; when it ends, no frame comes any more. Every frame is judged, however busy the machine is.
    let clip = demo("untouched").display().to_string();
    let program = Program::start(&format!("[[streams]]\nid = \"once\"\nurl = {clip:?}\nrealtime = false\n"));
    let mut events = program.events();
    events.until("a decided verdict", verdict_of("once", &["REAL", "FAKE"]));
    events.until("STALE", verdict_of("once", &["STALE"]));
    assert_eq!(program.metric("truevision_verdict{stream=\"once\",verdict=\"STALE\"}"), Some(1.0));
    assert_eq!(program.metric("truevision_verdict{stream=\"once\",verdict=\"REAL\"}"), Some(0.0));
    assert_eq!(program.stream("once")["verdict"]["label"], "STALE");
}

#[test]
fn no_secret_is_ever_printed() {
    const PASSWORD: &str = "hunter2-do-not-print";
    let settings = format!(
        "[log]\nfilter = \"trace\"\n\
         [[streams]]\nid = \"in-url\"\nurl = \"rtsp://bob:{PASSWORD}@127.0.0.1:1/x?key={PASSWORD}\"\n\
         [[streams]]\nid = \"in-field\"\nurl = \"rtsp://127.0.0.1:1/x\"\nuser = \"bob\"\npassword = \"{PASSWORD}\"\n"
    );
    let program = Program::start(&settings);
    let mut seen = program.events().next().to_string();
    for id in ["in-url", "in-field"] {
        let stream = wait_for("a fault", || Some(program.stream(id)).filter(|stream| stream["state"] == "fault"));
        seen += &stream.to_string();
    }
    let (_, answer) = program.post("/api/streams", &json!({ "id": "in-url", "url": "test", "password": PASSWORD }));
    for path in ["/api/status", "/api/streams", "/metrics", "/readyz"] {
        seen += &program.get(path).1;
    }
    let (_, log) = program.stop();
    assert!(log.len() > 1000, "the log was read");
    for text in [seen, answer, log] {
        let at = text.find(PASSWORD);
        assert!(at.is_none(), "{}", &text[at.unwrap().saturating_sub(200)..][..250]);
    }
}

#[test]
fn every_fault_of_a_settings_file_is_told_and_nothing_starts() {
    let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    std::fs::write(file.path(), "verdict.fake_at = 7\nfaces.kindd = \"yunet\"\nweb.listen = \"0.0.0.0:80\"\n").unwrap();
    let path = file.path().display().to_string();
    for args in [vec!["check-config", &path], vec!["run", "--config", &path]] {
        let output = truevision(&args);
        assert_eq!(output.status.code(), Some(2));
        let said = text(&output.stderr);
        for key in ["verdict.fake_at", "faces.kindd", "web.listen"] {
            assert!(said.contains(key), "{said}");
        }
    }
}

#[test]
fn a_model_that_is_not_what_its_contract_says_refuses_to_start() {
    let model = tempfile::tempdir().unwrap();
    for file in ["model.toml", "encoder.onnx", "head.onnx"] {
        std::fs::copy(support::root().join("models/trial-112").join(file), model.path().join(file)).unwrap();
    }
    std::fs::write(model.path().join("head.onnx"), b"another graph").unwrap();
    let settings = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    std::fs::write(settings.path(), format!("detector.model = {:?}\n", model.path().display().to_string())).unwrap();
    let output = truevision(&["run", "--listen", "127.0.0.1:0", "--config", &settings.path().display().to_string()]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("head") && said.contains("sha256"), "{said}");
}
