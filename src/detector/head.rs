//! The temporal head: windows of embeddings in, logits and attention out. Owned by `model`.

use super::window::Window;
use crate::infer::contract::{Contract, HeadGraph};
use crate::infer::{Error, Session};

/// `[B, frames, dim] f32 -> fake logit, synthetic logit, attention [frames]`.
pub struct Head {
    session: Session,
    graph: HeadGraph,
    frames: usize,
    dim: usize,
}

/// What the head says of one window.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub fake_logit: f32,
    pub synthetic_logit: Option<f32>,
    /// Weight of each frame, oldest first; sums to 1.
    pub attention: Vec<f32>,
}

impl Head {
    pub fn new(session: Session, contract: &Contract) -> Self {
        Self { session, graph: contract.head.clone(), frames: contract.window.frames, dim: contract.encoder.dim }
    }

    /// Scores the windows in one call, in order. Fails as a whole.
    pub fn score(&mut self, windows: &[&Window]) -> Result<Vec<Answer>, Error> {
        if windows.is_empty() {
            return Ok(Vec::new());
        }
        let batch: Vec<f32> = windows.iter().flat_map(|w| w.embeddings.iter().copied()).collect();
        let shape = [windows.len(), self.frames, self.dim];
        let mut outputs = vec![self.graph.fake_logit.as_str(), self.graph.attention.as_str()];
        outputs.extend(self.graph.synthetic_logit.as_deref());
        let tensors = self.session.run_f32(&self.graph.input, &shape, &batch, &outputs)?;
        let answer = |i: usize| Answer {
            // The contract was checked against the graph: [B], [B, frames] and, when asked for, [B].
            fake_logit: tensors[0][[i]],
            attention: tensors[1].outer_iter().nth(i).map(|row| row.iter().copied().collect()).unwrap_or_default(),
            synthetic_logit: tensors.get(2).map(|logits| logits[[i]]),
        };
        Ok((0..windows.len()).map(answer).collect())
    }
}
