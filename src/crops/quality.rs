//! What is measured of a face, and what the gate says to it. In: square, landmarks, crop. Out: [`Quality`] and
//! [`Reject`]s. Formulas: docs/crop-rule.md. Pure.

use super::{Axes, Landmarks, Quality, QualityGate, Reject, Square};

/// Points a side of the grid that measures how much of a square lies outside the frame.
const GRID: u32 = 16;

/// tan(yaw) for a nose tip that is one eye distance off the line from the eyes to the mouth. Fitted to 666 faces of
/// real clips, yaw -29 to 38 degrees, against a 468-point face mesh: off by 2.7 degrees (root mean square).
const YAW: f32 = 1.8;

/// Where the nose tip is between eyes (0) and mouth (1) on a level face, and how tan(pitch) goes with it. From the same
/// faces, pitch -30 to 33 degrees: off by 4.2 degrees.
const LEVEL: f32 = 0.52;
const PITCH: f32 = 1.73;

impl Quality {
    /// Size, pose and place; the rest is 0 until [`Quality::add_pixels`].
    pub(super) fn of_place(square: &Square, landmarks: &Landmarks, width: u32, height: u32) -> Self {
        let (yaw_deg, pitch_deg) = pose(landmarks);
        let outside = outside(square, width as f32, height as f32);
        Self { side_px: square.side, yaw_deg, pitch_deg, outside, ..Self::default() }
    }

    /// Sharpness and exposure of a finished crop, `[size, size, 3] u8 RGB`.
    pub(super) fn add_pixels(&mut self, crop: &[u8], size: usize) {
        // The inner face and a neighbour on each side, which is there: a crop has 64 pixels a side at least.
        let (from, side) = (size / 4 - 1, 3 * size / 4 - size / 4 + 2);
        let rows = crop.chunks_exact(size * 3).skip(from).take(side);
        let grey: Vec<f32> = rows
            .flat_map(|row| row[from * 3..(from + side) * 3].chunks_exact(3))
            .map(|p| 0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2]))
            .collect();
        let (mut luma, mut edges, mut squares) = (0.0, 0.0, 0.0);
        for rows in grey.chunks_exact(side).collect::<Vec<_>>().windows(3) {
            let (above, row, below) = (rows[0], rows[1], rows[2]);
            for i in 1..side - 1 {
                let laplacian = above[i] + below[i] + row[i - 1] + row[i + 1] - 4.0 * row[i];
                luma += row[i];
                edges += laplacian;
                squares += laplacian * laplacian;
            }
        }
        let count = ((side - 2) * (side - 2)) as f32;
        self.luma = luma / count;
        self.sharpness = squares / count - (edges / count).powi(2);
    }

    /// What is wrong before any pixel is looked at.
    pub(super) fn rejects_place(&self, gate: &QualityGate) -> Vec<Reject> {
        let turned = self.yaw_deg.abs() > gate.max_yaw_deg || self.pitch_deg.abs() > gate.max_pitch_deg;
        reasons([
            (self.side_px < gate.min_side_px, Reject::FaceTooSmall),
            (turned, Reject::Turned),
            (self.outside > gate.max_outside, Reject::CutOff),
        ])
    }

    /// What is wrong with the pixels.
    pub(super) fn rejects_pixels(&self, gate: &QualityGate) -> Vec<Reject> {
        reasons([
            (self.sharpness < gate.min_sharpness, Reject::Blurred),
            (self.luma < gate.min_luma, Reject::Dark),
            (self.luma > gate.max_luma, Reject::Overexposed),
        ])
    }

    /// The weakest link: 0 where a measure is at the gate, 1 where it is twice as good or better; never below 0.1, for
    /// what the gate lets through is evidence.
    pub(super) fn weight(&self, gate: &QualityGate) -> f32 {
        // How far above a least value, in the value itself; and how far below a most value, in half of it.
        let above = |value: f32, least: f32| if least > 0.0 { value / least - 1.0 } else { 1.0 };
        let below = |value: f32, most: f32| if most > 0.0 { 2.0 * (1.0 - value / most) } else { 1.0 };
        let exposure = (self.luma - gate.min_luma).min(gate.max_luma - self.luma) / (gate.max_luma - gate.min_luma);
        [
            above(self.side_px, gate.min_side_px),
            above(self.sharpness, gate.min_sharpness),
            4.0 * exposure,
            below(self.yaw_deg.abs(), gate.max_yaw_deg),
            below(self.pitch_deg.abs(), gate.max_pitch_deg),
            below(self.outside, gate.max_outside),
        ]
        .into_iter()
        .fold(1.0, f32::min)
        .max(0.1)
    }
}

fn reasons<const N: usize>(faults: [(bool, Reject); N]) -> Vec<Reject> {
    faults.into_iter().filter_map(|(fault, reason)| fault.then_some(reason)).collect()
}

/// Yaw and pitch in degrees, from where the nose tip lies in the frame of eyes and mouth.
fn pose(landmarks: &Landmarks) -> (f32, f32) {
    let Axes { eye_distance, to_mouth, to_nose, .. } = Axes::of(landmarks);
    let (sin, cos) = landmarks.roll().sin_cos();
    // Along the eyes, and down from them.
    let level = |x: f32, y: f32| (x * cos + y * sin, y * cos - x * sin);
    let ((nose_x, nose_y), (mouth_x, mouth_y)) = (level(to_nose.x, to_nose.y), level(to_mouth.x, to_mouth.y));
    let down = nose_y / mouth_y.max(1e-3);
    let aside = (nose_x - down * mouth_x) / eye_distance.max(1e-3);
    ((YAW * aside).atan().to_degrees(), (PITCH * (LEVEL - down)).atan().to_degrees())
}

