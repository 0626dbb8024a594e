"""Every figure of a model's card: a model folder, clips and a pack in, one dictionary out. Called by the `evaluate` command."""

import time
from pathlib import Path

import numpy as np

from . import evaluate, metrics
from .codec import jpeg
from .degrade import Draw, camera, compress, look
from .faces import Faces
from .model import Model
from .pack import Pack
from .prep import held_out
from .readers import read
from .stills import Stills, eigenfaces
from .windows import FAMILIES, Windows

SEED = 20


def stand_still(model: Model, crops: np.ndarray) -> np.ndarray:
    """Confidence of single crops [N, s, s, 3], each as a window of eight times itself."""
    embeddings = model.encode(crops)
    return model.confidence(model.windows(np.repeat(embeddings[:, None], model.frames, 1))[0])


def simulators(model: Model, pack: Pack, size: int, count: int = 48) -> dict:
    """Window AUC by family on held-out identities and a held-out decoder, of the head and of plain frame means; calibration."""
    shares = {"self": 1.0, "cross": 1.0, "decoder": 1.0, "drift": 1.0}
    maker = Windows(Stills(pack, eigenfaces(pack, SEED, held_out=True), False, size, shares), False)
    result, every = {}, []
    for number, family in enumerate(FAMILIES):
        logits, plain = [], []
        for part in range(count // 4):
            for pair in maker.pairs((SEED, number, part), [family] * 4):
                for crops in pair:
                    window, frames = model.windows(model.encode(crops)[None])
                    logits.append(float(window[0]))
                    plain.append(float(frames.mean() if frames is not None else window[0]))
        fake, logits = np.arange(len(logits)) % 2 == 1, np.array(logits)
        low, high = metrics.interval(metrics.auc, fake, logits)
        result[family] = {"auc": metrics.auc(fake, logits), "low": low, "high": high, "pairs": len(logits) // 2,
                          "frame_means": metrics.auc(fake, np.array(plain)), "above_twin": float((logits[1::2] > logits[::2]).mean())}
        every.append(np.stack([fake, logits]))
    fake, logits = np.concatenate(every, 1)
    confidence = model.confidence(logits)
    return {"families": result, "ece": metrics.calibration_error(fake, confidence), "reliability": metrics.reliability(fake, confidence),
            "n": len(logits)}


def plain_view(pack: Pack, rows: np.ndarray, size: int) -> np.ndarray:
    """The product's crops of held-out stills, undegraded."""
    draw = Draw(0, 149, "none", 100, np.zeros(2), 1.0, 0.0, False, False)
    return np.stack([look(draw, np.array(pack.crops["stills"][r]), pack.margin, size) for r in rows])


def fairness(model: Model, pack: Pack, size: int) -> dict:
    """Share of held-out UTKFace pictures flagged at `fake_at`, by gender, race and age as the file names say (single stills)."""
    rows = np.flatnonzero(~pack.trained["stills"] & (pack.dataset["stills"] == "utkface"))
    labels = [pack.manifest["files"][f]["file"].split("_") for f in pack.file["stills"][rows]]
    good = [i for i, parts in enumerate(labels) if len(parts) >= 4 and all(p.isdigit() for p in parts[:3])]
    if not good:
        return {}
    flagged = stand_still(model, plain_view(pack, rows[good], size)) >= model.contract["score"]["fake_at"]
    ages, genders, races = np.array([[int(p) for p in labels[i][:3]] for i in good]).T
    slices = {"all": np.ones(len(good), bool), "male": genders == 0, "female": genders == 1}
    slices |= {name: races == i for i, name in enumerate(("White", "Black", "Asian", "Indian", "other"))}
    slices |= {"under 30": ages < 30, "30 to 59": (ages >= 30) & (ages < 60), "60 and over": ages >= 60}
    result = {}
    for name, mask in slices.items():
        if mask.any():
            rng = np.random.default_rng(0)
            draws = [rng.choice(flagged[mask], mask.sum()).mean() for _ in range(1000)]
            result[name] = {"n": int(mask.sum()), "flagged": float(flagged[mask].mean()),
                            "low": float(np.percentile(draws, 2.5)), "high": float(np.percentile(draws, 97.5))}
    return result


def robustness(model: Model, pack: Pack, size: int, pairs: int = 48) -> list[dict]:
    """AUC of self-blended and cross stills, and share of reals flagged, by crop side in the source picture and H.264 quality."""
    maker = Stills(pack, eigenfaces(pack, SEED, held_out=True), False, size, {"self": 1.0, "cross": 0.5})
    rows = []
    for side in (56, 80, 112, 149):
        for crf in (20, 30, 40):
            rng, crops = np.random.default_rng(SEED), []
            for start in range(0, pairs, 8):
                draws, members = [], []
                for i in range(8):
                    real, made = maker.pair(rng, "self" if i % 3 else "cross", False)
                    draw = Draw(0, side, "h264", crf, np.zeros(2), 1.0, 0.0, False, False)
                    draws.append(draw)
                    frames = [camera(draw, image, pack.margin) for image in (real, made.crop)]
                    members.append([[np.roll(f, (1, 1), (0, 1)), f] for f in frames])
                crops += [look(d, s[-1], pack.margin, size) for d, m in zip(draws, compress(draws, members)) for s in m]
            confidence = stand_still(model, np.stack(crops))
            fake = np.arange(len(crops)) % 2 == 1
            rows.append({"side": side, "crf": crf, "auc": metrics.auc(fake, confidence), "pairs": pairs,
                         "flagged": float((confidence[~fake] >= model.contract["score"]["fake_at"]).mean())})
    return rows


def canaries(model: Model, pack: Pack, size: int) -> dict:
    """What must not move or must not be FAKE; see the card for what each means."""
    rows = np.flatnonzero(~pack.trained["stills"])[:300]
    crops, at = plain_view(pack, rows, size), model.contract["score"]["fake_at"]
    before = stand_still(model, crops)
    saved = stand_still(model, np.stack([jpeg(c, 95) for c in crops]))
    odd = np.stack([np.full((size, size, 3), v, np.uint8) for v in (0, 60, 128, 200, 255)]
                   + [np.random.default_rng(i).integers(0, 256, (size, size, 3), np.uint8) for i in range(5)])
    shuffled = np.random.default_rng(0).random(len(before)) < 0.5
    return {"n": len(rows), "flagged": float((before >= at).mean()), "flagged_jpeg95": float((saved >= at).mean()),
            "plain_or_noise": stand_still(model, odd).tolist(), "shuffled_labels_auc": metrics.auc(shuffled, before)}


def speed(model: Model, size: int) -> dict:
    """Milliseconds on one thread of this machine: a crop through the encoder, a window through the head; best of 30."""
    crops = np.zeros((1, size, size, 3), np.uint8)
    window = model.encode(np.zeros((8, size, size, 3), np.uint8))[None]
    def best(run):
        times = []
        for _ in range(30):
            start = time.perf_counter()
            run()
            times.append(time.perf_counter() - start)
        return 1e3 * min(times)
    return {"encoder_ms": best(lambda: model.encode(crops)), "head_ms": best(lambda: model.windows(window))}


def measure(folder: Path, clips: Path, models: Path, pack_folder: Path, cache: Path) -> dict:
    """`clips` holds dev/c40, dev/live_swap and real."""
    model, faces, pack = Model(folder), Faces(models), Pack(pack_folder)
    size = model.rule.size
    dev = {p.stem for p in (clips / "dev/c40/real").iterdir()}
    kept = [i for i in read(clips / "real", "faces", "clips") if held_out(i.identity) or dev & set(i.path.stem.split("_"))]
    return {"clips": clips.name, "version": model.contract["version"], "live": evaluate.live_swap(model, clips / "dev/live_swap", faces, cache),
            "c40": evaluate.c40(model, clips / "dev/c40", faces, cache), "genuine": evaluate.genuine(model, kept, faces, cache),
            "simulators": simulators(model, pack, size), "fairness": fairness(model, pack, size), "robustness": robustness(model, pack, size),
            "canaries": canaries(model, pack, size), "speed": speed(model, size)}
