"""The commands that a user types, from pictures to a rolled back model, on a tiny set made of the demo's portrait and clips.

`make train`, `export`, `evaluate`, `registry` at the root of the checkout; nothing is learned in so few steps and no figure is judged.
"""

import hashlib
import json
import os
import subprocess
import tomllib
from itertools import count, islice
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from truevision_training import prep
from truevision_training.model import Model

ROOT = Path(__file__).parents[2]
DEMO = ROOT / ".cache/demo"
CONFIG = """name = "tiny"
pairs = 2
steps = 2
warmup = 1
checkpoint_every = 1
select_every = 100
select_pairs = 16
window_pairs = 4
window_held_out = 4
window_epochs = 1
balance = "over"
device = "cpu"
families = { self = 0.5, drift = 0.5 }
[shape]
backbone = "efficientnet_lite0"
dim = 16
hidden = 8
"""

pytestmark = pytest.mark.skipif(not (DEMO / "manipulated.mp4").is_file() or not (ROOT / "models/fetched/facemesh.onnx").is_file(),
                                reason="no demo clips or face models here: make setup")


def names(dataset: str, trained: int, held_out: int) -> list[str]:
    """File names of which so many fall on either side of the split."""
    found = {False: [], True: []}
    for number in count():
        name = f"p{number}"
        found[prep.held_out(f"{dataset}/{name}")].append(name)
        if len(found[False]) >= trained and len(found[True]) >= held_out:
            return found[False][:trained] + found[True][:held_out]


def pictures(folder: Path, dataset: str) -> None:
    """The portrait in other light, size and direction: as many people as there are names."""
    portrait, rng = cv2.imread(str(DEMO / "astronaut.png")), np.random.default_rng(0)
    folder.mkdir(parents=True)
    for name in names(dataset, 8, 3):
        side = int(rng.integers(230, 330))
        image = cv2.convertScaleAbs(portrait[0:side, 210 - side // 3:240 + side // 2], alpha=rng.uniform(0.8, 1.2), beta=rng.uniform(-15, 15))
        cv2.imwrite(str(folder / f"{name}.png"), image[:, ::-1] if rng.random() < 0.5 else image)


def frames(name: str, length: int = 50) -> list[np.ndarray]:
    """The first frames of a demo clip, [360, 640, 3] u8 RGB."""
    with av.open(str(DEMO / f"{name}.mp4")) as clip:
        return [frame.reformat(640, 360).to_ndarray(format="rgb24") for frame in islice(clip.decode(video=0), length)]


def write(path: Path, pages: list[np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "23", "preset": "superfast"})
        stream.height, stream.width, stream.pix_fmt = *pages[0].shape[:2], "yuv420p"
        for page in pages:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(page), format="rgb24")))
        out.mux(stream.encode())


def make(*words: str, fails: bool = False) -> str:
    done = subprocess.run(["make", "--no-print-directory", *words], cwd=ROOT, capture_output=True, text=True,
                          env={k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")})
    assert (done.returncode == 2) if fails else done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_train_export_evaluate_compare_and_roll_back(tmp_path):
    pictures(tmp_path / "data/portraits", "portraits")
    untouched, manipulated = frames("untouched"), frames("manipulated")
    for name in names("talks", 1, 1):
        write(tmp_path / f"data/talks/{name}.mp4", untouched)
    clips = tmp_path / "clips"
    write(clips / "dev/c40/real/1.mp4", untouched)
    write(clips / "dev/c40/fake/Demo_1_2.mp4", manipulated)
    write(clips / "dev/live_swap/pair.mp4", [np.hstack([a[:, 160:480], b[:, 160:480]]) for a, b in zip(untouched, manipulated)])
    write(clips / f"real/{names('clips', 0, 1)[0]}.mp4", untouched)
    config, pack, run, model, about = (tmp_path / name for name in ("tiny.toml", "pack", "run", "models/tiny", "about.json"))
    config.write_text(CONFIG)
    model.parent.mkdir()
    paths = [f"PACK={pack}", f"RUN={run}", f"MODEL={model}", f"CONFIG={config}", f"ABOUT={about}", f"CACHE={tmp_path / 'cache'}"]
    data = f"DATA={tmp_path / 'data/portraits'} {tmp_path / 'data/talks'}"

    found = make("discover", f"DATA={tmp_path / 'data'}")
    assert "portraits: layout faces, 11 identities" in found and "talks: layout faces, 2 identities" in found and "codec: h264 2" in found

    make("train", data, *paths)
    entries = json.loads((pack / "manifest.json").read_text())["files"]
    assert len([e for e in entries if e.get("faces")]) == 13, "every file of the set has a face"
    for entry in entries:
        file = tmp_path / "data" / entry["dataset"] / entry["file"]
        assert entry["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
        assert (entry["split"] == "held-out") == prep.held_out(entry["identity"])
    history = json.loads((run / "history.json").read_text())
    assert [h["step"] for h in history if "loss" in h] == [2] and (run / "curves.png").stat().st_size > 1000

    settings = json.loads((ROOT / "training/configs/about.json").read_text())
    for version in ("0.0.1", "0.0.2"):
        settings["about"] |= {"version": version, "note": "tiny", "licence": "none"}
        about.write_text(json.dumps(settings))
        assert "parity" in make("export", *paths)
        make("evaluate", f"CLIPS={clips}", "PAIRS=4", "RATES=10", *paths)
        make("registry", "ACTION=keep", *paths)
    assert tomllib.loads((model / "model.toml").read_text())["version"] == "0.0.2"

    figures, card = json.loads((model / "figures.json").read_text()), (model / "card.md").read_text()
    assert figures["labelled"]["windows"]["Demo"]["fake"] == 1 and figures["live"]["windows"]["fake"] == 1
    assert figures["genuine"]["windows"] > 5 and figures["frame_rates"][0]["fps"] == 10 and figures["frame_rates"][0]["genuine"]["windows"] > 5
    for part in ("## Clips with fakes", "## Held-out simulators", "## Calibration", "false alarms", "## Robustness", "## Fairness", "## Canaries", "## Synthetic head", "## Speed"):
        assert part in card
    assert "nan" not in card and (model / "reliability.png").read_bytes()[1:4] == b"PNG"

    table = make("registry", "ACTION=compare", "VERSIONS=0.0.1 0.0.2", *paths)
    row = next(line for line in table.splitlines() if line.startswith("AUC of labelled clips"))
    assert row.split()[-1] == row.split()[-2] == f"{figures['labelled']['windows']['all']['auc']:.3f}"
    assert "tiny is 0.0.1 now" in make("registry", "ACTION=rollback", "VERSIONS=0.0.1", *paths)
    assert tomllib.loads((model / "model.toml").read_text())["version"] == "0.0.1" and Model(model).contract["name"] == "tiny"
    assert "0.0.1 (live)\n0.0.2" in make("registry", "ACTION=list", *paths)
    assert "version 9 of tiny is not kept" in make("registry", "ACTION=rollback", "VERSIONS=9", *paths, fails=True)


@pytest.mark.parametrize("words, said", [(("train",), "DATA is not set"), (("evaluate",), "CLIPS is not set"), (("discover",), "DATA is not set"),
                                         (("registry",), "ACTION is not set"), (("swapper",), "DATA is not set"),
                                         (("draw",), "AUTOENCODER is not set"), (("envelope", "CLIPS=x"), "AUTOENCODER is not set")])
def test_a_forgotten_setting_is_named(words, said):
    assert said in make(*words, f"PACK={ROOT / '.cache/no-pack'}", fails=True)
