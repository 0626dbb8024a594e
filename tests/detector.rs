//! The detector with the real ONNX Runtime and the real trial model: streams that share batches neither mix nor
//! disturb each other, every face gets its evidence, and a model that is not what its contract says is refused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use truevision::crops::{Candidate, Quality, Reject};
use truevision::detector::{Analysis, Config, Detector, Evidence, Model, Score, StreamId, WhenFull, Work};
use truevision::faces::{Landmarks, Rect};
use truevision::infer;
use truevision::metrics::Metrics;
use truevision::source::Stamp;

fn model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models/trial-112")
}

fn on_cpu() -> infer::Config {
    infer::Config { device: infer::Device::Cpu, ..Default::default() }
}

fn start(config: &Config, sink: impl FnMut(Analysis) + Send + 'static) -> Detector {
    let model = Model::load(config, &on_cpu()).expect("run `make setup` first");
    Detector::start(model, config, Arc::new(Metrics::new()), sink).unwrap()
}

/// A batch waits long enough to hold everything that a test submits at once.
fn patient() -> Config {
    Config { model: model().display().to_string(), batch_max: 16, batch_wait_ms: 100, queue: 64 }
}

fn stamp(number: u64) -> Stamp {
    Stamp {
        number,
        epoch: 1,
        pts: Duration::from_millis(number * 125),
        arrived: Instant::now(),
        captured: SystemTime::UNIX_EPOCH,
        width: 640,
        height: 480,
    }
}

/// A face whose crop is noise of its own, so that no two crops have the same embedding.
fn face(track: u64, seed: u64) -> Candidate {
    let mut random = fastrand::Rng::with_seed(seed);
    let crop = (0..112 * 112 * 3).map(|_| random.u8(..)).collect();
    candidate(track, Ok(crop))
}

fn candidate(track: u64, crop: Result<Arc<[u8]>, Vec<Reject>>) -> Candidate {
    Candidate {
        track,
        rect: Rect::default(),
        landmarks: Landmarks::default(),
        quality: Quality { weight: 0.5, ..Default::default() },
        crop,
    }
}

fn work(stream: &str, number: u64, faces: Vec<Candidate>) -> Work {
    Work { stream: StreamId::from(stream), stamp: stamp(number), faces, picture: None }
}

/// A stream's frames: two faces each, the second turning up and going.
fn frames(stream: &str, count: u64) -> Vec<Work> {
    let seed = |track: u64, number: u64| u64::from(stream.as_bytes()[0]) * 10_000 + track * 1_000 + number;
    let faces = |number: u64| {
        let mut faces = vec![face(1, seed(1, number))];
        if number % 11 != 5 {
            faces.push(face(2, seed(2, number)));
        }
        faces
    };
    (0..count).map(|number| work(stream, number, faces(number))).collect()
}

/// What came out, by stream: frame number, then track and evidence.
type Told = BTreeMap<String, Vec<(u64, Vec<(u64, Told1)>)>>;

/// Evidence that can be compared.
#[derive(Clone, Debug, PartialEq)]
enum Told1 {
    Score(Score),
    Gathering(usize),
    Rejected(Vec<Reject>),
    Failed,
}

fn told(evidence: &Evidence) -> Told1 {
    match evidence {
        Evidence::Score(score) => Told1::Score(score.clone()),
        Evidence::Gathering { have } => Told1::Gathering(*have),
        Evidence::Rejected(reasons) => Told1::Rejected(reasons.clone()),
        Evidence::Failed => Told1::Failed,
    }
}

/// Runs all work through a detector of its own, which is drained by dropping it.
fn run(config: &Config, all: Vec<Work>) -> Told {
    let out = Arc::new(Mutex::new(Told::new()));
    let sink = out.clone();
    let detector = start(config, move |analysis| {
        let faces = analysis.faces.iter().map(|f| (f.track, told(&f.evidence))).collect();
        sink.lock().unwrap().entry(analysis.stream.to_string()).or_default().push((analysis.stamp.number, faces));
    });
    for work in all {
        assert!(detector.submit(work, WhenFull::Wait));
    }
    drop(detector);
    Arc::into_inner(out).unwrap().into_inner().unwrap()
}

