//! The shared face detector. In: a frame's planes, and where faces are expected. Out: faces in frame pixels.
//! Called by every stream's thread; a call borrows one of the workers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::infer;
use crate::pixels::{Picture, Square};

use super::network::Network;
use super::pool::{Borrowed, Pool};
use super::{Config, Error, Face, Kind, Region, Schedule};

/// A call takes milliseconds: whoever waits so long is one of far too many.
const PATIENCE: Duration = Duration::from_secs(5);

/// The shared face detector: a few workers, a stream borrows one for a call.
pub struct Detector {
    workers: Pool<Worker>,
    config: Config,
    whole_looks: AtomicU64,
    region_looks: AtomicU64,
}

/// How often the networks looked since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looks {
    /// At whole frames.
    pub whole: u64,
    /// At regions around known faces; several can share a call.
    pub region: u64,
}

struct Worker {
    whole: Network,
    /// For regions around expected faces; None: the same network.
    near: Option<Network>,
    thumbnails: Vec<u8>,
}

impl Detector {
    /// Loads the network; fails with what was expected and what the file holds.
    pub fn load(config: &Config, infer: &infer::Config) -> Result<Self, Error> {
        let count = match config.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from).min(4),
            n => n,
        };
        let worker = || {
            let whole = Network::load(config.kind, &config.path(), infer)?;
            let near = match config.kind {
                Kind::BlazefaceFull => Some(Network::load(Kind::BlazefaceShort, &config.near_path(), infer)?),
                Kind::BlazefaceShort | Kind::Yunet => None,
            };
            Ok(Worker { whole, near, thumbnails: Vec::new() })
        };
        let workers = std::iter::repeat_with(worker).take(count).collect::<Result<_, Error>>()?;
        Ok(Self {
            workers: Pool::new(workers),
            config: config.clone(),
            whole_looks: AtomicU64::new(0),
            region_looks: AtomicU64::new(0),
        })
    }

    pub fn looks(&self) -> Looks {
        Looks { whole: self.whole_looks.load(Ordering::Relaxed), region: self.region_looks.load(Ordering::Relaxed) }
    }

    /// One call of the network for whole frames on a black thumbnail, for measuring.
    pub fn bare_whole_look(&self) -> Result<(), Error> {
        self.borrow()?.whole.bare_call()
    }

    /// One call of the network for regions on a black thumbnail, for measuring.
    pub fn bare_region_look(&self) -> Result<(), Error> {
        let mut worker = self.borrow()?;
        let Worker { whole, near, .. } = &mut *worker;
        near.as_mut().unwrap_or(whole).bare_call()
    }

    /// The faces of one frame, largest first. Blocks while all workers are in use, at most 5 s.
    pub fn detect(&self, frame: &dyn Picture) -> Result<Vec<Face>, Error> {
        self.whole_looks.fetch_add(1, Ordering::Relaxed);
        let mut worker = self.borrow()?;
        let Worker { whole, thumbnails, .. } = &mut *worker;
        let fit = frame.letterbox(whole.side(), thumbnails)?;
        let found = whole.find(thumbnails, self.config.min_score, self.config.nms_iou)?;
        drop(worker);
        let faces = found.into_iter().flatten().map(|face| face.moved(1.0 / fit.scale, |p| fit.to_frame(p)));
        Ok(self.chosen(faces.collect()))
    }

    /// The faces of one frame, largest first, by the cheapest look that will do: around the known faces, and at the
    /// whole frame when it is due or a face was lost.
    pub fn look(&self, schedule: &mut Schedule, pts: Duration, frame: &dyn Picture) -> Result<Vec<Face>, Error> {
        // A region that cannot be looked at must not fail the frames after this one too.
        let followed = self.detect_near(frame, schedule.regions()).inspect_err(|_| schedule.reset())?;
        let whole = match schedule.needs_whole(pts, &followed) {
            true => Some(self.detect(frame)?),
            false => None,
        };
        Ok(self.chosen(schedule.update(pts, &followed, whole.as_deref())))
    }

    /// The face in each region, None where there is none: one call of the small network for all.
    pub fn detect_near(&self, frame: &dyn Picture, regions: &[Region]) -> Result<Vec<Option<Face>>, Error> {
        if regions.is_empty() {
            return Ok(Vec::new());
        }
        self.region_looks.fetch_add(regions.len() as u64, Ordering::Relaxed);
        let mut worker = self.borrow()?;
        let Worker { whole, near, thumbnails } = &mut *worker;
        let network = near.as_mut().unwrap_or(whole);
        let side = network.side();
        let squares: Vec<Square> = regions.iter().map(|region| region.square).collect();
        frame.crops(&squares, side, thumbnails)?;
        let found = network.find(thumbnails, self.config.min_score, self.config.nms_iou)?;
        drop(worker);

        let mut faces: Vec<Option<Face>> = Vec::with_capacity(regions.len());
        for (found, region) in found.into_iter().zip(regions) {
            let scale = region.square.side / side as f32;
            let overlap = |face: &Face| face.rect.iou(&region.face);
            // Of several faces in the region the one that is meant, unless another region has it already.
            let face = { found.into_iter() }
                .map(|face| face.moved(scale, |p| region.to_frame(side, p)))
                .filter(|face| overlap(face) > 0.1)
                .filter(|face| faces.iter().flatten().all(|f| f.rect.iou(&face.rect) <= self.config.nms_iou))
                .max_by(|a, b| overlap(a).total_cmp(&overlap(b)));
            faces.push(face);
        }
        Ok(faces)
    }

    fn borrow(&self) -> Result<Borrowed<'_, Worker>, Error> {
        self.workers.borrow(PATIENCE).ok_or(Error::Busy { secs: PATIENCE.as_secs() })
    }

    /// Large enough, the largest first, not too many.
    fn chosen(&self, mut faces: Vec<Face>) -> Vec<Face> {
        faces.retain(|face| face.rect.longer() >= self.config.min_face_px);
        faces.sort_by(|a, b| b.rect.longer().total_cmp(&a.rect.longer()));
        faces.truncate(self.config.max_faces);
        faces
    }
}

