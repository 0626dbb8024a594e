//! Tool: ONNX Runtime (the only user of `ort`). In: an ONNX file and the device wanted. Out: a [`Session`] that runs,
//! and what it really runs on. Used by `faces` and `detector`.

pub mod contract;
mod engines;
pub mod health;
mod ladder;
mod library;
mod portion;
mod session;
mod verify;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::faults::Faults;

pub use ladder::{PassedOver, Provider};
pub use session::{Element, Session, Tensor};

/// Where models may run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// The best that works here; what was chosen, and why not better, is logged and exported.
    #[default]
    Auto,
    Cpu,
    Cuda,
    Tensorrt,
    TensorrtRtx,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub device: Device,
    /// ONNX Runtime's shared library; empty: ORT_DYLIB_PATH, else what set-up fetched.
    pub onnxruntime: String,
    /// The TensorRT-RTX plug-in's shared library; empty: that device is not tried.
    pub rtx_plugin: String,
    /// Folder for TensorRT's engines, which take minutes to build; empty: in the user's cache.
    pub engines: String,
    /// Threads one model call may use, 1-64.
    pub threads: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            device: Device::Auto,
            onnxruntime: String::new(),
            rtx_plugin: String::new(),
            engines: String::new(),
            threads: 1,
        }
    }
}

impl Config {
    pub fn check(&self, faults: &mut Faults) {
        if !(1..=64).contains(&self.threads) {
            faults.push(("threads".into(), format!("must be 1-64, got {}; 1 is best for many streams", self.threads)));
        }
    }
}

/// What can go wrong between an ONNX file and an answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("onnx runtime library not found, tried {tried}; run `make setup`, or name it with infer.onnxruntime")]
    LibraryMissing { tried: String },
    #[error(
        "onnx runtime library {path} cannot be used: {why}; run `make setup`, or name another with infer.onnxruntime"
    )]
    Library { path: PathBuf, why: String },
    #[error("device {wanted} cannot be used for {path}: {why}; set infer.device to auto or cpu")]
    Device { wanted: Provider, path: PathBuf, why: String },
    #[error("model {path} cannot be loaded: {why}; run `make setup`, or export it again")]
    Model { path: PathBuf, why: String },
    #[error("model {path} has no {what} named {expected:?}, it has {got}")]
    NoTensor { path: PathBuf, what: &'static str, expected: String, got: String },
    #[error("model {path} failed on input {shape:?}: {why}")]
    Run { path: PathBuf, shape: Vec<usize>, why: String },
    #[error("model contract {path} is wrong: {}", faults.join("; "))]
    Contract { path: PathBuf, faults: Vec<String> },
}