/// One frame of each stream in turn.
fn interleave(streams: Vec<Vec<Work>>) -> Vec<Work> {
    let mut streams: Vec<_> = streams.into_iter().map(Vec::into_iter).collect();
    let mut all = Vec::new();
    while !streams.is_empty() {
        streams.retain_mut(|stream| stream.next().map(|work| all.push(work)).is_some());
    }
    all
}

#[test]
fn streams_that_share_batches_get_what_they_get_alone() {
    let names = ["a", "b", "c"];
    let alone = Config { batch_max: 1, batch_wait_ms: 0, ..patient() };
    let mut expected = Told::new();
    for name in names {
        expected.extend(run(&alone, frames(name, 24)));
    }
    let mixed = run(&patient(), interleave(names.map(|name| frames(name, 24)).into()));
    assert_eq!(mixed, expected);

    for (stream, frames) in &mixed {
        let numbers: Vec<u64> = frames.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, (0..24).collect::<Vec<_>>(), "order of {stream}");
        let scores = |track: u64| {
            let evidence = frames.iter().flat_map(|(_, faces)| faces).filter(move |(t, _)| *t == track);
            evidence.filter(|(_, e)| matches!(e, Told1::Score(_))).count()
        };
        // Track 1: every frame from the eighth. Track 2 misses frames 5 and 16: its only run of eight is 6-15.
        assert_eq!((scores(1), scores(2)), (17, 3), "windows of {stream}");
    }
}

#[test]
fn a_bad_crop_fails_alone_and_a_rejected_face_keeps_its_reasons() {
    let bad = |number: u64| {
        let short = candidate(3, Ok(vec![0; 5].into()));
        let rejected = candidate(4, Err(vec![Reject::Blurred, Reject::Dark]));
        work("bad", number, vec![short, rejected])
    };
    let expected = run(&patient(), frames("a", 10));
    let mixed = run(&patient(), interleave(vec![(0..10).map(bad).collect(), frames("a", 10)]));
    assert_eq!(mixed["a"], expected["a"]);
    for (_, faces) in &mixed["bad"] {
        let reasons = Told1::Rejected(vec![Reject::Blurred, Reject::Dark]);
        assert_eq!(*faces, [(3, Told1::Failed), (4, reasons)]);
    }
}

#[test]
fn a_forgotten_stream_starts_from_nothing() {
    let (sender, receiver) = channel();
    let detector = start(&patient(), move |analysis| drop(sender.send(analysis)));
    let all = frames("a", 9);
    let mut next = |work: Work| {
        assert!(detector.submit(work, WhenFull::Wait));
        told(&receiver.recv().unwrap().faces[0].evidence)
    };
    let mut all = all.into_iter();
    let evidence: Vec<Told1> = all.by_ref().take(8).map(&mut next).collect();
    assert!(matches!(evidence[7], Told1::Score(_)), "{:?}", evidence[7]);
    detector.forget(&StreamId::from("a"));
    assert_eq!(all.next().map(next), Some(Told1::Gathering(1)));
}

/// A detector whose sink stops at a gate, so that the queue fills up.
fn gated(queue: usize) -> (Detector, Receiver<u64>, Sender<()>) {
    let (told, heard) = channel();
    let (open, gate) = channel::<()>();
    let config = Config { queue, batch_max: 1, batch_wait_ms: 0, ..patient() };
    let detector = start(&config, move |analysis| {
        let _ = told.send(analysis.stamp.number);
        let _ = gate.recv();
    });
    (detector, heard, open)
}

