//! What is removed: what is older than `keep_days`, and the oldest while there is more than `keep_mb`. In: the database,
//! the time, the settings. Out: rows removed. A few at a time, so that the writer is never away for long. Called by
//! `writer`.

use std::time::{Duration, Instant, SystemTime};

use rusqlite::{Connection, params};

use super::store::{Safety, Store, millis};
use super::{Config, Error};

/// Rows of each table removed in one step.
const ROWS: i64 = 500;
/// How long one look may take steps; the news waits meanwhile.
const TIME: Duration = Duration::from_millis(200);
/// Pages given back to the file system in one look: 16 MB.
const PAGES: i64 = 4096;

/// Rows that were removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    pub by_age: u64,
    pub by_size: u64,
}

/// One look. What lasts stays; what remains to be removed is left for the next look.
pub fn prune(store: &mut Store, now: SystemTime, config: &Config) -> Result<Pruned, Error> {
    let mut pruned = Pruned::default();
    let oldest = now - Duration::from_secs(u64::from(config.keep_days) * 86_400);
    let limit = i64::from(config.keep_mb) * 1024 * 1024;
    let began = Instant::now();
    while began.elapsed() < TIME {
        let (by_age, by_size) = store.write(Safety::Crash, |step| {
            let by_age = remove(step, millis(oldest))?;
            let by_size = if by_age > 0 || used(step)? <= limit { 0 } else { remove_oldest(step)? };
            Ok((by_age, by_size))
        })?;
        pruned.by_age += by_age;
        pruned.by_size += by_size;
        if by_age + by_size == 0 {
            break;
        }
    }
    if pruned != Pruned::default() {
        store.give_back(PAGES)?;
    }
    Ok(pruned)
}

/// Bytes that hold something.
fn used(step: &Connection) -> rusqlite::Result<i64> {
    let number = |name: &str| step.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    Ok((number("page_count")? - number("freelist_count")?) * number("page_size")?)
}

/// Removes what ended before `oldest`.
fn remove(step: &Connection, oldest: i64) -> rusqlite::Result<u64> {
    let points = "DELETE FROM points WHERE (at, stream, track) IN
        (SELECT at, stream, track FROM points WHERE at < ?1 ORDER BY at LIMIT ?2)";
    let periods = "DELETE FROM periods WHERE id IN
        (SELECT id FROM periods WHERE began < ?1 AND last < ?1 AND NOT open ORDER BY began LIMIT ?2)";
    let removed = step.execute(points, params![oldest, ROWS])? + step.execute(periods, params![oldest, ROWS])?;
    Ok(removed as u64)
}

/// Removes the oldest of points and periods alike: what ended before the last of the oldest rows did.
fn remove_oldest(step: &Connection) -> rusqlite::Result<u64> {
    let sql = "SELECT max(at) FROM (SELECT at FROM
        (SELECT at FROM (SELECT at FROM points ORDER BY at LIMIT ?1)
         UNION ALL SELECT last FROM (SELECT last FROM periods WHERE NOT open ORDER BY began LIMIT ?1))
        ORDER BY at LIMIT ?1)";
    let until: Option<i64> = step.query_row(sql, [ROWS], |row| row.get(0))?;
    until.map_or(Ok(0), |until| remove(step, until + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::store::time;

    const DAY: i64 = 86_400_000;

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        (folder, store)
    }

    fn period(store: &Store, began: i64, last: i64, open: bool) {
        let sql = "INSERT INTO periods (stream, stream_name, track, label, began, last, open, windows, reasons, model)
            VALUES ('a', 'a', 1, 'FAKE', ?1, ?2, ?3, 1, '', 'm')";
        store.write.execute(sql, params![began, last, open]).unwrap();
        let sql = "INSERT INTO thumbnails VALUES (?1, zeroblob(4000))";
        store.write.execute(sql, [store.write.last_insert_rowid()]).unwrap();
    }

    fn point(store: &Store, at: i64) {
        store.write.execute("INSERT INTO points VALUES (?1, 'a', 1, 700, NULL, 900)", [at]).unwrap();
    }

    fn count(store: &Store, table: &str) -> i64 {
        store.write.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn what_is_older_than_the_days_goes_with_its_picture_and_what_lasts_stays() {
        let (_folder, mut store) = store();
        period(&store, DAY, DAY + 1000, false);
        period(&store, DAY, 10 * DAY, false);
        period(&store, DAY, DAY + 1000, true);
        point(&store, DAY);
        point(&store, 10 * DAY);
        let config = Config { keep_days: 2, ..Config::default() };
        let pruned = prune(&mut store, time(10 * DAY), &config).unwrap();
        assert_eq!(pruned, Pruned { by_age: 2, by_size: 0 });
        assert_eq!([count(&store, "periods"), count(&store, "thumbnails"), count(&store, "points")], [2, 2, 1]);
        assert_eq!(prune(&mut store, time(10 * DAY), &config).unwrap(), Pruned::default());
    }

    #[test]
    fn above_the_size_the_oldest_goes_and_the_file_shrinks() {
        let (_folder, mut store) = store();
        store.write.execute_batch("BEGIN").unwrap();
        for at in 0..2000 {
            period(&store, at * 1000, at * 1000 + 500, false);
        }
        store.write.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        let before = store.place.bytes();
        let config = Config { keep_mb: 3, ..Config::default() };
        assert!(before > 6 << 20, "{before}");
        let mut removed = 0;
        loop {
            let pruned = prune(&mut store, time(3_000_000), &config).unwrap();
            removed += pruned.by_size;
            if pruned.by_size == 0 {
                break;
            }
        }
        store.write.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        assert!(used(&store.write).unwrap() <= 3 << 20);
        assert!(store.place.bytes() < before, "{} of {before}", store.place.bytes());
        let left = count(&store, "periods");
        assert_eq!((left > 0, left as u64 + removed), (true, 2000));
        let oldest: i64 = store.write.query_row("SELECT min(began) FROM periods", [], |row| row.get(0)).unwrap();
        assert_eq!(oldest, (2000 - left) * 1000, "the newest are left");
    }
}