/// Share of the square that lies outside the frame, 0-1.
fn outside(square: &Square, width: f32, height: f32) -> f32 {
    let (sin, cos) = square.roll.sin_cos();
    let along = |n: u32| ((n as f32 + 0.5) / GRID as f32 - 0.5) * square.side;
    let points = (0..GRID * GRID).map(|n| (along(n % GRID), along(n / GRID)));
    let out = points.filter(|(u, v)| {
        let (x, y) = (square.center.x + u * cos - v * sin, square.center.y + u * sin + v * cos);
        !((0.0..width).contains(&x) && (0.0..height).contains(&y))
    });
    out.count() as f32 / (GRID * GRID) as f32
}

#[cfg(test)]
mod tests {
    use super::super::tests::{GATE, frontal};
    use super::*;
    use crate::pixels::Point;

    #[test]
    fn pose_follows_the_nose() {
        for roll in [0.0, 1.0, -0.4] {
            let level = frontal(50.0, 50.0, 40.0, roll);
            let (yaw, pitch) = pose(&level);
            assert!(yaw.abs() < 0.1 && pitch.abs() < 0.1, "frontal at roll {roll}: {yaw}, {pitch}");
            let (sin, cos) = roll.sin_cos();
            let nose =
                |u: f32, v: f32| Point { x: level.nose.x + u * cos - v * sin, y: level.nose.y + u * sin + v * cos };
            let left = pose(&Landmarks { nose: nose(8.0, 0.0), ..level });
            assert!((left.0 - 19.8).abs() < 0.2, "to the subject's left: {left:?}");
            let up = pose(&Landmarks { nose: nose(0.0, -6.0), ..level });
            assert!((up.1 - 14.5).abs() < 0.2, "up: {up:?}");
        }
        let (yaw, pitch) = pose(&Landmarks::default());
        assert!(yaw.is_finite() && pitch.is_finite());
    }

    #[test]
    fn the_outside_share_is_that_of_the_area() {
        let square = |x: f32, roll: f32| Square { center: Point { x, y: 50.0 }, side: 40.0, roll };
        assert_eq!(outside(&square(50.0, 0.7), 100.0, 100.0), 0.0);
        assert_eq!(outside(&square(0.0, 0.0), 100.0, 100.0), 0.5);
        assert_eq!(outside(&square(-90.0, 0.0), 100.0, 100.0), 1.0);
        let diamond = outside(&square(0.0, std::f32::consts::FRAC_PI_4), 100.0, 100.0);
        assert!((diamond - 0.5).abs() < 0.05, "{diamond}");
    }

    #[test]
    fn sharpness_and_luma_are_those_of_the_inner_face() {
        let mut crop = vec![0; 8 * 8 * 3];
        let mut q = Quality::default();
        q.add_pixels(&crop, 8);
        assert_eq!((q.luma, q.sharpness), (0.0, 0.0));
        // A checkerboard of 0 and 100: the Laplacian is +400 and -400.
        for (n, pixel) in crop.chunks_exact_mut(3).enumerate() {
            pixel.fill(if (n % 8 + n / 8) % 2 == 0 { 100 } else { 0 });
        }
        q.add_pixels(&crop, 8);
        assert!((q.luma - 50.0).abs() < 1e-3 && (q.sharpness - 160_000.0).abs() < 10.0, "{q:?}");
    }

    #[test]
    fn the_weight_is_that_of_the_weakest_measure() {
        let good = Quality {
            side_px: 200.0,
            sharpness: 100.0,
            luma: 130.0,
            yaw_deg: 5.0,
            pitch_deg: -5.0,
            outside: 0.0,
            weight: 0.0,
        };
        assert_eq!(good.weight(&GATE), 1.0);
        assert!((Quality { side_px: 60.0, ..good }.weight(&GATE) - 0.5).abs() < 1e-5);
        assert!((Quality { yaw_deg: -37.5, ..good }.weight(&GATE) - 0.5).abs() < 1e-5);
        assert_eq!(Quality { luma: 41.0, ..good }.weight(&GATE), 0.1);
        let open = QualityGate { min_side_px: 0.0, min_sharpness: 0.0, max_outside: 0.0, ..GATE };
        assert_eq!(good.weight(&open), 1.0);
    }

    #[test]
    fn each_measure_has_its_reason() {
        let q =
            Quality { side_px: 10.0, sharpness: 1.0, luma: 230.0, yaw_deg: 60.0, outside: 0.5, ..Quality::default() };
        assert_eq!(q.rejects_place(&GATE), [Reject::FaceTooSmall, Reject::Turned, Reject::CutOff]);
        assert_eq!(q.rejects_pixels(&GATE), [Reject::Blurred, Reject::Overexposed]);
        assert_eq!(Quality { luma: 3.0, ..q }.rejects_pixels(&GATE), [Reject::Blurred, Reject::Dark]);
    }
}
