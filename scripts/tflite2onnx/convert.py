"""Turns a `reader.Graph` into an ONNX model that ONNX Runtime runs fast on a CPU.

Called by `convert_faces.py`. TFLite is channels-last, ONNX Runtime's convolutions are channels-first: inside the
ONNX graph every rank-4 tensor is NCHW and all others are as TFLite stores them, so transposes remain only at the
input and before the final reshapes. Explicit spatial pads are folded into the convolution that follows, fused
activations become nodes of their own (ONNX Runtime fuses them again), half-precision and sparse weights become
plain f32. Batch is dynamic.
"""

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .reader import Graph, Operator

OPSET = 17
# IR version of ONNX 1.12, the first with opset 17: the oldest reader that can load the graph.
IR_VERSION = 8
# The operators that a spatial PAD before them is folded into.
PADDED = ("CONV_2D", "DEPTHWISE_CONV_2D")


@dataclass
class Signature:
    """What the ONNX model looks like from outside."""

    name: str
    # The model reads f32 values (byte - mean) / scale, made inside the graph from `image` [N, S, S, 3] u8 RGB.
    mean: float
    scale: float
    # TFLite output tensor -> (ONNX output name, its shape after the batch axis).
    outputs: dict[str, tuple[str, tuple[int, ...]]]


