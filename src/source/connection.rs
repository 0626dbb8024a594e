//! One connection: a running pipeline from its start to its end. In: pulls by `Source`. Out: frames with
//! their time and number, or why there are none. GStreamer's threads only count and hand over here; starting and closing, which
//! may hang with the network, happen on threads of GStreamer's pool.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_video::VideoInfo;
use gstreamer as gst;
use gstreamer_video as gst_video;

use super::address::{Kind, Target};
use super::error::Error;
use super::frame::Pixels;
use super::grab::Grab;
use super::launch::{self, Built};
use super::tap::{Outlet, Tap};
use super::{Config, Connection, Counts};
use crate::pixels;

/// For the first frame there is so much more time: connecting, UDP given up for TCP, a key frame that is seconds away.
const CONNECTING: Duration = Duration::from_secs(10);
/// A file has no network to wait for, but a large picture on a busy machine takes its time.
const FILE_SILENCE: Duration = Duration::from_secs(60);
/// After an error in a file the frames before it are still being decoded.
const SETTLING: Duration = Duration::from_secs(2);
/// Between two looks at a pipeline that is only starting.
const NOT_STARTED: Duration = Duration::from_millis(5);
/// Presentation times that step back by more are another recording, by less a muxer's mistake.
const STEP_BACK: Duration = Duration::from_secs(1);
/// A picture that ends by this share and time before the announced end was cut off.
const EARLY_SHARE: f64 = 0.9;
const EARLY: Duration = Duration::from_secs(1);

/// What one pull brought.
pub(super) enum Pull {
    Frame(Taken),
    Nothing,
    End,
    Fault(Error),
}

/// A frame out of the slot.
pub(super) struct Taken {
    pub pixels: Pixels,
    pub width: u32,
    pub height: u32,
    /// Running time of the pipeline.
    pub time: Duration,
    pub arrived: Instant,
    /// The first of the connection, or of another size, codec or recording than the one before.
    pub begins: bool,
}

/// What GStreamer's threads write down.
struct Tally {
    opened: Instant,
    arrived: AtomicU64,
    /// Nanoseconds after `opened`; of the newest frame.
    newest: AtomicU64,
    streams: AtomicU64,
    /// The source has answered or sent something.
    heard: AtomicBool,
    ended: AtomicBool,
}

/// Start and close of one pipeline, on two threads of the pool, in this order.
#[derive(Default)]
struct Gate {
    closed: AtomicBool,
    turn: Mutex<()>,
}

pub(super) struct Running {
    built: Built,
    bus: gst::Bus,
    /// Where the coded video comes, if it is wanted.
    coded: Option<Outlet>,
    /// The process that reads a screen.
    grab: Option<Grab>,
    target: Target,
    tally: Arc<Tally>,
    gate: Arc<Gate>,
    /// Pipelines of this source that are being closed.
    closing: Arc<AtomicUsize>,
    silence: Duration,
    repeat: bool,
    shape: Option<(gst::Caps, VideoInfo)>,
    stream: u64,
    first: Option<Instant>,
    /// Running times of the last frame's start and end.
    time: Duration,
    end_time: Duration,
    /// Number of the next frame if none is overwritten.
    expected: u64,
    counted: u64,
    overwritten: u64,
    damaged: u64,
    /// Ends by itself, as a file does.
    finite: bool,
    announced: Option<Duration>,
    error: Option<(Error, Instant)>,
    lacking: Vec<String>,
}

impl Running {
    pub fn start(
        target: &Target,
        config: &Config,
        tap: Option<&Arc<Tap>>,
        closing: &Arc<AtomicUsize>,
    ) -> Result<Self, Error> {
        let (inlet, coded) = tap.map(Tap::connect).unzip();
        let built = launch::build(target, config, inlet)?;
        let fault = |why: String| Error::Pipeline { source_name: target.shown.clone(), why };
        let bus = built.pipeline.bus().ok_or_else(|| fault("it has no bus".into()))?;
        let grab = (target.kind == Kind::Screen).then(|| Grab::start(&target.location)).transpose().map_err(fault)?;
        if let Some(grab) = &grab {
            built.source.set_property("fd", grab.pictures());
        }
        let tally = Arc::new(Tally {
            opened: Instant::now(),
            arrived: AtomicU64::new(0),
            newest: AtomicU64::new(0),
            streams: AtomicU64::new(0),
            heard: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        });
        count_frames(&built, &tally);
        listen(&built.source, &tally);
        let gate = Arc::new(Gate::default());
        let starting = gate.clone();
        built.pipeline.call_async(move |pipeline| {
            let _turn = starting.turn.lock().unwrap_or_else(PoisonError::into_inner);
            let open = !starting.closed.load(Ordering::Acquire);
            if open && pipeline.set_state(gst::State::Playing).is_err() {
                gst::element_error!(pipeline, gst::CoreError::StateChange, ["the pipeline did not start"]);
            }
        });
        Ok(Self {
            built,
            bus,
            coded,
            grab,
            target: target.clone(),
            tally,
            gate,
            closing: closing.clone(),
            silence: if target.kind == Kind::File {
                FILE_SILENCE
            } else {
                // In range by `Config::check`; any other value must not panic.
                Duration::try_from_secs_f64(config.no_frames_secs).unwrap_or(FILE_SILENCE)
            },
            repeat: config.repeat,
            shape: None,
            stream: 0,
            first: None,
            time: Duration::ZERO,
            end_time: Duration::ZERO,
            expected: 0,
            counted: 0,
            overwritten: 0,
            damaged: 0,
            finite: target.kind == Kind::File,
            announced: None,
            error: None,
            lacking: Vec::new(),
        })
    }

