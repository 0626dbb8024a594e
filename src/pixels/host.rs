//! Test only: `kernels.cu`, compiled for this machine's processor with `host.cpp`, against the CPU path and the crop
//! rule. A wrong index in the kernels or the descriptors fails here, on any machine with a C++ compiler.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use libloading::Library;
use proptest::prelude::*;

use super::descriptors::{Address, CropDescriptor, Frame, LetterboxDescriptor};
use super::reference::{self, GOLDEN, Picture, difference, pictures};
use super::{Chroma, Letterbox, Matrix, Plane, Point, Range, Square, Yuv};

const SOURCES: [(&str, &str); 2] = [("kernels.cu", include_str!("kernels.cu")), ("host.cpp", include_str!("host.cpp"))];

/// Largest difference from the CPU path that is allowed, of 255.
const TOLERANCE: u8 = 2;

/// The kernels as a shared library.
struct Host(Library);

impl Host {
    /// Compiles the sources after a `change`.
    fn compiled(change: impl Fn(&str) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, source) in SOURCES {
            std::fs::write(folder.path().join(name), change(source)).unwrap();
        }
        let library = folder.path().join("libkernels.so");
        // Arithmetic that C++ leaves undefined ends the program at once.
        let flags = "-std=c++17 -O1 -shared -fPIC -Wall -Wextra -Werror -Wno-unused-parameter -fsanitize=undefined \
                     -fsanitize-undefined-trap-on-error";
        let compiler = Command::new("g++")
            .args(flags.split_whitespace())
            .arg("-o")
            .args([library.as_path(), Path::new("host.cpp")])
            .current_dir(folder.path())
            .output();
        let compiler = compiler.expect("g++ runs: install build-essential, as `make test` does");
        assert!(compiler.status.success(), "{}", String::from_utf8_lossy(&compiler.stderr));
        // SAFETY: the library was made of the sources above; it has no initialiser of its own.
        Self(unsafe { Library::new(library) }.unwrap())
    }

    fn shared() -> &'static Self {
        static HOST: OnceLock<Host> = OnceLock::new();
        HOST.get_or_init(|| Self::compiled(str::to_owned))
    }

    fn run<D>(&self, kernel: &str, descriptors: &[D], size: u32) -> Vec<u8> {
        let mut out = vec![7; descriptors.len() * (size * size * 3) as usize];
        type Kernel<D> = unsafe extern "C" fn(*const D, *mut u8, i32, u32);
        // SAFETY: `host.cpp` defines both kernels with these arguments; descriptors hold addresses of planes that the
        // caller keeps, and `out` has room for all pictures.
        unsafe {
            let kernel: libloading::Symbol<'_, Kernel<D>> = self.0.get(kernel).unwrap();
            kernel(descriptors.as_ptr(), out.as_mut_ptr(), size as i32, descriptors.len() as u32);
        }
        out
    }

    fn crops(&self, wanted: &[(&Placed, Square)], size: u32) -> Vec<u8> {
        let crops: Vec<CropDescriptor> =
            wanted.iter().map(|(placed, square)| placed.frame.crop(square, size).unwrap()).collect();
        self.run("host_crop", &crops, size)
    }

    fn letterboxes(&self, frames: &[&Placed], side: u32) -> (Vec<u8>, Vec<Letterbox>) {
        let (descriptors, fits): (Vec<LetterboxDescriptor>, Vec<_>) =
            frames.iter().map(|placed| placed.frame.letterbox(side).unwrap()).unzip();
        (self.run("host_letterbox", &descriptors, side), fits)
    }
}

/// A frame's planes in memory of their own, with `poison` in every byte that is no sample, before and behind as well.
struct Placed {
    _planes: Vec<Vec<u8>>,
    frame: Frame,
}

impl Placed {
    fn new(view: &Yuv<'_>, poison: u8) -> Self {
        const AROUND: usize = 300;
        let (half_width, half_height) = (view.width.div_ceil(2) as usize, view.height.div_ceil(2) as usize);
        let place = |plane: Plane<'_>, columns: usize, rows: usize| {
            let mut bytes = vec![poison; 2 * AROUND + plane.stride * rows];
            for y in 0..rows {
                bytes[AROUND + y * plane.stride..][..columns]
                    .copy_from_slice(&plane.data[y * plane.stride..][..columns]);
            }
            bytes
        };
        let mut planes = vec![place(view.luma, view.width as usize, view.height as usize)];
        match view.chroma {
            Chroma::Planar { u, v } => planes.extend([u, v].map(|plane| place(plane, half_width, half_height))),
            Chroma::Interleaved(uv) => planes.push(place(uv, 2 * half_width, half_height)),
        }
        let addresses: Vec<Address> = planes.iter().map(|plane| plane[AROUND..].as_ptr() as Address).collect();
        Self { frame: Frame::new(view, &addresses).unwrap(), _planes: planes }
    }
}

fn square(x: f32, y: f32, side: f32, roll: f32) -> Square {
    Square { center: Point { x, y }, side, roll }
}

fn cpu_crop(view: &Yuv<'_>, square: &Square, size: u32) -> Vec<u8> {
    let mut out = Vec::new();
    super::crop(view, square, size, &mut out).unwrap();
    out
}

fn cpu_letterbox(view: &Yuv<'_>, side: u32) -> (Vec<u8>, Letterbox) {
    let mut out = Vec::new();
    let fit = super::letterbox(view, side, &mut out).unwrap();
    (out, fit)
}

