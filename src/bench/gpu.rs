//! `truevision bench gpu`: what the first GPU makes of generated frames. In: the settings' model. Out: a [`Report`]: how
//! far crops, embeddings and scores are from the CPU's, how many a second by batch and provider, and the memory's limit
//! measured in the same run. Starts no pipeline. Called by `main`.

use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::quantile;
use crate::config::Config;
use crate::detector::{self, Model};
use crate::infer::{self, Device};
use crate::pixels::cuda::{self, Cuda, DeviceFrame};
use crate::pixels::{self, Chroma, Matrix, Plane, Point, Range, Square, Yuv};

/// 1080p, as most cameras send it.
const WIDTH: u32 = 1920;
const HEIGHT: u32 = 1080;
/// Different frames, as of so many streams.
const FRAMES: u32 = 16;
/// Side of the thumbnail that faces are looked for in.
const THUMBNAIL: u32 = 192;
const BATCHES: [usize; 5] = [1, 8, 32, 64, 256];
/// Each figure is of as many calls as fit in, at least [`CALLS_MIN`].
const MEASURE: Duration = Duration::from_millis(700);
const CALLS_MIN: usize = 20;
/// First calls build engines and choose algorithms: not measured.
const WARM_UP: usize = 3;
/// Largest difference of a crop or thumbnail from the CPU's, of 255.
const PIXEL_TOLERANCE: u8 = 2;
/// Analyses a second of a stream.
const RATE_HZ: f64 = 8.0;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("bench gpu needs an NVIDIA GPU: {0}")]
    Cuda(#[from] cuda::Error),
    #[error(transparent)]
    Pixels(#[from] pixels::Error),
    #[error(transparent)]
    Detector(#[from] detector::Error),
}

/// Calls of one batch size.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rate {
    pub batch: usize,
    /// Pictures, faces or windows.
    pub per_sec: f64,
    /// Of one call.
    pub p50_ms: f64,
    pub p99_ms: f64,
}

/// One provider's encoder and head, or why it cannot serve here.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OnProvider {
    pub device: Device,
    pub precision: &'static str,
    pub unusable: Option<String>,
    /// Crops of the GPU through this provider against crops of the CPU through the CPU: largest absolute differences.
    pub embedding_difference: Option<f32>,
    pub logit_difference: Option<f32>,
    /// From host memory and back, as the detector calls them.
    pub faces: Vec<Rate>,
    pub windows: Vec<Rate>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    pub gpu: String,
    pub model: String,
    /// Reading and writing within the GPU's memory.
    pub memory_gb_per_sec: f64,
    /// Largest differences from the CPU, of 255; more than 2 is a fault.
    pub crop_difference: u8,
    pub thumbnail_difference: u8,
    /// GPU time alone, of frames that are in its memory.
    pub crops: Vec<Rate>,
    pub thumbnails: Vec<Rate>,
    /// Bytes that the largest batch of thumbnails must at least read and write, in the time they would take at the
    /// memory's limit, over the time they took.
    pub thumbnail_share_of_limit: f64,
    pub providers: Vec<OnProvider>,
}

impl Report {
    /// Whether the GPU cuts what the CPU cuts.
    pub fn is_sound(&self) -> bool {
        self.crop_difference.max(self.thumbnail_difference) <= PIXEL_TOLERANCE
    }
}

