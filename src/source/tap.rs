//! Where the original video can be had, as the cameras sent it. GStreamer's threads hand coded packets over to a bounded
//! queue ([`Inlet`]); the stream's own thread takes them from there into the stream's [`Ring`](super::ring::Ring). In:
//! what goes into a decoder. Out: a [`Tap`] a stream, found by its id in [`Taps`]. Made by `app`, read by `evidence`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use gst::prelude::*;
use gstreamer as gst;

use super::ring::{Format, Limits, Packet, Ring};

/// Packets, and bytes of them, that may wait for the stream's thread, which takes them with every pull: some seconds.
const QUEUE: usize = 256;
const QUEUE_BYTES: usize = 2 << 20;
/// What of the caps must be the same for packets to belong together; the rest parsers add and correct as they learn.
const SAME: [&str; 6] = ["stream-format", "alignment", "codec_data", "streamheader", "width", "height"];

/// The taps of all streams, and the memory that they share.
pub struct Taps {
    span: Duration,
    stream_bytes: usize,
    all_bytes: usize,
    /// What each may hold at most now.
    share: AtomicUsize,
    /// Packets that found a queue full.
    lost: AtomicU64,
    taps: Mutex<HashMap<Arc<str>, Weak<Tap>>>,
}

/// One stream's coded video, over all its connections.
pub struct Tap {
    address: String,
    taps: Arc<Taps>,
    ring: Mutex<Ring>,
}

impl Taps {
    /// `span`: how far back is wanted. `stream_bytes` for one stream, `all_bytes` for all together; both hold always.
    pub fn new(span: Duration, stream_bytes: usize, all_bytes: usize) -> Arc<Self> {
        let (share, lost) = (AtomicUsize::new(stream_bytes), AtomicU64::new(0));
        Arc::new(Self { span, stream_bytes, all_bytes, share, lost, taps: Mutex::default() })
    }

    /// A tap for a stream, in place of the one it had. `address`: as it may be shown.
    pub fn join(self: &Arc<Self>, stream: &str, address: String) -> Arc<Tap> {
        let tap = Arc::new(Tap { address, taps: self.clone(), ring: Mutex::default() });
        self.lock().insert(stream.into(), Arc::downgrade(&tap));
        self.share_out();
        tap
    }

    /// The tap of a stream that exists.
    pub fn get(&self, stream: &str) -> Option<Arc<Tap>> {
        self.lock().get(stream)?.upgrade()
    }

    /// Divides the memory among the streams there are; what one holds beyond its part goes at once.
    pub fn share_out(&self) {
        let taps: Vec<Arc<Tap>> = {
            let mut taps = self.lock();
            taps.retain(|_, tap| tap.strong_count() > 0);
            taps.values().filter_map(Weak::upgrade).collect()
        };
        self.share.store(self.stream_bytes.min(self.all_bytes / taps.len().max(1)), Ordering::Relaxed);
        taps.iter().for_each(|tap| tap.lock().trim(self.limits()));
    }

    /// Packets of all streams since the last call that found their queue full.
    pub fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }

    /// Bytes that all hold.
    pub fn bytes(&self) -> usize {
        let taps: Vec<Arc<Tap>> = self.lock().values().filter_map(Weak::upgrade).collect();
        taps.iter().map(|tap| tap.lock().bytes()).sum()
    }

    fn limits(&self) -> Limits {
        Limits { span: self.span, bytes: self.share.load(Ordering::Relaxed) }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Weak<Tap>>> {
        // Whole at every moment it is held.
        self.taps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tap {
    /// The source's address without credentials.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Packets from this number on that are still held.
    pub fn after(&self, number: u64) -> Vec<Packet> {
        self.lock().after(number)
    }

    /// Where to begin to see everything from `time` on.
    pub fn begin(&self, time: Instant) -> u64 {
        self.lock().begin(time)
    }

    /// For a new connection.
    pub(super) fn connect(self: &Arc<Self>) -> (Inlet, Outlet) {
        let (queue, waiting) = sync_channel(QUEUE);
        let (bytes, lost) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU64::new(0)));
        let outlet = Outlet { tap: self.clone(), waiting, bytes: bytes.clone(), lost: lost.clone(), format: None };
        (Inlet { queue, bytes, lost }, outlet)
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        // A ring that a panic left half changed is at worst cut where it should not be; nobody's verdict reads it.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A packet on its way from GStreamer's thread.
struct Coded {
    buffer: gst::Buffer,
    caps: Option<gst::Caps>,
    arrived: Instant,
    /// Lost before it.
    lost: u64,
}

/// GStreamer's end: hands over and counts, nothing else.
#[derive(Clone)]
pub(super) struct Inlet {
    queue: SyncSender<Coded>,
    /// That wait.
    bytes: Arc<AtomicUsize>,
    lost: Arc<AtomicU64>,
}

impl Inlet {
    /// Listens to what goes into `decoder`, if it is one of pictures.
    pub fn attach(&self, parent: &gst::Bin, decoder: &gst::Element) {
        let decodes = |element: &gst::Element| {
            let klass = element.metadata("klass").unwrap_or_default();
            klass.contains("Codec/Decoder") && (klass.contains("Video") || klass.contains("Image"))
        };
        // Of a decoder that is made of others only the outer one counts.
        if !decodes(decoder) || decodes(parent.upcast_ref()) {
            return;
        }
        let Some(pad) = decoder.static_pad("sink") else { return };
        let inlet = self.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            if let Some(gst::PadProbeData::Buffer(buffer)) = &info.data {
                let (size, lost) = (buffer.size(), inlet.lost.swap(0, Ordering::Relaxed));
                // One that is larger than all that may wait goes alone.
                let before = inlet.bytes.fetch_add(size, Ordering::Relaxed);
                let room = before == 0 || before + size <= QUEUE_BYTES;
                let coded = Coded { buffer: buffer.clone(), caps: pad.current_caps(), arrived: Instant::now(), lost };
                if !room || inlet.queue.try_send(coded).is_err() {
                    inlet.bytes.fetch_sub(size, Ordering::Relaxed);
                    inlet.lost.fetch_add(lost + 1, Ordering::Relaxed);
                }
            }
            gst::PadProbeReturn::Ok
        });
    }
}

