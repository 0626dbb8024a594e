//! The newest coded video of one stream, bounded by seconds and bytes; what it holds can always be decoded from its
//! beginning. Pure: time comes with the packets. In: [`Packet`]s as they came, and the limits. Out: those from a number
//! or a time on. Owned by `tap`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// What a packet costs beside its bytes, about.
const OVERHEAD: usize = 256;

/// How coded video is to be read. Packets of one connection and codec share one.
#[derive(Debug, PartialEq, Eq)]
pub struct Format {
    /// GStreamer's caps, as text.
    pub caps: String,
}

/// One coded picture as the camera sent it.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Counts a stream's packets from 0; where one is missing, some were lost.
    pub number: u64,
    pub format: Arc<Format>,
    /// It can be decoded without those before it.
    pub key: bool,
    pub pts: Option<Duration>,
    pub dts: Option<Duration>,
    pub duration: Option<Duration>,
    pub arrived: Instant,
    pub captured: SystemTime,
    pub bytes: Arc<[u8]>,
}

/// How much a ring may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// So much time before the newest packet is wanted.
    pub span: Duration,
    /// Never more, overhead included.
    pub bytes: usize,
}

#[derive(Debug, Default)]
pub(super) struct Ring {
    packets: VecDeque<Packet>,
    /// Packets of each group, which begins with a key frame.
    groups: VecDeque<usize>,
    bytes: usize,
    next: u64,
    /// What comes cannot be decoded before the next key frame.
    headless: bool,
}

impl Ring {
    /// Takes the next packet, whose number it sets. `lost`: so many before it never came.
    pub fn push(&mut self, mut packet: Packet, lost: u64, limits: Limits) {
        self.next += lost;
        packet.number = self.next;
        self.next += 1;
        let fits = |last: &Packet| Arc::ptr_eq(&last.format, &packet.format);
        if self.packets.back().is_some_and(|last| !fits(last)) && !packet.key {
            // The middle of something else than what lies here.
            self.headless = true;
        }
        if packet.key {
            self.headless = false;
            self.groups.push_back(0);
        } else if self.headless || self.packets.is_empty() {
            return;
        }
        self.bytes += cost(&packet);
        self.packets.push_back(packet);
        if let Some(group) = self.groups.back_mut() {
            *group += 1;
        }
        self.trim(limits);
    }

    /// Drops the oldest groups that are beyond the limits.
    pub fn trim(&mut self, limits: Limits) {
        let Some(newest) = self.packets.back().map(|packet| packet.arrived) else { return };
        while let (Some(&group), true) = (self.groups.front(), self.groups.len() > 1) {
            // The second group alone reaches far enough back.
            let old = newest.saturating_duration_since(self.packets[group].arrived) >= limits.span;
            if !old && self.bytes <= limits.bytes {
                return;
            }
            self.groups.pop_front();
            self.bytes -= self.packets.drain(..group).map(|packet| cost(&packet)).sum::<usize>();
        }
        if self.bytes > limits.bytes {
            // One group alone is too much, and without its beginning the rest of it is of no use.
            let next = self.next;
            *self = Self { next, headless: true, ..Self::default() };
        }
    }

    /// Packets from this number on.
    pub fn after(&self, number: u64) -> Vec<Packet> {
        let first = self.packets.partition_point(|packet| packet.number < number);
        self.packets.range(first..).cloned().collect()
    }

    /// Where to begin to see everything from `time` on: the newest key frame not after it, else the oldest.
    pub fn begin(&self, time: Instant) -> u64 {
        let keys = self.packets.iter().filter(|packet| packet.key);
        let before = keys.take_while(|packet| packet.arrived <= time).last();
        before.or(self.packets.front()).map_or(self.next, |packet| packet.number)
    }

