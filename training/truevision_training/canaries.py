"""Canaries: what a detector that looks at the face, and nothing else, must do. A model and held-out material in, figures out.

Called by report. Each figure says what is expected and whether it held; none of them is a figure of merit.
"""

import cv2
import numpy as np

from . import metrics
from .codec import jpeg
from .evaluate import Scored
from .geometry import CropRule
from .model import Model

WHOLE, INNER = (0.4, 1.3, 1.55), (0.4, 0.85, 0.95)
"""Ellipses: middle below the eyes, half width, half height, in distances from eyes to mouth. `WHOLE` covers 99 % of the face mesh's
points of held-out faces with their outline, `INNER` eyes, nose and mouth."""
CHANCE = 0.6


def painted(crops: np.ndarray, area: tuple[float, float, float], rule: CropRule) -> np.ndarray:
    """[N, s, s, 3] u8 with one grey over the area."""
    size, (below, across, down) = crops.shape[1], area
    mask, scale = np.zeros((size, size), np.uint8), crops.shape[1] / rule.side
    middle = size / 2 + (below - rule.center) * scale
    cv2.ellipse(mask, (size // 2, round(middle)), (round(across * scale), round(down * scale)), 0, 0, 360, 1, -1)
    out = crops.copy()
    out[:, mask > 0] = 128
    return out


def ranked(name: str, fake: np.ndarray, score: np.ndarray) -> dict:
    low, high = metrics.interval(metrics.auc, fake, score)
    return {"name": name, "auc": metrics.auc(fake, score), "low": low, "high": high, "n": len(score)}


def windows(model: Model, sets: dict[str, np.ndarray], embedded: dict[str, np.ndarray]) -> list[dict]:
    """`sets`: windows [2 n, 8, s, s, 3] of real, fake, real, fake... by family; `embedded` the same through the encoder. The face painted over; the frames in another order."""
    rng, rows = np.random.default_rng(0), []
    for family, crops in sets.items():
        fake = np.arange(len(crops)) % 2 == 1
        seen = embedded[family]
        mixed = np.stack([window[rng.permutation(model.frames)] for window in seen])
        logits, shuffled = model.windows(seen)[0], model.windows(mixed)[0]
        row = {"family": family, "plain": ranked("as it is", fake, logits), "shuffled": ranked("shuffled", fake, shuffled),
               "moved": float(np.abs(shuffled - logits).mean()), "spread": float(logits.std())}
        if family in ("replay", "cross"):
            row |= {name: ranked(name, fake, model.windows(np.stack([model.encode(painted(window, area, model.rule)) for window in crops]))[0])
                    for name, area in (("inner", INNER), ("whole", WHOLE))}
        rows.append(row)
    return rows


def clips(model: Model, videos: list[Scored]) -> list[dict]:
    """The development clips with the face painted over: an AUC away from 0.5 would come from hair, background and codec."""
    fake = np.array([v.fake for v in videos])
    rows = [ranked("as it is", fake, np.array([v.video("windows") for v in videos]))]
    for name, area in (("inner face painted over", INNER), ("whole face painted over", WHOLE)):
        hidden = [Scored(v.name, v.fake, v.manipulation, model.clip([painted(run, area, model.rule) for run in v.runs]), v.runs) for v in videos]
        rows.append(ranked(name, fake, np.array([v.video("windows") for v in hidden])))
    return rows


def stills(model: Model, crops: np.ndarray) -> dict:
    """Held-out stills [N, s, s, 3], each shown eight times: not FAKE for standing still, not for a JPEG; plain colours and noise."""
    at, size = model.contract["score"]["fake_at"], model.rule.size
    before, saved = (model.still(pictures) for pictures in (crops, np.stack([jpeg(c, 95) for c in crops])))
    odd = np.stack([np.full((size, size, 3), v, np.uint8) for v in (0, 60, 128, 200, 255)]
                   + [np.random.default_rng(i).integers(0, 256, (size, size, 3), np.uint8) for i in range(5)])
    shuffled = np.random.default_rng(0).random(len(before)) < 0.5
    return {"n": len(crops), "flagged": float((before >= at).mean()), "flagged_jpeg95": float((saved >= at).mean()),
            "plain_or_noise": model.still(odd).tolist(), "shuffled_labels": ranked("shuffled labels", shuffled, before)}
