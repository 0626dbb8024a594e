//! The database: one file in the folder of `[record]`, its schema and how it is opened. In: the folder. Out: the one
//! connection that writes, and connections that read. Times are unix milliseconds, confidences of points thousandths.
//! Used by `writer` and `read`.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use super::Error;
use super::tuning::Key;

const FILE: &str = "truevision.sqlite";
const LOCK: &str = "truevision.lock";
/// How long one connection waits for another; only the writer writes, so this is for its checkpoints.
const BUSY: Duration = Duration::from_secs(5);

/// What brings a database from each version to the next; `user_version` counts them. Only ever add to it.
const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE periods (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        stream TEXT NOT NULL,
        stream_name TEXT NOT NULL,
        track INTEGER NOT NULL,
        label TEXT NOT NULL,
        began INTEGER NOT NULL,
        last INTEGER NOT NULL,
        open INTEGER NOT NULL,
        peak REAL,
        peak_at INTEGER,
        mean REAL,
        windows INTEGER NOT NULL,
        reasons TEXT NOT NULL,
        review TEXT NOT NULL DEFAULT 'none',
        note TEXT NOT NULL DEFAULT '',
        reviewed_at INTEGER,
        model TEXT NOT NULL
    );
    CREATE INDEX periods_newest ON periods (began, id);
    CREATE INDEX periods_open ON periods (open) WHERE open;
    CREATE INDEX periods_reviewed ON periods (began, id) WHERE review <> 'none';
    CREATE TABLE thumbnails (
        period INTEGER PRIMARY KEY REFERENCES periods (id) ON DELETE CASCADE,
        jpeg BLOB NOT NULL
    );
    CREATE TABLE points (
        at INTEGER NOT NULL,
        stream TEXT NOT NULL,
        track INTEGER NOT NULL,
        fake INTEGER,
        synthetic INTEGER,
        quality INTEGER NOT NULL,
        PRIMARY KEY (at, stream, track)
    ) WITHOUT ROWID;
    CREATE TABLE settings (
        key TEXT PRIMARY KEY,
        value REAL NOT NULL
    ) WITHOUT ROWID;
"];

/// The folder and the connection that writes. Only one program has it at a time.
pub struct Store {
    pub(super) write: Connection,
    pub place: Place,
    /// Held as long as the store is.
    _lock: File,
}

/// What a write must survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safety {
    /// The program is killed.
    Crash,
    /// The machine loses its power: what people were told is kept.
    PowerLoss,
}

/// Where the database lies, for those who read.
#[derive(Clone, Debug)]
pub struct Place {
    file: PathBuf,
}

impl Store {
    /// Opens the database in `folder`; makes both where they are missing, for this user only: they hold faces.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let wrong = |source| Error::Folder { folder: folder.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(wrong)?;
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(folder.join(LOCK))
            .map_err(wrong)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::InUse { folder: folder.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(wrong(source)),
        }
        let place = Place { file: folder.join(FILE) };
        // Made here, because SQLite would make it readable for others.
        OpenOptions::new().append(true).create(true).mode(0o600).open(&place.file).map_err(wrong)?;
        let mut write = Connection::open(&place.file).map_err(|error| place.error(error))?;
        prepare(&mut write, &place)?;
        Ok(Self { write, place, _lock: lock })
    }

    /// Runs `work` as a whole or not at all; what it wrote is as safe as asked when this returns.
    pub fn write<T>(
        &mut self,
        safety: Safety,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let Self { write, place, .. } = self;
        let level = match safety {
            Safety::Crash => "NORMAL",
            Safety::PowerLoss => "FULL",
        };
        let whole = || {
            write.pragma_update(None, "synchronous", level)?;
            let step = write.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&step)?;
            step.commit()?;
            Ok(done)
        };
        whole().map_err(|error| place.error(error))
    }

    /// Settings changed in earlier runs; those that this program does not know are left alone.
    pub fn settings(&self) -> Result<BTreeMap<Key, f64>, Error> {
        let read = || {
            let mut query = self.write.prepare("SELECT key, value FROM settings")?;
            let pairs = query.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
            pairs.collect::<rusqlite::Result<Vec<_>>>()
        };
        let pairs = read().map_err(|error| self.place.error(error))?;
        Ok(pairs.into_iter().filter_map(|(name, value)| Some((Key::of(&name)?, value))).collect())
    }

    /// Gives at most so many free pages back to the file system.
    pub fn give_back(&mut self, pages: i64) -> Result<(), Error> {
        // Each row of its answer gives one page back.
        let each = |_: &rusqlite::Row<'_>| Ok(());
        self.write.pragma(None, "incremental_vacuum", pages, each).map_err(|error| self.place.error(error))
    }
}