    /// Waits at most `wait` for a frame. An error is told when the frames before it are taken.
    pub fn pull(&mut self, wait: Duration) -> Pull {
        self.read_bus();
        let asked = Instant::now();
        let timeout = gst::ClockTime::try_from(wait).unwrap_or(gst::ClockTime::MAX);
        let sample = self.built.frames.try_pull_sample(timeout);
        self.take_coded();
        if let Some(sample) = sample {
            return match self.take(&sample) {
                Some(taken) => Pull::Frame(taken),
                None => {
                    self.damaged += 1;
                    Pull::Nothing
                }
            };
        }
        self.read_bus();
        // Asked alone, an appsink that has not started says that it has ended too.
        let ended = self.tally.ended.load(Ordering::Acquire) && self.built.frames.is_eos();
        if !ended {
            // Nor does one that has not started wait.
            std::thread::sleep(wait.saturating_sub(asked.elapsed()).min(NOT_STARTED));
        }
        let quiet = self.newest().elapsed();
        match self.error.take() {
            Some((error, at)) => {
                let more = self.finite && self.decoding() && matches!(error, Error::Damaged { .. });
                if more && !ended && quiet.min(at.elapsed()) < SETTLING {
                    self.error = Some((error, at));
                    return Pull::Nothing;
                }
                Pull::Fault(self.explained(error))
            }
            None if ended => self.end(),
            None => self.silent(quiet).map_or(Pull::Nothing, |error| Pull::Fault(self.explained(error))),
        }
    }

    /// Takes over the coded video that has come.
    fn take_coded(&mut self) {
        if let Some(coded) = &mut self.coded {
            coded.drain();
        }
    }

    /// How long it has given frames.
    pub fn ran(&self) -> Duration {
        self.first.map_or(Duration::ZERO, |first| self.newest().saturating_duration_since(first))
    }

    /// Since the last call. `last`: nobody will take what still lies in the slot.
    pub fn take_counts(&mut self, last: bool) -> Counts {
        let arrived = self.tally.arrived.load(Ordering::Acquire);
        let left = if last { arrived.saturating_sub(self.expected) } else { 0 };
        let counts =
            Counts { arrived: arrived - self.counted, overwritten: self.overwritten + left, damaged: self.damaged };
        (self.counted, self.overwritten, self.damaged) = (arrived, 0, 0);
        counts
    }

    /// What is known of the connection, once a frame has come.
    pub fn describe(&self, epoch: u32) -> Connection {
        let (width, height, fps) = self.shape.as_ref().map_or((0, 0, None), |(_, info)| {
            let fps = info.fps();
            let fps = (fps.numer() > 0).then(|| f64::from(fps.numer()) / f64::from(fps.denom()));
            (info.width(), info.height(), fps)
        });
        let decoder = self.decoder();
        let codec = decoder.as_ref().and_then(|decoder| decoder.static_pad("sink")?.current_caps());
        Connection {
            epoch,
            width,
            height,
            fps,
            duration: self.announced,
            codec: codec.and_then(|caps| Some(caps.structure(0)?.name().to_string())),
            decoder: decoder.and_then(|decoder| Some(decoder.factory()?.name().to_string())),
        }
    }

    /// A decoder is at work: frames may come that nobody has seen yet.
    fn decoding(&self) -> bool {
        self.built.convert.static_pad("sink").is_some_and(|pad| pad.is_linked())
    }

