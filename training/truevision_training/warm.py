"""Where a training begins: ImageNet weights of EfficientNet-Lite0, or a shipped model folder to go on from. Called by train.

A shipped encoder holds convolutions with their batch normalisation folded in. They are put back so that evaluation gives the same
embeddings, and the normalisation is given the statistics of real crops, so that training mode starts from the same function.
"""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from . import network
from .errors import UserError

CALIBRATION = 192
"""Crops whose statistics the normalisation begins with."""


def begin(model: network.FrameNet, origin: Path, crops: torch.Tensor) -> None:
    """Fills a fresh model from `origin`: a folder with encoder.onnx and head.onnx, or a file of ImageNet weights."""
    if origin.is_dir():
        unfold(model, origin, crops)
    else:
        network.load_imagenet(model.encoder, origin)


def initialisers(file: Path) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    """Weight and bias of every convolution in the graph's order, and all named weights."""
    try:
        graph = onnx.load(str(file)).graph
    except (OSError, ValueError) as error:
        raise UserError(f"{file} cannot be read as ONNX ({error}): name a model folder with encoder.onnx and head.onnx in fp32") from error
    named = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    return [named[name] for node in graph.node if node.op_type == "Conv" for name in node.input[1:] if name in named], named


def unfold(model: network.FrameNet, folder: Path, crops: torch.Tensor) -> None:
    """Encoder and frame logit of a shipped fp32 model. `crops` [n, s, s, 3] u8: of the kind that training will see."""
    folded, named = initialisers(folder / "encoder.onnx")
    trunk = model.encoder.trunk
    convolutions = [m for m in trunk.modules() if isinstance(m, nn.Conv2d)]
    norms = [m for m in trunk.modules() if isinstance(m, nn.BatchNorm2d)]
    if len(folded) != 2 * len(convolutions) or len(norms) != len(convolutions) or any(
            c.weight.shape != w.shape for c, w in zip(convolutions, folded[::2])):
        raise UserError(f"{folder / 'encoder.onnx'} is not the {model.shape.backbone} that the settings name: "
                        "name its folder, or leave --init out")
    hooks = []
    with torch.no_grad():
        for convolution, norm, weight, bias in zip(convolutions, norms, folded[::2], folded[1::2]):
            convolution.weight.copy_(torch.from_numpy(weight.copy()))
            hooks.append(norm.register_forward_pre_hook(lambda m, given, b=torch.from_numpy(bias.copy()): settle(m, given[0], b)))
        model.encoder.project.weight.copy_(torch.from_numpy(named["project.weight"].copy()))
        model.encoder.project.bias.copy_(torch.from_numpy(named["project.bias"].copy()))
        model.eval()
        model.encoder(crops)
        for hook in hooks:
            hook.remove()
        head = initialisers(folder / "head.onnx")[1]
        model.logit.bias.copy_(torch.from_numpy(head["head.frame.bias"].copy()))
        model.logit.weight.copy_(torch.from_numpy(next(v for v in head.values() if v.shape == (model.shape.dim, 1)).T.copy()))


def settle(norm: nn.BatchNorm2d, given: torch.Tensor, bias: torch.Tensor) -> None:
    """Statistics of `given`, with gain and offset that leave `given + bias` as the output."""
    variance, mean = torch.var_mean(given.float(), (0, 2, 3), correction=0)
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    norm.weight.copy_(torch.sqrt(variance + norm.eps))
    norm.bias.copy_(bias + mean)
