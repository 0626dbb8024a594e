//! On what a model runs. In: the device wanted. Out: the rungs to try, best first, and each one's session builder. Every
//! rung fails aloud: `ort` alone would fall back silently. Called by `session`.

use std::fmt;
use std::path::Path;

use ort::environment::Environment;
use ort::ep::{self, ExecutionProvider};
use ort::session::Session as Graph;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

use super::session::{Tensor, plain};
use super::{Config, Device, engines, library};

/// What really runs a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    Tensorrt,
    TensorrtRtx,
    Cuda,
    Cpu,
}

/// A better provider that `auto` could not use, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct PassedOver {
    pub provider: Provider,
    pub why: String,
}

/// What the plug-in calls its provider; its options are prefixed with it.
const RTX: &str = "NvTensorRTRTXExecutionProvider";

impl Provider {
    /// As in settings and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tensorrt => "tensorrt",
            Self::TensorrtRtx => "tensorrt_rtx",
            Self::Cuda => "cuda",
            Self::Cpu => "cpu",
        }
    }

    /// Adds this provider to a session builder for the model at `path`, or says why it cannot serve here.
    pub(super) fn register(
        self,
        builder: SessionBuilder,
        environment: &Environment,
        path: &Path,
        config: &Config,
    ) -> Result<SessionBuilder, String> {
        match self {
            Self::Tensorrt => tensorrt(builder, environment, path, config),
            Self::TensorrtRtx => tensorrt_rtx(builder, environment, path, config),
            Self::Cuda => {
                compiled_in::<ep::CUDA>()?;
                let done = builder.with_execution_providers([cuda().build().error_on_failure()]);
                done.map_err(|e| plain(&e.into()))
            }
            Self::Cpu => {
                let cpu = ep::CPU::default().with_arena_allocator(true).build().error_on_failure();
                builder.with_execution_providers([cpu]).map_err(|e| plain(&e.into()))
            }
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
        Device::Auto => &[Provider::Tensorrt, Provider::TensorrtRtx, Provider::Cuda, Provider::Cpu],
        Device::Tensorrt => &[Provider::Tensorrt],
        Device::TensorrtRtx => &[Provider::TensorrtRtx],
        Device::Cuda => &[Provider::Cuda],
        Device::Cpu => &[Provider::Cpu],
    }
}

/// Whether the loaded library was built with the provider. It may still lack a driver: only a session tells.
fn compiled_in<P: ExecutionProvider + Default>() -> Result<(), String> {
    match P::is_available() {
        Ok(true) => Ok(()),
        _ => Err("this onnx runtime library was built without it".into()),
    }
}

/// Batches vary from call to call: an exhaustive search of algorithms for each new one would stall the first calls.
fn cuda() -> ep::CUDA {
    ep::CUDA::default().with_conv_algorithm_search(ep::cuda::ConvAlgorithmSearch::Heuristic)
}

/// Half precision, engines and timings kept on disk. Operators that TensorRT does not take run on CUDA, not on the CPU.
fn tensorrt(
    builder: SessionBuilder,
    environment: &Environment,
    path: &Path,
    config: &Config,
) -> Result<SessionBuilder, String> {
    compiled_in::<ep::TensorRT>()?;
    let folder = engines::folder(&config.engines, path)?;
    let folder = folder.display().to_string();
    let [least, usual, most] = engines::profile(&inputs(environment, path)?);
    let tensorrt = ep::TensorRT::default()
        .with_fp16(true)
        .with_engine_cache(true)
        .with_engine_cache_path(&folder)
        .with_timing_cache(true)
        .with_timing_cache_path(&folder)
        .with_profile_min_shapes(least)
        .with_profile_opt_shapes(usual)
        .with_profile_max_shapes(most);
    let providers = [tensorrt.build().error_on_failure(), cuda().build().error_on_failure()];
    let builder = builder.with_execution_providers(providers).map_err(|e| plain(&e.into()))?;
    all_on_the_gpu(builder)
}

/// A plug-in of its own, which brings TensorRT-RTX and is named in the settings.
fn tensorrt_rtx(
    builder: SessionBuilder,
    environment: &Environment,
    path: &Path,
    config: &Config,
) -> Result<SessionBuilder, String> {
    if config.rtx_plugin.is_empty() {
        return Err("no plug-in is named: infer.rtx_plugin".into());
    }
    library::plug_in(environment, Path::new(&config.rtx_plugin))?;
    let devices: Vec<_> = environment.devices().filter(|device| device.ep().is_ok_and(|name| name == RTX)).collect();
    if devices.is_empty() {
        return Err("the plug-in finds no GPU that it supports".into());
    }
    let [least, usual, most] = engines::profile(&inputs(environment, path)?);
    let options = [
        ("nv_profile_min_shapes", least),
        ("nv_profile_opt_shapes", usual),
        ("nv_profile_max_shapes", most),
        ("nv_runtime_cache_path", engines::folder(&config.engines, path)?.display().to_string()),
    ];
    let options = options.map(|(key, value)| (format!("{RTX}.{key}"), value));
    // The first GPU, as on the other rungs.
    let builder = builder.with_devices(devices.into_iter().take(1), Some(&options)).map_err(|e| plain(&e.into()))?;
    all_on_the_gpu(builder)
}

/// What the provider does not take would run on the CPU, unsaid, under the GPU's name; this makes it an error. Not for
/// `cuda`, which leaves a graph's arithmetic on shapes to the CPU on purpose.
fn all_on_the_gpu(builder: SessionBuilder) -> Result<SessionBuilder, String> {
    builder.with_disable_cpu_fallback().map_err(|e| plain(&e.into()))
}

/// A graph's inputs, which its engine's profile needs before the engine can be built: read on the CPU, nothing prepared.
fn inputs(environment: &Environment, path: &Path) -> Result<Vec<Tensor>, String> {
    let read = || -> ort::Result<Vec<Tensor>> {
        let graph = Graph::builder(environment)?
            .with_optimization_level(GraphOptimizationLevel::Disable)?
            .commit_from_file(path)?;
        Ok(graph.inputs().iter().map(Tensor::of).collect())
    };
    read().map_err(|e| plain(&e))
}
