//! Whether evidence is as it was written. In: a whole store, or the folder of one alert. Out: a [`Report`] that names
//! what was altered, is missing, or was added. Reads only, also beside a running program. Called by `main`.
//!
//! It finds what somebody changed who cannot write the whole chain anew; who can do that is found out by the hash of any
//! manifest that is kept elsewhere (the log, the alert's letters).

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

use super::Error;
use super::chain::{self, Chain, Link};
use super::manifest::{self, FileFacts, Manifest, is_alert, is_plain};

/// What a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    Altered,
    Missing,
    Added,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub what: What,
    /// Its path within what was checked.
    pub path: String,
    pub why: String,
}

/// What was checked and what was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    pub alerts: u64,
    pub files: u64,
    pub bytes: u64,
    /// SHA-256 of the newest manifest, to be compared with one that is kept elsewhere.
    pub newest: Option<String>,
    pub findings: Vec<Finding>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { what, path, why } in &self.findings {
            let what = match what {
                What::Altered => "altered",
                What::Missing => "missing",
                What::Added => "added",
            };
            writeln!(f, "{what}: {path}: {why}")?;
        }
        let Self { alerts, files, bytes, .. } = self;
        let found = match self.findings.len() {
            0 => "all is as it was written".to_owned(),
            1 => "1 finding".to_owned(),
            findings => format!("{findings} findings"),
        };
        writeln!(f, "{alerts} alerts, {files} files, {bytes} bytes: {found}")?;
        match &self.newest {
            Some(sha256) => writeln!(f, "newest manifest: {sha256}"),
            None => Ok(()),
        }
    }
}

impl Report {
    fn find(&mut self, what: What, path: impl Into<String>, why: impl Into<String>) {
        self.findings.push(Finding { what, path: path.into(), why: why.into() });
    }
}

/// Checks a store, or the folder of one alert (against its store's chain too, when it lies in one). An error is what
/// cannot be read, or is no evidence.
pub fn verify(path: &Path) -> Result<Report, Error> {
    let mut report = Report::default();
    let names = names(path)?;
    if names.iter().any(|name| name == chain::NAME) || names.iter().any(|name| is_alert(name)) {
        store(path, &names, &mut report)?;
    } else if names.iter().any(|name| name == manifest::NAME) {
        // In its own store it must also be the one that the chain names.
        let absolute = path.canonicalize().map_err(|source| wrong(path, source))?;
        let chain = absolute.parent().and_then(|root| fs::read(root.join(chain::NAME)).ok());
        let chain = chain.and_then(|text| serde_json::from_slice::<Chain>(&text).ok()).unwrap_or_default();
        let alert = absolute.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let checked = folder(path, "", chain.of(&alert), &mut report)?;
        report.newest = checked.map(|(_, sha256)| sha256);
    } else {
        return Err(Error::NoEvidence { path: path.to_owned() });
    }
    Ok(report)
}

