"""Windows of eight frames, real and simulated fake, for the head stage. Called by train_windows.

A window comes from a real clip, or from a still moved along a smooth path. Families: `replay` (one fake on every frame),
`jitter` (the same, swimming), `drift` (moved features, no seam), `lag` (the inner face late or frozen), `flicker` (the true
face for one to three frames), `cross` (another person), `decoder` (decoder texture, swimming), `swap`
(a reshaped face drawn by a fine decoder), `reenact` (features moved and redrawn). Every loss of quality is the same
for both members.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from . import blend, degrade, masks
from .blend import Face, Jitter
from .stills import Stills, null

FRAMES = 8
FAMILIES = {"replay": 0.2, "jitter": 0.17, "drift": 0.13, "lag": 0.1, "flicker": 0.08, "cross": 0.05, "decoder": 0.07, "swap": 0.12, "reenact": 0.08}
STILL_OF = {"replay": "self", "jitter": "self", "flicker": "self", "drift": "drift", "cross": "cross", "decoder": "decoder",
            "swap": "swap", "reenact": "reenact"}


@dataclass
class Window:
    """`crops` [8, s, s, 3] u8 of one member."""

    crops: np.ndarray


def walk(rng: np.random.Generator, steps: int, size: float, memory: float = 0.7) -> np.ndarray:
    """A smooth random path [steps, 2] of stationary deviation `size` (AR(1))."""
    path, now = [], rng.normal(0, size, 2)
    for _ in range(steps):
        path.append(now)
        now = memory * now + rng.normal(0, size * np.sqrt(1 - memory**2), 2)
    return np.array(path)


class Windows:
    """Makes pairs of windows from one split of a pack."""

    def __init__(self, stills: Stills, trained: bool):
        self.stills, self.pack = stills, stills.pack
        self.runs = [run for run in self.pack.runs(trained) if len(run) >= 2 * FRAMES]

    def source(self, rng: np.random.Generator) -> tuple[list[Face], list[Face], str, int, np.ndarray | None]:
        """Eight frames, the frame just before each, kind and row of the first, and the matrices of both (clips only)."""
        if self.runs and rng.random() < 0.7:
            run = self.runs[rng.integers(len(self.runs))]
            start = int(rng.integers(1, len(run) - 2 * FRAMES + 2))
            rows = run[start:start + 2 * FRAMES:2]
            now = [self.pack.face("clips", int(r)) for r in rows]
            before = [self.pack.face("clips", int(r) - 1) for r in rows]
            links = np.stack([relative(self.pack.to_crop["clips"][r], self.pack.to_crop["clips"][r - 1]) for r in rows])
            return now, before, "clips", int(rows[0]), links
        rows = self.stills.rows["stills"]
        row = int(rng.choice(rows))
        face = self.pack.face("stills", row)
        path, zoom = walk(rng, FRAMES, 0.012 * self.pack.size), 1 + walk(rng, FRAMES, 0.008)
        turn = walk(rng, FRAMES, 1.0)[:, 0]
        frames = []
        for (x, y), (scale, _), angle in zip(path, zoom, turn):
            move = cv2.getRotationMatrix2D((self.pack.size / 2, self.pack.size / 2), angle, scale)
            move[:, 2] += (x, y)
            crop = cv2.warpAffine(face.crop, move, (self.pack.size,) * 2, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            frames.append(Face(crop, (face.landmarks @ move[:, :2].T + move[:, 2]).astype(np.float32)))
        return frames, [frames[0]] + frames[:-1], "stills", row, None

    def fakes(self, rng: np.random.Generator, family: str, now: list[Face], before: list[Face], kind: str, row: int,
              links: np.ndarray | None) -> list[np.ndarray]:
        """The fake member's frames."""
        seed = int(rng.integers(2**31))
        if family == "lag":
            return lag(rng, now, before, links)
        donor = self.stills.donor(rng, kind, row) if family == "cross" else None
        still = family == "replay"
        swim = walk(rng, FRAMES, 0 if still else 0.012)
        grow, fade = 1 + walk(rng, FRAMES, 0 if still else 0.006)[:, 0], 1 + walk(rng, FRAMES, 0 if still else 0.1, 0.3)[:, 0]
        gain = 1 + walk(rng, FRAMES, 0 if still else 0.015, 0.2)[:, 0]
        push = walk(rng, FRAMES, 1.0, 0.85)[:, 0] + rng.choice([-1, 0, 1])
        noise = 0.0 if still else float(rng.uniform(0.003, 0.015))
        made = [blend.fake(seed, STILL_OF[family], face, donor, self.stills.decoders,
                           jitter=Jitter(swim[t], float(grow[t]), float(fade[t]), float(gain[t]), float(push[t]), int(seed ^ t), noise)).crop
                for t, face in enumerate(now)]
        if family == "flicker":
            first, count = int(rng.integers(1, FRAMES - 1)), int(rng.integers(1, 4))
            made[first:first + count] = [f.crop for f in now[first:first + count]]
        return made

    def pairs(self, seed: tuple[int, ...], families: list[str]) -> list[tuple[np.ndarray, np.ndarray]]:
        """One pair of windows per family name, all through one codec: (real, fake), each [8, s, s, 3] u8."""
        rng = np.random.default_rng(seed)
        crf = int(rng.integers(23, 43)) if rng.random() < 0.75 else None
        draws, members = [], []
        for family in families:
            now, before, kind, row, links = self.source(rng)
            fake = self.fakes(rng, family, now, before, kind, row, links)
            real = [f.crop for f in now]
            if family == "drift" or rng.random() < 0.3:
                same = int(rng.integers(2**31))
                real = [null(np.random.default_rng(same), crop) for crop in real]
            order = network_trouble(rng)
            draws.append(degrade.Draw.random(rng, crf))
            members.append([[m[t] for t in order] for m in (real, fake)])
        return degrade.film(draws, members, self.pack.margin, self.stills.size)


