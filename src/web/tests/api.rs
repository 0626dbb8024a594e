//! REST: streams come and go, and every refusal has the same shape.

use serde_json::json;

use super::*;

#[test]
fn streams_are_added_listed_restarted_and_removed() {
    let site = Site::open();
    let body = json!({ "id": "lobby", "name": "Lobby", "url": "rtsp://bob:hunter2@cam/1?key=hunter2", "user": "bob",
        "password": "hunter2", "transport": "tcp", "no_frames_secs": 7 });
    let answer = site.post_json("/api/streams", &body.to_string());
    assert_eq!((answer.status, answer.json()), (201, json!({ "id": "lobby" })));
    assert_eq!(site.streams.list()[0].password.expose(), "hunter2");

    let answer = site.get("/api/streams", &[]);
    assert!(!answer.body.contains("hunter2") && !answer.body.contains("bob"), "{}", answer.body);
    let listed = &answer.json()["streams"][0];
    assert_eq!(
        (&listed["id"], &listed["name"], &listed["state"]),
        (&json!("lobby"), &json!("Lobby"), &json!("connecting"))
    );
    let settings =
        json!({ "transport": "tcp", "decoder": "auto", "realtime": true, "repeat": false, "no_frames_secs": 7.0 });
    assert_eq!(listed["settings"], settings);
    assert_eq!(site.get("/api/status", &[]).json()["streams"], 1);

    assert_eq!(site.post("/api/streams/lobby/restart", &[], "").status, 204);
    assert_eq!(site.delete("/api/streams/lobby").status, 204);
    assert_eq!(site.get("/api/streams", &[]).json(), json!({ "streams": [] }));
    assert_eq!(site.delete("/api/streams/lobby").refused(), (404, "not_found".into(), None));
    assert_eq!(site.post("/api/streams/lobby/restart", &[], "").refused(), (404, "not_found".into(), None));
}

#[test]
fn a_refused_stream_says_which_key_is_wrong_and_changes_nothing() {
    let site = Site::open();
    for id in ["a", "b", "c"] {
        assert_eq!(site.post_json("/api/streams", &json!({ "id": id, "url": "test" }).to_string()).status, 201);
    }
    for (body, status, code, field) in [
        (r#"{"id": "a", "url": "test"}"#, 409, "exists", Some("id")),
        (r#"{"id": "d", "url": "test"}"#, 409, "full", None),
        (r#"{"id": "d"}"#, 400, "invalid", Some("url")),
        (r#"{"id": "d", "url": 7}"#, 400, "invalid", Some("url")),
        (r#"{"id": "d", "url": "test", "colour": "red"}"#, 400, "invalid", Some("colour")),
        (r#"{"id": "d", "url": "te"#, 400, "malformed", None),
        ("[1]", 400, "malformed", None),
    ] {
        let refused = site.post_json("/api/streams", body).refused();
        assert_eq!(refused, (status, code.into(), field.map(String::from)), "{body}");
    }
    assert_eq!(site.streams.list().len(), 3);
}

#[test]
fn every_refusal_of_the_protocol_has_the_same_shape() {
    let site = Site::open();
    let large = format!(r#"{{"id": "a", "url": "{}"}}"#, "x".repeat(70_000));
    let text = [("content-type", "text/plain")];
    for (answer, status, code) in [
        (site.get("/api/nothing", &[]), 404, "not_found"),
        (site.get("/api/streams/a/b/c", &[]), 404, "not_found"),
        (site.delete("/api/streams"), 405, "method_not_allowed"),
        (site.get("/api/login", &[]), 405, "method_not_allowed"),
        (site.delete("/metrics"), 405, "method_not_allowed"),
        (site.post_json("/api/streams", &large), 413, "too_large"),
        (site.post("/api/streams", &text, "{}"), 415, "unsupported_media_type"),
        (site.get("/ws", &[]), 400, "malformed"),
        (site.get("/ws?seq=minus", &[]), 400, "invalid"),
    ] {
        let refused = answer.refused();
        assert_eq!((refused.0, refused.1.as_str()), (status, code), "{}", answer.body);
    }
}

#[test]
fn the_status_is_as_documented() {
    let site = Site::open();
    let status = site.get("/api/status", &[]).json();
    let document = include_str!("../../../docs/api.md");
    let example = document.split("### GET /api/v1/status").nth(1).unwrap().split("```").nth(1).unwrap();
    let example: Value = serde_json::from_str(example.trim_start_matches("json")).unwrap();
    assert_eq!(status["fake_at"], 0.7, "written as it was set");
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&status), keys(&example));
    assert_eq!(keys(&status["model"]), keys(&example["model"]));
}

#[test]
fn the_document_names_every_key_of_a_new_stream() {
    let document = include_str!("../../../docs/api.md");
    let section = document.split("### POST /api/v1/streams").nth(1).unwrap().split("###").next().unwrap();
    let settings = serde_json::to_value(source::Config::default()).unwrap();
    for key in settings.as_object().unwrap().keys() {
        assert!(section.contains(&format!("`{key}`")), "docs/api.md does not name {key}");
    }
}
