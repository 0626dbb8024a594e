//! Whether the GPU still answers. In: how every model call on it began and ended. Out: why nothing can be judged any more,
//! once that is so. One for the process, like CUDA's context: after a fault of the device every call fails until the
//! process ends ("sticky" errors, CUDA C++ Programming Guide). Told by `session` and `pixels`, asked by `detector` and `app`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// No call takes as long, on a GPU that works. Engines are built while a model loads, which is not watched.
const HANGS: Duration = Duration::from_secs(15);

/// When so long every call failed, whatever it said, the GPU is as good as gone.
const FAILS: Duration = Duration::from_secs(5);

/// What CUDA's runtime says when its context cannot be used any more, by number (cudaError of driver_types.h): no device,
/// an uncorrectable error of memory or NVLink, and every fault within a kernel.
const LOST: [u32; 17] = [46, 100, 101, 214, 220, 226, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 999];

static GPU: Mutex<Health> = Mutex::new(Health::new());

/// What a failed call means for the calls after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A smaller batch may fit.
    OutOfMemory,
    DeviceLost,
    Unknown,
}

impl Meaning {
    /// By the runtime's message, the only thing it gives.
    pub fn of(message: &str) -> Self {
        let memory = ["out of memory", "Failed to allocate memory", "ALLOC_FAILED", "ALLOCATION_FAILED"];
        if memory.iter().any(|words| message.contains(words)) {
            return Self::OutOfMemory;
        }
        let code = message.split_once("CUDA failure ").map(|(_, rest)| rest);
        let code = code.and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
        if code.is_some_and(|code: u32| LOST.contains(&code)) { Self::DeviceLost } else { Self::Unknown }
    }
}

/// Why no model can run on the GPU any more; None while it answers, and on a machine that uses none.
pub fn lost() -> Option<String> {
    gpu().lost(Instant::now())
}

/// How often the GPU's memory did not hold a batch, since this was asked last.
pub fn take_out_of_memory() -> u64 {
    std::mem::take(&mut gpu().out_of_memory)
}

/// Counts a batch that the memory did not hold.
pub fn out_of_memory() {
    gpu().out_of_memory += 1;
}

/// Watches one call on the GPU; a lost one is not called again.
pub fn watched<T>(call: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let number = gpu().begin(Instant::now())?;
    let answer = call();
    gpu().end(number, Instant::now(), answer.as_ref().map(drop).map_err(String::as_str));
    answer
}

fn gpu() -> MutexGuard<'static, Health> {
    // Whole at every moment it is held.
    GPU.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Health {
    lost: Option<String>,
    /// Calls that have not come back, by number, and when they began.
    calls: BTreeMap<u64, Instant>,
    next: u64,
    /// Since when no call has succeeded, and how many failed since.
    failing: Option<(Instant, u32)>,
    out_of_memory: u64,
}

impl Health {
    const fn new() -> Self {
        Self { lost: None, calls: BTreeMap::new(), next: 0, failing: None, out_of_memory: 0 }
    }

    fn begin(&mut self, now: Instant) -> Result<u64, String> {
        if let Some(why) = self.lost(now) {
            return Err(why);
        }
        self.next += 1;
        self.calls.insert(self.next, now);
        Ok(self.next)
    }

    fn end(&mut self, call: u64, now: Instant, answer: Result<(), &str>) {
        self.calls.remove(&call);
        let Err(why) = answer else {
            self.failing = None;
            return;
        };
        let (since, failures) = self.failing.unwrap_or((now, 0));
        self.failing = Some((since, failures + 1));
        let told = match Meaning::of(why) {
            Meaning::DeviceLost => why.to_owned(),
            // More than one: a single failure before a long silence is no sign.
            _ if failures > 2 && now.saturating_duration_since(since) >= FAILS => {
                format!("every call has failed for {} s, the last with: {why}", FAILS.as_secs())
            }
            _ => return,
        };
        self.lost.get_or_insert(told);
    }

    fn lost(&mut self, now: Instant) -> Option<String> {
        let hangs = self.calls.values().any(|began| now.saturating_duration_since(*began) > HANGS);
        if hangs && self.lost.is_none() {
            self.lost = Some(format!("a call has not come back for {} s", HANGS.as_secs()));
        }
        self.lost.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: f64) -> Instant {
        static BEGAN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
        *BEGAN + Duration::from_secs_f64(secs)
    }

    /// Calls of 10 ms that fail with `why`, ten a second.
    fn failing(health: &mut Health, secs: std::ops::Range<u32>, why: &str) {
        for tenth in secs.start * 10..secs.end * 10 {
            let began = at(f64::from(tenth) / 10.0);
            if let Ok(call) = health.begin(began) {
                health.end(call, began + Duration::from_millis(10), Err(why));
            }
        }
    }

    #[test]
    fn messages_of_the_runtime_are_understood() {
        for (message, meaning) in [
            ("CUDA failure 700: an illegal memory access was encountered", Meaning::DeviceLost),
            ("CUDA failure 214: uncorrectable ECC error encountered", Meaning::DeviceLost),
            ("CUDA failure 2: out of memory", Meaning::OutOfMemory),
            ("Failed to allocate memory for requested buffer of size 268435456", Meaning::OutOfMemory),
            ("CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED", Meaning::OutOfMemory),
            ("CUDA failure 1: invalid argument", Meaning::Unknown),
            ("Got invalid dimensions for input: crops, index 700", Meaning::Unknown),
        ] {
            assert_eq!(Meaning::of(message), meaning, "{message}");
        }
    }

    #[test]
    fn a_fault_of_the_device_ends_all_calls_at_once() {
        let mut health = Health::new();
        let call = health.begin(at(0.0)).unwrap();
        health.end(call, at(0.1), Err("CUDA failure 719: unspecified launch failure"));
        let why = health.begin(at(0.2)).unwrap_err();
        assert!(why.contains("719") && health.lost(at(9.0)) == Some(why));
    }

    #[test]
    fn failures_that_say_nothing_count_when_they_go_on() {
        let mut health = Health::new();
        failing(&mut health, 0..4, "enqueue failed");
        assert_eq!(health.lost(at(4.0)), None);
        let call = health.begin(at(4.0)).unwrap();
        health.end(call, at(4.1), Ok(()));
        failing(&mut health, 5..9, "enqueue failed");
        assert_eq!(health.lost(at(9.0)), None, "one success between");
        failing(&mut health, 9..11, "enqueue failed");
        assert!(health.lost(at(11.0)).unwrap().contains("enqueue failed"));
    }

    #[test]
    fn two_failures_with_a_silence_between_are_no_sign() {
        let mut health = Health::new();
        for secs in [0.0, 60.0] {
            let call = health.begin(at(secs)).unwrap();
            health.end(call, at(secs), Err("odd"));
        }
        assert_eq!(health.lost(at(61.0)), None);
    }

    #[test]
    fn a_call_that_does_not_come_back_is_told() {
        let mut health = Health::new();
        health.begin(at(0.0)).unwrap();
        assert_eq!(health.lost(at(14.0)), None);
        assert!(health.lost(at(16.0)).unwrap().contains("15 s"));
    }
}
