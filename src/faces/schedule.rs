//! When to look at the whole frame and when only around the known faces. In: what both looks brought, and the
//! frame's pts. Out: the frame's faces, and the regions to look at next. Pure; one [`Schedule`] a stream, used by
//! `Detector::look`.
//!
//! A whole look costs about two and a half region looks, so one or two faces are followed by region, more are not.
//! Followed landmarks also jitter less: a region stays where it is until the face leaves its middle, so the network
//! sees a still face in the same pixels (docs/design/0004).

use std::f32::consts::FRAC_PI_6;
use std::time::Duration;

use crate::pixels::{Point, Square};

use super::{Config, Face, Kind, Rect};

/// Faces that are followed by region at most.
const FOLLOWED: usize = 2;

/// Side of a region, in longer sides of the face's box.
const SIDE: f32 = 2.2;

/// Overlap from which two boxes are one face seen by two looks.
const SAME: f32 = 0.3;

/// A turned square of the frame in which one face is expected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    pub(super) square: Square,
    /// Where the face was last.
    pub(super) face: Rect,
}

impl Region {
    /// Turned in steps of 30 degrees only: the network bears half of that.
    pub fn around(face: &Face) -> Self {
        let roll = (face.landmarks.roll() / FRAC_PI_6).round() * FRAC_PI_6;
        let square = Square { center: face.rect.center(), side: SIDE * face.rect.longer(), roll };
        Self { square, face: face.rect }
    }

    /// The region for the same face in the next frame: the same while the face is in its middle and fills it well.
    fn next(&self, face: &Face) -> Self {
        let fresh = Self::around(face);
        let (old, new) = (&self.square, &fresh.square);
        let moved = (old.center.x - new.center.x).hypot(old.center.y - new.center.y);
        let turned = (face.landmarks.roll() - old.roll).abs();
        let stays = moved < 0.1 * old.side && (0.8..1.25).contains(&(new.side / old.side)) && turned < FRAC_PI_6 * 0.75;
        if stays { Self { square: *old, ..fresh } } else { fresh }
    }

    /// From pixels of the region's thumbnail, `side` wide, to frame pixels.
    pub(super) fn to_frame(self, side: u32, p: Point) -> Point {
        let scale = self.square.side / side as f32;
        let (u, v) = ((p.x - side as f32 / 2.0) * scale, (p.y - side as f32 / 2.0) * scale);
        let (sin, cos) = self.square.roll.sin_cos();
        let center = self.square.center;
        Point { x: center.x + u * cos - v * sin, y: center.y + u * sin + v * cos }
    }
}

/// What one stream's looks are planned by.
#[derive(Clone, Debug)]
pub struct Schedule {
    every: Duration,
    regions: Vec<Region>,
    last_whole: Option<Duration>,
    /// Until then no following: the small network missed a face that the large one sees.
    suspended_until: Duration,
}

impl Schedule {
    pub fn new(config: &Config) -> Self {
        let every = match config.kind {
            Kind::BlazefaceFull | Kind::BlazefaceShort => Duration::from_millis(config.whole_every_ms),
            // It has no small network for regions.
            Kind::Yunet => Duration::ZERO,
        };
        Self { every, regions: Vec::new(), last_whole: None, suspended_until: Duration::ZERO }
    }

    /// Forgets all faces (new connection, scene cut, size change): the next look is a whole one.
    pub fn reset(&mut self) {
        self.regions.clear();
        self.last_whole = None;
        self.suspended_until = Duration::ZERO;
    }

    /// Where the known faces are expected; empty: only a whole look helps.
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// Whether the frame at `pts` needs a whole look, after the region looks brought `followed` (one answer a region).
    pub fn needs_whole(&self, pts: Duration, followed: &[Option<Face>]) -> bool {
        let due = self.last_whole.is_none_or(|last| pts < last || pts - last >= self.every);
        due || followed.is_empty() || followed.contains(&None)
    }

