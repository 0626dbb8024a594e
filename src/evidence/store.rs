//! What lies on the disk: a folder an alert, named by its id, and `chain.json`. In: folders that are written. Out: whole
//! ones. Whatever is being written or removed has a name that begins with a dot; a crash leaves no half folder under an
//! alert's name. Used by the rest of the room.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::Error;
use super::chain::{self, Chain, Link};
use super::manifest::{self, Manifest, is_alert, is_plain};
use crate::alerts;
use crate::publish::rfc3339;
use crate::record::Keep;

const LOCK: &str = ".lock";
const WRITING: &str = ".writing-";
const REMOVING: &str = ".removing-";

/// How much there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub alerts: usize,
    pub bytes: u64,
    /// RFC 3339 UTC: when the oldest was written.
    pub oldest: Option<String>,
    /// SHA-256 of the newest manifest.
    pub newest: Option<String>,
}

pub struct Store {
    root: PathBuf,
    chain: Mutex<Chain>,
    /// Held while the program runs.
    _lock: File,
}

impl Store {
    /// Opens the folder, or makes it, for this user only: it holds faces. What a crash left half done is finished when
    /// it was whole, and else removed.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let wrong = |source| Error::Folder { folder: root.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(wrong)?;
        let mut options = OpenOptions::new();
        let lock = options.write(true).create(true).truncate(false).mode(0o600).open(root.join(LOCK)).map_err(wrong)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::InUse { folder: root.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(wrong(source)),
        }
        let chain = match fs::read(root.join(chain::NAME)) {
            Ok(text) => serde_json::from_slice::<Chain>(&text)
                .map_err(|error| Error::Chain { file: root.join(chain::NAME), why: error.to_string() })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut entries = fs::read_dir(root).map_err(wrong)?.flatten();
                if entries.any(|entry| is_alert(&entry.file_name().to_string_lossy())) {
                    // A new chain would hide that the old one is gone.
                    return Err(Error::Chain { file: root.join(chain::NAME), why: "it is missing".into() });
                }
                Chain::default()
            }
            Err(error) => return Err(wrong(error)),
        };
        if chain.version > chain::VERSION {
            let why = format!("it is of version {}, and this program knows {}", chain.version, chain::VERSION);
            return Err(Error::Chain { file: root.join(chain::NAME), why });
        }
        let store = Self { root: root.to_owned(), chain: Mutex::new(chain), _lock: lock };
        store.recover().map_err(wrong)?;
        if !root.join(chain::NAME).exists() {
            let chain = store.lock().clone();
            store.keep(&chain).map_err(wrong)?;
        }
        Ok(store)
    }

    /// Finishes what was whole and removes what was not.
    fn recover(&self) -> io::Result<()> {
        let chain = self.lock().clone();
        for entry in fs::read_dir(&self.root)?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(alert) = name.strip_prefix(WRITING) {
                let text = fs::read(entry.path().join(manifest::NAME)).unwrap_or_default();
                if chain.of(alert).is_some_and(|link| link.sha256 == manifest::sha256(&text)) {
                    fs::rename(entry.path(), self.root.join(alert))?;
                    tracing::info!(alert, "evidence was whole when the program ended");
                    continue;
                }
                tracing::warn!(alert, "evidence was not whole when the program ended, and is removed");
                fs::remove_dir_all(entry.path())?;
            } else if name.starts_with(REMOVING) {
                fs::remove_dir_all(entry.path())?;
            } else if chain.retired.as_ref().is_some_and(|gone| gone.alert == name) && chain.of(&name).is_none() {
                self.remove(&name)?;
            }
        }
        Ok(())
    }

    /// Bytes that are free on its disk; None when the system does not say.
    pub fn free(&self) -> Option<u64> {
        alerts::free_bytes(&self.root)
    }

    /// Bytes of all evidence.
    pub fn bytes(&self) -> u64 {
        self.lock().bytes()
    }

    pub fn totals(&self) -> Totals {
        let chain = self.lock();
        Totals {
            alerts: chain.kept.len(),
            bytes: chain.bytes(),
            oldest: chain.kept.first().map(|link| link.written.clone()),
            newest: chain.kept.last().map(|link| link.sha256.clone()),
        }
    }

    pub fn newest(&self) -> Option<Link> {
        self.lock().kept.last().cloned()
    }

    /// A folder for evidence that is being written.
    pub fn begin(&self, alert: &str) -> io::Result<PathBuf> {
        let folder = self.root.join(format!("{WRITING}{alert}"));
        DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(folder)
    }

    /// Gives up what is being written.
    pub fn give_up(&self, alert: &str) {
        match fs::remove_dir_all(self.root.join(format!("{WRITING}{alert}"))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::error!(alert, %error, "unfinished evidence could not be removed; the next start tries again");
            }
            _ => {}
        }
    }

    /// Makes what was written whole: the manifest, for which `of` gets its number and the one before it, then the chain,
    /// then the name. On the disk when this returns.
    pub fn seal(&self, alert: &str, of: impl FnOnce(u64, Option<String>) -> Manifest) -> io::Result<(Manifest, Link)> {
        let folder = self.root.join(format!("{WRITING}{alert}"));
        let mut chain = self.lock();
        let (number, previous) = chain.next();
        let manifest = of(number, previous);
        let (text, sha256) = manifest.written();
        write(&folder.join(manifest::NAME), &text)?;
        for file in &manifest.files {
            File::open(folder.join(&file.name))?.sync_all()?;
        }
        File::open(&folder)?.sync_all()?;
        let bytes = manifest.bytes(text.len());
        let link = Link { number, alert: alert.to_owned(), sha256, bytes, written: manifest.written.clone() };
        let mut longer = chain.clone();
        longer.kept.push(link.clone());
        self.keep(&longer)?;
        if let Err(error) = fs::rename(&folder, self.root.join(alert)) {
            // The chain must not name what is going to be given up.
            self.keep(&chain)?;
            return Err(error);
        }
        *chain = longer;
        // After a power cut before this is on the disk, the next start finds the folder whole and gives it its name.
        let _ = File::open(&self.root).and_then(|root| root.sync_all());
        Ok((manifest, link))
    }

    /// Removes the oldest that are too old or too much; each with its reason.
    pub fn retire(&self, keep: Keep, now: SystemTime) -> io::Result<Vec<(Link, &'static str)>> {
        let mut gone = Vec::new();
        let days = Duration::from_secs(u64::from(keep.days) * 24 * 3600);
        let limit = now.checked_sub(days).unwrap_or(SystemTime::UNIX_EPOCH);
        loop {
            let mut chain = self.lock();
            let Some(oldest) = chain.kept.first() else { return Ok(gone) };
            // A time that somebody spoilt is no reason to remove anything.
            let old = rfc3339::parse(&oldest.written).is_some_and(|written| written < limit);
            let reason = match (old, chain.bytes() > u64::from(keep.mb) << 20) {
                (true, _) => "age",
                (false, true) => "size",
                (false, false) => return Ok(gone),
            };
            let mut shorter = chain.clone();
            let Some(link) = shorter.retire(reason, rfc3339::format(now)) else { return Ok(gone) };
            self.keep(&shorter)?;
            *chain = shorter;
            drop(chain);
            self.remove(&link.alert)?;
            gone.push((link, reason));
        }
    }

    fn remove(&self, alert: &str) -> io::Result<()> {
        let aside = self.root.join(format!("{REMOVING}{alert}"));
        match fs::rename(self.root.join(alert), &aside) {
            // Somebody has removed it already, which `verify` would have told.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => fs::remove_dir_all(aside),
        }
    }

    /// The manifest of an alert's evidence; None when there is none.
    pub fn manifest(&self, alert: &str) -> Option<Manifest> {
        Manifest::read(&fs::read(self.place(alert, manifest::NAME)?).ok()?).ok()
    }

    /// Where a file of an alert's evidence lies; None for what can be no such file.
    pub fn place(&self, alert: &str, file: &str) -> Option<PathBuf> {
        (is_alert(alert) && is_plain(file)).then(|| self.root.join(alert).join(file))
    }

    fn keep(&self, chain: &Chain) -> io::Result<()> {
        let beside = self.root.join(".chain.new");
        write(&beside, &serde_json::to_vec_pretty(chain)?)?;
        fs::rename(&beside, self.root.join(chain::NAME))?;
        File::open(&self.root)?.sync_all()
    }

    fn lock(&self) -> MutexGuard<'_, Chain> {
        // Replaced as a whole only, once the disk has it.
        self.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A new file with these bytes, on the disk when this returns.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A new file for this user only.
pub fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}