#[test]
fn a_full_queue_refuses_live_work_and_loses_nothing_it_took() {
    let (detector, heard, open) = gated(2);
    let submit = |number| detector.submit(work("a", number, vec![face(1, number)]), WhenFull::Drop);
    assert!(submit(0));
    // The thread has taken frame 0 and stands at the gate: two more fit into the queue.
    assert_eq!(heard.recv(), Ok(0));
    assert_eq!([submit(1), submit(2), submit(3)], [true, true, false]);
    drop(open);
    drop(detector);
    assert_eq!(heard.iter().collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_sink_that_panics_costs_one_analysis() {
    let (sender, receiver) = channel();
    let detector = start(&patient(), move |analysis| {
        assert_ne!(analysis.stamp.number, 1, "this panic is part of the test");
        let _ = sender.send(analysis.stamp.number);
    });
    for number in 0..3 {
        assert!(detector.submit(work("a", number, vec![]), WhenFull::Wait));
    }
    assert_eq!(receiver.recv(), Ok(0));
    assert_eq!(receiver.recv(), Ok(2));
    assert_eq!(detector.fault(), None);
}

#[test]
fn it_says_what_it_runs_on_and_auto_says_why_not_better() {
    let metrics = Arc::new(Metrics::new());
    let model = Model::load(&patient(), &infer::Config::default()).unwrap();
    let passed_over = model.passed_over().to_vec();
    let detector = Detector::start(model, &patient(), metrics.clone(), drop).unwrap();
    assert_eq!(metrics.provider.with_label_values(&[detector.provider(), "trial-112"]).get(), 1);
    if detector.provider() == "cpu" {
        let names: Vec<&str> = passed_over.iter().map(|p| p.provider.name()).collect();
        assert_eq!(names, ["tensorrt", "tensorrt_rtx", "cuda"]);
        assert!(passed_over.iter().all(|p| !p.why.is_empty()));
    }
}

#[test]
fn a_named_device_that_is_not_there_is_an_error() {
    let auto = Model::load(&patient(), &infer::Config::default()).unwrap();
    // With a GPU the named device works; without one it must not become the CPU.
    if auto.provider() != "cpu" {
        return;
    }
    for (device, name, why) in [
        (infer::Device::Cuda, "cuda", "onnx runtime"),
        (infer::Device::Tensorrt, "tensorrt", "onnx runtime"),
        (infer::Device::TensorrtRtx, "tensorrt_rtx", "infer.rtx_plugin"),
    ] {
        let error = Model::load(&patient(), &infer::Config { device, ..Default::default() }).err().unwrap().to_string();
        let named = format!("device {name} cannot be used");
        assert!(error.contains(&named) && error.contains(why) && error.contains("infer.device"), "{error}");
    }
}

#[test]
fn a_plug_in_that_is_none_is_passed_over_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libnone.so");
    std::fs::write(&library, "no library").unwrap();
    for plug_in in [library, folder.path().join("missing.so")] {
        let config = infer::Config { rtx_plugin: plug_in.display().to_string(), ..Default::default() };
        let model = Model::load(&patient(), &config).unwrap();
        let rtx = model.passed_over().iter().find(|p| p.provider.name() == "tensorrt_rtx");
        // Only a better rung that works is not passed over.
        if let Some(rtx) = rtx {
            assert!(rtx.why.contains(&*plug_in.file_name().unwrap().to_string_lossy()), "{}", rtx.why);
        }
    }
}

#[test]
fn a_session_names_the_tensor_it_lacks_and_survives_a_wrong_shape() {
    let mut session = infer::Session::load(&model().join("encoder.onnx"), &on_cpu()).unwrap();
    let crop = vec![0; 112 * 112 * 3];
    let mut run = |input: &str, shape: &[usize], output: &str| {
        session
            .run_u8(input, shape, &crop, &[output])
            .map(|answer| answer[0].shape().to_vec())
            .map_err(|e| e.to_string())
    };
    let shape = [1, 112, 112, 3];
    let error = run("crop", &shape, "embeddings").unwrap_err();
    assert!(error.contains("no input named \"crop\", it has crops"), "{error}");
    let error = run("crops", &shape, "").unwrap_err();
    assert!(error.contains("no output named \"\", it has embeddings"), "{error}");
    let error = run("crops", &[2, 112, 112, 3], "embeddings").unwrap_err();
    assert!(error.contains("failed on input [2, 112, 112, 3]"), "{error}");
    let error = run("crops", &[1, 3, 112, 112], "embeddings").unwrap_err();
    assert!(error.contains("failed on input [1, 3, 112, 112]"), "{error}");
    assert_eq!(run("crops", &shape, "embeddings"), Ok(vec![1, 384]));
}

/// The error of loading a copy of the trial model that `spoil` has changed.
fn refused(spoil: impl FnOnce(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    for file in ["model.toml", "encoder.onnx", "head.onnx"] {
        std::fs::copy(model().join(file), folder.path().join(file)).unwrap();
    }
    spoil(folder.path());
    let config = Config { model: folder.path().display().to_string(), ..Config::default() };
    Model::load(&config, &on_cpu()).err().expect("a spoilt model is refused").to_string()
}

/// Replaces text in the copy's contract.
fn rewrite(folder: &Path, replacements: &[(&str, &str)]) {
    let path = folder.join("model.toml");
    let mut text = std::fs::read_to_string(&path).unwrap();
    for (from, to) in replacements {
        assert!(text.contains(from), "model.toml has no {from:?}");
        text = text.replace(from, to);
    }
    std::fs::write(path, text).unwrap();
}

#[test]
fn a_graph_that_is_not_the_exported_one_is_refused() {
    let error = refused(|folder| {
        let path = folder.join("head.onnx");
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(path, bytes).unwrap();
    });
    let contract = infer::contract::Contract::load(&model()).unwrap();
    assert!(error.contains("head.sha256") && error.contains(&contract.head.sha256), "{error}");

    let error = refused(|folder| std::fs::remove_file(folder.join("encoder.onnx")).unwrap());
    assert!(error.contains("encoder.file: expected encoder.onnx"), "{error}");

    let error = refused(|folder| std::fs::remove_file(folder.join("model.toml")).unwrap());
    assert!(error.contains("model.toml"), "{error}");
}

#[test]
fn a_file_that_is_no_graph_is_refused_whatever_its_hash() {
    let error = refused(|folder| {
        let contract = infer::contract::Contract::load(folder).unwrap();
        std::fs::write(folder.join("head.onnx"), "not a graph").unwrap();
        // SHA-256 of that text.
        let hash = "895e68762bdb5ab0ea5d47bb1e70087dc75c721be8bf957051796f004e80ba23";
        rewrite(folder, &[(&contract.head.sha256, hash)]);
    });
    assert!(error.contains("head.onnx"), "{error}");
}

#[test]
fn graphs_that_are_not_what_the_contract_says_are_refused_with_all_differences() {
    let error = refused(|folder| {
        rewrite(
            folder,
            &[
                ("input = \"crops\"", "input = \"pictures\""),
                ("dim = 384", "dim = 256"),
                ("attention = \"attention\"", "attention = \"gaze\""),
            ],
        );
    });
    for expected in [
        "encoder.input: expected pictures [?, 112, 112, 3] u8, got crops [?, 112, 112, 3] u8",
        "encoder.output: expected embeddings [?, 256] f32, got embeddings [?, 384] f32",
        "head.input: expected window [?, 8, 256] f32, got window [?, 8, 384] f32",
        "head.attention: expected gaze [?, 8] f32",
    ] {
        assert!(error.contains(expected), "{expected} in {error}");
    }
    let error = refused(|folder| rewrite(folder, &[("opset = 17", "opset = 18")]));
    assert!(error.contains("encoder.opset: expected 18, got 17"), "{error}");
    assert!(error.contains("head.opset: expected 18, got 17"), "{error}");
}

#[test]
fn graphs_that_answer_otherwise_than_the_reference_are_refused() {
    let contract = infer::contract::Contract::load(&model()).unwrap();
    let logit = contract.reference.fake_logit;
    let error = refused(|folder| {
        let line = |logit: f32| format!("\nfake_logit = {logit}\n");
        rewrite(folder, &[(&line(logit), &line(logit + 0.5))]);
    });
    assert!(error.contains(&format!("reference.fake_logit: expected {}", logit + 0.5)), "{error}");
    assert!(error.contains("got") && error.contains("on cpu"), "{error}");
}
