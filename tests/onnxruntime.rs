//! What happens without a usable ONNX Runtime: an error that names the library and the remedy, never an abort.
//! A process of its own: one that has loaded the real library would not look at these.

use std::path::Path;
use std::process::Command;

use truevision::infer::{Config, Device, Session};

/// The error of loading any file through the library at `path`.
fn refused(path: &Path) -> String {
    let config = Config { device: Device::Cpu, onnxruntime: path.display().to_string(), ..Config::default() };
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    Session::load(&model, &config).err().expect("the library is not usable").to_string()
}

#[test]
fn a_missing_library_is_told_by_name_with_the_remedy() {
    let error = refused(Path::new("nowhere/libonnxruntime.so"));
    assert!(error.contains("nowhere/libonnxruntime.so") && error.contains("make setup"), "{error}");
}

#[test]
fn a_file_that_is_no_library_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("libonnxruntime.so");
    std::fs::write(&path, "not a library").unwrap();
    let error = refused(&path);
    assert!(error.contains("libonnxruntime.so cannot be used") && error.contains("make setup"), "{error}");
}

#[test]
fn a_library_that_is_not_onnx_runtime_and_one_that_is_too_old_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let library = |name: &str, code: &str| {
        let source = folder.path().join(format!("{name}.c"));
        let path = folder.path().join(format!("lib{name}.so"));
        std::fs::write(&source, code).unwrap();
        // The C compiler that Rust itself links with.
        let done = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&path).arg(&source).status();
        assert!(done.expect("cc runs").success());
        path
    };
    let error = refused(&library("other", "int other(void) { return 1; }"));
    assert!(error.contains("OrtGetApiBase"), "{error}");
    let old = "static const char* version(void) { return \"1.17.0\"; }
        static const void* api(unsigned v) { return 0; }
        static const struct { const void* (*api)(unsigned); const char* (*version)(void); } base = { api, version };
        const void* OrtGetApiBase(void) { return &base; }";
    let error = refused(&library("old", old));
    assert!(error.contains("1.17.0") && error.contains("1.30"), "{error}");
}
