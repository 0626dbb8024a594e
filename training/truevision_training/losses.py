"""Losses of both stages, from logits. Called by train and train_windows."""

import torch
from torch.nn import functional as F


def classes(logit: torch.Tensor, fake: torch.Tensor, focal: float, smoothing: float) -> torch.Tensor:
    """Binary cross entropy of [N] logits; `focal` > 0 weighs hard examples (gamma), `smoothing` moves targets off 0 and 1."""
    target = fake * (1 - smoothing) + 0.5 * smoothing
    each = F.binary_cross_entropy_with_logits(logit, target, reduction="none")
    if focal:
        sure = torch.sigmoid(logit)
        each = each * torch.where(fake > 0.5, 1 - sure, sure).detach() ** focal
    return each.mean()


def twins(logit: torch.Tensor) -> torch.Tensor:
    """Logits [2 n] of real, fake, real, fake...: the fake above its own twin, whoever is seen."""
    return F.softplus(logit[0::2] - logit[1::2]).mean()


def maps(low: torch.Tensor, high: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Mask and boundary maps of all members; `truth` [n, 2, c, c] of the fakes, zero for the real ones."""
    full = torch.zeros(2 * len(truth), *truth.shape[1:], dtype=truth.dtype, device=truth.device)
    full[1::2] = truth
    coarse = F.adaptive_avg_pool2d(full, high.shape[-1])
    return F.binary_cross_entropy_with_logits(low, full) + F.binary_cross_entropy_with_logits(high, coarse)
