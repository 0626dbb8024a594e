"""Simulated fakes of one frame: a real crop with landmarks in, the fake and its mask out. Called by stills and windows.

Everything that a fake draws comes from one seed, so a window can replay the draw on all frames, with `Jitter` on top.
Families: `self` (self-blended), `cross` (another person), `decoder` (a decoder's texture), `drift` (moved features, no seam),
`swap` (a reshaped face as a fine decoder draws it, in place, colours matched, whole face: what a live tool pastes), `reenact`
(moved features, redrawn by a decoder or altered, pasted back with a seam).
"""

from dataclasses import dataclass, field as default

import cv2
import numpy as np

from . import alter, masks

FAMILIES = ("self", "cross", "decoder", "drift", "swap", "reenact")


@dataclass(frozen=True)
class Face:
    """`crop` [S, S, 3] u8 RGB of the pack, `landmarks` [468, 2] f32 in its pixels."""

    crop: np.ndarray
    landmarks: np.ndarray


@dataclass(frozen=True)
class Jitter:
    """What differs from frame to frame: shift in shares of the eye distance, scale, ratio and colour factors near 1."""

    shift: np.ndarray = default(default_factory=lambda: np.zeros(2))
    scale: float = 1.0
    ratio: float = 1.0
    gain: float = 1.0
    push: float = 1.0
    """Factor of `drift`'s displacement."""
    landmark_seed: int = 0
    landmark_noise: float = 0.0


@dataclass(frozen=True)
class Fake:
    """`crop` as in Face, `mask` [S, S] f32 in 0..1: the share of the pasted picture."""

    crop: np.ndarray
    mask: np.ndarray


def place(face: Face, onto: np.ndarray, size: int) -> np.ndarray:
    """The face's crop warped so that its landmarks fall on `onto`, by a least-squares affine fit."""
    known = np.hstack([face.landmarks[masks.ANCHORS], np.ones((len(masks.ANCHORS), 1))])
    fit = np.linalg.lstsq(known, onto[masks.ANCHORS], rcond=None)[0].T
    return cv2.warpAffine(face.crop, fit, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def moved(rng: np.random.Generator, face: Face, eyes: float, amount: float) -> tuple[np.ndarray, np.ndarray]:
    """Mouth, eyes or brows displaced by smooth bumps with no seam: the face [S, S, 3] and where it moved [S, S]."""
    size = face.crop.shape[0]
    # The bumps are wide, so they are summed on a grid of every fourth pixel.
    axis = np.arange(0, size, 4, dtype=np.float32) + 1.5
    grid = np.stack(np.meshgrid(axis, axis), -1)
    push, where = np.zeros_like(grid), np.zeros(grid.shape[:2], np.float32)
    parts = [masks.LIPS, masks.EYE_LEFT, masks.EYE_RIGHT, masks.BROW_LEFT, masks.BROW_RIGHT, masks.NOSE, masks.JAW[4:-4]]
    chosen = rng.random(len(parts)) < 0.45
    chosen[rng.integers(len(parts))] = True
    for part, on in zip(parts, chosen):
        spots = rng.integers(0, len(part), 3)
        steps = rng.normal(0, rng.uniform(0.03, 0.12) * eyes, (3, 2)) * amount
        width = rng.uniform(0.12, 0.35, 3) * eyes
        for spot, step, wide in zip(spots, steps, width):
            bump = np.exp(-((grid - face.landmarks[part[spot]]) ** 2).sum(-1) / (2 * wide**2)) * on
            push += bump[..., None] * step.astype(np.float32)
            where = np.maximum(where, bump)
    push, where = (cv2.resize(v.astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR) for v in (push, where))
    full = np.stack(np.meshgrid(np.arange(size), np.arange(size)), -1).astype(np.float32)
    warped = cv2.remap(face.crop, full - push, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return warped, where


def fake(seed: int, family: str, face: Face, donor: Face | None, eigenfaces: list[alter.Eigenfaces], easy: bool = False,
         jitter: Jitter = Jitter()) -> Fake:
    """One fake. `donor` is needed by `cross` only; `easy`: full ratio, for the first minutes of a training from scratch."""
    rng = np.random.default_rng(seed)
    size = face.crop.shape[0]
    landmarks = face.landmarks
    eyes = masks.eye_distance(landmarks)
    if jitter.landmark_noise:
        noise = np.random.default_rng(jitter.landmark_seed).normal(0, jitter.landmark_noise * eyes, landmarks.shape)
        landmarks = landmarks + noise.astype(np.float32)
    if family == "drift":
        warped, where = moved(rng, face, eyes, jitter.push)
        mask = np.clip(cv2.GaussianBlur(where, (0, 0), 0.08 * eyes) * 1.6, 0, 1)
        made = alter.texture(rng, warped) if rng.random() < 0.6 else warped
        return Fake(mix(made, face.crop, mask), mask)
    hard = masks.shape(rng, landmarks, size, whole=family == "swap")
    source, target = face.crop, face.crop
    swap, soften_donor = rng.random(2)
    if family == "cross":
        source = alter.reposition(place(donor, landmarks, size), face.crop, hard)
        if soften_donor < 0.6:
            source = alter.texture(rng, source)
    elif family == "swap":
        drawn = alter.decoder(rng, moved(rng, face, eyes, 0.6 * jitter.push)[0], eigenfaces, 0.4, 1.0)
        source = alter.colour(rng, alter.reposition(drawn, face.crop, hard), 5, 0.04, 0.06)
    elif family == "reenact":
        warped = moved(rng, face, eyes, 0.7 * jitter.push)[0]
        redrawn = alter.decoder(rng, warped, eigenfaces) if soften_donor < 0.6 else alter.texture(rng, warped)
        source = alter.colour(rng, redrawn, 6, 0.04, 0.06)
    elif family == "decoder":
        source = alter.colour(rng, alter.decoder(rng, face.crop, eigenfaces), 12, 0.08, 0.1)
    else:
        altered = alter.texture(rng, alter.colour(rng, face.crop, 20, 0.12, 0.25))
        source, target = (altered, target) if swap < 0.55 else (source, altered)
    shift, scale = rng.uniform(-1, 1, 2) * (0.1, 0.06) * eyes, rng.uniform(0.95, 1.05)
    still = family in ("decoder", "swap", "reenact") and rng.random() < 0.7
    if still:
        shift, scale = shift * 0.2, 1 + (scale - 1) * 0.2
    centre = landmarks.mean(0)
    scale *= jitter.scale
    move = np.array([[scale, 0, 0], [0, scale, 0]], np.float64)
    move[:, 2] = centre * (1 - scale) + shift + jitter.shift * eyes
    source = cv2.warpAffine(source, move, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mask = masks.soften(rng, cv2.warpAffine(hard, move, (size, size)), eyes)
    ratio = rng.choice([0.25, 0.5, 0.75, 1, 1, 1] if family == "self" else [0.75, 1, 1])
    mask = mask * min(1.0, (1.0 if easy else ratio) * jitter.ratio)
    if jitter.gain != 1:
        source = cv2.convertScaleAbs(source, alpha=jitter.gain)
    return Fake(mix(source, target, mask), mask.astype(np.float32))


def mix(source: np.ndarray, target: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """source * mask + target * (1 - mask), rounded to u8."""
    share = mask[..., None].astype(np.float32)
    return np.clip(source * share + target * (1 - share) + 0.5, 0, 255).astype(np.uint8)
