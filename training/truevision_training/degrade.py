"""The same camera, codec and crop for a real face and its fake: pack crops in, detector crops out. Called by stills, windows, synthetic.

A `Draw` holds every random choice once; it is applied to both members and to every frame, so nothing but the fake differs.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from . import alter, codec

LEAST, MOST = 56, 260
"""Product crops in the source picture, pixels a side, log-uniform. A pack crop holds about 149 px: above that it is enlarged,
so that the codec's blocks have the size that they have on a large face."""


@dataclass(frozen=True)
class Draw:
    """`seed` of the colour draws, `side` of the product crop in the simulated source picture, codec, and the crop's errors."""

    seed: int
    side: int
    kind: str
    quality: int
    shift: np.ndarray
    zoom: float
    roll: float
    mirror: bool
    strong: bool

    @staticmethod
    def random(rng: np.random.Generator, crf: int | None, easy: bool = False) -> "Draw":
        """`crf`: the mosaic's H.264 quality, or None for JPEG or nothing."""
        side = int(round(np.exp(rng.uniform(np.log(LEAST), np.log(MOST)))))
        if easy or rng.random() < 0.3:
            side = int(rng.integers(112, 200))
        kind = "h264" if crf is not None else ("jpeg" if rng.random() < 0.75 else "none")
        quality = crf if crf is not None else int(rng.integers(70 if easy else 40, 101))
        return Draw(int(rng.integers(2**31)), side, kind, quality, rng.normal(0, 0.03, 2), float(np.exp(rng.normal(0, 0.06))),
                    float(rng.normal(0, 0.05)), bool(rng.random() < 0.5), bool(rng.random() < 0.3))


def camera(draw: Draw, image: np.ndarray, margin: float) -> np.ndarray:
    """Colour, exposure, focus and noise of one frame, then the simulated source's size."""
    rng = np.random.default_rng(draw.seed)
    wide = 1.0 if draw.strong else 0.1
    image = alter.colour(rng, image, 20, 0.25 * wide, 0.3 * wide)
    kind, amount = rng.random(2)
    gamma = np.exp(rng.uniform(-0.4, 0.4))
    if kind < 0.15:
        image = cv2.LUT(image, (255 * (np.arange(256) / 255) ** gamma).astype(np.uint8))
    elif kind < 0.25:
        image = cv2.GaussianBlur(image, (0, 0), 0.4 + 0.9 * amount)
    elif kind < 0.30:
        image = cv2.bilateralFilter(image, 5, 30, 3)
    elif kind < 0.38:
        noise = rng.normal(0, 1 + 5 * amount, image.shape)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    elif kind < 0.42:
        image = alter.sharpen(image, 0.3 + 0.5 * amount, 1.0)
    size = round(draw.side * margin)
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if size < image.shape[0] else cv2.INTER_LINEAR)


def view(draw: Draw, margin: float, out: int, source: int) -> np.ndarray:
    """Source picture -> detector crop as [2, 3] f64: the middle 1/margin with the crop's shift, zoom, roll and mirror."""
    side = source / margin * draw.zoom
    zoom = out / side
    cos, sin = zoom * np.cos(draw.roll), zoom * np.sin(draw.roll)
    turn = np.array([[cos, sin], [-sin, cos]])
    if draw.mirror:
        turn[0] = -turn[0]
    middle = source / 2 + draw.shift * side
    return np.hstack([turn, (out / 2 - 0.5 + turn @ (0.5 - middle))[:, None]])


def look(draw: Draw, image: np.ndarray, margin: float, out: int) -> np.ndarray:
    """[s, s, 3] u8 after the codec -> [out, out, 3] u8."""
    to_crop = view(draw, margin, out, image.shape[0])
    flags = cv2.INTER_LINEAR
    if np.hypot(*to_crop[0, :2]) < 0.9:
        image = cv2.GaussianBlur(image, (0, 0), 0.35 / np.hypot(*to_crop[0, :2]))
    return cv2.warpAffine(image, to_crop, (out, out), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def look_mask(draw: Draw, mask: np.ndarray, margin: float, out: int, cells: int) -> np.ndarray:
    """[S, S] mask of the pack crop -> [2, cells, cells] f32: the mask and its boundary 4 m (1 - m), as the detector sees them."""
    seen = cv2.warpAffine(mask, view(draw, margin, out, mask.shape[0]), (out, out))
    both = (seen, 4 * seen * (1 - seen))
    return np.stack([cv2.resize(m, (cells, cells), interpolation=cv2.INTER_AREA) for m in both]).astype(np.float32)


def film(draws: list[Draw], members: list[list[list[np.ndarray]]], margin: float, out: int) -> list[tuple[np.ndarray, ...]]:
    """`members[i]`: sequences of pack crops that share draw i. Each as the detector sees it, [frames, out, out, 3] u8."""
    seen = [[[camera(draw, frame, margin) for frame in sequence] for sequence in sequences] for draw, sequences in zip(draws, members)]
    return [tuple(np.stack([look(draw, frame, margin, out) for frame in sequence]) for sequence in sequences)
            for draw, sequences in zip(draws, compress(draws, seen))]


def compress(draws: list[Draw], members: list[list[list[np.ndarray]]]) -> list[list[list[np.ndarray]]]:
    """`members[i]`: the sequences of one draw (real, fake), frames as `camera` made them. One mosaic for all H.264 draws,
    which must share their quality; JPEG a frame for the others."""
    joint = [i for i, draw in enumerate(draws) if draw.kind == "h264"]
    result = [m for m in members]
    if joint:
        flat = codec.together([s for i in joint for s in members[i]], draws[joint[0]].quality)
        for i in joint:
            result[i], flat = flat[:len(members[i])], flat[len(members[i]):]
    for i, draw in enumerate(draws):
        if draw.kind == "jpeg":
            result[i] = [[codec.jpeg(frame, draw.quality) for frame in sequence] for sequence in members[i]]
    return result
