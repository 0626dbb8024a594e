//! One connection of a source, from starting to its end. In: the settings. Out: frames and the way it ended. Owned by
//! `Source`, which makes a new one after each failure.
//!
//! Starting and stopping a pipeline can block for as long as a network likes, so both run on threads of their own. A
//! stopping thread that hangs costs that thread; the rest between two connections bounds how many there can be.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant, SystemTime};

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_video as gst_video;

use super::address::Kind;
use super::counts::{Counts, Tally};
use super::frame::{Frame, Stamp};
use super::launch::{Pipeline, is_video_decoder};
use super::{Config, Connection, Error};
use crate::secret::redact_url;

/// Between two looks at the bus while no frame comes.
const SLICE: Duration = Duration::from_millis(20);
/// A first frame may take longer than a next one: name lookup, login, and UDP tried before TCP.
const FIRST_FRAME_EXTRA: Duration = Duration::from_secs(10);

/// What one look at the connection brought.
pub(super) enum Step {
    Frame(Frame),
    Connected(Connection),
    Nothing,
    Failed(Error),
    /// A file's end.
    End,
}

pub(super) struct Running {
    kind: Kind,
    config: Config,
    state: State,
    /// How long it has been waited for a frame; the time that the caller spends elsewhere does not count.
    quiet: Duration,
    frames: u64,
    tally: Tally,
    view: Option<View>,
}

enum State {
    /// The pipeline is being made.
    Starting(Receiver<Result<Pipeline, Error>>),
    Playing(Pipeline),
    Over,
}

/// What holds from one caps to the next.
struct View {
    info: gst_video::VideoInfo,
    /// Running time of the epoch's first frame.
    origin: Option<gst::ClockTime>,
    began: Instant,
    last: Duration,
    epoch: u32,
    /// The connection was told; the frame that brought it is next.
    waiting: Option<gst::Sample>,
}

impl Running {
    /// Starts on a thread.
    pub fn start(kind: Kind, config: &Config) -> Result<Self, Error> {
        // Hand to hand: a pipeline that nobody waits for any more stays with the thread that made it.
        let (sender, receiver) = sync_channel(0);
        let settings = config.clone();
        std::thread::Builder::new()
            .name(format!("open-{}", config.id))
            // One that is not taken is stopped here.
            .spawn(move || drop(sender.send(Pipeline::start(kind, &settings))))
            .map_err(|error| Error::Pipeline { source_name: redact_url(&config.url), why: error.to_string() })?;
        Ok(Self {
            kind,
            config: config.clone(),
            state: State::Starting(receiver),
            quiet: Duration::ZERO,
            frames: 0,
            tally: Tally::default(),
            view: None,
        })
    }

    /// Waits at most `wait` for the next thing to happen.
    pub fn step(&mut self, wait: Duration, number: u64, epoch: u32) -> Step {
        let began = Instant::now();
        let step = match &self.state {
            State::Starting(receiver) => match receiver.recv_timeout(wait) {
                Ok(Ok(pipeline)) => {
                    self.state = State::Playing(pipeline);
                    return Step::Nothing;
                }
                Ok(Err(error)) => Step::Failed(error),
                Err(RecvTimeoutError::Timeout) => Step::Nothing,
                Err(RecvTimeoutError::Disconnected) => Step::Failed(self.broken("starting it failed")),
            },
            State::Playing(_) => self.pull(wait, number, epoch),
            State::Over => Step::Nothing,
        };
        match step {
            Step::Nothing => {
                self.quiet += began.elapsed();
                self.silence()
            }
            other => {
                self.quiet = Duration::ZERO;
                other
            }
        }
    }

