"""Every figure of a model's card: a model folder, clips and a pack in, one dictionary out. Called by the `evaluate` command."""

import logging
import time
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np

from . import canaries, evaluate, metrics, prep, robustness
from .clips import LONGEST_S
from .codec import jpeg
from .degrade import Draw, look
from .errors import UserError
from .faces import Faces
from .geometry import CropRule
from .model import Model
from .pack import Pack
from .readers import Item, read
from .stills import Stills, eigenfaces
from .windows import FAMILIES, Windows

log = logging.getLogger(__name__)
SEED = 20
SYNTHETIC_SIDES = (56, 112, 160, 224)


def held_out_windows(pack: Pack, decoders: list, size: int, count: int) -> dict[str, np.ndarray]:
    """[2 n, 8, s, s, 3] u8 by family, real, fake, real, fake...: held-out identities and a held-out decoder."""
    shares = {"self": 1.0, "cross": 1.0, "decoder": 1.0, "drift": 1.0}
    maker = Windows(Stills(pack, decoders, False, size, shares), False)
    return {family: np.stack([crops for part in range(max(1, count // 4)) for pair in maker.pairs((SEED, number, part), [family] * 4) for crops in pair])
            for number, family in enumerate(FAMILIES)}


def simulators(model: Model, embedded: dict[str, np.ndarray]) -> dict:
    """`embedded`: [2 n, 8, dim] by family. Window AUC of the head and of plain frame means; calibration over all."""
    result, every = {}, []
    for family, seen in embedded.items():
        logits, frames = model.windows(seen)
        plain = logits if frames is None else frames.mean(1)
        fake = np.arange(len(logits)) % 2 == 1
        low, high = metrics.interval(metrics.auc, fake, logits)
        result[family] = {"auc": metrics.auc(fake, logits), "low": low, "high": high, "pairs": len(logits) // 2,
                          "frame_means": metrics.auc(fake, plain), "above_twin": float((logits[1::2] > logits[::2]).mean())}
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
    confidence, score = model.still(plain_view(pack, rows[good], size)), model.contract["score"]
    ages, genders, races = np.array([[int(p) for p in labels[i][:3]] for i in good]).T
    slices = {"all": np.ones(len(good), bool), "male": genders == 0, "female": genders == 1}
    slices |= {name: races == i for i, name in enumerate(("White", "Black", "Asian", "Indian", "other"))}
    slices |= {"under 30": ages < 30, "30 to 59": (ages >= 30) & (ages < 60), "60 and over": ages >= 60}
    return {name: {"n": int(mask.sum()), "not_real": metrics.proportion(int((confidence[mask] > score["real_at"]).sum()), int(mask.sum())),
                   "flagged": metrics.proportion(int((confidence[mask] >= score["fake_at"]).sum()), int(mask.sum()))}
            for name, mask in slices.items() if mask.any()}


def synthetic(model: Model, pack: Pack, folder: Path, models: Path) -> list[dict]:
    """AUC of the synthetic head, generated pictures against held-out real ones, by side of the crop in the source picture.

    Both are cut with the pack's margin, reduced to the side, saved as JPEG and brought to the model's size in the same way.
    """
    def view(picture: np.ndarray, draw: Draw) -> np.ndarray:
        whole = round(draw.side * pack.margin)
        small = cv2.resize(picture, (whole, whole), interpolation=cv2.INTER_AREA if whole < len(picture) else cv2.INTER_LINEAR)
        return look(draw, jpeg(small, draw.quality), pack.margin, size)

    size = model.rule.size
    prep.start(models, CropRule(**pack.manifest["crop"]))
    found = [prep.cut_still(item, 0) for item in read(folder, "faces")]
    made = np.stack([cuts[0].crop for cuts in found if not isinstance(cuts, str)] or [np.zeros((pack.size, pack.size, 3), np.uint8)][:0])
    real = np.stack([np.array(pack.crops["stills"][r]) for r in np.flatnonzero(~pack.trained["stills"])])
    if not len(made):
        raise UserError(f"no face found in any picture of {folder}: give a folder of generated faces")
    fake, rows = np.arange(len(real) + len(made)) >= len(real), []
    for side in SYNTHETIC_SIDES:
        draw = Draw(0, side, "jpeg", 90, np.zeros(2), 1.0, 0.0, False, False)
        score = model.synthetic(np.stack([view(picture, draw) for picture in (*real, *made)]))
        low, high = metrics.interval(metrics.auc, fake, score)
        rows.append({"side": side, "auc": metrics.auc(fake, score), "low": low, "high": high, "real": len(real), "made": len(made),
                     "real_flagged": float((score[~fake] >= model.contract["score"]["synthetic_at"]).mean()),
                     "made_flagged": float((score[fake] >= model.contract["score"]["synthetic_at"]).mean())})
    return rows


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


def labelled_folder(clips: Path) -> Path | None:
    """`dev/c40` of the project's own clips, or the folder itself when it holds labelled fakes."""
    if (clips / "dev/c40").is_dir():
        return clips / "dev/c40"
    if (clips / "real").is_dir() and not (clips / "fake").is_dir() or (clips / "dev").is_dir():
        return None
    return clips


def genuine_items(clips: Path, labelled: Path | None) -> list[Item]:
    """Clips of `real/` whose person is held out of training, by name, and recordings that the development clips were made from."""
    if labelled == clips or not (clips / "real").is_dir():
        return []
    recordings = {i.path.stem for i in read(labelled) if i.real} if labelled else set()
    return [i for i in read(clips / "real", "faces", "clips") if i.clip and (prep.held_out(i.identity) or recordings & set(i.path.stem.split("_")))]


def measure(folder: Path, clips: Path, models: Path, pack_folder: Path, cache: Path, pairs: int = 48, generated: Path | None = None,
            frame_rates: tuple[float, ...] = robustness.FRAME_RATES) -> dict:
    """`clips`: a folder with `dev/c40`, `dev/live_swap` and `real` (any of them), or one labelled tree. `pairs`: simulated ones a family
    and a cell. `generated`: pictures of synthetic faces."""
    if not clips.is_dir():
        raise UserError(f"clips folder {clips} does not exist: give a folder with real/ and fake/ clips (CLIPS=FOLDER)")
    cv2.setNumThreads(1)
    model, faces, pack = Model(folder), Faces(models), Pack(pack_folder)
    pack.fit(model.rule)
    size, labelled, live = model.rule.size, labelled_folder(clips), clips / "dev/live_swap"
    genuine = genuine_items(clips, labelled)
    decoders = eigenfaces(pack, SEED, held_out=True)
    figures = {"clips": clips.name, "version": model.contract["version"], "longest_s": LONGEST_S, "crop": asdict(model.rule)}
    videos = evaluate.score_tree(model, labelled, faces, cache) if labelled else []
    figures["labelled"] = evaluate.labelled(videos) | {"name": labelled.name} if labelled else None
    figures["live"] = evaluate.live_swap(model, live, faces, cache) if live.is_dir() else None
    figures["genuine"] = evaluate.genuine(model, genuine, faces, cache) if genuine else None
    log.info("clips done; simulated windows next")
    sets = held_out_windows(pack, decoders, size, pairs)
    embedded = {family: np.stack([model.encode(window) for window in crops]) for family, crops in sets.items()}
    figures["simulators"] = simulators(model, embedded)
    log.info("canaries")
    rows = np.flatnonzero(~pack.trained["stills"])[:300]
    figures["canaries"] = {"windows": canaries.windows(model, sets, embedded), "clips": canaries.clips(model, videos) if videos else [],
                           "stills": canaries.stills(model, plain_view(pack, rows, size))}
    log.info("robustness and fairness")
    figures["robustness"] = robustness.pictures(model, pack, decoders, SEED, pairs)
    figures["fairness"] = fairness(model, pack, size)
    figures["frame_rates"] = robustness.frame_rates(model, frame_rates, labelled, genuine, faces, cache)
    figures["synthetic"] = synthetic(model, pack, generated, models) if generated and "synthetic_logit" in model.contract["head"] else None
    figures["speed"] = speed(model, size)
    return figures
