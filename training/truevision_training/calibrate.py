"""Held-out simulated windows in, bias and temperature of model.toml's [score] out. Called by the `export` command.

Never fitted to a real deepfake: the windows are those the head stage held out. Also the crops that int8 measures its ranges on.
"""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from scipy.optimize import minimize

from . import precision
from .errors import UserError
from .export import restore
from .pack import Pack
from .stills import FAMILY_SHARES, Stills, eigenfaces


def fit(fake: np.ndarray, logit: np.ndarray) -> tuple[float, float]:
    """Labels and window logits [N] -> bias, temperature of `sigmoid((logit - bias) / temperature)` with least log loss."""
    fake = np.asarray(fake, float)

    def loss(values: np.ndarray) -> float:
        z = (logit - values[0]) * np.exp(values[1])
        return float(np.mean(np.logaddexp(0, z) - fake * z))

    bias, scale = minimize(loss, np.zeros(2), method="Nelder-Mead").x
    return float(bias), float(np.exp(-scale))


def of_head(file: Path, embeddings: np.ndarray) -> tuple[float, float]:
    """Bias and temperature of a `model.pt` on [n, 2, 8, dim] embeddings of real and fake windows."""
    _, _, head = restore(file)
    with torch.no_grad():
        logit = head(torch.from_numpy(embeddings.reshape(-1, *embeddings.shape[2:])))[0].numpy()
    return fit(np.arange(len(logit)) % 2, logit)


def of_run(folder: Path) -> tuple[float, float]:
    """The same from the held-out windows that the head stage left in a run folder."""
    file = folder / "windows-held-out.npz"
    try:
        with np.load(file) as stored:
            embeddings = stored["embeddings"]
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise UserError(f"held-out windows {file} are missing or damaged ({error}): run `train` on this folder again, it makes them anew") from error
    return of_head(folder / "model.pt", embeddings)


def training_crops(pack_folder: Path, file: Path) -> np.ndarray:
    """[N, s, s, 3] u8 as `file`'s model saw them in training, real and fake."""
    pack = Pack(pack_folder)
    maker = Stills(pack, eigenfaces(pack, 0, held_out=False), True, restore(file)[0].size, FAMILY_SHARES)
    return np.concatenate([maker.batch((0, 55, part), 16).crops for part in range(precision.CALIBRATION // 32)])
