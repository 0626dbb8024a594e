//! Files uploaded to the real program: judged, refused in words, cancelled, and still there after a restart.

mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::{Program, demo, pipeline, signal, still, wait_for};

/// The job once it is over.
fn over(program: &Program, id: &Value) -> Value {
    let path = format!("/api/v1/analyses/{}", id.as_str().unwrap());
    let mut waited = 0;
    // A clip takes its time beside other tests: as long as it comes further, it is waited for.
    loop {
        let analysis = program.json(&path);
        if !["queued", "running"].iter().any(|state| analysis["state"] == *state) {
            return analysis;
        }
        waited += 1;
        assert!(waited < 3000, "{analysis}");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

fn take(program: &Program, name: &str, bytes: &[u8]) -> Value {
    let (status, analysis) = program.upload(name, bytes);
    assert_eq!(status, 201, "{analysis}");
    analysis["id"].clone()
}

fn clip() -> Vec<u8> {
    std::fs::read(demo("manipulated")).unwrap()
}

/// A little of the demo clip, in another container.
fn short(folder: &Path, muxer: &str) -> Vec<u8> {
    let path = folder.join(muxer);
    let clip = demo("manipulated");
    pipeline(&format!(
        "filesrc location={clip:?} ! decodebin ! videoconvert ! videoscale ! video/x-raw,width=640,height=360 \
         ! identity eos-after=80 ! x264enc speed-preset=ultrafast ! h264parse ! {muxer} ! filesink location={path:?}"
    ));
    std::fs::read(path).unwrap()
}

#[test]
fn a_clip_and_a_picture_are_judged_one_after_the_other_and_told_on_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start("");
    let mut events = program.events();
    let photo = std::fs::read(still(&demo("manipulated"), folder.path(), "photo.jpg", "jpegenc")).unwrap();
    let (status, first) = program.upload("..%2F..%2Fclip.mp4", &clip());
    assert_eq!((status, &first["name"], &first["result"]), (201, &json!("clip.mp4"), &Value::Null), "{first}");
    assert_eq!(first["bytes"].as_u64().unwrap() as usize, clip().len());
    let second = take(&program, "photo.png", &photo);

    let mine = |id: &Value| {
        let id = id.clone();
        move |event: &Value| event["type"] == "analysis" && event["id"] == id
    };
    let of_first = mine(&first["id"]);
    events.until("it waits", |event| of_first(event) && event["state"] == "queued");
    events.until("it runs", |event| of_first(event) && event["state"] == "running");
    // Events are read all the while: a client that takes nothing for 30 s is let go.
    let of_second = mine(&second);
    let mut secs = 0;
    while secs < 300 {
        let event = events.next();
        secs += u32::from(event["type"] == "heartbeat");
        if of_second(&event) && event["state"] == "done" {
            break;
        }
    }
    assert!(secs < 300, "the end of the second was not told");
    let video = over(&program, &first["id"]);
    assert_eq!((&video["state"], &video["progress"], &video["error"]), (&json!("done"), &json!(1.0), &Value::Null));
    assert_eq!((&video["kind"], &video["container"]), (&json!("video"), &json!("mp4")));
    assert_eq!(video["sha256"].as_str().unwrap().len(), 64);
    let result = &video["result"];
    assert_eq!((&result["width"], &result["height"]), (&json!(1280), &json!(720)));
    assert_eq!(result["frames"], video["frames_total"], "the clip says how long it is");
    assert!(result.get("file").is_none(), "where it lies is nobody's business");
    let pictures = result["pictures"].as_array().unwrap();
    assert!(pictures.len() >= 100 && pictures.len() <= 240, "{}", pictures.len());
    let face = &pictures[pictures.len() / 2]["faces"][0]["rect"];
    assert!(face["x"].as_f64().unwrap() < 640.0 && face["width"].as_f64().unwrap() > 10.0, "{face}");
    assert!(result["timeline"].as_array().unwrap().iter().any(|moment| {
        moment["faces"].as_array().unwrap().iter().any(|face| face["attention"].as_array().unwrap().len() == 8)
    }));
    let path = format!("/api/v1/analyses/{}", first["id"].as_str().unwrap());
    let (status, kind, jpeg) = program.bytes(&format!("{path}/pictures/0"), "content-type");
    assert_eq!((status, kind.as_str(), &jpeg[..2]), (200, "image/jpeg", &b"\xFF\xD8"[..]));
    assert_eq!(program.get(&format!("{path}/pictures/240")).0, 404);
    let (_, disposition, _) = program.bytes(&format!("{path}?download=1"), "content-disposition");
    assert!(disposition.starts_with("attachment"), "{disposition}");

    let image = over(&program, &second);
    assert_eq!(
        (&image["state"], &image["kind"], &image["container"]),
        (&json!("done"), &json!("image"), &json!("jpeg"))
    );
    assert_eq!((&image["result"]["frames"], &image["result"]["windows"]), (&json!(1), &json!(1)));
    assert_eq!(image["result"]["pictures"].as_array().unwrap().len(), 1);

    let page = program.json("/api/v1/analyses?limit=1");
    assert_eq!((&page["analyses"][0]["id"], page["analyses"][0].get("result")), (&second, None));
    let next = program.json(&format!("/api/v1/analyses?limit=1&cursor={}", page["next"].as_str().unwrap()));
    assert_eq!((&next["analyses"][0]["id"], &next["next"]), (&first["id"], &Value::Null));
    assert_eq!(program.metric("truevision_analyses_total{state=\"done\"}"), Some(2.0));
    assert_eq!(program.delete(&path).0, 204);
    assert_eq!(program.get(&path).0, 404);
}

#[test]
fn what_cannot_be_judged_is_refused_or_fails_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start("analyses.max_mb = 1\n");
    let text = b"this is a text that only says that it is a video, and goes on for a while to be one".to_vec();
    for (name, bytes) in [("empty.mp4", Vec::new()), ("text.mp4", text), ("tiny.jpg", b"\xFF".to_vec())] {
        let (status, refused) = program.upload(name, &bytes);
        assert_eq!((status, &refused["code"]), (415, &json!("unsupported_media_type")), "{name}: {refused}");
    }
    let mut large = b"\0\0\0\x20ftypisom".to_vec();
    large.resize(8_000_000, 0);
    let (status, refused) = program.upload("large.mp4", &large);
    assert_eq!((status, &refused["code"]), (413, &json!("too_large")), "{refused}");
    assert_eq!(program.metric("truevision_analyses_refused_total{reason=\"too_large\"}"), Some(1.0));
    assert_eq!(program.json("/api/v1/analyses"), json!({ "analyses": [], "next": null }));

    let sound = folder.path().join("sound.mp4");
    pipeline(&format!("audiotestsrc num-buffers=50 ! voaacenc ! mp4mux ! filesink location={sound:?}"));
    let nonsense = [&b"\x89PNG\r\n\x1A\n"[..], &[7; 500]].concat();
    let cut = &short(folder.path(), "mp4mux")[..20_000];
    for (name, bytes) in
        [("sound.mp4", &std::fs::read(sound).unwrap()[..]), ("nonsense.png", &nonsense), ("cut.mp4", cut)]
    {
        let failed = over(&program, &take(&program, name, bytes));
        assert_eq!((&failed["state"], &failed["result"]), (&json!("failed"), &Value::Null), "{name}");
        let message = failed["error"]["message"].as_str().unwrap();
        assert!(message.contains(name) && !message.contains("upload:"), "{message}");
    }
    let one = folder.path().join("one.png");
    pipeline(&format!(
        "videotestsrc num-buffers=1 ! video/x-raw,width=1,height=1 ! videoconvert ! pngenc ! filesink location={one:?}"
    ));
    let dot = over(&program, &take(&program, "one.png", &std::fs::read(one).unwrap()));
    assert_eq!((&dot["result"]["verdict"], &dot["result"]["reasons"]), (&json!("UNCERTAIN"), &json!(["no_face"])));
}