/// With the networks that set-up fetches.
#[cfg(test)]
mod tests {
    use super::super::Error;
    use super::*;
    use crate::pixels::{Chroma, Matrix, Plane, Range, Yuv};

    fn load(config: &Config) -> Result<Detector, Error> {
        Detector::load(&Config { workers: 1, ..config.clone() }, &infer::Config::default())
    }

    /// A face as a child draws it, which the networks take for one: 2 eyes, a nose, a mouth on an oval.
    fn drawn(width: u32, height: u32, x: f32, y: f32, size: f32) -> Vec<u8> {
        let inside = |px: f32, py: f32, dx: f32, dy: f32, rx: f32, ry: f32| {
            ((px - x - dx * size) / (rx * size)).powi(2) + ((py - y - dy * size) / (ry * size)).powi(2) <= 1.0
        };
        let luma = (0..height).flat_map(|py| (0..width).map(move |px| (px as f32 + 0.5, py as f32 + 0.5)));
        let luma = luma.map(|(px, py)| match () {
            () if inside(px, py, -0.2, -0.1, 0.08, 0.05) || inside(px, py, 0.2, -0.1, 0.08, 0.05) => 40,
            () if inside(px, py, -0.2, -0.2, 0.12, 0.025) || inside(px, py, 0.2, -0.2, 0.12, 0.025) => 70,
            () if inside(px, py, 0.0, 0.08, 0.05, 0.1) => 135,
            () if inside(px, py, 0.0, 0.28, 0.16, 0.05) => 90,
            () if inside(px, py, 0.0, 0.0, 0.42, 0.55) => 170,
            () if inside(px, py, 0.0, -0.15, 0.5, 0.6) => 50,
            () => 110,
        });
        luma.collect()
    }

    /// Luma of a drawn face, or of nothing, with grey chroma.
    struct Scene {
        width: u32,
        height: u32,
        luma: Vec<u8>,
        chroma: Vec<u8>,
    }

    impl Scene {
        fn new(luma: Vec<u8>) -> Self {
            Self { width: 640, height: 480, luma, chroma: vec![128; 320 * 240] }
        }

        fn face(x: f32, y: f32, size: f32) -> Self {
            Self::new(drawn(640, 480, x, y, size))
        }