fn prepare(write: &mut Connection, place: &Place) -> Result<(), Error> {
    let wrong = |error| place.error(error);
    write.busy_timeout(BUSY).map_err(wrong)?;
    let version: u32 = write.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(wrong)?;
    let known = MIGRATIONS.len() as u32;
    if version > known {
        return Err(Error::Newer { file: place.file.clone(), version, known });
    }
    // Takes effect only while there is no table; freed pages are then given back bit by bit.
    write.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(wrong)?;
    write.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).map_err(wrong)?;
    write.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024).map_err(wrong)?;
    write.pragma_update(None, "foreign_keys", true).map_err(wrong)?;
    write.pragma_update(None, "synchronous", "NORMAL").map_err(wrong)?;
    for (number, migration) in (1..=known).zip(MIGRATIONS).skip(version as usize) {
        let step = write.transaction().map_err(wrong)?;
        step.execute_batch(migration).map_err(wrong)?;
        step.pragma_update(None, "user_version", number).map_err(wrong)?;
        step.commit().map_err(wrong)?;
    }
    // What lasted when the program was killed ended when it was last heard of.
    write.execute("UPDATE periods SET open = 0 WHERE open", []).map_err(wrong)?;
    Ok(())
}

impl Place {
    /// A connection that only reads.
    pub fn read(&self) -> Result<Connection, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let read = Connection::open_with_flags(&self.file, flags).map_err(|error| self.error(error))?;
        read.busy_timeout(BUSY).map_err(|error| self.error(error))?;
        Ok(read)
    }

    /// What SQLite says, with the file and what to do about it.
    pub fn error(&self, error: rusqlite::Error) -> Error {
        let file = self.file.clone();
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Error::Damaged { file, source: error },
            Some(ErrorCode::DiskFull) => Error::Full { file, source: error },
            _ => Error::Database { file, source: error },
        }
    }

    /// Bytes of the database with its log.
    pub fn bytes(&self) -> u64 {
        let log = self.file.with_extension("sqlite-wal");
        [&self.file, &log].iter().filter_map(|file| std::fs::metadata(file).ok()).map(|file| file.len()).sum()
    }
}

pub fn millis(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64
}

pub fn time(millis: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis.max(0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(folder: &Path) -> String {
        Store::open(folder).err().expect("it is refused").to_string()
    }

    #[test]
    fn a_folder_is_made_once_and_opened_by_one_program_at_a_time() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b");
        let first = Store::open(&folder).unwrap();
        let told = error(&folder);
        assert!(told.contains("another") && told.contains("record.folder"), "{told}");
        drop(first);
        let again = Store::open(&folder).unwrap();
        let version: u32 = again.write.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(version as usize, MIGRATIONS.len());
        let mode: String = again.write.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        let vacuum: i64 = again.write.pragma_query_value(None, "auto_vacuum", |row| row.get(0)).unwrap();
        assert_eq!((mode.as_str(), vacuum), ("wal", 2));
        use std::os::unix::fs::PermissionsExt;
        let rights = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((rights(&folder), rights(&folder.join(FILE))), (0o700, 0o600));
    }

    #[test]
    fn a_file_that_is_none_of_ours_is_told_with_its_name_and_a_remedy_and_left_as_it_is() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join(FILE);
        std::fs::write(&file, "garbage, and more of it than a header ".repeat(100)).unwrap();
        let told = error(root.path());
        assert!(told.contains(FILE) && told.contains("move it away"), "{told}");
        assert!(std::fs::read_to_string(&file).unwrap().starts_with("garbage"));
    }

    #[test]
    fn a_newer_database_is_not_touched() {
        let root = tempfile::tempdir().unwrap();
        drop(Store::open(root.path()).unwrap());
        let file = root.path().join(FILE);
        Connection::open(&file).unwrap().pragma_update(None, "user_version", 99).unwrap();
        let told = error(root.path());
        assert!(told.contains("99") && told.contains("newer") && told.contains(FILE), "{told}");
    }

    #[test]
    fn what_is_no_folder_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let told = error(file.path());
        assert!(told.contains("record.folder"), "{told}");
    }

    #[test]
    fn what_lasted_at_a_crash_ended_when_last_heard_of() {
        let root = tempfile::tempdir().unwrap();
        let insert =
            "INSERT INTO periods (stream, stream_name, track, label, began, last, open, windows, reasons, model)
            VALUES ('a', 'a', 1, 'FAKE', 1000, 5000, 1, 3, '[]', 'm')";
        Store::open(root.path()).unwrap().write.execute(insert, []).unwrap();
        let again = Store::open(root.path()).unwrap();
        let row = again.write.query_row("SELECT open, last FROM periods", [], |row| Ok((row.get(0)?, row.get(1)?)));
        assert_eq!(row.unwrap(), (0, 5000));
    }
}
