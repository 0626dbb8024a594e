//! Letterbox and crop on an NVIDIA GPU, many pictures of many frames in one launch (the only user of `cudarc`).
//! In: frames' planes. Out: `[n, size, size, 3] u8 RGB` in device memory, as the networks read it, within 2/255 of
//! `cpu.rs`. Called by `bench gpu`. Driver and NVRTC are looked for at run time; nothing is needed to build.

use std::sync::Arc;
use std::time::Duration;

use cudarc::driver::sys::CUevent_flags::CU_EVENT_DEFAULT;
use cudarc::driver::{
    CudaContext, CudaFunction, CudaSlice, CudaStream, DevicePtr, DeviceRepr, DriverError, LaunchConfig, PushKernelArg,
};
use cudarc::nvrtc::{self, CompileError, CompileOptions};

use super::descriptors::{CropDescriptor, Frame, LetterboxDescriptor};
use super::{Chroma, Letterbox, Plane, Square, Yuv};

const KERNELS: &str = include_str!("kernels.cu");

/// Threads a block along each side of a picture; `host.cpp` has the same.
const BLOCK: u32 = 16;

/// Pictures a launch at most: what a grid may be deep.
pub const BATCH_MAX: usize = 65_535;

/// Why the GPU cannot be used, or what went wrong on it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no NVIDIA driver here (libcuda.so.1 cannot be loaded); install one: docs/gpu.md")]
    NoDriver,
    #[error("NVRTC is missing (libnvrtc.so.13 or .12 cannot be loaded); install it: docs/gpu.md")]
    NoCompiler,
    #[error("cuda failed while it {doing}: {error}")]
    Driver { doing: &'static str, error: DriverError },
    #[error("the kernels cannot be compiled for sm_{arch}: {error}")]
    Kernels { arch: i32, error: String },
    #[error("{0} pictures are more than the {BATCH_MAX} of one launch")]
    Batch(usize),
    #[error(transparent)]
    Pixels(#[from] super::Error),
}

fn driver(doing: &'static str) -> impl FnOnce(DriverError) -> Error {
    move |error| Error::Driver { doing, error }
}

/// The first GPU, its kernels and the one stream all work goes through.
pub struct Cuda {
    context: Arc<CudaContext>,
    stream: Arc<CudaStream>,
    crop: CudaFunction,
    letterbox: CudaFunction,
}

/// A frame whose planes were copied to the GPU.
pub struct DeviceFrame {
    /// Holds what `frame` points into.
    _planes: CudaSlice<u8>,
    frame: Frame,
}

/// `[count, size, size, 3] u8 RGB` in device memory.
pub struct DevicePictures {
    data: CudaSlice<u8>,
}

// SAFETY: plain numbers in C layout, the same as in kernels.cu (sizes asserted on both sides).
unsafe impl DeviceRepr for CropDescriptor {}
// SAFETY: as above.
unsafe impl DeviceRepr for LetterboxDescriptor {}

impl Cuda {
    /// Opens the first GPU and compiles the kernels for it. Says what is missing where there is none.
    pub fn open() -> Result<Self, Error> {
        // `cudarc` would panic at its first call without the libraries.
        // SAFETY: loads libcuda.so and libnvrtc.so by name, whose initialisers are NVIDIA's.
        let (driver_there, compiler_there) =
            unsafe { (cudarc::driver::sys::is_culib_present(), nvrtc::sys::is_culib_present()) };
        if !driver_there {
            return Err(Error::NoDriver);
        }
        if !compiler_there {
            return Err(Error::NoCompiler);
        }
        let context = CudaContext::new(0).map_err(driver("opened the first GPU"))?;
        let (major, minor) = context.compute_capability().map_err(driver("asked for the compute capability"))?;
        let arch = 10 * major + minor;
        let options = CompileOptions {
            options: vec![format!("--gpu-architecture=compute_{arch}"), "--std=c++17".into()],
            name: Some("kernels.cu".into()),
            ..CompileOptions::default()
        };
        let ptx = nvrtc::compile_ptx_with_opts(KERNELS, options).map_err(|error| {
            let error = match error {
                CompileError::CompileError { log, .. } => log.to_string_lossy().into_owned(),
                other => other.to_string(),
            };
            Error::Kernels { arch, error }
        })?;
        let module = context.load_module(ptx).map_err(driver("loaded the kernels"))?;
        let function = |name| module.load_function(name).map_err(driver("looked for a kernel"));
        let stream = context.new_stream().map_err(driver("made a stream"))?;
        Ok(Self { crop: function("crop")?, letterbox: function("letterbox")?, stream, context })
    }

    /// As `NVIDIA H200 (sm_90, 143 GB)`.
    pub fn name(&self) -> Result<String, Error> {
        let told = (|| {
            let (major, minor) = self.context.compute_capability()?;
            let memory = self.context.total_mem()? as f64 / 1e9;
            Ok(format!("{} (sm_{major}{minor}, {memory:.0} GB)", self.context.name()?))
        })();
        told.map_err(driver("asked for the GPU's name"))
    }

    /// Copies a frame's planes to the GPU, each with the stride it has.
    pub fn upload(&self, view: &Yuv<'_>) -> Result<DeviceFrame, Error> {
        super::planes::check(view)?;
        let planes: &[Plane<'_>] = match &view.chroma {
            Chroma::Planar { u, v } => &[view.luma, *u, *v],
            Chroma::Interleaved(uv) => &[view.luma, *uv],
        };
        let bytes = planes.iter().map(|plane| plane.data.len()).sum();
        let mut data = self.stream.alloc_zeros::<u8>(bytes).map_err(driver("made room for a frame"))?;
        let base = data.device_ptr(&self.stream).0;
        let mut addresses = Vec::with_capacity(planes.len());
        let mut end = 0;
        for plane in planes {
            let at = end;
            end += plane.data.len();
            self.stream.memcpy_htod(plane.data, &mut data.slice_mut(at..end)).map_err(driver("copied a frame"))?;
            addresses.push(base + at as u64);
        }
        Ok(DeviceFrame { frame: Frame::new(view, &addresses)?, _planes: data })
    }

    /// One crop a square, in order, as `cpu::crop` cuts them.
    pub fn crops(&self, wanted: &[(&DeviceFrame, Square)], size: u32) -> Result<DevicePictures, Error> {
        let crops: Result<Vec<_>, _> = wanted.iter().map(|(frame, square)| frame.frame.crop(square, size)).collect();
        self.launch(&self.crop, &crops?, size)
    }

    /// One thumbnail a frame, in order, as `cpu::letterbox` makes them.
    pub fn letterboxes(&self, frames: &[&DeviceFrame], side: u32) -> Result<(DevicePictures, Vec<Letterbox>), Error> {
        let made: Result<Vec<_>, _> = frames.iter().map(|frame| frame.frame.letterbox(side)).collect();
        let (descriptors, fits): (Vec<_>, Vec<_>) = made?.into_iter().unzip();
        Ok((self.launch(&self.letterbox, &descriptors, side)?, fits))
    }

    /// A thread a pixel, a layer of the grid a picture.
    fn launch<D: DeviceRepr>(
        &self,
        kernel: &CudaFunction,
        descriptors: &[D],
        size: u32,
    ) -> Result<DevicePictures, Error> {
        let count = descriptors.len();
        if count > BATCH_MAX {
            return Err(Error::Batch(count));
        }
        let side = size as usize;
        let mut data = self
            .stream
            .alloc_zeros::<u8>((count * side * side * 3).max(1))
            .map_err(driver("made room for pictures"))?;
        if count == 0 {
            return Ok(DevicePictures { data });
        }
        let told = self.stream.clone_htod(descriptors).map_err(driver("copied descriptors"))?;
        let blocks = size.div_ceil(BLOCK);
        let grid = LaunchConfig {
            grid_dim: (blocks, blocks, count as u32),
            block_dim: (BLOCK, BLOCK, 1),
            shared_mem_bytes: 0,
        };
        // At most 256 x 64 in any contract; a crop of 2^31 px has no memory.
        let size = size as i32;
        let mut call = self.stream.launch_builder(kernel);
        call.arg(&told).arg(&mut data).arg(&size);
        // SAFETY: arguments as kernels.cu declares them. It writes size * size * 3 bytes a layer of the grid, which
        // `data` has, and reads within the planes of each descriptor's frame, checked by `planes::check` and clamped in
        // the kernel. The frames live at least until the call returns; their memory is freed in this stream's order.
        unsafe { call.launch(grid) }.map_err(driver("started a kernel"))?;
        Ok(DevicePictures { data })
    }

    /// Copies pictures back and waits for it.
    pub fn download(&self, pictures: &DevicePictures) -> Result<Vec<u8>, Error> {
        self.stream.clone_dtoh(&pictures.data).map_err(driver("copied pictures back"))
    }

    /// GPU time between the start and the end of what `work` puts on the stream.
    pub fn time(&self, work: impl FnOnce() -> Result<(), Error>) -> Result<Duration, Error> {
        let event = || self.stream.record_event(Some(CU_EVENT_DEFAULT)).map_err(driver("recorded an event"));
        let began = event()?;
        work()?;
        let ended = event()?;
        let ms = began.elapsed_ms(&ended).map_err(driver("waited"))?;
        Ok(Duration::from_secs_f32(ms / 1e3))
    }

    /// Bytes a second that a copy within the GPU's memory reads and writes, the best of five: the limit of whatever
    /// only moves pixels.
    pub fn memory_bytes_per_sec(&self) -> Result<f64, Error> {
        const BYTES: usize = 256 << 20;
        let room = || self.stream.alloc_zeros::<u8>(BYTES).map_err(driver("made room for a copy"));
        let (from, mut to) = (room()?, room()?);
        let mut best = 0f64;
        for _ in 0..5 {
            let took = self.time(|| self.stream.memcpy_dtod(&from, &mut to).map_err(driver("copied")))?;
            best = best.max(2.0 * BYTES as f64 / took.as_secs_f64());
        }
        Ok(best)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a machine with a GPU the kernels are compared with the CPU; on every other the error names what is missing.
    #[test]
    fn a_machine_without_a_gpu_is_told_so() {
        match Cuda::open() {
            Ok(cuda) => assert!(cuda.name().unwrap().contains("sm_")),
            Err(error) => assert!(error.to_string().contains("docs/gpu.md"), "{error}"),
        }
    }
}
