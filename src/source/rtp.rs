//! The times that a camera gave its packets. In: packets as they leave GStreamer's jitter buffer. Out: the same packets, their
//! times those of the camera's own clock. Attached by `launch`.
//!
//! The jitter buffer follows the camera's clock by the time of arrival and never lets a time step back. A stream with B
//! frames sends them out of order, so their times come out squeezed together (steps of 38 to 162 ms for a steady 10 frames a
//! second), and the detector, which wants equal steps, never gets a window together. Its mode `none` gives true times, but
//! then a camera whose clock drifts from ours makes it wait for a lost packet for ever longer.

use std::sync::{Mutex, PoisonError};

use gst::prelude::*;
use gstreamer as gst;

/// Beyond it the camera has set its clock anew, or has drifted from ours for hours: its time counts from now.
const ASTRAY: gst::ClockTime = gst::ClockTime::from_seconds(2);

/// Gives what leaves a jitter buffer the camera's times.
pub(super) fn keep_times(jitter_buffer: &gst::Element) {
    let Some(pad) = jitter_buffer.static_pad("src") else { return };
    // Only the pad's own thread takes it, so it never waits.
    let clock = Mutex::new(None);
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let mut clock = clock.lock().unwrap_or_else(PoisonError::into_inner);
        if clock.is_none() {
            let rate = pad.current_caps().and_then(|caps| caps.structure(0)?.get::<i32>("clock-rate").ok());
            *clock = rate.and_then(|rate| u64::try_from(rate).ok()).filter(|rate| *rate > 0).map(Clock::new);
        }
        if let (Some(clock), Some(packet)) = (clock.as_mut(), info.buffer_mut())
            && let (Some(ticks), Some(given)) = (ticks(packet), packet.pts())
        {
            packet.make_mut().set_pts(clock.time(ticks, given));
        }
        gst::PadProbeReturn::Ok
    });
}

/// The time stamp of a packet: bytes 4 to 7 (RFC 3550, 5.1).
fn ticks(packet: &gst::Buffer) -> Option<u32> {
    let mut bytes = [0; 4];
    packet.copy_to_slice(4, &mut bytes).ok()?;
    Some(u32::from_be_bytes(bytes))
}

/// A camera's clock, laid against ours at one packet.
struct Clock {
    /// Ticks a second.
    rate: u64,
    /// The last packet's ticks.
    last: u32,
    /// From the packet at which it was laid on to the last one; a packet may lie before it.
    since: i64,
    laid: Option<gst::ClockTime>,
}

impl Clock {
    fn new(rate: u64) -> Self {
        Self { rate, last: 0, since: 0, laid: None }
    }

    /// `given`: the time by the jitter buffer.
    fn time(&mut self, ticks: u32, given: gst::ClockTime) -> gst::ClockTime {
        // 32 bits are full after 13 hours of 90 kHz; the difference is right beyond that.
        self.since += i64::from(ticks.wrapping_sub(self.last).cast_signed());
        self.last = ticks;
        let span = self.since.unsigned_abs().mul_div_floor(gst::ClockTime::SECOND.nseconds(), self.rate);
        let time = self
            .laid
            .zip(span.map(gst::ClockTime::from_nseconds))
            .and_then(|(laid, span)| if self.since < 0 { laid.checked_sub(span) } else { laid.checked_add(span) });
        match time.filter(|time| time.nseconds().abs_diff(given.nseconds()) < ASTRAY.nseconds()) {
            Some(time) => time,
            None => {
                (self.since, self.laid) = (0, Some(given));
                given
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u64 = 90_000;

    fn ms(ms: u64) -> gst::ClockTime {
        gst::ClockTime::from_mseconds(ms)
    }

    #[test]
    fn packets_out_of_order_get_the_times_of_their_pictures_across_the_end_of_32_bits() {
        let mut clock = Clock::new(RATE);
        let first = u32::MAX - 20_000;
        // I P B B P at 10 pictures a second, as they are sent; the jitter buffer lets no time step back.
        let pictures = [0, 300, 100, 200, 600, 400, 500];
        let given = [50, 340, 340, 340, 620, 620, 620];
        let times = pictures.iter().zip(given).map(|(picture, given)| {
            let ticks = first.wrapping_add(picture * 90);
            clock.time(ticks, ms(given))
        });
        assert_eq!(times.collect::<Vec<_>>(), pictures.map(|picture| ms(50 + u64::from(picture))));
    }

    #[test]
    fn a_camera_that_sets_its_clock_or_drifts_for_hours_counts_from_now() {
        let mut clock = Clock::new(RATE);
        assert_eq!(clock.time(0, ms(1000)), ms(1000));
        assert_eq!(clock.time(9000, ms(1300)), ms(1100));
        for (ticks, given) in [(3_000_000_000, 1400), (9000, 1500)] {
            assert_eq!(clock.time(ticks, ms(given)), ms(given));
            assert_eq!(clock.time(ticks + 9000, ms(given + 100)), ms(given + 100));
        }
        // 1 % too slow: it is laid on anew every 200 s, and never astray by more.
        let mut clock = Clock::new(RATE);
        let late = (0..500_000u32).map(|n| {
            let given = u64::from(n) * 101;
            ms(given).saturating_sub(clock.time(n.wrapping_mul(9000), ms(given)))
        });
        assert!(late.max() < Some(ASTRAY));
    }
}
