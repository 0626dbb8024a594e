//! The whole program on a GPU that fails: it must say so, let verdicts go STALE, and end for its supervisor, never hang and
//! never show an old answer. The GPU is a stand-in (`support/standin`), so this runs on every machine.

mod support;

use std::time::{Duration, Instant};

use support::standin::Gpu;
use support::{Program, demo, wait_for};

/// The exit code that docs/runbook.md promises.
const GPU_LOST: i32 = 3;

fn start(gpu: &Gpu, streams: &[&str]) -> Program {
    let clip = demo("manipulated").display().to_string();
    // As fast as it is judged: no frame is lost on a busy machine.
    let stream = |id: &&str| format!("[[streams]]\nid = {id:?}\nurl = {clip:?}\nrepeat = true\nrealtime = false\n");
    let settings = gpu.settings() + &streams.iter().map(stream).collect::<String>();
    let env = gpu.env();
    let program = Program::start_with(&settings, &env.each_ref().map(|(name, value)| (*name, value.as_str())));
    for id in streams {
        let series = format!("truevision_windows_total{{stream={id:?}}}");
        wait_for("windows", || program.metric(&series).filter(|windows| *windows > 0.0));
    }
    assert_eq!(program.metric("truevision_provider_info{model=\"trial-112\",provider=\"cuda\"}"), Some(1.0));
    program
}

/// A GPU that fails in this way while a face is judged.
fn lose(how: &str, reason: &str) {
    let gpu = Gpu::new();
    let program = start(&gpu, &["door"]);
    let mut events = program.events();
    assert_eq!(program.get("/readyz").0, 200);
    let failed = Instant::now();
    gpu.fail(how);
    events.until("a STALE verdict", |event| event["type"] == "verdict" && event["label"] == "STALE");
    let told = wait_for("readiness to fail", || Some(program.get("/readyz")).filter(|(status, _)| *status == 503)).1;
    assert!(told.contains("the GPU is lost") && told.contains(reason), "{told}");
    assert_eq!(program.stream("door")["verdict"]["label"], "STALE");
    let (code, log) = program.ended();
    assert_eq!(code, Some(GPU_LOST), "{log}");
    assert!(log.contains("the GPU is lost"), "{log}");
    assert!(failed.elapsed() < Duration::from_secs(90), "{:?}", failed.elapsed());
}

#[test]
fn a_lost_gpu_is_told_and_ends_the_program_for_its_supervisor() {
    lose("lost", "CUDA failure 700: an illegal memory access");
}

#[test]
fn a_gpu_that_fails_without_a_reason_is_as_good_as_lost() {
    lose("silent", "enqueue failed");
}

#[test]
fn a_gpu_that_never_answers_again_does_not_hang_the_program() {
    lose("hang", "has not come back");
}

#[test]
fn batches_that_the_memory_does_not_hold_are_halved_said_and_counted() {
    let gpu = Gpu::new();
    let program = start(&gpu, &["a", "b", "c"]);
    gpu.fail("memory 1");
    wait_for("a batch without memory", || {
        program.metric("truevision_out_of_memory_total").filter(|batches| *batches > 0.0)
    });
    let windows = || program.metric("truevision_windows_total{stream=\"a\"}").unwrap();
    let before = windows();
    wait_for("more windows", || Some(windows()).filter(|windows| *windows > before + 16.0));
    assert_eq!(program.metric("truevision_detector_failures_total"), Some(0.0));
    assert_eq!(program.get("/readyz").0, 200);
    let (code, log) = program.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("no memory for a batch"), "{log}");
}
