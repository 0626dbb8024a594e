//! Tool: ONNX Runtime (the only user of `ort`). In: an ONNX file and the device wanted. Out: a session that runs,
//! and what it really runs on. Used by `faces` and `detector`.

pub mod contract;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// The best that works here; what was chosen, and why not better, is logged and exported.
    #[default]
    Auto,
    Cpu,
    Cuda,
    Tensorrt,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub device: Device,
    /// ONNX Runtime's shared library; empty: ORT_DYLIB_PATH, else what set-up fetched.
    pub onnxruntime: String,
    /// Threads one model call may use, 1-64.
    pub threads: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { device: Device::Auto, onnxruntime: String::new(), threads: 1 }
    }
}

impl Config {
    pub fn check(&self, faults: &mut Vec<(String, String)>) {
        let _ = faults;
        todo!()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("stub")]
    Stub,
}
