"""A trained checkpoint in, a model folder out: encoder.onnx, head.onnx, model.toml. Called by the `export` command.

Graphs are opset 17 with a dynamic batch; the encoder takes u8 RGB and normalises inside. Parity of the fp32 graphs with PyTorch is
checked before anything is written to the target folder; then the encoder may be stored in fewer bits (precision).
"""

import hashlib
import json
import shutil
import subprocess
import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from . import checkpoint, network, precision
from .errors import UserError
from .geometry import CropRule
from .settings import Settings

OPSET = 17
PARITY = 1e-4
TOLERANCE = {"fp32": (0.001, 0.05), "fp16": (0.05, 0.05), "int8": (0.1, 1.0)}
"""Of the reference on CPU and GPU, in shares of its largest number. int8: another CPU may round a sample the other way, a GPU computes in
floats. The contract allows 1 at most."""


class HeadGraph(nn.Module):
    """The head with named outputs; `frame_logits` [B, 8] is for evaluation only."""

    def __init__(self, head: network.Head):
        super().__init__()
        self.head = head

    def forward(self, window):
        logit, synthetic, attention = self.head(window)
        frames = self.head.frame(window)[..., 0]
        return (logit, attention, frames) if synthetic is None else (logit, attention, frames, synthetic)


def about(file: Path) -> dict:
    """The tables `about`, `score` and `quality` of a new model.toml."""
    try:
        table = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{file} cannot be read as JSON ({error}): give what training/configs/about.json has") from error
    missing = {"about", "score", "quality"} - set(table)
    if missing:
        raise UserError(f"{file} has no {sorted(missing)[0]!r}: give what training/configs/about.json has")
    return table


def restore(file: Path, settings: Settings | None = None) -> tuple[network.Shape, network.Encoder, network.Head]:
    """A `model.pt` of the head stage."""
    state = checkpoint.load(file)
    if "head" not in state:
        raise UserError(f"{file} is not a finished model (no head in it): run the head stage first")
    if settings:
        checkpoint.require_shape(state, vars(settings.shape), file)
    checkpoint.require_shape(state, {}, file)
    shape = network.Shape(**state["shape"])
    encoder, head = network.Encoder(shape), network.Head(shape)
    checkpoint.fill(encoder, state["encoder"], file)
    checkpoint.fill(head, state["head"], file)
    return shape, encoder.eval(), head.eval()


def reference_crops(seed: int, frames: int, size: int) -> np.ndarray:
    """xorshift32 bytes [frames, size, size, 3], as src/infer/contract.rs makes them."""
    count, x, out = frames * size * size * 3, seed & 0xFFFFFFFF, bytearray()
    for _ in range(count):
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        out.append(x >> 24)
    return np.frombuffer(bytes(out), np.uint8).reshape(frames, size, size, 3)


def graphs(encoder: network.Encoder, head: network.Head, shape: network.Shape, folder: Path) -> None:
    """Writes both graphs."""
    crops = torch.randint(0, 256, (2, shape.size, shape.size, 3), dtype=torch.uint8)
    outputs = ["fake_logit", "attention", "frame_logits"] + ["synthetic_logit"] * shape.synthetic
    torch.onnx.export(encoder, (crops,), str(folder / "encoder.onnx"), input_names=["crops"], output_names=["embeddings"], opset_version=OPSET,
                      dynamic_axes={"crops": {0: "n"}, "embeddings": {0: "n"}}, dynamo=False)
    torch.onnx.export(HeadGraph(head).eval(), (torch.randn(2, 8, shape.dim),), str(folder / "head.onnx"), input_names=["window"], output_names=outputs,
                      opset_version=OPSET, dynamic_axes={name: {0: "b"} for name in ["window"] + outputs}, dynamo=False)


def opened(folder: Path) -> dict[str, onnxruntime.InferenceSession]:
    return {name: onnxruntime.InferenceSession(str(folder / f"{name}.onnx"), providers=["CPUExecutionProvider"]) for name in ("encoder", "head")}


def reference(folder: Path, size: int) -> tuple[np.ndarray, float]:
    """What the graphs say of the reference crops: first values of the first embedding, fake logit."""
    run = opened(folder)
    made = run["encoder"].run(["embeddings"], {"crops": reference_crops(1, 8, size)})[0]
    return made[0, :8], float(run["head"].run(["fake_logit"], {"window": made[None]})[0][0])


