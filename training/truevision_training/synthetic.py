"""The synthetic head: an encoder and real crops in, the head's linear layer out. Called by train_windows.

Wholly generated faces are simulated: small convolutional autoencoders, trained here on real crops, draw others anew, and periodic
grids and gains of a frequency band are laid on them, as up-sampling leaves them. Two ways of up-sampling are held out. Camera,
codec and size are the same for both members of a pair; the encoder stays as the frame stage left it.
"""

import logging

import numpy as np
import torch
from torch import nn

from . import degrade, metrics, network
from .stills import GROUP, Stills

WAYS = {True: ("nearest", "transposed"), False: ("bilinear", "shuffle")}
"""Ways of up-sampling, by whether they are trained on."""
STEPS, PATCHES, SIDE, WIDE = 500, 8, 96, 24
"""An autoencoder's training: steps of so many patches of SIDE pixels; channels of its first layer."""
ROUNDS, DECAY = 400, 1e-3
"""Of the linear layer: full-batch steps, and weight of the squared weights."""

log = logging.getLogger(__name__)


def enlarge(way: str, wide: int, out: int) -> nn.Module:
    """Twice the size, [n, wide, s, s] -> [n, out, 2 s, 2 s]."""
    match way:
        case "transposed":
            return nn.ConvTranspose2d(wide, out, 3, 2, 1, output_padding=1)
        case "shuffle":
            return nn.Sequential(nn.Conv2d(wide, 4 * out, 3, padding=1), nn.PixelShuffle(2))
        case _:
            return nn.Sequential(nn.Upsample(scale_factor=2, mode=way), nn.Conv2d(wide, out, 3, padding=1))


def autoencoder(way: str) -> nn.Module:
    """[n, 3, s, s] f32 in -1..1 -> the same, drawn from 24 numbers for each 8 x 8 pixels; s a multiple of 8."""
    widths = (3, WIDE, 2 * WIDE, 4 * WIDE)
    layers = []
    for wide, out in zip(widths, widths[1:]):
        layers += [nn.Conv2d(wide, out, 3, 2, 1), nn.ReLU()]
    layers += [nn.Conv2d(widths[-1], WIDE, 1), nn.Conv2d(WIDE, widths[-1], 1), nn.ReLU()]
    for wide, out in zip(widths[:0:-1], widths[-2::-1]):
        layers += [enlarge(way, wide, out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def numbers(crops: np.ndarray) -> torch.Tensor:
    """[n, s, s, 3] u8 -> [n, 3, s, s] f32 in -1..1."""
    return torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 127.5 - 1


def fit(way: str, stills: Stills, seed: int) -> nn.Module:
    """An autoencoder of the crops of one split."""
    torch.manual_seed(seed)
    rng, model = np.random.default_rng(seed), autoencoder(way)
    optimiser = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=STEPS)
    rows, crops = stills.rows["stills"], stills.pack.crops["stills"]
    for _ in range(STEPS):
        patches = []
        for row in rng.choice(rows, PATCHES):
            y, x = rng.integers(0, stills.pack.size - SIDE + 1, 2)
            patches.append(crops[row][y:y + SIDE, x:x + SIDE])
        real = numbers(np.stack(patches))
        drawn = model(real)
        loss = sum((torch.diff(drawn - real, dim=axis)).abs().mean() for axis in (2, 3)) + (drawn - real).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    log.info("autoencoder %s: loss %.3f", way, loss.item())
    return model.eval()


@torch.no_grad()
def draw(model: nn.Module, crop: np.ndarray) -> np.ndarray:
    """[s, s, 3] u8 -> the same, drawn by an autoencoder."""
    drawn = model(numbers(crop[None]))[0].permute(1, 2, 0).numpy()
    return np.clip((drawn + 1) * 127.5 + 0.5, 0, 255).astype(np.uint8)


def traces(rng: np.random.Generator, crop: np.ndarray) -> np.ndarray:
    """A faint grid of 2, 4 or 8 pixels, a frequency band louder or softer, or both."""
    size, picture = crop.shape[0], crop.astype(np.float32)
    kinds = rng.random()
    if kinds < 0.7:
        period, strength = int(rng.choice([2, 4, 8])), rng.uniform(0.7, 3)
        down, across = (np.cos(2 * np.pi * (np.arange(size) + phase) / period) for phase in rng.integers(0, period, 2))
        picture += strength * np.outer(down, across)[..., None]
    if kinds > 0.4:
        radius = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
        middle, width, gain = rng.uniform(0.1, 0.45), rng.uniform(0.03, 0.12), rng.uniform(0.3, 0.6) * rng.choice([-1, 1])
        band = 1 + gain * np.exp(-((radius - middle) / width) ** 2)
        picture = np.fft.irfft2(np.fft.rfft2(picture, axes=(0, 1)) * band[..., None], s=(size, size), axes=(0, 1))
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)


