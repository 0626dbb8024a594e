"""Batches of real faces and their fakes for the frame stage: step number in, the same batch every time out. Called by train.

Batch `step` depends on the seed and the step alone, so a resumed training sees exactly what an uninterrupted one would.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset

from . import blend, degrade
from .alter import Eigenfaces
from .drawn import Drawn
from .pack import Pack

GROUP = 4
"""Pairs that share one mosaic and so one H.264 quality."""
FAMILY_SHARES = {"self": 0.34, "cross": 0.12, "swap": 0.18, "decoder": 0.12, "reenact": 0.14, "drift": 0.1}
FAMILIES = (*FAMILY_SHARES, "drawn")
"""`drawn` pastes what the `draw` command made; without that a pack has none, so it is no part of the default."""
BALANCES = ("root", "size", "over", "under")
CLIP_SHARE = 0.4
"""Share of faces taken from clips: few identities, but true camera noise."""


def eigenfaces(pack: Pack, seed: int, held_out: bool) -> list[Eigenfaces]:
    """Decoders of four sizes for training and one of a fifth size, from held-out faces, for selection."""
    pack.require_both_splits()
    rng = np.random.default_rng(seed)
    rows = np.flatnonzero(pack.trained["stills"] != held_out)
    sizes = [(56, 300)] if held_out else [(48, 300), (72, 240), (96, 200), (136, 120)]
    models = []
    for side, components in sizes:
        count = min(len(rows), components * 4)
        chosen = np.sort(rng.choice(rows, count, replace=False))
        models.append(Eigenfaces.fit(np.stack([pack.crops["stills"][r] for r in chosen]), min(components, count // 2), side))
    return models


@dataclass
class Batch:
    """`crops` [2 n, 112, 112, 3] u8: real, fake, real, fake...; `maps` [n, 2, c, c] f32 of the fakes; `family` [n] names."""

    crops: np.ndarray
    maps: np.ndarray
    family: list[str]


class Stills:
    """Makes pairs from one split of a pack."""

    def __init__(self, pack: Pack, decoders: list[Eigenfaces], trained: bool, size: int, shares: dict[str, float],
                 balance: str = "root"):
        self.pack, self.decoders, self.size = pack, decoders, size
        self.cells = size // 8
        self.families, self.shares = list(shares), np.array(list(shares.values())) / sum(shares.values())
        self.rows = {kind: np.flatnonzero(pack.trained[kind] == trained) for kind in ("stills", "clips")}
        pack.require_both_splits()
        self.groups = {kind: self._groups(kind) for kind in self.rows}
        if balance == "under":
            self.groups = {kind: thinned(groups) for kind, groups in self.groups.items()}
        self.odds = {kind: odds(groups, balance) for kind, groups in self.groups.items() if groups}
        self.drawn = Drawn(pack, trained) if "drawn" in shares else None
        outline = pack.landmarks["stills"][self.rows["stills"]][:, ::8]
        outline = outline - outline.mean(1, keepdims=True)
        self.outline = (outline / np.sqrt((outline**2).mean((1, 2), keepdims=True))).reshape(len(outline), -1)

    def _groups(self, kind: str) -> list[np.ndarray]:
        """Rows by data set (stills) or by clip: a group is drawn first, so that large sets and long clips do not dominate."""
        rows = self.rows[kind]
        names = self.pack.dataset[kind][rows] if kind == "stills" else self.pack.file[kind][rows]
        return [rows[names == name] for name in np.unique(names)]

    def draw_face(self, rng: np.random.Generator) -> tuple[str, int]:
        kind = "clips" if self.groups["clips"] and rng.random() < CLIP_SHARE else "stills"
        groups = self.groups[kind]
        group = groups[rng.choice(len(groups), p=self.odds[kind])]
        return kind, int(rng.choice(group))

    def donor(self, rng: np.random.Generator, kind: str, row: int) -> blend.Face:
        """Another person of about the same head pose: one of the nearest landmark shapes among 300."""
        outline = self.pack.landmarks[kind][row][::8]
        outline = outline - outline.mean(0)
        outline = (outline / np.sqrt((outline**2).mean())).ravel()
        some = rng.choice(len(self.outline), min(300, len(self.outline)), replace=False)
        some = some[self.pack.identity["stills"][self.rows["stills"][some]] != self.pack.identity[kind][row]]
        nearest = some[np.argsort(((self.outline[some] - outline) ** 2).sum(1))[:4]]
        return self.pack.face("stills", int(self.rows["stills"][rng.choice(nearest)]))

    def pair(self, rng: np.random.Generator, family: str, easy: bool) -> tuple[np.ndarray, blend.Fake]:
        if family == "drawn":
            face, made = self.drawn.pair(rng)
        else:
            kind, row = self.draw_face(rng)
            face = self.pack.face(kind, row)
            donor = self.donor(rng, kind, row) if family == "cross" else None
            made = blend.fake(int(rng.integers(2**31)), family, face, donor, self.decoders, easy)
        real = face.crop
        if family == "drift" or rng.random() < 0.3:
            real = null(rng, real)
        return real, made

    def batch(self, seed: tuple[int, ...], pairs: int, easy: bool = False, families: list[str] | None = None) -> Batch:
        rng = np.random.default_rng(seed)
        crops, maps, names = [], [], []
        for start in range(0, pairs, GROUP):
            count = min(GROUP, pairs - start)
            crf = int(rng.integers(23, 43)) if rng.random() < (0.3 if easy else 0.65) else None
            draws, members, fakes = [], [], []
            for i in range(count):
                family = families[start + i] if families else self.families[rng.choice(len(self.families), p=self.shares)]
                real, made = self.pair(rng, family, easy)
                draw = degrade.Draw.random(rng, crf, easy)
                steps = tuple(int(v) for v in rng.integers(-3, 4, 2))
                draws.append(draw)
                sequences = []
                for image in (real, made.crop):
                    frame = degrade.camera(draw, image, self.pack.margin)
                    # A P frame is what video mostly is: the same picture, slightly moved, goes first.
                    sequences.append([np.roll(frame, steps, (0, 1)), frame] if crf is not None else [frame])
                members.append(sequences)
                fakes.append(made)
                names.append(family)
            for draw, sequences, made in zip(draws, degrade.compress(draws, members), fakes):
                crops += [degrade.look(draw, s[-1], self.pack.margin, self.size) for s in sequences]
                maps.append(degrade.look_mask(draw, made.mask, self.pack.margin, self.size, self.cells))
        return Batch(np.stack(crops), np.stack(maps), names)


def odds(groups: list[np.ndarray], balance: str) -> np.ndarray:
    """How likely each group is drawn, see `Settings.balance`."""
    sizes = np.array([len(g) for g in groups], float)
    weights = {"size": sizes, "root": np.sqrt(sizes)}.get(balance, np.ones(len(sizes)))
    return weights / weights.sum()


def thinned(groups: list[np.ndarray]) -> list[np.ndarray]:
    """As many rows of each as the smallest has, the same ones every time."""
    least = min((len(g) for g in groups), default=0)
    return [np.sort(np.random.default_rng(0).choice(g, least, replace=False)) for g in groups]


def null(rng: np.random.Generator, crop: np.ndarray) -> np.ndarray:
    """A real face re-sampled as a warp would: a sub-pixel move, which is no manipulation."""
    size = crop.shape[0]
    scale = float(np.exp(rng.normal(0, 0.01)))
    move = np.array([[scale, 0, rng.uniform(-1.5, 1.5)], [0, scale, rng.uniform(-1.5, 1.5)]])
    move[:, 2] += size / 2 * (1 - scale)
    return cv2.warpAffine(crop, move, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


class Steps(Dataset):
    """Batches by step number for a DataLoader; a worker opens the pack itself, so nothing large is sent to it."""

    def __init__(self, folder: Path, decoders: list[Eigenfaces], seed: int, pairs: int, size: int, easy_steps: int,
                 shares: dict[str, float], balance: str = "root"):
        self.folder, self.decoders, self.seed, self.pairs = folder, decoders, seed, pairs
        self.size, self.easy_steps, self.shares, self.balance = size, easy_steps, shares, balance
        self.maker: Stills | None = None

    def __getitem__(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        if self.maker is None:
            cv2.setNumThreads(1)
            torch.set_num_threads(1)
            self.maker = Stills(Pack(self.folder), self.decoders, True, self.size, self.shares, self.balance)
        batch = self.maker.batch((self.seed, step), self.pairs, easy=step < self.easy_steps)
        return torch.from_numpy(batch.crops), torch.from_numpy(batch.maps)
