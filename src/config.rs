//! What the user asked for. In: a TOML file and the environment. Out: a [`Config`] made of every room's own, or all
//! faults at once, each with its key path and a remedy. Called by `main`; parsed text is also what `fuzz/` feeds.
//!
//! Precedence: environment, then file, then the defaults. A variable is `TRUEVISION__` and the key path joined by
//! `__`, as `TRUEVISION__VERDICT__FAKE_AT=0.8`; a stream is named by its id, as `TRUEVISION__STREAMS__DOOR__PASSWORD`.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::faults::Faults;
use crate::secret::redact_url;
use crate::{alerts, analyses, detector, evidence, faces, infer, publish, record, score, source, tracks, verdict, web};

/// Every setting of the program. `configs/default.toml` says the same in words (tested).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Streams the program takes at most, 1-1024.
    pub streams_max: usize,
    pub log: Log,
    pub infer: infer::Config,
    pub faces: faces::Config,
    pub tracks: tracks::Config,
    pub detector: detector::Config,
    pub verdict: verdict::Config,
    pub publish: publish::Config,
    pub record: record::Config,
    pub alerts: alerts::Config,
    pub evidence: evidence::Config,
    pub analyses: analyses::Config,
    pub web: web::Config,
    pub streams: Vec<source::Config>,
}

/// What is written to standard error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug`, `trace`, or a filter a module as `truevision::source=debug,info`.
    pub filter: String,
    /// One JSON object a line instead of text.
    pub json: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".into(), json: false }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            streams_max: 64,
            log: Log::default(),
            infer: infer::Config::default(),
            faces: faces::Config::default(),
            tracks: tracks::Config::default(),
            detector: detector::Config::default(),
            verdict: verdict::Config::default(),
            publish: publish::Config::default(),
            record: record::Config::default(),
            alerts: alerts::Config::default(),
            evidence: evidence::Config::default(),
            analyses: analyses::Config::default(),
            web: web::Config::default(),
            streams: Vec::new(),
        }
    }
}

/// Settings given as arguments; they win over environment and file.
#[derive(Clone, Debug, Default)]
pub struct CommandLine {
    /// For `web.listen`.
    pub listen: Option<String>,
    /// Addresses of streams beside those of the file.
    pub sources: Vec<String>,
}

/// One thing that is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// As `verdict.fake_at` or `streams[1].url`; empty for text that is no TOML.
    pub key: String,
    pub message: String,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read the settings file {path}: {source}; check the path given to --config")]
    Read { path: String, source: std::io::Error },
    #[error("{}", Listing(.0))]
    Faults(Vec<Fault>),
}

struct Listing<'a>(&'a [Fault]);

impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0.len() == 1 { "fault" } else { "faults" };
        write!(f, "{} {plural} in the settings:", self.0.len())?;
        for fault in self.0 {
            write!(f, "\n  ")?;
            if !fault.key.is_empty() {
                write!(f, "{}: ", fault.key)?;
            }
            write!(f, "{}", fault.message)?;
        }
        Ok(())
    }
}

impl Config {
    /// The file (none: the defaults) under the process's environment and the command line.
    pub fn load(path: Option<&Path>, command_line: &CommandLine) -> Result<Self, Error> {
        let text = match path {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|source| Error::Read { path: path.display().to_string(), source })?,
            None => String::new(),
        };
        parse(&text, std::env::vars(), command_line)
    }

    /// What judging a file as a whole needs.
    pub fn scoring(&self) -> score::Settings {
        score::Settings {
            infer: self.infer.clone(),
            faces: self.faces.clone(),
            tracks: self.tracks.clone(),
            detector: self.detector.clone(),
            verdict: self.verdict.clone(),
        }
    }

    fn check(&self, faults: &mut Vec<Fault>) {
        if !(1..=1024).contains(&self.streams_max) {
            push(faults, "streams_max", format!("{} is outside 1-1024", self.streams_max));
        }
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&self.log.filter) {
            push(faults, "log.filter", format!("{:?} is no log filter: {error}; try \"info\"", self.log.filter));
        }
        let rooms: [(&str, Check<'_>); 11] = [
            ("infer", &|f| self.infer.check(f)),
            ("faces", &|f| self.faces.check(f)),
            ("tracks", &|f| self.tracks.check(f)),
            ("detector", &|f| self.detector.check(f)),
            ("verdict", &|f| self.verdict.check(f)),
            ("publish", &|f| self.publish.check(f)),
            ("record", &|f| self.record.check(f)),
            ("alerts", &|f| self.alerts.check(f)),
            ("evidence", &|f| self.evidence.check(f)),
            ("analyses", &|f| self.analyses.check(f)),
            ("web", &|f| self.web.check(f)),
        ];
        for (room, check) in rooms {
            collect(faults, room, check);
        }
        let mut seen = HashSet::new();
        for (i, stream) in self.streams.iter().enumerate() {
            let at = format!("streams[{i}]");
            collect(faults, &at, &|f| stream.check(f));
            if !seen.insert(&stream.id) {
                push(
                    faults,
                    &format!("{at}.id"),
                    format!("{:?} is used by an earlier stream; ids are unique", stream.id),
                );
            }
        }
        if self.streams.len() > self.streams_max {
            let message = format!("{} streams, but streams_max is {}; raise it", self.streams.len(), self.streams_max);
            push(faults, "streams", message);
        }
    }
}

