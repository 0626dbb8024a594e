"""Bad input by the commands themselves: exit code 2, one line that names the file and the remedy, and nothing of a finished run lost."""

import hashlib
import json
import resource
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch

from truevision_training import checkpoint, cli, discover, evaluate, prep, stills, train
from truevision_training.errors import UserError
from truevision_training.geometry import CropRule
from truevision_training.pack import Pack
from truevision_training.readers import read
from truevision_training.stills import FAMILY_SHARES, Stills

FACES = Path(__file__).parents[2] / "models/fetched"
with_face_models = pytest.mark.skipif(not (FACES / "facemesh.onnx").is_file(), reason="no face models here: make setup")
CONFIG = """pairs = 2
steps = {steps}
warmup = 1
rate = {rate}
checkpoint_every = 1
select_every = 100
select_pairs = 16
window_pairs = 2
window_held_out = 2
window_epochs = 1
device = "cpu"
families = {{ self = 1.0 }}
[shape]
backbone = "efficientnet_lite0"
dim = {dim}
hidden = 8
"""


def config(tmp_path, steps=1, rate=1e-3, dim=16) -> Path:
    file = tmp_path / f"{steps}-{rate}-{dim}.toml"
    file.write_text(CONFIG.format(steps=steps, rate=rate, dim=dim))
    return file


@pytest.fixture(scope="module")
def finished(pack_folder, tmp_path_factory) -> Path:
    """A run folder of one step, finished by the command."""
    folder = tmp_path_factory.mktemp("finished")
    assert cli.main(["train", "--pack", str(pack_folder), "--config", str(config(folder)), "--run", str(folder / "run")]) == 0
    return folder / "run"


