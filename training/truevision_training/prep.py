"""Real faces on disk in, a pack out: crops with margin, dense landmarks, manifest. Called once before training.

A pack folder holds `stills.npy` [N, 208, 208, 3] u8 RGB, `clips.npy` the same for clip frames in order, and `pack.npz`
with landmarks and indices; `manifest.json` names every file with its hash, split and fate. The margin leaves room for
shift, roll and scale in training: the stored square is MARGIN times the product's.
"""

import hashlib
import json
import logging
import shutil
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from .errors import UserError
from .faces import Faces
from .geometry import CropRule, apply, cut, matrix, square
from .readers import Item

SIZE = 208
MARGIN = 1.4
STEP_HZ = 15.0
"""Clip frames are kept at about this rate: fine enough for lags of one frame, a window takes every second."""
LONGEST_S = 10.0
HELD_OUT = 0.08
"""Share of identities whose pictures and clips are never trained on."""

log = logging.getLogger(__name__)


@dataclass
class Cut:
    """One face of one frame: crop, landmarks in crop pixels, matrix picture -> crop, side of the product crop in pixels."""

    crop: np.ndarray
    landmarks: np.ndarray
    to_crop: np.ndarray
    side: float


class Rows:
    """A `.npy` file of crops [N, size, size, 3] u8 that grows a crop at a time, so that memory does not grow with the data. It takes
    its name when it is closed: until then an earlier pack's stays whole."""

    def __init__(self, file: Path, size: int = SIZE):
        self.file, self.part, self.size, self.count = file, file.with_name(file.name + ".part"), size, 0
        self.out = self.part.open("w+b")
        self._header()

    def _header(self) -> None:
        """numpy leaves room in it for a larger first dimension, so that it can be written again in place."""
        self.out.seek(0)
        shape = {"descr": "|u1", "fortran_order": False, "shape": (self.count, self.size, self.size, 3)}
        np.lib.format.write_array_header_1_0(self.out, shape)

    def append(self, crop: np.ndarray) -> None:
        self.out.write(np.ascontiguousarray(crop).data)
        self.count += 1

    def close(self) -> None:
        self._header()
        self.out.close()
        self.part.replace(self.file)


_faces: Faces | None = None
_rule: CropRule | None = None


def start(folder: Path, rule: CropRule) -> None:
    """Sets a worker process up: its own sessions, one thread."""
    global _faces, _rule
    cv2.setNumThreads(1)
    _faces, _rule = Faces(folder), rule


def cut_face(image: np.ndarray) -> Cut | str:
    """[H, W, 3] u8 RGB -> the largest face, or why there is none."""
    face = _faces.detect_close(image)
    if face is None:
        return "no face found"
    landmarks, presence = _faces.landmarks(image, face)
    if presence < 0:
        return f"no face mesh (presence {presence:.1f})"
    centre, side, roll = square(face.points, _rule)
    to_crop = matrix(centre, side * MARGIN, roll, SIZE)
    return Cut(cut(image, to_crop, SIZE), apply(to_crop, landmarks).astype(np.float32), to_crop, side)


