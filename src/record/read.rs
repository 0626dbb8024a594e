//! What is asked of the record. In: filters and places. Out: periods, pictures, points, sizes. Every call opens a
//! connection of its own that only reads, and blocks: it runs off the async threads. Called by `web`; the row of a period is
//! read here for `writer` too.

use std::time::{Duration, SystemTime};

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::effect::{Count, Effects};
use super::store::{Place, millis, time};
use super::{Config, Error};
use crate::publish::event::{Period, Review};
use crate::publish::rfc3339;
use crate::verdict::{Label, Reason};

const COLUMNS: &str = "id, stream, stream_name, track, label, began, last, open, peak, peak_at, mean, windows, reasons, \
    review, note, reviewed_at, model, EXISTS (SELECT 1 FROM thumbnails WHERE period = id)";

/// Which periods; what is None is not asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    pub stream: Option<String>,
    pub label: Option<Label>,
    pub review: Option<Review>,
    /// Those that lasted after it.
    pub from: Option<SystemTime>,
    /// Those that began before it.
    pub to: Option<SystemTime>,
}

/// A place in the list of periods: what comes after this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    began: i64,
    id: i64,
}

impl Cursor {
    pub fn parse(text: &str) -> Option<Self> {
        let (began, id) = text.split_once('-')?;
        Some(Self { began: i64::from_str_radix(began, 16).ok()?, id: i64::from_str_radix(id, 16).ok()? })
    }

    fn text(self) -> String {
        format!("{:x}-{:x}", self.began, self.id)
    }
}

/// Periods, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Events {
    pub events: Vec<Period>,
    /// The cursor of the next page; None: this was the last.
    pub next: Option<String>,
}

/// What a face looked like in one second.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Point {
    /// RFC 3339 UTC.
    pub at: String,
    pub track: u64,
    pub fake_confidence: Option<f64>,
    pub synthetic_confidence: Option<f64>,
    /// Weight that the quality of the crop had, 0-1.
    pub quality: f64,
}

/// How much is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Storage {
    pub database_bytes: u64,
    pub thumbnails: u64,
    pub periods: u64,
    /// RFC 3339 UTC: when the oldest period began or the oldest point was; None when nothing is kept.
    pub oldest: Option<String>,
    pub keep_days: u32,
    pub keep_mb: u32,
    /// What is stored where, in words.
    pub path_note: String,
}

#[derive(Clone, Debug)]
pub struct Reader {
    place: Place,
}

impl Reader {
    pub fn new(place: Place) -> Self {
        Self { place }
    }

    fn ask<T>(&self, question: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        let read = self.place.read()?;
        question(&read).map_err(|error| self.place.error(error))
    }

