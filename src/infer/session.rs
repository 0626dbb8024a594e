//! One loaded graph. In: a file and the settings; then tensors by name. Out: `f32` arrays by name.
//! One user at a time (`&mut`); used by `faces` and `detector`.

use std::fmt;
use std::path::{Path, PathBuf};

use ndarray::{ArrayD, Axis};
use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::Session as Graph;
use ort::session::builder::{AutoDevicePolicy, GraphOptimizationLevel, SessionBuilder};
use ort::value::{Outlet, PrimitiveTensorElementType, TensorElementType, TensorRef};

use super::health::{self, Meaning};
use super::ladder::{PassedOver, Provider, rungs};
use super::portion::Portion;
use super::{Config, Device, Error, library};

/// A graph's input or output as it declares itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    pub name: String,
    pub element: Element,
    /// None: any size.
    pub shape: Vec<Option<usize>>,
}

/// The element types that our models use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    U8,
    F32,
    Other,
}

impl Tensor {
    pub(super) fn of(outlet: &Outlet) -> Self {
        let element = match outlet.dtype().tensor_type() {
            Some(TensorElementType::Uint8) => Element::U8,
            Some(TensorElementType::Float32) => Element::F32,
            _ => Element::Other,
        };
        let dims = outlet.dtype().tensor_shape().map(|shape| shape.to_vec()).unwrap_or_default();
        let shape = dims.into_iter().map(|d| usize::try_from(d).ok()).collect();
        Self { name: outlet.name().to_owned(), element, shape }
    }
}

/// As in `crops [?, 112, 112, 3] u8`.
impl fmt::Display for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dims: Vec<String> = self.shape.iter().map(|d| d.map_or("?".into(), |d| d.to_string())).collect();
        let element = match self.element {
            Element::U8 => "u8",
            Element::F32 => "f32",
            Element::Other => "of another type",
        };
        write!(f, "{} [{}] {element}", self.name, dims.join(", "))
    }
}

/// A graph on the provider it really runs on.
pub struct Session {
    path: PathBuf,
    graph: Graph,
    provider: Provider,
    passed_over: Vec<PassedOver>,
    portion: Portion,
    inputs: Vec<Tensor>,
    outputs: Vec<Tensor>,
}

impl Session {
    /// Loads `path` on the device wanted. `auto` takes the best rung that works and remembers why not a better
    /// one; a named device that fails is an error.
    pub fn load(path: &Path, config: &Config) -> Result<Self, Error> {
        if let Err(e) = std::fs::File::open(path) {
            return Err(Error::Model { path: path.into(), why: e.to_string() });
        }
        let environment = library::environment(&config.onnxruntime)?;
        let mut passed_over = Vec::new();
        for &provider in rungs(config.device) {
            let failure = match build(&environment, path, provider, config) {
                Ok(graph) => return Ok(Self::new(path, graph, provider, passed_over)),
                Err(failure) => failure,
            };
            match provider {
                Provider::Cpu => {
                    return Err(Error::Model { path: path.into(), why: failure });
                }
                _ if config.device == Device::Auto => passed_over.push(PassedOver { provider, why: failure }),
                _ => {
                    return Err(Error::Device { wanted: provider, path: path.into(), why: failure });
                }
            }
        }
        // Invariant: every list of rungs ends in a return above.
        unreachable!("no rung for {:?}", config.device)
    }

    fn new(path: &Path, graph: Graph, provider: Provider, passed_over: Vec<PassedOver>) -> Self {
        let better: Vec<_> = passed_over.iter().map(|other| format!("{}: {}", other.provider, other.why)).collect();
        let not_used = (!better.is_empty()).then(|| better.join("; "));
        tracing::info!(model = %path.display(), %provider, not_used, "model loaded");
        let inputs = graph.inputs().iter().map(Tensor::of).collect();
        let outputs = graph.outputs().iter().map(Tensor::of).collect();
        Self { path: path.into(), graph, provider, passed_over, portion: Portion::unlimited(), inputs, outputs }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// The better providers that `auto` could not use; empty for a named device.
    pub fn passed_over(&self) -> &[PassedOver] {
        &self.passed_over
    }

    pub fn inputs(&self) -> &[Tensor] {
        &self.inputs
    }

    pub fn outputs(&self) -> &[Tensor] {
        &self.outputs
    }

    /// Version of the standard operator set that the graph was written for.
    pub fn opset(&self) -> Option<u32> {
        self.graph.opset_for_domain("")
    }

    /// One call with a single `u8` input of `shape`; gives the named outputs in the order asked for.
    pub fn run_u8(
        &mut self,
        input: &str,
        shape: &[usize],
        data: &[u8],
        outputs: &[&str],
    ) -> Result<Vec<ArrayD<f32>>, Error> {
        self.run(input, shape, data, outputs)
    }

    /// The same for an `f32` input.
    pub fn run_f32(
        &mut self,
        input: &str,
        shape: &[usize],
        data: &[f32],
        outputs: &[&str],
    ) -> Result<Vec<ArrayD<f32>>, Error> {
        self.run(input, shape, data, outputs)
    }

    /// The first dimension of all inputs and outputs is the batch: what the memory does not hold at once is called in
    /// parts.
    fn run<T: PrimitiveTensorElementType + Clone + fmt::Debug + 'static>(
        &mut self,
        input: &str,
        shape: &[usize],
        data: &[T],
        outputs: &[&str],
    ) -> Result<Vec<ArrayD<f32>>, Error> {
        self.has("input", input, &self.inputs)?;
        for output in outputs {
            self.has("output", output, &self.outputs)?;
        }
        let rows = shape.first().copied().unwrap_or(1).max(1);
        let row = data.len() / rows;
        let mut parts = Vec::new();
        let mut done = 0;
        while done < rows {
            let take = self.portion.of(rows - done);
            let part = [&[take], &shape[1..]].concat();
            match self.call(input, &part, &data[done * row..(done + take) * row], outputs) {
                Ok(answer) => {
                    self.portion.fitted();
                    parts.push(answer);
                    done += take;
                }
                Err(why) if take > 1 && Meaning::of(&why) == Meaning::OutOfMemory => {
                    tracing::warn!(model = %self.path.display(), batch = take, why, "no memory for a batch: halved");
                    health::out_of_memory();
                    self.portion.halve(take);
                }
                Err(why) => return Err(Error::Run { path: self.path.clone(), shape: part, why }),
            }
        }
        if parts.len() == 1 {
            return Ok(parts.remove(0));
        }
        let joined = (0..outputs.len()).map(|output| {
            let views: Vec<_> = parts.iter().map(|part| part[output].view()).collect();
            ndarray::concatenate(Axis(0), &views)
        });
        let joined = joined.collect::<Result<_, _>>();
        joined.map_err(|e| Error::Run { path: self.path.clone(), shape: shape.to_vec(), why: e.to_string() })
    }

