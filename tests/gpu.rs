//! `truevision bench gpu` where there is no GPU to measure: it says what is missing in one line and ends with code 2,
//! also where a driver is installed that finds no GPU, and never panics.

use std::path::Path;
use std::process::Command;

/// What `bench gpu` says to whom libraries in `folder` are found first. None: there is a GPU here, and it was measured.
fn told(folder: &Path) -> Option<String> {
    let done = Command::new(env!("CARGO_BIN_EXE_truevision"))
        .args(["bench", "gpu"])
        .env("LD_LIBRARY_PATH", folder)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    if done.status.success() {
        return None;
    }
    assert_eq!(done.status.code(), Some(2), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.contains("bench gpu needs an NVIDIA GPU"), "{told}");
    Some(told)
}

fn library(folder: &Path, name: &str, code: &str) {
    let source = folder.join("library.c");
    std::fs::write(&source, code).unwrap();
    // The C compiler that Rust itself links with.
    let done = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(folder.join(name)).arg(&source).status();
    assert!(done.expect("cc runs").success());
}

#[test]
fn a_machine_without_a_driver_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    if let Some(told) = told(folder.path()) {
        assert!(told.contains("docs/gpu.md"), "{told}");
    }
}

#[test]
fn a_driver_without_a_compiler_or_without_a_gpu_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    // CUDA_ERROR_NO_DEVICE.
    let driver = "int cuInit(unsigned flags) { return 100; }
        int cuGetErrorName(int error, const char** name) { *name = \"CUDA_ERROR_NO_DEVICE\"; return 0; }
        int cuGetErrorString(int error, const char** text) { *text = \"no CUDA-capable device is detected\"; return 0; }";
    for name in ["libcuda.so", "libcuda.so.1"] {
        library(folder.path(), name, driver);
    }
    if let Some(told) = told(folder.path()) {
        assert!(told.contains("NVRTC is missing") || told.contains("no CUDA-capable device"), "{told}");
    }
    library(folder.path(), "libnvrtc.so", "int nvrtcVersion(int* major, int* minor) { return 1; }");
    let told = told(folder.path()).expect("the driver of this test finds no GPU");
    assert!(told.contains("opened the first GPU") && told.contains("no CUDA-capable device"), "{told}");
}