/// Whether the environment sets this key (as `verdict.fake_at`), which then wins over what is changed at run time.
pub fn set_by_environment(key: &str) -> bool {
    std::env::vars_os().any(|(name, _)| name.to_str().is_some_and(|name| names(name, key)))
}

/// Whether a variable's name means this key.
fn names(variable: &str, key: &str) -> bool {
    variable.strip_prefix("TRUEVISION__").is_some_and(|path| path.to_lowercase().replace("__", ".") == key)
}

/// Settings from TOML text, (name, value) pairs of the environment and arguments; every fault found is in the error.
pub fn parse(
    text: &str,
    env: impl IntoIterator<Item = (String, String)>,
    command_line: &CommandLine,
) -> Result<Config, Error> {
    let mut faults = Vec::new();
    let mut given: Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            let message = format!("not TOML: {}", error.to_string().trim_end());
            return Err(Error::Faults(vec![Fault { key: String::new(), message }]));
        }
    };
    let defaults = table_of(&Config::default());
    let stream_defaults = table_of(&source::Config::default());
    overlay_environment(&mut given, env, &defaults, &stream_defaults, &mut faults);

    if let Some(listen) = &command_line.listen {
        // A file that gives it another type keeps its own fault.
        let web = given.entry("web").or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(web) = web {
            web.insert("listen".into(), Value::String(listen.clone()));
        }
    }
    let mut streams = take_streams(&mut given, &stream_defaults, &mut faults);
    for url in &command_line.sources {
        let mut stream = stream_defaults.clone();
        stream.insert("id".into(), Value::String(format!("source-{}", streams.len() + 1)));
        stream.insert("name".into(), Value::String(redact_url(url)));
        stream.insert("url".into(), Value::String(url.clone()));
        streams.push(Value::Table(stream));
    }
    let mut merged = defaults.clone();
    merge(&mut merged, &given, &defaults, "", &accepts::<Config>(&defaults), &mut faults);
    merged.insert("streams".into(), Value::Array(streams));
    match Value::Table(merged).try_into::<Config>() {
        Ok(config) => {
            config.check(&mut faults);
            if faults.is_empty() { Ok(config) } else { Err(Error::Faults(faults)) }
        }
        // Every leaf was accepted alone, so this is not expected; it must still not be a panic.
        Err(error) => {
            push(&mut faults, "", error.to_string());
            Err(Error::Faults(faults))
        }
    }
}

/// Whether a value may stand at a path.
type Accept<'a> = &'a dyn Fn(&[&str], &Value) -> Result<(), String>;

/// A room's own check: adds (key, message) pairs.
type Check<'a> = &'a dyn Fn(&mut Faults);

/// Copies the leaves of `given` that `accept` takes into `merged`; the others become faults.
fn merge(merged: &mut Table, given: &Table, defaults: &Table, at: &str, accept: Accept<'_>, faults: &mut Vec<Fault>) {
    for (key, value) in given {
        let path = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
        match (defaults.get(key), value) {
            (None, _) => push(faults, &path, unknown(key, defaults)),
            (Some(Value::Table(inner_defaults)), Value::Table(inner)) => {
                // `merged` starts as a copy of `defaults`, so a table is a table in both.
                let Some(Value::Table(target)) = merged.get_mut(key) else { continue };
                let accept_inner = |tail: &[&str], value: &Value| {
                    let mut whole = vec![key.as_str()];
                    whole.extend(tail);
                    accept(&whole, value)
                };
                merge(target, inner, inner_defaults, &path, &accept_inner, faults);
            }
            (Some(_), _) => match accept(&[key.as_str()], value) {
                Ok(()) => drop(merged.insert(key.clone(), value.clone())),
                Err(message) => push(faults, &path, message),
            },
        }
    }
}