fn store(root: &Path, names: &[String], report: &mut Report) -> Result<(), Error> {
    let chain = match fs::read(root.join(chain::NAME)) {
        Ok(text) => match serde_json::from_slice::<Chain>(&text) {
            Ok(chain) => Some(chain),
            Err(error) => {
                report.find(What::Altered, chain::NAME, format!("it cannot be read: {error}"));
                None
            }
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            report.find(What::Missing, chain::NAME, "without it nobody can tell whether the newest is still there");
            None
        }
        Err(error) => return Err(wrong(&root.join(chain::NAME), error)),
    };
    let Some(chain) = chain else {
        // What is left is compared with its own manifests.
        for name in names.iter().filter(|name| is_alert(name)) {
            folder(&root.join(name), name, None, report)?;
        }
        return Ok(());
    };
    let mut before = chain.retired.as_ref().map(|gone| (gone.number, gone.sha256.clone()));
    for link in &chain.kept {
        let expected = before.as_ref().map_or(1, |(number, _)| number + 1);
        if link.number != expected {
            let why = format!("number {} follows number {}; what was between is gone", link.number, expected - 1);
            report.find(What::Altered, chain::NAME, why);
        }
        let previous = before.map(|(_, sha256)| sha256);
        before = Some((link.number, link.sha256.clone()));
        // While the program gives it its name, it is still under the other.
        let place = [link.alert.clone(), format!(".writing-{}", link.alert)].map(|name| root.join(name));
        let Some(place) = place.into_iter().find(|place| is_alert(&link.alert) && place.is_dir()) else {
            report.find(What::Missing, &link.alert, format!("number {} of the chain is gone", link.number));
            continue;
        };
        let Some((manifest, _)) = folder(&place, &link.alert, Some(link), report)? else { continue };
        if manifest.previous != previous || manifest.number != link.number {
            let why = "it does not follow the manifest before it in the chain";
            report.find(What::Altered, format!("{}/{}", link.alert, manifest::NAME), why);
        }
    }
    report.newest = before.map(|(_, sha256)| sha256);
    for name in names.iter().filter(|name| *name != chain::NAME && !name.starts_with('.')) {
        let leaving = chain.retired.as_ref().is_some_and(|gone| gone.alert == *name);
        if chain.of(name).is_none() && !leaving {
            report.find(What::Added, name, "the chain does not name it");
        }
    }
    Ok(())
}

/// Checks the folder of one alert; its manifest and the hash of that, if it can be read. `shown`: its path in the report.
fn folder(
    path: &Path,
    shown: &str,
    link: Option<&Link>,
    report: &mut Report,
) -> Result<Option<(Manifest, String)>, Error> {
    report.alerts += 1;
    let within = |name: &str| if shown.is_empty() { name.to_owned() } else { format!("{shown}/{name}") };
    let text = match fs::read(path.join(manifest::NAME)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            report.find(What::Missing, within(manifest::NAME), "nothing says what the files were");
            return Ok(None);
        }
        Err(error) => return Err(wrong(&path.join(manifest::NAME), error)),
    };
    report.files += 1;
    report.bytes += text.len() as u64;
    let sha256 = manifest::sha256(&text);
    if let Some(link) = link.filter(|link| link.sha256 != sha256) {
        let why = format!("its SHA-256 is {sha256}, the chain says {}", link.sha256);
        report.find(What::Altered, within(manifest::NAME), why);
    }
    let manifest = match Manifest::read(&text) {
        Ok(manifest) => manifest,
        Err(error) => {
            report.find(What::Altered, within(manifest::NAME), format!("it cannot be read: {error}"));
            return Ok(None);
        }
    };
    for expected in &manifest.files {
        if !is_plain(&expected.name) {
            report.find(What::Altered, within(manifest::NAME), format!("it names {:?}", expected.name));
            continue;
        }
        match FileFacts::of(path, &expected.name) {
            Ok(found) => {
                report.files += 1;
                report.bytes += found.bytes;
                if found != *expected {
                    let why = format!(
                        "{} bytes with SHA-256 {}, the manifest says {} bytes with {}",
                        found.bytes, found.sha256, expected.bytes, expected.sha256
                    );
                    report.find(What::Altered, within(&expected.name), why);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                report.find(What::Missing, within(&expected.name), "the manifest names it");
            }
            Err(error) => return Err(wrong(&path.join(&expected.name), error)),
        }
    }
    for name in names(path)? {
        if name != manifest::NAME && !manifest.files.iter().any(|file| file.name == name) {
            report.find(What::Added, within(&name), "the manifest does not name it");
        }
    }
    Ok(Some((manifest, sha256)))
}

fn names(folder: &Path) -> Result<Vec<String>, Error> {
    let entries = fs::read_dir(folder).map_err(|source| wrong(folder, source))?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.map_err(|source| wrong(folder, source))?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn wrong(path: &Path, source: io::Error) -> Error {
    Error::Read { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
