"""A shipped model folder: model.toml and its graphs, run by ONNX Runtime. Called by evaluate, export's parity and the tests."""

import hashlib
import tomllib
from pathlib import Path

import numpy as np

from .errors import UserError
from .faces import session
from .geometry import CropRule


class Model:
    """`encode`: [N, s, s, 3] u8 -> [N, dim]; `windows`: [B, 8, dim] -> logits [B], frame logits [B, 8] where the head has them."""

    def __init__(self, folder: Path):
        self.folder = folder
        try:
            self.contract = tomllib.loads((folder / "model.toml").read_text())
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise UserError(f"{folder / 'model.toml'} cannot be read ({error}): export the model again") from error
        for part in ("encoder", "head"):
            file = folder / self.contract[part]["file"]
            found = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "nothing"
            if found != self.contract[part]["sha256"]:
                raise UserError(f"{file} has sha256 {found}, model.toml says {self.contract[part]['sha256']}: export again")
        crop = self.contract["crop"]
        self.rule = CropRule(crop["size"], crop["side"], crop["center"])
        self.rate, self.frames = self.contract["window"]["rate_hz"], self.contract["window"]["frames"]
        self.encoder = session(folder / self.contract["encoder"]["file"])
        self.head = session(folder / self.contract["head"]["file"])
        self.outputs = [o.name for o in self.head.get_outputs()]

    def encode(self, crops: np.ndarray) -> np.ndarray:
        part = self.contract["encoder"]
        return np.concatenate([self.encoder.run([part["output"]], {part["input"]: crops[i:i + 32]})[0] for i in range(0, len(crops), 32)])

    def windows(self, window: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        part = self.contract["head"]
        wanted = [part["fake_logit"]] + ["frame_logits"] * ("frame_logits" in self.outputs)
        found = self.head.run(wanted, {part["input"]: window.astype(np.float32)})
        return found[0], found[1] if len(found) > 1 else None

    def log_odds(self, logit: np.ndarray) -> np.ndarray:
        score = self.contract["score"]
        return (logit - score["bias"]) / score["temperature"]

    def confidence(self, logit: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-self.log_odds(logit)))

    def still(self, crops: np.ndarray) -> np.ndarray:
        """Confidence of single crops [N, s, s, 3], each as a window of eight times itself."""
        return self.confidence(self.windows(np.repeat(self.encode(crops)[:, None], self.frames, 1))[0])

    def synthetic(self, crops: np.ndarray) -> np.ndarray | None:
        """Confidence [N] of the synthetic head for single crops, or None when the model has no such head."""
        part = self.contract["head"]
        if "synthetic_logit" not in part:
            return None
        window = np.repeat(self.encode(crops)[:, None], self.frames, 1).astype(np.float32)
        return 1 / (1 + np.exp(-self.head.run([part["synthetic_logit"]], {part["input"]: window})[0]))

    def track(self, crops: np.ndarray) -> "Scores":
        """Crops of one face in order at the contract's rate -> scores of every full window and of every frame."""
        count = len(crops) - self.frames + 1
        if count < 1:
            return Scores(np.zeros(0), np.zeros(0), np.zeros(0))
        embeddings = self.encode(crops)
        logits, frames = self.windows(np.stack([embeddings[i:i + self.frames] for i in range(count)]))
        if frames is None:
            return Scores(logits, logits, self.log_odds(logits))
        return Scores(logits, np.concatenate([frames[0], frames[1:, -1]]), self.log_odds(logits))

    def clip(self, runs: list[np.ndarray]) -> "Scores":
        """The same over stretches without a gap; no window spans two."""
        tracks = [self.track(run) for run in runs] or [self.track(np.zeros(0))]
        return Scores(*(np.concatenate([getattr(t, kind) for t in tracks]) for kind in ("windows", "frames", "log_odds")))


class Scores:
    """Window logits [W], frame logits [T] and the windows' calibrated log-odds [W] of one track."""

    def __init__(self, windows: np.ndarray, frames: np.ndarray, log_odds: np.ndarray):
        self.windows, self.frames, self.log_odds = windows, frames, log_odds
