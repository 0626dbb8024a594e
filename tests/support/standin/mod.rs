//! A GPU for tests on machines without one: libraries that stand in for NVIDIA's, compiled here. Their "device memory" is
//! the host's and their faults come when a test says so.

use std::mem::offset_of;
use std::path::{Path, PathBuf};
use std::process::Command;

use ort::sys::OrtApi;
use tempfile::TempDir;

use super::root;

/// The libraries, and the switch of their faults, for one program.
pub struct Gpu {
    folder: TempDir,
}

impl Gpu {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let places = [
            ("TABLE", size_of::<OrtApi>()),
            ("CREATE_STATUS", offset_of!(OrtApi, CreateStatus)),
            ("RUN", offset_of!(OrtApi, Run)),
            ("SHAPE", offset_of!(OrtApi, GetTensorTypeAndShape)),
            ("DIMENSIONS", offset_of!(OrtApi, GetDimensions)),
            ("RELEASE_SHAPE", offset_of!(OrtApi, ReleaseTensorTypeAndShapeInfo)),
            ("PROVIDERS", offset_of!(OrtApi, GetAvailableProviders)),
            ("RELEASE_PROVIDERS", offset_of!(OrtApi, ReleaseAvailableProviders)),
            ("CREATE_OPTIONS", offset_of!(OrtApi, CreateCUDAProviderOptions)),
            ("UPDATE_OPTIONS", offset_of!(OrtApi, UpdateCUDAProviderOptions)),
            ("RELEASE_OPTIONS", offset_of!(OrtApi, ReleaseCUDAProviderOptions)),
            ("APPEND_CUDA", offset_of!(OrtApi, SessionOptionsAppendExecutionProvider_CUDA_V2)),
        ];
        let places = places.map(|(name, offset)| format!("-D{name}={}", offset / size_of::<usize>()));
        compile("onnxruntime.cpp", &folder.path().join("libonnxruntime.so"), &places);
        driver(folder.path());
        compile("libnvcuvid.cpp", &folder.path().join("libnvcuvid.so.1"), &[]);
        decoder(&folder.path().join("gstreamer"));
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Settings (TOML) that have models run on it.
    pub fn settings(&self) -> String {
        format!("[infer]\ndevice = \"cuda\"\nonnxruntime = {:?}\n", self.path("libonnxruntime.so"))
    }

    /// Where the libraries are found, and what they read.
    pub fn env(&self) -> [(&'static str, String); 5] {
        [
            ("GST_PLUGIN_PATH", self.path("gstreamer")),
            // What GStreamer found on this machine without a GPU is not what it finds with one.
            ("GST_REGISTRY", self.path("registry.bin")),
            ("LD_LIBRARY_PATH", self.folder.path().display().to_string()),
            ("STANDIN_ONNXRUNTIME", onnxruntime().display().to_string()),
            ("STANDIN_FAULT", self.path("fault")),
        ]
    }

    /// From now on calls fail: `lost`, `silent` (no reason is told), `hang`, `memory N` (more than N rows do not fit).
    pub fn fail(&self, how: &str) {
        // Whole or not at all: it is read at any time.
        std::fs::write(self.path("fault.new"), how).unwrap();
        std::fs::rename(self.path("fault.new"), self.path("fault")).unwrap();
    }
}

/// Makes NVIDIA's driver and its compiler of kernels in a folder; the driver's path.
pub fn driver(folder: &Path) -> PathBuf {
    for name in ["libcuda", "libnvrtc"] {
        let library = folder.join(format!("{name}.so"));
        // Loaded by its path first, it is what is found by this name afterwards.
        let options = ["-Wno-unused-parameter".to_owned(), format!("-Wl,-soname,{name}.so")];
        compile(&format!("{name}.cpp"), &library, &options);
        // One library under both names: it is to be loaded once.
        std::os::unix::fs::symlink(&library, folder.join(format!("{name}.so.1"))).unwrap();
    }
    folder.join("libcuda.so")
}

/// Makes GStreamer's nvh264dec.
fn decoder(folder: &Path) {
    std::fs::create_dir(folder).unwrap();
    let source = root().join("tests/support/standin/nvh264dec.c");
    let command = format!(
        "cc -shared -fPIC -Wall -Wextra -Werror -Wno-cast-function-type $(pkg-config --cflags gstreamer-1.0) \
         -o {folder:?}/libgststandin.so {source:?} $(pkg-config --libs gstreamer-1.0)"
    );
    let compiler = Command::new("sh").args(["-c", &command]).output().unwrap();
    assert!(compiler.status.success(), "{}", String::from_utf8_lossy(&compiler.stderr));
}

/// The real one.
fn onnxruntime() -> PathBuf {
    if let Some(named) = std::env::var_os("ORT_DYLIB_PATH") {
        return named.into();
    }
    let folder = root().join(".cache/ort");
    let files = std::fs::read_dir(&folder).expect("run `make setup` first");
    let mut files = files.map(|file| file.unwrap().path());
    files.find(|path| path.display().to_string().contains("libonnxruntime.so")).expect("run `make setup` first")
}

fn compile(source: &str, library: &Path, options: &[String]) {
    let source = root().join("tests/support/standin").join(source);
    let flags = "-std=c++17 -O1 -shared -fPIC -Wall -Wextra -Werror";
    let compiler = Command::new("g++")
        .args(flags.split_whitespace())
        .args(options)
        .arg("-o")
        .args([library, source.as_path()])
        .args(["-ldl", "-lpthread"])
        .output();
    let compiler = compiler.expect("g++ runs: install build-essential, as `make test` does");
    assert!(compiler.status.success(), "{}", String::from_utf8_lossy(&compiler.stderr));
}
