"""A model folder and clips in, figures out. Called by the `evaluate` command through report; card turns them into text.

Development clips are measured, never trained on, and no threshold is fitted to them. A video's score is what the program's aggregator
says (`windows`: the mean of its windows' clipped log-odds), and beside it the mean of its frame logits (`frames`), as the literature
does; a video without a full window counts as undecided.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import chi2

from . import metrics, verdict
from .clips import runs
from .errors import UserError
from .faces import Faces
from .model import Model, Scores
from .readers import Item, read


@dataclass
class Scored:
    """One video or half of a video, and its crops."""

    name: str
    fake: bool
    manipulation: str
    scores: Scores
    runs: list[np.ndarray]

    def video(self, kind: str) -> float:
        if kind == "windows":
            return verdict.whole(self.scores.log_odds)
        return float(self.scores.frames.mean()) if len(self.scores.frames) else 0.0


def score_items(model: Model, items: list[tuple[Item, str, bool, str]], faces: Faces, cache: Path, fps: float | None = None) -> list[Scored]:
    """`items`: item, part (`all`, `left`, `right`), fake, manipulation."""
    done = []
    for item, part, fake, manipulation in items:
        crops = runs(item.path, part, faces, model.rule, model.rate, cache, fps)
        done.append(Scored(f"{item.path.stem}{'' if part == 'all' else ' ' + part}", fake, manipulation, model.clip(crops), crops))
    return done


def figure(videos: list[Scored], kind: str) -> dict:
    """AUC over videos with its interval."""
    fake = np.array([v.fake for v in videos])
    score = np.array([v.video(kind) for v in videos])
    low, high = metrics.interval(metrics.auc, fake, score)
    return {"auc": metrics.auc(fake, score), "low": low, "high": high, "real": int((~fake).sum()), "fake": int(fake.sum())}


def score_tree(model: Model, folder: Path, faces: Faces, cache: Path, fps: float | None = None) -> list[Scored]:
    """Every clip of a labelled folder."""
    items = [item for item in read(folder) if item.clip]
    for real in (True, False):
        if not any(item.real == real for item in items):
            raise UserError(f"{folder} holds no {'real' if real else 'fake'} clip: an AUC needs both classes, so add some "
                            "(real/ and fake/, or a data set's own layout)")
    return score_items(model, [(i, "all", not i.real, i.manipulation) for i in items], faces, cache, fps)


def labelled(videos: list[Scored]) -> dict:
    """All, and each manipulation against all reals."""
    result = {"videos": [{"name": v.name, "fake": v.fake, "without_window": not len(v.scores.windows),
                          **{k: v.video(k) for k in ("windows", "frames")}} for v in videos]}
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


def hourly(count: int, hours: float) -> tuple[float, float, float]:
    """Events an hour and their exact 95 % Poisson interval."""
    if not hours:
        return 0.0, 0.0, float("inf")
    low = chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    return count / hours, low / hours, chi2.ppf(0.975, 2 * count + 2) / 2 / hours


def genuine(model: Model, items: list[Item], faces: Faces, cache: Path, fps: float | None = None) -> dict:
    """Real clips at the shipped thresholds, none looped: what the program would have told, and single windows beside it.

    Times of a clip run on over a gap in which the face is not seen. Shares are of the time after the first `MIN_WINDOWS` windows.
    """
    score, rows = model.contract["score"], []
    for item in items:
        found = model.clip(runs(item.path, "all", faces, model.rule, model.rate, cache, fps))
        labels = verdict.told(found.log_odds, model.rate, score["fake_at"], score["real_at"])
        rows.append({"name": item.path.stem, "windows": len(labels), "alarms": verdict.alarms(labels),
                     **{label: labels.count(label) for label in (verdict.FAKE, verdict.BETWEEN, verdict.REAL, verdict.GATHERING)},
                     "windows_fake": int((model.confidence(found.windows) >= score["fake_at"]).sum())})
    total = {key: sum(r[key] for r in rows) for key in rows[0] if key != "name"} if rows else {"windows": 0, "alarms": 0}
    hours = total["windows"] / model.rate / 3600
    counted = [r for r in rows if r["windows"] > r[verdict.GATHERING]]
    result = {"clips": len(rows), "without_window": sum(not r["windows"] for r in rows), "windows": total["windows"], "hours": hours,
              "alarms": total["alarms"], "hourly": hourly(total["alarms"], hours), "alarmed_clips": sum(r["alarms"] > 0 for r in rows), "per_clip": rows}
    for name, part, whole in (("unsure", lambda r: r[verdict.BETWEEN], lambda r: r["windows"] - r[verdict.GATHERING]),
                              ("told_fake", lambda r: r[verdict.FAKE], lambda r: r["windows"] - r[verdict.GATHERING]),
                              ("windows_flagged", lambda r: r["windows_fake"], lambda r: r["windows"])):
        result[name] = metrics.share([part(r) for r in counted], [whole(r) for r in counted])
    return result
