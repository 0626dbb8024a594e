//! On what a model runs. In: the device wanted. Out: the rungs to try, best first, each with its provider's options.
//! A rung is one session builder with `error_on_failure`: `ort` alone would fall back silently. Called by `session`.

use std::fmt;

use ort::ep::{self, ExecutionProvider, ExecutionProviderDispatch};

use super::Device;

/// What really runs a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    Tensorrt,
    Cuda,
    Cpu,
}

/// A better provider that `auto` could not use, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct PassedOver {
    pub provider: Provider,
    pub why: String,
}

impl Provider {
    /// As in settings and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tensorrt => "tensorrt",
            Self::Cuda => "cuda",
            Self::Cpu => "cpu",
        }
    }

    /// Whether the loaded library was built with it. It may still lack a driver: only a session tells.
    pub(super) fn compiled_in(self) -> bool {
        match self {
            Self::Tensorrt => ep::TensorRT::is_available().unwrap_or(false),
            Self::Cuda => ep::CUDA::is_available().unwrap_or(false),
            Self::Cpu => true,
        }
    }

    /// What to register with a session builder, best first.
    pub(super) fn registration(self) -> Vec<ExecutionProviderDispatch> {
        match self {
            // Operators that TensorRT does not take run on CUDA, not on the CPU.
            Self::Tensorrt => vec![
                ep::TensorRT::default().with_fp16(true).build().error_on_failure(),
                ep::CUDA::default().build().error_on_failure(),
            ],
            Self::Cuda => vec![ep::CUDA::default().build().error_on_failure()],
            Self::Cpu => vec![ep::CPU::default().with_arena_allocator(true).build().error_on_failure()],
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The providers to try, best first. A named device is the only rung: it never falls back.
pub(super) fn rungs(device: Device) -> &'static [Provider] {
    match device {
        Device::Auto => &[Provider::Tensorrt, Provider::Cuda, Provider::Cpu],
        Device::Tensorrt => &[Provider::Tensorrt],
        Device::Cuda => &[Provider::Cuda],
        Device::Cpu => &[Provider::Cpu],
    }
}