def parity(encoder: network.Encoder, head: network.Head, shape: network.Shape, folder: Path) -> float:
    """Largest difference of both graphs in a chain from PyTorch's whole, over reference and random windows."""
    run = opened(folder)
    rng = np.random.default_rng(0)
    windows = [reference_crops(1, 8, shape.size), rng.integers(0, 256, (8, shape.size, shape.size, 3), np.uint8),
               np.full((8, shape.size, shape.size, 3), 128, np.uint8)]
    worst = 0.0
    for crops in windows:
        with torch.no_grad():
            embedding = encoder(torch.from_numpy(crops.copy()))
            logit = head(embedding[None])[0]
        made = run["encoder"].run(["embeddings"], {"crops": crops})[0]
        scored = run["head"].run(["fake_logit"], {"window": made[None]})[0]
        scale = max(1.0, float(embedding.abs().max()))
        worst = max(worst, float(np.abs(made - embedding.numpy()).max()) / scale, float(np.abs(scored - logit.numpy()).max()))
    return worst


def toml(table: dict) -> str:
    """Tables of plain values as TOML; nested one level."""
    def value(v):
        return "[" + ", ".join(value(x) for x in v) + "]" if isinstance(v, list) else json.dumps(v)
    lines = [f"{k} = {value(v)}" for k, v in table.items() if not isinstance(v, dict)]
    for name, part in table.items():
        if isinstance(part, dict):
            lines += ["", f"[{name}]"] + [f"{k} = {value(v)}" for k, v in part.items()]
    return "\n".join(lines) + "\n"


def commit() -> str:
    """Of the training code, or `unknown` outside a checkout."""
    found = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=Path(__file__).parent)
    return found.stdout.strip() or "unknown"


def export(file: Path, target: Path, rule: CropRule, about: dict, score: dict, quality: dict, bits: str = "fp32",
           crops: np.ndarray | None = None) -> float:
    """Writes the model folder and returns the parity found. `about`: version, note, licence, trial. `bits`: one of PRECISIONS; int8 needs
    training `crops` [N, s, s, 3] u8 to measure its ranges on. Nothing is replaced on failure."""
    if bits not in precision.PRECISIONS:
        raise UserError(f"precision {bits!r} is unknown, expected one of {', '.join(precision.PRECISIONS)}")
    shape, encoder, head = restore(file)
    with tempfile.TemporaryDirectory(dir=target.parent if target.parent.is_dir() else None) as scratch:
        folder = Path(scratch)
        graphs(encoder, head, shape, folder)
        worst = parity(encoder, head, shape, folder)
        if worst > PARITY:
            raise UserError(f"exported graphs of {file} differ from PyTorch by {worst:.2e}, at most {PARITY:.0e} is allowed: nothing was written")
        made = folder / "encoder.onnx"
        if bits == "int8":
            precision.int8(made, made, crops)
        elif bits == "fp16":
            precision.fp16(made, made)
        embedding, logit = reference(folder, shape.size)
        scale = max(1.0, float(np.abs(embedding).max()), abs(logit))
        digest = {n: hashlib.sha256((folder / f"{n}.onnx").read_bytes()).hexdigest() for n in ("encoder", "head")}
        for name in digest:
            onnx.checker.check_model(str(folder / f"{name}.onnx"))
        head_part = {"file": "head.onnx", "sha256": digest["head"], "opset": OPSET, "input": "window", "fake_logit": "fake_logit"}
        if shape.synthetic:
            head_part["synthetic_logit"] = "synthetic_logit"
        contract = {"name": target.name, "version": about["version"], "date": date.today().isoformat(), "commit": commit(),
                    "trial": about["trial"], "note": about["note"], "licence": about["licence"],
                    "encoder": {"file": "encoder.onnx", "sha256": digest["encoder"], "opset": OPSET, "input": "crops",
                                "output": "embeddings", "dim": shape.dim},
                    "head": head_part | {"attention": "attention"},
                    "crop": {"size": rule.size, "side": rule.side, "center": rule.center},
                    "window": {"frames": 8, "rate_hz": 8.0, "tolerance": 0.45, "stride": 1},
                    "quality": quality, "score": score,
                    "reference": {"seed": 1, "embedding": [float(v) for v in embedding], "fake_logit": logit,
                                  "tolerance_cpu": min(1.0, TOLERANCE[bits][0] * scale), "tolerance_gpu": min(1.0, TOLERANCE[bits][1] * scale)}}
        (folder / "model.toml").write_text(toml(contract))
        target.mkdir(parents=True, exist_ok=True)
        for name in ("encoder.onnx", "head.onnx", "model.toml"):
            shutil.copyfile(folder / name, target / name)
    return worst
