//! `truevision score` as a user runs it: the same file gives the same bytes, and bad files a clear error.

mod support;

use serde_json::Value;
use support::{demo, text, truevision};

fn score(files: &[&str]) -> (Option<i32>, Vec<Value>, String) {
    let output = truevision(&[&["score", "--json"], files].concat());
    let lines = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (output.status.code(), lines, text(&output.stderr))
}

#[test]
fn a_clip_is_scored_the_same_way_every_time() {
    let clip = demo("manipulated").display().to_string();
    let (code, first, log) = score(&[&clip]);
    assert_eq!(code, Some(0), "{log}");
    let scored = &first[0];
    for key in
        ["file", "verdict", "fake_confidence", "duration_secs", "frames", "faces", "windows", "tracks", "timeline"]
    {
        assert!(!scored[key].is_null(), "{key} is missing in {scored}");
    }
    assert!(scored["windows"].as_u64().unwrap() > 20, "{scored}");
    assert_eq!(scored["tracks"].as_array().unwrap().len(), 1, "one person, one track");
    let (_, again, _) = score(&[&clip, &clip]);
    assert_eq!(again, [first[0].clone(), first[0].clone()]);
}

#[test]
fn the_manipulated_clip_leans_further_to_fake_than_the_untouched_one() {
    let (_, scored, _) = score(&[&demo("untouched").display().to_string(), &demo("manipulated").display().to_string()]);
    let [untouched, manipulated] = [0, 1].map(|i: usize| scored[i]["fake_confidence"].as_f64().unwrap());
    assert!(manipulated > untouched, "{manipulated} against {untouched}");
}

#[test]
fn a_picture_is_one_window_and_says_so_when_that_is_not_enough() {
    let dir = tempfile::tempdir().unwrap();
    for (name, encoder) in [("photo.jpg", "jpegenc"), ("photo.png", "pngenc"), ("photo.webp", "webpenc")] {
        let path = support::still(&demo("manipulated"), dir.path(), name, encoder);
        let (code, scored, said) = score(&[&path]);
        assert_eq!(code, Some(0), "{said}");
        let picture = &scored[0];
        let count = |key: &str| picture[key].as_u64().unwrap();
        assert_eq!((count("frames"), count("analysed"), count("faces"), count("windows")), (1, 1, 1, 1), "{picture}");
        assert_eq!((picture["width"].as_u64(), picture["height"].as_u64()), (Some(1280), Some(720)));
        let face = &picture["timeline"][0]["faces"][0];
        assert_eq!(face["attention"].as_array().unwrap().len(), 8, "{face}");
        let (fake, reasons) = (picture["fake_confidence"].as_f64().unwrap(), picture["reasons"].to_string());
        let expected = match fake {
            0.85.. => ("FAKE", "[]"),
            0.7.. => ("UNCERTAIN", r#"["still_picture"]"#),
            0.3.. => ("UNCERTAIN", r#"["between_thresholds"]"#),
            0.15.. => ("UNCERTAIN", r#"["still_picture"]"#),
            _ => ("REAL", "[]"),
        };
        assert_eq!((picture["verdict"].as_str().unwrap(), reasons.as_str()), expected, "{fake}");
    }
}

#[test]
fn a_picture_without_a_face_is_uncertain() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("one.png");
    support::pipeline(&format!(
        "videotestsrc num-buffers=1 ! video/x-raw,width=1,height=1 ! videoconvert ! pngenc ! filesink location={path:?}"
    ));
    let (code, scored, said) = score(&[&path.display().to_string()]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!((&scored[0]["verdict"], &scored[0]["reasons"][0]), (&"UNCERTAIN".into(), &"no_face".into()));
}

#[test]
fn what_cannot_be_read_is_said_and_the_other_files_are_scored() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let text_file = file("text.mp4", b"this is no video\n");
    let empty = file("empty.mp4", b"");
    let missing = dir.path().join("missing.mp4").display().to_string();
    let clip = demo("untouched").display().to_string();
    let (code, scored, said) = score(&[&text_file, &empty, &missing, &clip]);
    assert_eq!(code, Some(2));
    assert_eq!(scored.len(), 1);
    assert_eq!(scored[0]["file"], clip);
    for name in ["text.mp4", "empty.mp4", "missing.mp4"] {
        assert!(said.contains(name), "{said}");
    }
}

#[test]
fn a_truncated_clip_is_scored_as_far_as_it_goes_or_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(demo("untouched")).unwrap();
    let path = dir.path().join("half.mp4");
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let (code, scored, said) = score(&[&path.display().to_string()]);
    match code {
        Some(0) => assert!(scored[0]["frames"].as_u64().unwrap() > 0),
        Some(2) => assert!(said.contains("half.mp4"), "{said}"),
        other => panic!("exit code {other:?}: {said}"),
    }
}
