//! What is kept, through the door: a face becomes a period with its picture, is reviewed, exported, and thresholds move.

use serde_json::json;

use super::*;
use crate::crops::Quality;
use crate::detector::{Evidence, Score};

/// One face whose windows say so much.
fn face(fake_logit: f32) -> Vec<ScoredFace> {
    let span = (Duration::ZERO, Duration::ZERO);
    let score = Score { fake_logit, synthetic_logit: Some(-1.0), attention: vec![0.125; 8], span, weight: 1.0 };
    vec![ScoredFace {
        track: 1,
        rect: Default::default(),
        quality: Quality { weight: 0.5, ..Default::default() },
        evidence: Evidence::Score(score),
        crop: Some(vec![90; 112 * 112 * 3].into()),
    }]
}

/// Asks until the answer is as wanted.
fn until(what: &str, mut ask: impl FnMut() -> Option<Value>) -> Value {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("waited {PATIENCE:?} for {what}");
}

/// A site that has kept one FAKE of the stream `a`, which lasts, and that period.
fn with_a_fake(folder: &std::path::Path) -> (Site, Value) {
    let site = Site::recording(folder);
    site.added("a", "Door");
    (0..8).for_each(|number| site.analysed("a", number, face(4.0), None));
    let fake = until("a FAKE", || {
        // Those of an earlier start have ended.
        let page = site.get("/api/v1/events?label=FAKE", &[]).json();
        page["events"].as_array().unwrap().iter().find(|period| period["ended"].is_null()).cloned()
    });
    (site, fake)
}

#[test]
fn a_fake_is_kept_with_its_face_and_reviewed() {
    let folder = tempfile::tempdir().unwrap();
    let (site, fake) = with_a_fake(folder.path());
    assert_eq!((&fake["stream"], &fake["stream_name"], &fake["model"]), (&json!("a"), &json!("Door"), &json!("m 1")));
    assert_eq!((&fake["ended"], &fake["review"], &fake["thumbnail"]), (&Value::Null, &json!("none"), &json!(true)));
    let path = format!("/api/v1/events/{}", fake["id"]);
    let picture = agent().get(site.url(&format!("{path}/thumbnail"))).call().unwrap();
    assert_eq!(picture.headers()["content-type"], "image/jpeg");
    assert_eq!(picture.into_body().read_to_vec().unwrap()[..2], [0xff, 0xd8]);

    let reviewed = site.patch(&path, &json!({ "review": "confirmed", "note": "seen, \"live\"" }));
    assert_eq!(reviewed.status, 200, "{}", reviewed.body);
    assert_eq!(site.get(&path, &[]).json()["note"], "seen, \"live\"");
    assert!(reviewed.json()["reviewed_at"].is_string());
    let csv = site.get("/api/v1/events/export?format=csv", &[]);
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    let lines: Vec<&str> = csv.body.lines().collect();
    assert_eq!((lines.len(), lines[0].split(',').count()), (2, lines[1].matches(',').count()));
    assert!(lines[1].contains("confirmed,\"seen, \"\"live\"\"\""), "{}", csv.body);
    let exported: Value = site.get("/api/v1/events/export", &[]).json();
    assert_eq!((exported.as_array().unwrap().len(), &exported[0]["id"]), (1, &fake["id"]));
    assert_eq!(site.get("/api/v1/events/export?review=false", &[]).json(), json!([]));
    // What a review no longer says is not exported.
    assert_eq!(site.patch(&path, &json!({ "review": "none" })).json()["reviewed_at"], Value::Null);
    assert_eq!(site.get("/api/v1/events/export", &[]).json(), json!([]));
}

#[test]
fn a_period_ends_with_its_stream_and_the_clients_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let (site, fake) = with_a_fake(folder.path());
    assert!(site.board.post(Report::Removed { stream: "a".into() }));
    let path = format!("/api/v1/events/{}", fake["id"]);
    let ended = until("the end", || Some(site.get(&path, &[]).json()).filter(|period| period["ended"].is_string()));
    assert!(ended["windows"].as_u64().unwrap() > 0 && ended["peak_confidence"].as_f64().unwrap() > 0.7, "{ended}");
    // The events of this start, from its first on.
    let subscribed = site.board.subscribe(Some((site.board.boot().to_owned(), 0)));
    let told = site.runtime.block_on(subscribed).unwrap().first;
    let told: Vec<Value> = told.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    let of_it: Vec<bool> = told
        .iter()
        .filter(|event| event["type"] == "period" && event["id"] == fake["id"])
        .map(|event| event["ended"].is_string())
        .collect();
    assert_eq!(of_it, [false, true]);
}