    /// The element behind decodebin's pad; None when the source sends raw video.
    fn decoder(&self) -> Option<gst::Element> {
        let outside = self.built.convert.static_pad("sink")?.peer()?.downcast::<gst::GhostPad>().ok()?;
        let element = outside.target()?.parent_element()?;
        element.metadata("klass").is_some_and(|klass| klass.contains("Decoder")).then_some(element)
    }

    fn newest(&self) -> Instant {
        self.tally.opened + Duration::from_nanos(self.tally.newest.load(Ordering::Acquire))
    }

    fn take(&mut self, sample: &gst::Sample) -> Option<Taken> {
        let (buffer, caps) = (sample.buffer_owned()?, sample.caps()?);
        // `count_frames` has put the frame's number and its stream's there.
        let (number, stream) = (buffer.offset(), buffer.offset_end());
        self.overwritten += number.saturating_sub(self.expected);
        self.expected = number + 1;

        let size = |info: &VideoInfo| (info.width(), info.height());
        let before = self.shape.as_ref().map(|(_, info)| size(info));
        if self.shape.as_ref().is_none_or(|(known, _)| known.as_ref() != caps) {
            self.shape = Some((caps.to_owned(), VideoInfo::from_caps(caps).ok()?));
        }
        let info = &self.shape.as_ref()?.1;
        let (width, height) = size(info);

        // Of an older frame only the newer one's arrival is known; then it counts from now.
        let newest = number + 1 == self.tally.arrived.load(Ordering::Acquire);
        let arrived = if newest { self.newest() } else { Instant::now() };
        let running = sample.segment()?.downcast_ref::<gst::ClockTime>()?.to_running_time(buffer.pts());
        // Some HTTP cameras send pictures without a time: they are of now.
        let time = running.map_or_else(|| arrived - self.tally.opened, Duration::from);
        let length = buffer.duration().map_or(Duration::ZERO, Duration::from);
        let pixels = match &self.built.cuda {
            Some(cuda) => Pixels::on_gpu(&buffer, info, cuda)?,
            None => Pixels::map(buffer, info)?,
        };

        let another = self.time.saturating_sub(time) > STEP_BACK;
        let begins = before != Some((width, height)) || stream != self.stream || another;
        self.time = if begins { time } else { time.max(self.time) };
        self.end_time = self.time + length;
        self.stream = stream;
        if self.first.is_none() {
            self.first = Some(arrived);
            self.measure();
        }
        Some(Taken { pixels, width, height, time: self.time, arrived, begins })
    }

    /// At the first frame: how long the whole will be, and whether it keeps its own pace.
    fn measure(&mut self) {
        if !matches!(self.target.kind, Kind::File | Kind::Http) {
            return;
        }
        let duration = self.built.pipeline.query_duration::<gst::ClockTime>().map(Duration::from);
        // Without a container a parser guesses the duration from the bit rate.
        self.announced = duration.filter(|_| self.has_klass("Demuxer"));
        self.finite |= duration.is_some();
        // A live HTTP stream comes at its own pace, and ours would drift from it; HLS comes in heaps.
        if !self.finite
            && !self.has_klass("Adaptive")
            && let Some(pace) = self.built.pipeline.by_name("pace")
        {
            pace.set_property("sync", false);
        }
    }

    fn has_klass(&self, part: &str) -> bool {
        let mut elements = self.built.pipeline.iterate_recurse();
        let found = elements.find(|element| element.metadata("klass").is_some_and(|klass| klass.contains(part)));
        found.is_some()
    }

    /// Of a screen only the process that reads it knows what happened; of a decoder on a GPU, the GPU.
    fn explained(&mut self, error: Error) -> Error {
        if let Some(cuda) = &self.built.cuda
            && let Err(error) = pixels::check_gpu(cuda)
        {
            tracing::error!(%error, "a decoder on the GPU failed, and so does the GPU");
        }
        match self.grab.as_mut().and_then(Grab::complaint) {
            Some(why) => Error::Unreachable { source_name: self.target.shown.clone(), why, lasting: false },
            None => error,
        }
    }

    fn end(&mut self) -> Pull {
        let (source_name, lasting) = (self.target.shown.clone(), self.target.kind.lasts());
        if !self.finite {
            return Pull::Fault(self.explained(Error::Ended { source_name }));
        }
        if self.first.is_none() {
            return Pull::Fault(Error::Damaged { source_name, why: "no picture in it".into(), lasting });
        }
        match self.announced {
            // Who repeats a file that was cut off wants what there is of it.
            Some(announced)
                if !self.repeat
                    && self.end_time + EARLY < announced
                    && self.end_time < announced.mul_f64(EARLY_SHARE) =>
            {
                Pull::Fault(Error::EndedEarly {
                    source_name,
                    played_secs: self.end_time.as_secs_f64(),
                    announced_secs: announced.as_secs_f64(),
                })
            }
            _ => Pull::End,
        }
    }

