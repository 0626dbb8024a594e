//! Every codec a camera sends, from the file through the tap into a clip: the same bytes, and it can be played.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::*;
use crate::source::{Config, Next, Source, Taps};

const LONG: Duration = Duration::from_secs(60);
const LARGE: usize = 64 << 20;
const RAW: &str = "videotestsrc num-buffers=60 ! video/x-raw,width=322,height=242,framerate=25/1";

/// Runs a description to its end; what came out of its `out` (an appsink), if it has one.
fn run(description: &str) -> Vec<Vec<u8>> {
    gst::init().unwrap();
    let bin = gst::parse::launch(description).unwrap_or_else(|error| panic!("{description}: {error}"));
    let pipeline = bin.downcast::<gst::Pipeline>().unwrap();
    let taken = Arc::new(Mutex::new(Vec::new()));
    if let Some(out) = pipeline.by_name("out") {
        let (out, taken) = (out.downcast::<gst_app::AppSink>().unwrap(), taken.clone());
        out.set_sync(false);
        let take = move |out: &gst_app::AppSink| {
            let sample = out.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            taken.lock().unwrap().push(sample.buffer().unwrap().map_readable().unwrap().to_vec());
            Ok(gst::FlowSuccess::Ok)
        };
        out.set_callbacks(gst_app::AppSinkCallbacks::builder().new_sample(take).build());
    }
    pipeline.set_state(gst::State::Playing).unwrap();
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let ended = pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(60), &kinds).unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
    assert_eq!(ended.type_(), gst::MessageType::Eos, "{description}: {ended:?}");
    std::mem::take(&mut *taken.lock().unwrap())
}

/// A file as this line makes it, and a clip of all that its decoder was given.
fn clipped(folder: &TempDir, name: &str, line: &str) -> (PathBuf, PathBuf, Spool) {
    let path = folder.path().join(name);
    run(&format!("{RAW} ! {line} ! filesink location={path:?}"));
    let taps = Taps::new(LONG, LARGE, LARGE);
    let config = Config { id: "t".into(), url: path.display().to_string(), realtime: false, ..Config::default() };
    let mut source = Source::open(&config).unwrap().tapped(&taps);
    let tap = taps.get("t").unwrap();
    let began = Instant::now();
    loop {
        match source.next(Duration::from_millis(200)) {
            Next::End => break,
            Next::Fault { error, .. } => panic!("{name}: {error}"),
            _ => assert!(began.elapsed() < LONG, "{name} does not end"),
        }
    }
    let packets = tap.after(0);
    assert_eq!((packets.len(), taps.take_lost()), (60, 0), "{name}");
    let spooled = folder.path().join(format!("{name}.spool"));
    let mut spool = Spool::new(&spooled, &packets[0]).unwrap();
    packets.iter().for_each(|packet| spool.push(packet).unwrap());
    spool.flush().unwrap();
    let clip = folder.path().join(format!("{name}.clip.mkv"));
    write(&spool, &clip).unwrap_or_else(|error| panic!("{name}: {error}"));
    (path, clip, spool)
}

/// NAL units that each have their length before them.
fn measured(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut units = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let (unit, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
        units.push(unit.to_vec());
        bytes = rest;
    }
    units
}

/// NAL units that each have a start code before them.
fn started(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut starts: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(&[0, 0, 1])).collect();
    starts.push(bytes.len());
    let unit = |pair: &[usize]| {
        let unit = &bytes[pair[0] + 3..pair[1]];
        // The first byte of a longer start code belongs to it; a unit never ends with zero.
        let length = unit.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        unit[..length].to_vec()
    };
    starts.windows(2).map(unit).collect()
}

fn hashes(units: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    units.into_iter().map(|unit| Sha256::digest(unit).to_vec()).collect()
}

#[test]
fn packets_of_codecs_without_nal_units_are_the_same_bytes() {
    for (name, line, demuxer) in [
        ("vp8.webm", "vp8enc deadline=1 keyframe-max-dist=20 ! webmmux", "matroskademux"),
        ("vp9.webm", "vp9enc deadline=1 cpu-used=8 ! webmmux", "matroskademux"),
        ("mjpeg.mkv", "jpegenc ! matroskamux", "matroskademux"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (path, clip, _) = clipped(&folder, name, line);
        let units = |path: &Path| hashes(run(&format!("filesrc location={path:?} ! {demuxer} ! appsink name=out")));
        let (source, kept) = (units(&path), units(&clip));
        assert_eq!((source.len(), source == kept), (60, true), "{name}");
        assert_eq!(run(&format!("filesrc location={clip:?} ! decodebin ! appsink name=out")).len(), 60, "{name}");
    }
}

#[test]
fn pictures_are_the_same_nal_units_however_a_container_holds_them() {
    for (name, line, open, codec) in [
        ("h264.ts", "x264enc tune=zerolatency key-int-max=20 ! mpegtsmux", "tsdemux", "h264"),
        ("h264.mp4", "x264enc key-int-max=20 bframes=2 ! mp4mux", "qtdemux", "h264"),
        ("h264.mkv", "x264enc key-int-max=20 bframes=2 ! matroskamux", "matroskademux", "h264"),
        ("h265.ts", "x265enc key-int-max=20 ! h265parse ! mpegtsmux", "tsdemux", "h265"),
        ("h265.mkv", "x265enc key-int-max=20 ! h265parse ! matroskamux", "matroskademux", "h265"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (path, clip, _) = clipped(&folder, name, line);
        let units = |path: &Path, open: &str| {
            let coded = run(&format!("filesrc location={path:?} ! {open} ! appsink name=out"));
            let nals = if open == "tsdemux" { started(&coded.concat()) } else { measured(&coded.concat()) };
            // Pictures only: the parser before a decoder may repeat parameter sets and delimiters, which carry none.
            let picture = |nal: &Vec<u8>| match codec {
                "h264" => (1..=5).contains(&(nal[0] & 0x1f)),
                _ => (nal[0] >> 1) & 0x3f < 32,
            };
            hashes(nals.into_iter().filter(picture).collect())
        };
        let (source, kept) = (units(&path, open), units(&clip, "matroskademux"));
        assert!(source.len() >= 60, "{name}: {}", source.len());
        assert!(source == kept, "{name}: {} units and {}", source.len(), kept.len());
        assert_eq!(run(&format!("filesrc location={clip:?} ! decodebin ! appsink name=out")).len(), 60, "{name}");
    }
}

#[test]
fn what_no_file_takes_is_said_and_a_full_disk_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let (_, _, mut spool) = clipped(&folder, "vp8.webm", "vp8enc deadline=1 ! webmmux");
    assert!(
        matches!(write(&spool, Path::new("/dev/full")), Err(Error::Disk(error)) if error.kind() == io::ErrorKind::StorageFull)
    );
    spool.format = Arc::new(crate::source::Format { caps: "video/x-unheard-of".into() });
    assert!(matches!(write(&spool, &folder.path().join("no.mkv")), Err(Error::Codec(_))));
}