#[test]
fn what_is_kept_outlives_the_program_and_is_paged_and_filtered() {
    let folder = tempfile::tempdir().unwrap();
    for start in 0..3 {
        let (mut site, fake) = with_a_fake(folder.path());
        site.patch(&format!("/api/v1/events/{}", fake["id"]), &json!({ "note": format!("start {start}") }));
        site.behind.record.as_ref().ok().unwrap().stop();
        site.close();
    }
    let site = Site::recording(folder.path());
    let mut notes = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = site.get(&format!("/api/v1/events?limit=1&label=FAKE&cursor={cursor}"), &[]).json();
        notes.extend(page["events"].as_array().unwrap().iter().map(|period| period["note"].clone()));
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(notes, ["start 2", "start 1", "start 0"], "newest first");
    let count =
        |query: &str| site.get(&format!("/api/v1/events?{query}"), &[]).json()["events"].as_array().unwrap().len();
    assert_eq!([count("stream=a&label=FAKE"), count("stream=b"), count("review=confirmed")], [3, 0, 0]);
    assert_eq!([count("from=2100-01-01T00:00:00Z"), count("to=2000-01-01T00:00:00Z")], [0, 0]);
    let storage = site.get("/api/v1/storage", &[]).json();
    assert!(storage["periods"].as_u64().unwrap() >= 3 && storage["thumbnails"].as_u64().unwrap() >= 3, "{storage}");
    assert!(storage["oldest"].is_string() && storage["keep_days"] == 30, "{storage}");
}

#[test]
fn every_second_of_a_face_is_kept_and_shows_what_thresholds_would_do() {
    let folder = tempfile::tempdir().unwrap();
    let (site, _) = with_a_fake(folder.path());
    let points = until("a point", || {
        let history = site.get("/api/v1/streams/a/history", &[]).json();
        history["points"].as_array().unwrap().first().cloned()
    });
    assert_eq!((&points["track"], &points["quality"]), (&json!(1), &json!(0.5)));
    assert!((points["fake_confidence"].as_f64().unwrap() - 0.982).abs() < 1e-9, "{points}");
    assert!(points["synthetic_confidence"].is_number());
    let effect = site.get("/api/v1/thresholds/effect?fake_at=0.99", &[]).json();
    assert_eq!((&effect["now"]["streams_flagged"], &effect["proposed"]["streams_flagged"]), (&json!(1), &json!(0)));
    assert_eq!((&effect["now"]["fake_at"], &effect["proposed"]["real_at"]), (&json!(0.7), &json!(0.3)));
    assert!(effect["now"]["secs"]["FAKE"].as_u64().unwrap() >= 1 && effect["now"]["fake_periods"] == 1, "{effect}");
}

