//! The one thread that writes. In: the board's news and the requests that change something. Out: rows, and `period`
//! events once they are on the disk. What people were told is kept is written through to the disk (synchronous FULL), the
//! rest is safe from a crash of the program. Started by `mod`.

use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use rusqlite::{Connection, Transaction, params};
use tokio::sync::oneshot;

use super::period::{Change, Period, Periods};
use super::store::{Safety, Store, millis};
use super::tuning::{Key, Setting};
use super::{Error, State, WRITE_FAILED, lock, read, retention};
use crate::detector::StreamId;
use crate::metrics::Metrics;
use crate::publish::event::{self, Body, Review};
use crate::publish::{Board, Report, Told};
use crate::verdict::{Label, Verdict};

/// How often points and what lasts are written.
const TICK: Duration = Duration::from_secs(1);
/// Ticks from one look for what is too old or too much to the next.
const TICKS_A_PRUNING: u64 = 10;
const JPEG_QUALITY: u8 = 85;

pub enum Message {
    Told(Told),
    Review {
        id: i64,
        review: Option<Review>,
        note: Option<String>,
        answer: oneshot::Sender<Result<event::Period, Error>>,
    },
    Change {
        changes: BTreeMap<Key, Option<f64>>,
        answer: oneshot::Sender<Result<Vec<Setting>, Error>>,
    },
    Stop,
}

pub struct Writer {
    store: Store,
    model: String,
    board: Board,
    metrics: Arc<Metrics>,
    state: Arc<Mutex<State>>,
    periods: Periods,
    /// Rows of periods that last, by key.
    rows: HashMap<u64, Row>,
    /// Not written yet: the newest of each face in each second.
    points: BTreeMap<(i64, StreamId, u64), Point>,
}

struct Row {
    id: i64,
    /// The crop whose picture is kept.
    crop: Option<Arc<[u8]>>,
    last: SystemTime,
}

/// Thousandths.
struct Point {
    fake: Option<i64>,
    synthetic: Option<i64>,
    quality: i64,
}

impl Writer {
    pub fn new(
        store: Store,
        min_secs: f64,
        model: String,
        board: Board,
        metrics: Arc<Metrics>,
        state: Arc<Mutex<State>>,
    ) -> Self {
        let periods = Periods::new(Duration::from_secs_f64(min_secs));
        let (rows, points) = (HashMap::new(), BTreeMap::new());
        Self { store, model, board, metrics, state, periods, rows, points }
    }

    /// Works until it is told to stop.
    pub fn run(mut self, messages: &Receiver<Message>) {
        let mut next = Instant::now() + TICK;
        for ticks in 1.. {
            loop {
                match messages.recv_timeout(next.saturating_duration_since(Instant::now())) {
                    Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return self.finish(),
                    Ok(message) => self.take(message),
                    Err(RecvTimeoutError::Timeout) => {}
                }
                if Instant::now() >= next {
                    break;
                }
            }
            self.tick(SystemTime::now(), ticks % TICKS_A_PRUNING == 0);
            next = Instant::now() + TICK;
        }
    }

    fn take(&mut self, message: Message) {
        // Who asked and went takes no answer; what was asked for is done all the same.
        match message {
            Message::Told(told) => self.hear(&told),
            Message::Review { id, review, note, answer } => drop(answer.send(self.review(id, review, note))),
            Message::Change { changes, answer } => drop(answer.send(self.change(&changes))),
            Message::Stop => {}
        }
    }

    fn hear(&mut self, told: &Told) {
        if let Told::Verdict { stream, verdict, .. } = told {
            self.point(stream, verdict);
        }
        let changes = self.periods.hear(told);
        self.keep(changes);
    }

    fn point(&mut self, stream: &StreamId, verdict: &Verdict) {
        let at = millis(verdict.stamp.captured) / 1000 * 1000;
        let thousandths = |share: f32| (f64::from(share) * 1000.0).round() as i64;
        for face in verdict.faces.iter().filter(|face| face.label != Label::Stale) {
            let point = Point {
                fake: face.fake_confidence.map(thousandths),
                synthetic: face.synthetic_confidence.map(thousandths),
                quality: thousandths(face.quality.weight),
            };
            self.points.insert((at, stream.clone(), face.track), point);
        }
    }

