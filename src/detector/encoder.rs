//! The CNN: crops of all streams in, one embedding a crop out, in batches. Owned by `model`.

use crate::infer::contract::{Contract, EncoderGraph};
use crate::infer::{Error, Session};

/// `[N, size, size, 3] u8 RGB -> [N, dim] f32`.
pub struct Encoder {
    session: Session,
    graph: EncoderGraph,
    /// Pixels a side.
    size: usize,
    /// The batch as one piece; kept for its memory.
    batch: Vec<u8>,
}

impl Encoder {
    pub fn new(session: Session, contract: &Contract) -> Self {
        Self { session, graph: contract.encoder.clone(), size: contract.crop.size as usize, batch: Vec::new() }
    }

    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Bytes a crop: size x size x 3.
    pub fn crop_bytes(&self) -> usize {
        self.size * self.size * 3
    }

    /// Embeds the crops in one call; gives as many `[dim] f32` as there are crops, in order. The result of a crop
    /// does not depend on what else is in the batch (bit-equal on CPU, tested). Fails as a whole, also for a crop
    /// of the wrong length.
    pub fn encode(&mut self, crops: &[&[u8]]) -> Result<Vec<Box<[f32]>>, Error> {
        if crops.is_empty() {
            return Ok(Vec::new());
        }
        self.batch.clear();
        crops.iter().for_each(|crop| self.batch.extend_from_slice(crop));
        let shape = [crops.len(), self.size, self.size, 3];
        let answer = self.session.run_u8(&self.graph.input, &shape, &self.batch, &[&self.graph.output])?;
        // The contract was checked against the graph: one output of [N, dim].
        Ok(answer[0].outer_iter().map(|row| row.iter().copied().collect()).collect())
    }
}
