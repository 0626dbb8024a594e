"""Where a live swap can be seen: held-out clips swapped by a swapper of held-out people, shown to a model at many sizes, bitrates and
frame rates. Clips, swapper and model in, figures and a map out. Called by the `envelope` command; card puts both into the card.

Original and swap go through the same camera: scaled so that the face's crop has a given side, encoded by H.264 at a given quality, at a
given frame rate; then `clips` sees them as the program does.
"""

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av
import cv2
import numpy as np

from . import metrics, swapper
from .blend import Face
from .clips import readable, runs
from .errors import UserError
from .faces import Faces
from .geometry import square
from .model import Model
from .pack import Pack
from .swapper import Swapper

SIDES = (56, 80, 112, 160, 224, 320)
"""Sides of the crop in pixels of the video; a face is about half as wide."""
QUALITIES = (18, 23, 28, 33, 38)
"""x264's constant rate factors: from hardly lossy to what a bad connection shows."""
RATES = (5.0, 10.0, 25.0)
LONGEST_S, LEAST = 4.0, 50
"""Seconds of a clip that are looked at, frames that it must have."""
ALIKE = 3
"""A clip becomes one of so many people, those most alike."""
LEAST_CLIPS, LEAST_WINDOWS = 3, 20
"""A cell with fewer is left out."""
FLAGGED = (0.01, 0.05)
"""Shares of genuine windows that may be flagged."""

log = logging.getLogger(__name__)


@dataclass
class Filmed:
    """One clip at its own size: pictures [T, H, W, 3] u8 and the median side of the model's crop in them."""

    name: str
    real: list[np.ndarray]
    swapped: list[np.ndarray]
    side: float


def film(path: Path, seed: int, faces: Faces, swap: Swapper, side_of) -> Filmed | None:
    """The clip and its swap, another person drawn into every frame, as a tool does it: each frame for itself."""
    rng = np.random.default_rng(seed)
    seen, sides = [], []
    for now, image in readable(path, 25.0, None):
        image = np.ascontiguousarray(image)
        face = faces.detect_close(image)
        if now >= LONGEST_S or face is None:
            break
        landmarks, _ = faces.landmarks(image, face)
        seen.append(Face(image, landmarks.astype(np.float32)))
        sides.append(side_of(face.points))
    if len(seen) < LEAST:
        return None
    latents = swap.tiny.encode(swapper.squares(seen, swap.onto))
    alike = swap.alike(latents)[:ALIKE]
    if not alike:
        return None
    drawn = swap.draw(latents, int(rng.choice(alike)), int(rng.integers(40, 120)), True)
    swapped = [swapper.paste(seed, face, picture, swap.onto).crop for face, picture in zip(seen, drawn)]
    return Filmed(path.stem, [face.crop for face in seen], swapped, float(np.median(sides)))


