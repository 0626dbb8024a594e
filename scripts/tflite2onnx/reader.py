"""Reads a TFLite file: bytes in, `Graph` (tensors with their constants, operators with their options) out.

Called by `convert.py`. A TFLite file is a FlatBuffer; the numbers named `_SLOT` style below are the field
positions and enum values of TensorFlow's published schema (tensorflow/lite/schema/schema.fbs). Only what the
MediaPipe face models use is read; anything else raises `ValueError` naming it.
"""

import struct
from dataclasses import dataclass

import numpy as np

# TensorType of the schema -> numpy.
DTYPES = {0: np.float32, 1: np.float16, 2: np.int32, 3: np.uint8, 4: np.int64, 9: np.int8}

# BuiltinOperator of the schema -> name.
OPERATORS = {
    0: "ADD",
    2: "CONCATENATION",
    3: "CONV_2D",
    4: "DEPTHWISE_CONV_2D",
    5: "DEPTH_TO_SPACE",
    6: "DEQUANTIZE",
    17: "MAX_POOL_2D",
    19: "RELU",
    22: "RESHAPE",
    23: "RESIZE_BILINEAR",
    34: "PAD",
    54: "PRELU",
    124: "DENSIFY",
}

# Operator -> its option fields in schema order, each with its struct format ("b" byte, "i" int32, "-" unused).
OPTIONS = {
    "ADD": [("activation", "b")],
    "CONCATENATION": [("axis", "i"), ("activation", "b")],
    "CONV_2D": [("padding", "b"), ("stride_w", "i"), ("stride_h", "i"), ("activation", "b")],
    "DEPTHWISE_CONV_2D": [
        ("padding", "b"),
        ("stride_w", "i"),
        ("stride_h", "i"),
        ("multiplier", "i"),
        ("activation", "b"),
    ],
    "DEPTH_TO_SPACE": [("block", "i")],
    "MAX_POOL_2D": [
        ("padding", "b"),
        ("stride_w", "i"),
        ("stride_h", "i"),
        ("filter_w", "i"),
        ("filter_h", "i"),
        ("activation", "b"),
    ],
    "RESIZE_BILINEAR": [("", "-"), ("", "-"), ("align_corners", "b"), ("half_pixel_centers", "b")],
}


@dataclass
class Tensor:
    """One tensor; `data` holds its values when it is a constant, densified when stored sparse."""

    name: str
    shape: tuple[int, ...]
    data: np.ndarray | None


@dataclass
class Operator:
    """One operator; `inputs` and `outputs` index `Graph.tensors` (-1: an optional input left out)."""

    kind: str
    inputs: list[int]
    outputs: list[int]
    options: dict[str, int]


@dataclass
class Graph:
    """The first subgraph of a model, operators in execution order."""

    tensors: list[Tensor]
    operators: list[Operator]
    inputs: list[int]
    outputs: list[int]


class _Table:
    """A FlatBuffer table: fields found through its vtable; absent fields read as their default."""

    def __init__(self, buf: bytes, pos: int):
        self.buf, self.pos = buf, pos
        self.vtable = pos - struct.unpack_from("<i", buf, pos)[0]
        self.vtable_size = struct.unpack_from("<H", buf, self.vtable)[0]

    def _field(self, slot: int) -> int:
        """Position of field `slot`, 0 when absent."""
        at = 4 + 2 * slot
        offset = struct.unpack_from("<H", self.buf, self.vtable + at)[0] if at < self.vtable_size else 0
        return self.pos + offset if offset else 0

    def scalar(self, slot: int, fmt: str, default: int = 0) -> int:
        at = self._field(slot)
        return struct.unpack_from("<" + fmt, self.buf, at)[0] if at else default

    def _follow(self, at: int) -> int:
        return at + struct.unpack_from("<I", self.buf, at)[0]

    def table(self, slot: int) -> "_Table | None":
        at = self._field(slot)
        return _Table(self.buf, self._follow(at)) if at else None

    def array(self, slot: int, dtype) -> np.ndarray:
        at = self._field(slot)
        if not at:
            return np.empty(0, dtype)
        start = self._follow(at)
        count = struct.unpack_from("<I", self.buf, start)[0]
        return np.frombuffer(self.buf, dtype, count, start + 4)

    def tables(self, slot: int) -> "list[_Table]":
        at = self._field(slot)
        if not at:
            return []
        start = self._follow(at)
        count = struct.unpack_from("<I", self.buf, start)[0]
        return [_Table(self.buf, self._follow(start + 4 + 4 * i)) for i in range(count)]

    def text(self, slot: int) -> str:
        return self.array(slot, np.uint8).tobytes().decode()


