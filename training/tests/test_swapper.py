"""The swapper, faces drawn anew and the envelope, with an autoencoder of random weights: what is checked is arithmetic, not looks."""

import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from truevision_training import card, drawn, envelope, masks, stills, swapper, tiny
from truevision_training.blend import Face
from truevision_training.errors import UserError
from truevision_training.model import Model
from truevision_training.pack import Pack
from truevision_training.swapper import SIDE, Swapper

ROOT = Path(__file__).parents[2]
DEMO = ROOT / ".cache/demo"


@pytest.fixture(scope="module")
def autoencoder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)
    torch.save(tiny.encoder().state_dict(), folder / "taef2_encoder.pth")
    torch.save(tiny.decoder().state_dict(), folder / "taef2_decoder.pth")
    return folder


@pytest.fixture(scope="module")
def swap(pack_folder, autoencoder, tmp_path_factory):
    file = tmp_path_factory.mktemp("swap") / "swap.npz"
    assert swapper.learn(Pack(pack_folder), tiny.Tiny(autoencoder), True, file) == 3
    return Swapper(file, tiny.Tiny(autoencoder))


def test_faces_are_aligned_by_turn_zoom_and_shift(pack_folder):
    onto = swapper.template(Pack(pack_folder))
    assert 0 < onto.min() and onto.max() < SIDE
    turn = 1.7 * np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    seen = onto @ turn.T + (30, -12)
    to_square = swapper.align(seen, onto)
    assert np.abs(seen @ to_square[:, :2].T + to_square[:, 2] - onto).max() < 1e-3


def test_weights_that_are_not_there_or_not_its_own_are_named(tmp_path, autoencoder):
    with pytest.raises(UserError, match="taef2_encoder.pth.*madebyollin/taesd"):
        tiny.Tiny(tmp_path)
    torch.save({"a": torch.zeros(1)}, tmp_path / "taef2_encoder.pth")
    with pytest.raises(UserError, match="is not the autoencoder's weights"):
        tiny.Tiny(tmp_path)
    (tmp_path / "swap.npz").write_bytes(b"no archive")
    with pytest.raises(UserError, match="swap.npz is missing or damaged"):
        Swapper(tmp_path / "swap.npz", tiny.Tiny(autoencoder))


def test_a_person_drawn_as_itself_is_itself_and_as_another_is_not(pack_folder, swap):
    pack = Pack(pack_folder)
    rows = pack.runs(True)[0][::2][:swapper.FRAMES]
    faces = [pack.face("clips", int(row)) for row in rows]
    squares = swapper.squares(faces, swap.onto)
    latents = swap.tiny.encode(squares)
    itself, plain = swap.draw(latents, 0, 999, False), swap.tiny.decode(latents)
    assert itself.shape == squares.shape
    # Latents are kept in half precision.
    assert np.abs(itself.astype(int) - plain).max() <= 2
    other = swap.draw(latents, 1, 999, False)
    assert (other != itself).any()
    assert swap.draw(latents, 1, 20, True).shape == squares.shape
    assert set(swap.alike(latents)) <= {0, 1, 2}


def test_what_is_pasted_changes_the_inner_face_only_and_the_same_seed_pastes_alike(pack_folder, swap):
    face = Pack(pack_folder).face("stills", 3)
    square = np.full((SIDE, SIDE, 3), 90, np.uint8)
    square[::2] = 160
    first, again = (swapper.paste(7, face, square, swap.onto) for _ in range(2))
    assert (first.crop == again.crop).all() and 0 < first.mask.mean() < 0.6
    hull = np.zeros(face.crop.shape[:2], np.float32)
    masks.fill(hull, masks.around(face.landmarks, 1.1))
    outside = cv2.dilate(hull, np.ones((9, 9), np.uint8)) == 0
    assert (first.crop[outside] == face.crop[outside]).all() and (first.crop != face.crop).any()