    /// Writes what became of periods, then tells it.
    fn keep(&mut self, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        let Self { store, rows, model, .. } = self;
        let written = store.write(Safety::Crash, |step| {
            let mut ids = Vec::with_capacity(changes.len());
            for change in &changes {
                let (period, open) = match change {
                    Change::Began(period) => (period, true),
                    Change::Ended(period) => (period, false),
                };
                let row = match rows.get(&period.key) {
                    Some(row) => update(step, row, period, open)?,
                    None => insert(step, period, open, model)?,
                };
                ids.push(row.id);
                rows.insert(period.key, row);
            }
            ids.into_iter().map(|id| read::period(step, id)).collect::<rusqlite::Result<Vec<_>>>()
        });
        for change in &changes {
            if let Change::Ended(period) = change {
                self.rows.remove(&period.key);
            }
        }
        for period in self.judge(written, changes.len()).unwrap_or_default().into_iter().flatten() {
            self.tell(period);
        }
    }

    /// Brings what lasts up to date, writes the points of seconds that are over, removes what is too old or too much.
    fn tick(&mut self, now: SystemTime, prune: bool) {
        let over = self.periods.at(now);
        self.keep(over);
        // A second is over when its frames have been judged, which takes less than another.
        let later = self.points.split_off(&(millis(now) / 1000 * 1000 - 1000, "".into(), 0));
        let points = std::mem::replace(&mut self.points, later);
        self.write_points(points);
        if prune {
            let record = lock(&self.state).tuning.now().record.clone();
            let pruned = retention::prune(&mut self.store, now, &record);
            if let Some(pruned) = self.judge(pruned, 0) {
                for (reason, rows) in [("age", pruned.by_age), ("size", pruned.by_size)] {
                    self.metrics.record_pruned.with_label_values(&[reason]).inc_by(rows);
                }
            }
        }
        self.metrics.record_bytes.set(self.store.place.bytes() as i64);
    }