    fn silent(&self, quiet: Duration) -> Option<Error> {
        let (source_name, lasting) = (self.target.shown.clone(), self.target.kind.lasts());
        // Decodebin can swallow the error of a demultiplexer that fails while it is being plugged in.
        if lasting && !self.decoding() && quiet >= CONNECTING {
            return Some(Error::Damaged { source_name, why: "nothing in it can be decoded".into(), lasting });
        }
        let limit = self.silence + if self.first.is_none() { CONNECTING } else { Duration::ZERO };
        if quiet < limit {
            return None;
        }
        Some(if self.tally.heard.load(Ordering::Acquire) {
            Error::NoFrames { source_name, secs: quiet.as_secs_f64(), lasting }
        } else {
            Error::Unreachable { source_name, why: format!("no answer for {:.0} s", quiet.as_secs_f64()), lasting }
        })
    }

    fn read_bus(&mut self) {
        while let Some(message) = self.bus.pop() {
            match message.view() {
                // The first error is the cause, the rest follow from it.
                gst::MessageView::Error(error) if self.error.is_none() => {
                    let heard = self.tally.heard.load(Ordering::Acquire);
                    let error = Error::from_bus(&self.target, error, heard, &self.lacking);
                    self.error = Some((error, Instant::now()));
                }
                gst::MessageView::Element(element) => self.lacking.extend(lacking(element)),
                // A decoder says so of every frame that it gives up.
                gst::MessageView::Qos(_) => self.damaged += 1,
                _ => {}
            }
        }
    }
}

impl Drop for Running {
    /// Closes without waiting: a camera that is gone can hold this up for seconds.
    fn drop(&mut self) {
        self.take_coded();
        self.gate.closed.store(true, Ordering::Release);
        self.closing.fetch_add(1, Ordering::AcqRel);
        let (gate, closing, grab) = (self.gate.clone(), self.closing.clone(), self.grab.take());
        self.built.pipeline.call_async(move |pipeline| {
            let _turn = gate.turn.lock().unwrap_or_else(PoisonError::into_inner);
            // To NULL no element may refuse.
            let _ = pipeline.set_state(gst::State::Null);
            drop(grab);
            closing.fetch_sub(1, Ordering::AcqRel);
        });
    }
}

/// Numbers every frame that reaches the slot and tells decoders that frames may keep the decoder's own strides (else
/// they copy each one).
fn count_frames(built: &Built, tally: &Arc<Tally>) {
    // An appsink has a sink pad.
    let Some(pad) = built.frames.static_pad("sink") else { return };
    let tally = tally.clone();
    let what = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM | gst::PadProbeType::QUERY_DOWNSTREAM;
    pad.add_probe(what, move |_, info| {
        match &mut info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                let buffer = buffer.make_mut();
                buffer.set_offset(tally.arrived.load(Ordering::Relaxed));
                buffer.set_offset_end(tally.streams.load(Ordering::Relaxed));
                tally.newest.store(tally.opened.elapsed().as_nanos() as u64, Ordering::Release);
                tally.arrived.fetch_add(1, Ordering::Release);
            }
            Some(gst::PadProbeData::Event(event)) => match event.type_() {
                gst::EventType::StreamStart => {
                    tally.streams.fetch_add(1, Ordering::Relaxed);
                }
                gst::EventType::Eos => tally.ended.store(true, Ordering::Release),
                _ => {}
            },
            Some(gst::PadProbeData::Query(query)) => {
                if let gst::QueryViewMut::Allocation(allocation) = query.view_mut() {
                    allocation.add_allocation_meta::<gst_video::VideoMeta>(None);
                    return gst::PadProbeReturn::Handled;
                }
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

/// Notes that the source has answered (RTSP: by its pads) or sent something.
fn listen(source: &gst::Element, tally: &Arc<Tally>) {
    let tally = tally.clone();
    match source.static_pad("src") {
        Some(pad) => {
            pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
                tally.heard.store(true, Ordering::Release);
                gst::PadProbeReturn::Remove
            });
        }
        None => {
            source.connect_pad_added(move |_, _| tally.heard.store(true, Ordering::Release));
        }
    }
}

/// The caps name that decodebin found no decoder for.
fn lacking(message: &gst::message::Element) -> Option<String> {
    let structure = message.structure().filter(|structure| structure.name() == "missing-plugin")?;
    let caps = structure.get::<gst::Caps>("detail").ok()?;
    Some(caps.structure(0)?.name().to_string())
}
