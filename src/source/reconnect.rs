//! A stream's source over all its connections. In: settings, and somebody who pulls. Out: [`Next`]. Reconnects by its
//! ladder for as long as an error can mend by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use gstreamer as gst;

use super::address::Target;
use super::connection::{Pull, Running, Taken};
use super::ladder::Ladder;
use super::tap::{Tap, Taps};
use super::{Config, Counts, Error, Frame, Next, Stamp};
use crate::secret::redact_url;

/// Bounds how late an error is noticed within a long wait.
const SLICE: Duration = Duration::from_millis(50);
/// Connections of one source that may be closing at a time: one that hangs must not let others pile up behind it.
const MAX_CLOSING: usize = 3;
/// A source that is dropped waits at most so long for its connections to close.
const FAREWELL: Duration = Duration::from_secs(1);

/// A stream's source, reconnecting for ever by its ladder.
pub struct Source {
    config: Config,
    target: Target,
    /// Where the coded video goes as well.
    tap: Option<Arc<Tap>>,
    state: State,
    ladder: Ladder,
    closing: Arc<AtomicUsize>,
    /// The first frame of an epoch, while its `Connected` is being told.
    held: Option<Taken>,
    /// Of the next frame and the next epoch.
    number: u64,
    epoch: u32,
    /// Running time of the epoch's first frame.
    base: Duration,
    /// Of connections that are gone.
    counts: Counts,
}

enum State {
    /// Connects at this moment.
    Resting(Instant),
    /// Boxed: it is many times larger than the others.
    Running(Box<Running>),
    Over,
}

impl Source {
    /// Prepares the source; connects at the first [`Source::next`]. Fails only for settings no retry can mend.
    pub fn open(config: &Config) -> Result<Self, Error> {
        let source_name = || redact_url(&config.url);
        let target = Target::new(&config.url, &config.user, &config.password)
            .map_err(|fault| Error::Settings { source_name: source_name(), fault })?;
        gst::init().map_err(|error| Error::Pipeline { source_name: source_name(), why: error.to_string() })?;
        Ok(Self {
            config: config.clone(),
            target,
            tap: None,
            state: State::Resting(Instant::now()),
            ladder: Ladder::default(),
            closing: Arc::default(),
            held: None,
            number: 0,
            epoch: 0,
            base: Duration::ZERO,
            counts: Counts::default(),
        })
    }

    /// Keeps the newest coded video within reach as well, from the next connection on.
    pub fn tapped(mut self, taps: &Arc<Taps>) -> Self {
        self.tap = Some(taps.join(&self.config.id, self.target.shown.clone()));
        self
    }

    /// Waits at most `wait` for what comes next. Never blocks longer, whatever the network does.
    pub fn next(&mut self, wait: Duration) -> Next {
        let deadline = Instant::now() + wait;
        loop {
            if let Some(taken) = self.held.take() {
                return Next::Frame(self.stamp(taken));
            }
            let now = Instant::now();
            let left = deadline.saturating_duration_since(now);
            match &mut self.state {
                State::Over => return Next::End,
                State::Resting(until) if *until > now => std::thread::sleep(left.min(*until - now)),
                State::Resting(_) => {
                    if let Err(error) = self.connect() {
                        return self.fail(error);
                    }
                }
                State::Running(running) => match running.pull(left.min(SLICE)) {
                    Pull::Frame(taken) if taken.begins => return self.begin(taken),
                    Pull::Frame(taken) => return Next::Frame(self.stamp(taken)),
                    Pull::Fault(error) => return self.fail(error),
                    Pull::End if self.config.repeat => self.leave(State::Resting(now)),
                    Pull::End => self.leave(State::Over),
                    Pull::Nothing => {}
                },
            }
            if now >= deadline {
                return Next::Idle;
            }
        }
    }

    /// Counts since the last call.
    pub fn take_counts(&mut self) -> Counts {
        let mut counts = std::mem::take(&mut self.counts);
        if let State::Running(running) = &mut self.state {
            counts += running.take_counts(false);
        }
        counts
    }

    fn connect(&mut self) -> Result<(), Error> {
        let count = self.closing.load(Ordering::Acquire);
        if count >= MAX_CLOSING {
            return Err(Error::Stuck { source_name: self.target.shown.clone(), count });
        }
        self.state =
            State::Running(Box::new(Running::start(&self.target, &self.config, self.tap.as_ref(), &self.closing)?));
        Ok(())
    }

    /// Drops the connection, if there is one, and keeps its counts.
    fn leave(&mut self, state: State) {
        if let State::Running(mut running) = std::mem::replace(&mut self.state, state) {
            self.counts += running.take_counts(true);
        }
    }

    fn fail(&mut self, error: Error) -> Next {
        let ran = if let State::Running(running) = &self.state { running.ran() } else { Duration::ZERO };
        // A camera that is starting up refuses a password that it took before.
        let worked = self.number > 0 && matches!(error, Error::Unauthorised { .. });
        let retry_in = (error.retry() || worked).then(|| self.ladder.rest(ran, fastrand::f64()));
        self.leave(retry_in.map_or(State::Over, |rest| State::Resting(Instant::now() + rest)));
        Next::Fault { error, retry_in }
    }

    /// A new epoch: tells of it, and keeps its first frame for the next pull.
    fn begin(&mut self, taken: Taken) -> Next {
        let epoch = self.epoch;
        self.epoch += 1;
        self.base = taken.time;
        self.held = Some(taken);
        match &self.state {
            State::Running(running) => Next::Connected(running.describe(epoch)),
            // A frame was just taken from it.
            State::Resting(_) | State::Over => Next::Idle,
        }
    }

    fn stamp(&mut self, taken: Taken) -> Frame {
        let stamp = Stamp {
            number: self.number,
            epoch: self.epoch.saturating_sub(1),
            pts: taken.time.saturating_sub(self.base),
            arrived: taken.arrived,
            captured: SystemTime::now() - taken.arrived.elapsed(),
            width: taken.width,
            height: taken.height,
        };
        self.number += 1;
        Frame { stamp, pixels: taken.pixels }
    }
}

impl Drop for Source {
    /// Lets the camera know, if it takes it soon: a process that exits while GStreamer still closes can crash.
    fn drop(&mut self) {
        self.leave(State::Over);
        let began = Instant::now();
        while self.closing.load(Ordering::Acquire) > 0 && began.elapsed() < FAREWELL {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}
