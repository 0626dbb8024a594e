//! Coded video on its way to the disk: the bytes of each packet one after another in a file, and in memory where each
//! lies. In: packets of one connection. Out: the same again, for `clip`. Filled by `job`.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::store;
use crate::source::{Format, Packet};

pub struct Spool {
    path: PathBuf,
    file: BufWriter<File>,
    pub format: Arc<Format>,
    pub packets: Vec<Entry>,
    pub bytes: u64,
    /// Packets that were lost in between.
    pub lost: u64,
    /// When the first and the last packet came.
    pub first: SystemTime,
    pub last: SystemTime,
    began: Instant,
}

/// A packet without its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub length: usize,
    pub key: bool,
    pub pts: Option<Duration>,
    pub dts: Option<Duration>,
    pub duration: Option<Duration>,
    /// After the first.
    pub arrived: Duration,
}

impl Spool {
    /// Begins with `first`, which is not written yet.
    pub fn new(path: &Path, first: &Packet) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: BufWriter::new(store::create(path)?),
            format: first.format.clone(),
            packets: Vec::new(),
            bytes: 0,
            lost: 0,
            first: first.captured,
            last: first.captured,
            began: first.arrived,
        })
    }

    pub fn push(&mut self, packet: &Packet) -> io::Result<()> {
        self.file.write_all(&packet.bytes)?;
        self.bytes += packet.bytes.len() as u64;
        self.last = packet.captured;
        let Packet { key, pts, dts, duration, .. } = *packet;
        let arrived = packet.arrived.saturating_duration_since(self.began);
        self.packets.push(Entry { length: packet.bytes.len(), key, pts, dts, duration, arrived });
        Ok(())
    }

    /// Hands what is buffered to the system, so that a full disk shows now.
    pub fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives `each` all packets with their bytes, in order.
    pub fn read(&self, mut each: impl FnMut(&Entry, Vec<u8>) -> io::Result<()>) -> io::Result<()> {
        let mut file = BufReader::new(File::open(&self.path)?);
        for entry in &self.packets {
            let mut bytes = vec![0; entry.length];
            file.read_exact(&mut bytes)?;
            each(entry, bytes)?;
        }
        Ok(())
    }
}
