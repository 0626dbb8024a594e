"""Faces drawn anew by a large learned decoder, kept beside a pack: pack in, `drawn-stills.npy` or `drawn-clips.npy` out, and read back.

Drawing costs 0.2 s a face, so it is done once, by the `draw` command; stills pastes what is kept, each time in another way. A drawn face
is the person's own, less what the decoder loses (at several resolutions, with disturbed or few components of its latents), or, of clips,
another person's by a `swapper`.
"""

import logging
from pathlib import Path

import cv2
import numpy as np
import torch

from . import checkpoint, swapper
from .blend import Face, Fake
from .errors import UserError
from .pack import Pack
from .prep import Rows
from .swapper import SIDE, Swapper
from .tiny import Tiny

TOGETHER = 8
"""Faces that share one way of drawing; of clips, frames of one."""
SIDES = (64, 80, 96, 128)
FEW = 600
"""Faces whose latents the components are taken from."""
ALIKE = 10
"""Of so many people, the most alike ones, one is drawn."""
SWAPPED = 0.6
"""Share of clip frames drawn as another person."""

log = logging.getLogger(__name__)


class Components:
    """Principal components of aligned faces' latents: a decoder that knows only what many faces have in common."""

    def __init__(self, latents: torch.Tensor):
        flat = latents.flatten(1)
        self.shape, self.mean = latents.shape[1:], flat.mean(0)
        self.basis = torch.linalg.svd(flat - self.mean, full_matrices=False)[2]

    def keep(self, latents: torch.Tensor, count: int, faith: float) -> torch.Tensor:
        """`count` components, and `faith` of what they miss."""
        away = latents.flatten(1) - self.mean
        known = away @ self.basis[:count].T @ self.basis[:count]
        return (self.mean + known + faith * (away - known)).view(-1, *self.shape)


def redraw(rng: np.random.Generator, tiny: Tiny, common: Components, squares: np.ndarray) -> np.ndarray:
    """The same people as the decoder draws them, [n, SIDE, SIDE, 3] u8."""
    side, way, amount, faith = int(rng.choice(SIDES)), rng.random(), rng.random(), rng.random()
    if way < 0.4:
        side = SIDE
    small = squares if side == SIDE else np.stack([cv2.resize(s, (side, side), interpolation=cv2.INTER_AREA) for s in squares])
    latents = tiny.encode(small)
    if way < 0.4:
        latents = common.keep(latents, int(80 * (FEW / 80) ** (0.9 * amount)), 0.8 * faith)
    elif way < 0.65:
        seed = int(rng.integers(2**31))
        latents = latents + (0.1 + 0.3 * amount) * torch.randn(latents.shape, generator=torch.Generator().manual_seed(seed))
    drawn = tiny.decode(latents)
    return drawn if side == SIDE else np.stack([cv2.resize(d, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for d in drawn])


def make(pack: Pack, tiny: Tiny, kind: str, count: int, seed: int, swap: Swapper | None) -> int:
    """Draws `count` rows of `stills` or `clips`; returns how many there are."""
    rng, onto = np.random.default_rng(seed), swap.onto if swap else swapper.template(pack)
    def squares(kind: str, rows: np.ndarray) -> np.ndarray:
        return swapper.squares([pack.face(kind, int(row)) for row in rows], onto)
    known = np.flatnonzero(pack.trained["stills"])
    some = np.sort(rng.choice(known, min(FEW, len(known)), replace=False))
    common = Components(tiny.encode(squares("stills", some)))
    groups = [np.arange(len(pack.crops["stills"]))] if kind == "stills" else pack.runs(True) + pack.runs(False)
    groups = [group for group in groups if len(group) >= TOGETHER]
    if not groups:
        raise UserError(f"pack {pack.folder} has no {kind} to draw, at least {TOGETHER} of one group are needed: prep with more of them")
    parts = [rng.choice(groups[rng.integers(len(groups))], TOGETHER, replace=False) for _ in range(count // TOGETHER)]
    out = Rows(pack.folder / f"drawn-{kind}.npy", SIDE)
    for number, part in enumerate(parts):
        seen = squares(kind, part)
        swapped = swap is not None and rng.random() < SWAPPED
        latents = tiny.encode(seen) if swapped else None
        alike = swap.alike(latents)[:ALIKE] if swapped else []
        if alike:
            drawn = swap.draw(latents, int(rng.choice(alike)), int(rng.integers(30, 160)), bool(rng.random() < 0.6))
        else:
            drawn = redraw(rng, tiny, common, seen)
        for picture in drawn:
            out.append(picture)
        if number % 50 == 0:
            log.info("drawn %d of %d", number * TOGETHER, count)
    out.close()
    checkpoint.arrays(pack.folder / f"drawn-{kind}.npz", rows=np.concatenate(parts), onto=onto)
    return out.count


class Drawn:
    """What `make` kept of one pack, for one split."""

    def __init__(self, pack: Pack, trained: bool):
        self.pack, self.known = pack, {}
        for kind in ("stills", "clips"):
            file = pack.folder / f"drawn-{kind}.npz"
            if file.is_file():
                with np.load(file) as kept:
                    rows, onto = kept["rows"], kept["onto"]
                places = np.flatnonzero(pack.trained[kind][rows] == trained)
                if len(places):
                    self.known[kind] = (np.load(file.with_suffix(".npy"), mmap_mode="r"), rows, places, onto)
        if not self.known:
            raise UserError(f"pack {pack.folder} has no drawn faces, which the family `drawn` needs: make them with `draw`")

    def pair(self, rng: np.random.Generator) -> tuple[Face, Fake]:
        """A real face and itself with the drawn one pasted in."""
        kinds = sorted(self.known)
        kind = kinds[rng.integers(len(kinds))]
        drawn, rows, places, onto = self.known[kind]
        place = int(rng.choice(places))
        face = self.pack.face(kind, int(rows[place]))
        return face, swapper.paste(int(rng.integers(2**31)), face, np.array(drawn[place]), onto)
