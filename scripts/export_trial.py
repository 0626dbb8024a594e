"""Makes models/trial-112 from the trial's graphs.

In: a folder with encoder.onnx and head.onnx (`crops [n, 112, 112, 3] u8` -> `embeddings [n, 384] f32`;
`window [b, 8, 384] f32` -> `fake_logit [b]`, `attention [b, 8]`), and a .npy file of about 256 genuine crops
`[n, 112, 112, 3] u8 RGB` cut by this model's rule. Out: the encoder in int8, calibrated on the crops, the head as it
is, and model.toml with their hashes and the reference answer. Run by hand when the trial changes:

    python scripts/export_trial.py GRAPHS CROPS.npy models/trial-112      (needs numpy, onnx, onnxruntime, sympy)
"""

import hashlib
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

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
real_side_px = 80.0

[reference]
seed = {seed}
embedding = {embedding}
fake_logit = {fake_logit}
# int8: another CPU may round a sample the other way, a GPU computes in floats.
tolerance_cpu = 0.05
tolerance_gpu = 0.25
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


class Batches(CalibrationDataReader):
    """The calibration crops, eight a call."""

    def __init__(self, crops: np.ndarray):
        self.rest = iter(np.split(crops, range(8, len(crops), 8)))

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self.rest, None)
        return None if batch is None else {"crops": batch}


def quantise(graph: Path, crops: np.ndarray, target: Path) -> None:
    """Static int8 (QDQ, a scale a channel). Weights keep 7 bits: CPUs without VNNI add two products in 16 bits."""
    with tempfile.TemporaryDirectory() as scratch:
        prepared = Path(scratch) / "prepared.onnx"
        quant_pre_process(graph, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            target,
            Batches(crops),
            op_types_to_quantize=["Conv", "Add", "GlobalAveragePool", "Relu"],
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
        )


def export(source: Path, crops: np.ndarray, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    quantise(source / "encoder.onnx", crops, target / "encoder.onnx")
    (target / "head.onnx").write_bytes((source / "head.onnx").read_bytes())
    facts, sessions = {}, {}
    for graph in ("encoder", "head"):
        data = (target / f"{graph}.onnx").read_bytes()
        facts[f"{graph}_sha256"] = hashlib.sha256(data).hexdigest()
        facts[f"{graph}_opset"] = next(o.version for o in onnx.load_from_string(data).opset_import if not o.domain)
        sessions[graph] = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])

    noisy = noise(SEED, FRAMES * SIZE * SIZE * 3).reshape(FRAMES, SIZE, SIZE, 3)
    (embeddings,) = sessions["encoder"].run(["embeddings"], {"crops": noisy})
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
    export(Path(sys.argv[1]), np.load(sys.argv[2]), Path(sys.argv[3]))
