"""Checkpoints that survive kill -9: written beside, synced, renamed. Called by the trainers, export and evaluation."""

import os
from pathlib import Path

import torch

from .errors import UserError


def save(state: dict, file: Path) -> None:
    """Replaces `file` in one step; the old one stays whole until then, also when the disk is full."""
    part = file.with_suffix(".part")
    try:
        with open(part, "wb") as out:
            torch.save(state, out)
            out.flush()
            os.fsync(out.fileno())
        os.replace(part, file)
    except (OSError, RuntimeError) as error:
        part.unlink(missing_ok=True)
        raise UserError(f"checkpoint {file} cannot be written ({error}): free space and resume; the last one is kept") from error


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
    differing = [f"{k}: {state['shape'].get(k)!r} in the file, {v!r} asked for" for k, v in shape.items() if state["shape"].get(k) != v]
    if differing:
        raise UserError(f"checkpoint {file} is of another architecture ({'; '.join(differing)}): train anew in another folder")
