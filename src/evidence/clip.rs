//! Puts coded video into a Matroska file, packet by packet, never decoded and never coded anew. In: a [`Spool`]. Out: the
//! file, or why its codec does not go into one. A byte stream of H.264 or H.265 gets lengths in place of its start codes,
//! which is how Matroska holds the same NAL units. Called by `keeper`.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;

use super::spool::{Entry, Spool};
use super::store;

/// A clip of some seconds is written in a fraction of one; a disk that takes longer than this takes nothing.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes that may lie before the muxer.
const AHEAD: u64 = 4 << 20;
const LOOK: Duration = Duration::from_millis(5);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Disk(#[from] io::Error),
    #[error("its video does not go into a Matroska file: {0}")]
    Codec(String),
}

/// Writes `to`.
pub fn write(spool: &Spool, to: &Path) -> Result<(), Error> {
    gst::init().map_err(|error| Error::Codec(error.to_string()))?;
    let caps: gst::Caps = spool.format.caps.parse().map_err(|_| Error::Codec("its caps cannot be read".into()))?;
    let description = format!(
        "appsrc name=packets format=time max-bytes=0 ! {} ! matroskamux ! filesink name=file sync=false",
        framing(&caps)
    );
    let bin = gst::parse::launch(&description).map_err(|error| Error::Codec(error.to_string()))?;
    let pipeline = bin.downcast::<gst::Pipeline>().map_err(|_| Error::Codec("no pipeline".into()))?;
    let (source, file) = (pipeline.by_name("packets"), pipeline.by_name("file"));
    let source = source.and_then(|source| source.downcast::<gst_app::AppSrc>().ok());
    let (Some(source), Some(file), Some(bus)) = (source, file, pipeline.bus()) else {
        return Err(Error::Codec("an element is missing".into()));
    };
    // Made here, so that a disk that takes no file says so itself.
    store::create(to)?;
    source.set_caps(Some(&caps));
    file.set_property("location", to);
    let written = match pipeline.set_state(gst::State::Playing) {
        Ok(_) => feed(spool, &source, &bus),
        Err(_) => match bus.pop_filtered(&[gst::MessageType::Error]) {
            Some(message) => outcome(&message),
            None => Err(Error::Codec("the pipeline does not start".into())),
        },
    };
    // To NULL no element may refuse.
    let _ = pipeline.set_state(gst::State::Null);
    written
}

/// What stands between the packets and the muxer.
fn framing(caps: &gst::Caps) -> &'static str {
    let Some(structure) = caps.structure(0) else { return "identity" };
    let byte_stream = structure.get::<&str>("stream-format").is_ok_and(|format| format == "byte-stream");
    match structure.name().as_str() {
        // The kinds that may hold their parameter sets within, as the stream does.
        "video/x-h264" if byte_stream => "h264parse ! video/x-h264,stream-format=avc3,alignment=au",
        "video/x-h265" if byte_stream => "h265parse ! video/x-h265,stream-format=hev1,alignment=au",
        "video/x-av1" => "av1parse ! video/x-av1,stream-format=obu-stream,alignment=tu",
        "video/x-vp9" => "vp9parse ! video/x-vp9,alignment=super-frame",
        "image/jpeg" => "jpegparse",
        _ => "identity",
    }
}

fn feed(spool: &Spool, source: &gst_app::AppSrc, bus: &gst::Bus) -> Result<(), Error> {
    let deadline = Instant::now() + PATIENCE;
    let zero = spool.packets.iter().flat_map(|entry| [entry.pts, entry.dts]).flatten().min();
    let mut failed = None;
    let fed = spool.read(|entry, bytes| {
        while source.current_level_bytes() > AHEAD {
            if Instant::now() >= deadline {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the disk takes too long"));
            }
            if let Some(message) = bus.timed_pop_filtered(gst::ClockTime::ZERO, &[gst::MessageType::Error]) {
                failed = Some(message);
                return Err(io::Error::other("the muxer failed"));
            }
            std::thread::sleep(LOOK);
        }
        // Refused only when the pipeline has failed, and then the bus says why.
        let _ = source.push_buffer(buffer(entry, zero, bytes));
        Ok(())
    });
    if let Some(message) = failed {
        return outcome(&message);
    }
    fed?;
    let _ = source.end_of_stream();
    let left = gst::ClockTime::try_from(deadline.saturating_duration_since(Instant::now()));
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    match bus.timed_pop_filtered(left.unwrap_or(gst::ClockTime::ZERO), &kinds) {
        Some(message) => outcome(&message),
        None => Err(io::Error::new(io::ErrorKind::TimedOut, "the disk takes too long").into()),
    }
}

fn buffer(entry: &Entry, zero: Option<Duration>, bytes: Vec<u8>) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_mut_slice(bytes);
    let time =
        |time: Option<Duration>| Some(time?.saturating_sub(zero?)).and_then(|t| gst::ClockTime::try_from(t).ok());
    // Just made, so nobody else holds it.
    if let Some(buffer) = buffer.get_mut() {
        // Some HTTP cameras send pictures without a time: they are of when they came.
        let arrived = gst::ClockTime::try_from(entry.arrived).ok();
        buffer.set_pts(time(entry.pts).or(time(entry.dts)).or(arrived));
        buffer.set_dts(time(entry.dts));
        buffer.set_duration(entry.duration.and_then(|duration| gst::ClockTime::try_from(duration).ok()));
        if !entry.key {
            buffer.set_flags(gst::BufferFlags::DELTA_UNIT);
        }
    }
    buffer
}

fn outcome(message: &gst::Message) -> Result<(), Error> {
    let gst::MessageView::Error(failure) = message.view() else { return Ok(()) };
    let error = failure.error();
    let text = format!("{} {}", error.message(), failure.debug().unwrap_or_default());
    match error.kind::<gst::ResourceError>() {
        Some(gst::ResourceError::NoSpaceLeft) => Err(io::Error::new(io::ErrorKind::StorageFull, text).into()),
        Some(_) => Err(io::Error::other(text).into()),
        None => Err(Error::Codec(error.message().to_owned())),
    }
}

#[cfg(test)]
mod tests;
