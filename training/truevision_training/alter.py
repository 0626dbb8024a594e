"""What a generator's picture differs by: colour, sharpness, decoder texture. [S, S, 3] u8 in, the same out. Called by blend.

Every function draws the same numbers whatever the picture, so a window replays one draw on all frames.
"""

from dataclasses import dataclass

import cv2
import numpy as np

WAYS = [cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_AREA, cv2.INTER_CUBIC]


@dataclass(frozen=True)
class Eigenfaces:
    """Principal components of aligned faces: `mean` [P], `basis` [K, P] f32 orthonormal, P = side * side * 3, of the middle
    `share` of a pack crop. Reconstruction from few of them looks like the output of a small learned decoder."""

    mean: np.ndarray
    basis: np.ndarray
    side: int
    share: float

    @staticmethod
    def fit(crops: np.ndarray, components: int, side: int, share: float = 0.8) -> "Eigenfaces":
        """From [N, S, S, 3] u8 crops, N well above `components`."""
        edge = round(crops.shape[1] * (1 - share) / 2)
        inner = [cv2.resize(c[edge:-edge, edge:-edge], (side, side), interpolation=cv2.INTER_AREA).ravel() for c in crops]
        data = np.asarray(inner, np.float32)
        mean = data.mean(0)
        data -= mean
        values, vectors = np.linalg.eigh(data @ data.T)
        order = np.argsort(values)[::-1][:components]
        basis = (vectors[:, order].T @ data) / np.sqrt(np.maximum(values[order], 1e-3))[:, None]
        return Eigenfaces(mean, np.ascontiguousarray(basis, np.float32), side, share)

    def decode(self, image: np.ndarray, count: int, faith: float, way: int = cv2.INTER_CUBIC) -> np.ndarray:
        """Replaces the middle of a crop by its reconstruction from `count` components; `faith` keeps that share of the rest."""
        size = image.shape[0]
        edge = round(size * (1 - self.share) / 2)
        inner = image[edge:size - edge, edge:size - edge]
        vector = cv2.resize(inner, (self.side, self.side), interpolation=cv2.INTER_AREA).ravel().astype(np.float32) - self.mean
        basis = self.basis[:count]
        made = basis.T @ (basis @ vector)
        made = (self.mean + made + faith * (vector - made)).reshape(self.side, self.side, 3)
        out = image.copy()
        out[edge:size - edge, edge:size - edge] = np.clip(
            cv2.resize(made, inner.shape[:2][::-1], interpolation=way), 0, 255).astype(np.uint8)
        return out


def colour(rng: np.random.Generator, image: np.ndarray, shift: float, contrast: float, saturation: float) -> np.ndarray:
    """Linear colour change: channel offsets up to `shift` levels (p .4), gain and offset, saturation."""
    draw = rng.uniform(-1, 1, 6)
    sat = 1 + saturation * draw[0]
    grey = np.tile(np.array([0.299, 0.587, 0.114]), (3, 1))
    gain = 1 + contrast * draw[1]
    turn = gain * (sat * np.eye(3) + (1 - sat) * grey)
    offset = 127.5 * (1 - gain) + 127.5 * contrast * draw[2] + (shift * draw[3:] if rng.random() < 0.4 else 0)
    return cv2.transform(image, np.hstack([turn, np.broadcast_to(offset, 3)[:, None]]))


def sharpen(image: np.ndarray, amount: float, sigma: float) -> np.ndarray:
    return cv2.addWeighted(image, 1 + amount, cv2.GaussianBlur(image, (0, 0), sigma), -amount, 0)


def resample(rng: np.random.Generator, image: np.ndarray, factor: float) -> np.ndarray:
    """Down by `factor` and back up, with ways drawn from the usual ones."""
    size = image.shape[0]
    small = max(16, round(size / factor))
    down, up = WAYS[rng.choice([0, 1, 2, 2])], WAYS[rng.choice([1, 1, 3])]
    return cv2.resize(cv2.resize(image, (small, small), interpolation=down), (size, size), interpolation=up)


def texture(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """One of: lower resolution, sharpening, blur, edge-keeping smoothing, nothing; sometimes JPEG or noise on top."""
    kind, a, b, c, d = rng.random(5)
    seed = rng.integers(2**31)
    if kind < 0.36:
        image = resample(rng, image, 1.4 + 2.4 * a)
    elif kind < 0.56:
        image = sharpen(image, 0.4 + 1.0 * a, 0.8 + b)
    elif kind < 0.74:
        image = cv2.GaussianBlur(image, (0, 0), 0.5 + 1.6 * a)
    elif kind < 0.86:
        image = cv2.bilateralFilter(image, 5, 15 + 40 * a, 3)
    if c < 0.15:
        image = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(25 + 60 * b)])[1], cv2.IMREAD_COLOR)
    if d < 0.15:
        noise = np.random.default_rng(seed).normal(0, 2 + 5 * b, image.shape[:2])[..., None]
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return image


def decoder(rng: np.random.Generator, image: np.ndarray, eigenfaces: list[Eigenfaces], worst: float = 0.0, best: float = 0.8) -> np.ndarray:
    """The inner face as a small decoder would draw it: few components, low resolution, smoothed, then often sharpened.
    `worst`, `best`: how much of what the components miss is kept."""
    model = eigenfaces[rng.integers(len(eigenfaces))]
    share, faith, kind, amount, after, up = rng.random(6)
    count = int(np.exp(np.log(40) + share * np.log(len(model.basis) / 40)))
    image = model.decode(image, count, worst + (best - worst) * faith, (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)[int(up * 3)])
    if kind < 0.3:
        image = cv2.bilateralFilter(image, 5, 20 + 30 * amount, 3)
    elif kind < 0.75:
        image = sharpen(image, 0.3 + 1.2 * amount, 1 + after)
    return image


def reposition(donor: np.ndarray, onto: np.ndarray, back: np.ndarray) -> np.ndarray:
    """Colour statistics of `onto` given to `donor` inside the mask `back` ([S, S], above .5 counts), as swap tools do."""
    inside = (back > 0.5).astype(np.uint8)
    if inside.sum() < 50:
        return donor
    mean_a, dev_a = (v.ravel() for v in cv2.meanStdDev(donor, mask=inside))
    mean_b, dev_b = (v.ravel() for v in cv2.meanStdDev(onto, mask=inside))
    gain = np.clip(dev_b / (dev_a + 1), 0.6, 1.6)
    return cv2.transform(donor, np.hstack([np.diag(gain), (mean_b - gain * mean_a)[:, None]]))
