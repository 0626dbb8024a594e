"""The crop rule: landmarks in, the 2x3 matrix of an upright square crop out. Called by prep, evaluate and the tests.

The rule is the Rust program's rule "landmarks" (docs/crop-rule.md): E = middle of the eyes, M = mouth,
scale = max(|eyes|, |E - M|), centre = E + center * (M - E), side of the square = side * scale, eye line level.
Points are pixels, x right, y down; `Points` order: image-left eye, image-right eye, nose, mouth.
"""

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class CropRule:
    """`size` pixels a side of the crop; `side`, `center` as in model.toml's [crop]."""

    size: int = 112
    side: float = 3.0
    center: float = 0.42


def square(points: np.ndarray, rule: CropRule) -> tuple[np.ndarray, float, float]:
    """[4, 2] points -> centre [2], side in pixels of the picture, roll in radians."""
    left, right, _, mouth = points.astype(np.float64)
    eyes, across = (left + right) / 2, right - left
    scale = max(np.linalg.norm(across), np.linalg.norm(mouth - eyes))
    return eyes + rule.center * (mouth - eyes), rule.side * scale, float(np.arctan2(across[1], across[0]))


def matrix(centre: np.ndarray, side: float, roll: float, size: int) -> np.ndarray:
    """Picture -> crop as [2, 3] f64 between pixel numbers; `centre` is continuous: pixel i covers [i, i + 1)."""
    zoom = size / side
    cos, sin = zoom * np.cos(roll), zoom * np.sin(roll)
    turn = np.array([[cos, sin], [-sin, cos]])
    shift = size / 2 - 0.5 + turn @ (0.5 - centre)
    return np.hstack([turn, shift[:, None]])


def cut(image: np.ndarray, to_crop: np.ndarray, size: int) -> np.ndarray:
    """[H, W, 3] u8 -> [size, size, 3] u8: box mean of k x k source pixels, then bilinear; border replicated.

    k = max(1, floor(source pixels per crop pixel)), on a grid aligned to the frame's origin, as in the Rust program.
    """
    step = 1.0 / np.hypot(to_crop[0, 0], to_crop[0, 1])
    k = max(1, int(step))
    if k > 1:
        height, width = image.shape[0] // k * k, image.shape[1] // k * k
        if height >= k and width >= k:
            image = cv2.resize(image[:height, :width], (width // k, height // k), interpolation=cv2.INTER_AREA)
            # A cell's centre (i + .5) k - .5 of the frame is pixel i of the reduced picture.
            grow = np.array([[k, 0, (k - 1) / 2], [0, k, (k - 1) / 2], [0, 0, 1]], np.float64)
            to_crop = to_crop @ grow
    return cv2.warpAffine(image, to_crop, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def apply(to_crop: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Maps [..., 2] points by a [2, 3] matrix."""
    return points @ to_crop[:, :2].T + to_crop[:, 2]


def crop(image: np.ndarray, points: np.ndarray, rule: CropRule) -> np.ndarray:
    """Picture and its four points -> the crop the detector sees, [size, size, 3] u8."""
    return cut(image, matrix(*square(points, rule), rule.size), rule.size)