class _Builder:
    def __init__(self, graph: Graph, signature: Signature):
        self.graph, self.signature = graph, signature
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        # TFLite tensor index -> its ONNX value, its constant, or the pads that its reader has to apply.
        self.values: dict[int, str] = {}
        self.arrays = {i: t.data for i, t in enumerate(graph.tensors) if t.data is not None}
        self.pads: dict[int, list[int]] = {}

    def constant(self, array: np.ndarray) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, kind: str, inputs: list[str], **attributes) -> str:
        output = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def shape(self, index: int) -> tuple[int, ...]:
        return self.graph.tensors[index].shape

    def weight(self, index: int) -> np.ndarray:
        return self.arrays[index].astype(np.float32)

    def activate(self, value: str, operator: Operator) -> str:
        activation = operator.options.get("activation", 0)
        if activation not in (0, 1):
            raise ValueError(f"{operator.kind}: fused activation {activation} is not supported")
        return self.node("Relu", [value]) if activation else value

    def window_pads(self, operator: Operator, kernel: tuple[int, int], strides: list[int]) -> list[int]:
        """ONNX pads [top, left, bottom, right] of a convolution or pooling, a PAD before it included."""
        source = operator.inputs[0]
        if operator.options.get("padding", 0) == 1:  # VALID
            return self.pads.get(source, [0, 0, 0, 0])
        if source in self.pads:
            raise ValueError(f"{operator.kind}: SAME padding after an explicit PAD is not supported")
        size = self.shape(source)[1:3]
        total = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(size, kernel, strides)]
        before = [t // 2 for t in total]
        return before + [t - b for t, b in zip(total, before)]

    def strides(self, operator: Operator) -> list[int]:
        return [operator.options["stride_h"], operator.options["stride_w"]]

    # One method an operator: takes the operator, returns the ONNX value of its only output.

    def conv_2d(self, operator: Operator) -> str:
        # [out, h, w, in] -> [out, in, h, w]
        return self.convolve(operator, self.weight(operator.inputs[1]).transpose(0, 3, 1, 2), 1)

    def depthwise_conv_2d(self, operator: Operator) -> str:
        # [1, h, w, channels] -> [channels, 1, h, w]
        if operator.options.get("multiplier") != 1:
            raise ValueError("DEPTHWISE_CONV_2D with a multiplier other than 1 is not supported")
        weight = self.weight(operator.inputs[1]).transpose(3, 0, 1, 2)
        return self.convolve(operator, weight, weight.shape[0])

    def convolve(self, operator: Operator, weight: np.ndarray, group: int) -> str:
        source, strides = operator.inputs[0], self.strides(operator)
        if self.values[source] == self.values[self.graph.inputs[0]]:
            weight = weight / self.signature.scale
        inputs = [self.values[source], self.constant(weight), self.constant(self.weight(operator.inputs[2]))]
        pads = self.window_pads(operator, weight.shape[2:], strides)
        return self.activate(self.node("Conv", inputs, strides=strides, pads=pads, group=group), operator)

    def max_pool_2d(self, operator: Operator) -> str:
        kernel = (operator.options["filter_h"], operator.options["filter_w"])
        strides = self.strides(operator)
        pads = self.window_pads(operator, kernel, strides)
        value = self.values[operator.inputs[0]]
        return self.node("MaxPool", [value], kernel_shape=kernel, strides=strides, pads=pads)

    def pad(self, operator: Operator) -> str:
        (n0, n1), (top, bottom), (left, right), (c0, c1) = self.arrays[operator.inputs[1]].tolist()
        value = self.values[operator.inputs[0]]
        if (n0, n1, c0, c1) == (0, 0, 0, 0):
            self.pads[operator.outputs[0]] = [top, left, bottom, right]
            return value
        if (n0, n1, top, bottom, left, right) != (0,) * 6:
            raise ValueError("PAD of both channels and other axes is not supported")
        return self.node("Pad", [value, self.constant(np.array([0, c0, 0, 0, 0, c1, 0, 0]))])

    def add(self, operator: Operator) -> str:
        return self.activate(self.node("Add", [self.values[i] for i in operator.inputs]), operator)

    def relu(self, operator: Operator) -> str:
        return self.node("Relu", [self.values[operator.inputs[0]]])

    def prelu(self, operator: Operator) -> str:
        slope = self.weight(operator.inputs[1]).reshape(-1, 1, 1)
        return self.node("PRelu", [self.values[operator.inputs[0]], self.constant(slope)])

    def resize_bilinear(self, operator: Operator) -> str:
        if operator.options.get("align_corners") or not operator.options.get("half_pixel_centers"):
            raise ValueError("RESIZE_BILINEAR is supported with half-pixel centres only")
        before, after = self.shape(operator.inputs[0]), self.shape(operator.outputs[0])
        scales = np.array([1, 1, after[1] / before[1], after[2] / before[2]], np.float32)
        inputs = [self.values[operator.inputs[0]], "", self.constant(scales)]
        return self.node("Resize", inputs, mode="linear", coordinate_transformation_mode="half_pixel")

    def depth_to_space(self, operator: Operator) -> str:
        value = self.values[operator.inputs[0]]
        return self.node("DepthToSpace", [value], blocksize=operator.options["block"], mode="DCR")

    def reshape(self, operator: Operator) -> str:
        return self.flat(operator.inputs[0], self.shape(operator.outputs[0])[1:])

    def concatenation(self, operator: Operator) -> str:
        if len(self.shape(operator.outputs[0])) == 4:
            raise ValueError("CONCATENATION of rank-4 tensors is not supported")
        inputs = [self.values[i] for i in operator.inputs]
        return self.node("Concat", inputs, axis=operator.options["axis"])

    def flat(self, index: int, shape: tuple[int, ...]) -> str:
        """Tensor `index` in TFLite's element order, as [N, *shape]."""
        value = self.values[index]
        if len(self.shape(index)) == 4:
            value = self.node("Transpose", [value], perm=[0, 2, 3, 1])
        # 0 in an ONNX Reshape keeps the axis: the dynamic batch.
        return self.node("Reshape", [value, self.constant(np.array([0, *shape]))])

    def weights(self, operator: Operator) -> bool:
        """Passes a constant through DEQUANTIZE (from half) and DENSIFY (the reader has done it)."""
        if operator.kind in ("DEQUANTIZE", "DENSIFY"):
            self.arrays[operator.outputs[0]] = self.arrays[operator.inputs[0]]
            return True
        return False

    def image(self) -> onnx.ValueInfoProto:
        """Declares the input and prepares its bytes: numbers first, as TensorRT transposes no bytes; planes; the mean."""
        [source] = self.graph.inputs
        numbers = self.node("Cast", ["image"], to=TensorProto.FLOAT)
        value = self.node("Transpose", [numbers], perm=[0, 3, 1, 2])
        if self.signature.mean:
            value = self.node("Sub", [value, self.constant(np.float32(self.signature.mean))])
        self.values[source] = value
        return helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", *self.shape(source)[1:]])

    def build(self) -> onnx.ModelProto:
        image = self.image()
        for operator in self.graph.operators:
            if operator.kind not in PADDED and self.pads.keys() & set(operator.inputs):
                raise ValueError(f"{operator.kind} after a spatial PAD is not supported")
            if not self.weights(operator):
                self.values[operator.outputs[0]] = getattr(self, operator.kind.lower())(operator)
        outputs = []
        for index in self.graph.outputs:
            name, shape = self.signature.outputs[self.graph.tensors[index].name]
            self.flat(index, shape)
            self.nodes[-1].output[0] = name
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape]))
        graph = helper.make_graph(self.nodes, self.signature.name, [image], outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        onnx.checker.check_model(model, full_check=True)
        return model


def convert(graph: Graph, signature: Signature) -> onnx.ModelProto:
    """The checked ONNX model; raises `ValueError` on what it cannot express faithfully."""
    return _Builder(graph, signature).build()
