"""A pack folder (see prep) opened for training: crops stay on disk, landmarks and splits are in memory. Called by stills, windows."""

import json
from pathlib import Path

import numpy as np

from .blend import Face
from .errors import UserError
from .geometry import CropRule


class Pack:
    """`stills` and `clips` are read-only maps [N, S, S, 3] u8 RGB; index arrays say which file each row comes from."""

    def __init__(self, folder: Path):
        self.folder = folder
        try:
            self.manifest = json.loads((folder / "manifest.json").read_text())
            table = np.load(folder / "pack.npz")
            self.crops = {kind: np.load(folder / f"{kind}.npy", mmap_mode="r") for kind in ("stills", "clips")}
        except (OSError, ValueError) as error:
            raise UserError(f"pack {folder} is missing or damaged ({error}): make it again with `prep`") from error
        self.margin, self.size = self.manifest["margin"], self.manifest["size"]
        files = self.manifest["files"]
        self.landmarks = {kind: table[f"{kind}_landmarks"] for kind in self.crops}
        self.to_crop = {kind: table[f"{kind}_to_crop"] for kind in self.crops}
        self.file = {kind: table[f"{kind}_file"] for kind in self.crops}
        for kind, crops in self.crops.items():
            if len(crops) != len(self.landmarks[kind]):
                raise UserError(f"pack {folder}: {kind}.npy has {len(crops)} rows, pack.npz {len(self.landmarks[kind])}: prep again")
        self.dataset = {kind: np.array([files[f]["dataset"] for f in rows]) for kind, rows in self.file.items()}
        self.identity = {kind: np.array([files[f]["identity"] for f in rows]) for kind, rows in self.file.items()}
        self.trained = {kind: np.array([files[f]["split"] == "train" for f in rows], bool) for kind, rows in self.file.items()}

    def require_both_splits(self) -> None:
        """Training and selection both need pictures of at least two people."""
        for split, chosen in (("training", self.trained["stills"]), ("held-out", ~self.trained["stills"])):
            people = len(set(self.identity["stills"][chosen]))
            if people < 2:
                raise UserError(f"pack {self.folder} has {people} people in its {split} pictures, at least 2 are needed: prep again with more "
                                "pictures of different people (about one in twelve is held out)")

    def fit(self, rule: CropRule) -> None:
        """Shows the square of another crop rule than the one the pack was made with. The rule's centre is not followed: it may lie a
        few hundredths of a side off, less than training shifts crops."""
        margin = self.manifest["margin"] * self.manifest["crop"].get("side", rule.side) / rule.side
        if margin < 1.1:
            raise UserError(f"pack {self.folder} is cut too tightly for a crop of side {rule.side}: make another with `prep --side {rule.side}`")
        self.margin = margin

    def face(self, kind: str, row: int) -> Face:
        return Face(np.array(self.crops[kind][row]), self.landmarks[kind][row])

    def runs(self, trained: bool) -> list[np.ndarray]:
        """Rows of each clip of one split, in order of time."""
        rows = np.flatnonzero(self.trained["clips"] == trained)
        return [rows[self.file["clips"][rows] == f] for f in np.unique(self.file["clips"][rows])]
