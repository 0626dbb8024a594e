//! The detector's model: contract, encoder and head, verified against each other and against the reference answer.
//! In: the model's folder. Out: a pair of graphs that can be trusted, or every fault by name. Loaded by `app` and
//! `score`, which give it to the detector's thread; `bench` calls it bare.

use std::path::Path;

use super::encoder::Encoder;
use super::head::Head;
use super::window::Window;
use super::{Config, Error};
use crate::infer::contract::Contract;
use crate::infer::{self, PassedOver, Provider, Session};

pub struct Model {
    pub contract: Contract,
    pub(super) encoder: Encoder,
    pub(super) head: Head,
}

/// What both graphs say of one window of crops.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// `[frames, dim]`.
    pub embeddings: Vec<f32>,
    pub fake_logit: f32,
}

impl Model {
    /// Loads and verifies the folder: values, hashes, tensors, opsets, and the reference input's answer.
    pub fn load(config: &Config, infer: &infer::Config) -> Result<Self, Error> {
        let dir = Path::new(&config.model);
        let contract = Contract::load(dir)?;
        let encoder = Session::load(&dir.join(&contract.encoder.file), infer)?;
        let head = Session::load(&dir.join(&contract.head.file), infer)?;
        contract.check_graphs(dir, &encoder, &head)?;
        let encoder = Encoder::new(encoder, &contract);
        let head = Head::new(head, &contract);
        let mut model = Self { contract, encoder, head };
        let faults = model.reference_faults()?;
        if !faults.is_empty() {
            return Err(infer::Error::Contract { path: dir.join("model.toml"), faults }.into());
        }
        Ok(model)
    }

    /// What the encoder runs on: `cpu`, `cuda`, `tensorrt`, `tensorrt_rtx`.
    pub fn provider(&self) -> &'static str {
        self.encoder.session().provider().name()
    }

    /// Better providers that `auto` could not use, and why.
    pub fn passed_over(&self) -> &[PassedOver] {
        self.encoder.session().passed_over()
    }

    /// One encoder call on so many black crops, for measuring.
    pub fn bare_encode(&mut self, crops: usize) -> Result<(), Error> {
        let crop = vec![0; self.encoder.crop_bytes()];
        self.encoder.encode(&vec![crop.as_slice(); crops])?;
        Ok(())
    }

    /// One head call on so many windows of zeros, for measuring.
    pub fn bare_head(&mut self, windows: usize) -> Result<(), Error> {
        let embeddings = vec![0.0; self.contract.window.frames * self.contract.encoder.dim];
        let window = Window { embeddings, span: Default::default(), weight: 1.0 };
        self.head.score(&vec![&window; windows])?;
        Ok(())
    }

    /// Embeds `[frames, size, size, 3] u8 RGB` and judges them as one window, for comparing providers.
    pub fn probe(&mut self, crops: &[u8]) -> Result<Probe, Error> {
        let crops: Vec<&[u8]> = crops.chunks_exact(self.encoder.crop_bytes()).collect();
        let embeddings = self.encoder.encode(&crops)?.concat();
        let window = Window { embeddings, span: Default::default(), weight: 1.0 };
        let fake_logit = self.head.score(&[&window])?[0].fake_logit;
        Ok(Probe { embeddings: window.embeddings, fake_logit })
    }

    /// Puts the reference input through both graphs and names each value that is off by more than its tolerance.
    fn reference_faults(&mut self) -> Result<Vec<String>, Error> {
        let crops = self.contract.reference.crops(self.contract.window.frames * self.encoder.crop_bytes());
        let answer = self.probe(&crops)?;

        let reference = &self.contract.reference;
        let provider = self.encoder.session().provider();
        let tolerance = match provider {
            Provider::Cpu => reference.tolerance_cpu,
            Provider::Cuda | Provider::Tensorrt | Provider::TensorrtRtx => reference.tolerance_gpu,
        };
        let embeddings = reference.embedding.iter().zip(&answer.embeddings).enumerate();
        let expected = embeddings.map(|(i, (&expected, &got))| (format!("embedding[{i}]"), expected, got));
        let logit = ("fake_logit".to_owned(), reference.fake_logit, answer.fake_logit);
        // NaN is within no tolerance.
        let within = |expected: f32, got: f32| (expected - got).abs() <= tolerance;
        let faults = expected.chain([logit]).filter(|(_, expected, got)| !within(*expected, *got));
        let told = faults.map(|(key, expected, got)| {
            format!("reference.{key}: expected {expected} within {tolerance}, got {got} on {provider}")
        });
        Ok(told.collect())
    }
}