/// Measures everything, about half a minute a provider; the first use of TensorRT adds minutes for its engines.
pub fn run(config: &Config) -> Result<Report, Error> {
    let cuda = Cuda::open()?;
    let frames: Vec<Generated> = (0..FRAMES).map(Generated::new).collect();
    let uploaded = frames.iter().map(|frame| cuda.upload(&frame.view())).collect::<Result<Vec<_>, _>>()?;

    let mut on_cpu = load(config, Device::Cpu)?;
    let size = on_cpu.contract.crop.size;
    let windows = on_cpu.contract.window.frames;
    let faces: Vec<(&DeviceFrame, Square)> =
        (0..BATCHES[BATCHES.len() - 1]).map(|n| (&uploaded[n % uploaded.len()], face(n))).collect();
    let cut = cuda.download(&cuda.crops(&faces[..windows], size)?)?;
    let expected = cut_on_cpu(&frames, windows, size)?;

    let all: Vec<&DeviceFrame> = uploaded.iter().cycle().take(BATCHES[BATCHES.len() - 1]).collect();
    let shrunk = cuda.download(&cuda.letterboxes(&all[..frames.len()], THUMBNAIL)?.0)?;
    let mut expected_shrunk = Vec::new();
    for frame in &frames {
        let mut thumbnail = Vec::new();
        pixels::letterbox(&frame.view(), THUMBNAIL, &mut thumbnail)?;
        expected_shrunk.extend(thumbnail);
    }

    let on_gpu = |work: &dyn Fn(usize) -> Result<(), cuda::Error>| {
        BATCHES.iter().map(|&batch| rate(batch, || Ok(cuda.time(|| work(batch))?))).collect::<Result<Vec<_>, Error>>()
    };
    let crops = on_gpu(&|batch| cuda.crops(&faces[..batch], size).map(drop))?;
    let thumbnails = on_gpu(&|batch| cuda.letterboxes(&all[..batch], THUMBNAIL).map(drop))?;
    let memory = cuda.memory_bytes_per_sec()?;
    let thumbnail_bytes = f64::from(WIDTH * HEIGHT) * 1.5 + f64::from(THUMBNAIL * THUMBNAIL * 3);
    let most = thumbnails.last().map_or(f64::NAN, |rate| rate.per_sec);

    let answer = on_cpu.probe(&expected)?;
    let providers = [Device::Tensorrt, Device::TensorrtRtx, Device::Cuda, Device::Cpu];
    let providers = providers.map(|device| on_provider(config, device, &cut, &answer));
    Ok(Report {
        gpu: cuda.name()?,
        model: on_cpu.contract.name.clone(),
        memory_gb_per_sec: memory / 1e9,
        crop_difference: difference(&cut, &expected),
        thumbnail_difference: difference(&shrunk, &expected_shrunk),
        crops,
        thumbnails,
        thumbnail_share_of_limit: most * thumbnail_bytes / memory,
        providers: providers.into_iter().collect::<Result<_, _>>()?,
    })
}

fn load(config: &Config, device: Device) -> Result<Model, detector::Error> {
    Model::load(&config.detector, &infer::Config { device, ..config.infer.clone() })
}

/// A provider that does not load is told, not an error: it may not be installed.
fn on_provider(config: &Config, device: Device, cut: &[u8], cpu: &detector::Probe) -> Result<OnProvider, Error> {
    let precision = match device {
        Device::Tensorrt => "fp16",
        Device::Cuda => "tf32",
        Device::TensorrtRtx | Device::Cpu | Device::Auto => "the model's own",
    };
    let mut told = OnProvider {
        device,
        precision,
        unusable: None,
        embedding_difference: None,
        logit_difference: None,
        faces: Vec::new(),
        windows: Vec::new(),
    };
    let mut model = match load(config, device) {
        Ok(model) => model,
        Err(error) => {
            told.unusable = Some(error.to_string());
            return Ok(told);
        }
    };
    let answer = model.probe(cut)?;
    let differences = answer.embeddings.iter().zip(&cpu.embeddings).map(|(got, expected)| (got - expected).abs());
    told.embedding_difference = Some(differences.fold(0.0, f32::max));
    told.logit_difference = Some((answer.fake_logit - cpu.fake_logit).abs());
    for batch in BATCHES {
        told.faces.push(rate(batch, || timed(|| model.bare_encode(batch)))?);
        told.windows.push(rate(batch, || timed(|| model.bare_head(batch)))?);
    }
    Ok(told)
}