    /// At most `limit` periods after `cursor`.
    pub fn page(&self, filter: &Filter, cursor: Option<Cursor>, limit: usize) -> Result<Events, Error> {
        let mut rows = Vec::with_capacity(limit + 1);
        // One more tells whether another page follows.
        self.each(filter, false, cursor, limit + 1, |cursor, period| {
            rows.push((cursor, period));
            true
        })?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|(cursor, _)| cursor.text());
        Ok(Events { events: rows.into_iter().map(|(_, period)| period).collect(), next })
    }

    /// Every reviewed period, newest first, until `take` has enough (false).
    pub fn reviewed(&self, filter: &Filter, mut take: impl FnMut(Period) -> bool) -> Result<(), Error> {
        self.each(filter, true, None, usize::MAX, |_, period| take(period))
    }

    fn each(
        &self,
        filter: &Filter,
        reviewed: bool,
        cursor: Option<Cursor>,
        limit: usize,
        mut take: impl FnMut(Cursor, Period) -> bool,
    ) -> Result<(), Error> {
        let reviewed = if reviewed { "AND review <> 'none'" } else { "" };
        let sql = format!(
            "SELECT {COLUMNS} FROM periods WHERE (?1 IS NULL OR stream = ?1) AND (?2 IS NULL OR label = ?2)
                AND (?3 IS NULL OR review = ?3) AND (?4 IS NULL OR last >= ?4) AND (?5 IS NULL OR began < ?5)
                AND (?6 IS NULL OR (began, id) < (?6, ?7)) {reviewed} ORDER BY began DESC, id DESC LIMIT ?8"
        );
        let Filter { stream, label, review, from, to } = filter;
        let values = params![
            stream,
            label.map(Label::name),
            review.map(Review::name),
            from.map(millis),
            to.map(millis),
            cursor.map(|cursor| cursor.began),
            cursor.map(|cursor| cursor.id),
            i64::try_from(limit).unwrap_or(i64::MAX),
        ];
        self.ask(|read| {
            let mut query = read.prepare(&sql)?;
            let mut rows = query.query(values)?;
            while let Some(row) = rows.next()? {
                if !take(Cursor { began: row.get(5)?, id: row.get(0)? }, of_row(row)?) {
                    break;
                }
            }
            Ok(())
        })
    }

    pub fn period(&self, id: i64) -> Result<Period, Error> {
        self.ask(|read| period(read, id))?.ok_or(Error::Unknown(id))
    }

    /// The face of a period as a JPEG; None when none is kept of it.
    pub fn thumbnail(&self, id: i64) -> Result<Option<Vec<u8>>, Error> {
        let sql = "SELECT jpeg FROM thumbnails WHERE period = ?1";
        self.ask(|read| read.query_row(sql, [id], |row| row.get(0)).optional())
    }

    /// The points of a stream since a time, oldest first.
    pub fn points(&self, stream: &str, since: SystemTime) -> Result<Vec<Point>, Error> {
        let sql =
            "SELECT at, track, fake, synthetic, quality FROM points WHERE at >= ?1 AND stream = ?2 ORDER BY at, track";
        let share = |thousandths: i64| thousandths as f64 / 1000.0;
        self.ask(|read| {
            let mut query = read.prepare(sql)?;
            let points = query.query_map(params![millis(since), stream], |row| {
                Ok(Point {
                    at: rfc3339::format(time(row.get(0)?)),
                    track: row.get::<_, i64>(1)? as u64,
                    fake_confidence: row.get::<_, Option<i64>>(2)?.map(share),
                    synthetic_confidence: row.get::<_, Option<i64>>(3)?.map(share),
                    quality: share(row.get(4)?),
                })
            })?;
            points.collect()
        })
    }

    /// What these thresholds would make of the last `hours` that are kept, each pair as (fake_at, real_at). Hysteresis and
    /// dwell are left aside, for all pairs alike.
    pub fn effects(&self, now: SystemTime, hours: f64, thresholds: [(f32, f32); 2]) -> Result<Effects, Error> {
        let since = now - Duration::from_secs_f64(hours * 3600.0);
        let mut count = Count::new(thresholds);
        self.ask(|read| {
            let mut query = read.prepare("SELECT at, stream, track, fake FROM points WHERE at >= ?1 ORDER BY at")?;
            let mut rows = query.query([millis(since)])?;
            while let Some(row) = rows.next()? {
                let stream = row.get_ref(1)?.as_str()?;
                count.add(row.get::<_, i64>(0)? / 1000, stream, row.get(2)?, row.get(3)?);
            }
            Ok(())
        })?;
        Ok(count.finish(millis(now) / 1000))
    }

    /// `config`: the settings in force.
    pub fn storage(&self, config: &Config) -> Result<Storage, Error> {
        let (thumbnails, periods, oldest): (i64, i64, Option<i64>) = self.ask(|read| {
            let sql =
                "SELECT (SELECT count(*) FROM thumbnails), (SELECT count(*) FROM periods), (SELECT min(oldest) FROM
                (SELECT min(began) AS oldest FROM periods UNION ALL SELECT min(at) FROM points))";
            read.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        })?;
        Ok(Storage {
            database_bytes: self.place.bytes(),
            thumbnails: thumbnails as u64,
            periods: periods as u64,
            oldest: oldest.map(|oldest| rfc3339::format(time(oldest))),
            keep_days: config.keep_days,
            keep_mb: config.keep_mb,
            path_note: format!(
                "One SQLite database in the folder {}: verdicts as periods with their reviews, one picture of the face a \
                 period, and one point a second a face. No video, no sound. The oldest is removed by age and size.",
                config.folder.display()
            ),
        })
    }
}

/// One period, as the clients see it.
pub fn period(read: &Connection, id: i64) -> rusqlite::Result<Option<Period>> {
    let sql = format!("SELECT {COLUMNS} FROM periods WHERE id = ?1");
    read.prepare(&sql)?.query_row([id], of_row).optional()
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<Period> {
    let (began, last): (i64, i64) = (row.get(5)?, row.get(6)?);
    let written = |at: i64| rfc3339::format(time(at));
    let reasons: String = row.get(12)?;
    let reasons = reasons.split_whitespace().map(|name| named(12, name, &Reason::ALL, Reason::name));
    Ok(Period {
        id: row.get(0)?,
        stream: row.get(1)?,
        stream_name: row.get(2)?,
        track: row.get::<_, i64>(3)? as u64,
        label: named(4, row.get_ref(4)?.as_str()?, &Label::ALL, Label::name)?,
        began: written(began),
        ended: (!row.get::<_, bool>(7)?).then(|| written(last)),
        secs: (last - began) as f64 / 1000.0,
        peak_confidence: row.get(8)?,
        peak_at: row.get::<_, Option<i64>>(9)?.map(written),
        mean_confidence: row.get(10)?,
        windows: row.get::<_, i64>(11)? as u64,
        reasons: reasons.collect::<rusqlite::Result<_>>()?,
        review: named(13, row.get_ref(13)?.as_str()?, &Review::ALL, Review::name)?,
        note: row.get(14)?,
        reviewed_at: row.get::<_, Option<i64>>(15)?.map(written),
        model: row.get(16)?,
        thumbnail: row.get(17)?,
    })
}

/// The one of `all` with this name; a name that none has was not written by this program.
fn named<T: Copy>(column: usize, name: &str, all: &[T], name_of: impl Fn(T) -> &'static str) -> rusqlite::Result<T> {
    let found = all.iter().copied().find(|one| name_of(*one) == name);
    let unknown = || format!("unknown name {name:?}").into();
    found.ok_or_else(|| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, unknown()))
}
