//! One alert's evidence while it comes in: from some seconds before the alert opened to some seconds after. In: the
//! stream's coded video and its verdicts, as far as they have come. Out: files in a folder of its own, and in memory only
//! what is small. Moved on by `collector`, finished by `keeper`.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;

use super::settings::Config;
use super::sightings::{Sighting, Sightings};
use super::spool::Spool;
use super::store;
use crate::alerts::Alert;
use crate::crops::Quality;
use crate::pixels;
use crate::publish::rfc3339;
use crate::source::{Packet, Tap, Taps};
use crate::verdict::{FaceVerdict, Label, Reason, Verdict};

pub const SCORES: &str = "scores.json";
/// Clips of one alert: a stream that drops again and again begins a new one each time.
const CLIPS: usize = 8;
/// Windows of one alert, more than the longest one has of two faces at 16 a second.
const WINDOWS: usize = 12_000;
/// Faces of one alert.
const FACES: usize = 400;
/// JPEG quality of faces: next to nothing is lost.
const JPEG_QUALITY: u8 = 95;
/// What came until the end needs a moment to be judged.
const GRACE: Duration = Duration::from_secs(1);

pub struct Job {
    pub alert: Alert,
    pub tracks: BTreeSet<u64>,
    pub folder: PathBuf,
    pub from: SystemTime,
    pub until: SystemTime,
    /// The stream's address without credentials.
    pub source: Option<String>,
    pub spools: Vec<Spool>,
    pub scores: Scores,
    /// Why there is no video, or why it is not whole.
    pub lacks: Vec<String>,
    began: Instant,
    end: Instant,
    tap: Option<Arc<Tap>>,
    next_packet: u64,
    next_sighting: u64,
    /// Bytes of all clips.
    bytes: u64,
    /// No more video is taken.
    full: bool,
}

/// What the detector and the verdict said.
#[derive(Default, Serialize)]
pub struct Scores {
    windows: Vec<Window>,
    faces: Vec<Face>,
}

/// One window of frames of one face.
#[derive(Serialize)]
struct Window {
    track: u64,
    frame: u64,
    /// RFC 3339 UTC: when the window's last frame came.
    captured: String,
    /// Time in the stream's connection, and of the window's first and last frame.
    pts_secs: f64,
    span_secs: Option<(f64, f64)>,
    /// The window's own calibrated probability that the face is manipulated.
    window_confidence: f32,
    /// What verdicts go by: rolling.
    fake_confidence: Option<f32>,
    synthetic_confidence: Option<f32>,
    attention: Vec<f32>,
    label: Label,
    reasons: Vec<Reason>,
    quality: Quality,
}

#[derive(Serialize)]
struct Face {
    file: String,
    track: u64,
    frame: u64,
    captured: String,
}

impl Job {
    /// Begins at this moment, in a folder that exists.
    pub fn new(alert: Alert, folder: PathBuf, config: &Config, taps: &Taps, sightings: &Sightings) -> Self {
        let (now, wall) = (Instant::now(), SystemTime::now());
        let (before, after) = (secs(config.before_secs), secs(config.after_secs));
        let began = now.checked_sub(before).unwrap_or(now);
        let tap = taps.get(&alert.stream);
        let mut job = Self {
            tracks: BTreeSet::from([alert.track]),
            folder,
            from: wall - before,
            until: wall + after,
            source: None,
            spools: Vec::new(),
            scores: Scores::default(),
            lacks: Vec::new(),
            began,
            end: now + after,
            next_packet: 0,
            next_sighting: sightings.begin(&alert.stream, began),
            bytes: 0,
            full: false,
            tap: None,
            alert,
        };
        if let Some(tap) = tap {
            job.follow(tap);
        }
        job
    }

    fn follow(&mut self, tap: Arc<Tap>) {
        self.next_packet = tap.begin(self.began);
        self.source = Some(tap.address().to_owned());
        self.tap = Some(tap);
    }

    pub fn is_over(&self, now: Instant) -> bool {
        now >= self.end + GRACE
    }

    /// Ends now, with what there is.
    pub fn cut_short(&mut self, why: &str) {
        let (now, wall) = (Instant::now(), SystemTime::now());
        if now < self.end {
            (self.end, self.until) = (now, wall);
            self.lack(format!("it ends early: {why}"));
        }
    }