    /// Takes the looks at the frame at `pts` and gives its faces: the followed ones, and what the whole look (None:
    /// there was none) saw beside them.
    pub fn update(&mut self, pts: Duration, followed: &[Option<Face>], whole: Option<&[Face]>) -> Vec<Face> {
        let mut faces: Vec<Face> = followed.iter().copied().flatten().collect();
        let mut regions: Vec<Region> =
            self.regions.iter().zip(followed).filter_map(|(region, face)| Some(region.next(face.as_ref()?))).collect();
        if let Some(whole) = whole {
            self.last_whole = Some(pts);
            let missed = |face: &Face| {
                let lost = self.regions.iter().zip(followed).filter(|(_, found)| found.is_none());
                { lost }.any(|(region, _)| region.face.iou(&face.rect) > SAME)
            };
            if whole.iter().any(missed) {
                self.suspended_until = pts + self.every;
            }
            let new = whole.iter().filter(|face| followed.iter().flatten().all(|f| f.rect.iou(&face.rect) <= SAME));
            for face in new {
                faces.push(*face);
                regions.push(Region::around(face));
            }
        }
        let follow = self.every > Duration::ZERO && pts >= self.suspended_until && faces.len() <= FOLLOWED;
        self.regions = if follow { regions } else { Vec::new() };
        faces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(x: f32, size: f32) -> Face {
        let (a, b, m) = (x + 0.3 * size, x + 0.7 * size, x + 0.5 * size);
        Face::from_numbers([x, 50.0, size, size, a, 80.0, b, 80.0, m, 100.0, m, 120.0], 0.9)
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn schedule() -> Schedule {
        Schedule::new(&Config { whole_every_ms: 1000, ..Config::default() })
    }

    #[test]
    fn a_known_face_is_followed_and_the_whole_frame_looked_at_once_a_second() {
        let mut schedule = schedule();
        let mut whole_looks = 0;
        for t in (0..4000).step_by(125) {
            let followed: Vec<_> = schedule.regions().iter().map(|_| Some(face(100.0, 100.0))).collect();
            let whole = [face(101.0, 100.0)];
            let needs = schedule.needs_whole(ms(t), &followed);
            whole_looks += u32::from(needs);
            let faces = schedule.update(ms(t), &followed, needs.then_some(&whole));
            assert_eq!(faces.len(), 1, "one face is never reported twice");
        }
        assert_eq!(whole_looks, 4);
    }

    #[test]
    fn a_lost_face_and_an_empty_frame_need_a_whole_look() {
        let mut schedule = schedule();
        schedule.update(ms(0), &[], Some(&[face(100.0, 100.0)]));
        assert!(!schedule.needs_whole(ms(100), &[Some(face(100.0, 100.0))]));
        assert!(schedule.needs_whole(ms(100), &[None]));
        assert!(schedule.update(ms(100), &[None], Some(&[])).is_empty());
        assert!(schedule.regions().is_empty());
        assert!(schedule.needs_whole(ms(200), &[]));
    }

    #[test]
    fn what_the_small_network_misses_is_not_followed_for_a_while() {
        let mut schedule = schedule();
        let whole = [face(100.0, 100.0)];
        schedule.update(ms(0), &[], Some(&whole));
        assert_eq!(schedule.regions().len(), 1);
        assert_eq!(schedule.update(ms(100), &[None], Some(&whole)), whole);
        assert!(schedule.regions().is_empty());
        schedule.update(ms(600), &[], Some(&whole));
        assert!(schedule.regions().is_empty());
        schedule.update(ms(1100), &[], Some(&whole));
        assert_eq!(schedule.regions().len(), 1);
    }

    #[test]
    fn many_faces_are_cheaper_to_find_than_to_follow() {
        let mut schedule = schedule();
        let whole = [face(0.0, 90.0), face(200.0, 90.0), face(400.0, 90.0)];
        assert_eq!(schedule.update(ms(0), &[], Some(&whole)).len(), 3);
        assert!(schedule.regions().is_empty());
    }

    #[test]
    fn a_region_stays_until_the_face_leaves_its_middle() {
        let first = Region::around(&face(100.0, 100.0));
        assert_eq!(first.next(&face(105.0, 104.0)).square, first.square);
        assert_ne!(first.next(&face(140.0, 100.0)).square, first.square);
        assert_ne!(first.next(&face(85.0, 130.0)).square, first.square);
    }

    #[test]
    fn a_clock_that_jumps_back_and_a_reset_need_a_whole_look() {
        let mut schedule = schedule();
        let seen = [Some(face(100.0, 100.0))];
        schedule.update(ms(5000), &[], Some(&[face(100.0, 100.0)]));
        assert!(schedule.needs_whole(ms(10), &seen));
        schedule.reset();
        assert!(schedule.needs_whole(ms(5100), &seen) && schedule.regions().is_empty());
    }

    #[test]
    fn a_thumbnail_point_comes_back_to_its_frame_point() {
        let square = Square { center: Point { x: 50.0, y: 60.0 }, side: 64.0, roll: std::f32::consts::FRAC_PI_2 };
        let region = Region { square, face: Rect::default() };
        assert_eq!(region.to_frame(128, Point { x: 64.0, y: 64.0 }), square.center);
        let right = region.to_frame(128, Point { x: 128.0, y: 64.0 });
        assert!((right.x - 50.0).abs() < 1e-3 && (right.y - 92.0).abs() < 1e-3, "the thumbnail's right is below");
    }
}
