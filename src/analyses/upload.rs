//! A file while it arrives. In: its bytes. Out: a queued job, or a [`Refusal`] as early as it is known. Nothing is kept
//! of a file that is not finished.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::folder::new_id;
use super::{Job, Shared};
use crate::publish::event::{AnalysisState, JobState, Stage};
use crate::publish::rfc3339;
use crate::source::Container;

const MB: u64 = 1_000_000;
/// Characters of a name that are kept.
const NAME: usize = 200;

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the file is larger than {0} MB (analyses.max_mb); cut it, or raise the limit in the settings")]
    TooLarge(u64),
    #[error(
        "this is no JPEG, PNG, WebP, MP4, MOV, AVI, MKV or WebM (the content counts, not the name); convert it to one of them"
    )]
    Unsupported,
    #[error("{0} files wait already (analyses.queue); wait until some are done, or cancel some")]
    Full(usize),
    #[error("no space is left where analyses are kept; delete some, or free space on that disk")]
    StorageFull,
    #[error("the file cannot be written ({0}); check the folder of analyses.folder")]
    Disk(io::Error),
}

impl Refusal {
    /// As in metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "too_large",
            Self::Unsupported => "unsupported",
            Self::Full(_) => "full",
            Self::StorageFull => "storage_full",
            Self::Disk(_) => "disk",
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::StorageFull,
            _ => Self::Disk(error),
        }
    }
}

pub struct Upload {
    shared: Arc<Shared>,
    id: String,
    name: String,
    file: File,
    sha256: Sha256,
    bytes: u64,
    head: Vec<u8>,
    /// It became a job, or was refused and counted.
    settled: bool,
}

impl Upload {
    pub(super) fn begin(shared: Arc<Shared>, name: &str, announced: Option<u64>) -> Result<Self, Refusal> {
        let begun = Self::reserve(&shared, announced).and_then(|id| match shared.folder.begin(&id) {
            Ok(file) => Ok((id, file)),
            Err(error) => {
                shared.lock().arriving -= 1;
                Err(error.into())
            }
        });
        let (id, file) = begun.inspect_err(|refusal| count(&shared, refusal.reason()))?;
        let (name, sha256) = (clean(name), Sha256::new());
        Ok(Self { shared, id, name, file, sha256, bytes: 0, head: Vec::new(), settled: false })
    }

    fn reserve(shared: &Shared, announced: Option<u64>) -> Result<String, Refusal> {
        let limit = shared.config.max_mb;
        if announced.is_some_and(|bytes| bytes > limit * MB) {
            return Err(Refusal::TooLarge(limit));
        }
        let mut list = shared.lock();
        if list.waiting() >= shared.config.queue {
            return Err(Refusal::Full(list.waiting()));
        }
        list.arriving += 1;
        Ok(new_id())
    }

    /// Blocks for the disk.
    pub fn write(&mut self, chunk: &[u8]) -> Result<(), Refusal> {
        self.take(chunk).inspect_err(|refusal| {
            self.settled = true;
            count(&self.shared, refusal.reason());
        })
    }

    fn take(&mut self, chunk: &[u8]) -> Result<(), Refusal> {
        let limit = self.shared.config.max_mb;
        self.bytes += chunk.len() as u64;
        if self.bytes > limit * MB {
            return Err(Refusal::TooLarge(limit));
        }
        if self.head.len() < Container::HEAD {
            let missing = Container::HEAD - self.head.len();
            self.head.extend(&chunk[..missing.min(chunk.len())]);
            if self.head.len() == Container::HEAD && Container::of(&self.head).is_none() {
                return Err(Refusal::Unsupported);
            }
        }
        self.sha256.update(chunk);
        Ok(self.file.write_all(chunk)?)
    }

    /// The whole file has arrived: it becomes a job.
    pub fn finish(mut self) -> Result<AnalysisState, Refusal> {
        let queued = self.queue();
        self.settled = true;
        queued.inspect_err(|refusal| count(&self.shared, refusal.reason()))
    }

    fn queue(&self) -> Result<AnalysisState, Refusal> {
        let container = Container::of(&self.head).ok_or(Refusal::Unsupported)?;
        let told = AnalysisState {
            id: self.id.clone(),
            name: self.name.clone(),
            kind: container.medium(),
            container,
            bytes: self.bytes,
            sha256: self.sha256.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect(),
            state: JobState::Queued,
            stage: Some(Stage::Queued),
            frames_done: 0,
            frames_total: None,
            progress: None,
            eta_secs: None,
            created: rfc3339::format(SystemTime::now()),
            started: None,
            finished: None,
            processing_secs: None,
            error: None,
            model: self.shared.model.clone(),
        };
        self.shared.folder.keep(&told)?;
        // Told before the worker can tell of it.
        self.shared.tell(&told);
        let mut list = self.shared.lock();
        list.jobs.insert(self.id.clone(), Job::new(told.clone()));
        self.shared.metrics.analyses_queue.set(list.waiting() as i64);
        self.shared.news.notify_one();
        Ok(told)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let mut list = self.shared.lock();
        list.arriving -= 1;
        self.shared.metrics.analyses_queue.set(list.waiting() as i64);
        let became_a_job = list.jobs.contains_key(&self.id);
        drop(list);
        if !self.settled {
            count(&self.shared, "broken_off");
        }
        if !became_a_job {
            self.shared.folder.remove(&self.id);
        }
    }
}

fn count(shared: &Shared, reason: &str) {
    shared.metrics.analyses_refused.with_label_values(&[reason]).inc();
}

/// A name for people to read: no path, nothing that is no character, not too long.
fn clean(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    // Marks that turn the direction of writing would show another ending than there is.
    let turns =
        |c: char| matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}');
    let kept: String = last.chars().filter(|c| !c.is_control() && !turns(*c)).take(NAME).collect();
    let kept = kept.trim();
    if kept.is_empty() { "file".into() } else { kept.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_for_people_only() {
        for (name, shown) in [
            ("clip.mp4", "clip.mp4"),
            ("../../etc/passwd", "passwd"),
            ("C:\\clips\\a b.mov", "a b.mov"),
            ("a\u{202E}4pm.exe\n", "a4pm.exe"),
            ("", "file"),
            ("/", "file"),
        ] {
            assert_eq!(clean(name), shown);
        }
        assert_eq!(clean(&"x".repeat(1000)).len(), NAME);
    }

    #[test]
    fn a_full_disk_is_told_apart() {
        let full = io::Error::from_raw_os_error(28);
        assert_eq!(Refusal::from(full).reason(), "storage_full");
        assert_eq!(Refusal::from(io::Error::from_raw_os_error(13)).reason(), "disk");
    }
}
