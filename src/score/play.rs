//! A file through rooms 1 to 4. In: its path. Out: work for the detector, and what was [`Played`]. Called by `Scorer`.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use super::picture::Pictures;
use super::{Error, Scorer};
use crate::detector::{Fault, StreamId, WhenFull, Work};
use crate::source::{self, Connection, Container, Frame, Medium, Next, Source};
use crate::stream::{self, Analyst};

/// A file that gives nothing for so long is given up.
pub(super) const NO_PROGRESS: Duration = Duration::from_secs(30);

/// What a caller wants to hear of a file, and to keep of it, while it is judged.
pub struct Watch<'a> {
    /// Called with every frame; `Break` gives the file up.
    pub progress: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
    pub pictures: Option<&'a mut Pictures>,
}

/// How far a file has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub frames: u64,
    /// As the file announces; not always to be relied on.
    pub total: Option<u64>,
}

/// What became of a file's frames.
#[derive(Default)]
pub(super) struct Played {
    pub frames: u64,
    /// Frames handed to the detector.
    pub submitted: u64,
    /// pts of the last frame.
    pub last: Duration,
    pub size: (u32, u32),
    /// What broke the file off.
    pub damage: Option<String>,
}

/// Whether the file is a still picture, by its content.
pub(super) fn is_still(path: &Path) -> bool {
    Container::of_file(path).is_some_and(|container| container.medium() == Medium::Image)
}

impl Scorer {
    /// Every frame in order. `looks`: the file is a picture, to be looked at so often.
    pub(super) fn play(
        &self,
        stream: &StreamId,
        looks: Option<u64>,
        watch: &mut Watch<'_>,
        played: &mut Played,
    ) -> Result<(), Error> {
        let settings =
            source::Config { id: "file".into(), url: stream.to_string(), realtime: false, ..source::Config::default() };
        let mut source = Source::open(&settings)?;
        let mut analyst = Analyst::new(&self.settings.faces, &self.settings.tracks, self.detector.contract());
        let (mut total, mut heard) = (looks.map(|_| 1), Instant::now());
        loop {
            if (watch.progress)(Progress { frames: played.frames, total }).is_break() {
                return Err(Error::Cancelled);
            }
            match source.next(stream::PULL_WAIT) {
                Next::Idle if heard.elapsed() < NO_PROGRESS => continue,
                Next::Idle => return Err(Error::Hangs { file: stream.to_string() }),
                Next::Connected(connection) => {
                    total = total.or_else(|| announced(&connection));
                    analyst.reset();
                }
                Next::Fault { error, .. } if played.frames > 0 => {
                    played.damage = Some(error.to_string());
                    return Ok(());
                }
                Next::Fault { error, .. } => return Err(error.into()),
                Next::End => return Ok(()),
                Next::Frame(frame) => {
                    played.frames += 1;
                    played.last = frame.stamp.pts;
                    played.size = (frame.stamp.width, frame.stamp.height);
                    match looks {
                        Some(looks) => return self.stare(stream, frame, looks, &mut analyst, watch, played),
                        None if analyst.due(&frame) => self.look(stream, &frame, &mut analyst, watch, played)?,
                        None => {}
                    }
                }
            }
            heard = Instant::now();
        }
    }

    /// The same frame again and again, at the model's pace, until its faces have filled a window.
    fn stare(
        &self,
        stream: &StreamId,
        mut frame: Frame,
        looks: u64,
        analyst: &mut Analyst,
        watch: &mut Watch<'_>,
        played: &mut Played,
    ) -> Result<(), Error> {
        let interval = self.detector.contract().window.interval();
        let mut pictures = watch.pictures.take();
        for number in 0..looks {
            // The last look knows the tracks, and is the one that counts.
            if number + 1 == looks {
                watch.pictures = pictures.take();
            }
            frame.stamp.number = number;
            frame.stamp.pts = interval * number as u32;
            self.look(stream, &frame, analyst, watch, played)?;
            if (watch.progress)(Progress { frames: 1, total: Some(1) }).is_break() {
                return Err(Error::Cancelled);
            }
        }
        Ok(())
    }

    fn look(
        &self,
        stream: &StreamId,
        frame: &Frame,
        analyst: &mut Analyst,
        watch: &mut Watch<'_>,
        played: &mut Played,
    ) -> Result<(), Error> {
        let fault = |source: stream::Error| Error::Analysis { file: stream.to_string(), source };
        let faces = analyst.look(frame, &self.faces, &self.metrics).map_err(fault)?;
        if let Some(pictures) = &mut watch.pictures {
            pictures.offer(frame, &faces).map_err(|error| fault(error.into()))?;
        }
        let work = Work { stream: stream.clone(), stamp: frame.stamp, faces, picture: None };
        if !self.detector.submit(work, WhenFull::Wait) {
            let fault = self.detector.fault().unwrap_or(Fault::ThreadEnded);
            return Err(Error::DetectorGone { file: stream.to_string(), fault });
        }
        played.submitted += 1;
        Ok(())
    }
}

fn announced(connection: &Connection) -> Option<u64> {
    let frames = connection.duration?.as_secs_f64() * connection.fps?;
    (frames >= 1.0).then(|| frames.round() as u64)
}
