//! What this process takes of the machine, from Linux's /proc. Read by `vitals`.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// At one moment; None where the system does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// CPU time since the start, of all threads.
    pub cpu: Duration,
    pub memory_mb: Option<f64>,
    pub threads: Option<u64>,
    /// Open files and sockets.
    pub files: Option<u64>,
}

impl Process {
    pub fn now() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let spent = clock_gettime(ClockId::ProcessCPUTime);
        Self {
            cpu: Duration::new(spent.tv_sec.max(0) as u64, spent.tv_nsec.clamp(0, 999_999_999) as u32),
            memory_mb: number(&status, "VmRSS:").map(|kib| kib as f64 * 1024.0 / 1e6),
            threads: number(&status, "Threads:"),
            files: std::fs::read_dir("/proc/self/fd").ok().map(|files| files.count() as u64),
        }
    }
}

fn number(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_takes_something() {
        let process = Process::now();
        assert!(process.memory_mb.unwrap() > 1.0 && process.threads.unwrap() >= 1 && process.files.unwrap() >= 3);
        assert!(process.cpu > Duration::ZERO);
        assert_eq!(number("VmRSS:\t  2048 kB\n", "VmRSS:"), Some(2048));
    }
}
