"""What moves the weights: parameter groups, learning rate by step, averaged weights, sharpness-aware steps. Called by train."""

import math

import torch
from torch import nn

from .settings import Settings


def adamw(model: nn.Module, settings: Settings) -> torch.optim.AdamW:
    """Weight decay on matrices and kernels only."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=settings.rate, betas=(0.9, 0.99), fused=True)


def rate(step: int, settings: Settings) -> float:
    """Learning rate of a step: linear warm-up, then constant and half a cosine to zero, or cosine with warm restarts."""
    rise = min(1.0, (step + 1) / max(1, settings.warmup))
    done = step / settings.steps
    if settings.schedule == "restarts":
        fall = 0.5 * (1 + math.cos(math.pi * (done * settings.cycles % 1.0)))
    else:
        fall = 1.0 if done < settings.hold else 0.5 * (1 + math.cos(math.pi * min(1.0, (done - settings.hold) / (1 - settings.hold))))
    return settings.rate * rise * max(fall, 1e-3)


@torch.no_grad()
def average(mean: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """Moves the averaged weights; the decay starts low so that the first steps are forgotten."""
    decay = min(decay, (1 + step) / (10 + step))
    for kept, new in zip(mean.state_dict().values(), model.state_dict().values()):
        if kept.dtype.is_floating_point:
            kept.lerp_(new, 1 - decay)
        else:
            kept.copy_(new)


@torch.no_grad()
def climb(model: nn.Module, radius: float) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """SAM's first half: moves the weights `radius` up the gradient and returns what to take back."""
    moved = [p for p in model.parameters() if p.grad is not None]
    norm = torch.sqrt(sum((p.grad**2).sum() for p in moved)) + 1e-12
    steps = [(p, p.grad * (radius / norm)) for p in moved]
    for p, step in steps:
        p.add_(step)
    return steps


@torch.no_grad()
def descend(steps: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
    """Takes `climb` back."""
    for p, step in steps:
        p.sub_(step)
