//! Letterbox and crop on an NVIDIA GPU, many pictures of many frames in one launch (the only user of `cudarc`).
//! In: frames' planes. Out: `[n, size, size, 3] u8 RGB` in device memory, as the networks read it, within 2/255 of
//! `cpu.rs`. Called by `gpu.rs` and `bench gpu`. Driver and NVRTC are looked for at run time; nothing is needed to build.

use std::ffi::{c_int, c_void};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cudarc::driver::result::memcpy_dtoh_async;
use cudarc::driver::sys::CUevent_flags::CU_EVENT_DEFAULT;
use cudarc::driver::sys::CUresult;
use cudarc::driver::{
    CudaContext, CudaFunction, CudaSlice, CudaStream, DevicePtr, DeviceRepr, DriverError, LaunchConfig, PushKernelArg,
};
use cudarc::nvrtc::{self, CompileError, CompileOptions};
use gst::glib;
use gst::glib::translate::from_glib_full;
use gstreamer as gst;
use libloading::Library;

use super::descriptors::{CropDescriptor, Frame, LetterboxDescriptor};
use super::{Chroma, Layout, Letterbox, Plane, Square, Yuv};

const KERNELS: &str = include_str!("kernels.cu");

/// Threads a block along each side of a picture; `host.cpp` has the same.
const BLOCK: u32 = 16;

/// Pictures a launch at most: what a grid may be deep.
pub const BATCH_MAX: usize = 65_535;

/// The first that lends a decoder somebody else's context.
const MIN_GST: &str = "1.22";

/// GStreamer's own library for CUDA, of the same soname since then.
const GST_CUDA: &str = "libgstcuda-1.0.so.0";

/// GST_MAP_CUDA of gstcudamemory.h: an address in the GPU's memory is wanted, no copy in the host's.
const MAP_CUDA: gst::ffi::GstMapFlags = gst::ffi::GST_MAP_FLAG_LAST << 1;

/// Why the GPU cannot be used, or what went wrong on it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no NVIDIA driver here (libcuda.so.1 cannot be loaded); install one: docs/gpu.md")]
    NoDriver,
    #[error("NVRTC is missing (libnvrtc.so.13 or .12 cannot be loaded); install it: docs/gpu.md")]
    NoCompiler,
    #[error("CUDA failure {}: while it {doing}: {error}", *code as u32)]
    Driver { doing: &'static str, code: CUresult, error: DriverError },
    #[error("the kernels cannot be compiled for sm_{arch}: {error}")]
    Kernels { arch: i32, error: String },
    #[error("{0} pictures are more than the {BATCH_MAX} of one launch")]
    Batch(usize),
    #[error(
        "GStreamer {MIN_GST} or newer with its CUDA library is missing ({0}); install gstreamer1.0-plugins-bad: docs/gpu.md"
    )]
    NoGstreamer(String),
    #[error("a decoder's frame of {got} bytes is not in the GPU's memory, or shorter than its {needed} bytes")]
    Frame { needed: usize, got: usize },
    #[error(transparent)]
    Pixels(#[from] super::Error),
}

impl Error {
    pub fn is_out_of_memory(&self) -> bool {
        matches!(self, Self::Driver { code: CUresult::CUDA_ERROR_OUT_OF_MEMORY, .. })
    }
}

fn driver(doing: &'static str) -> impl FnOnce(DriverError) -> Error {
    move |error| Error::Driver { doing, code: error.0, error }
}

/// The first GPU, its kernels and the one stream all work goes through.
pub struct Cuda {
    context: Arc<CudaContext>,
    stream: Arc<CudaStream>,
    crop: CudaFunction,
    letterbox: CudaFunction,
}

/// A frame in the GPU's memory.
pub struct DeviceFrame {
    memory: Memory,
    frame: Frame,
}

/// Holds what a frame's addresses point into.
enum Memory {
    /// Planes that were copied there.
    Copied(CudaSlice<u8>),
    /// A decoder's buffer: address and length.
    Decoded { _buffer: gst::Memory, address: u64, bytes: usize },
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

