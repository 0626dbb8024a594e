//! Where a face will be: one Kalman filter for each of centre x, centre y and size, with constant velocity that fades
//! while nothing is seen. Pure; used by the tracker. Source: Bewley et al., "Simple Online and Realtime Tracking"
//! (2016), with time steps of any length instead of frames.

use crate::faces::Rect;
use crate::pixels::Point;

/// Standard deviation of a measured position, in sizes of the face.
const MEASURED: f32 = 0.05;

/// Standard deviation of a new face's unknown velocity, in sizes a second.
const VELOCITY: f32 = 2.0;

/// Acceleration that heads show, in sizes a second squared.
const ACCELERATION: f32 = 6.0;

/// Time in which an unseen velocity fades to a third, seconds: heads do not fly on.
const FADE: f32 = 0.5;

/// Position and velocity of one coordinate, with their covariance.
#[derive(Clone, Debug)]
struct Axis {
    position: f32,
    velocity: f32,
    /// Variances of position and velocity, and their covariance.
    pp: f32,
    pv: f32,
    vv: f32,
}

impl Axis {
    fn new(position: f32, size: f32) -> Self {
        let (measured, velocity) = (MEASURED * size, VELOCITY * size);
        Self { position, velocity: 0.0, pp: measured * measured, pv: 0.0, vv: velocity * velocity }
    }

    /// `dt` seconds later. Noise: piecewise constant acceleration.
    fn predict(&mut self, dt: f32, size: f32) {
        let keep = (-dt / FADE).exp();
        let reach = FADE * (1.0 - keep);
        let noise = (ACCELERATION * size).powi(2);
        self.position += self.velocity * reach;
        self.velocity *= keep;
        let (pp, pv, vv) = (self.pp, self.pv, self.vv);
        self.pp = pp + 2.0 * reach * pv + reach * reach * vv + noise * dt.powi(4) / 4.0;
        self.pv = keep * (pv + reach * vv) + noise * dt.powi(3) / 2.0;
        self.vv = keep * keep * vv + noise * dt * dt;
    }

    fn correct(&mut self, measured: f32, size: f32) {
        let total = self.pp + (MEASURED * size).powi(2);
        let (gain, velocity_gain) = (self.pp / total, self.pv / total);
        let surprise = measured - self.position;
        self.position += gain * surprise;
        self.velocity += velocity_gain * surprise;
        self.vv -= velocity_gain * self.pv;
        self.pv *= 1.0 - gain;
        self.pp *= 1.0 - gain;
    }
}

/// A moving rectangle.
#[derive(Clone, Debug)]
pub(super) struct Motion {
    x: Axis,
    y: Axis,
    /// Longer side.
    size: Axis,
    /// Width and height in longer sides, as last seen.
    shape: (f32, f32),
}

impl Motion {
    /// A face seen for the first time; its rectangle has a size above 0.
    pub fn new(rect: &Rect) -> Self {
        let (center, size) = (rect.center(), rect.longer());
        Self {
            x: Axis::new(center.x, size),
            y: Axis::new(center.y, size),
            size: Axis { vv: 0.25 * size * size, ..Axis::new(size, size) },
            shape: (rect.width / size, rect.height / size),
        }
    }

    /// Goes on by `dt` seconds.
    pub fn predict(&mut self, dt: f32) {
        let size = self.size();
        self.x.predict(dt, size);
        self.y.predict(dt, size);
        self.size.predict(dt, size * 0.25);
    }

    /// Takes in where the face was seen.
    pub fn correct(&mut self, rect: &Rect) {
        let (center, size) = (rect.center(), rect.longer());
        self.x.correct(center.x, size);
        self.y.correct(center.y, size);
        self.size.correct(size, size);
        self.shape = (rect.width / size, rect.height / size);
    }

    /// Where the face is expected.
    pub fn rect(&self) -> Rect {
        let size = self.size();
        let (width, height) = (self.shape.0 * size, self.shape.1 * size);
        Rect { x: self.x.position - width / 2.0, y: self.y.position - height / 2.0, width, height }
    }

    /// How far from there it may well be (three standard deviations), in frame pixels; one size at most.
    pub fn reach(&self) -> f32 {
        (3.0 * self.x.pp.max(self.y.pp).sqrt()).min(self.size())
    }

    /// A prediction never shrinks to nothing.
    fn size(&self) -> f32 {
        self.size.position.max(1.0)
    }
}

/// Distance of two rectangles' centres, frame pixels.
pub(super) fn distance(a: &Rect, b: &Rect) -> f32 {
    let (Point { x: ax, y: ay }, Point { x: bx, y: by }) = (a.center(), b.center());
    (ax - bx).hypot(ay - by)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rect(x: f32, y: f32) -> Rect {
        Rect { x, y, width: 80.0, height: 100.0 }
    }

    #[test]
    fn a_steady_motion_is_foreseen() {
        let mut motion = Motion::new(&rect(0.0, 50.0));
        for step in 1..12 {
            motion.predict(0.125);
            motion.correct(&rect(10.0 * step as f32, 50.0));
        }
        motion.predict(0.125);
        let error = distance(&motion.rect(), &rect(120.0, 50.0));
        assert!(error < 3.0, "{error} px off after a steady motion of 10 px a step");
        assert!(motion.reach() < 60.0, "{}", motion.reach());
    }

    #[test]
    fn an_unseen_face_slows_down_and_may_be_further_off() {
        let mut motion = Motion::new(&rect(0.0, 50.0));
        motion.predict(0.1);
        motion.correct(&rect(20.0, 50.0));
        let reach = motion.reach();
        motion.predict(10.0);
        assert!(distance(&motion.rect(), &rect(20.0, 50.0)) < 200.0 * FADE + 1.0);
        assert!(motion.reach() > reach && motion.reach() <= 110.0);
    }

    #[test]
    fn the_shape_is_the_last_one_seen() {
        let mut motion = Motion::new(&rect(0.0, 0.0));
        motion.correct(&Rect { x: 0.0, y: 0.0, width: 100.0, height: 50.0 });
        let shape = motion.rect();
        assert!((shape.width / shape.height - 2.0).abs() < 1e-4);
    }
}