    /// Bytes held, overhead included.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

fn cost(packet: &Packet) -> usize {
    packet.bytes.len() + OVERHEAD
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits { span: Duration::from_secs(2), bytes: 1 << 20 };

    fn format() -> Arc<Format> {
        Arc::new(Format { caps: "video/x-h264".into() })
    }

    /// A stream of 10 packets a second.
    struct Camera {
        began: Instant,
        sent: u64,
        format: Arc<Format>,
        ring: Ring,
    }

    impl Camera {
        fn new() -> Self {
            Self { began: Instant::now(), sent: 0, format: format(), ring: Ring::default() }
        }

        fn at(&self, packet: u64) -> Instant {
            self.began + Duration::from_millis(100 * packet)
        }

        fn send(&mut self, key: bool, size: usize, lost: u64, limits: Limits) {
            self.sent += lost;
            let packet = Packet {
                number: 0,
                format: self.format.clone(),
                key,
                pts: None,
                dts: None,
                duration: None,
                arrived: self.at(self.sent),
                captured: SystemTime::UNIX_EPOCH,
                bytes: vec![0; size].into(),
            };
            self.sent += 1;
            self.ring.push(packet, lost, limits);
        }

        /// Key frames every `group` packets.
        fn film(&mut self, packets: u64, group: u64) {
            for i in 0..packets {
                self.send(i % group == 0, 100, 0, LIMITS);
            }
        }

        fn numbers(&self) -> Vec<u64> {
            self.ring.after(0).iter().map(|packet| packet.number).collect()
        }
    }

    #[test]
    fn it_holds_what_is_wanted_from_a_key_frame_on() {
        let mut camera = Camera::new();
        camera.film(100, 5);
        // 2 s before packet 99 is packet 79: the group that began at 75 is needed for it.
        assert_eq!(camera.numbers(), (75..100).collect::<Vec<_>>());
        assert_eq!(camera.ring.begin(camera.at(92)), 90);
        assert_eq!(camera.ring.begin(camera.at(3)), 75);
        assert_eq!(camera.ring.after(98).len(), 2);
    }

    #[test]
    fn a_group_that_is_too_large_is_given_up_until_the_next_key_frame() {
        let mut camera = Camera::new();
        let limits = Limits { bytes: 4000, ..LIMITS };
        camera.send(true, 2000, 0, limits);
        camera.send(false, 2000, 0, limits);
        assert_eq!(camera.numbers(), [0u64; 0]);
        camera.send(false, 10, 0, limits);
        assert_eq!(camera.numbers(), [0u64; 0]);
        camera.send(true, 10, 0, limits);
        camera.send(false, 10, 0, limits);
        assert_eq!(camera.numbers(), [3, 4]);
    }

    #[test]
    fn another_connection_begins_at_its_first_key_frame_beside_what_came_before() {
        let mut camera = Camera::new();
        camera.film(3, 3);
        camera.format = format();
        camera.send(false, 100, 0, LIMITS);
        camera.send(true, 100, 0, LIMITS);
        assert_eq!(camera.numbers(), [0, 1, 2, 4]);
    }

    #[test]
    fn what_never_came_leaves_a_hole_in_the_numbers() {
        let mut camera = Camera::new();
        camera.film(3, 3);
        camera.send(false, 100, 7, LIMITS);
        assert_eq!(camera.numbers(), [0, 1, 2, 10]);
    }

    proptest! {
        #[test]
        fn bounds_hold_whatever_comes(
            packets in prop::collection::vec((prop::bool::weighted(0.2), 0usize..5000, 0u64..3, prop::bool::weighted(0.05)), 1..200),
            bytes in 1000usize..50_000,
            span in 0u64..5000,
        ) {
            let limits = Limits { span: Duration::from_millis(span), bytes };
            let mut camera = Camera::new();
            for (key, size, lost, reconnect) in packets {
                if reconnect {
                    camera.format = format();
                }
                camera.send(key, size, lost, limits);
                let held = camera.ring.after(0);
                let cost: usize = held.iter().map(super::cost).sum();
                prop_assert_eq!(cost, camera.ring.bytes());
                prop_assert!(cost <= bytes);
                prop_assert_eq!(camera.ring.groups.iter().sum::<usize>(), held.len());
                let Some(newest) = held.last() else { continue };
                prop_assert!(held[0].key, "its beginning can be decoded");
                prop_assert!(held.windows(2).all(|pair| pair[0].number < pair[1].number));
                let torn = held.windows(2).any(|pair| !pair[1].key && !Arc::ptr_eq(&pair[0].format, &pair[1].format));
                prop_assert!(!torn, "a connection begins with a key frame");
                let second = held.iter().skip(1).find(|packet| packet.key);
                let needless = second.is_some_and(|second| newest.arrived - second.arrived >= limits.span);
                prop_assert!(!needless, "nothing is held that is not wanted");
            }
        }
    }
}
