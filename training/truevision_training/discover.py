"""What data sets lie under one root: counts by class, identity, size and codec; what is damaged, skipped and why. Called by `discover`.

A picture is read whole, of a clip the first frame is decoded: what passes here can be cut later. No face is looked for.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import av
import cv2

from . import readers
from .errors import UserError
from .readers import Item

SHOWN = 20
"""Damaged files named a data set; the rest are counted."""


@dataclass
class Found:
    """One data set. `skipped`: the reason when nothing of it can be used."""

    name: str
    layout: str = ""
    identities: int = 0
    bytes: int = 0
    classes: Counter = field(default_factory=Counter)
    sizes: Counter = field(default_factory=Counter)
    codecs: Counter = field(default_factory=Counter)
    damaged: list[tuple[str, str]] = field(default_factory=list)
    skipped: str = ""


def size_class(width: int, height: int) -> str:
    """By the shorter side, as video heights are called."""
    side = min(width, height)
    return next((f"under {limit}" for limit in (240, 360, 720, 1080) if side < limit), "1080 and more")


def probe(item: Item) -> tuple[str, int, int]:
    """Codec, width, height; ValueError with the reason for a damaged file."""
    if item.path.stat().st_size == 0:
        raise ValueError("empty file")
    if not item.clip:
        image = cv2.imread(str(item.path), cv2.IMREAD_COLOR)
        if image is None:
            raise ValueError("not a picture that OpenCV can read")
        return item.path.suffix.lower().lstrip("."), image.shape[1], image.shape[0]
    try:
        with av.open(str(item.path)) as clip:
            frame = next(clip.decode(video=0))
            return clip.streams.video[0].codec_context.name, frame.width, frame.height
    except (av.FFmpegError, StopIteration, IndexError) as error:
        raise ValueError(f"no frame can be decoded ({error or 'it holds none'})") from error


def survey(folder: Path) -> Found:
    try:
        items = readers.read(folder)
    except UserError as error:
        return Found(folder.name, skipped=str(error))
    found = Found(folder.name, readers.detect_layout(folder) or "", len({i.identity for i in items}))
    for item in items:
        try:
            codec, width, height = probe(item)
        except (ValueError, OSError) as error:
            found.damaged.append((str(item.path.relative_to(folder)), str(error)))
            continue
        found.bytes += item.path.stat().st_size
        found.classes["real" if item.real else item.manipulation or "fake"] += 1
        found.sizes[size_class(width, height)] += 1
        found.codecs[codec] += 1
    return found


def under(root: Path) -> list[Found]:
    """Each folder below the root is a data set, or the root itself when it is one or holds only files."""
    if not root.is_dir():
        raise UserError(f"data folder {root} does not exist: give a folder of pictures or clips")
    below = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    itself = not below or readers.detect_layout(root) in ("faceforensics", "celeb-df") or {p.name.lower() for p in below} <= {"real", "fake"}
    found = [survey(folder) for folder in ([root] if itself else below)]
    if all(f.skipped for f in found):
        raise UserError(f"nothing under {root} can be used: {found[0].skipped}")
    return found


def lines(found: Found) -> list[str]:
    if found.skipped:
        return [f"{found.name}: skipped: {found.skipped}"]

    def counts(of: Counter) -> str:
        return ", ".join(f"{key} {n}" for key, n in sorted(of.items())) or "none"
    real = found.classes["real"]
    out = [f"{found.name}: layout {found.layout}, {found.identities} identities, {found.bytes / 2**20:.0f} MiB",
           f"  class: {counts(found.classes)}", f"  shorter side, px: {counts(found.sizes)}", f"  codec: {counts(found.codecs)}"]
    if not real or real == sum(found.classes.values()):
        out.append(f"  one class only: {'real' if real else 'fake'}" + ("" if real else "; training needs real faces"))
    if found.damaged:
        out.append(f"  damaged, will be skipped: {len(found.damaged)}")
        out += [f"    {name}: {reason}" for name, reason in found.damaged[:SHOWN]]
    return out
