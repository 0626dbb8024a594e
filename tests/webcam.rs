//! A webcam from its plug to a verdict: the real program and GStreamer's real v4l2src, with the kernel's side of the device
//! played by support/webcam.c. A camera that is pulled out is said to be gone and comes back when it is there again.

mod support;

use std::path::Path;
use std::process::Command;

use support::{Program, demo, pipeline, root, still, wait_for};

const SIZE: (usize, usize) = (640, 480);

/// The library that plays the device.
fn device(folder: &Path) -> String {
    let library = folder.join("webcam.so").display().to_string();
    let source = root().join("tests/support/webcam.c");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o", &library]).arg(source).arg("-ldl").status();
    assert!(built.expect("set-up installs a C compiler").success());
    library
}

fn plug(folder: &Path, format: &str) {
    let written = folder.join("format.new");
    std::fs::write(&written, format!("{format} {} {}", SIZE.0, SIZE.1)).unwrap();
    std::fs::rename(written, folder.join("format")).unwrap();
}

fn unplug(folder: &Path) {
    std::fs::remove_file(folder.join("format")).unwrap();
}

fn start(folder: &Path) -> Program {
    let settings = "[[streams]]\nid = \"desk\"\nurl = \"/dev/video97\"\n";
    Program::start_with(settings, &[("LD_PRELOAD", &device(folder)), ("WEBCAM", &folder.display().to_string())])
}

fn wait_for_face(program: &Program) {
    let mut told = program.events();
    told.until("a face in the webcam's picture", |event| {
        event["type"] == "verdict" && event["faces"].as_array().is_some_and(|faces| !faces.is_empty())
    });
}

#[test]
fn a_raw_webcam_is_judged_and_survives_being_pulled_out() {
    let folder = tempfile::tempdir().unwrap();
    let frame = folder.path().join("frame");
    pipeline(&format!(
        "filesrc location={:?} ! decodebin ! videoconvert ! videoscale ! video/x-raw,format=YUY2,width={},height={} ! \
         filesink location={frame:?}",
        demo("untouched").display(),
        SIZE.0,
        SIZE.1
    ));
    std::fs::File::options().write(true).open(&frame).unwrap().set_len((2 * SIZE.0 * SIZE.1) as u64).unwrap();
    plug(folder.path(), "YUYV");
    let program = start(folder.path());
    wait_for_face(&program);
    assert_eq!(program.stream("desk")["width"], SIZE.0, "{}", program.stream("desk"));

    unplug(folder.path());
    wait_for("the fault", || (program.stream("desk")["state"] == "fault").then_some(()));
    let stream = program.stream("desk");
    assert!(stream["fault"]["message"].as_str().is_some_and(|text| text.contains("/dev/video97")), "{stream}");

    plug(folder.path(), "YUYV");
    wait_for("the camera's return", || (program.stream("desk")["state"] == "live").then_some(()));
    wait_for_face(&program);
}

#[test]
fn a_webcam_that_sends_jpegs_is_judged() {
    let folder = tempfile::tempdir().unwrap();
    let scale = format!("videoscale ! video/x-raw,width={},height={} ! jpegenc", SIZE.0, SIZE.1);
    still(&demo("untouched"), folder.path(), "frame", &scale);
    plug(folder.path(), "MJPG");
    let program = start(folder.path());
    wait_for_face(&program);
    assert_eq!(program.stream("desk")["decoder"], "jpegdec", "{}", program.stream("desk"));
}
