//! What lies on the disk: a folder a job with `job.json`, the `upload` until it is judged, then `result.json` and
//! `pictures/`. In and out: those. A file is written beside its place and moved there, so a crash leaves none half
//! written. Used by the rest of `analyses`.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, flock};
use serde::Serialize;

use super::Error;
use super::job::AnalysisResult;
use crate::publish::event::AnalysisState;
use crate::score::Picture;

pub(super) struct Folder {
    root: PathBuf,
    /// Held while the program runs.
    _lock: File,
}

impl Folder {
    pub fn open(root: &Path) -> Result<Self, Error> {
        let fault = |source| Error::Folder { folder: root.display().to_string(), source };
        fs::create_dir_all(root).map_err(fault)?;
        let lock = File::create(root.join("lock")).map_err(fault)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| Error::InUse(root.display().to_string()))?;
        Ok(Self { root: root.to_owned(), _lock: lock })
    }

    /// The jobs that were kept; removes what never became one.
    pub fn jobs(&self) -> Vec<AnalysisState> {
        let mut jobs = Vec::new();
        for entry in fs::read_dir(&self.root).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) || !is_id(&name) {
                continue;
            }
            let kept = fs::read(entry.path().join("job.json")).ok();
            match kept.and_then(|text| serde_json::from_slice::<AnalysisState>(&text).ok()) {
                Some(told) if told.id == name => jobs.push(told),
                _ => self.remove(&name),
            }
        }
        jobs
    }

    /// A place for a new upload.
    pub fn begin(&self, id: &str) -> io::Result<File> {
        fs::create_dir_all(self.of(id))?;
        File::create(self.upload(id))
    }

    pub fn upload(&self, id: &str) -> PathBuf {
        self.of(id).join("upload")
    }

    pub fn drop_upload(&self, id: &str) {
        // Gone already is as good.
        let _ = fs::remove_file(self.upload(id));
    }

    pub fn keep(&self, told: &AnalysisState) -> io::Result<()> {
        self.write(&told.id, "job.json", told)
    }

    pub fn keep_result(&self, id: &str, result: &AnalysisResult, pictures: &[Picture]) -> io::Result<()> {
        let folder = self.of(id).join("pictures");
        fs::create_dir_all(&folder)?;
        for (n, picture) in pictures.iter().enumerate() {
            fs::write(folder.join(format!("{n}.jpg")), &picture.jpeg)?;
        }
        self.write(id, "result.json", result)
    }

    pub fn result(&self, id: &str) -> Option<AnalysisResult> {
        serde_json::from_slice(&fs::read(self.of(id).join("result.json")).ok()?).ok()
    }

    pub fn picture(&self, id: &str, n: usize) -> Option<Vec<u8>> {
        fs::read(self.of(id).join("pictures").join(format!("{n}.jpg"))).ok()
    }

    pub fn remove(&self, id: &str) {
        if let Err(error) = fs::remove_dir_all(self.of(id)) {
            tracing::warn!(analysis = id, %error, "could not be removed from the disk");
        }
    }

    /// Of these jobs, the oldest first, those older than `days`, and the oldest beyond `mb` together.
    pub fn too_much(&self, ids: &[String], days: u32, mb: u64) -> Vec<String> {
        let sizes: Vec<u64> = ids.iter().map(|id| size(&self.of(id))).collect();
        let mut excess = sizes.iter().sum::<u64>().saturating_sub(mb << 20);
        let oldest = SystemTime::now() - Duration::from_secs(u64::from(days) * 24 * 3600);
        let too_much = ids.iter().zip(sizes).filter(|(id, size)| {
            let over = excess > 0 || came(id).is_none_or(|came| came < oldest);
            if over {
                excess = excess.saturating_sub(*size);
            }
            over
        });
        too_much.map(|(id, _)| id.clone()).collect()
    }

    fn of(&self, id: &str) -> PathBuf {
        self.root.join(id)
    }

    fn write(&self, id: &str, name: &str, value: &impl Serialize) -> io::Result<()> {
        let place = self.of(id).join(name);
        let beside = place.with_extension("new");
        fs::write(&beside, serde_json::to_vec(value)?)?;
        fs::rename(beside, place)
    }
}

/// Ids sort by the time at which they were made, and are good names of folders.
pub(super) fn new_id() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{:012x}{:08x}", now.as_millis() as u64, fastrand::u32(..))
}

fn is_id(name: &str) -> bool {
    name.len() == 20 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn came(id: &str) -> Option<SystemTime> {
    let millis = u64::from_str_radix(id.get(..12)?, 16).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis))
}

/// Bytes of a folder's files.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(about) if about.is_dir() => size(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    };
    entries.map(of).sum()
}
