"""The encoder in fewer bits: encoder.onnx in fp32 in, an int8 copy (for CPUs) or an fp16 copy (for GPUs) out. Called by export.

Input and output keep their types, so the contract is the same: u8 crops in, f32 embeddings out.
"""

import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from onnxruntime.transformers import float16

PRECISIONS = ("fp32", "fp16", "int8")
CALIBRATION = 512
"""Crops that the ranges of int8 are measured on."""
TOGETHER = 32


class Crops(CalibrationDataReader):
    """[N, s, s, 3] u8 in batches."""

    def __init__(self, crops: np.ndarray):
        self.batches = iter(np.split(crops, range(TOGETHER, len(crops), TOGETHER)))

    def get_next(self) -> dict | None:
        batch = next(self.batches, None)
        return None if batch is None else {"crops": batch}


def int8(graph: Path, target: Path, crops: np.ndarray) -> None:
    """A scale a channel for convolutions. Weights keep 7 bits: CPUs without VNNI add two products in 16 bits."""
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(graph, prepared, skip_symbolic_shape=True)
        quantize_static(prepared, target, Crops(crops), op_types_to_quantize=["Conv", "Add", "GlobalAveragePool", "Relu", "Clip"], per_channel=True,
                        reduce_range=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)


def fp16(graph: Path, target: Path) -> None:
    """Half precision inside; what normalises the u8 crops stays in f32 and so do the types at both ends."""
    onnx.save(float16.convert_float_to_float16(onnx.load(graph), keep_io_types=True), target)
