"""Files that survive kill -9 and a full disk: written beside, synced, renamed. Called by the trainers, export and evaluation."""

import os
from pathlib import Path
from typing import BinaryIO, Callable

import numpy as np
import torch

from .errors import UserError


def replace(file: Path, write: Callable[[BinaryIO], None]) -> None:
    """Replaces `file` in one step; the old one stays whole until then, also when the disk is full."""
    part = file.with_name(file.name + ".part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "wb") as out:
            write(out)
            out.flush()
            os.fsync(out.fileno())
        os.replace(part, file)
    except (OSError, RuntimeError) as error:
        part.unlink(missing_ok=True)
        raise UserError(f"{file} cannot be written ({' '.join(str(error).split())[:200]}): free space there and give the same command again; "
                        "what was there before is kept") from error


def save(state: dict, file: Path) -> None:
    replace(file, lambda out: torch.save(state, out))


def text(content: str, file: Path) -> None:
    replace(file, lambda out: out.write(content.encode()))


def arrays(file: Path, **named: np.ndarray) -> None:
    replace(file, lambda out: np.savez(out, **named))


def load(file: Path) -> dict:
    """A checkpoint of `save`."""
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise UserError(f"checkpoint {file} does not exist: train first or name another") from error
    except Exception as error:
        raise UserError(f"checkpoint {file} is damaged or of another program ({type(error).__name__}): use another") from error


def require_shape(state: dict, shape: dict, file: Path) -> None:
    """Refuses a checkpoint of another architecture."""
    if not isinstance(state.get("shape"), dict):
        raise UserError(f"checkpoint {file} says nothing of its architecture, so it is of another program: use another")
    differing = [f"{k}: {state['shape'].get(k)!r} in the file, {v!r} asked for" for k, v in shape.items() if state["shape"].get(k) != v]
    if differing:
        raise UserError(f"checkpoint {file} is of another architecture ({'; '.join(differing)}): train anew in another folder")


def fill(module: torch.nn.Module, weights: dict, file: Path) -> None:
    """Weights into a module of the architecture that the file names."""
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(f"checkpoint {file} does not hold the weights of the architecture that it names "
                        f"({' '.join(str(error).split())[:160]}): use another") from error