#[test]
fn other_containers_are_judged_and_a_torn_one_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start("");
    for (muxer, container) in [("matroskamux", "matroska"), ("avimux", "avi"), ("qtmux", "mov")] {
        let done = over(&program, &take(&program, "clip", &short(folder.path(), muxer)));
        assert_eq!((&done["state"], &done["container"]), (&json!("done"), &json!(container)), "{done}");
        assert!(done["result"]["frames"].as_u64().unwrap() > 40, "{done}");
    }
    let whole = short(folder.path(), "matroskamux");
    let torn = over(&program, &take(&program, "torn.mkv", &whole[..whole.len() / 2]));
    assert_eq!(torn["state"], "done", "{torn}");
    assert!(torn["result"]["frames"].as_u64().unwrap() > 5);
}

#[test]
fn a_turned_photo_is_turned_back() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, turned) =
        (still(&demo("manipulated"), folder.path(), "plain.jpg", "jpegenc"), folder.path().join("t.jpg"));
    pipeline(&format!(
        "filesrc location={plain:?} ! jpegparse ! taginject tags=\"image-orientation=rotate-90\" ! jifmux \
         ! filesink location={turned:?}"
    ));
    let program = Program::start("");
    let done = over(&program, &take(&program, "t.jpg", &std::fs::read(turned).unwrap()));
    assert_eq!((&done["result"]["width"], &done["result"]["height"]), (&json!(720), &json!(1280)), "{done}");
}

