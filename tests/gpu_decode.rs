//! The whole program on frames that stay in the GPU's memory: decoder, GStreamer's CUDA memory, kernels, faces, verdict. Decoder,
//! driver and GPU are stand-ins (`support/standin`), so this runs on every machine; what is between them is the real thing.

mod support;

use support::standin::Gpu;
use support::{Program, demo, wait_for};

fn start(gpu: &Gpu, decoders: &[&str], cpu_models: bool) -> Program {
    let clip = demo("manipulated").display().to_string();
    let models = if cpu_models { "infer.device = \"cpu\"\n".to_owned() } else { gpu.settings() };
    let stream = |d: &&str| {
        format!("[[streams]]\nid = \"{d}\"\nurl = {clip:?}\nrepeat = true\nrealtime = false\ndecoder = \"{d}\"\n")
    };
    let settings = models + &decoders.iter().map(stream).collect::<String>();
    let env = gpu.env();
    Program::start_with(&settings, &env.each_ref().map(|(name, value)| (*name, value.as_str())))
}

/// Waits until a stream was judged so often.
fn judged(program: &Program, stream: &str, windows: f64) {
    let series = format!("truevision_windows_total{{stream={stream:?}}}");
    wait_for("windows", || program.metric(&series).filter(|scored| *scored >= windows));
}

#[test]
fn frames_that_stay_on_the_gpu_are_judged_and_each_stream_says_what_decodes_it() {
    let gpu = Gpu::new();
    let program = start(&gpu, &["gpu", "cpu", "auto"], true);
    for (stream, decoder, on) in
        [("gpu", "nvh264dec", "gpu"), ("cpu", "avdec_h264", "cpu"), ("auto", "nvh264dec", "gpu")]
    {
        judged(&program, stream, 8.0);
        assert_eq!(program.stream(stream)["decoder"], decoder);
        let series = format!("truevision_decoder_info{{decoder={decoder:?},on={on:?},stream={stream:?}}}");
        assert_eq!(program.metric(&series), Some(1.0), "{series}");
        let lost = format!("truevision_frames_dropped_total{{reason=\"not_analysable\",stream={stream:?}}}");
        assert_eq!(program.metric(&lost), Some(0.0));
        assert_eq!(program.stream(stream)["dropped"].get("damaged"), None, "{}", program.stream(stream));
    }
    // The same face of the same clip, whatever decoded it.
    let face = |stream: &str| program.stream(stream)["verdict"]["faces"][0]["quality"]["side_px"].as_f64();
    let [on_gpu, on_cpu] = ["gpu", "cpu"].map(|stream| wait_for("a face", || face(stream)));
    assert!((on_gpu / on_cpu - 1.0).abs() < 0.25, "{on_gpu} px and {on_cpu} px");
    let (code, log) = program.stop();
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn a_gpu_that_is_lost_under_the_kernels_ends_the_program_as_well() {
    let gpu = Gpu::new();
    let program = start(&gpu, &["gpu"], true);
    judged(&program, "gpu", 1.0);
    let mut events = program.events();
    gpu.fail("lost");
    events.until("a STALE verdict", |event| event["type"] == "verdict" && event["label"] == "STALE");
    let (code, log) = program.ended();
    assert_eq!(code, Some(3), "{log}");
    assert!(log.contains("the GPU is lost: CUDA failure 700"), "{log}");
}
