//! Alerts and deliveries on disk (SQLite, one file, one connection behind a lock). In: changes of alerts, each in one
//! transaction with the deliveries it causes, so that neither is without the other after a crash. Out: lists for the
//! door, the next delivery for each target. Used by `desk` and the targets' threads; never by a stream.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::alert::{Alert, Millis, State};
use super::delivery::Letter;
use super::lifecycle::{Change, Event};
use crate::publish::event::{AlertDelivery, AlertEvidence};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot make the folder of {path}: {source}; choose another alerts.database")]
    Folder { path: String, source: std::io::Error },
    #[error(
        "cannot open the alerts' database {path}: {source}; is another program using it? Each needs an alerts.database of \
         its own"
    )]
    Open { path: String, source: rusqlite::Error },
    #[error("the alerts' database failed: {0}; is its disk full or read-only?")]
    Query(#[from] rusqlite::Error),
}

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS alerts (
    id TEXT PRIMARY KEY, stream TEXT NOT NULL, stream_name TEXT NOT NULL, track INTEGER NOT NULL, state TEXT NOT NULL,
    began INTEGER NOT NULL, opened INTEGER, updated INTEGER NOT NULL, resolved INTEGER, peak REAL NOT NULL,
    note TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, key TEXT NOT NULL, alert TEXT, event TEXT NOT NULL,
    body TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, error TEXT, made INTEGER NOT NULL,
    due INTEGER NOT NULL DEFAULT 0,
    UNIQUE (target, key)
);
CREATE TABLE IF NOT EXISTS evidence (
    alert TEXT PRIMARY KEY, state TEXT NOT NULL, reason TEXT, bytes INTEGER NOT NULL, clips TEXT NOT NULL, manifest TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS waiting ON deliveries (target, state, id);
CREATE INDEX IF NOT EXISTS of_alert ON deliveries (alert, target, id);
";

/// The three states of a delivery.
pub const WAITING: &str = "waiting";
pub const DELIVERED: &str = "delivered";
pub const DEAD: &str = "dead";

/// A delivery as it is listed.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub id: i64,
    pub target: String,
    pub key: String,
    pub alert: Option<String>,
    pub event: String,
    pub state: String,
    pub attempts: u32,
    pub error: Option<String>,
    pub made: Millis,
}

/// How many deliveries of a target are in each state, and its newest error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub waiting: u64,
    pub delivered: u64,
    pub dead: u64,
    pub last_error: Option<String>,
}

pub struct Store {
    connection: Mutex<Connection>,
    /// Deliveries that may wait for one target.
    queue: usize,
}