/// Largest difference of kernels and CPU over frames of all layouts, colours and sizes, in one launch each.
fn worst(host: &Host) -> u8 {
    let mut worst = 0;
    for (n, (width, height, padding)) in
        [(161, 97, 3), (64, 48, 0), (39, 120, 5), (1, 1, 1), (250, 3, 2)].into_iter().enumerate()
    {
        let colours = [(Matrix::Bt601, Range::Limited), (Matrix::Bt709, Range::Full)];
        let pictures = colours.map(|(matrix, range)| Picture::new(width, height, padding, matrix, range));
        let views: Vec<Yuv<'_>> = pictures.iter().flat_map(|picture| [picture.i420(), picture.nv12()]).collect();
        let placed: Vec<Placed> = views.iter().map(|view| Placed::new(view, 255)).collect();
        // Enlarged, level, reduced by boxes, over the border, upside down.
        let (x, y) = (width as f32 / 2.0, height as f32 / 3.0);
        let squares = [
            square(x, y, 11.0, 0.3),
            square(x + 7.3, y, 31.0, 0.0),
            square(x, y + 2.0, 100.0 + n as f32, -0.4),
            square(-3.0, 2.0, 50.0, 1.6),
            square(x, y, 40.0, 3.1),
        ];
        for size in [21, 16] {
            let wanted: Vec<(usize, Square)> =
                (0..views.len()).flat_map(|view| squares.map(|square| (view, square))).collect();
            let on_host: Vec<_> = wanted.iter().map(|&(view, square)| (&placed[view], square)).collect();
            let expected = wanted.iter().flat_map(|(view, square)| cpu_crop(&views[*view], square, size));
            worst = worst.max(difference(&host.crops(&on_host, size), &expected.collect::<Vec<_>>()));

            let (got, fits) = host.letterboxes(&placed.iter().collect::<Vec<_>>(), size);
            let (expected, expected_fits): (Vec<_>, Vec<_>) =
                views.iter().map(|view| cpu_letterbox(view, size)).unzip();
            assert_eq!(fits, expected_fits);
            worst = worst.max(difference(&got, &expected.concat()));
        }
    }
    worst
}

#[test]
fn many_pictures_of_many_frames_are_those_of_the_cpu() {
    assert!(worst(Host::shared()) <= TOLERANCE);
}

/// The comparison above is no use if it cannot fail: each of these mistakes must be seen.
#[test]
fn a_wrong_index_is_seen() {
    for (right, wrong) in [
        ("(long long)y * p.stride", "(long long)y * p.width"),
        ("0, p.height - 1) * p.stride", "0, p.height) * p.stride"),
        ("0, p.width - 1) * p.step", "0, p.width - 1)"),
        ("b * box + j", "b * box - j"),
        ("c.chroma, i, j);\n    const float v", "c.luma, i, j);\n    const float v"),
        ("f.v, f.v_stride), c.chroma", "f.u, f.v_stride), c.chroma"),
        ("i * w.dx - j * w.dy", "i * w.dx + j * w.dy"),
        ("a + 1, b) -", "a, b + 1) -"),
        ("((long long)blockIdx.z * size + j) * size + i", "((long long)blockIdx.z * size + i) * size + j"),
        ("crops[blockIdx.z]", "crops[0]"),
        ("letterboxes[blockIdx.z]", "letterboxes[0]"),
        ("(f.width + 1) / 2", "f.width / 2"),
        ("x < column.last", "x <= column.last"),
        ("const int x = i - l.left", "const int x = i"),
        ("f.green_cb * cb", "f.green_cr * cb"),
        ("(y - f.offset)", "y"),
    ] {
        let host = Host::compiled(|source| source.replace(right, wrong));
        assert!(SOURCES[0].1.contains(right), "kernels.cu has no {right:?} any more");
        assert!(worst(&host) > TOLERANCE, "{right:?} written as {wrong:?} goes unseen");
    }
}

#[test]
fn golden_numbers_hold_in_the_kernels() {
    let picture = Picture::new(161, 97, 3, Matrix::Bt709, Range::Limited);
    let placed = Placed::new(&picture.nv12(), 0);
    for golden in GOLDEN {
        let got = Host::shared().crops(&[(&placed, golden.square)], golden.size);
        for &(x, y, rgb) in golden.pixels {
            let at = (y * golden.size + x) as usize * 3;
            assert!(difference(&got[at..at + 3], &rgb) <= TOLERANCE, "{golden:?}: {:?} at {x}, {y}", &got[at..at + 3]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// The same for both layouts, and no byte beside the samples matters.
    #[test]
    fn kernels_crop_by_the_rule(
        picture in pictures(), x in -50f32..140.0, y in -50f32..140.0,
        side in 0.1f32..250.0, roll in -7f32..7.0, size in 1..20u32,
    ) {
        let square = square(x, y, side, roll);
        let [planar, poisoned] = [0, 255].map(|poison| {
            Host::shared().crops(&[(&Placed::new(&picture.i420(), poison), square)], size)
        });
        prop_assert_eq!(&planar, &poisoned);
        prop_assert_eq!(&planar, &Host::shared().crops(&[(&Placed::new(&picture.nv12(), 99), square)], size));
        prop_assert!(difference(&planar, &cpu_crop(&picture.i420(), &square, size)) <= TOLERANCE);
        prop_assert!(difference(&planar, &reference::crop(&picture, &square, size)) <= TOLERANCE);
    }

    #[test]
    fn kernels_letterbox_by_area(picture in pictures(), side in 1..40u32) {
        let of = |view: &Yuv<'_>, poison| Host::shared().letterboxes(&[&Placed::new(view, poison)], side).0;
        let got = of(&picture.i420(), 0);
        prop_assert_eq!(&got, &of(&picture.i420(), 255));
        prop_assert_eq!(&got, &of(&picture.nv12(), 99));
        prop_assert!(difference(&got, &cpu_letterbox(&picture.nv12(), side).0) <= TOLERANCE);
        prop_assert!(difference(&got, &reference::letterbox(&picture, side)) <= TOLERANCE);
    }
}