def _densify(values: np.ndarray, shape: tuple[int, ...], sparsity: _Table) -> np.ndarray:
    """Expands TFLite's sparse storage: the dimensions nested in traversal order, each dense or a CSR level."""
    order = sparsity.array(0, np.int32).tolist()
    if order != list(range(len(shape))) or len(sparsity.array(1, np.int32)):
        raise ValueError(f"sparse tensor with traversal order {order} or blocks is not supported")
    levels = []
    for dim in sparsity.tables(2):
        # SparseIndexVector of the schema: a table with one vector of this type.
        kinds = {1: np.int32, 2: np.uint16, 3: np.uint8}
        if dim.scalar(0, "b") == 0:
            levels.append(dim.scalar(1, "i"))
        else:
            segments = dim.table(3).array(0, kinds[dim.scalar(2, "B")]).astype(int)
            indices = dim.table(5).array(0, kinds[dim.scalar(4, "B")]).astype(int)
            levels.append((segments, indices))

    dense = np.zeros(int(np.prod(shape)), values.dtype)
    # `flat`: for every entry of the level reached so far, its row-major index in the dense tensor.
    flat = np.zeros(1, int)
    for size, level in zip(shape, levels):
        if isinstance(level, int):
            flat = (flat[:, None] * size + np.arange(level)).ravel()
        else:
            segments, indices = level
            flat = np.repeat(flat, np.diff(segments)) * size + indices
    dense[flat] = values
    return dense.reshape(shape)


def _tensor(table: _Table, buffers: list[_Table]) -> Tensor:
    name, shape = table.text(3), tuple(table.array(0, np.int32).tolist())
    kind = table.scalar(1, "b")
    raw = buffers[table.scalar(2, "I")].array(0, np.uint8)
    if not len(raw):
        return Tensor(name, shape, None)
    if kind not in DTYPES:
        raise ValueError(f"tensor {name}: type {kind} is not supported")
    values = np.frombuffer(raw.tobytes(), DTYPES[kind])
    sparsity = table.table(6)
    return Tensor(name, shape, _densify(values, shape, sparsity) if sparsity else values.reshape(shape))


def _operator(table: _Table, codes: list[int]) -> Operator:
    code = codes[table.scalar(0, "I")]
    if code not in OPERATORS:
        raise ValueError(f"operator {code} of the TFLite schema is not supported")
    kind, options = OPERATORS[code], table.table(4)
    named = {
        name: options.scalar(slot, fmt)
        for slot, (name, fmt) in enumerate(OPTIONS.get(kind, []))
        if options and fmt != "-"
    }
    return Operator(kind, table.array(1, np.int32).tolist(), table.array(2, np.int32).tolist(), named)


def read(data: bytes) -> Graph:
    """Parses `data` (a whole .tflite file); raises `ValueError` when it is none or uses an unknown feature."""
    if data[4:8] != b"TFL3":
        raise ValueError("not a TFLite file: identifier TFL3 missing")
    model = _Table(data, struct.unpack_from("<I", data, 0)[0])
    # The code moved from a byte to an int32 field in schema version 3a; the larger of both is valid.
    codes = [max(code.scalar(0, "b"), code.scalar(3, "i")) for code in model.tables(1)]
    graph, buffers = model.tables(2)[0], model.tables(4)
    return Graph(
        tensors=[_tensor(t, buffers) for t in graph.tables(0)],
        operators=[_operator(o, codes) for o in graph.tables(3)],
        inputs=graph.array(1, np.int32).tolist(),
        outputs=graph.array(2, np.int32).tolist(),
    )
