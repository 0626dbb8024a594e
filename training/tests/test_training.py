"""Training on a tiny pack: exact resume after kill -9, what a checkpoint refuses, export parity, every backbone, the registry."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from truevision_training import calibrate, checkpoint, export, metrics, network, optim, registry, settings, synthetic, train, train_windows
from truevision_training.errors import UserError
from truevision_training.geometry import CropRule
from truevision_training.model import Model
from truevision_training.pack import Pack
from truevision_training.stills import Stills

TINY = settings.Settings(shape=network.Shape("efficientnet_lite0", dim=32, hidden=8), pairs=2, steps=6, warmup=2, checkpoint_every=2,
                         select_every=100, select_pairs=16, device="cpu", window_pairs=8, window_held_out=8, window_epochs=2)
CONFIG = """pairs = 2
steps = 6
warmup = 2
checkpoint_every = 2
select_every = 100
select_pairs = 16
device = "cpu"
[shape]
backbone = "efficientnet_lite0"
dim = 32
hidden = 8
"""
PROGRAM = """
import sys
from pathlib import Path
from truevision_training import settings, train
if __name__ == "__main__":
    train.train(Path(sys.argv[1]), settings.Settings.load(Path(sys.argv[2])), Path(sys.argv[3]))
"""


@pytest.fixture(scope="module")
def finished(pack_folder, tmp_path_factory):
    run = tmp_path_factory.mktemp("run")
    frames = train.train(pack_folder, TINY, run)
    return run, train_windows.train(pack_folder, TINY, run, frames)


def test_resume_after_kill_equals_an_uninterrupted_run(pack_folder, finished, tmp_path):
    program, config, run = tmp_path / "go.py", tmp_path / "c.toml", tmp_path / "run"
    program.write_text(PROGRAM)
    config.write_text(CONFIG)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, str(program), str(pack_folder), str(config), str(run)]
    first = subprocess.Popen(command, env=environment, start_new_session=True, stderr=subprocess.DEVNULL)
    while not (run / "frames.pt").exists() and first.poll() is None:
        time.sleep(0.02)  # waits for the first checkpoint, which is the condition
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert (run / "frames.pt").exists(), "the first run ended before a checkpoint"
    subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL)
    once, twice = (checkpoint.load(folder / "frames.pt") for folder in (finished[0], run))
    assert once["step"] == twice["step"] == 6
    for part in ("model", "mean"):
        for name, value in once[part].items():
            assert torch.equal(value, twice[part][name]), f"{part} {name}"


def test_a_checkpoint_of_another_architecture_is_refused(pack_folder, finished):
    other = replace(TINY, shape=replace(TINY.shape, dim=64))
    with pytest.raises(UserError, match="frames.pt is of another architecture.*dim"):
        train.train(pack_folder, other, finished[0])


def test_a_synthetic_head_can_follow_a_frame_stage_that_knew_of_none(pack_folder, finished, tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic, "STEPS", 10)
    shutil.copy(finished[0] / "frames.pt", tmp_path)
    plan = replace(TINY, shape=replace(TINY.shape, synthetic=True), window_pairs=32, window_held_out=16)
    before = checkpoint.load(finished[1])
    after = checkpoint.load(train_windows.train(pack_folder, plan, tmp_path, tmp_path / "frames.pt"))
    assert 0 <= after["held_out"]["synthetic"] <= 1 and after["shape"]["synthetic"]
    for name, value in before["encoder"].items():
        assert torch.equal(value, after["encoder"][name]), name


class Detail(torch.nn.Module):
    """An encoder that sees how much changes in a crop: contrast, and from one pixel to the next."""

    def forward(self, crops):
        crops = crops.float()
        return torch.stack([crops.std((1, 2, 3)), torch.diff(crops, dim=1).abs().mean((1, 2, 3))], 1)


def test_the_synthetic_layer_separates_where_the_encoder_sees_the_difference(pack_folder, monkeypatch):
    monkeypatch.setattr(synthetic, "STEPS", 10)
    pack = Pack(pack_folder)
    splits = {trained: Stills(pack, [], trained, 112, {"self": 1.0}) for trained in (True, False)}
    # Autoencoders of ten steps draw little but grey; a quarter of the fakes has traces only.
    assert synthetic.train(torch.nn.Linear(2, 1), Detail(), splits, 1, {True: 32, False: 32}) > 0.75


@pytest.mark.parametrize("way", [way for ways in synthetic.WAYS.values() for way in ways])
def test_every_autoencoder_gives_the_size_it_was_given(way):
    crop = np.full((104, 104, 3), 90, np.uint8)
    drawn = synthetic.draw(synthetic.autoencoder(way), crop)
    assert drawn.shape == crop.shape and drawn.dtype == np.uint8


def test_traces_are_faint_and_there():
    crop = np.full((64, 64, 3), 128, np.uint8)
    crop[::7] = 90
    for seed in range(20):
        off = np.abs(synthetic.traces(np.random.default_rng(seed), crop).astype(int) - crop)
        assert 0 < off.mean() < 12


def test_damaged_and_missing_checkpoints(tmp_path):
    (tmp_path / "a.pt").write_bytes(b"no checkpoint")
    for name, message in (("a.pt", "a.pt is damaged"), ("b.pt", "b.pt does not exist")):
        with pytest.raises(UserError, match=message):
            checkpoint.load(tmp_path / name)


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    checkpoint.save({"step": 1}, tmp_path / "c.pt")
    monkeypatch.setattr(torch, "save", lambda *_: (_ for _ in ()).throw(OSError(28, "no space left on device")))
    with pytest.raises(UserError, match="c.pt.*free space"):
        checkpoint.save({"step": 2}, tmp_path / "c.pt")
    assert checkpoint.load(tmp_path / "c.pt")["step"] == 1


def test_no_gpu_and_wrong_settings_are_said(tmp_path):
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match="no CUDA GPU"):
            train.device_of("cuda")
    for table, message in (({"raet": 1}, "raet"), ({"schedule": "x"}, "schedule"), ({"shape": {"dime": 1}}, "shape.dime")):
        with pytest.raises(UserError, match=message):
            settings.Settings.of(table, "here")


def test_nan_loss_stops_and_names_the_good_state(tmp_path):
    run = train.Run(TINY, tmp_path)
    with torch.no_grad():
        run.model.logit.weight.fill_(float("nan"))
    with pytest.raises(UserError, match="loss is nan.*no checkpoint was written yet"):
        run.advance(torch.zeros(4, 112, 112, 3, dtype=torch.uint8), torch.zeros(2, 2, 14, 14))


def test_sam_takes_its_climb_back():
    model = torch.nn.Linear(3, 1)
    before = model.weight.clone()
    model(torch.ones(2, 3)).sum().backward()
    taken = optim.climb(model, 0.1)
    assert not torch.equal(before, model.weight)
    optim.descend(taken)
    assert torch.allclose(before, model.weight, atol=1e-6)


def test_rates_rise_hold_and_fall():
    plan = settings.Settings(steps=1000, warmup=100, hold=0.5, rate=1.0)
    assert optim.rate(0, plan) < 0.02 and optim.rate(400, plan) == 1 and optim.rate(999, plan) < 0.01
    again = replace(plan, schedule="restarts", cycles=2)
    assert optim.rate(499, again) < 0.01 < 0.9 < optim.rate(505, again)


def test_exported_folder_equals_pytorch_and_keeps_its_contract(finished, tmp_path):
    folder = tmp_path / "model"
    about = {"version": "1.0.0", "trial": True, "note": "n", "licence": "l"}
    score = {"temperature": 1.0, "bias": 0.0, "synthetic_at": 0.9, "fake_at": 0.7, "real_at": 0.3, "real_side_px": 0.0}
    assert export.export(finished[1], folder, CropRule(), about, score, {"min_side_px": 70.0}) <= 1e-4
    model = Model(folder)
    reference = model.contract["reference"]
    embeddings = model.encode(export.reference_crops(1, 8, 112))
    assert np.allclose(embeddings[0, :8], reference["embedding"], atol=1e-4)
    assert np.isclose(model.windows(embeddings[None])[0][0], reference["fake_logit"], atol=1e-4)
    assert len(model.track(np.zeros((10, 112, 112, 3), np.uint8)).windows) == 3
    with open(folder / "head.onnx", "ab") as graph:
        graph.write(b"x")
    with pytest.raises(UserError, match="head.onnx has sha256"):
        Model(folder)


@pytest.mark.parametrize("bits, near", [("fp16", 0.02), ("int8", 0.25)])
def test_fewer_bits_stay_near_fp32(finished, tmp_path, bits, near):
    about = {"version": "1.0.0", "trial": True, "note": "n", "licence": "l"}
    score = {"temperature": 1.0, "bias": 0.0, "synthetic_at": 0.9, "fake_at": 0.7, "real_at": 0.3, "real_side_px": 0.0}
    crops = np.random.default_rng(0).integers(0, 256, (64, 112, 112, 3), np.uint8)
    for name in ("fp32", bits):
        export.export(finished[1], tmp_path / name, CropRule(), about, score, {}, name, crops)
    full, small = Model(tmp_path / "fp32"), Model(tmp_path / bits)
    wanted, made = full.encode(crops[:16]), small.encode(crops[:16])
    assert np.abs(made - wanted).mean() <= near * np.abs(wanted).mean()
    assert (tmp_path / bits / "encoder.onnx").stat().st_size < 0.6 * (tmp_path / "fp32/encoder.onnx").stat().st_size
    with pytest.raises(UserError, match="precision 'int4'"):
        export.export(finished[1], tmp_path / "x", CropRule(), about, score, {}, "int4")


def test_reference_bytes_are_xorshift32():
    assert export.reference_crops(1, 1, 2).ravel()[:4].tolist() == [0, 4, 157, 18]


def test_sharpness_aware_steps_focal_loss_and_smoothing_train(tmp_path):
    run = train.Run(replace(TINY, focal=1.0, smoothing=0.05, optimiser="sam"), tmp_path)
    before = run.model.logit.weight.clone()
    loss, _ = run.advance(torch.randint(0, 256, (4, 112, 112, 3), dtype=torch.uint8), torch.rand(2, 2, 14, 14))
    assert np.isfinite(loss) and not torch.equal(before, run.model.logit.weight)


def test_a_shipped_encoder_is_gone_on_from(finished, pack_folder, tmp_path):
    about = {"version": "1.0.0", "trial": True, "note": "n", "licence": "l"}
    score = {"temperature": 1.0, "bias": 0.0, "synthetic_at": 0.9, "fake_at": 0.7, "real_at": 0.3, "real_side_px": 0.0}
    export.export(finished[1], tmp_path / "model", CropRule(), about, score, {})
    run = train.Run(TINY, tmp_path / "run")
    run.begin(tmp_path / "model", Stills(Pack(pack_folder), [], True, 112, {"self": 1.0}))
    crops = np.random.default_rng(0).integers(0, 256, (4, 112, 112, 3), np.uint8)
    shipped = Model(tmp_path / "model").encode(crops)
    with torch.no_grad():
        again = run.mean.encoder.eval()(torch.from_numpy(crops)).numpy()
    assert np.abs(again - shipped).max() <= 1e-3 * max(1.0, np.abs(shipped).max())
    other = train.Run(replace(TINY, shape=replace(TINY.shape, backbone="efficientnet_b0")), tmp_path / "other")
    with pytest.raises(UserError, match="encoder.onnx is not the efficientnet_b0"):
        other.begin(tmp_path / "model", Stills(Pack(pack_folder), [], True, 112, {"self": 1.0}))


def test_frozen_stages_keep_their_weights(tmp_path):
    run = train.Run(replace(TINY, frozen_stages=2), tmp_path)
    trunk = run.model.encoder.trunk
    kept, moved = trunk.conv_stem.weight.clone(), trunk.conv_head.weight.clone()
    run.advance(torch.randint(0, 256, (4, 112, 112, 3), dtype=torch.uint8), torch.rand(2, 2, 14, 14))
    assert torch.equal(kept, trunk.conv_stem.weight) and not torch.equal(moved, trunk.conv_head.weight)
    with pytest.raises(UserError, match="frozen_stages"):
        train.Run(replace(TINY, frozen_stages=1, shape=replace(TINY.shape, backbone="resnext50_32x4d")), tmp_path)


def test_registry_keeps_and_rolls_back(tmp_path):
    model = tmp_path / "m"
    for version in ("1", "2"):
        model.mkdir(exist_ok=True)
        (model / "model.toml").write_text(f'version = "{version}"')
        registry.keep(model)
    with pytest.raises(UserError, match="kept already"):
        registry.keep(model)
    assert registry.rollback(model, "1") == "m is 1 now" and registry.version_of(model) == "1"
    assert registry.list(model).splitlines() == ["1 (live)", "2"]
    with pytest.raises(UserError, match="version 9"):
        registry.rollback(model, "9")


def test_figures_and_calibration():
    rng = np.random.default_rng(0)
    fake = rng.random(4000) < 0.5
    assert abs(metrics.auc(fake, rng.random(4000)) - 0.5) < 0.03, "shuffled labels"
    assert metrics.auc([0, 0, 1, 1], [1, 2, 2, 3]) == 0.875
    logit = 3 * (fake - 0.5) + rng.normal(0, 1, 4000)
    bias, temperature = calibrate.fit(fake, 4 * logit + 2)
    confidence = 1 / (1 + np.exp(-(4 * logit + 2 - bias) / temperature))
    assert metrics.calibration_error(fake, confidence) < 0.03


@pytest.mark.parametrize("folder", sorted(p.parent for p in (Path(__file__).parents[2] / "models").glob("*/model.toml")), ids=lambda p: p.name)
def test_shipped_models_have_their_name_hashes_and_reference(folder):
    model = Model(folder)
    reference, scale = model.contract["reference"], max(1.0, np.abs(model.contract["reference"]["embedding"]).max())
    assert model.contract["name"] == folder.name
    embeddings = model.encode(export.reference_crops(reference["seed"], 8, model.rule.size))
    assert np.abs(embeddings[0, :8] - reference["embedding"]).max() <= reference["tolerance_cpu"] * scale
    assert abs(model.windows(embeddings[None])[0][0] - reference["fake_logit"]) <= reference["tolerance_cpu"] * scale
