"""A clip in, the crops that the Rust program would show its detector out, kept in a cache folder. Called by evaluate.

The same frames (src/stream.rs), the same face in the same way (src/faces/schedule.rs: a whole look first, then the small network in
a square around the known face), the same colours (src/source/frame.rs). One face is followed, the largest at first sight.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

import av
import cv2
import numpy as np

from . import checkpoint
from .errors import UserError
from .faces import Face, Faces, overlap
from .geometry import CropRule, crop, cut, matrix

LONGEST_S = 10.0
SIDE = 2.2
"""Side of the followed square in longer sides of the face's box."""
HD_HEIGHT = 720


@dataclass
class Region:
    """A turned square of the picture in which the face is expected, and the face's box there."""

    centre: np.ndarray
    side: float
    roll: float
    box: np.ndarray

    @staticmethod
    def around(face: Face) -> "Region":
        """Turned in steps of 30 degrees only."""
        return Region(face.box[:2] + face.box[2:] / 2, SIDE * max(face.box[2:]), round(tilt(face) / (np.pi / 6)) * np.pi / 6, face.box)

    def next(self, face: Face) -> "Region":
        """The same square while the face is in its middle and fills it well, so that a still face falls on the same pixels."""
        fresh = Region.around(face)
        stays = (np.hypot(*(self.centre - fresh.centre)) < 0.1 * self.side and 0.8 <= fresh.side / self.side < 1.25
                 and abs(tilt(face) - self.roll) < np.pi / 6 * 0.75)
        return Region(self.centre, self.side, self.roll, face.box) if stays else fresh

    def look(self, image: np.ndarray, faces: Faces) -> Face | None:
        """The face that is meant, in pixels of the picture."""
        side = faces.near.side
        found = faces.near.find(cut(image, matrix(self.centre, self.side, self.roll, side), side))
        scale, cos, sin = self.side / side, np.cos(self.roll), np.sin(self.roll)
        turn = scale * np.array([[cos, sin], [-sin, cos]])
        for face in found:
            face.points = (face.points - side / 2) @ turn + self.centre
            middle = (face.box[:2] + face.box[2:] / 2 - side / 2) @ turn + self.centre
            face.box = np.hstack([middle - face.box[2:] * scale / 2, face.box[2:] * scale])
        near = [face for face in found if overlap(face.box, self.box) > 0.1]
        return max(near, key=lambda face: overlap(face.box, self.box), default=None)


def tilt(face: Face) -> float:
    across = face.points[1] - face.points[0]
    return float(np.arctan2(across[1], across[0]))


def retimed(frames: Iterator[av.VideoFrame], fps: float | None) -> Iterator[tuple[float, av.VideoFrame]]:
    """Frames with their times, or as a camera of `fps` frames a second would have given them: the newest at each tick, so that some
    are left out or shown twice."""
    newest, tick = None, 0
    for frame in frames:
        now = float(frame.time or 0.0)
        if fps is None:
            yield now, frame
            continue
        while newest is not None and tick / fps < now - 1e-6:
            yield tick / fps, newest
            tick += 1
        newest = frame


def sampled(path: Path, rate: float, fps: float | None = None) -> Iterator[tuple[float, np.ndarray]]:
    """Time in seconds and RGB picture [H, W, 3] u8 of the frames nearest to `rate` a second; `fps`: of a source with that frame rate."""
    last, last_frame = None, 0.0
    with av.open(str(path)) as clip:
        for now, frame in retimed(clip.decode(video=0), fps):
            step, last_frame = now - last_frame, now
            if last is not None and now - last + step / 2 + 0.001 < 1 / rate:
                continue
            last = now
            # 1 and 5, 6 are BT.709 and BT.601 in H.273; 2 is "not said".
            wide = frame.colorspace == 1 or (frame.colorspace not in (5, 6) and frame.height >= HD_HEIGHT)
            yield now, frame.to_ndarray(format="rgb24", src_colorspace="ITU709" if wide else "ITU601")


def readable(path: Path, rate: float, fps: float | None) -> Iterator[tuple[float, np.ndarray]]:
    """`sampled`, with FFmpeg's error as one that names the file."""
    try:
        yield from sampled(path, rate, fps)
    except (av.FFmpegError, IndexError) as error:
        raise UserError(f"clip {path} cannot be decoded ({error}): fetch it again or take it out of the folder") from error


def runs(path: Path, part: str, faces: Faces, rule: CropRule, rate: float, cache: Path | None = None, fps: float | None = None,
         longest: float = LONGEST_S) -> list[np.ndarray]:
    """Crops [T, size, size, 3] u8 of each stretch in which the face is seen without a gap, at most `longest` seconds of the clip.

    `part`: `all`, or `left` / `right` half of a picture that shows an original and its fake side by side. The first sight of a
    face gives no crop: a track is born at the second.
    """
    key = hashlib.sha256(f"3 {path.resolve()} {path.stat().st_size} {part} {rule} {rate} {fps} {longest}".encode()).hexdigest()[:24]
    kept = cache / f"{key}.npz" if cache else None
    if kept and kept.is_file():
        with np.load(kept) as stored:
            return [stored[name] for name in sorted(stored, key=int)]
    found, region = [[]], None
    for now, image in readable(path, rate, fps):
        if now >= longest:
            break
        middle = image.shape[1] // 2
        image = np.ascontiguousarray({"all": image, "left": image[:, :middle], "right": image[:, middle:]}[part])
        face = region.look(image, faces) if region else None
        if face is None:
            seen = faces.detect(image)
            face, region = (seen[0], None) if seen else (None, None)
        if face is None:
            found.append([])
            continue
        region = region.next(face) if region else Region.around(face)
        found[-1].append(crop(image, face.points, rule))
    result = [np.stack(run[1:]) for run in found if len(run) > 1]
    if kept:
        checkpoint.arrays(kept, **{str(i): run for i, run in enumerate(result)})
    return result
