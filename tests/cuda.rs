//! `pixels::cuda` on a driver that stands in for NVIDIA's (`support/standin`): what it uploads, launches and brings back is
//! compared with the CPU path, and a driver that fails is an error and no more. Runs on every machine.

mod support;

use std::sync::{Mutex, MutexGuard, PoisonError};

use libloading::{Library, Symbol};
use truevision::pixels::cuda::{Cuda, DeviceFrame};
use truevision::pixels::{self, Chroma, Matrix, Plane, Point, Range, Square, Yuv};

/// Largest difference from the CPU path that is allowed, of 255.
const TOLERANCE: u8 = 2;

/// The driver of this process, one test at a time: its faults are everybody's.
struct Driver {
    library: Library,
    folder: tempfile::TempDir,
}

impl Driver {
    fn borrow() -> MutexGuard<'static, Self> {
        static DRIVER: std::sync::LazyLock<Mutex<Driver>> = std::sync::LazyLock::new(|| {
            let folder = tempfile::tempdir().unwrap();
            let path = support::standin::driver(folder.path());
            // SAFETY: made of sources in this repository, without initialisers. Loaded by path first, so that who looks
            // for these names finds them.
            let [library, compiler] =
                [path.clone(), path.with_file_name("libnvrtc.so")].map(|path| unsafe { Library::new(path) }.unwrap());
            std::mem::forget(compiler);
            Mutex::new(Driver { library, folder })
        });
        let driver = DRIVER.lock().unwrap_or_else(PoisonError::into_inner);
        driver.mend();
        driver
    }

    fn fault(&self) -> std::path::PathBuf {
        self.folder.path().join("fault")
    }

    /// From now on it fails in this way.
    fn fail(&self, how: &str) {
        std::fs::write(self.fault(), how).unwrap();
    }

    fn mend(&self) {
        let _ = std::fs::remove_file(self.fault());
        let path = std::ffi::CString::new(self.fault().display().to_string()).unwrap();
        // SAFETY: as libcuda.cpp declares it; the path is copied.
        unsafe {
            let set: Symbol<'_, unsafe extern "C" fn(*const std::ffi::c_char)> =
                self.library.get("standin_fault").unwrap();
            set(path.as_ptr());
        }
    }

    fn allocations(&self) -> usize {
        // SAFETY: as libcuda.cpp declares it.
        unsafe {
            let count: Symbol<'_, unsafe extern "C" fn() -> usize> = self.library.get("standin_allocations").unwrap();
            count()
        }
    }
}

/// A frame of noise whose rows lie farther apart than they are long.
struct Noise {
    width: u32,
    height: u32,
    padding: usize,
    planes: [Vec<u8>; 4],
    matrix: Matrix,
    range: Range,
}

impl Noise {
    fn new(seed: u64, width: u32, height: u32, padding: usize, matrix: Matrix, range: Range) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let half = (width.div_ceil(2) as usize, height.div_ceil(2) as usize);
        let mut plane = |bytes: usize, rows: usize| (0..(bytes + padding) * rows).map(|_| random.u8(..)).collect();
        let planes = [
            plane(width as usize, height as usize),
            plane(half.0, half.1),
            plane(half.0, half.1),
            plane(2 * half.0, half.1),
        ];
        Self { width, height, padding, planes, matrix, range }
    }

    fn view(&self, interleaved: bool) -> Yuv<'_> {
        let half = self.width.div_ceil(2) as usize;
        let plane = |n: usize, bytes: usize| Plane { data: &self.planes[n], stride: bytes + self.padding };
        let chroma = match interleaved {
            true => Chroma::Interleaved(plane(3, 2 * half)),
            false => Chroma::Planar { u: plane(1, half), v: plane(2, half) },
        };
        let luma = plane(0, self.width as usize);
        Yuv { width: self.width, height: self.height, luma, chroma, matrix: self.matrix, range: self.range }
    }
}

fn frames() -> Vec<Noise> {
    vec![
        Noise::new(1, 161, 97, 3, Matrix::Bt709, Range::Limited),
        Noise::new(2, 64, 48, 0, Matrix::Bt601, Range::Full),
        Noise::new(3, 39, 120, 5, Matrix::Bt709, Range::Full),
        Noise::new(4, 1, 1, 0, Matrix::Bt601, Range::Limited),
    ]
}

