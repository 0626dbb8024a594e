"""A contact sheet of simulated fakes, to be looked at before a training. Called by the `preview` command."""

from pathlib import Path

import cv2
import numpy as np

from .stills import Stills

SCALE = 1


def sheet(maker: Stills, seed: int, rows: int = 6) -> np.ndarray:
    """[H, W, 3] u8 RGB: per family a band of pairs; above the real faces, below their fakes, then the mask."""
    bands = []
    for band, family in enumerate(maker.families):
        for part in range(rows // 3 or 1):
            batch = maker.batch((seed, band, part), 12, families=[family] * 12)
            reals, fakes = np.hstack(batch.crops[0::2]), np.hstack(batch.crops[1::2])
            masks = np.hstack([cv2.resize(m[0], (maker.size,) * 2, interpolation=cv2.INTER_NEAREST) for m in batch.maps])
            bands += [reals, fakes, np.repeat((masks[..., None] * 255).astype(np.uint8), 3, 2)[::2]]
    return np.vstack(bands)


def write(maker: Stills, seed: int, out: Path) -> None:
    cv2.imwrite(str(out), sheet(maker, seed)[..., ::-1])