    /// The one that all decoders and streams of the process share, opened at the first call.
    pub fn shared() -> Result<Arc<Self>, Error> {
        static SHARED: Mutex<Option<Arc<Cuda>>> = Mutex::new(None);
        // A panic while it is opened leaves None, which the next call mends.
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cuda) = &*shared {
            return Ok(cuda.clone());
        }
        let cuda = Arc::new(Self::open()?);
        *shared = Some(cuda.clone());
        Ok(cuda)
    }

    /// This context in GStreamer's terms: decoders of pipelines that have it leave their frames where the kernels can
    /// read them.
    pub fn gst_context(&self) -> Result<gst::Context, Error> {
        type Load = unsafe extern "C" fn() -> glib::ffi::gboolean;
        type Wrap = unsafe extern "C" fn(*mut c_void, c_int) -> *mut glib::gobject_ffi::GObject;
        type Context = unsafe extern "C" fn(*mut glib::gobject_ffi::GObject) -> *mut gst::ffi::GstContext;
        let missing = |error: libloading::Error| Error::NoGstreamer(error.to_string());
        // SAFETY: the functions have these types in gstcudaloader.h, gstcudacontext.h and gstcudautils.h of every version
        // that has them. The context wraps ours, which `shared` keeps for the process's life; both answers are checked.
        let context = unsafe {
            let library = Library::new(GST_CUDA).map_err(missing)?;
            let load = library.get::<Load>("gst_cuda_load_library").map_err(missing)?;
            let wrap = library.get::<Wrap>("gst_cuda_context_new_wrapped").map_err(missing)?;
            let context_of = library.get::<Context>("gst_context_new_cuda_context").map_err(missing)?;
            if load() == 0 {
                return Err(Error::NoGstreamer("it cannot load the driver".into()));
            }
            let wrapped = wrap(self.context.cu_ctx().cast(), self.context.cu_device());
            if wrapped.is_null() {
                return Err(Error::NoGstreamer("it does not take the context".into()));
            }
            let context = context_of(wrapped);
            glib::gobject_ffi::g_object_unref(wrapped);
            // Types of it are registered for good: it must not be unloaded.
            std::mem::forget(library);
            context
        };
        if context.is_null() {
            return Err(Error::NoGstreamer("it gives no context".into()));
        }
        // SAFETY: a context that is ours to release, by its constructor's annotation.
        Ok(unsafe { from_glib_full(context) })
    }

    /// A decoder's frame, where it lies: nothing is copied.
    pub fn decoded(&self, memory: gst::Memory, layout: &Layout) -> Result<DeviceFrame, Error> {
        let needed = layout.bytes();
        if !memory.is_type("gst.cuda.memory") {
            return Err(Error::Frame { needed, got: 0 });
        }
        type Sync = unsafe extern "C" fn(*mut gst::ffi::GstMemory);
        // SAFETY: the memory is of GStreamer's CUDA allocator, by its type. Its address stays the same for its life, and
        // we hold it longer than its mapping. From 1.24 on a decoder may still be writing: the library then has a
        // function that waits for it.
        let (address, bytes) = unsafe {
            let pointer = memory.as_ptr().cast_mut();
            if let Ok(library) = Library::new(GST_CUDA)
                && let Ok(sync) = library.get::<Sync>("gst_cuda_memory_sync")
            {
                sync(pointer);
            }
            let mut map = std::mem::zeroed::<gst::ffi::GstMapInfo>();
            if gst::ffi::gst_memory_map(pointer, &mut map, gst::ffi::GST_MAP_READ | MAP_CUDA) == 0 {
                return Err(Error::Frame { needed, got: 0 });
            }
            let place = (map.data as u64, map.size);
            gst::ffi::gst_memory_unmap(pointer, &mut map);
            place
        };
        if bytes < needed {
            return Err(Error::Frame { needed, got: bytes });
        }
        let [y, u, v] = layout.offsets.map(|offset| address + offset as u64);
        let ([u, v], strides) = match layout.interleaved {
            true => ([u, u + 1], [layout.strides[0], layout.strides[1], layout.strides[1]]),
            false => ([u, v], layout.strides),
        };
        let (size, colours) = ((layout.width, layout.height), (layout.matrix, layout.range));
        let frame = Frame::laid_out(size, [y, u, v], strides, layout.interleaved, colours);
        Ok(DeviceFrame { frame, memory: Memory::Decoded { _buffer: memory, address, bytes } })
    }

    /// Copies a whole frame back and waits for it.
    pub fn download_frame(&self, frame: &DeviceFrame) -> Result<Vec<u8>, Error> {
        match &frame.memory {
            Memory::Copied(planes) => self.stream.clone_dtoh(planes).map_err(driver("copied a frame back")),
            Memory::Decoded { address, bytes, .. } => {
                self.context.bind_to_thread().map_err(driver("copied a frame back"))?;
                let mut planes = vec![0u8; *bytes];
                // SAFETY: so many bytes lie at the address (`decoded`), and it is waited for before the vector is used.
                unsafe { memcpy_dtoh_async(&mut planes, *address, self.stream.cu_stream()) }
                    .and_then(|()| self.stream.synchronize())
                    .map_err(driver("copied a frame back"))?;
                Ok(planes)
            }
        }
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
        Ok(DeviceFrame { frame: Frame::new(view, &addresses)?, memory: Memory::Copied(data) })
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

    /// Waits for all that was asked of the GPU.
    pub fn synchronize(&self) -> Result<(), Error> {
        self.stream.synchronize().map_err(driver("waited"))
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
