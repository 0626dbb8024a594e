//! Health, model and what the detector sees.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::crops::{Quality, Reject};
use crate::detector::{Evidence, Score, ScoredFace};

#[test]
fn health_names_load_stages_and_losses() {
    let site = Site::open();
    site.added("a", "A");
    site.metrics.end_to_end.with_label_values(&["a"]).observe(0.04);
    site.metrics.frames_dropped.with_label_values(&["a", "overwritten"]).inc_by(3);
    let health = site.get("/api/v1/health", &[]).json();
    assert!(health["memory_mb"].as_f64().unwrap() > 1.0 && health["threads"].as_u64().unwrap() > 2, "{health}");
    assert_eq!((&health["dropped"], &health["detector_queue_max"]), (&json!({ "overwritten": 3.0 }), &json!(64)));
    let stages = health["stages"].as_array().unwrap();
    let whole = stages.iter().find(|stage| stage["stage"] == "end_to_end").unwrap();
    assert!(whole["count"] == 1 && whole["p95_ms"].as_f64().unwrap() > 30.0, "{whole}");
    assert_eq!(health["history"], json!([]));
    let gpu = &health["gpu"];
    assert!(gpu.is_null() || gpu["memory_total_mb"].as_f64().unwrap() > 0.0, "{gpu}");
}

#[test]
fn the_model_is_told_with_its_card_and_graphs() {
    let model = Site::open().get("/api/v1/model", &[]).json();
    assert_eq!((&model["name"], &model["frames"], &model["size"]), (&json!("trial-112"), &json!(8), &json!(112)));
    assert_eq!(model["graphs"][0]["sha256"].as_str().unwrap().len(), 64);
    assert!(model["graphs"][0]["bytes"].as_u64().unwrap() > 1000);
    assert!(model["card"].as_str().unwrap().starts_with('#'), "{}", model["card"]);
    assert_eq!(model["thresholds"]["fake_at"], 0.7);
}

#[test]
fn crops_are_kept_only_once_somebody_looks_and_come_with_their_weights() {
    let site = Site::open();
    assert_eq!(site.get("/api/v1/streams/a/faces", &[]).refused(), (404, "not_found".into(), None));
    site.added("a", "A");
    let crop: Arc<[u8]> = vec![90; 112 * 112 * 3].into();
    let judged = |number: u64, evidence: Evidence| {
        let (arrived, captured) = (Instant::now(), SystemTime::now());
        let pts = Duration::from_millis(125 * number);
        let stamp = Stamp { number, epoch: 1, pts, arrived, captured, width: 64, height: 48 };
        let crop = (!matches!(evidence, Evidence::Rejected(_))).then(|| crop.clone());
        let (rect, quality) = (Default::default(), Quality::default());
        let faces = vec![ScoredFace { track: 3, rect, quality, evidence, crop }];
        assert!(site.board.post(Report::Analysis(Analysis { stream: "a".into(), stamp, faces, picture: None })));
    };
    let window = |number: u64| {
        let span = (Duration::from_millis(125 * (number - 7)), Duration::from_millis(125 * number));
        Evidence::Score(Score {
            fake_logit: 2.0,
            synthetic_logit: Some(0.0),
            attention: vec![0.125; 8],
            span,
            weight: 1.0,
        })
    };
    (0..8).for_each(|number| judged(number, Evidence::Gathering { have: number as usize }));
    assert_eq!(site.get("/api/v1/streams/a/faces", &[]).json()["faces"], json!([]), "nobody has looked before");
    (8..15).for_each(|number| judged(number, Evidence::Gathering { have: number as usize - 8 }));
    judged(15, window(15));
    judged(16, Evidence::Rejected(vec![Reject::Turned]));
    let told = site.get("/api/v1/streams/a/faces", &[]).json();
    let face = &told["faces"][0];
    assert_eq!((&face["track"], &face["rejected"]), (&json!(3), &json!({ "turned": 1 })));
    let window = &face["window"];
    assert_eq!((&window["began"], &window["ended"]), (&json!(1.0), &json!(1.875)));
    assert_eq!(window["synthetic_confidence"], 0.5);
    let frames = window["frames"].as_array().unwrap();
    assert_eq!((frames.len(), &frames[0]["weight"]), (8, &json!(0.125)));
    assert!(frames.iter().all(|frame| frame["jpeg"].as_str().unwrap().starts_with("data:image/jpeg;base64,/9j/")));
    assert_eq!(told["provider"], "cpu");
}