    /// Frames come before messages: what was decoded before an error is not lost.
    fn pull(&mut self, wait: Duration, number: u64, epoch: u32) -> Step {
        if let Some(sample) = self.view.as_mut().and_then(|view| view.waiting.take()) {
            return self.frame(&sample, number);
        }
        let deadline = Instant::now() + wait;
        loop {
            let left = deadline.saturating_duration_since(Instant::now()).min(SLICE);
            let State::Playing(pipeline) = &self.state else { return Step::Nothing };
            let timeout = gst::ClockTime::from_nseconds(left.as_nanos() as u64);
            if let Some(sample) = pipeline.frames.try_pull_sample(timeout) {
                self.tally.taken += 1;
                return self.take(sample, number, epoch);
            }
            if let Some(ended) = self.message() {
                return ended;
            }
            if Instant::now() >= deadline {
                return Step::Nothing;
            }
        }
    }

    /// A sample with other caps than the last begins an epoch, which is told before its frame.
    fn take(&mut self, sample: gst::Sample, number: u64, epoch: u32) -> Step {
        let known = self.view.as_ref().is_some_and(|view| {
            sample.caps().and_then(|caps| gst_video::VideoInfo::from_caps(caps).ok()).is_some_and(|info| {
                (info.format(), info.width(), info.height())
                    == (view.info.format(), view.info.width(), view.info.height())
            })
        });
        if known {
            return self.frame(&sample, number);
        }
        let Some(info) = sample.caps().and_then(|caps| gst_video::VideoInfo::from_caps(caps).ok()) else {
            self.tally.damaged += 1;
            return Step::Nothing;
        };
        let connection = self.describe(&info, epoch);
        self.view = Some(View {
            info,
            origin: None,
            began: Instant::now(),
            last: Duration::ZERO,
            epoch,
            waiting: Some(sample),
        });
        Step::Connected(connection)
    }

    fn frame(&mut self, sample: &gst::Sample, number: u64) -> Step {
        let Some(view) = &mut self.view else { return Step::Nothing };
        let mapped =
            sample.buffer_owned().map(|buffer| gst_video::VideoFrame::from_buffer_readable(buffer, &view.info));
        let Some(Ok(mapped)) = mapped else {
            self.tally.damaged += 1;
            return Step::Nothing;
        };
        let arrived = Instant::now();
        let running = sample
            .buffer()
            .and_then(gst::BufferRef::pts)
            .and_then(|pts| sample.segment()?.downcast_ref::<gst::ClockTime>()?.to_running_time(pts));
        let pts = match running {
            Some(time) => {
                let origin = *view.origin.get_or_insert(time);
                Duration::from_nanos(time.saturating_sub(origin).nseconds())
            }
            // A source without timestamps: its frames are as old as they are here.
            None => arrived - view.began,
        };
        // Time never runs back within an epoch, whatever the stream says.
        view.last = view.last.max(pts);
        self.frames += 1;
        let stamp = Stamp {
            number,
            epoch: view.epoch,
            pts: view.last,
            arrived,
            captured: SystemTime::now(),
            width: view.info.width(),
            height: view.info.height(),
        };
        Step::Frame(Frame::mapped(stamp, mapped))
    }

    /// The newest word on the bus that ends the connection.
    fn message(&mut self) -> Option<Step> {
        let State::Playing(pipeline) = &self.state else { return None };
        while let Some(message) = pipeline.bus.pop_filtered(&[gst::MessageType::Error, gst::MessageType::Eos]) {
            match message.view() {
                gst::MessageView::Error(error) => {
                    let error = Error::from_bus(self.kind, &self.config.url, error);
                    tracing::debug!(stream = self.config.id, code = error.code(), "gstreamer gave up the connection");
                    return Some(Step::Failed(error));
                }
                gst::MessageView::Eos(_) => return Some(self.end()),
                _ => {}
            }
        }
        None
    }

    /// What the end of the stream means: a file has an end, a camera has not.
    fn end(&self) -> Step {
        let source_name = redact_url(&self.config.url);
        let State::Playing(pipeline) = &self.state else { return Step::Nothing };
        let finite = match self.kind {
            Kind::File => true,
            Kind::Http => pipeline.element.query_duration::<gst::ClockTime>().is_some(),
            _ => false,
        };
        match (self.frames, finite) {
            (0, _) => Step::Failed(Error::NoVideo { source_name, remote: self.kind.is_remote() }),
            (_, true) => Step::End,
            (_, false) => Step::Failed(Error::Ended { source_name }),
        }
    }

