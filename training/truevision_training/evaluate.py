"""A model folder and development clips in, figures out. Called by the `evaluate` command; card turns them into text.

Development clips are measured, never trained on, and no threshold is fitted to them. A video's score is the mean of its window
logits, as the product aggregates, and beside it the mean of its frame logits, as the literature does; a video without a full
window counts as 0.
"""

import logging
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import metrics
from .clips import runs
from .faces import Faces
from .model import Model, Scores
from .readers import Item, read

log = logging.getLogger(__name__)


@dataclass
class Scored:
    """One video or half of a video."""

    name: str
    fake: bool
    manipulation: str
    scores: Scores

    def video(self, kind: str) -> float:
        values = getattr(self.scores, kind)
        return float(values.mean()) if len(values) else 0.0


def score_items(model: Model, items: list[tuple[Item, str, bool, str]], faces: Faces, cache: Path) -> list[Scored]:
    """`items`: item, part (`all`, `left`, `right`), fake, manipulation."""
    done = []
    for item, part, fake, manipulation in items:
        done.append(Scored(f"{item.path.stem}{'' if part == 'all' else ' ' + part}", fake, manipulation,
                           model.clip(runs(item.path, part, faces, model.rule, model.rate, cache))))
    return done


def figure(videos: list[Scored], kind: str) -> dict:
    """AUC over videos with its interval."""
    fake = np.array([v.fake for v in videos])
    score = np.array([v.video(kind) for v in videos])
    low, high = metrics.interval(metrics.auc, fake, score)
    return {"auc": metrics.auc(fake, score), "low": low, "high": high, "real": int((~fake).sum()), "fake": int(fake.sum())}


def c40(model: Model, folder: Path, faces: Faces, cache: Path) -> dict:
    """`real/` and `fake/METHOD_target_source` clips: all, and each manipulation against all reals."""
    items = [(i, "all", not i.real, i.manipulation) for i in read(folder, "real-fake")]
    videos = score_items(model, items, faces, cache)
    result = {"videos": [{"name": v.name, "fake": v.fake, **{k: v.video(k) for k in ("windows", "frames")}} for v in videos]}
    methods = sorted({v.manipulation for v in videos if v.fake})
    for kind in ("windows", "frames"):
        result[kind] = {"all": figure(videos, kind)}
        for method in methods:
            result[kind][method] = figure([v for v in videos if not v.fake or v.manipulation == method], kind)
    return result


def live_swap(model: Model, folder: Path, faces: Faces, cache: Path) -> dict:
    """Side by side clips: the left half is the original, the right half the swap."""
    items = [(i, part, part == "right", "live") for i in read(folder, "faces") for part in ("left", "right")]
    videos = score_items(model, items, faces, cache)
    result = {}
    for kind in ("windows", "frames"):
        result[kind] = figure(videos, kind)
        pairs = [(videos[i].name.rsplit(" ", 1)[0], videos[i].video(kind), videos[i + 1].video(kind)) for i in range(0, len(videos), 2)]
        result[kind]["above_twin"] = sum(right > left for _, left, right in pairs)
        result[kind]["pairs"] = pairs
    return result


def genuine(model: Model, items: list[Item], faces: Faces, cache: Path) -> dict:
    """Held-out real clips at the shipped thresholds: alarms an hour of full windows, share of time between the thresholds."""
    score = model.contract["score"]
    alarms, unsure, total = 0, 0, 0
    per_clip = []
    for item in items:
        found = model.confidence(model.clip(runs(item.path, "all", faces, model.rule, model.rate, cache)).windows)
        alarms += int((found >= score["fake_at"]).sum())
        unsure += int(((found < score["fake_at"]) & (found > score["real_at"])).sum())
        total += len(found)
        per_clip.append((item.path.stem, len(found), float((found >= score["fake_at"]).mean()) if len(found) else 0.0))
    rates = np.array([r for _, n, r in per_clip if n])
    rng = np.random.default_rng(0)
    spread = [rng.choice(rates, len(rates)).mean() for _ in range(1000)] if len(rates) else [0.0]
    return {"clips": len(per_clip), "windows": total, "hours": total / model.rate / 3600, "flagged": alarms / max(1, total),
            "low": float(np.percentile(spread, 2.5)), "high": float(np.percentile(spread, 97.5)), "unsure": unsure / max(1, total),
            "per_clip": per_clip}
