//! The screen, grabbed by a process of its own: when an X server goes, Xlib ends the whole process that reads from it,
//! and with it every other stream. In: a display. Out: Matroska with raw pictures on a pipe, and what the process
//! complained of. Started by `connection`; the process ends with its [`Grab`], and by itself when nobody reads.

use std::io::Read;
use std::os::fd::{AsRawFd, RawFd};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::launch;

/// GStreamer's own program, as pipelines are tried by hand.
const PROGRAM: &str = "gst-launch-1.0";
const DESCRIPTION: &str = include_str!("../../pipelines/screen-grab.launch");
/// Complaints that are kept, bytes.
const COMPLAINTS: u64 = 4096;

pub(super) struct Grab {
    process: Child,
    pictures: ChildStdout,
}

impl Grab {
    /// `display`: as `:1`; empty: the DISPLAY of the environment. Errors: the program is missing, or the system gives no
    /// process.
    pub fn start(display: &str) -> Result<Self, String> {
        let mut command = Command::new(PROGRAM);
        command.arg("-q").args(launch::elements(DESCRIPTION).split_whitespace());
        if !display.is_empty() {
            command.env("DISPLAY", display);
        }
        let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut process = started.map_err(|error| format!("{PROGRAM}: {error}"))?;
        // It was asked for above.
        let pictures = process.stdout.take().ok_or("no pipe")?;
        Ok(Self { process, pictures })
    }

    /// Where the pictures come out; open as long as this is.
    pub fn pictures(&self) -> RawFd {
        self.pictures.as_raw_fd()
    }

    /// Ends the process; its first complaint, if it had any.
    pub fn complaint(&mut self) -> Option<String> {
        self.end();
        let mut text = Vec::new();
        self.process.stderr.take()?.take(COMPLAINTS).read_to_end(&mut text).ok()?;
        let text = String::from_utf8_lossy(&text);
        let line = text.lines().find(|line| !line.trim().is_empty())?;
        Some(line.rsplit_once("): ").map_or(line, |(_, rest)| rest).trim().to_owned())
    }

    fn end(&mut self) {
        // Fails only when it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Grab {
    fn drop(&mut self) {
        self.end();
    }
}
