//! A stream's source over all its connections. In: settings, and somebody who pulls. Out: [`Next`]. Reconnects by its
//! ladder for as long as an error can mend by itself.

use std::time::{Duration, Instant};

use super::address::Kind;
use super::connection::{Running, Step, stop_aside};
use super::ladder::Ladder;
use super::{Config, Counts, Error, Next};

/// A stream's source, reconnecting for ever by its ladder.
pub struct Source {
    kind: Kind,
    config: Config,
    phase: Phase,
    ladder: Ladder,
    /// Number of the next frame.
    number: u64,
    /// The next epoch.
    epoch: u32,
    /// Counted, but not yet told.
    counts: Counts,
}

enum Phase {
    Running(Box<Running>),
    /// Until the ladder lets it try again.
    Resting {
        until: Instant,
    },
    /// It ended, or failed for good.
    Over,
}

impl Source {
    /// Prepares the source; connects at the first [`Source::next`]. Fails only for settings no retry can mend.
    pub fn open(config: &Config) -> Result<Self, Error> {
        // The text is shown without what may be a password in it.
        let address = || Error::Address { address: crate::secret::redact_url(&config.url) };
        let kind = Kind::of(&config.url).ok_or_else(address)?;
        Ok(Self {
            kind,
            config: config.clone(),
            phase: Phase::Resting { until: Instant::now() },
            ladder: Ladder::default(),
            number: 0,
            epoch: 0,
            counts: Counts::default(),
        })
    }

    /// Waits at most `wait` for what comes next. Never blocks longer, whatever the network does.
    pub fn next(&mut self, wait: Duration) -> Next {
        let deadline = Instant::now() + wait;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match &mut self.phase {
                Phase::Running(running) => match running.step(left, self.number, self.epoch) {
                    Step::Frame(frame) => {
                        self.number += 1;
                        return Next::Frame(frame);
                    }
                    Step::Connected(connection) => {
                        self.epoch += 1;
                        return Next::Connected(connection);
                    }
                    Step::Failed(error) => return self.fail(error),
                    Step::End if self.config.repeat && running.rewind() => {}
                    Step::End => {
                        self.close();
                        return Next::End;
                    }
                    Step::Nothing => {}
                },
                Phase::Resting { until } if Instant::now() >= *until => match Running::start(self.kind, &self.config) {
                    Ok(running) => self.phase = Phase::Running(Box::new(running)),
                    Err(error) => return self.fail(error),
                },
                Phase::Resting { until } => {
                    std::thread::sleep(left.min(until.saturating_duration_since(Instant::now())))
                }
                Phase::Over => std::thread::sleep(left),
            }
            if Instant::now() >= deadline {
                return Next::Idle;
            }
        }
    }

    /// Counts since the last call.
    pub fn take_counts(&mut self) -> Counts {
        if let Phase::Running(running) = &mut self.phase {
            self.counts += running.take_counts(false);
        }
        std::mem::take(&mut self.counts)
    }

    fn fail(&mut self, error: Error) -> Next {
        let ran = match &self.phase {
            Phase::Running(running) => running.ran(),
            _ => Duration::ZERO,
        };
        self.close();
        let retry_in = error.retry().then(|| self.ladder.rest(ran, fastrand::f64()));
        if let Some(rest) = retry_in {
            self.phase = Phase::Resting { until: Instant::now() + rest };
        }
        Next::Fault { error, retry_in }
    }

    /// Ends the connection, if there is one; its last counts are kept.
    fn close(&mut self) {
        if let Phase::Running(mut running) = std::mem::replace(&mut self.phase, Phase::Over) {
            self.counts += running.take_counts(true);
            if let Some(pipeline) = running.end_now() {
                stop_aside(&self.config.id, pipeline);
            }
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.close();
    }
}