    fn write_points(&mut self, points: BTreeMap<(i64, StreamId, u64), Point>) {
        let Self { store, rows, periods, .. } = self;
        let lasting: Vec<&Period> = periods
            .lasting()
            .filter(|period| rows.get(&period.key).is_some_and(|row| row.last != period.last))
            .collect();
        if points.is_empty() && lasting.is_empty() {
            return;
        }
        let written = store.write(Safety::Crash, |step| {
            let mut insert = step.prepare("INSERT OR REPLACE INTO points VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
            for ((at, stream, track), Point { fake, synthetic, quality }) in &points {
                insert.execute(params![at, &**stream, *track as i64, fake, synthetic, quality])?;
            }
            for period in &lasting {
                if let Some(row) = rows.get_mut(&period.key) {
                    *row = update(step, row, period, true)?;
                }
            }
            Ok(())
        });
        self.judge(written, points.len());
    }

    fn review(&mut self, id: i64, review: Option<Review>, note: Option<String>) -> Result<event::Period, Error> {
        let written = self.store.write(Safety::PowerLoss, |step| {
            let sql = "UPDATE periods SET review = coalesce(?2, review), note = coalesce(?3, note), reviewed_at = ?4
                WHERE id = ?1";
            step.execute(sql, params![id, review.map(Review::name), note, millis(SystemTime::now())])?;
            step.execute("UPDATE periods SET reviewed_at = NULL WHERE id = ?1 AND review = 'none'", [id])?;
            read::period(step, id)
        });
        let period = written?.ok_or(Error::Unknown(id))?;
        self.tell(period.clone());
        Ok(period)
    }

    fn change(&mut self, changes: &BTreeMap<Key, Option<f64>>) -> Result<Vec<Setting>, Error> {
        let mut tuning = lock(&self.state).tuning.clone();
        let before = tuning.now().verdict.clone();
        tuning.change(changes)?;
        self.store.write(Safety::PowerLoss, |step| {
            for (key, value) in changes {
                match value {
                    Some(value) => {
                        step.execute("INSERT OR REPLACE INTO settings VALUES (?1, ?2)", params![key.name(), value])?
                    }
                    None => step.execute("DELETE FROM settings WHERE key = ?1", [key.name()])?,
                };
            }
            Ok(())
        })?;
        let after = tuning.now().verdict.clone();
        let list = tuning.list();
        lock(&self.state).tuning = tuning;
        for setting in list.iter().filter(|setting| changes.keys().any(|key| key.name() == setting.key)) {
            tracing::info!(key = setting.key, value = setting.value, "changed");
        }
        if (before.fake_at, before.real_at) != (after.fake_at, after.real_at) {
            self.board.post(Report::Thresholds { fake_at: after.fake_at, real_at: after.real_at });
        }
        Ok(list)
    }

    fn finish(mut self) {
        let changes = self.periods.finish();
        self.keep(changes);
        let points = std::mem::take(&mut self.points);
        self.write_points(points);
        self.metrics.recording.set(0);
    }

    fn tell(&self, period: event::Period) {
        self.board.post(Report::Tell(Box::new(Body::Period(period))));
    }

    /// Says once when writing begins to fail and once when it works again; `rows` were lost when it failed.
    fn judge<T>(&self, written: Result<T, Error>, rows: usize) -> Option<T> {
        let fault = written.as_ref().err().map(ToString::to_string);
        let mut state = lock(&self.state);
        match (&state.fault, &fault) {
            (None, Some(fault)) => tracing::error!("verdicts are not kept: {fault}"),
            (Some(_), None) => tracing::info!("verdicts are kept again"),
            _ => {}
        }
        self.metrics.recording.set(i64::from(fault.is_none()));
        if fault.is_some() {
            self.metrics.record_dropped.with_label_values(&[WRITE_FAILED]).inc_by(rows as u64);
        }
        state.fault = fault;
        written.ok()
    }
}

fn insert(step: &Transaction<'_>, period: &Period, open: bool, model: &str) -> rusqlite::Result<Row> {
    let sql = "INSERT INTO periods (stream, stream_name, track, label, began, last, open, windows, reasons, model)
        VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, 0, '', ?6)";
    let Period { stream, stream_name, track, label, began, last, .. } = period;
    step.prepare(sql)?.execute(params![&**stream, stream_name, *track as i64, label.name(), millis(*began), model])?;
    let row = Row { id: step.last_insert_rowid(), crop: None, last: *last };
    update(step, &row, period, open)
}

fn update(step: &Transaction<'_>, row: &Row, period: &Period, open: bool) -> rusqlite::Result<Row> {
    let sql = "UPDATE periods SET last = ?2, open = ?3, peak = ?4, peak_at = ?5, mean = ?6, windows = ?7, reasons = ?8
        WHERE id = ?1";
    let reasons: Vec<&str> = period.reasons.iter().map(|reason| reason.name()).collect();
    step.prepare(sql)?.execute(params![
        row.id,
        millis(period.last),
        open,
        period.peak.map(|(peak, _)| peak),
        period.peak.map(|(_, at)| millis(at)),
        period.mean(),
        period.windows as i64,
        reasons.join(" "),
    ])?;
    let crop = match (&period.crop, &row.crop) {
        (Some(new), Some(kept)) if Arc::ptr_eq(new, kept) => row.crop.clone(),
        (Some(new), _) => {
            picture(step, row.id, new)?;
            Some(new.clone())
        }
        (None, _) => row.crop.clone(),
    };
    Ok(Row { id: row.id, crop, last: period.last })
}

fn picture(step: &Connection, id: i64, crop: &[u8]) -> rusqlite::Result<()> {
    let side = (crop.len() / 3).isqrt() as u32;
    match crate::pixels::encode_crop(crop, side, JPEG_QUALITY) {
        Ok(jpeg) => {
            step.prepare("INSERT OR REPLACE INTO thumbnails VALUES (?1, ?2)")?.execute(params![id, jpeg])?;
        }
        Err(error) => tracing::warn!(period = id, %error, "no picture of this face"),
    }
    Ok(())
}