def cut_still(item: Item, least_side: float) -> list[Cut] | str:
    image = cv2.imread(str(item.path), cv2.IMREAD_COLOR)
    if image is None:
        return "damaged: not a picture that OpenCV can read"
    # Aligned crops fill the picture; the detector wants room around the head.
    pad = int(0.15 * max(image.shape[:2]))
    image = cv2.copyMakeBorder(image[..., ::-1], pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    found = cut_face(image)
    if isinstance(found, str):
        return found
    if found.side < least_side:
        return f"too small: crop of {found.side:.0f} px, at least {least_side:.0f} asked for"
    return [found]


def clip_frames(path: Path):
    """Yields every kept frame of a clip, [H, W, 3] u8 RGB; at most LONGEST_S seconds at about STEP_HZ."""
    video = cv2.VideoCapture(str(path))
    rate = video.get(cv2.CAP_PROP_FPS) or 25.0
    step = max(1, round(rate / STEP_HZ))
    number = 0
    while video.grab() and number < LONGEST_S * rate:
        if number % step == 0:
            good, image = video.retrieve()
            if good:
                yield image[..., ::-1]
        number += 1
    video.release()


def cut_clip(item: Item, least_side: float) -> list[Cut] | str:
    """Consecutive kept frames with the face; a frame without it ends the run and the longest run is kept."""
    runs, reason = [[]], "damaged: no frame could be decoded"
    for image in clip_frames(item.path):
        found = cut_face(np.ascontiguousarray(image))
        if isinstance(found, str):
            reason = found
            runs.append([])
        else:
            runs[-1].append(found)
    best = max(runs, key=len)
    if not best:
        return reason
    if len(best) < 16:
        return f"too short: {len(best)} frames in a row with a face ({reason})"
    side = float(np.median([c.side for c in best]))
    return best if side >= least_side else f"too small: crop of {side:.0f} px, at least {least_side:.0f} asked for"


def work(task: tuple[Item, float]) -> tuple[Item, str, list[Cut] | str]:
    item, least_side = task
    try:
        digest = hashlib.sha256(item.path.read_bytes()).hexdigest()
    except OSError as error:
        return item, "", f"damaged: cannot be read ({error.strerror})"
    return item, digest, (cut_clip if item.clip else cut_still)(item, least_side)


def held_out(identity: str) -> bool:
    """Whether an identity is kept from training: by its hash, so that a split survives new files."""
    return int(hashlib.sha256(identity.encode()).hexdigest()[:8], 16) / 2**32 < HELD_OUT


def build(items: list[Item], out: Path, models: Path, rule: CropRule, exclude: set[str], least_side: float = 80,
          workers: int = 2) -> dict:
    """Writes the pack and returns its manifest. `exclude`: names of recordings that development clips were made from."""
    if not any(item.real for item in items):
        raise UserError(f"no real face among the {len(items)} files of {', '.join(sorted({i.dataset for i in items}))}: training makes its fakes "
                        "from real faces, so give a folder of them too (DATA=FOLDER)")
    wanted = [item for item in items if item.real and not exclude & set(item.path.stem.split("_"))]
    if not wanted:
        raise UserError(f"all real files of {', '.join(sorted({i.dataset for i in items}))} are excluded: leave some of EXCLUDE out")
    wanted_bytes = len(wanted) * SIZE * SIZE * 3
    out.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(out).free < 2 * wanted_bytes:
        raise UserError(f"disk of {out} is nearly full: the pack needs about {2 * wanted_bytes / 2**30:.1f} GiB free")
    files, rows = [], {False: [], True: []}
    crops = {False: Rows(out / "stills.npy"), True: Rows(out / "clips.npy")}
    chosen = set(wanted)
    for item in items:
        if item not in chosen:
            files.append({"file": item.path.name, "dataset": item.dataset, "skipped": "fake" if not item.real else "excluded"})
    with ProcessPoolExecutor(workers, initializer=start, initargs=(models, rule)) as pool:
        for done, (item, digest, found) in enumerate(pool.map(work, [(i, least_side) for i in wanted], chunksize=4)):
            entry = {"file": item.path.name, "dataset": item.dataset, "identity": item.identity, "source": item.source,
                     "sha256": digest, "split": "held-out" if held_out(item.identity) else "train"}
            if isinstance(found, str):
                entry["skipped"] = found
            else:
                entry["faces"] = len(found)
                for frame, c in enumerate(found):
                    crops[item.clip].append(c.crop)
                    rows[item.clip].append((len(files), frame, c.landmarks, c.to_crop, c.side))
            files.append(entry)
            if done % 500 == 0:
                log.info("prep %d of %d files, %d faces", done, len(wanted), len(rows[False]) + len(rows[True]))
    if not rows[False] and not rows[True]:
        reasons = Counter(f["skipped"].split(":")[0] for f in files if "skipped" in f and "sha256" in f)
        raise UserError(f"no face to train on in any of {len(wanted)} real files for {out} ({', '.join(f'{k}: {n}' for k, n in reasons.most_common(3))}): "
                        "give folders of pictures and clips of real faces (DATA=FOLDER)")
    arrays = {}
    for clip, name in ((False, "stills"), (True, "clips")):
        crops[clip].close()
        table = rows[clip]
        arrays |= {f"{name}_file": np.array([r[0] for r in table], np.int32),
                   f"{name}_frame": np.array([r[1] for r in table], np.int32),
                   f"{name}_landmarks": np.array([r[2] for r in table], np.float32).reshape(-1, 468, 2),
                   f"{name}_to_crop": np.array([r[3] for r in table], np.float64).reshape(-1, 2, 3),
                   f"{name}_side": np.array([r[4] for r in table], np.float32)}
    np.savez(out / "pack.npz", **arrays)
    manifest = {"crop": vars(rule), "margin": MARGIN, "size": SIZE, "files": files}
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1))
    return manifest