def relative(now: np.ndarray, before: np.ndarray) -> np.ndarray:
    """[2, 3]: from the crop of the frame before, over the picture, to the crop of now: where the old pixels lie today."""
    back = cv2.invertAffineTransform(before)
    return np.hstack([now[:, :2] @ back[:, :2], (now[:, :2] @ back[:, 2] + now[:, 2])[:, None]])


def lag(rng: np.random.Generator, now: list[Face], before: list[Face], links: np.ndarray | None) -> list[np.ndarray]:
    """The inner face of the frame before, left where it was on the screen or moved along, or frozen for 2 to 4 frames."""
    size = now[0].crop.shape[0]
    seed, stuck = int(rng.integers(2**31)), rng.random() < 0.4
    first, count = int(rng.integers(0, FRAMES - 3)), int(rng.integers(2, 5))
    follows = rng.random() < 0.5
    out = []
    for t, face in enumerate(now):
        late, source = before[t], before[t].crop
        if stuck:
            if not first <= t < first + count:
                out.append(face.crop)
                continue
            late = now[max(0, first - 1)]
            source = late.crop
        if follows or stuck:
            source = blend.place(late, face.landmarks, size)
        elif links is not None:
            source = cv2.warpAffine(source, links[t], (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        draw = np.random.default_rng(seed)
        mask = masks.soften(draw, masks.shape(draw, face.landmarks, size), masks.eye_distance(face.landmarks))
        out.append(blend.mix(source, face.crop, mask))
    return out


def network_trouble(rng: np.random.Generator) -> list[int]:
    """Order of the eight frames: now and then one is repeated, as a lost packet does. The same for both members."""
    order = list(range(FRAMES))
    if rng.random() < 0.15:
        at = int(rng.integers(1, FRAMES))
        order[at] = order[at - 1]
    return order