fn timed(call: impl FnOnce() -> Result<(), detector::Error>) -> Result<Duration, Error> {
    let began = Instant::now();
    call()?;
    Ok(began.elapsed())
}

/// Calls again and again; `call` says how long it took.
fn rate(batch: usize, mut call: impl FnMut() -> Result<Duration, Error>) -> Result<Rate, Error> {
    for _ in 0..WARM_UP {
        call()?;
    }
    let (began, mut took_ms) = (Instant::now(), Vec::new());
    while began.elapsed() < MEASURE || took_ms.len() < CALLS_MIN {
        took_ms.push(call()?.as_secs_f64() * 1e3);
    }
    let total: f64 = took_ms.iter().sum();
    Ok(Rate {
        batch,
        per_sec: (batch * took_ms.len()) as f64 / total * 1e3,
        p50_ms: quantile(&took_ms, 0.5),
        p99_ms: quantile(&took_ms, 0.99),
    })
}

/// Places, sizes (110 to 330 px) and turns of faces that a 1080p frame may show.
fn face(n: usize) -> Square {
    let step = |factor: usize, range: usize| (n * factor % range) as f32;
    Square {
        center: Point { x: 260.0 + step(379, 1400), y: 250.0 + step(211, 580) },
        side: 110.0 + step(37, 221),
        roll: (step(17, 61) - 30.0) / 60.0,
    }
}

fn cut_on_cpu(frames: &[Generated], count: usize, size: u32) -> Result<Vec<u8>, pixels::Error> {
    let (mut all, mut one) = (Vec::new(), Vec::new());
    for n in 0..count {
        pixels::crop(&frames[n % frames.len()].view(), &face(n), size, &mut one)?;
        all.extend_from_slice(&one);
    }
    Ok(all)
}

fn difference(a: &[u8], b: &[u8]) -> u8 {
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}

/// An NV12 frame of slopes and fine texture; every one is different.
struct Generated {
    luma: Vec<u8>,
    chroma: Vec<u8>,
}

impl Generated {
    fn new(seed: u32) -> Self {
        let plane = |width: u32, height: u32, texture: u32| -> Vec<u8> {
            let sample = |x: u32, y: u32| (40 + (x + y + 7 * seed) / 16 % 150 + ((x * 31) ^ (y * 17)) % texture) as u8;
            (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| sample(x, y)).collect()
        };
        Self { luma: plane(WIDTH, HEIGHT, 40), chroma: plane(WIDTH, HEIGHT / 2, 9) }
    }

