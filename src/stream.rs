//! READ FIRST: the loop of one stream, from its source to the detector's queue. In: the stream's settings and the
//! [`Rooms`] all streams share. Out: reports to the board, work to the detector. Run by `app` on one OS thread a
//! stream; `score` uses the same [`Analyst`] on a file.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::crops::{self, Candidate};
use crate::detector::{Detector, StreamId, WhenFull, Work};
use crate::faces::{self, Schedule};
use crate::infer::contract::{Contract, CropRule, QualityGate};
use crate::metrics::Metrics;
use crate::pixels;
use crate::publish::{self, Board, Report};
use crate::source::{self, Frame, Next, Source, Taps};
use crate::tracks::{self, CutDetector, Tracker};

/// How long one pull may wait: bounds how fast a stream stops.
pub const PULL_WAIT: Duration = Duration::from_millis(200);

/// What all streams share.
pub struct Rooms {
    pub faces: faces::Detector,
    pub detector: Detector,
    pub board: Board,
    pub metrics: Arc<Metrics>,
    /// Where streams leave their coded video, if evidence is kept.
    pub taps: Option<Arc<Taps>>,
    pub settings: Settings,
}

/// The settings that a stream needs of rooms that it makes for itself.
#[derive(Clone, Debug)]
pub struct Settings {
    pub faces: faces::Config,
    pub tracks: tracks::Config,
    pub publish: publish::Config,
}

/// Pulls and analyses until the source ends for good or `stop` is set.
pub fn run(id: &StreamId, config: &source::Config, rooms: &Rooms, stop: &AtomicBool) {
    let mut source = match Source::open(config) {
        Ok(source) => source,
        Err(error) => return fault(rooms, id, &error, None),
    };
    if let Some(taps) = &rooms.taps {
        source = source.tapped(taps);
    }
    let contract = rooms.detector.contract();
    let mut analyst = Analyst::new(&rooms.settings.faces, &rooms.settings.tracks, contract);
    let when_full = if config.is_live() { WhenFull::Drop } else { WhenFull::Wait };
    let mut resting_until = None;
    while !stop.load(Ordering::Relaxed) {
        match source.next(PULL_WAIT) {
            Next::Idle => {}
            Next::Connected(connection) => {
                analyst.reset();
                rooms.board.post(Report::Connected { stream: id.clone(), connection });
            }
            Next::Fault { error, retry_in } => {
                fault(rooms, id, &error, retry_in);
                if retry_in.is_none() {
                    break;
                }
            }
            Next::End => {
                rooms.board.post(Report::Ended { stream: id.clone() });
                break;
            }
            Next::Frame(frame) if !analyst.due(&frame) => {}
            Next::Frame(_) if config.is_live() && rests(&mut resting_until, &rooms.detector) => {
                lost(rooms, id, publish::DETECTOR_BEHIND, 1);
            }
            Next::Frame(frame) => match analyst.look(&frame, &rooms.faces, &rooms.metrics) {
                Ok(faces) => {
                    let work =
                        Work { stream: id.clone(), stamp: frame.stamp, faces, picture: picture(rooms, id, &frame) };
                    if !rooms.detector.submit(work, when_full) {
                        lost(rooms, id, publish::DETECTOR_QUEUE_FULL, 1);
                    }
                }
                Err(error) => {
                    tracing::warn!(stream = %id, frame = frame.stamp.number, %error, "frame not analysed");
                    lost(rooms, id, publish::NOT_ANALYSABLE, 1);
                }
            },
        }
        let counts = source.take_counts();
        rooms.metrics.frames.with_label_values(&[id]).inc_by(counts.arrived);
        lost(rooms, id, publish::OVERWRITTEN, counts.overwritten);
        lost(rooms, id, publish::DAMAGED, counts.damaged);
    }
}

/// Whether the stream leaves a detector alone that is behind: it rests already, or begins to.
fn rests(until: &mut Option<Instant>, detector: &Detector) -> bool {
    if until.is_none_or(|until| until <= Instant::now()) {
        *until = detector.rest();
    }
    until.is_some()
}

fn fault(rooms: &Rooms, id: &StreamId, error: &source::Error, retry_in: Option<Duration>) {
    tracing::warn!(stream = %id, code = error.code(), ?retry_in, "{error}");
    let report = Report::Fault { stream: id.clone(), code: error.code(), message: error.to_string(), retry_in };
    rooms.board.post(report);
}

fn lost(rooms: &Rooms, id: &StreamId, reason: &'static str, frames: u64) {
    if frames > 0 {
        rooms.board.post(Report::Dropped { stream: id.clone(), reason, frames });
    }
}

/// The frame as a small JPEG, made only while someone watches the stream.
fn picture(rooms: &Rooms, id: &StreamId, frame: &Frame) -> Option<Arc<[u8]>> {
    if !rooms.board.watched(id) {
        return None;
    }
    match frame.picture().jpeg(rooms.settings.publish.picture_px, rooms.settings.publish.picture_quality) {
        Ok(jpeg) => Some(jpeg.into()),
        Err(error) => {
            tracing::warn!(stream = %id, %error, "no picture of this frame");
            None
        }
    }
}

