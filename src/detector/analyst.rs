//! One batch from crops to evidence. In: frames of any streams. Out: one [`Evidence`] a face, in order. Encoder and
//! head see all streams' faces together; windows know one stream each. Owned by `worker`'s thread.

use std::collections::HashMap;
use std::sync::Arc;

use super::model::Model;
use super::window::{Sample, Step, Window, Windows};
use super::{Evidence, Score, StreamId, Work};
use crate::crops::Candidate;
use crate::metrics::Metrics;

pub(super) struct Analyst {
    model: Model,
    batch_max: usize,
    windows: HashMap<StreamId, Windows>,
    metrics: Arc<Metrics>,
}

/// What is known of a face before the head has spoken.
enum Draft {
    Settled(Evidence),
    Due(Window),
}

impl Analyst {
    pub fn new(model: Model, batch_max: usize, metrics: Arc<Metrics>) -> Self {
        Self { model, batch_max, windows: HashMap::new(), metrics }
    }

    /// The evidence of every face of every frame, in the batch's order. A call that fails costs its own crops or
    /// windows only: they are [`Evidence::Failed`], counted and logged.
    pub fn analyse(&mut self, batch: &[Work]) -> Vec<Vec<Evidence>> {
        let mut embeddings = self.encode(batch).into_iter();
        let drafts: Vec<Vec<Draft>> = batch.iter().map(|work| self.draft(work, &mut embeddings)).collect();
        let due = drafts.iter().flatten().filter_map(|draft| match draft {
            Draft::Due(window) => Some(window),
            Draft::Settled(_) => None,
        });
        let mut scores = self.score(&due.collect::<Vec<_>>()).into_iter();
        let mut settle = |draft| match draft {
            Draft::Settled(evidence) => evidence,
            Draft::Due(_) => scores.next().flatten().map_or(Evidence::Failed, Evidence::Score),
        };
        drafts.into_iter().map(|frame| frame.into_iter().map(&mut settle).collect()).collect()
    }

    pub fn forget(&mut self, stream: &StreamId) {
        self.windows.remove(stream);
    }

    /// All windows start anew.
    pub fn reset(&mut self) {
        self.windows.clear();
    }

    /// One entry for each crop that passed the gate, in order; None where the encoder failed.
    fn encode(&mut self, batch: &[Work]) -> Vec<Option<Box<[f32]>>> {
        let bytes = self.model.encoder.crop_bytes();
        let faces = batch.iter().flat_map(|work| &work.faces);
        let crops: Vec<&[u8]> = faces.filter_map(|face| face.crop.as_deref().ok()).collect();
        // A crop of the wrong length would fail its whole batch, and with it other streams.
        let sound: Vec<&[u8]> = crops.iter().copied().filter(|crop| crop.len() == bytes).collect();
        let mut embeddings = Vec::with_capacity(sound.len());
        for chunk in sound.chunks(self.batch_max) {
            let timer = self.metrics.stage.with_label_values(&["encode"]).start_timer();
            match self.model.encoder.encode(chunk) {
                Ok(answer) => embeddings.extend(answer.into_iter().map(Some)),
                Err(error) => {
                    tracing::error!(%error, crops = chunk.len(), "encoder failed");
                    embeddings.extend(chunk.iter().map(|_| None));
                }
            }
            timer.observe_duration();
            self.metrics.batch_size.observe(chunk.len() as f64);
        }
        let mut embeddings = embeddings.into_iter();
        let place = |crop: &&[u8]| {
            if crop.len() == bytes { embeddings.next().flatten() } else { None }
        };
        crops.iter().map(place).map(|e| e.filter(|e| e.iter().all(|v| v.is_finite()))).collect()
    }

    /// Puts one frame's embeddings into its stream's windows.
    fn draft(&mut self, work: &Work, embeddings: &mut impl Iterator<Item = Option<Box<[f32]>>>) -> Vec<Draft> {
        let rule = self.model.contract.window;
        let windows = self.windows.entry(work.stream.clone()).or_insert_with(|| Windows::new(rule));
        windows.begin_frame(&work.stamp);
        let mut draft = |face: &Candidate| {
            if let Err(reasons) = &face.crop {
                return Draft::Settled(Evidence::Rejected(reasons.clone()));
            }
            let Some(embedding) = embeddings.next().flatten() else {
                self.metrics.detector_failures.inc();
                return Draft::Settled(Evidence::Failed);
            };
            let sample = Sample { embedding, weight: face.quality.weight };
            match windows.push(&work.stamp, face.track, sample) {
                Step::Complete(window) => Draft::Due(window),
                Step::Gathering { have } => Draft::Settled(Evidence::Gathering { have }),
            }
        };
        work.faces.iter().map(&mut draft).collect()
    }

    /// One entry a window, in order; None where the head failed or its logit is no number.
    fn score(&mut self, windows: &[&Window]) -> Vec<Option<Score>> {
        let mut scores = Vec::with_capacity(windows.len());
        for chunk in windows.chunks(self.batch_max) {
            let timer = self.metrics.stage.with_label_values(&["head"]).start_timer();
            match self.model.head.score(chunk) {
                Ok(answers) => scores.extend(chunk.iter().zip(answers).map(|(window, answer)| {
                    let score = Score {
                        fake_logit: answer.fake_logit,
                        synthetic_logit: answer.synthetic_logit,
                        attention: answer.attention,
                        span: window.span,
                        weight: window.weight,
                    };
                    let numbers = [Some(score.fake_logit), score.synthetic_logit];
                    numbers.into_iter().flatten().all(f32::is_finite).then_some(score)
                })),
                Err(error) => {
                    tracing::error!(%error, windows = chunk.len(), "head failed");
                    scores.extend(chunk.iter().map(|_| None));
                }
            }
            timer.observe_duration();
        }
        let failed = scores.iter().filter(|score| score.is_none()).count();
        self.metrics.detector_failures.inc_by(failed as u64);
        scores
    }
}
