"""How figures hold when the picture gets worse or the camera slower. A model and held-out material in, rows of a table out.

Called by report. The thresholds are the shipped ones everywhere.
"""

from pathlib import Path

import numpy as np

from . import evaluate, metrics
from .degrade import Draw, camera, compress, look
from .faces import Faces
from .model import Model
from .pack import Pack
from .readers import Item
from .stills import Stills

SIDES, QUALITIES = (56, 80, 112, 149, 224), (20, 30, 40)
FRAME_RATES = (10.0, 15.0, 25.0, 30.0)


def pictures(model: Model, pack: Pack, decoders: list, seed: int, pairs: int) -> list[dict]:
    """AUC of self-blended and cross stills, and share of reals flagged, by crop side in the source picture and H.264 quality."""
    size = model.rule.size
    maker = Stills(pack, decoders, False, size, {"self": 1.0, "cross": 0.5})
    rows = []
    for side in SIDES:
        for crf in QUALITIES:
            rng, crops = np.random.default_rng(seed), []
            for start in range(0, pairs, 8):
                draws, members = [], []
                for i in range(min(8, pairs - start)):
                    real, made = maker.pair(rng, "self" if i % 3 else "cross", False)
                    draw = Draw(0, side, "h264", crf, np.zeros(2), 1.0, 0.0, False, False)
                    draws.append(draw)
                    frames = [camera(draw, image, pack.margin) for image in (real, made.crop)]
                    members.append([[np.roll(f, (1, 1), (0, 1)), f] for f in frames])
                crops += [look(d, s[-1], pack.margin, size) for d, m in zip(draws, compress(draws, members)) for s in m]
            confidence = model.still(np.stack(crops))
            fake = np.arange(len(crops)) % 2 == 1
            low, high = metrics.interval(metrics.auc, fake, confidence, 300)
            rows.append({"side": side, "crf": crf, "auc": metrics.auc(fake, confidence), "low": low, "high": high, "pairs": len(crops) // 2,
                         "flagged": float((confidence[~fake] >= model.contract["score"]["fake_at"]).mean())})
    return rows


def frame_rates(model: Model, rates: tuple[float, ...], labelled: Path | None, genuine: list[Item], faces: Faces, cache: Path) -> list[dict]:
    """The clips as cameras of other frame rates would have given them: AUC on a real and fake tree, alarms on genuine clips."""
    rows = []
    for fps in rates:
        row = {"fps": fps}
        if labelled:
            row["labelled"] = evaluate.figure(evaluate.score_tree(model, labelled, faces, cache, fps), "windows")
        if genuine:
            row["genuine"] = evaluate.genuine(model, genuine, faces, cache, fps)
        rows.append(row)
    return rows