        fn view(&self) -> Yuv<'_> {
            let half = Plane { data: &self.chroma, stride: self.width as usize / 2 };
            Yuv {
                width: self.width,
                height: self.height,
                luma: Plane { data: &self.luma, stride: self.width as usize },
                chroma: Chroma::Planar { u: half, v: half },
                matrix: Matrix::Bt601,
                range: Range::Limited,
            }
        }
    }

    /// One face, with its eyes where they were drawn.
    fn assert_at(faces: &[Face], x: f32, y: f32, size: f32) {
        let [face] = faces else { panic!("one face at {x}, {y}, not {faces:?}") };
        let eyes = [(face.landmarks.right_eye, -0.2), (face.landmarks.left_eye, 0.2)];
        for (eye, dx) in eyes {
            let off = (eye.x - x - dx * size).hypot(eye.y - y + 0.1 * size);
            assert!(off < 0.08 * size, "{face:?} is {off} px off for a face of {size} at {x}, {y}");
        }
    }

    #[test]
    fn both_networks_find_a_face_where_it_is() {
        for kind in [Kind::BlazefaceFull, Kind::BlazefaceShort] {
            let detector = load(&Config { kind, ..Config::default() }).unwrap();
            for (x, y, size) in [(320.0, 240.0, 240.0), (220.0, 200.0, 300.0)] {
                assert_at(&detector.detect(&Scene::face(x, y, size).view()).unwrap(), x, y, size);
            }
            let nothing = Scene::new(vec![110; 640 * 480]);
            assert_eq!(detector.detect(&nothing.view()).unwrap(), []);
        }
    }

    #[test]
    fn a_moving_face_is_followed_without_whole_looks() {
        let config = Config { whole_every_ms: 10_000, ..Config::default() };
        let detector = load(&config).unwrap();
        let mut schedule = Schedule::new(&config);
        for step in 0..12 {
            let (x, y) = (150.0 + 20.0 * step as f32, 240.0 + 4.0 * step as f32);
            let scene = Scene::face(x, y, 160.0);
            let pts = Duration::from_millis(125 * step);
            if step > 0 {
                let near = detector.detect_near(&scene.view(), schedule.regions()).unwrap();
                assert!(!schedule.needs_whole(pts, &near), "step {step}: {near:?}");
            }
            assert_at(&detector.look(&mut schedule, pts, &scene.view()).unwrap(), x, y, 160.0);
        }
    }

    #[test]
    fn a_face_that_jumps_is_found_in_the_same_frame() {
        let config = Config { whole_every_ms: 10_000, ..Config::default() };
        let detector = load(&config).unwrap();
        let mut schedule = Schedule::new(&config);
        for (n, x) in [140.0, 500.0, 140.0].into_iter().enumerate() {
            let scene = Scene::face(x, 240.0, 160.0);
            let pts = Duration::from_millis(125 * n as u64);
            assert_at(&detector.look(&mut schedule, pts, &scene.view()).unwrap(), x, 240.0, 160.0);
        }
    }

    #[test]
    fn a_damaged_frame_fails_alone() {
        let detector = load(&Config::default()).unwrap();
        let mut schedule = Schedule::new(&Config::default());
        let scene = Scene::face(320.0, 240.0, 200.0);
        let mut look = |ms, frame: &Yuv<'_>| detector.look(&mut schedule, Duration::from_millis(ms), frame);
        assert_at(&look(0, &scene.view()).unwrap(), 320.0, 240.0, 200.0);
        let mut damaged = scene.view();
        damaged.luma.data = &damaged.luma.data[..5000];
        assert!(matches!(look(125, &damaged), Err(Error::Pixels(_))));
        assert_at(&look(250, &scene.view()).unwrap(), 320.0, 240.0, 200.0);
    }

    #[test]
    fn small_faces_are_left_out() {
        let detector = load(&Config { min_face_px: 300.0, ..Config::default() }).unwrap();
        assert_eq!(detector.detect(&Scene::face(320.0, 240.0, 200.0).view()).unwrap(), []);
    }

    #[test]
    fn the_wrong_file_is_named_with_what_was_expected_and_got() {
        let short = Config { model: "models/fetched/blazeface_short.onnx".into(), ..Config::default() };
        let message = load(&short).err().unwrap().to_string();
        for part in ["image [?, 192, 192, 3] u8", "scores [?, 2304] f32", "scores [?, 896] f32"] {
            assert!(message.contains(part), "{message}");
        }
        let yunet = Config { kind: Kind::Yunet, ..short };
        assert!(load(&yunet).err().unwrap().to_string().contains("kps_32 [?, 16, 10] f32"));
        let missing = Config { model: "models/fetched/none.onnx".into(), ..Config::default() };
        assert!(load(&missing).err().unwrap().to_string().contains("make setup"));
    }
}
