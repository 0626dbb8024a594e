//! Evidence, whole: the real program with files and a real RTSP camera; what it kept is compared with what the camera sent,
//! checked by `truevision verify`, altered, and checked again. Disks that are full, and programs that are killed.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use support::{Camera, Program, demo, free_port, signal, suspicious_model, text, truevision, wait_for};
use tempfile::TempDir;

/// Where a program keeps what it keeps, over its starts.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn evidence(&self) -> PathBuf {
        self.0.path().join("evidence")
    }

    fn start(&self, streams: &str, more: &[(&str, &str)]) -> Program {
        let settings = format!(
            // The first window opens an alert: a busy machine has few.
            "[verdict]\nmin_windows = 1\ndwell_secs = 0.0\n\
             [alerts.rules]\nopen_at = 0.7\nclose_at = 0.5\ndwell_secs = 0.0\nresolve_secs = 30.0\nquiet_secs = 0.0\n\
             [evidence]\nbefore_secs = 4.0\nafter_secs = 2.0\nmin_free_mb = 1\n{streams}"
        );
        let model = suspicious_model();
        let (evidence, database) = (self.evidence(), self.0.path().join("alerts.db"));
        let mut env = vec![
            ("TRUEVISION__DETECTOR__MODEL", model.path().to_str().unwrap()),
            ("TRUEVISION__EVIDENCE__FOLDER", evidence.to_str().unwrap()),
            ("TRUEVISION__ALERTS__DATABASE", database.to_str().unwrap()),
        ];
        env.extend(more);
        Program::start_with(&settings, &env)
    }

    /// Exit code and report of `truevision verify` on a folder.
    fn verify(&self, folder: &Path) -> (Option<i32>, Value) {
        let output = truevision(&["verify", "--json", folder.to_str().unwrap()]);
        let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
        (output.status.code(), report)
    }

    /// Names of what lies in the folder, with those that begin with a dot.
    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.evidence()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

fn stream(url: &str) -> String {
    format!("[[streams]]\nid = \"door\"\nname = \"Front door\"\nurl = {url:?}\n")
}

/// The demo's clip, small, so that a busy machine keeps up with it; at its full rate, so that one lost picture breaks no
/// window.
fn light() -> &'static Path {
    static MADE: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let made = tempfile::Builder::new().tempfile_in(folder).unwrap().into_temp_path();
        support::pipeline(&format!(
            "filesrc location={:?} ! decodebin ! videoconvert ! videoscale ! \
             video/x-raw,width=640,height=360 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! \
             mp4mux ! filesink location={:?}",
            demo("manipulated"),
            &*made
        ));
        let path = folder.join("light.mp4");
        made.persist(&path).unwrap();
        path
    });
    &MADE
}

/// It again and again, as fast as the machine can: its verdicts do not depend on how busy that is.
fn clip() -> String {
    format!("{}repeat = true\nrealtime = false\n", stream(&light().display().to_string()))
}

/// The first alert whose evidence is in this state.
fn alert_with(program: &Program, state: &str) -> Value {
    wait_for(&format!("evidence that is {state}"), || {
        let alerts = program.json("/api/v1/alerts")["alerts"].as_array().unwrap().clone();
        alerts.into_iter().find(|alert| alert["evidence"]["state"] == state)
    })
}

