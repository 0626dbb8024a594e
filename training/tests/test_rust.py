"""The Rust program beside the Python reference: the same clip, the same scores; every backbone's graphs loaded and run by it.

Needs a built program (`make build`): $TRUEVISION, or target/release or target/debug of this checkout; and the demo clips of set-up.
"""

import json
import os
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from truevision_training import checkpoint, export, network, settings, train
from truevision_training.clips import runs
from truevision_training.faces import Faces
from truevision_training.geometry import CropRule
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


@pytest.fixture(scope="module")
def short_clip(tmp_path_factory) -> Path:
    """The first three seconds of the demo clip, encoded again."""
    path = tmp_path_factory.mktemp("clip") / "short.mp4"
    with av.open(str(CLIP)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=25, options={"crf": "23", "preset": "superfast"})
        for number, frame in enumerate(source.decode(video=0)):
            if number == 0:
                stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuv420p"
            if number == 75:
                break
            target.mux(stream.encode(av.VideoFrame.from_ndarray(frame.to_ndarray(format="yuv420p"), format="yuv420p")))
        target.mux(stream.encode())
    return path


@pytest.mark.parametrize("backbone, size, bits", [(name, 112, "fp32") for name in network.BACKBONES]
                         + [("efficientnet_b0", 224, "fp16"), ("efficientnet_lite0", 112, "int8")])
def test_every_backbone_trains_exports_and_runs_in_the_program(backbone, size, bits, short_clip, tmp_path):
    shape = network.Shape(backbone, size=size, dim=32, hidden=8, synthetic=size == 224)
    run = train.Run(settings.Settings(shape=shape, pairs=2, device="cpu"), tmp_path)
    cells = size // 8
    for step in range(2):
        crops = torch.from_numpy(np.random.default_rng(step).integers(0, 256, (4, size, size, 3), np.uint8))
        before = run.model.logit.weight.clone()
        loss, _ = run.advance(crops, torch.rand(2, 2, cells, cells))
        assert np.isfinite(loss) and not torch.equal(before, run.model.logit.weight)
    # The head's window part starts at zero; any weights will do to see that both sides compute the same.
    torch.manual_seed(3)
    head = network.Head(shape)
    head.window.weight.data.normal_(0, 0.1)
    checkpoint.save({"shape": vars(shape), "encoder": run.model.encoder.state_dict(), "head": head.state_dict()}, tmp_path / "model.pt")
    about = {"version": "0.0.1", "trial": True, "note": "random", "licence": "none"}
    score = {"temperature": 1.0, "bias": 0.0, "synthetic_at": 0.9, "fake_at": 0.7, "real_at": 0.3, "real_side_px": 0.0}
    gate = {"min_side_px": 20.0, "min_sharpness": 0.0, "min_luma": 0.0, "max_luma": 255.0, "max_yaw_deg": 90.0, "max_pitch_deg": 90.0, "max_outside": 1.0}
    assert export.export(tmp_path / "model.pt", tmp_path / "model", CropRule(size, 2.8, 0.36), about, score, gate, bits, crops.numpy()) <= 1e-4
    theirs, ours, rust_says, python_says = both(tmp_path / "model", short_clip, tmp_path)
    assert len(theirs) == len(ours) > 5
    assert np.abs(theirs - ours).mean() <= AGREEMENT and abs(rust_says - python_says) <= AGREEMENT