/// The stream's end of one connection.
pub(super) struct Outlet {
    tap: Arc<Tap>,
    waiting: Receiver<Coded>,
    bytes: Arc<AtomicUsize>,
    lost: Arc<AtomicU64>,
    format: Option<(gst::Caps, Arc<Format>)>,
}

impl Outlet {
    /// Takes over what has come. A copy, because a camera's driver has few buffers and wants them back; what a second
    /// of video has of bytes is copied in less than a millisecond.
    pub fn drain(&mut self) {
        let now = (Instant::now(), SystemTime::now());
        while let Ok(Coded { buffer, caps, arrived, lost }) = self.waiting.try_recv() {
            self.bytes.fetch_sub(buffer.size(), Ordering::Relaxed);
            let (Some(caps), Ok(bytes)) = (caps, buffer.map_readable()) else {
                self.lost.fetch_add(1 + lost, Ordering::Relaxed);
                continue;
            };
            if lost > 0 {
                self.tap.taps.lost.fetch_add(lost, Ordering::Relaxed);
            }
            let time = |time: Option<gst::ClockTime>| time.map(Duration::from);
            let packet = Packet {
                number: 0,
                format: self.format(caps),
                key: !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
                pts: time(buffer.pts()),
                dts: time(buffer.dts()),
                duration: time(buffer.duration()),
                arrived,
                captured: now.1 - now.0.saturating_duration_since(arrived),
                bytes: Arc::from(bytes.as_slice()),
            };
            let limits = self.tap.taps.limits();
            self.tap.lock().push(packet, lost, limits);
        }
    }

    fn format(&mut self, caps: gst::Caps) -> Arc<Format> {
        match &self.format {
            Some((known, format)) if *known == caps || belong(known, &caps) => format.clone(),
            _ => {
                let format = Arc::new(Format { caps: caps.to_string() });
                self.format = Some((caps, format.clone()));
                format
            }
        }
    }
}

/// Whether packets with these caps can stand in one file.
fn belong(one: &gst::Caps, other: &gst::Caps) -> bool {
    let (Some(one), Some(other)) = (one.structure(0), other.structure(0)) else { return false };
    let same = |field: &str| {
        let text = |caps: &gst::StructureRef| caps.value(field).ok().and_then(|value| value.serialize().ok());
        text(one) == text(other)
    };
    one.name() == other.name() && SAME.iter().all(|field| same(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(size: usize) -> Packet {
        Packet {
            number: 0,
            format: Arc::new(Format { caps: "video/x-vp8".into() }),
            key: true,
            pts: None,
            dts: None,
            duration: None,
            arrived: Instant::now(),
            captured: SystemTime::now(),
            bytes: vec![0; size].into(),
        }
    }

    #[test]
    fn a_hundred_streams_share_one_memory() {
        let taps = Taps::new(Duration::from_secs(60), 1 << 20, 8 << 20);
        let fill = |tap: &Arc<Tap>| {
            for _ in 0..40 {
                let limits = taps.limits();
                tap.lock().push(packet(60_000), 0, limits);
            }
        };
        let first = taps.join("0", "test".into());
        fill(&first);
        assert!((900_000..=1 << 20).contains(&taps.bytes()), "{}", taps.bytes());
        let others: Vec<_> = (1..100).map(|i| taps.join(&i.to_string(), "test".into())).collect();
        others.iter().for_each(fill);
        // The first said nothing since, and gave its part up all the same.
        assert!((4 << 20..=8 << 20).contains(&taps.bytes()), "{}", taps.bytes());
        drop(others);
        taps.share_out();
        fill(&first);
        assert!(taps.bytes() > 900_000, "{}", taps.bytes());
        assert!(taps.get("0").is_some() && taps.get("1").is_none());
    }

    #[test]
    fn caps_that_a_parser_completes_are_no_new_video() {
        gst::init().unwrap();
        let caps = |text: &str| text.parse::<gst::Caps>().unwrap();
        let first = caps("video/x-h264, stream-format=avc, width=320, height=240, codec_data=(buffer)0164");
        let more =
            caps("video/x-h264, stream-format=avc, width=320, height=240, codec_data=(buffer)0164, framerate=25/1");
        let other = caps("video/x-h264, stream-format=avc, width=320, height=240, codec_data=(buffer)0165");
        assert!(belong(&first, &more));
        assert!(!belong(&first, &other));
        assert!(!belong(&first, &caps("video/x-vp8, width=320, height=240")));
    }
}