#[test]
fn settings_change_at_once_for_everyone_and_outlive_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = Site::recording(folder.path());
    let mut events = site.runtime.block_on(site.board.subscribe(None)).unwrap().events;
    let answer = site.patch("/api/v1/settings", &json!({ "verdict.fake_at": 0.8, "record.keep_days": 7 }));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let of = |settings: &Value, key: &str| {
        settings["settings"].as_array().unwrap().iter().find(|setting| setting["key"] == key).unwrap().clone()
    };
    let fake_at = of(&answer.json(), "verdict.fake_at");
    assert_eq!((&fake_at["value"], &fake_at["default"], &fake_at["changed"]), (&json!(0.8), &json!(0.7), &json!(true)));
    until("the new status", || {
        Some(site.get("/api/v1/status", &[]).json()).filter(|status| status["fake_at"] == json!(0.8))
    });
    let snapshot = site.runtime.block_on(async {
        loop {
            let event: Value = serde_json::from_str(&events.recv().await.unwrap()).unwrap();
            if event["type"] == "snapshot" {
                break event;
            }
        }
    });
    assert_eq!(snapshot["server"]["fake_at"], json!(0.8));

    for (body, field) in [
        (json!({ "verdict.fake_at": 0.4 }), "verdict.fake_at"),
        (json!({ "verdict.fake_at": "high" }), "verdict.fake_at"),
        (json!({ "record.keep_days": 1.5, "verdict.real_at": 0.1 }), "record.keep_days"),
        (json!({ "analyses.keep_mb": 9 }), "analyses.keep_mb"),
        (json!({ "evidence.keep_mb": 127 }), "evidence.keep_mb"),
        (json!({ "web.token": 1 }), "web.token"),
    ] {
        let refused = site.patch("/api/v1/settings", &body).refused();
        assert_eq!(refused, (400, "invalid".into(), Some(field.into())), "{body}");
    }
    assert_eq!(site.get("/api/v1/settings", &[]).json(), answer.json(), "nothing was changed");

    site.behind.record.as_ref().ok().unwrap().stop();
    site.close();
    drop(site);
    let site = Site::recording(folder.path());
    assert_eq!(site.behind.record.as_ref().ok().unwrap().thresholds(), (0.8, 0.3));
    let back = site.patch("/api/v1/settings", &json!({ "verdict.fake_at": null })).json();
    assert_eq!(of(&back, "verdict.fake_at")["value"], json!(0.7));
    assert_eq!(of(&back, "record.keep_days")["value"], json!(7.0));
}

#[test]
fn every_refusal_names_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let (site, fake) = with_a_fake(folder.path());
    for (query, field) in [
        ("label=STALE", "label"),
        ("review=maybe", "review"),
        ("from=yesterday", "from"),
        ("limit=201", "limit"),
        ("cursor=x", "cursor"),
        ("colour=red", "colour"),
    ] {
        let refused = site.get(&format!("/api/v1/events?{query}"), &[]).refused();
        assert_eq!(refused, (400, "invalid".into(), Some(field.into())), "{query}");
    }
    let path = format!("/api/v1/events/{}", fake["id"]);
    for (body, code, field) in [
        (json!({}), "malformed", None),
        (json!({ "review": "maybe" }), "invalid", Some("review")),
        (json!({ "note": "x".repeat(2001) }), "invalid", Some("note")),
        (json!({ "label": "REAL" }), "invalid", Some("label")),
    ] {
        let refused = site.patch(&path, &body).refused();
        assert_eq!(refused, (400, code.into(), field.map(String::from)), "{body}");
    }
    for path in ["/api/v1/events/99999", "/api/v1/events/none", "/api/v1/events/99999/thumbnail"] {
        assert_eq!(site.get(path, &[]).refused().0, 404, "{path}");
    }
    assert_eq!(site.patch("/api/v1/events/99999", &json!({ "note": "x" })).refused().0, 404);
    for query in ["secs=0", "secs=x"] {
        assert_eq!(site.get(&format!("/api/v1/streams/a/history?{query}"), &[]).refused().0, 400);
    }
}

#[test]
fn where_nothing_is_kept_everything_says_why_and_the_rest_works() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let off = Site::open();
    let broken = Site::recording(file.path());
    for (site, words) in [(&off, "record.folder is empty"), (&broken, "record.folder")] {
        for path in
            ["events", "events/1", "events/export", "settings", "storage", "thresholds/effect", "streams/a/history"]
        {
            let answer = site.get(&format!("/api/v1/{path}"), &[]);
            assert_eq!((answer.refused().0, answer.refused().1.as_str()), (503, "not_recording"), "{path}");
            assert!(answer.body.contains(words), "{}", answer.body);
        }
        assert_eq!(site.get("/readyz", &[]).status, 200);
        assert_eq!(site.get("/api/v1/streams", &[]).status, 200);
    }
    assert_eq!(off.get("/readyz", &[]).json()["warnings"], json!([]), "nobody wants it kept");
    let warnings = broken.get("/readyz", &[]).json()["warnings"].clone();
    assert!(warnings[0].as_str().unwrap().starts_with("verdicts are not kept: cannot use the folder"), "{warnings}");
    assert_eq!(broken.get("/api/v1/status", &[]).json()["warnings"], warnings);
}
