//! What TensorRT keeps on disk and which batches it builds for. In: a model's file and inputs, and this machine. Out: a
//! folder that holds engines of exactly this model, GPU, driver and TensorRT, and the optimisation profile.
//! Called by `ladder`.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Tensor;
use super::verify::hex;

/// Batches an engine serves: the least, the one it is tuned for, the most (`detector.batch_max` is at most that, and
/// `faces.max_faces` less; scripts/check_engines.py has the same).
const BATCHES: [usize; 3] = [1, 16, 256];

/// All that an engine depends on: a change of any makes a new one.
#[derive(Debug, PartialEq)]
struct Key {
    model: String,
    gpu: String,
    driver: String,
    tensorrt: String,
}

impl Key {
    fn of(model: &Path) -> io::Result<Self> {
        let gpus = fs::read_dir("/proc/driver/nvidia/gpus").into_iter().flatten().flatten();
        let mut gpus: Vec<String> =
            gpus.filter_map(|gpu| line_after(&gpu.path().join("information"), "Model:")).collect();
        gpus.sort();
        Ok(Self {
            model: hex(&Sha256::digest(fs::read(model)?)),
            gpu: gpus.join(", "),
            driver: line_after(Path::new("/proc/driver/nvidia/version"), "NVRM version:").unwrap_or_default(),
            tensorrt: tensorrt(),
        })
    }
}

/// As people can read it, in the folder beside the engines.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, gpu, driver, tensorrt } = self;
        writeln!(f, "model sha256: {model}\ngpu: {gpu}\ndriver: {driver}\ntensorrt: {tensorrt}")
    }
}

/// The rest of the first line that begins with `label`.
fn line_after(file: &Path, label: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| Some(line.strip_prefix(label)?.trim().to_owned()))
}

/// The full names of the TensorRT libraries that the loader can find, version and all; empty where there is none.
fn tensorrt() -> String {
    let path = std::env::var("LD_LIBRARY_PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/lib/x86_64-linux-gnu", "/usr/local/lib"]).filter(|f| !f.is_empty());
    let files = folders.filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> =
        names.filter(|n| n.starts_with("libnvinfer.so.") || n.starts_with("libtensorrt_rtx.so.")).collect();
    names.sort();
    names.dedup();
    names.join(", ")
}

/// The folder for the engines of `model` on this machine, made if need be; `setting` empty: in the user's cache.
/// Folders of former drivers or models stay until someone deletes them.
pub(super) fn folder(setting: &str, model: &Path) -> Result<PathBuf, String> {
    let root = match (setting, std::env::var_os("XDG_CACHE_HOME"), std::env::var_os("HOME")) {
        ("", Some(cache), _) if !cache.is_empty() => PathBuf::from(cache).join("truevision/engines"),
        ("", _, Some(home)) => PathBuf::from(home).join(".cache/truevision/engines"),
        ("", _, None) => return Err("no folder for engines: set infer.engines".into()),
        (named, _, _) => PathBuf::from(named),
    };
    let made = Key::of(model).and_then(|key| {
        let name = model.file_stem().unwrap_or_default().to_string_lossy();
        let folder = root.join(format!("{name}-{}", &hex(&Sha256::digest(key.to_string()))[..16]));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("made-for.txt"), key.to_string())?;
        Ok(folder)
    });
    made.map_err(|e| format!("the folder for engines, {}, cannot be used ({e}): set infer.engines", root.display()))
}

/// The shapes of the inputs for the least, usual and largest batch, as in `crops:16x112x112x3`.
pub(super) fn profile(inputs: &[Tensor]) -> [String; 3] {
    BATCHES.map(|batch| {
        let of = |tensor: &Tensor| {
            let dims: Vec<String> = tensor.shape.iter().map(|d| d.unwrap_or(batch).to_string()).collect();
            format!("{}:{}", tensor.name, dims.join("x"))
        };
        inputs.iter().filter(|tensor| tensor.shape.contains(&None)).map(of).collect::<Vec<_>>().join(",")
    })
}

#[cfg(test)]
mod tests {
    use super::super::Element;
    use super::*;

    #[test]
    fn an_engine_serves_every_batch_of_the_inputs_that_have_one() {
        let tensor = |name: &str, shape: &[Option<usize>]| Tensor {
            name: name.into(),
            element: Element::U8,
            shape: shape.to_vec(),
        };
        let crops = tensor("crops", &[None, Some(112), Some(112), Some(3)]);
        let fixed = tensor("table", &[Some(4)]);
        assert_eq!(
            profile(&[crops, fixed]),
            ["crops:1x112x112x3", "crops:16x112x112x3", "crops:256x112x112x3"].map(String::from)
        );
    }

    #[test]
    fn another_model_has_another_folder_and_the_same_one_the_same() {
        let root = tempfile::tempdir().unwrap();
        let model = |name: &str, bytes: &str| {
            let path = root.path().join(name);
            fs::write(&path, bytes).unwrap();
            path
        };
        let setting = root.path().join("engines").display().to_string();
        let first = folder(&setting, &model("encoder.onnx", "a")).unwrap();
        assert_eq!(folder(&setting, &model("encoder.onnx", "a")).unwrap(), first);
        assert_ne!(folder(&setting, &model("encoder.onnx", "b")).unwrap(), first);
        assert!(first.file_name().unwrap().to_string_lossy().starts_with("encoder-"));
        let told = fs::read_to_string(first.join("made-for.txt")).unwrap();
        assert!(told.contains("model sha256: ca978112") && told.contains("driver:"), "{told}");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_told_with_the_setting() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::write(&file, "").unwrap();
        let error = folder(&file.display().to_string(), &file).unwrap_err();
        assert!(error.contains("infer.engines") && error.contains("file"), "{error}");
    }
}
