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
    /// Side of the crop's square in frame pixels below which REAL is not told, since live swaps of that size were not
    /// told from genuine faces (the card's envelope); 0: at every size.
    pub real_side_px: f32,
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRIAL: &str = include_str!("../../models/trial-112/model.toml");

    fn faults(text: &str) -> Vec<String> {
        Contract::parse(text).expect_err("the contract is wrong")
    }

    /// Every key of the trial's contract, as `table.key`.
    fn keys() -> Vec<(Option<String>, String)> {
        let trial: toml::Table = TRIAL.parse().unwrap();
        let of = |(key, value): (&String, &toml::Value)| match value {
            toml::Value::Table(table) => table.keys().map(|k| (Some(key.clone()), k.clone())).collect(),
            _ => vec![(None, key.clone())],
        };
        trial.iter().flat_map(of).collect()
    }

    /// The trial's contract with one key set, or left out.
    fn with(table: Option<&str>, key: &str, value: Option<toml::Value>) -> String {
        let mut trial: toml::Table = TRIAL.parse().unwrap();
        let within = match table {
            Some(table) => trial[table].as_table_mut().unwrap(),
            None => &mut trial,
        };
        match value {
            Some(value) => within.insert(key.into(), value),
            None => within.remove(key),
        };
        trial.to_string()
    }

    #[test]
    fn a_contract_reads_back_as_it_was_written() {
        let trial = Contract::parse(TRIAL).unwrap();
        assert_eq!(Contract::parse(&toml::to_string(&trial).unwrap()), Ok(trial));
    }

    #[test]
    fn each_missing_key_and_each_wrong_type_is_named() {
        for (table, key) in keys() {
            let path = table.iter().map(|t| format!("{t}.")).collect::<String>() + &key;
            assert_eq!(faults(&with(table.as_deref(), &key, None)), [format!("{path}: missing")]);
            let date = toml::Value::Datetime("2026-11-24".parse().unwrap());
            let told = faults(&with(table.as_deref(), &key, Some(date)));
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].starts_with(&format!("{path}: expected a value of type")), "{told:?}");
            assert!(told[0].ends_with("got datetime"), "{told:?}");
        }
    }

    #[test]
    fn impossible_values_are_named_with_range_and_value_all_at_once() {
        let wrong = TRIAL
            .replace("side = 3.31", "side = nan")
            .replace("frames = 8", "frames = 0")
            .replace("temperature = 0.67", "temperature = -1")
            .replace("seed = 1", "seed = 0")
            .replace("file = \"head.onnx\"", "file = \"../head.onnx\"")
            .replace("input = \"crops\"", "input = \"\"");
        let told = faults(&wrong).join("\n");
        for expected in [
            "crop.side: expected 1 to 10, got NaN",
            "window.frames: expected 1 to 64, got 0",
            "score.temperature: expected 0.01 to 100, got -1",
            "reference.seed: expected 1 to 4294967295, got 0",
            "head.file: expected a plain name of a-z A-Z 0-9 - _ ., got \"../head.onnx\"",
            "encoder.input: expected a tensor's name, got \"\"",
        ] {
            assert!(told.contains(expected), "{expected} in\n{told}");
        }
        assert_eq!(told.lines().count(), 6);
    }

    #[test]
    fn unknown_keys_and_numbers_out_of_range_are_named() {
        let told = faults(&TRIAL.replace("[head]", "[head]\nsoftmax = true").replace("trial = true", "trail = true"));
        assert_eq!(told, ["head.softmax: unknown key", "trail: unknown key", "trial: missing"]);
        let told = faults(&TRIAL.replace("stride = 1", "stride = -1"));
        assert!(told[0].contains("stride"), "{told:?}");
    }

    #[test]
    fn the_reference_input_is_marsaglias_xorshift() {
        let mut reference = Contract::parse(TRIAL).unwrap().reference;
        reference.seed = 1;
        // 270369, 67634689, 2647435461, 307599695.
        assert_eq!(reference.crops(4), [0, 4, 157, 18]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            prop_assert!(Contract::parse(&text).is_err());
        }

        /// A file with a few characters changed: read or refused, and what is read is as valid as what was written.
        #[test]
        fn a_damaged_contract_is_read_or_refused(
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<char>()), 1..6),
        ) {
            let mut text: Vec<char> = TRIAL.chars().collect();
            for (place, with) in damage {
                let place = place.index(text.len());
                text[place] = with;
            }
            let text: String = text.into_iter().collect();
            match Contract::parse(&text) {
                Ok(contract) => {
                    prop_assert_eq!(Contract::parse(&toml::to_string(&contract).unwrap()), Ok(contract));
                }
                Err(faults) => prop_assert!(!faults.is_empty()),
            }
        }
    }
}