/// Hashes of the H.264 units that hold pictures, in the order of the file.
fn pictures(path: &Path, demuxer: &str) -> Vec<[u8; 32]> {
    let folder = tempfile::tempdir().unwrap();
    let frames = folder.path().join("%06d");
    support::pipeline(&format!("filesrc location={path:?} ! {demuxer} ! multifilesink location={frames:?}"));
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let bytes: Vec<u8> = files.into_iter().flat_map(|file| std::fs::read(file).unwrap()).collect();
    let (mut left, mut hashes) = (&bytes[..], Vec::new());
    // Each unit has its length before it. Kinds 1 to 5 are pictures; payloaders and parsers may repeat the others.
    while let Some((length, rest)) = left.split_first_chunk::<4>() {
        let (unit, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
        if (1..=5).contains(&(unit[0] & 0x1f)) {
            hashes.push(Sha256::digest(unit).into());
        }
        left = rest;
    }
    hashes
}

/// That the clip's pictures are a part of the source's, byte for byte, and that it can be played.
fn is_original(clip: &Path, source: &Path, least: usize) {
    let (kept, sent) = (pictures(clip, "matroskademux"), pictures(source, "qtdemux"));
    assert!(kept.len() >= least, "{} pictures", kept.len());
    let from = sent.iter().position(|unit| *unit == kept[0]).expect("the first is one of the source");
    assert!(sent[from..].starts_with(&kept), "{} pictures from {from} are not those of the source", kept.len());
    support::pipeline(&format!("filesrc location={clip:?} ! matroskademux ! avdec_h264 ! fakesink"));
}

#[test]
fn a_camera_and_an_alert_leave_evidence_that_is_original_and_verifies() {
    let place = Place::new();
    let source = light();
    let camera = Camera::of(source.to_str().unwrap(), free_port(), &["eve", "hunter2-secret"]);
    let url = camera.url.replace("rtsp://", "rtsp://eve:hunter2-secret@");
    let program = place.start(&stream(&url), &[("TRUEVISION__WEB__TOKEN", "")]);
    let mut events = program.events();
    events.until("the news that it is written", |event| {
        event["type"] == "alert" && event["evidence"]["state"] == "writing"
    });
    let alert = alert_with(&program, "kept");
    let (id, evidence) = (alert["id"].as_str().unwrap(), &alert["evidence"]);
    // More than one when the camera's clip ended meanwhile.
    let clips: Vec<&str> = evidence["clips"].as_array().unwrap().iter().map(|clip| clip.as_str().unwrap()).collect();
    assert_eq!((clips[0], &evidence["reason"]), ("clip-1.mkv", &Value::Null), "{evidence}");

    // By the API: the list, the files, and nothing else.
    let listed = program.json(&format!("/api/v1/alerts/{id}/evidence"));
    assert_eq!(&listed["evidence"], evidence);
    let names: Vec<&str> =
        listed["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect();
    let faces = names.iter().filter(|name| name.starts_with("face-") && name.ends_with(".jpg")).count();
    assert!(faces >= 1, "{names:?}");
    assert!(names.contains(&"scores.json") && names.contains(&"settings.json"), "{names:?}");
    for file in listed["files"].as_array().unwrap() {
        let (status, _, bytes) =
            program.bytes(&format!("/api/v1/alerts/{id}/evidence/{}", file["name"].as_str().unwrap()), "content-type");
        assert_eq!((status, bytes.len() as u64), (200, file["bytes"].as_u64().unwrap()), "{file}");
        let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(sha256, file["sha256"]);
    }
    for path in ["..%2fchain.json", "%2e%2e%2fchain.json", "..", "chain.json", ".lock", "%2fetc%2fpasswd", "clip-9.mkv"]
    {
        assert_eq!(program.get(&format!("/api/v1/alerts/{id}/evidence/{path}")).0, 404, "{path}");
    }
    assert_eq!(program.get("/api/v1/alerts/..%2f..%2fx/evidence/manifest.json").0, 404);
    assert_eq!(program.get("/api/v1/alerts/0000000000000000/evidence").0, 404);

    // What it says.
    let folder = place.evidence().join(id);
    let manifest = std::fs::read_to_string(folder.join("manifest.json")).unwrap();
    let said: Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!((&said["alert"]["id"], &said["number"], &said["previous"]), (&json!(id), &json!(1), &Value::Null));
    assert_eq!(said["stream"]["source"], camera.url.replace("rtsp://", "rtsp://[redacted]@"));
    assert_eq!(said["model"]["name"], "trial-112");
    assert_eq!(said["model"]["encoder_sha256"].as_str().unwrap().len(), 64);
    let kept = &said["video"]["clips"][0];
    assert_eq!((&kept["codec"], &kept["lost"]), (&json!("video/x-h264"), &json!(0)));
    let scores: Value = serde_json::from_slice(&std::fs::read(folder.join("scores.json")).unwrap()).unwrap();
    let windows = scores["windows"].as_array().unwrap();
    assert!(!windows.is_empty(), "{} windows", windows.len());
    assert!(windows.iter().all(|window| window["track"] == alert["track"] && window["window_confidence"].is_number()));
    let captured = |window: &Value| window["captured"].as_str().unwrap().to_owned();
    assert!(*captured(&windows[0]) < *alert["opened"].as_str().unwrap(), "it begins before the alert opened");
    for clip in clips {
        is_original(&folder.join(clip), source, 1);
    }
    // Of some seconds at 25 pictures a second.
    let all = said["video"]["clips"].as_array().unwrap().iter().map(|clip| clip["packets"].as_u64().unwrap());
    assert!(all.sum::<u64>() >= 40, "{said}");
    assert_eq!(program.metric("truevision_evidence_kept_total"), Some(1.0));
    assert!(program.metric("truevision_evidence_memory_bytes").unwrap() > 10_000.0);
    let (code, log) = program.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("hunter2") && !manifest.contains("hunter2"));
    assert!(log.contains(evidence["manifest"].as_str().unwrap()), "its hash is in the log");

    // As it was written; then with one bit altered.
    let (code, report) = place.verify(&place.evidence());
    assert_eq!((code, &report["findings"], &report["alerts"]), (Some(0), &json!([]), &json!(1)));
    assert_eq!(report["newest"], evidence["manifest"]);
    let path = folder.join("clip-1.mkv");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    for (folder, named) in [(place.evidence(), format!("{id}/clip-1.mkv")), (folder, "clip-1.mkv".into())] {
        let (code, report) = place.verify(&folder);
        assert_eq!((code, report["findings"].as_array().unwrap().len()), (Some(1), 1), "{report}");
        assert_eq!(
            (&report["findings"][0]["what"], &report["findings"][0]["path"]),
            (&json!("altered"), &json!(named))
        );
    }
    let output = truevision(&["verify", place.evidence().to_str().unwrap()]);
    assert!(text(&output.stdout).starts_with(&format!("altered: {id}/clip-1.mkv: ")), "{}", text(&output.stdout));
    let output = truevision(&["verify", place.0.path().join("no").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_file_that_begins_anew_is_kept_in_parts_and_the_chain_grows() {
    let place = Place::new();
    let program = place.start(&clip(), &[("TRUEVISION__EVIDENCE__AFTER_SECS", "300")]);
    let id = alert_with(&program, "writing")["id"].as_str().unwrap().to_owned();
    // The face is still FAKE: the next alert opens.
    assert_eq!(program.post(&format!("/api/v1/alerts/{id}/resolve"), &json!({})).0, 200);
    wait_for("two alerts with two parts each", || {
        let half = place.names().into_iter().filter(|name| name.starts_with(".writing-"));
        let parts = half.filter(|name| place.evidence().join(name).join("clip-2.spool").exists());
        (parts.count() == 2).then_some(())
    });
    program.stop();
    let mut previous = Value::Null;
    let mut ids: Vec<String> = place.names().into_iter().filter(|name| name.len() == 16).collect();
    ids.sort();
    assert_eq!(ids.len(), 2);
    for (number, id) in ids.iter().enumerate() {
        let folder = place.evidence().join(id);
        let text = std::fs::read(folder.join("manifest.json")).unwrap();
        let manifest: Value = serde_json::from_slice(&text).unwrap();
        assert_eq!((&manifest["number"], &manifest["previous"]), (&json!(number + 1), &previous));
        previous = json!(Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        let clips = manifest["video"]["clips"].as_array().unwrap();
        assert!(clips.len() >= 2, "{manifest}");
        for clip in clips {
            is_original(&folder.join(clip["file"].as_str().unwrap()), light(), 1);
        }
    }
    let (code, report) = place.verify(&place.evidence());
    assert_eq!((code, &report["findings"], &report["newest"]), (Some(0), &json!([]), &previous));
}

#[test]
fn a_source_without_coded_video_has_faces_and_scores_and_says_what_it_lacks() {
    let place = Place::new();
    let raw = place.0.path().join("raw.mkv");
    support::pipeline(&format!(
        "filesrc location={:?} ! decodebin ! identity eos-after=150 ! videoconvert ! videoscale ! \
         video/x-raw,format=I420,width=640,height=360 ! matroskamux ! filesink location={raw:?}",
        demo("manipulated")
    ));
    let program = place.start(&format!("{}repeat = true\nrealtime = false\n", stream(raw.to_str().unwrap())), &[]);
    let alert = alert_with(&program, "kept");
    assert_eq!(alert["evidence"]["clips"], json!([]));
    let reason = alert["evidence"]["reason"].as_str().unwrap();
    assert!(reason.contains("no coded video"), "{reason}");
    let listed = program.json(&format!("/api/v1/alerts/{}/evidence", alert["id"].as_str().unwrap()));
    assert!(listed["files"].as_array().unwrap().len() >= 3, "{listed}");
}

/// Frames judged so far.
fn judged(program: &Program) -> f64 {
    program.metric("truevision_frames_analysed_total{stream=\"door\"}").unwrap_or_default()
}

fn goes_on(program: &Program) {
    let before = judged(program);
    wait_for("verdicts to go on", || (judged(program) > before + 8.0).then_some(()));
}

#[test]
fn a_disk_with_too_little_room_stops_evidence_and_nothing_else() {
    let place = Place::new();
    let program = place.start(&clip(), &[("TRUEVISION__EVIDENCE__MIN_FREE_MB", "100000000")]);
    wait_for("the metric, before any alert", || program.metric("truevision_evidence_stopped").filter(|on| *on == 1.0));
    let alert = alert_with(&program, "none");
    assert_eq!(alert["state"], "open");
    let reason = alert["evidence"]["reason"].as_str().unwrap();
    assert!(reason.contains("nearly full") && reason.contains("min_free_mb"), "{reason}");
    assert_eq!(program.metric("truevision_evidence_lost_total{reason=\"disk_full\"}"), Some(1.0));
    let ready = program.json("/readyz");
    assert_eq!(ready["ready"], true);
    assert!(ready["warnings"][0].as_str().unwrap().contains("evidence"), "{ready}");
    goes_on(&program);
    assert!(!place.names().iter().any(|name| name.starts_with(".writing")), "{:?}", place.names());
}

/// A file system that takes few files, unmounted with the test.
struct Small(PathBuf);

impl Small {
    /// None where nobody may mount.
    fn mount(folder: &Path) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let options = ["-t", "tmpfs", "-o", "size=64m,nr_inodes=7", "tmpfs"];
        let mounted = Command::new("mount").args(options).arg(folder).status().is_ok_and(|status| status.success());
        mounted.then(|| Self(folder.to_owned()))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_disk_that_takes_no_more_stops_evidence_and_nothing_else() {
    let place = Place::new();
    let Some(_small) = Small::mount(&place.evidence()) else {
        eprintln!("not run: mounting a small disk needs root");
        return;
    };
    let program = place.start(&clip(), &[]);
    let alert = alert_with(&program, "none");
    let reason = alert["evidence"]["reason"].as_str().unwrap();
    assert!(reason.contains("os error 28"), "{reason}");
    wait_for("the metric", || program.metric("truevision_evidence_stopped").filter(|on| *on == 1.0));
    assert_eq!(program.metric("truevision_evidence_lost_total{reason=\"disk_full\"}"), Some(1.0));
    goes_on(&program);
    assert!(!place.names().iter().any(|name| name.starts_with(".writing")), "{:?}", place.names());
    // Room again: the next alert has its evidence.
    let mut remount = Command::new("mount");
    remount.args(["-o", "remount,size=64m,nr_inodes=1000"]).arg(place.evidence());
    assert!(remount.status().unwrap().success());
    let id = alert["id"].as_str().unwrap();
    assert_eq!(program.post(&format!("/api/v1/alerts/{id}/resolve"), &json!({})).0, 200);
    alert_with(&program, "kept");
    wait_for("the metric", || program.metric("truevision_evidence_stopped").filter(|on| *on == 0.0));
    program.stop();
    let (code, report) = place.verify(&place.evidence());
    assert_eq!((code, &report["findings"]), (Some(0), &json!([])));
}

#[test]
fn a_program_that_is_killed_while_it_writes_leaves_nothing_half() {
    let place = Place::new();
    let program = place.start(&clip(), &[("TRUEVISION__EVIDENCE__AFTER_SECS", "300")]);
    let alert = alert_with(&program, "writing");
    let id = alert["id"].as_str().unwrap().to_owned();
    let half = place.evidence().join(format!(".writing-{id}")).join("clip-1.spool");
    wait_for("video on the disk", || half.metadata().ok().filter(|about| about.len() > 0).map(drop));
    signal(program.pid(), "KILL");
    drop(program);
    assert!(half.exists());

    let program = place.start(&clip(), &[]);
    let mut names = place.names();
    names.sort();
    assert_eq!(names, [".lock", "chain.json"]);
    let alert = alert_with(&program, "none");
    assert_eq!(alert["id"], id);
    assert!(alert["evidence"]["reason"].as_str().unwrap().contains("the program ended"), "{alert}");
    let (code, report) = place.verify(&place.evidence());
    assert_eq!((code, &report["alerts"]), (Some(0), &json!(0)));
    // And evidence is kept as before.
    assert_eq!(program.post(&format!("/api/v1/alerts/{id}/resolve"), &json!({})).0, 200);
    alert_with(&program, "kept");
    program.stop();
    assert_eq!(place.verify(&place.evidence()).0, Some(0));
}

#[test]
fn a_program_that_is_stopped_while_it_writes_keeps_what_there_is() {
    let place = Place::new();
    let program = place.start(&clip(), &[("TRUEVISION__EVIDENCE__AFTER_SECS", "300")]);
    let id = alert_with(&program, "writing")["id"].as_str().unwrap().to_owned();
    let (code, log) = program.stop();
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(place.verify(&place.evidence()).0, Some(0));
    is_original(&place.evidence().join(&id).join("clip-1.mkv"), light(), 1);
    let program = place.start(&clip(), &[]);
    let alerts = program.json("/api/v1/alerts")["alerts"].as_array().unwrap().clone();
    let alert = alerts.iter().find(|alert| alert["id"] == id).unwrap();
    assert_eq!(alert["evidence"]["state"], "kept");
    assert!(alert["evidence"]["reason"].as_str().unwrap().contains("stopped"), "{alert}");
}

#[test]
fn evidence_that_nobody_wants_costs_nothing_and_a_folder_in_use_is_said() {
    let place = Place::new();
    let program = place.start(&clip(), &[("TRUEVISION__EVIDENCE__ON", "false")]);
    wait_for("an open alert", || {
        program.json("/api/v1/alerts?state=open")["alerts"].as_array().unwrap().first().map(|alert| {
            assert_eq!(alert["evidence"], Value::Null);
        })
    });
    assert!(!place.evidence().exists());
    assert_eq!(program.metric("truevision_evidence_memory_bytes"), Some(0.0));
    program.stop();

    let (one, other) = (Place::new(), Place::new());
    let _first = one.start(&clip(), &[]);
    let second = other.start(&clip(), &[("TRUEVISION__EVIDENCE__FOLDER", one.evidence().to_str().unwrap())]);
    let alert = alert_with(&second, "none");
    assert!(alert["evidence"]["reason"].as_str().unwrap().contains("in use"), "{alert}");
    assert!(second.json("/readyz")["warnings"][0].as_str().unwrap().contains("in use"));
    assert_eq!(second.metric("truevision_evidence_stopped"), Some(1.0));
}

#[test]
fn evidence_is_behind_the_token() {
    let place = Place::new();
    let program = place.start("", &[("TRUEVISION__WEB__TOKEN", "correct-horse-battery")]);
    for path in ["evidence", "evidence/manifest.json"] {
        assert_eq!(program.get(&format!("/api/v1/alerts/0000000000000000/{path}")).0, 401, "{path}");
    }
}
