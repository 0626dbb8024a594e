//! What is kept, whole: the real program on a clip, killed in the middle, started again. The model is the trial's with its
//! bias moved so far that the clip is FAKE.

mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::{Program, demo, root, suspicious_model, wait_for};

/// A program that plays the untouched clip again and again and keeps in `folder` what it judged. Every frame is judged,
/// however busy the machine is.
fn start(model: &Path, folder: &Path) -> Program {
    let settings = format!(
        "detector.model = {:?}\nverdict.stale_secs = 60.0\n\
         [[streams]]\nid = \"door\"\nname = \"Front door\"\nurl = {:?}\nrepeat = true\nrealtime = false\n",
        model.display().to_string(),
        demo("untouched").display().to_string()
    );
    Program::start_with(&settings, &[("TRUEVISION__RECORD__FOLDER", &folder.display().to_string())])
}

/// The newest periods of a query.
fn events(program: &Program, query: &str) -> Vec<Value> {
    let page = program.json(&format!("/api/v1/events?{query}"));
    page["events"].as_array().unwrap().clone()
}

fn fake(program: &Program) -> Value {
    wait_for("a FAKE", || events(program, "label=FAKE").into_iter().next())
}

#[test]
fn a_review_outlives_kill_9_and_what_lasted_then_has_ended() {
    let (model, folder) = (suspicious_model(), tempfile::tempdir().unwrap());
    let program = start(model.path(), folder.path());
    let mut told = program.events();
    let event = told.until("a FAKE period", |event| event["type"] == "period" && event["label"] == "FAKE");
    assert_eq!((&event["stream_name"], &event["ended"]), (&json!("Front door"), &Value::Null));
    assert!(event["model"].as_str().unwrap().starts_with("trial-112 "), "{event}");
    // A row is brought up to date while its period lasts. On a busy machine each may be short.
    let grown = |event: &Value| event["windows"].as_u64().is_some_and(|windows| windows > 1);
    let period = wait_for("a FAKE of more than a window", || events(&program, "label=FAKE").into_iter().find(grown));
    let path = format!("/api/v1/events/{}", period["id"]);
    let (status, kind, picture) = program.bytes(&format!("{path}/thumbnail"), "content-type");
    assert_eq!(kind, "image/jpeg");
    assert_eq!((status, &picture[..2], &picture[picture.len() - 2..]), (200, &[0xff, 0xd8][..], &[0xff, 0xd9][..]));
    assert!(program.metric("truevision_record_bytes").is_some());
    let (status, body) = program.patch(&path, &json!({ "review": "false", "note": "the demo" }));
    assert_eq!(status, 200, "{body}");
    let (status, body) = program.patch("/api/v1/settings", &json!({ "verdict.fake_at": 0.9 }));
    assert_eq!(status, 200, "{body}");
    program.kill();

    let program = start(model.path(), folder.path());
    let kept = program.json(&path);
    assert_eq!(
        (&kept["review"], &kept["note"], &kept["thumbnail"]),
        (&json!("false"), &json!("the demo"), &json!(true))
    );
    assert!(kept["ended"].is_string() && kept["secs"].as_f64().unwrap() > 0.0, "{kept}");
    assert_eq!(program.json("/api/v1/status")["fake_at"], json!(0.9));
    let exported: Value = program.json("/api/v1/events/export?review=false");
    assert_eq!(exported[0], kept);
    // The new start finds the face again, as another period: those of the first have ended.
    wait_for("another FAKE", || events(&program, "label=FAKE").into_iter().find(|again| again["ended"].is_null()));
    let history = wait_for("a point with a confidence", || {
        let history = program.json("/api/v1/streams/door/history?secs=600");
        let points = history["points"].as_array().unwrap();
        points.iter().find(|point| point["fake_confidence"].is_number()).cloned()
    });
    assert!(history["fake_confidence"].as_f64().unwrap() > 0.5 && history["track"].is_u64(), "{history}");
    let (code, log) = program.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("changed in an earlier run"), "{log}");
}

#[test]
fn the_environment_wins_over_what_was_changed_and_what_is_old_goes() {
    let (model, folder) = (suspicious_model(), tempfile::tempdir().unwrap());
    let program = start(model.path(), folder.path());
    fake(&program);
    let (status, _) = program.patch("/api/v1/settings", &json!({ "verdict.fake_at": 0.9, "record.keep_days": 1 }));
    assert_eq!(status, 200);
    let (code, _) = program.stop();
    assert_eq!(code, Some(0));
    // A period of last year.
    let database = rusqlite::Connection::open(folder.path().join("truevision.sqlite")).unwrap();
    let age = "UPDATE periods SET began = began - 31536000000, last = last - 31536000000";
    assert!(database.execute(age, []).unwrap() >= 1);
    drop(database);

    let settings = format!("detector.model = {:?}\n", model.path().display().to_string());
    let folder = folder.path().display().to_string();
    let env = [("TRUEVISION__RECORD__FOLDER", folder.as_str()), ("TRUEVISION__VERDICT__FAKE_AT", "0.6")];
    let program = Program::start_with(&settings, &env);
    assert_eq!(program.json("/api/v1/status")["fake_at"], json!(0.6));
    let (status, body) = program.patch("/api/v1/settings", &json!({ "verdict.fake_at": 0.8 }));
    assert_eq!((status, body.contains("environment")), (400, true), "{body}");
    wait_for("the old to go", || events(&program, "").is_empty().then_some(()));
    assert!(program.metric("truevision_record_pruned_total{reason=\"age\"}").unwrap() >= 1.0);
}

#[test]
fn a_record_that_cannot_be_kept_is_told_and_the_analysis_runs() {
    let damaged = tempfile::tempdir().unwrap();
    std::fs::write(damaged.path().join("truevision.sqlite"), "this is no database, whatever it is ".repeat(100))
        .unwrap();
    // A file where the folder should be: nobody may write there, not even root, whom rights do not bind.
    let no_folder = tempfile::NamedTempFile::new().unwrap();
    for (folder, words) in [(damaged.path(), "truevision.sqlite is damaged"), (no_folder.path(), "record.folder")] {
        let program = start(&root().join("models/trial-112"), folder);
        let mut told = program.events();
        told.until("a verdict", |event| event["type"] == "verdict" && event["label"] != "UNCERTAIN");
        let ready = program.json("/readyz");
        let warning = ready["warnings"][0].as_str().unwrap().to_owned();
        assert!(warning.contains(words) && warning.contains("verdicts are not kept"), "{warning}");
        assert_eq!(program.get("/api/v1/events").0, 503);
        assert_eq!(program.metric("truevision_recording"), Some(0.0));
        let (_, log) = program.stop();
        assert!(log.contains(words), "{log}");
    }
}
