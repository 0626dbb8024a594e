//! What the pixel code costs on one core: thumbnail, crop, picture and scene signature of a noisy 1280x720 frame.
//! Run: `cargo bench --bench pixels`. Prints the first decile of many calls, in ms; docs/performance.md has ours.

use std::hint::black_box;
use std::time::Instant;

use truevision::pixels::{Chroma, Matrix, Plane, Point, Range, Square, Yuv, coarse_luma, crop, encode_jpeg, letterbox};

const WIDTH: usize = 1280;
const HEIGHT: usize = 720;
const CALLS: usize = 400;

fn time<R>(name: &str, mut call: impl FnMut() -> R) {
    let mut times: Vec<f64> = (0..CALLS)
        .map(|_| {
            let start = Instant::now();
            black_box(call());
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("{name:<28} {:.3} ms", times[CALLS / 10]);
}

fn main() {
    let mut random = fastrand::Rng::with_seed(1);
    let mut plane = |len: usize| std::iter::repeat_with(|| random.u8(16..235)).take(len).collect::<Vec<u8>>();
    let (luma, u, v) = (plane(WIDTH * HEIGHT), plane(WIDTH * HEIGHT / 4), plane(WIDTH * HEIGHT / 4));
    let uv: Vec<u8> = u.iter().zip(&v).flat_map(|(&u, &v)| [u, v]).collect();
    let half = |data| Plane { data, stride: WIDTH / 2 };
    let i420 = Yuv {
        width: WIDTH as u32,
        height: HEIGHT as u32,
        luma: Plane { data: &luma, stride: WIDTH },
        chroma: Chroma::Planar { u: half(&u), v: half(&v) },
        matrix: Matrix::Bt709,
        range: Range::Limited,
    };
    let nv12 = Yuv { chroma: Chroma::Interleaved(Plane { data: &uv, stride: WIDTH }), ..i420 };

    let mut out = Vec::new();
    for (layout, frame) in [("I420", &i420), ("NV12", &nv12)] {
        for side in [192, 128] {
            time(&format!("{layout} letterbox {side}"), || letterbox(frame, side, &mut out));
        }
        for (side, roll) in [(150.0, 0.0), (300.0, 0.0), (300.0, 0.2), (600.0, 0.2)] {
            let square = Square { center: Point { x: 601.3, y: 340.7 }, side, roll };
            time(&format!("{layout} crop {side} to 112, roll {roll}"), || crop(frame, &square, 112, &mut out));
        }
        time(&format!("{layout} jpeg 640"), || encode_jpeg(frame, 640, 75));
        time(&format!("{layout} coarse luma"), || coarse_luma(frame));
    }
}
