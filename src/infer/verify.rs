//! What can be wrong with a contract: its keys and types, its values, the files' hashes, the graphs' tensors.
//! Each function gives every fault it finds, as "key: expected ..., got ...". Called by `contract`.

use std::fmt::{Display, Write};
use std::ops::RangeInclusive;
use std::path::Path;

use sha2::{Digest, Sha256};
use toml::{Table, Value};

use super::contract::{Contract, CropRule, EncoderGraph, HeadGraph, QualityGate, Reference, ScoreRule, WindowRule};
use super::{Element, Session, Tensor};

/// Keys that may be left out.
const OPTIONAL: [&str; 1] = ["head.synthetic_logit"];

fn fault(key: impl Display, expected: impl Display, got: impl Display) -> String {
    format!("{key}: expected {expected}, got {got}")
}

/// Unknown and missing keys and wrong types of the parsed file, told by a specimen that has every key.
pub(super) fn shape(got: &Table) -> Vec<String> {
    let mut faults = Vec::new();
    // Invariant: a struct of strings, numbers and structs always has a table form.
    let specimen = Table::try_from(specimen()).expect("the specimen is a table");
    compare("", &specimen, got, &mut faults);
    faults
}

fn compare(prefix: &str, specimen: &Table, got: &Table, faults: &mut Vec<String>) {
    for (key, value) in got {
        let path = format!("{prefix}{key}");
        match (specimen.get(key), value) {
            (None, _) => faults.push(format!("{path}: unknown key")),
            (Some(Value::Table(specimen)), Value::Table(got)) => compare(&format!("{path}."), specimen, got, faults),
            (Some(Value::Float(_)), Value::Integer(_)) => {}
            (Some(Value::Array(_)), Value::Array(values)) => {
                for (i, v) in values.iter().enumerate().filter(|(_, v)| !v.is_float() && !v.is_integer()) {
                    faults.push(fault(format_args!("{path}[{i}]"), "a float", v.type_str()));
                }
            }
            (Some(expected), got) if !expected.same_type(got) => {
                faults.push(fault(path, format_args!("a value of type {}", expected.type_str()), got.type_str()));
            }
            _ => {}
        }
    }
    for key in specimen.keys().filter(|key| !got.contains_key(*key)) {
        let path = format!("{prefix}{key}");
        if !OPTIONAL.contains(&path.as_str()) {
            faults.push(format!("{path}: missing"));
        }
    }
}

/// Every key with some value of its type.
fn specimen() -> Contract {
    let text = String::new;
    Contract {
        name: text(),
        version: text(),
        date: text(),
        commit: text(),
        trial: true,
        note: text(),
        licence: text(),
        encoder: EncoderGraph { file: text(), sha256: text(), opset: 0, input: text(), output: text(), dim: 0 },
        head: HeadGraph {
            file: text(),
            sha256: text(),
            opset: 0,
            input: text(),
            fake_logit: text(),
            synthetic_logit: Some(text()),
            attention: text(),
        },
        crop: CropRule { size: 0, side: 0.0, center: 0.0 },
        window: WindowRule { frames: 0, rate_hz: 0.0, tolerance: 0.0, stride: 0 },
        quality: QualityGate {
            min_side_px: 0.0,
            min_sharpness: 0.0,
            min_luma: 0.0,
            max_luma: 0.0,
            max_yaw_deg: 0.0,
            max_pitch_deg: 0.0,
            max_outside: 0.0,
        },
        score: ScoreRule {
            temperature: 0.0,
            bias: 0.0,
            synthetic_at: 0.0,
            fake_at: 0.0,
            real_at: 0.0,
            real_side_px: 0.0,
        },
        reference: Reference {
            seed: 0,
            embedding: Vec::new(),
            fake_logit: 0.0,
            tolerance_cpu: 0.0,
            tolerance_gpu: 0.0,
        },
    }
}

