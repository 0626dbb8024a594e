"""A public autoencoder of pictures: crops in, latents out, and back. Called by swapper, which works in its latents.

TAEF2 of the public repository madebyollin/taesd (MIT; `taef2_encoder.pth`, `taef2_decoder.pth`): it stands for what a large learned
decoder does to a face, sharp and without a seam, which nothing that two CPU cores train in an hour would. It is never shipped.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from .errors import UserError

CHANNELS, STEP = 32, 8
"""Numbers of a latent cell, pixels of its side."""
WIDE = 64
TOGETHER = 16
"""Crops at once: more take memory and no less time."""


class Block(nn.Module):
    """Three convolutions and a skip; `pooled`: a normalised 1 x 1 branch goes first."""

    def __init__(self, pooled: bool):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(WIDE, WIDE, 3, padding=1), nn.ReLU(), nn.Conv2d(WIDE, WIDE, 3, padding=1), nn.ReLU(),
                                  nn.Conv2d(WIDE, WIDE, 3, padding=1))
        self.pool = nn.Sequential(nn.Conv2d(WIDE, 4 * WIDE, 1, bias=False), nn.GroupNorm(4, 4 * WIDE), nn.ReLU(),
                                  nn.Conv2d(4 * WIDE, WIDE, 1, bias=False)) if pooled else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.pool is not None:
            x = x + self.pool(x)
        return torch.relu(self.conv(x) + x)


class Bound(nn.Module):
    """Latents far out are bent towards 3."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(x / 3) * 3


def encoder() -> nn.Sequential:
    """[n, 3, s, s] in 0..1 -> [n, 32, s / 8, s / 8]; the order of layers is that of the weights' file."""
    layers = [nn.Conv2d(3, WIDE, 3, padding=1), Block(False)]
    for level in range(3):
        layers += [nn.Conv2d(WIDE, WIDE, 3, 2, 1, bias=False), *(Block(level == 2) for _ in range(3))]
    return nn.Sequential(*layers, nn.Conv2d(WIDE, CHANNELS, 3, padding=1))


def decoder() -> nn.Sequential:
    layers = [Bound(), nn.Conv2d(CHANNELS, WIDE, 3, padding=1), nn.ReLU()]
    for level in range(3):
        layers += [*(Block(level == 0) for _ in range(3)), nn.Upsample(scale_factor=2), nn.Conv2d(WIDE, WIDE, 3, padding=1, bias=False)]
    return nn.Sequential(*layers, Block(False), nn.Conv2d(WIDE, 3, 3, padding=1))


class Tiny:
    """Both halves, frozen."""

    def __init__(self, folder: Path):
        self.encoder, self.decoder = encoder(), decoder()
        for half, name in ((self.encoder, "taef2_encoder.pth"), (self.decoder, "taef2_decoder.pth")):
            file = folder / name
            try:
                half.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
            except (OSError, RuntimeError) as error:
                raise UserError(f"{file} is not the autoencoder's weights ({str(error).splitlines()[0]}): fetch it from the public repository "
                                "madebyollin/taesd") from error
            half.float().eval().requires_grad_(False)

    @torch.no_grad()
    def encode(self, crops: np.ndarray) -> torch.Tensor:
        """[n, s, s, 3] u8, s a multiple of 8 -> latents [n, 32, s / 8, s / 8]."""
        parts = torch.from_numpy(crops).split(TOGETHER)
        return torch.cat([self.encoder(part.permute(0, 3, 1, 2).float() / 255) for part in parts])

    @torch.no_grad()
    def decode(self, latents: torch.Tensor) -> np.ndarray:
        """The crops back, [n, s, s, 3] u8."""
        parts = [(self.decoder(part).clamp(0, 1) * 255 + 0.5).byte() for part in latents.split(TOGETHER)]
        return torch.cat(parts).permute(0, 2, 3, 1).contiguous().numpy()
