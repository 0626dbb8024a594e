//! The machine's first NVIDIA GPU, as its driver tells. In: nothing. Out: name, memory, load; nothing at all on a machine
//! without the driver, whose library is looked for at run time. Asked by `vitals`.

use std::ffi::OsStr;

use nvml_wrapper::Nvml;
use serde::Serialize;
use utoipa::ToSchema;

/// The name that the driver itself installs; the one without a number comes with development packages only.
const LIBRARY: &str = "libnvidia-ml.so.1";

/// The first GPU as the driver counts them, with what all programs take of it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Gpu {
    pub name: String,
    pub memory_mb: f64,
    pub memory_total_mb: f64,
    /// Share of the time in which it computed, 0-1; null: the driver does not say.
    pub load: Option<f64>,
}

/// The door to the driver; None: there is none.
pub struct Driver(Option<Nvml>);

impl Driver {
    pub fn open() -> Self {
        Self::at(LIBRARY)
    }

    fn at(library: &str) -> Self {
        match Nvml::builder().lib_path(OsStr::new(library)).init() {
            Ok(nvml) => Self(Some(nvml)),
            Err(error) => {
                tracing::debug!(%error, "no NVIDIA driver: /health names no GPU");
                Self(None)
            }
        }
    }

    pub fn gpu(&self) -> Option<Gpu> {
        let device = self.0.as_ref()?.device_by_index(0).ok()?;
        let memory = device.memory_info().ok()?;
        Some(Gpu {
            name: device.name().ok()?,
            memory_mb: memory.used as f64 / 1e6,
            memory_total_mb: memory.total as f64 / 1e6,
            load: device.utilization_rates().ok().map(|load| f64::from(load.gpu) / 100.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_driver_there_is_no_gpu() {
        assert_eq!(Driver::at("libnvidia-ml-not-here.so.1").gpu(), None);
        // libc is there, but no driver: what it lacks is an error and nothing worse.
        assert_eq!(Driver::at("libc.so.6").gpu(), None);
    }

    #[test]
    fn what_a_driver_says_is_possible() {
        // On a machine without one there is nothing to say.
        if let Some(gpu) = Driver::open().gpu() {
            assert!(!gpu.name.is_empty() && gpu.memory_mb <= gpu.memory_total_mb, "{gpu:?}");
            assert!(gpu.load.is_none_or(|load| (0.0..=1.0).contains(&load)), "{gpu:?}");
        }
    }
}