/// Why a frame could not be analysed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Faces(#[from] faces::Error),
    #[error(transparent)]
    Pixels(#[from] pixels::Error),
}

/// Rooms 2 to 4 for one stream: which frames to look at, and the candidates found in them.
pub struct Analyst {
    sampler: Sampler,
    cuts: CutDetector,
    schedule: Schedule,
    tracker: Tracker,
    crop: CropRule,
    gate: QualityGate,
}

impl Analyst {
    pub fn new(faces: &faces::Config, tracks: &tracks::Config, contract: &Contract) -> Self {
        Self {
            sampler: Sampler::new(contract.window.interval()),
            cuts: CutDetector::default(),
            schedule: Schedule::new(faces),
            tracker: Tracker::new(tracks),
            crop: contract.crop,
            gate: contract.quality,
        }
    }

    /// Whether this frame is a sample of the detector's rate.
    pub fn due(&mut self, frame: &Frame) -> bool {
        self.sampler.due(frame.stamp.pts)
    }

    /// Forgets what is known of the picture: a new connection shows another one.
    pub fn reset(&mut self) {
        self.sampler.reset();
        self.cuts.reset();
        self.forget_faces();
    }

    fn forget_faces(&mut self) {
        self.schedule.reset();
        self.tracker.reset();
    }

    /// Finds, follows and cuts the faces of one frame.
    pub fn look(
        &mut self,
        frame: &Frame,
        detector: &faces::Detector,
        metrics: &Metrics,
    ) -> Result<Vec<Candidate>, Error> {
        let picture = frame.picture();
        let started = Instant::now();
        if self.cuts.is_cut(&picture.coarse_luma()?) {
            self.forget_faces();
        }
        let faces = detector.look(&mut self.schedule, frame.stamp.pts, &*picture)?;
        let tracks = self.tracker.update(frame.stamp.pts, &faces);
        metrics.stage.with_label_values(&["faces"]).observe(started.elapsed().as_secs_f64());

        let started = Instant::now();
        let candidates = crops::cut(&self.crop, &self.gate, &*picture, &tracks)?;
        metrics.stage.with_label_values(&["crops"]).observe(started.elapsed().as_secs_f64());
        Ok(candidates)
    }
}

/// Picks frames whose steps are as near to the detector's sampling interval as the source's rate allows. The steps of
/// a steady source are all equal (25 fps: 120 ms, 30 fps: 133 ms), which a grid of 125 ms would not give.
struct Sampler {
    interval: Duration,
    last_sample: Option<Duration>,
    last_frame: Duration,
}

impl Sampler {
    fn new(interval: Duration) -> Self {
        Self { interval, last_sample: None, last_frame: Duration::ZERO }
    }

    fn reset(&mut self) {
        self.last_sample = None;
    }

    fn due(&mut self, pts: Duration) -> bool {
        let frame_step = pts.saturating_sub(self.last_frame);
        self.last_frame = pts;
        // The next frame, one step later, would be farther from the interval than this one; a tie, and the millisecond
        // to which containers round, go to this one.
        let nearest = |last| pts.saturating_sub(last) + frame_step / 2 + Duration::from_millis(1) >= self.interval;
        let due = self.last_sample.is_none_or(nearest);
        if due {
            self.last_sample = Some(pts);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(fps: f64, secs: f64) -> Vec<Duration> {
        let mut sampler = Sampler::new(Duration::from_millis(125));
        (0..(fps * secs) as u32)
            .map(|i| Duration::from_secs_f64(f64::from(i) / fps))
            .filter(|pts| sampler.due(*pts))
            .collect()
    }

    #[test]
    fn common_rates_give_equal_steps_within_the_window_tolerance() {
        for fps in [10.0, 12.0, 12.5, 15.0, 23.976, 24.0, 25.0, 29.97, 30.0, 50.0, 60.0, 120.0] {
            let picked = samples(fps, 10.0);
            let steps: Vec<f64> = picked.windows(2).map(|w| (w[1] - w[0]).as_secs_f64()).collect();
            for step in &steps {
                assert!((step / 0.125 - 1.0).abs() < 0.45, "{fps} fps: a step of {step}");
                assert!((step - steps[0]).abs() < 1e-6, "{fps} fps: {step} and {}", steps[0]);
            }
        }
    }

    #[test]
    fn a_slow_source_gives_every_frame_and_a_pause_no_burst() {
        assert_eq!(samples(5.0, 4.0).len(), 20);
        let mut sampler = Sampler::new(Duration::from_millis(125));
        assert!(sampler.due(Duration::ZERO));
        assert!(sampler.due(Duration::from_secs(10)));
        assert!(!sampler.due(Duration::from_millis(10_040)));
    }
}