impl Store {
    /// Opens the file, or makes it with its folder.
    pub fn open(path: &Path, queue: usize) -> Result<Self, Error> {
        let shown = || path.display().to_string();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|source| Error::Folder { path: shown(), source })?;
        }
        let open = || -> rusqlite::Result<Connection> {
            let connection = Connection::open(path)?;
            connection.busy_timeout(std::time::Duration::from_secs(2))?;
            // Exclusive: two programs on one file would send everything twice. A state of an alert must survive a power
            // cut once its delivery went out, hence FULL; there are few of them.
            connection.execute_batch(
                "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; BEGIN IMMEDIATE;",
            )?;
            connection.execute_batch(SCHEMA)?;
            connection.execute_batch(
                "DELETE FROM alerts WHERE state = 'pending';
                 UPDATE evidence SET state = 'none', reason = 'the program ended while it was being written'
                 WHERE state = 'writing';
                 COMMIT;",
            )?;
            Ok(connection)
        };
        let connection = open().map_err(|source| Error::Open { path: shown(), source })?;
        Ok(Self { connection: Mutex::new(connection), queue })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // SQLite rolls a transaction back that a panic left open, so the connection is whole.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes changes and their letters (target, letter), all or nothing. Returns how many of the letters found their
    /// target's queue full.
    pub fn save(&self, changes: &[Change], letters: &[(&str, Letter)]) -> Result<u64, Error> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        let mut refused = 0;
        for Change { event, alert } in changes {
            match event {
                Event::Faded => drop(transaction.execute("DELETE FROM alerts WHERE id = ?1", [&alert.id])?),
                _ => write(&transaction, alert)?,
            }
        }
        for (target, letter) in letters {
            let waiting: i64 = transaction
                .prepare("SELECT count(*) FROM deliveries WHERE target = ?1 AND state = 'waiting'")?
                .query_row([target], |row| row.get(0))?;
            let full = usize::try_from(waiting).unwrap_or_default() >= self.queue;
            let (state, error) = if full { (DEAD, Some("too many wait for this target")) } else { (WAITING, None) };
            refused += u64::from(full);
            transaction
                .prepare(
                    "INSERT INTO deliveries (target, key, alert, event, body, state, error, made)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
                )?
                .execute(params![
                    target,
                    letter.key,
                    letter.alert,
                    letter.event,
                    letter.body.to_string(),
                    state,
                    error,
                    letter.made
                ])?;
        }
        transaction.commit()?;
        Ok(refused)
    }

    /// Alerts that were open or acknowledged when the program ended.
    pub fn open_alerts(&self) -> Result<Vec<Alert>, Error> {
        self.select("WHERE state IN ('open', 'acknowledged') ORDER BY id", [])
    }

    /// Alerts before `cursor` (an id), newest first.
    pub fn alerts(
        &self,
        state: Option<&str>,
        stream: Option<&str>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Alert>, Error> {
        self.select(
            "WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR stream = ?2) AND (?3 IS NULL OR id < ?3)
             ORDER BY id DESC LIMIT ?4",
            params![state, stream, cursor, limit as i64],
        )
    }

    pub fn alert(&self, id: &str) -> Result<Option<Alert>, Error> {
        Ok(self.select("WHERE id = ?1", [id])?.pop())
    }

    fn select(&self, rest: &str, params: impl rusqlite::Params) -> Result<Vec<Alert>, Error> {
        let connection = self.lock();
        let columns = "id, stream, stream_name, track, state, began, opened, updated, resolved, peak, note";
        let mut statement = connection.prepare(&format!("SELECT {columns} FROM alerts {rest}"))?;
        let found = statement.query_map(params, read)?.collect::<Result<_, _>>()?;
        Ok(found)
    }

    /// The newest delivery of an alert to each target.
    pub fn of_alert(&self, alert: &str) -> Result<Vec<AlertDelivery>, Error> {
        let connection = self.lock();
        let mut statement = connection.prepare(
            "SELECT target, state, attempts, error FROM deliveries WHERE id IN
             (SELECT max(id) FROM deliveries WHERE alert = ?1 GROUP BY target) ORDER BY target",
        )?;
        let found = statement.query_map([alert], |row| {
            Ok(AlertDelivery { target: row.get(0)?, state: row.get(1)?, attempts: row.get(2)?, error: row.get(3)? })
        })?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// The delivery that is next for a target: the oldest that is due, but none before an earlier one of its own alert.
    pub fn next(&self, target: &str, now: Millis) -> Result<Option<(i64, u32, Letter)>, Error> {
        let connection = self.lock();
        let mut statement = connection.prepare(
            "SELECT id, attempts, key, alert, event, body, made FROM deliveries AS mine
             WHERE target = ?1 AND state = 'waiting' AND due <= ?2 AND NOT EXISTS
             (SELECT 1 FROM deliveries AS earlier WHERE earlier.alert = mine.alert AND earlier.target = mine.target
              AND earlier.state = 'waiting' AND earlier.id < mine.id)
             ORDER BY id LIMIT 1",
        )?;
        let letter = |row: &Row<'_>| {
            // It was written as JSON above; a body that somebody spoilt is delivered as null.
            let body = serde_json::from_str(&row.get::<_, String>(5)?).unwrap_or_default();
            let letter = Letter { key: row.get(2)?, alert: row.get(3)?, event: row.get(4)?, body, made: row.get(6)? };
            Ok((row.get(0)?, row.get(1)?, letter))
        };
        Ok(statement.query_row(params![target, now], letter).optional()?)
    }

    /// Keeps what became of an alert's evidence; false when there is no such alert (any more).
    pub fn keep_evidence(&self, alert: &str, evidence: &AlertEvidence) -> Result<bool, Error> {
        let AlertEvidence { state, reason, bytes, clips, manifest } = evidence;
        let changed = self
            .lock()
            .prepare(
                "INSERT OR REPLACE INTO evidence SELECT ?1, ?2, ?3, ?4, ?5, ?6
                 WHERE EXISTS (SELECT 1 FROM alerts WHERE id = ?1)",
            )?
            .execute(params![alert, state, reason, *bytes as i64, clips.join(" "), manifest])?;
        Ok(changed == 1)
    }

    /// What became of an alert's evidence.
    pub fn evidence(&self, alert: &str) -> Result<Option<AlertEvidence>, Error> {
        let connection = self.lock();
        let mut statement =
            connection.prepare("SELECT state, reason, bytes, clips, manifest FROM evidence WHERE alert = ?1")?;
        let evidence = |row: &Row<'_>| {
            // Names of files that the program gave, without spaces.
            let clips = row.get::<_, String>(3)?.split_whitespace().map(String::from).collect();
            let bytes = row.get::<_, i64>(2)?.unsigned_abs();
            Ok(AlertEvidence { state: row.get(0)?, reason: row.get(1)?, bytes, clips, manifest: row.get(4)? })
        };
        Ok(statement.query_row([alert], evidence).optional()?)
    }

    /// What came of an attempt; one that waits on is due again at `due`.
    pub fn tried(&self, id: i64, state: &str, error: Option<&str>, due: Millis) -> Result<(), Error> {
        self.lock()
            .prepare("UPDATE deliveries SET state = ?2, error = ?3, due = ?4, attempts = attempts + 1 WHERE id = ?1")?
            .execute(params![id, state, error, due])?;
        Ok(())
    }

    /// Lets a dead delivery wait again, counting its age anew; false when there is no such dead one.
    pub fn replay(&self, id: i64, now: Millis) -> Result<bool, Error> {
        let changed = self.lock().execute(
            "UPDATE deliveries SET state = 'waiting', attempts = 0, due = 0, made = ?2 WHERE id = ?1 AND state = 'dead'",
            params![id, now],
        )?;
        Ok(changed == 1)
    }

    /// Deliveries before `cursor` (an id), newest first.
    pub fn deliveries(&self, state: Option<&str>, cursor: Option<i64>, limit: usize) -> Result<Vec<Kept>, Error> {
        let connection = self.lock();
        let mut statement = connection.prepare(
            "SELECT id, target, key, alert, event, state, attempts, error, made FROM deliveries
             WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3",
        )?;
        let kept = |row: &Row<'_>| {
            Ok(Kept {
                id: row.get(0)?,
                target: row.get(1)?,
                key: row.get(2)?,
                alert: row.get(3)?,
                event: row.get(4)?,
                state: row.get(5)?,
                attempts: row.get(6)?,
                error: row.get(7)?,
                made: row.get(8)?,
            })
        };
        let found = statement.query_map(params![state, cursor, limit as i64], kept)?.collect::<Result<_, _>>()?;
        Ok(found)
    }

    pub fn totals(&self, target: &str) -> Result<Totals, Error> {
        let connection = self.lock();
        let mut totals = Totals::default();
        let mut statement =
            connection.prepare("SELECT state, count(*) FROM deliveries WHERE target = ?1 GROUP BY state")?;
        let mut rows = statement.query([target])?;
        while let Some(row) = rows.next()? {
            let count = row.get::<_, i64>(1)?.unsigned_abs();
            match row.get::<_, String>(0)?.as_str() {
                WAITING => totals.waiting = count,
                DELIVERED => totals.delivered = count,
                _ => totals.dead = count,
            }
        }
        let newest = "SELECT error FROM deliveries WHERE target = ?1 AND error IS NOT NULL ORDER BY id DESC LIMIT 1";
        totals.last_error = connection.prepare(newest)?.query_row([target], |row| row.get(0)).optional()?;
        Ok(totals)
    }

    /// Removes what is over and older than `before`.
    pub fn clean(&self, before: Millis) -> Result<(), Error> {
        let connection = self.lock();
        connection.execute("DELETE FROM deliveries WHERE state != 'waiting' AND made < ?1", [before])?;
        connection.execute("DELETE FROM alerts WHERE state IN ('resolved', 'false') AND updated < ?1", [before])?;
        connection.execute("DELETE FROM evidence WHERE alert NOT IN (SELECT id FROM alerts)", [])?;
        Ok(())
    }
}

fn write(connection: &Connection, alert: &Alert) -> rusqlite::Result<()> {
    connection
        .prepare("INSERT OR REPLACE INTO alerts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")?
        .execute(params![
            alert.id,
            alert.stream,
            alert.stream_name,
            alert.track as i64,
            alert.state.name(),
            alert.began,
            alert.opened,
            alert.updated,
            alert.resolved,
            alert.peak_confidence,
            alert.note
        ])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Alert> {
    let state: String = row.get(4)?;
    Ok(Alert {
        id: row.get(0)?,
        stream: row.get(1)?,
        stream_name: row.get(2)?,
        track: row.get::<_, i64>(3)? as u64,
        // Only our own names are ever written.
        state: State::from_name(&state).unwrap_or(State::Resolved),
        began: row.get(5)?,
        opened: row.get(6)?,
        updated: row.get(7)?,
        resolved: row.get(8)?,
        peak_confidence: row.get::<_, f64>(9)? as f32,
        note: row.get(10)?,
    })
}
