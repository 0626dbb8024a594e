//! The contract of a detector, `models/<name>/model.toml`: everything the program must know of a model that is
//! not in the graphs. Read and verified at load by `detector`; the crop rule and the gate are read by `crops`.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Error, Session, verify};

/// The whole contract.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// Names the model in logs, metrics and on the dashboard.
    pub name: String,
    pub version: String,
    /// ISO date of the export.
    pub date: String,
    /// Commit of the training code.
    pub commit: String,
    /// A model for trial only: the dashboard says so.
    pub trial: bool,
    /// One sentence for people: what it is and what it cannot do.
    pub note: String,
    /// Licence of the weights and the terms of the training data.
    pub licence: String,
    pub encoder: EncoderGraph,
    pub head: HeadGraph,
    pub crop: CropRule,
    pub window: WindowRule,
    pub quality: QualityGate,
    pub score: ScoreRule,
    pub reference: Reference,
}

/// `[N, size, size, 3] u8 RGB -> [N, dim] f32`, normalisation inside the graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderGraph {
    pub file: String,
    /// Lower-case hex of the file.
    pub sha256: String,
    pub opset: u32,
    pub input: String,
    pub output: String,
    pub dim: usize,
}

/// `[B, frames, dim] f32 -> logits [B] f32 and attention [B, frames] f32`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadGraph {
    pub file: String,
    pub sha256: String,
    pub opset: u32,
    pub input: String,
    pub fake_logit: String,
    /// None: the model has no synthetic head.
    pub synthetic_logit: Option<String>,
    pub attention: String,
}

/// Rule "landmarks": see docs/crop-rule.md.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CropRule {
    /// Pixels a side of the crop, 64-512.
    pub size: u32,
    /// Side of the square in units of max(eye distance, eyes-to-mouth distance).
    pub side: f32,
    /// Where the centre lies on the line from the eyes' middle (0) to the mouth (1).
    pub center: f32,
}

/// How embeddings become windows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowRule {
    /// Embeddings a window.
    pub frames: usize,
    /// Samples a second of pts.
    pub rate_hz: f64,
    /// How far a step may be off the sampling interval, as a share of it; a longer step starts the window anew.
    pub tolerance: f64,
    /// Samples from one scored window to the next.
    pub stride: usize,
}

impl WindowRule {
    /// Time from one sample to the next.
    pub fn interval(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.rate_hz)
    }
}

/// Which crops the model was measured on; outside of it the answer is UNCERTAIN.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QualityGate {
    /// Side of the crop's square in frame pixels.
    pub min_side_px: f32,
    /// Variance of the Laplacian, see `crops::Quality::sharpness`.
    pub min_sharpness: f32,
    pub min_luma: f32,
    pub max_luma: f32,
    pub max_yaw_deg: f32,
    pub max_pitch_deg: f32,
    /// Share of the square that may lie outside the frame.
    pub max_outside: f32,
}

/// From logits to the confidence people see: `sigmoid((logit - bias) / temperature)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreRule {
    pub temperature: f32,
    pub bias: f32,
    /// Synthetic probability at or above this raises UNCERTAIN (it never says FAKE by itself).
    pub synthetic_at: f32,
    /// The operating point that the card's figures were measured at.
    pub fake_at: f32,
    pub real_at: f32,
}

/// What the graphs must answer to generated input, so that a wrong or broken runtime is found at load:
/// [`Reference::crops`] encoded, then put through the head as one window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// Not 0.
    pub seed: u32,
    /// First values of the first crop's embedding.
    pub embedding: Vec<f32>,
    pub fake_logit: f32,
    /// Largest absolute difference allowed, by provider: cpu, and cuda or tensorrt.
    pub tolerance_cpu: f32,
    pub tolerance_gpu: f32,
}

impl Reference {
    /// `bytes` bytes of crops from xorshift32 (Marsaglia 2003: 13, 17, 5) started with the seed, the upper byte of
    /// each state, in order.
    pub fn crops(&self, bytes: usize) -> Vec<u8> {
        let mut x = self.seed;
        let mut next = || {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            (x >> 24) as u8
        };
        (0..bytes).map(|_| next()).collect()
    }
}

impl Contract {
    /// Reads a `model.toml`; every unknown or missing key, wrong type and impossible value is named at once, with
    /// what was expected and got.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let got: toml::Table = text.parse().map_err(|e: toml::de::Error| vec![e.to_string()])?;
        let faults = verify::shape(&got);
        if !faults.is_empty() {
            return Err(faults);
        }
        let contract: Self = got.try_into().map_err(|e: toml::de::Error| vec![e.to_string()])?;
        let faults = verify::values(&contract);
        if faults.is_empty() { Ok(contract) } else { Err(faults) }
    }

    /// Reads `dir/model.toml` and checks values and both hashes; every fault named with expected and got.
    pub fn load(dir: &Path) -> Result<Self, Error> {
        let path = dir.join("model.toml");
        let wrong = |faults: Vec<String>| Error::Contract { path: path.clone(), faults };
        let text = std::fs::read_to_string(&path).map_err(|e| wrong(vec![e.to_string()]))?;
        let contract = Self::parse(&text).map_err(&wrong)?;
        let faults = verify::hashes(&contract, dir);
        if faults.is_empty() { Ok(contract) } else { Err(wrong(faults)) }
    }

    /// Compares what both graphs declare (tensors, types, shapes, opset) with the contract in `dir`.
    pub fn check_graphs(&self, dir: &Path, encoder: &Session, head: &Session) -> Result<(), Error> {
        let mut faults = verify::encoder(self, encoder);
        faults.extend(verify::head(self, head));
        if faults.is_empty() { Ok(()) } else { Err(Error::Contract { path: dir.join("model.toml"), faults }) }
    }
}