    fn call<T: PrimitiveTensorElementType + Clone + fmt::Debug + 'static>(
        &mut self,
        input: &str,
        shape: &[usize],
        data: &[T],
        outputs: &[&str],
    ) -> Result<Vec<ArrayD<f32>>, String> {
        let graph = &mut self.graph;
        let mut call = || {
            let mut call = || -> ort::Result<Vec<ArrayD<f32>>> {
                let values = graph.run(vec![(input, TensorRef::from_array_view((shape, data))?)])?;
                // Indexing is safe: `run` has looked the names up.
                outputs.iter().map(|&name| Ok(values[name].try_extract_array::<f32>()?.to_owned())).collect()
            };
            call().map_err(|e| plain(&e))
        };
        if self.provider == Provider::Cpu { call() } else { health::watched(call) }
    }

    fn has(&self, what: &'static str, expected: &str, tensors: &[Tensor]) -> Result<(), Error> {
        if tensors.iter().any(|t| t.name == expected) {
            return Ok(());
        }
        let names: Vec<&str> = tensors.iter().map(|t| t.name.as_str()).collect();
        Err(Error::NoTensor { path: self.path.clone(), what, expected: expected.into(), got: names.join(", ") })
    }
}

/// Many small calls on few cores: sequential, no thread that spins while it waits for work.
fn build(environment: &Environment, path: &Path, provider: Provider, config: &Config) -> Result<Graph, String> {
    let builder = || -> ort::Result<SessionBuilder> {
        Ok(Graph::builder(environment)?
            .with_log_level(LogLevel::Warning)?
            // Never pick a device by itself: the rung says which.
            .with_auto_device(AutoDevicePolicy::PreferCPU)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_parallel_execution(false)?
            .with_intra_threads(config.threads)?
            .with_inter_threads(1)?
            .with_intra_op_spinning(false)?)
    };
    let builder = builder().map_err(|e| plain(&e))?;
    let mut builder = provider.register(builder, environment, path, config)?;
    builder.commit_from_file(path).map_err(|e| plain(&e))
}

/// The message without the places in the runtime's own source and on this host that it is wrapped in.
pub(super) fn plain(error: &ort::Error) -> String {
    unwrapped(&error.to_string()).to_owned()
}

fn unwrapped(message: &str) -> &str {
    // `... [ONNXRuntimeError] : 1 : FAIL : what happened`
    let told = match message.rsplit_once("[ONNXRuntimeError] : ") {
        Some((_, coded)) => coded.splitn(3, " : ").nth(2).unwrap_or(coded),
        None => message,
    };
    // `place [with types] CUDA failure 100: what happened ; GPU=0 ; hostname=... ; file=... ; line=... ; expr=...`
    let told = match told.split_once(" ; GPU=") {
        Some((placed, _)) => placed.rsplit_once("] ").map_or(placed, |(_, told)| told),
        None => told,
    };
    told.trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_the_runtime_are_told_without_their_wrapping() {
        let cuda = "/src/cuda_call.cc:146 Status CudaCall(int, const char*) [with ERRTYPE = cudaError; Status = void] \
                    CUDA failure 100: no CUDA-capable device is detected ; GPU=-1 ; hostname=cellar ; file=/src/a.cc ; \
                    line=355 ; expr=cudaSetDevice(info_.device_id);";
        for (message, told) in [
            (cuda, "CUDA failure 100: no CUDA-capable device is detected"),
            ("at session.cc [ONNXRuntimeError] : 1 : FAIL : Load library : a.so", "Load library : a.so"),
            ("[ONNXRuntimeError] : odd", "odd"),
            (" as it is ", "as it is"),
        ] {
            assert_eq!(unwrapped(message), told);
        }
    }
}