/// Impossible values.
pub(super) fn values(c: &Contract) -> Vec<String> {
    let mut faults = Vec::new();
    let mut within = |key: &str, value: f64, range: RangeInclusive<f64>| {
        // NaN is in no range.
        if !range.contains(&value) {
            faults.push(fault(key, format_args!("{} to {}", range.start(), range.end()), value));
        }
    };
    within("encoder.opset", c.encoder.opset.into(), 7.0..=30.0);
    within("encoder.dim", c.encoder.dim as f64, 1.0..=8192.0);
    within("head.opset", c.head.opset.into(), 7.0..=30.0);
    within("crop.size", c.crop.size.into(), 64.0..=512.0);
    within("crop.side", c.crop.side.into(), 1.0..=10.0);
    within("crop.center", c.crop.center.into(), -1.0..=2.0);
    within("window.frames", c.window.frames as f64, 1.0..=64.0);
    within("window.rate_hz", c.window.rate_hz, 0.5..=60.0);
    within("window.tolerance", c.window.tolerance, 0.05..=0.95);
    within("window.stride", c.window.stride as f64, 1.0..=64.0);
    within("quality.min_side_px", c.quality.min_side_px.into(), 0.0..=4096.0);
    within("quality.min_sharpness", c.quality.min_sharpness.into(), 0.0..=1e6);
    within("quality.min_luma", c.quality.min_luma.into(), 0.0..=255.0);
    within("quality.max_luma", c.quality.max_luma.into(), c.quality.min_luma.max(0.0).into()..=255.0);
    within("quality.max_yaw_deg", c.quality.max_yaw_deg.into(), 0.0..=180.0);
    within("quality.max_pitch_deg", c.quality.max_pitch_deg.into(), 0.0..=180.0);
    within("quality.max_outside", c.quality.max_outside.into(), 0.0..=1.0);
    within("score.temperature", c.score.temperature.into(), 0.01..=100.0);
    within("score.bias", c.score.bias.into(), -100.0..=100.0);
    within("score.synthetic_at", c.score.synthetic_at.into(), 0.5..=1.0);
    within("score.fake_at", c.score.fake_at.into(), 0.5..=1.0);
    within("score.real_at", c.score.real_at.into(), 0.0..=0.5);
    within("score.real_side_px", c.score.real_side_px.into(), 0.0..=4096.0);
    within("reference.seed", c.reference.seed.into(), 1.0..=u32::MAX.into());
    within("reference.fake_logit", c.reference.fake_logit.into(), -1e6..=1e6);
    within("reference.tolerance_cpu", c.reference.tolerance_cpu.into(), 1e-6..=1.0);
    within("reference.tolerance_gpu", c.reference.tolerance_gpu.into(), 1e-6..=1.0);
    within("length of reference.embedding", c.reference.embedding.len() as f64, 1.0..=c.encoder.dim as f64);
    for (i, &value) in c.reference.embedding.iter().enumerate() {
        within(&format!("reference.embedding[{i}]"), value.into(), -1e6..=1e6);
    }

    for (key, value) in [("name", &c.name), ("encoder.file", &c.encoder.file), ("head.file", &c.head.file)] {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        if value.is_empty() || value.starts_with('.') || !value.bytes().all(plain) {
            faults.push(fault(key, "a plain name of a-z A-Z 0-9 - _ .", format_args!("{value:?}")));
        }
    }
    for (key, value) in [("encoder.sha256", &c.encoder.sha256), ("head.sha256", &c.head.sha256)] {
        if value.len() != 64 || !value.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            faults.push(fault(key, "64 lower-case hex digits", format_args!("{value:?}")));
        }
    }
    let mut tensors = vec![
        ("encoder.input", &c.encoder.input),
        ("encoder.output", &c.encoder.output),
        ("head.input", &c.head.input),
        ("head.fake_logit", &c.head.fake_logit),
        ("head.attention", &c.head.attention),
    ];
    tensors.extend(c.head.synthetic_logit.iter().map(|name| ("head.synthetic_logit", name)));
    for (key, value) in tensors {
        if value.is_empty() || value.contains('\0') {
            faults.push(fault(key, "a tensor's name", format_args!("{value:?}")));
        }
    }
    faults
}

/// Graph files that cannot be read or are not those that were exported.
pub(super) fn hashes(c: &Contract, dir: &Path) -> Vec<String> {
    let graphs = [("encoder", &c.encoder.file, &c.encoder.sha256), ("head", &c.head.file, &c.head.sha256)];
    let check = |(key, file, expected): (&str, &String, &String)| match std::fs::read(dir.join(file)) {
        Err(e) => Some(fault(format_args!("{key}.file"), file, e)),
        Ok(bytes) => {
            let got = hex(&Sha256::digest(&bytes));
            (got != *expected).then(|| fault(format_args!("{key}.sha256 of {file}"), expected, got))
        }
    };
    graphs.into_iter().filter_map(check).collect()
}

/// Lower case.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The encoder's declared tensors and opset.
pub(super) fn encoder(c: &Contract, session: &Session) -> Vec<String> {
    let size = Some(c.crop.size as usize);
    let mut faults = Vec::new();
    opset("encoder", c.encoder.opset, session, &mut faults);
    let input = tensor(&c.encoder.input, Element::U8, [None, size, size, Some(3)].into());
    inputs("encoder.input", input, session, &mut faults);
    let output = tensor(&c.encoder.output, Element::F32, [None, Some(c.encoder.dim)].into());
    declared("encoder.output", &output, session.outputs(), &mut faults);
    faults
}

/// The head's declared tensors and opset.
pub(super) fn head(c: &Contract, session: &Session) -> Vec<String> {
    let frames = Some(c.window.frames);
    let mut faults = Vec::new();
    opset("head", c.head.opset, session, &mut faults);
    let input = tensor(&c.head.input, Element::F32, [None, frames, Some(c.encoder.dim)].into());
    inputs("head.input", input, session, &mut faults);
    let logit = |name: &str| tensor(name, Element::F32, [None].into());
    declared("head.fake_logit", &logit(&c.head.fake_logit), session.outputs(), &mut faults);
    if let Some(name) = &c.head.synthetic_logit {
        declared("head.synthetic_logit", &logit(name), session.outputs(), &mut faults);
    }
    let attention = tensor(&c.head.attention, Element::F32, [None, frames].into());
    declared("head.attention", &attention, session.outputs(), &mut faults);
    faults
}

fn tensor(name: &str, element: Element, shape: Vec<Option<usize>>) -> Tensor {
    Tensor { name: name.into(), element, shape }
}

fn opset(graph: &str, expected: u32, session: &Session, faults: &mut Vec<String>) {
    if session.opset() != Some(expected) {
        let got = session.opset().map_or("none".into(), |opset| opset.to_string());
        faults.push(fault(format_args!("{graph}.opset"), expected, got));
    }
}

/// The one input a graph may have.
fn inputs(key: &str, expected: Tensor, session: &Session, faults: &mut Vec<String>) {
    declared(key, &expected, session.inputs(), faults);
    if session.inputs().len() != 1 {
        faults.push(fault(key, "one input", list(session.inputs())));
    }
}

fn declared(key: &str, expected: &Tensor, got: &[Tensor], faults: &mut Vec<String>) {
    if !got.contains(expected) {
        faults.push(fault(key, expected, list(got)));
    }
}

fn list(tensors: &[Tensor]) -> String {
    tensors.iter().map(Tensor::to_string).collect::<Vec<_>>().join(" and ")
}
