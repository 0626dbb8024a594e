"""Makes models/trial-112 from the trial's graphs.

In: a folder with encoder.onnx and head.onnx (`crops [n, 112, 112, 3] u8` -> `embeddings [n, 384] f32`;
`window [b, 8, 384] f32` -> `fake_logit [b]`, `attention [b, 8]`). Out: both graphs as they are, and model.toml with
their hashes and the reference answer. Run by hand when the trial changes:

    python scripts/export_trial.py GRAPHS models/trial-112      (needs numpy, onnx, onnxruntime)
"""

import hashlib
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

SIZE, FRAMES, DIM, SEED = 112, 8, 384, 1

CONTRACT = """\
# The contract of this model: src/infer/contract.rs says what each key means. Written by scripts/export_trial.py.
name = "trial-112"
version = "0.1.0"
date = "2026-11-24"
commit = "unknown"
trial = true
note = "Trial network for bringing the program up: knows some face swaps and blends, is at chance on live swaps. Do not rely on its verdicts."
licence = "Trained from scratch on real faces of research datasets; for trial only, not for redistribution as a product."

[encoder]
file = "encoder.onnx"
sha256 = "{encoder_sha256}"
opset = {encoder_opset}
input = "crops"
output = "embeddings"
dim = {dim}

[head]
file = "head.onnx"
sha256 = "{head_sha256}"
opset = {head_opset}
input = "window"
fake_logit = "fake_logit"
attention = "attention"

# Equals 1.25 x the YuNet box's longer side, which it was trained with, on average of 212 faces (BlazeFace landmarks).
[crop]
size = {size}
side = 3.31
center = 0.28

[window]
frames = {frames}
rate_hz = 8.0
tolerance = 0.45
stride = 1

[quality]
min_side_px = 70.0
min_sharpness = 15.0
min_luma = 40.0
max_luma = 220.0
max_yaw_deg = 55.0
max_pitch_deg = 40.0
max_outside = 0.15

# Bias and temperature: see card.md, "Calibration".
[score]
temperature = 0.67
bias = -0.2
synthetic_at = 0.9
fake_at = 0.70
real_at = 0.30

[reference]
seed = {seed}
embedding = {embedding}
fake_logit = {fake_logit}
tolerance_cpu = 0.001
tolerance_gpu = 0.05
"""


def noise(seed: int, count: int) -> np.ndarray:
    """The reference input's bytes: xorshift32, upper byte of each state."""
    out, x = bytearray(count), seed
    for i in range(count):
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        out[i] = x >> 24
    return np.frombuffer(bytes(out), np.uint8)


def export(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    facts, sessions = {}, {}
    for graph in ("encoder", "head"):
        data = (source / f"{graph}.onnx").read_bytes()
        (target / f"{graph}.onnx").write_bytes(data)
        facts[f"{graph}_sha256"] = hashlib.sha256(data).hexdigest()
        facts[f"{graph}_opset"] = next(o.version for o in onnx.load_from_string(data).opset_import if not o.domain)
        sessions[graph] = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])

    crops = noise(SEED, FRAMES * SIZE * SIZE * 3).reshape(FRAMES, SIZE, SIZE, 3)
    (embeddings,) = sessions["encoder"].run(["embeddings"], {"crops": crops})
    (logit,) = sessions["head"].run(["fake_logit"], {"window": embeddings[None]})
    text = CONTRACT.format(
        **facts,
        size=SIZE,
        frames=FRAMES,
        dim=DIM,
        seed=SEED,
        embedding=[round(float(v), 6) for v in embeddings[0, :8]],
        fake_logit=round(float(logit[0]), 6),
    )
    (target / "model.toml").write_text(text)


if __name__ == "__main__":
    export(Path(sys.argv[1]), Path(sys.argv[2]))
