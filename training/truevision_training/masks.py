"""Masks of what a swap tool would replace: 468 mesh landmarks in, [S, S] f32 masks in 0..1 out. Called by blend.

All lengths are shares of the face, so a mask looks the same at every size. Index lists are the mesh's own topology.
"""

import cv2
import numpy as np

OVAL = [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
        148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109]
JAW = OVAL[8:29]
LIPS = [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185]
EYE_RIGHT = [263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398]
EYE_LEFT = [33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173]
BROW_RIGHT = [276, 283, 282, 295, 285, 300, 293, 334, 296, 336]
BROW_LEFT = [46, 53, 52, 65, 55, 70, 63, 105, 66, 107]
NOSE = [168, 6, 197, 195, 5, 4, 1, 19, 94, 2, 98, 327, 129, 358, 49, 279, 48, 278, 64, 294]
INNER = BROW_LEFT + BROW_RIGHT + EYE_LEFT + EYE_RIGHT + NOSE + LIPS
ANCHORS = OVAL[::2] + LIPS[::3] + EYE_LEFT[::4] + EYE_RIGHT[::4] + BROW_LEFT[::3] + BROW_RIGHT[::3] + NOSE[::3]
"""Well-spread points for fitting one face onto another."""

KINDS = [0.2, 0.2, 0.1, 0.16, 0.12, 0.06, 0.06, 0.1]
WHOLE = [0.3, 0.26, 0.16, 0.0, 0.12, 0.06, 0.1, 0.0]
"""Shares of the kinds of `shape`."""


def eye_distance(landmarks: np.ndarray) -> float:
    """Between the eyes' middles, in the landmarks' pixels; at least 1."""
    return max(1.0, float(np.linalg.norm(landmarks[EYE_LEFT].mean(0) - landmarks[EYE_RIGHT].mean(0))))


def fill(mask: np.ndarray, points: np.ndarray) -> None:
    hull = cv2.convexHull(np.ascontiguousarray(points, np.float32))
    cv2.fillConvexPoly(mask, np.round(hull * 8).astype(np.int32), 1.0, lineType=cv2.LINE_8, shift=3)


def around(points: np.ndarray, factor: float) -> np.ndarray:
    centre = points.mean(0)
    return centre + (points - centre) * factor


def shape(rng: np.random.Generator, landmarks: np.ndarray, size: int, whole: bool = False) -> np.ndarray:
    """A hard mask of one of eight kinds: whole face, with or without forehead, shrunk, parts, T zone, box, ellipse, lower face;
    with `whole` one of those that cover eyes, nose and mouth."""
    eyes = eye_distance(landmarks)
    points = landmarks + rng.normal(0, 0.012 * eyes, landmarks.shape)
    up = (landmarks[10] - landmarks[152]) / eyes
    mask = np.zeros((size, size), np.float32)
    kind = rng.choice(8, p=WHOLE if whole else KINDS)
    a, b = (float(v) for v in rng.random(2))
    if kind == 0:
        oval = points[OVAL].copy()
        above = oval @ up > points[168] @ up
        oval[above] += up * eyes * 0.15 * max(0.0, a - 0.6)
        fill(mask, oval)
    elif kind == 1:
        fill(mask, points[JAW + BROW_LEFT + BROW_RIGHT])
    elif kind == 2:
        fill(mask, around(points[OVAL], 0.75 + 0.2 * a))
    elif kind == 3:
        eyes_too = a < 0.6
        parts = [EYE_LEFT + BROW_LEFT, EYE_RIGHT + BROW_RIGHT] * eyes_too + [NOSE] * (b < 0.5) + [LIPS] * (b > 0.3 or not eyes_too)
        for part in parts:
            fill(mask, around(points[part], rng.uniform(1.05, 1.5)))
        mask = cv2.dilate(mask, np.ones((1 + 2 * int(0.06 * eyes),) * 2, np.uint8))
    elif kind == 4:
        fill(mask, around(points[INNER], 1.0 + 0.3 * a))
    elif kind in (5, 6):
        centre, extent, angle = cv2.minAreaRect(np.ascontiguousarray(points[BROW_LEFT + BROW_RIGHT + LIPS + NOSE], np.float32))
        grown = (extent[0] * (1.05 + 0.4 * a), extent[1] * (1.05 + 0.4 * a))
        if kind == 5:
            cv2.fillConvexPoly(mask, cv2.boxPoints((centre, grown, angle)).astype(np.int32), 1.0)
        else:
            cv2.ellipse(mask, (centre, (grown[0] * 1.15, grown[1] * 1.25), angle), 1.0, -1)
    else:
        lower = points[JAW + LIPS + NOSE]
        fill(mask, lower[lower @ up < points[[2, 4, 195][int(a * 3)]] @ up])
    return mask


def field(rng: np.random.Generator, size: int, amplitude: float, cells: int) -> np.ndarray:
    """A smooth random displacement [S, S, 2] f32 in pixels."""
    return cv2.resize(rng.normal(0, amplitude, (cells, cells, 2)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)


def soften(rng: np.random.Generator, mask: np.ndarray, eyes: float) -> np.ndarray:
    """Elastic outline, blur, erosion, blur again: hard seams to wide feathers, 2 to 25 % of the eye distance."""
    size = mask.shape[0]
    grid = np.stack(np.meshgrid(np.arange(size), np.arange(size)), -1).astype(np.float32)
    grid += field(rng, size, rng.uniform(0.005, 0.03) * eyes, int(rng.integers(6, 16)))
    mask = cv2.remap(mask, grid, None, cv2.INTER_LINEAR)
    first, second = np.exp(rng.uniform(np.log(0.02), np.log(0.25), 2)) * eyes / 2
    hard = rng.random() < 0.15
    mask = cv2.GaussianBlur(mask, (0, 0), max(0.5, first * (0.3 if hard else 1)))
    if not hard:
        inside = (mask > 0.98 * mask.max()).astype(np.float32)
        if inside.sum() < 0.02 * size * size:
            inside = (mask > 0.5).astype(np.float32)
        mask = cv2.GaussianBlur(inside, (0, 0), max(0.5, second))
    return mask / max(1e-6, float(mask.max()))
