//! Settings from any text: read or refused, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use truevision::config::{CommandLine, parse};

fuzz_target!(|text: &str| {
    let _ = parse(text, [], &CommandLine::default());
});