def test_drawn_faces_become_a_family_of_their_split(pack_folder, autoencoder, swap, monkeypatch):
    pack = Pack(pack_folder)
    shares = {"drawn": 1.0}
    with pytest.raises(UserError, match="has no drawn faces.*`draw`"):
        stills.Stills(pack, [], True, 112, shares)
    monkeypatch.setattr(drawn, "FEW", 12)
    monkeypatch.setattr(swapper, "SAME", 1e-6)  # random weights make all people alike
    for kind, known in (("stills", None), ("clips", swap)):
        assert drawn.make(pack, swap.tiny, kind, 24, 3, known) == 24
    for trained in (True, False):
        maker = stills.Stills(pack, [], trained, 112, shares)
        rng = np.random.default_rng(1)
        for _ in range(12):
            face, made = maker.drawn.pair(rng)
            assert face.crop.shape == made.crop.shape
        for kind, (_, rows, places, _) in maker.drawn.known.items():
            assert (pack.trained[kind][rows[places]] == trained).all()
        batch = maker.batch((1, 2), 4)
        assert batch.crops.shape == (8, 112, 112, 3) and (batch.crops[0::2] != batch.crops[1::2]).any()


def test_a_worse_quality_and_a_lower_rate_cost_fewer_bits(tmp_path):
    rng = np.random.default_rng(0)
    frames = [np.roll(cv2.resize(rng.integers(0, 256, (12, 16, 3), np.uint8), (160, 120)), i, 1) for i in range(10)]
    bits = [envelope.encode(frames, 1.0, crf, 25, tmp_path / "a.mp4") for crf in (18, 28, 38)]
    assert bits[0] > bits[1] > bits[2]
    envelope.encode(frames, 0.5, 23, 5, tmp_path / "slow.mp4")
    video = cv2.VideoCapture(str(tmp_path / "slow.mp4"))
    assert (video.get(cv2.CAP_PROP_FRAME_COUNT), video.get(cv2.CAP_PROP_FRAME_WIDTH), video.get(cv2.CAP_PROP_FPS)) == (2, 80, 5)


@pytest.mark.skipif(not (DEMO / "manipulated.mp4").is_file() or not (ROOT / "models/fetched/facemesh.onnx").is_file(),
                    reason="no demo clips or face models here: make setup")
def test_an_envelope_of_a_clip_that_is_held_out(pack_folder, swap, tmp_path, monkeypatch):
    monkeypatch.setattr(swapper, "SAME", 1e-6)
    monkeypatch.setattr(envelope, "SIDES", (112, 100_000))
    monkeypatch.setattr(envelope, "QUALITIES", (23,))
    monkeypatch.setattr(envelope, "RATES", (25.0,))
    monkeypatch.setattr(envelope, "LEAST_CLIPS", 1)
    # Random weights draw no face that could be found again.
    aligned, shown = swapper.squares, []
    monkeypatch.setattr(swapper, "squares", lambda faces, onto: shown.append(aligned(faces, onto)) or shown[-1])
    monkeypatch.setattr(Swapper, "draw", lambda *rest: shown[-1][..., ::-1])
    pack = Pack(pack_folder)
    pack.manifest["files"].append({"file": "manipulated.mp4", "split": "held-out", "faces": 60})
    found = envelope.measure(Model(ROOT / "models/truevision-lite0-112"), pack, DEMO, ROOT / "models/fetched", swap)
    assert [(c["side"], c["crf"], c["clips"]) for c in found["cells"]] == [(112, 23, 1)], "no clip is blown up"
    only = found["cells"][0]
    assert min(only["windows"]) >= 20 and 0 < only["bits"] < 5 and 0 <= only["auc"] <= 1
    assert only["flagged"] == only["flagged_own"], "one cell is all cells"
    assert only["genuine_flagged"]["0.05"] == pytest.approx(0.05, abs=0.05) and "real" not in only
    (tmp_path / "envelope.json").write_text(json.dumps(found))
    assert "| 112 | 23 | 25 |" in "\n".join(card.envelope(tmp_path)) and card.envelope(tmp_path / "none") == []
    with pytest.raises(UserError, match="holds 0 clips that the pack holds out"):
        envelope.measure(Model(ROOT / "models/truevision-lite0-112"), pack, tmp_path, ROOT / "models/fetched", swap)


def test_the_map_is_a_picture_with_what_was_measured():
    cells = [{"side": 112, "crf": 23, "rate": 25.0, "flagged": {"0.01": 0.2, "0.05": 0.6}, "flagged_own": {"0.01": 0.3, "0.05": 0.7}}]
    out = io.BytesIO()
    envelope.draw({"cells": cells}, out)
    picture = cv2.imdecode(np.frombuffer(out.getvalue(), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[1] > 900 and picture.std() > 10
