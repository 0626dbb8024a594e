//! Finds and loads ONNX Runtime's shared library, once a process. In: the setting `infer.onnxruntime`.
//! Out: `ort`'s environment, or an error that names every place looked at. Called by `session`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;

use super::Error;
use super::session::plain;

/// The library in use; a process can load only one.
static LOADED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);

/// The folder that set-up fills, in a checkout.
const FETCHED: &str = ".cache/ort";

/// The environment of the library that `setting` leads to (empty: look for it), loading it at the first call.
pub(super) fn environment(setting: &str) -> Result<Environment, Error> {
    let path = find(setting)?;
    // A panic while loading leaves None, which the next call mends.
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((in_use, environment)) = &*loaded {
        if *in_use == path {
            return Ok(environment.clone());
        }
        let why = format!("this process already uses {}", in_use.display());
        return Err(Error::Library { path, why });
    }
    let environment = load(&path).map_err(|why| Error::Library { path: path.clone(), why })?;
    *loaded = Some((path, environment.clone()));
    Ok(environment)
}

/// `ort` would abort or panic on a missing or old library at its first use; asked by absolute path it says why.
fn load(path: &Path) -> Result<Environment, String> {
    let environment = ort::init_from(path)
        .map_err(|e| e.to_string())?
        .with_name("truevision")
        .with_telemetry(false)
        .with_logger(Arc::new(|level, _, _, _, message: &str| match level {
            LogLevel::Error | LogLevel::Fatal => {
                tracing::error!(target: "onnxruntime", "{message}")
            }
            _ => tracing::debug!(target: "onnxruntime", "{message}"),
        }))
        .build()
        .map_err(|e| e.to_string())?;
    environment.set_log_level(LogLevel::Warning);
    tracing::info!(library = %path.display(), build = ort::info(), "loaded onnx runtime");
    Ok(environment)
}

/// Makes the execution provider of a plug-in library known to ONNX Runtime, once.
pub(super) fn plug_in(environment: &Environment, path: &Path) -> Result<(), String> {
    static PLUGGED_IN: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
    let path = path.canonicalize().map_err(|e| format!("{}: {e}", path.display()))?;
    let mut plugged_in = PLUGGED_IN.lock().unwrap_or_else(PoisonError::into_inner);
    if !plugged_in.contains(&path) {
        environment.register_ep_library("truevision-plug-in", &path).map_err(|e| plain(&e))?;
        plugged_in.push(path);
    }
    Ok(())
}

/// A named library must be there; otherwise the first that set-up fetched, seen from here or from the executable.
fn find(setting: &str) -> Result<PathBuf, Error> {
    let variable = std::env::var("ORT_DYLIB_PATH").unwrap_or_default();
    for named in [setting, variable.as_str()] {
        if !named.is_empty() {
            return Path::new(named)
                .canonicalize()
                .map_err(|e| Error::LibraryMissing { tried: format!("{named} ({e})") });
        }
    }
    let here = std::env::current_dir().unwrap_or_default();
    let executable = std::env::current_exe().unwrap_or_default();
    let mut folders = std::iter::once(here.as_path()).chain(executable.ancestors().skip(1));
    folders.find_map(|folder| fetched(&folder.join(FETCHED))).ok_or_else(|| Error::LibraryMissing {
        tried: format!(
            "ORT_DYLIB_PATH (not set), {FETCHED} in {} and in every folder above {}",
            here.display(),
            executable.display()
        ),
    })
}

/// `libonnxruntime.so`, with or without a version behind it.
fn fetched(folder: &Path) -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("libonnxruntime.so")))
        .collect();
    found.sort();
    found.first()?.canonicalize().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetched_library_is_found_with_a_version_in_its_name() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(fetched(folder.path()), None);
        let path = folder.path().join("libonnxruntime.so.1.31.1");
        std::fs::write(&path, "").unwrap();
        assert_eq!(fetched(folder.path()), Some(path.canonicalize().unwrap()));
    }
}