/// Whether `T` still deserialises from its defaults when one leaf of them is replaced.
fn accepts<T: DeserializeOwned>(defaults: &Table) -> impl Fn(&[&str], &Value) -> Result<(), String> {
    move |path, value| {
        let mut table = defaults.clone();
        let (leaf, parents) = path.split_last().ok_or("an empty key")?;
        let mut target = &mut table;
        for parent in parents {
            match target.get_mut(*parent) {
                Some(Value::Table(inner)) => target = inner,
                _ => return Err("is not a table".into()),
            }
        }
        target.insert((*leaf).into(), value.clone());
        Value::Table(table).try_into::<T>().map(drop).map_err(|error| first_line(&error.to_string()))
    }
}

fn take_streams(given: &mut Table, defaults: &Table, faults: &mut Vec<Fault>) -> Vec<Value> {
    let list = match given.remove("streams") {
        None => return Vec::new(),
        Some(Value::Array(list)) => list,
        Some(_) => {
            push(faults, "streams", "expected tables, as [[streams]]".into());
            return Vec::new();
        }
    };
    let accept = accepts::<source::Config>(defaults);
    let mut streams = Vec::new();
    for (i, entry) in list.iter().enumerate() {
        let at = format!("streams[{i}]");
        let Value::Table(entry) = entry else {
            push(faults, &at, "expected a table, as [[streams]]".into());
            continue;
        };
        let mut merged = defaults.clone();
        merge(&mut merged, entry, defaults, &at, &accept, faults);
        streams.push(Value::Table(merged));
    }
    streams
}

fn overlay_environment(
    given: &mut Table,
    env: impl IntoIterator<Item = (String, String)>,
    defaults: &Table,
    stream_defaults: &Table,
    faults: &mut Vec<Fault>,
) {
    // Sorted, so that faults come in the same order on every start.
    let mut pairs: Vec<_> = env.into_iter().filter(|(name, _)| name.starts_with("TRUEVISION__")).collect();
    pairs.sort();
    for (name, text) in pairs {
        let path: Vec<String> = name.split("__").skip(1).map(str::to_lowercase).collect();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let placed = match path.as_slice() {
            ["streams", id, key] => place_in_stream(given, id, key, &text, stream_defaults),
            _ => place(given, &path, &text, defaults),
        };
        if placed.is_none() {
            push(faults, &name, "this variable names no setting; see configs/default.toml".into());
        }
    }
}

fn place(given: &mut Table, path: &[&str], text: &str, defaults: &Table) -> Option<()> {
    let (key, tail) = path.split_first()?;
    match (defaults.get(*key)?, tail) {
        (Value::Table(inner), [_, ..]) => {
            let entry = given.entry(*key).or_insert_with(|| Value::Table(Table::new()));
            place(entry.as_table_mut()?, tail, text, inner)
        }
        (Value::Table(_), []) | (_, [_, ..]) => None,
        (default, []) => {
            given.insert((*key).into(), value_of(text, default));
            Some(())
        }
    }
}

fn place_in_stream(given: &mut Table, id: &str, key: &str, text: &str, defaults: &Table) -> Option<()> {
    let value = value_of(text, defaults.get(key)?);
    let streams = given.get_mut("streams")?.as_array_mut()?;
    let named =
        |stream: &&mut Value| stream.get("id").and_then(Value::as_str).is_some_and(|own| own.eq_ignore_ascii_case(id));
    streams.iter_mut().find(named)?.as_table_mut()?.insert(key.into(), value);
    Some(())
}

/// A variable's text as the type its default has; what does not parse stays text and is refused as such later.
fn value_of(text: &str, default: &Value) -> Value {
    if default.is_str() {
        return Value::String(text.into());
    }
    format!("v = {text}")
        .parse::<Table>()
        .ok()
        .and_then(|mut table| table.remove("v"))
        .unwrap_or_else(|| Value::String(text.into()))
}

fn table_of<T: Serialize>(value: &T) -> Table {
    // Settings are structs of plain values: they always serialise to a table.
    Table::try_from(value).unwrap_or_default()
}

fn unknown(key: &str, defaults: &Table) -> String {
    let nearest = defaults.keys().map(|known| (distance(key, known), known)).min();
    match nearest {
        Some((d, known)) if d <= 2 => format!("there is no such key; did you mean {known:?}?"),
        _ => "there is no such key; see configs/default.toml".into(),
    }
}

/// Levenshtein distance, capped work: keys are short.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

fn collect(faults: &mut Vec<Fault>, at: &str, check: Check<'_>) {
    let mut found = Vec::new();
    check(&mut found);
    faults.extend(found.into_iter().map(|(key, message)| Fault { key: format!("{at}.{key}"), message }));
}

fn push(faults: &mut Vec<Fault>, key: &str, message: String) {
    faults.push(Fault { key: key.into(), message });
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