def generated(rng: np.random.Generator, crop: np.ndarray, models: list[nn.Module]) -> np.ndarray:
    """One simulated generated face: drawn anew, with traces, or both."""
    kind = rng.random()
    if kind < 0.75:
        crop = draw(models[rng.integers(len(models))], crop)
    return traces(rng, crop) if kind > 0.45 else crop


def pairs(stills: Stills, models: list[nn.Module], seed: tuple[int, ...], count: int) -> np.ndarray:
    """[n, 2, s, s, 3] u8 as the detector sees them: real and generated; n is `count`, down to a multiple of GROUP."""
    rng, out = np.random.default_rng(seed), []
    for _ in range(max(1, count // GROUP)):
        crf = int(rng.integers(23, 36)) if rng.random() < 0.4 else None
        draws = [degrade.Draw.random(rng, crf) for _ in range(GROUP)]
        members = []
        for _ in draws:
            kind, row = stills.draw_face(rng)
            crop = stills.pack.face(kind, row).crop
            members.append([[crop], [generated(rng, crop, models)]])
        out += [np.concatenate(pair) for pair in degrade.film(draws, members, stills.pack.margin, stills.size)]
    return np.stack(out)


@torch.no_grad()
def embed(encoder: network.Encoder, crops: np.ndarray) -> torch.Tensor:
    """[n, 2, s, s, 3] u8 -> [2 n, dim]: real, generated, real, generated..."""
    flat = torch.from_numpy(crops.reshape(-1, *crops.shape[2:]))
    return torch.cat([encoder(part) for part in flat.split(64)])


def train(layer: nn.Linear, encoder: network.Encoder, splits: dict[bool, Stills], seed: int, counts: dict[bool, int]) -> float:
    """Fills the head's layer; returns the AUC on held-out people drawn by held-out autoencoders. `splits`, `counts`: by whether
    they are trained on."""
    encoder.eval()
    embeddings = {}
    for trained, stills in splits.items():
        models = [fit(way, stills, seed + number) for number, way in enumerate(WAYS[trained])]
        embeddings[trained] = embed(encoder, pairs(stills, models, (seed, 3000 + trained), counts[trained]))
    data = embeddings[True]
    mean, deviation = data.mean(0), data.std(0) + 1e-6
    fake = torch.tensor([0.0, 1.0]).repeat(len(data) // 2)
    weight, bias = torch.zeros(data.shape[1], requires_grad=True), torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.Adam([weight, bias], 0.02)
    for _ in range(ROUNDS):
        logit = ((data - mean) / deviation) @ weight + bias
        loss = nn.functional.binary_cross_entropy_with_logits(logit, fake) + DECAY * weight.square().sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        layer.weight.copy_((weight / deviation)[None])
        layer.bias.copy_(bias - (weight * mean / deviation).sum())
        logit = layer(embeddings[False])[:, 0].numpy()
    auc = metrics.auc(np.arange(len(logit)) % 2 == 1, logit)
    log.info("synthetic head: AUC %.3f on held-out people and held-out autoencoders", auc)
    return auc