    /// Takes in what has come since the last call. An error is the disk's; then nothing of it can be kept.
    pub fn collect(&mut self, config: &Config, taps: &Taps, sightings: &Sightings) -> io::Result<()> {
        if let Some(tap) = taps.get(&self.alert.stream)
            && self.tap.as_ref().is_none_or(|known| !Arc::ptr_eq(known, &tap))
        {
            // What is left of the stream as it was before it was started anew.
            self.take_video(config.clip_bytes())?;
            self.follow(tap);
        }
        self.take_video(config.clip_bytes())?;
        for seen in sightings.after(&self.alert.stream, self.next_sighting) {
            self.next_sighting = seen.number + 1;
            if seen.verdict.stamp.arrived <= self.end {
                self.take_scores(&seen)?;
            }
        }
        Ok(())
    }

    fn take_video(&mut self, limit: u64) -> io::Result<()> {
        let Some(tap) = &self.tap else { return Ok(()) };
        for packet in tap.after(self.next_packet) {
            let lost = packet.number.saturating_sub(self.next_packet);
            self.next_packet = packet.number + 1;
            if !self.full && packet.arrived <= self.end {
                self.take_packet(&packet, lost, limit)?;
            }
        }
        self.spools.last_mut().map_or(Ok(()), Spool::flush)
    }

    fn take_packet(&mut self, packet: &Packet, lost: u64, limit: u64) -> io::Result<()> {
        self.bytes += packet.bytes.len() as u64;
        if self.bytes > limit {
            self.full = true;
            self.lack(format!("the video is cut off at {} MB (evidence.clip_mb)", limit >> 20));
            return Ok(());
        }
        let count = self.spools.len();
        if let Some(spool) = self.spools.last_mut() {
            if Arc::ptr_eq(&spool.format, &packet.format) {
                spool.lost += lost;
                return spool.push(packet);
            }
            spool.flush()?;
        }
        if count == CLIPS {
            self.full = true;
            self.lack(format!("the video is cut off: the stream began anew more than {CLIPS} times"));
            return Ok(());
        }
        let mut spool = Spool::new(&self.folder.join(format!("clip-{}.spool", count + 1)), packet)?;
        spool.push(packet)?;
        self.spools.push(spool);
        Ok(())
    }

    fn take_scores(&mut self, seen: &Sighting) -> io::Result<()> {
        let Verdict { faces, stamp, .. } = &*seen.verdict;
        let captured = || rfc3339::format(stamp.captured);
        for face in faces.iter().filter(|face| self.tracks.contains(&face.track)) {
            if let Some(window) = face.window_confidence
                && self.scores.windows.len() < WINDOWS
            {
                self.scores.windows.push(of(face, window, stamp.number, captured(), stamp.pts));
            }
        }
        for (track, crop) in seen.faces.iter().filter(|(track, _)| self.tracks.contains(track)) {
            if self.scores.faces.len() == FACES {
                continue;
            }
            let side = (crop.len() / 3).isqrt() as u32;
            let file = format!("face-{:03}.jpg", self.scores.faces.len() + 1);
            match pixels::encode_crop(crop, side, JPEG_QUALITY) {
                Ok(jpeg) => put(&self.folder.join(&file), &jpeg)?,
                Err(error) => {
                    tracing::warn!(alert = self.alert.id, %error, "no picture of this face");
                    continue;
                }
            }
            self.scores.faces.push(Face { file, track: *track, frame: stamp.number, captured: captured() });
        }
        Ok(())
    }

    /// Names of the faces' files.
    pub fn face_files(&self) -> impl Iterator<Item = &str> {
        self.scores.faces.iter().map(|face| face.file.as_str())
    }

    fn lack(&mut self, why: String) {
        if !self.lacks.contains(&why) {
            self.lacks.push(why);
        }
    }
}

/// Written to the disk for good when all of it is.
fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    io::Write::write_all(&mut store::create(path)?, bytes)
}

fn of(face: &FaceVerdict, window_confidence: f32, frame: u64, captured: String, pts: Duration) -> Window {
    Window {
        track: face.track,
        frame,
        captured,
        pts_secs: pts.as_secs_f64(),
        span_secs: face.span.map(|(first, last)| (first.as_secs_f64(), last.as_secs_f64())),
        window_confidence,
        fake_confidence: face.fake_confidence,
        synthetic_confidence: face.synthetic_confidence,
        attention: face.attention.clone(),
        label: face.label,
        reasons: face.reasons.clone(),
        quality: face.quality,
    }
}

fn secs(secs: f64) -> Duration {
    // In range by `Config::check`; any other value must not panic.
    Duration::try_from_secs_f64(secs).unwrap_or_default()
}