def hashes(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


def refused(capsys, arguments: list, *said: str) -> None:
    """Exit code 2 and one line with all of `said`."""
    capsys.readouterr()
    assert cli.main([str(a) for a in arguments]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, lines
    for part in said:
        assert part in lines[0], lines[0]


@contextmanager
def files_at_most(size: int):
    """As a full disk: the system refuses to let any file grow beyond `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def clip(path: Path, frames: int = 4) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(frames):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((240, 320, 3), 40 * number, np.uint8), format="rgb24")))
        out.mux(stream.encode())


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((300, 260, 3), 90, np.uint8))


def test_empty_folders_and_one_class_missing(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    picture(tmp_path / "fakes/fake/a.png")
    refused(capsys, ["discover", "--data", tmp_path / "empty"], str(tmp_path / "empty"), "no picture or clip")
    for data, said in ((tmp_path / "empty", "no picture or clip"), (tmp_path / "nowhere", "does not exist"), (tmp_path / "fakes", "no real face")):
        refused(capsys, ["prep", "--data", data, "--pack", tmp_path / "pack", "--faces", FACES], data.name, said)
    clip(tmp_path / "clips/fake/a_1_2.mp4")
    with pytest.raises(UserError, match="clips holds no real clip.*add some"):
        evaluate.score_tree(None, tmp_path / "clips", None, tmp_path)


@with_face_models
def test_damaged_files_and_files_without_a_face_are_counted_with_their_reason(tmp_path, capsys):
    picture(tmp_path / "data/plain.png")
    for name in ("torn.jpg", "torn.mp4"):
        (tmp_path / "data" / name).write_bytes(b"no media")
    clip(tmp_path / "data/short.mp4")
    refused(capsys, ["prep", "--data", tmp_path / "data", "--pack", tmp_path / "pack", "--faces", FACES], "any of 4 real files", "damaged: 2", "no face found: 2", "DATA=")
    assert not (tmp_path / "pack/manifest.json").exists(), "a later make train would take it for a pack"


def test_discovery_reports_classes_sizes_codecs_and_what_is_damaged(tmp_path):
    clip(tmp_path / "tree/real/1.mp4")
    clip(tmp_path / "tree/fake/Deepfakes_1_2.mp4")
    picture(tmp_path / "stills/a.png")
    (tmp_path / "stills/b.jpg").write_bytes(b"")
    (tmp_path / "stills/c.jpg").write_bytes(b"torn")
    (tmp_path / "tree/real/2.mp4").write_bytes(b"torn")
    (tmp_path / "nothing").mkdir()
    found = {f.name: f for f in discover.under(tmp_path)}
    assert found["tree"].classes == {"real": 1, "Deepfakes": 1} and found["tree"].codecs == {"h264": 2} and found["tree"].sizes == {"under 360": 2}
    assert [name for name, _ in found["tree"].damaged] == ["real/2.mp4"]
    assert found["stills"].codecs == {"png": 1} and dict(found["stills"].damaged)["b.jpg"] == "empty file"
    assert "no picture or clip" in found["nothing"].skipped
    text = "\n".join(line for f in found.values() for line in discover.lines(f))
    assert "nothing: skipped" in text and "damaged, will be skipped: 2" in text and "one class only: real" in text


@pytest.mark.parametrize("files, metadata, said", [
    (["original_sequences/youtube/c23/videos/000_003.mp4"], None, "000_003.mp4 is named as a manipulated clip"),
    (["manipulated_sequences/Deepfakes/c23/videos/000.mp4"], None, "000.mp4 is named as an original"),
    (["a.mp4"], [1], "metadata.json is no table"),
    (["a.mp4"], {"a.mp4": {"label": "REAL", "original": "b.mp4"}}, "a.mp4 is labelled REAL and names an original"),
    (["a.mp4", "b.mp4"], {"a.mp4": {"label": "FAKE", "original": "b.mp4"}, "b.mp4": {"label": "FAKE"}}, "the original of a.mp4, b.mp4, is labelled FAKE"),
    (["a.mp4"], {"a.mp4": {"label": "FAKE", "original": 3}}, "original of a.mp4 is 3")])
def test_wrong_labels(tmp_path, capsys, files, metadata, said):
    for name in files:
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / name).write_bytes(b"x")
    if metadata is not None:
        (tmp_path / "set/metadata.json").write_text(json.dumps(metadata))
    refused(capsys, ["prep", "--data", tmp_path / "set", "--pack", tmp_path / "pack", "--faces", FACES], str(tmp_path / "set"), said)


def test_a_full_disk_stops_with_the_last_checkpoint_whole(pack_folder, finished, tmp_path, capsys):
    before = hashes(finished)
    with files_at_most(500_000):
        refused(capsys, ["train", "--pack", pack_folder, "--config", config(tmp_path, steps=2), "--run", finished], "cannot be written", "free space")
    assert hashes(finished) == before
    assert checkpoint.load(finished / "frames.pt")["step"] == 1


def test_a_gpu_that_is_not_there(pack_folder, finished, tmp_path, capsys):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    before = hashes(finished)
    refused(capsys, ["train", "--pack", pack_folder, "--config", config(tmp_path, steps=2), "--run", finished, "--device", "cuda"], "'cuda'", "no CUDA GPU", 'device = "auto"')
    assert hashes(finished) == before


def test_another_architecture_and_a_file_of_another_program(pack_folder, finished, tmp_path, capsys):
    before = hashes(finished)
    refused(capsys, ["train", "--pack", pack_folder, "--config", config(tmp_path, dim=24), "--run", finished], "frames.pt is of another architecture", "dim: 16", "another folder")
    assert hashes(finished) == before
    run = tmp_path / "run"
    run.mkdir()
    torch.save({"weights": torch.zeros(3)}, run / "frames.pt")
    refused(capsys, ["train", "--pack", pack_folder, "--config", config(tmp_path), "--run", run], "frames.pt says nothing of its architecture")
    state = checkpoint.load(finished / "frames.pt")
    state["model"].pop("logit.weight")
    torch.save(state, run / "frames.pt")
    refused(capsys, ["train", "--pack", pack_folder, "--config", config(tmp_path), "--run", run], "frames.pt does not hold the weights", "logit.weight")


def test_a_loss_that_is_no_number_loses_nothing(pack_folder, finished, tmp_path, capsys, monkeypatch):
    before = hashes(finished)
    monkeypatch.setattr(train.losses, "classes", lambda logit, *_: logit.sum() * float("nan"))
    refused(capsys, ["train", "--pack", pack_folder, "--config", config(tmp_path, steps=2), "--run", finished], "loss is nan at step 1", "lower `rate`", "frames.pt holds the last good state")
    assert hashes(finished) == before


def test_export_names_what_is_missing(finished, tmp_path, capsys):
    about = tmp_path / "about.json"
    about.write_text('{"about": {}}')
    run = tmp_path / "run"
    refused(capsys, ["export", "--run", run, "--model", tmp_path / "m", "--about", about], "windows-held-out.npz", "run `train`")
    refused(capsys, ["export", "--run", finished, "--model", tmp_path / "m", "--about", about], "about.json has no", "configs/about.json")
    refused(capsys, ["registry", "--models", tmp_path / "m", "--action", "list"], "no model folder", "export a model first")
    assert not (tmp_path / "m").exists()
    model = tmp_path / "kept"
    model.mkdir()
    (model / "model.toml").write_text('version = "1"')
    assert cli.main(["registry", "--models", str(model), "--action", "keep"]) == 0
    refused(capsys, ["registry", "--models", model, "--action", "rollback", "--names", "9"], "version 9 of kept is not kept", "kept: 1 (live)")
    refused(capsys, ["registry", "--models", model, "--action", "compare", "--names", "1"], "compare takes 2 versions, 1 were given")


def test_an_error_of_a_worker_process_keeps_its_message():
    wrapped = UserError("Caught UserError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n  ...\n"
                        "truevision_training.errors.UserError: pack x is damaged: prep again\n")
    assert cli.one_line(wrapped) == "pack x is damaged: prep again"
    assert cli.one_line(UserError("a\n  b")) == "a b"


@pytest.mark.parametrize("line, said", [("steps = 'many'", "steps is 'many', expected int"), ("balance = 'both'", "balance is 'both'"), ("families = { magic = 1.0 }", "family 'magic'")])
def test_settings_of_the_wrong_kind(pack_folder, tmp_path, capsys, line, said):
    file = tmp_path / "c.toml"
    file.write_text(line + "\n")
    refused(capsys, ["train", "--pack", pack_folder, "--config", file, "--run", tmp_path / "run"], str(file), said)


def test_a_pack_of_too_few_people(pack_folder, tmp_path, capsys):
    for file in pack_folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    for entry in manifest["files"]:
        entry["split"] = "train"
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    refused(capsys, ["train", "--pack", tmp_path, "--config", config(tmp_path), "--run", tmp_path / "run"], str(tmp_path), "0 people in its held-out pictures", "more pictures")


def test_balance_of_unequal_groups(pack_folder, tmp_path):
    pack = Pack(pack_folder)
    pack.dataset["stills"] = np.where(np.arange(len(pack.dataset["stills"])) < 4, "small", "large")
    pack.trained["clips"][:] = False
    share, rows = {}, {}
    for balance in stills.BALANCES:
        maker = Stills(pack, [], True, 112, FAMILY_SHARES, balance)
        drawn = [maker.draw_face(rng)[1] for rng in [np.random.default_rng(1)] for _ in range(3000)]
        share[balance] = np.mean([pack.dataset["stills"][row] == "small" for row in drawn])
        rows[balance] = Counter(pack.dataset["stills"][row] for row in set(drawn))
    assert share["size"] < 0.13 < share["root"] < 0.35 < 0.46 < share["over"] < 0.54 and 0.46 < share["under"] < 0.54
    assert rows["over"]["large"] == 27 and rows["over"]["small"] == 3, "over-sampling leaves no row out"
    assert rows["under"]["large"] == rows["under"]["small"] == 3, "under-sampling takes as many of each"


def test_a_file_that_cannot_be_read_is_skipped(tmp_path):
    picture(tmp_path / "a.png")
    item = read(tmp_path)[0]
    (tmp_path / "a.png").unlink()
    assert prep.work((item, 80.0))[2].startswith("damaged: cannot be read")


def test_crops_of_another_rule_need_room_in_the_pack(pack_folder):
    pack = Pack(pack_folder)
    pack.manifest["crop"] = {"size": 112, "side": 2.8, "center": 0.36}
    pack.fit(CropRule(112, 3.31, 0.28))
    assert np.isclose(pack.margin, 1.4 * 2.8 / 3.31)
    with pytest.raises(UserError, match="prep --side 4"):
        pack.fit(CropRule(112, 4.0, 0.3))