def encode(frames: list[np.ndarray], zoom: float, crf: int, rate: float, out: Path) -> float:
    """Writes the frames of 25 a second as an H.264 clip, every so many left out; returns its bits for each pixel and frame."""
    height, width = (max(16, round(n * zoom) // 2 * 2) for n in frames[0].shape[:2])
    step = round(25 / rate)
    with av.open(str(out), "w") as file:
        stream = file.add_stream("libx264", rate=round(rate), options={"crf": str(crf), "preset": "veryfast", "bf": "0", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames[::step]:
            small = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(small, format="rgb24")))
        file.mux(stream.encode())
    return out.stat().st_size * 8 / (width * height * len(frames[::step]))


def cell(model: Model, faces: Faces, filmed: list[Filmed], side: float, crf: int, rate: float) -> dict | None:
    """Genuine and swapped windows of one cell; clips whose own face is smaller are left out rather than blown up."""
    fits = [clip for clip in filmed if clip.side >= 0.9 * side]
    if len(fits) < LEAST_CLIPS:
        return None
    log_odds, bits, above = {False: [], True: []}, [], 0
    with tempfile.TemporaryDirectory() as folder:
        for clip in fits:
            means = {}
            for fake, frames in ((False, clip.real), (True, clip.swapped)):
                file = Path(folder) / f"{clip.name}-{fake}.mp4"
                bits.append(encode(frames, min(1.0, side / clip.side), crf, rate, file))
                found = model.clip(runs(file, "all", faces, model.rule, model.rate)).log_odds
                log_odds[fake].append(found)
                means[fake] = found.mean() if len(found) else np.nan
            above += bool(means[True] > means[False])
    real, swapped = (np.concatenate(log_odds[fake]) for fake in (False, True))
    return {"side": side, "crf": crf, "rate": rate, "clips": len(fits), "windows": [len(real), len(swapped)], "bits": float(np.mean(bits)),
            "above_twin": above, "real": real.tolist(), "swapped": swapped.tolist()}


def measure(model: Model, pack: Pack, clips: Path, faces_folder: Path, swap: Swapper, seed: int = 5) -> dict:
    """Every cell with its AUC and the share of swapped windows flagged where 1 % and 5 % of genuine windows are: of all cells together
    (`flagged`), and of that cell alone (`flagged_own`)."""
    cv2.setNumThreads(1)
    faces = Faces(faces_folder)
    held_out = {f["file"] for f in pack.manifest["files"] if f.get("split") == "held-out" and f.get("faces", 0) > 1}
    paths = [path for path in sorted(clips.iterdir()) if path.name in held_out]
    if len(swap.people) < 2 or not paths:
        raise UserError(f"{clips} holds {len(paths)} clips that the pack holds out, the swapper knows {len(swap.people)} people: at least 1 and 2 are needed")
    filmed = []
    for number, path in enumerate(paths):
        found = film(path, seed + number, faces, swap, lambda points: square(points, model.rule)[1])
        log.info("filmed %s: %s", path.name, "too short" if found is None else f"{len(found.real)} frames, crops of {found.side:.0f} px")
        filmed += [found] if found else []
    plan = [(side, crf, 25.0) for side in SIDES for crf in QUALITIES] + [(side, 23, rate) for side in SIDES for rate in RATES if rate != 25]
    cells = []
    for side, crf, rate in plan:
        found = cell(model, faces, filmed, side, crf, rate)
        if found and min(found["windows"]) >= LEAST_WINDOWS:
            cells.append(found)
            log.info("side %d, CRF %d, %g a second: %d of %d swaps above their twin", side, crf, rate, found["above_twin"], found["clips"])
    if not cells:
        raise UserError(f"in none of {len(plan)} cells did {LEAST_CLIPS} of the {len(filmed)} usable clips of {clips} give {LEAST_WINDOWS} windows: "
                        "give more and larger genuine clips")
    genuine = np.concatenate([c["real"] for c in cells])
    at = {share: float(np.quantile(genuine, 1 - share)) for share in FLAGGED}
    for found in cells:
        real, swapped = np.array(found.pop("real")), np.array(found.pop("swapped"))
        fake = np.arange(len(real) + len(swapped)) >= len(real)
        found["auc"] = metrics.auc(fake, np.concatenate([real, swapped]))
        # The program has one threshold for all; what a threshold for each size and quality would give stands beside it.
        found["flagged"] = {str(share): float((swapped >= at[share]).mean()) for share in FLAGGED}
        found["genuine_flagged"] = {str(share): float((real >= at[share]).mean()) for share in FLAGGED}
        found["flagged_own"] = {str(share): float((swapped >= np.quantile(real, 1 - share)).mean()) for share in FLAGGED}
        found["told_real"] = float((1 / (1 + np.exp(-swapped)) <= model.contract["score"]["real_at"]).mean())
    return {"clips": [f.name for f in filmed], "people": len(swap.people), "at": {str(k): v for k, v in at.items()}, "cells": cells}


def draw(figures: dict, out: BinaryIO) -> None:
    """The map: one panel a share of flagged genuine windows, sides against qualities, and one for frame rates."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    def steady(c: dict) -> bool:
        return c["rate"] == 25

    panels = [(f"CRF at 25 a second; {share:.0%} of all genuine windows flagged", "flagged", str(share), QUALITIES, "crf", steady) for share in FLAGGED]
    panels.append(("the same, 5% of each cell's genuine windows", "flagged_own", str(FLAGGED[1]), QUALITIES, "crf", steady))
    panels.append(("frames a second at CRF 23; 5% of all", "flagged", str(FLAGGED[1]), RATES, "rate", lambda c: c["crf"] == 23))
    sides = [side for side in SIDES if any(c["side"] == side for c in figures["cells"])]
    figure, axes = pyplot.subplots(1, 4, figsize=(18, 4), layout="constrained", width_ratios=(5, 5, 5, 3))
    for axis, (title, kind, share, columns, key, wanted) in zip(axes, panels):
        grid = np.full((len(sides), len(columns)), np.nan)
        for c in filter(wanted, figures["cells"]):
            grid[sides.index(c["side"]), columns.index(c[key])] = c[kind][share]
        image = axis.imshow(grid, vmin=0, vmax=1, cmap="viridis", origin="lower", aspect="auto")
        for y, x in np.argwhere(~np.isnan(grid)):
            axis.text(x, y, f"{grid[y, x]:.0%}", ha="center", va="center", color="white" if grid[y, x] < 0.6 else "black")
        axis.set_xticks(range(len(columns)), [f"{c:g}" for c in columns])
        axis.set_yticks(range(len(sides)), [f"{s}" for s in sides])
        axis.set_title(title, fontsize=9)
        axis.set_ylabel("side of the crop, px")
    figure.colorbar(image, ax=axes, label="swapped windows flagged")
    figure.savefig(out, format="png", dpi=90)
    pyplot.close(figure)