#[test]
fn jobs_are_cancelled_and_outlive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept").display().to_string();
    let settings = [("TRUEVISION__ANALYSES__FOLDER", kept.as_str()), ("TRUEVISION__ANALYSES__QUEUE", "2")];
    let program = Program::start_with("", &settings);
    let photo = std::fs::read(still(&demo("manipulated"), folder.path(), "photo.jpg", "jpegenc")).unwrap();
    let done = over(&program, &take(&program, "photo.jpg", &photo));
    let state = |id: &Value| program.json(&format!("/api/v1/analyses/{}", id.as_str().unwrap()))["state"].clone();
    let delete = |id: &Value| program.delete(&format!("/api/v1/analyses/{}", id.as_str().unwrap())).0;

    let running = take(&program, "a.mp4", &clip());
    wait_for("it to run", || (state(&running) == "running").then_some(()));
    let (waiting, last) = (take(&program, "b.mp4", &clip()), take(&program, "c.mp4", &clip()));
    let (status, refused) = program.upload("d.mp4", &clip());
    assert_eq!((status, &refused["code"]), (409, &json!("full")), "{refused}");
    assert_eq!(delete(&waiting), 204);
    assert_eq!(state(&waiting), "cancelled");
    assert_eq!(delete(&running), 204);
    assert_eq!(over(&program, &running)["state"], "cancelled");
    wait_for("the next to run", || (state(&last) == "running").then_some(()));

    // It is asked to stop: what ran will run again.
    assert_eq!(program.stop().0, Some(0));
    let program = Program::start_with("", &settings);
    let get = |program: &Program, id: &Value| program.json(&format!("/api/v1/analyses/{}", id.as_str().unwrap()));
    assert_eq!(get(&program, done.get("id").unwrap()), done);
    assert_eq!(get(&program, &waiting)["state"], "cancelled");
    wait_for("the last to run again", || (get(&program, &last)["state"] == "running").then_some(()));

    // It dies: what ran may be why, and says so.
    signal(program.pid(), "KILL");
    drop(program);
    let program = Program::start_with("", &settings);
    let dead = get(&program, &last);
    assert_eq!((&dead["state"], &dead["error"]["code"]), (&json!("failed"), &json!("interrupted")), "{dead}");
    assert_eq!(program.json("/api/v1/analyses")["analyses"].as_array().unwrap().len(), 4);
}

#[test]
fn who_lowers_what_is_kept_sees_the_oldest_go_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (record, kept) = (folder.path().join("record"), folder.path().join("kept"));
    let settings = [("TRUEVISION__RECORD__FOLDER", &record), ("TRUEVISION__ANALYSES__FOLDER", &kept)];
    let settings = settings.map(|(key, path)| (key, path.to_str().unwrap()));
    let program = Program::start_with("", &settings);
    let photo = std::fs::read(still(&demo("manipulated"), folder.path(), "photo.jpg", "jpegenc")).unwrap();
    let [old, new] = ["old.jpg", "new.jpg"].map(|name| over(&program, &take(&program, name, &photo))["id"].clone());
    // As if it were a long video's result.
    std::fs::write(kept.join(old.as_str().unwrap()).join("result.large"), vec![0; 11 << 20]).unwrap();
    let listed = || {
        let list = program.json("/api/v1/analyses")["analyses"].clone();
        list.as_array().unwrap().iter().map(|analysis| analysis["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(program.patch("/api/v1/settings", &json!({ "analyses.keep_mb": 12 })).0, 200);
    assert_eq!(listed(), [new.clone(), old.clone()]);
    assert_eq!(program.patch("/api/v1/settings", &json!({ "analyses.keep_mb": 10 })).0, 200);
    assert_eq!(listed(), [new]);
    assert!(!kept.join(old.as_str().unwrap()).exists());

    // The evidence's are said as they are in force, and are still there after a restart.
    let change = json!({ "evidence.keep_mb": 500, "evidence.keep_days": 2 });
    assert_eq!(program.patch("/api/v1/settings", &change).0, 200);
    let said = |program: &Program| {
        let evidence = program.json("/api/v1/evidence");
        (evidence["keep_mb"].as_u64(), evidence["keep_days"].as_u64())
    };
    assert_eq!(said(&program), (Some(500), Some(2)));
    assert_eq!(program.stop().0, Some(0));
    assert_eq!(said(&Program::start_with("", &settings)), (Some(500), Some(2)));
}
