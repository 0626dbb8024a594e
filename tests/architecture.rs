//! The house rules a compiler does not check: which room may use which, who may name which crate, every file says what
//! it is for. Reads `src/` as text; fails with file:line.

use std::fs;
use std::path::{Path, PathBuf};

/// Rooms in flow order: a room may use those before it, and tools.
const ROOMS: [&str; 15] = [
    "source", "faces", "tracks", "crops", "detector", "verdict", "publish", "record", "alerts", "evidence", "stream",
    "score", "analyses", "vitals", "web",
];
/// Tools use no room. `contract` (in `infer`) describes the model to rooms; it is a tool as well.
const TOOLS: [&str; 5] = ["pixels", "infer", "metrics", "secret", "faults"];
/// The composition: may use everything.
const TOP: [&str; 5] = ["config", "app", "bench", "lib", "main"];

/// (crate, the only places under src/ that may name it).
const OWNERS: [(&str, &[&str]); 7] = [
    ("ort", &["infer/"]),
    ("axum", &["web/"]),
    ("prometheus", &["metrics.rs"]),
    ("gstreamer_app", &["source/", "evidence/"]),
    ("rusqlite", &["record/", "alerts/store.rs"]),
    ("cudarc", &["pixels/cuda.rs"]),
    ("nvml_wrapper", &["vitals/gpu.rs"]),
];

/// The only files with unsafe code: foreign functions.
const UNSAFE: [&str; 2] = ["pixels/cuda.rs", "pixels/host.rs"];

fn sources() -> Vec<(PathBuf, String)> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &mut found);
    found.sort();
    assert!(found.len() > 30, "{}", found.len());
    found
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            (path.strip_prefix(&root).unwrap().to_owned(), text)
        })
        .collect()
}

/// The room or tool a file belongs to: its first folder, or its own name.
fn room_of(path: &Path) -> String {
    let first = path.components().next().unwrap().as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// (line number, code) without comments.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(i, line)| (i + 1, line.split("//").next().unwrap_or_default()))
        .filter(|(_, line)| !line.trim().is_empty())
}

/// The first path segments that a line names behind `crate::`, brace groups included.
fn used(line: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        let rest = &line[at + "crate::".len()..];
        let word = |s: &str| s.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        match rest.strip_prefix('{') {
            None => names.push(word(rest)),
            Some(group) => {
                let mut depth = 0;
                let mut start = true;
                for (i, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        c if start && c.is_alphabetic() => {
                            names.push(word(&group[i..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    names
}

#[test]
fn dependencies_point_one_way() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let own = room_of(&path);
        let rank = ROOMS.iter().position(|room| *room == own);
        assert!(
            rank.is_some() || TOOLS.contains(&own.as_str()) || TOP.contains(&own.as_str()),
            "src/{}: a new room must be placed in this test",
            path.display()
        );
        for (line, text) in code(&text) {
            for name in used(text) {
                let target = ROOMS.iter().position(|room| *room == name);
                let allowed = name == own
                    || TOP.contains(&own.as_str())
                    || match (rank, target) {
                        (Some(own), Some(target)) => target < own,
                        (None, Some(_)) => false,
                        (_, None) => !TOP.contains(&name.as_str()),
                    };
                if !allowed {
                    wrong.push(format!("src/{}:{line}: {own} uses {name}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_library_has_one_owner() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        for (library, owners) in OWNERS {
            if owners.iter().any(|owner| path.starts_with(owner.trim_end_matches('/'))) {
                continue;
            }
            for (line, text) in code(&text) {
                let prefix = format!("{library}::");
                let names = |(at, _): (usize, _)| {
                    !text[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == ':')
                };
                if text.match_indices(&prefix).any(names) {
                    wrong.push(format!("src/{}:{line}: names {library}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is_for_and_stays_readable() {
    for (path, text) in sources() {
        assert!(text.starts_with("//!"), "src/{} does not open with //!", path.display());
        let lines = text.lines().count();
        assert!(lines <= 500, "src/{} has {lines} lines; does it still have one job?", path.display());
    }
}

#[test]
fn unsafe_code_is_in_its_files_and_says_why_it_is_sound() {
    for (path, text) in sources() {
        let lines: Vec<&str> = text.lines().collect();
        for (line, text) in code(&text) {
            let word = text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe");
            if !word || text.trim_start().starts_with("type ") {
                continue;
            }
            let place = format!("src/{}:{line}", path.display());
            assert!(UNSAFE.iter().any(|file| path == Path::new(file)), "{place}: unsafe belongs to the FFI files");
            // In the comment right above the statement.
            let above = lines[..line - 1].iter().rev().take(6);
            assert!(above.into_iter().any(|line| line.contains("SAFETY:")), "{place}: unsafe without SAFETY:");
        }
    }
}

#[test]
fn the_reader_of_paths_sees_groups_and_plain_uses() {
    assert_eq!(used("use crate::{a, b::{c, d}, e};"), ["a", "b", "e"]);
    assert_eq!(used("let x: crate::pixels::Error = crate::infer::Error;"), ["pixels", "infer"]);
}