    /// Too long without a frame is a failure like any other.
    fn silence(&self) -> Step {
        let mut limit = Duration::from_secs_f64(self.config.no_frames_secs);
        if self.frames == 0 {
            limit += FIRST_FRAME_EXTRA;
        }
        if self.quiet < limit || matches!(self.state, State::Over) {
            return Step::Nothing;
        }
        let source_name = redact_url(&self.config.url);
        Step::Failed(match self.state {
            State::Starting(_) if self.kind.is_remote() => Error::Unreachable { source_name, why: "no answer".into() },
            // A container that is cut off can leave GStreamer waiting for ever.
            _ if self.kind == Kind::File => Error::Damaged {
                source_name,
                why: format!("no frame within {:.0} s", limit.as_secs_f64()),
                remote: false,
            },
            _ => Error::NoFrames { source_name, secs: limit.as_secs_f64() },
        })
    }

    /// Plays a file again from its start; false when it cannot be sought.
    pub fn rewind(&mut self) -> bool {
        let State::Playing(pipeline) = &self.state else { return false };
        let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::KEY_UNIT;
        self.view = None;
        pipeline.element.seek_simple(flags, gst::ClockTime::ZERO).is_ok()
    }

    /// How long it has given frames.
    pub fn ran(&self) -> Duration {
        self.view.as_ref().map_or(Duration::ZERO, |view| view.began.elapsed())
    }

    /// Counts since the last call. A live source has its newest frame in the slot and one that waits for its time in
    /// front of it: until the `last` call those are not lost, only not taken yet. Other sources lose none.
    pub fn take_counts(&mut self, last: bool) -> Counts {
        let State::Playing(pipeline) = &self.state else { return Counts::default() };
        let waiting = match (self.config.is_live(), last) {
            (true, true) => 0,
            (true, false) => 2,
            (false, _) => u64::MAX,
        };
        self.tally.since(pipeline.arrived.load(Ordering::Relaxed), waiting)
    }

    /// Ends it; the pipeline is to be stopped by whoever gets it.
    pub fn end_now(&mut self) -> Option<Pipeline> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Playing(pipeline) => Some(pipeline),
            // A pipeline that is still starting is stopped by its own thread, which finds nobody waiting for it.
            State::Starting(_) | State::Over => None,
        }
    }

    fn broken(&self, why: &str) -> Error {
        Error::Pipeline { source_name: redact_url(&self.config.url), why: why.into() }
    }

    /// Decoder truth: what is really in the pipeline.
    fn describe(&self, info: &gst_video::VideoInfo, epoch: u32) -> Connection {
        let mut connection = Connection {
            epoch,
            width: info.width(),
            height: info.height(),
            fps: (info.fps().numer() > 0).then(|| f64::from(info.fps().numer()) / f64::from(info.fps().denom())),
            codec: None,
            decoder: None,
        };
        if let State::Playing(pipeline) = &self.state {
            for element in pipeline.element.iterate_recurse().into_iter().flatten() {
                let decodes = element.factory().is_some_and(|f| is_video_decoder(&f));
                if let (true, Some(factory)) = (decodes, element.factory()) {
                    connection.decoder = Some(factory.name().to_string());
                    let caps = element.static_pad("sink").and_then(|pad| pad.current_caps());
                    connection.codec = caps.and_then(|caps| Some(caps.structure(0)?.name().to_string()));
                }
            }
        }
        connection
    }
}

/// Stops a pipeline whose source is gone, on a thread of its own.
pub(super) fn stop_aside(id: &str, pipeline: Pipeline) {
    let stopping = std::thread::Builder::new().name(format!("close-{id}")).spawn(move || drop(pipeline));
    if let Err(error) = stopping {
        tracing::error!(stream = id, %error, "a pipeline could not be stopped");
    }
}