    fn view(&self) -> Yuv<'_> {
        let plane = |data| Plane { data, stride: WIDTH as usize };
        Yuv {
            width: WIDTH,
            height: HEIGHT,
            luma: plane(&self.luma),
            chroma: Chroma::Interleaved(plane(&self.chroma)),
            matrix: Matrix::Bt709,
            range: Range::Limited,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = |f: &mut fmt::Formatter<'_>, what: &str, rates: &[Rate]| {
            rates.iter().try_for_each(|Rate { batch, per_sec, p50_ms, p99_ms }| {
                writeln!(f, "  {what} by {batch:>3}: {per_sec:>10.0} a second, p50 {p50_ms:.3} ms, p99 {p99_ms:.3} ms")
            })
        };
        writeln!(f, "{}, memory {:.0} GB/s", self.gpu, self.memory_gb_per_sec)?;
        let sound = if self.is_sound() { "as on the CPU" } else { "NOT AS ON THE CPU" };
        writeln!(
            f,
            "pixels {sound}: crops differ by {}, thumbnails by {} of 255",
            self.crop_difference, self.thumbnail_difference
        )?;
        table(f, "crops of 1080p frames", &self.crops)?;
        table(f, "thumbnails of 1080p frames", &self.thumbnails)?;
        writeln!(f, "  thumbnails reach {:.0} % of the memory's limit", self.thumbnail_share_of_limit * 100.0)?;
        for on in &self.providers {
            let name = serde_json::json!(on.device);
            let name = name.as_str().unwrap_or_default();
            if let Some(why) = &on.unusable {
                writeln!(f, "{name}: not usable: {why}")?;
                continue;
            }
            let (embedding, logit) =
                (on.embedding_difference.unwrap_or_default(), on.logit_difference.unwrap_or_default());
            writeln!(
                f,
                "{} on {name} ({}): embeddings differ by {embedding:.4}, logit by {logit:.4}",
                self.model, on.precision
            )?;
            table(f, "faces encoded", &on.faces)?;
            table(f, "windows judged", &on.windows)?;
            let best = |rates: &[Rate]| rates.iter().map(|rate| rate.per_sec).fold(0.0, f64::max);
            let secs = 1.0 / best(&on.faces) + 1.0 / best(&on.windows);
            writeln!(
                f,
                "  encoder and head alone could serve {:.0} faces {RATE_HZ} times a second",
                1.0 / secs / RATE_HZ
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_frames_are_whole_and_faces_lie_within() {
        let frames = [0, 1].map(Generated::new);
        assert_ne!(frames[0].luma, frames[1].luma);
        assert_eq!(cut_on_cpu(&frames, 3, 16).unwrap().len(), 3 * 16 * 16 * 3);
        for square in (0..300).map(face) {
            let reach = square.side * 0.75;
            assert!(square.center.x > reach && square.center.x + reach < WIDTH as f32, "{square:?}");
            assert!(square.center.y > reach && square.center.y + reach < HEIGHT as f32, "{square:?}");
        }
    }

    #[test]
    fn a_gpu_that_cuts_otherwise_is_told_so() {
        let rates = vec![Rate { batch: 8, per_sec: 2000.0, p50_ms: 4.0, p99_ms: 5.0 }];
        let unusable = OnProvider {
            device: Device::Cuda,
            precision: "tf32",
            unusable: Some("no library".into()),
            embedding_difference: None,
            logit_difference: None,
            faces: Vec::new(),
            windows: Vec::new(),
        };
        let used = OnProvider {
            device: Device::Cpu,
            unusable: None,
            faces: rates.clone(),
            windows: rates,
            ..unusable.clone()
        };
        let report = Report {
            gpu: "a GPU".into(),
            model: "a model".into(),
            memory_gb_per_sec: 3000.0,
            crop_difference: 3,
            thumbnail_difference: 0,
            crops: Vec::new(),
            thumbnails: Vec::new(),
            thumbnail_share_of_limit: 0.5,
            providers: vec![unusable, used],
        };
        assert!(!report.is_sound() && Report { crop_difference: 2, ..report.clone() }.is_sound());
        let told = report.to_string();
        for line in [
            "pixels NOT AS ON THE CPU: crops differ by 3, thumbnails by 0 of 255",
            "cuda: not usable: no library",
            "faces encoded by   8:       2000 a second, p50 4.000 ms, p99 5.000 ms",
            "could serve 125 faces 8 times a second",
        ] {
            assert!(told.contains(line), "{line:?} in\n{told}");
        }
    }

    #[test]
    fn a_rate_is_of_what_the_calls_took() {
        let rate = rate(8, || Ok(Duration::from_millis(4))).unwrap();
        assert!((rate.per_sec - 2000.0).abs() < 1e-6 && rate.p50_ms == 4.0 && rate.p99_ms == 4.0, "{rate:?}");
    }

    #[test]
    fn a_provider_that_is_not_there_is_told() {
        let config = Config::default();
        let mut cpu = load(&config, Device::Cpu).unwrap();
        let crops = vec![90; cpu.contract.window.frames * (cpu.contract.crop.size.pow(2) * 3) as usize];
        let answer = cpu.probe(&crops).unwrap();
        let told = on_provider(&config, Device::TensorrtRtx, &crops, &answer).unwrap();
        assert!(told.unusable.is_some_and(|why| why.contains("infer.rtx_plugin")));
    }
}
