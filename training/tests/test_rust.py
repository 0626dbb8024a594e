"""The Rust program beside the Python reference: the same clip, the same scores; every backbone's graphs loaded and run by it.

Needs a built program (`make build`): $TRUEVISION, or target/release or target/debug of this checkout; and the demo clips of set-up.
"""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from truevision_training.clips import runs
from truevision_training.faces import Faces
from truevision_training.model import Model

ROOT = Path(__file__).parents[2]
PROGRAMS = [Path(p) for p in (os.environ.get("TRUEVISION"), ROOT / "target/release/truevision", ROOT / "target/debug/truevision") if p]
PROGRAM = next((p for p in PROGRAMS if p.is_file()), None)
CLIP = ROOT / ".cache/demo/manipulated.mp4"
AGREEMENT = 0.02

pytestmark = pytest.mark.skipif(PROGRAM is None or not CLIP.is_file(), reason="no built truevision or no demo clip here: make build")


def rust(model: Path, clip: Path, tmp_path: Path) -> dict:
    """What `truevision score --json` says."""
    settings = tmp_path / "settings.toml"
    settings.write_text(f'[detector]\nmodel = "{model}"\n')
    done = subprocess.run([PROGRAM, "score", "--json", "--config", settings, clip], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def both(model: Path, clip: Path, tmp_path: Path) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Window confidences of Rust and Python [W], and the clip's confidence by both."""
    said = rust(model, clip, tmp_path)
    windows = [m["faces"][0]["window_confidence"] for m in said["timeline"] if m["faces"]]
    theirs = np.array([w for w in windows if w is not None])
    reference = Model(model)
    found = reference.clip(runs(clip, "all", Faces(ROOT / "models/fetched"), reference.rule, reference.rate, longest=1e9))
    ours = reference.confidence(found.windows)
    mean = np.log(ours / (1 - ours)).mean()
    return theirs, ours, said["fake_confidence"], float(1 / (1 + np.exp(-mean)))


@pytest.mark.parametrize("model", sorted(p.parent.name for p in (ROOT / "models").glob("*/model.toml")))
def test_the_program_and_the_reference_say_the_same(model, tmp_path):
    theirs, ours, rust_says, python_says = both(ROOT / "models" / model, CLIP, tmp_path)
    assert len(theirs) == len(ours) > 20
    assert np.abs(theirs - ours).mean() <= AGREEMENT
    assert abs(rust_says - python_says) <= AGREEMENT
