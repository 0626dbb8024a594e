//! The one detector thread. In: [`Message`]s from a bounded queue. Out: an [`Analysis`] a frame to the sink, in the
//! order of submission. It outlives every failure: a batch that panics is [`Evidence::Failed`]. Started by `mod`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::analyst::Analyst;
use super::relief::Relief;
use super::{Analysis, Config, Evidence, ScoredFace, StreamId, Work};
use crate::crops::Candidate;
use crate::metrics::Metrics;

pub(super) enum Message {
    /// A frame and when it was handed over.
    Work(Box<Work>, Instant),
    Forget(StreamId),
}

pub(super) struct Worker<S> {
    pub analyst: Analyst,
    pub batch_max: usize,
    pub batch_wait: Duration,
    pub metrics: Arc<Metrics>,
    pub relief: Arc<Relief>,
    pub sink: S,
}

impl<S: FnMut(Analysis)> Worker<S> {
    pub fn new(analyst: Analyst, config: &Config, metrics: Arc<Metrics>, relief: Arc<Relief>, sink: S) -> Self {
        let batch_wait = Duration::from_millis(config.batch_wait_ms);
        Self { analyst, batch_max: config.batch_max, batch_wait, metrics, relief, sink }
    }

    /// Works until all senders are gone and the queue is empty.
    pub fn run(mut self, queue: &Receiver<Message>) {
        while let Some((batch, forget)) = self.gather(queue) {
            if !batch.is_empty() {
                self.serve(batch);
            }
            if let Some(stream) = forget {
                self.analyst.forget(&stream);
            }
        }
    }

    /// Waits for a frame, then for more until the batch is full (crops, or frames without any) or has waited long
    /// enough; a stream to be forgotten ends the batch. None: all senders are gone.
    fn gather(&self, queue: &Receiver<Message>) -> Option<(Vec<Work>, Option<StreamId>)> {
        let mut batch = Vec::new();
        let mut crops = 0;
        let mut message = match queue.try_recv() {
            Ok(message) => message,
            Err(_) => {
                self.relief.idle();
                queue.recv().ok()?
            }
        };
        let deadline = Instant::now() + self.batch_wait;
        loop {
            match message {
                Message::Forget(stream) => return Some((batch, Some(stream))),
                Message::Work(work, handed_over) => {
                    self.metrics.detector_queue.dec();
                    self.relief.took(handed_over);
                    let waited = handed_over.elapsed().as_secs_f64();
                    self.metrics.stage.with_label_values(&["queue"]).observe(waited);
                    crops += work.faces.iter().filter(|face| face.crop.is_ok()).count();
                    batch.push(*work);
                }
            }
            if crops >= self.batch_max || batch.len() >= self.batch_max {
                return Some((batch, None));
            }
            // What already waits is taken even after the deadline.
            message = match queue.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(message) => message,
                Err(_) => return Some((batch, None)),
            };
        }
    }

    fn serve(&mut self, batch: Vec<Work>) {
        // Unwind safety: after a panic all windows start anew, so no half-made state is used.
        let evidence = catch_unwind(AssertUnwindSafe(|| self.analyst.analyse(&batch))).unwrap_or_else(|_| {
            self.analyst.reset();
            batch.iter().map(|work| work.faces.iter().map(|_| self.failed()).collect()).collect()
        });
        for (work, evidence) in batch.into_iter().zip(evidence) {
            let analysis = attach(work, evidence);
            // Unwind safety: the sink's own state is the sink's; the next analysis must reach it all the same.
            if catch_unwind(AssertUnwindSafe(|| (self.sink)(analysis))).is_err() {
                self.failed();
            }
        }
    }

    /// A panic has been written by the panic hook; here it is counted.
    fn failed(&self) -> Evidence {
        self.metrics.detector_failures.inc();
        Evidence::Failed
    }
}

fn attach(work: Work, evidence: Vec<Evidence>) -> Analysis {
    let scored = |(face, evidence): (Candidate, Evidence)| ScoredFace {
        track: face.track,
        rect: face.rect,
        quality: face.quality,
        evidence,
        crop: face.crop.ok(),
    };
    Analysis {
        stream: work.stream,
        stamp: work.stamp,
        faces: work.faces.into_iter().zip(evidence).map(scored).collect(),
        picture: work.picture,
    }
}