fn squares(view: &Yuv<'_>) -> [Square; 4] {
    let (x, y) = (view.width as f32 / 2.0, view.height as f32 / 3.0);
    let square = |x: f32, y: f32, side: f32, roll: f32| Square { center: Point { x, y }, side, roll };
    [square(x, y, 11.0, 0.3), square(x + 7.3, y, 31.0, 0.0), square(x, y, 100.0, -0.4), square(-3.0, 2.0, 50.0, 1.6)]
}

fn difference(a: &[u8], b: &[u8]) -> u8 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}

#[test]
fn what_is_uploaded_cut_and_brought_back_is_what_the_cpu_cuts() {
    let driver = Driver::borrow();
    let before = driver.allocations();
    let cuda = Cuda::open().unwrap();
    assert!(cuda.name().unwrap().contains("stand-in (sm_90"), "{}", cuda.name().unwrap());
    let frames = frames();
    let views: Vec<Yuv<'_>> = frames.iter().flat_map(|frame| [frame.view(false), frame.view(true)]).collect();
    let uploaded: Vec<DeviceFrame> = views.iter().map(|view| cuda.upload(view).unwrap()).collect();
    // Sizes that fill no whole block, and one that does.
    for size in [5, 16, 21] {
        let mut wanted = Vec::new();
        let mut expected = Vec::new();
        for (view, frame) in views.iter().zip(&uploaded) {
            for square in squares(view) {
                wanted.push((frame, square));
                let mut cut = Vec::new();
                pixels::crop(view, &square, size, &mut cut).unwrap();
                expected.extend(cut);
            }
        }
        let got = cuda.download(&cuda.crops(&wanted, size).unwrap()).unwrap();
        assert!(difference(&got, &expected) <= TOLERANCE, "crops of {size}");

        // No frame of one pixel: it cannot be made smaller.
        let (pictures, fits) = cuda.letterboxes(&uploaded[..6].iter().collect::<Vec<_>>(), size).unwrap();
        let mut expected = Vec::new();
        for (view, fit) in views[..6].iter().zip(fits) {
            let mut thumbnail = Vec::new();
            assert_eq!(pixels::letterbox(view, size, &mut thumbnail).unwrap(), fit);
            expected.extend(thumbnail);
        }
        assert!(difference(&cuda.download(&pictures).unwrap(), &expected) <= TOLERANCE, "thumbnails of {size}");
    }
    drop(uploaded);
    drop(cuda);
    assert_eq!(driver.allocations(), before, "nothing is left in the GPU's memory");
}

#[test]
fn memory_that_is_short_is_an_error_that_passes() {
    let driver = Driver::borrow();
    let cuda = Cuda::open().unwrap();
    let frames = frames();
    let view = frames[0].view(true);
    let frame = cuda.upload(&view).unwrap();
    let wanted = [(&frame, squares(&view)[0]); 8];
    driver.fail("device 10000");
    let error = cuda.crops(&wanted, 112).err().expect("no memory for eight").to_string();
    assert!(error.contains("CUDA failure 2") && error.contains("made room for pictures"), "{error}");
    assert_eq!(cuda.download(&cuda.crops(&wanted[..1], 28).unwrap()).unwrap().len(), 28 * 28 * 3);
    driver.mend();
    assert!(cuda.crops(&wanted, 112).is_ok());
}

#[test]
fn a_device_that_is_lost_is_an_error_whatever_is_asked() {
    let driver = Driver::borrow();
    let cuda = Cuda::open().unwrap();
    let frames = frames();
    let view = frames[1].view(false);
    let frame = cuda.upload(&view).unwrap();
    let square = squares(&view)[1];
    let pictures = cuda.crops(&[(&frame, square)], 16).unwrap();
    driver.fail("lost");
    let errors = [
        cuda.upload(&view).err(),
        cuda.crops(&[(&frame, square)], 16).err(),
        cuda.letterboxes(&[&frame], 16).err(),
        cuda.download(&pictures).err(),
    ];
    for error in errors {
        let error = error.expect("the device is lost").to_string();
        assert!(error.contains("CUDA failure 700"), "{error}");
    }
    // What was there is let go without a panic.
    drop((pictures, frame, cuda));
}
