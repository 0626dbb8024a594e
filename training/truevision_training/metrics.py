"""Figures from scores: AUC, intervals by bootstrap, calibration error. Labels [N] bool (fake), scores [N]; higher is faker."""

import numpy as np
from scipy.stats import beta, rankdata


def auc(fake: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve; ties count half; NaN when one class is missing."""
    fake, score = np.asarray(fake, bool), np.asarray(score, float)
    positives, negatives = int(fake.sum()), int((~fake).sum())
    if not positives or not negatives:
        return float("nan")
    return float((rankdata(score)[fake].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def interval(figure, fake: np.ndarray, score: np.ndarray, draws: int = 1000) -> tuple[float, float]:
    """95 % interval of `figure(fake, score)` by bootstrap over the given units within each class."""
    rng = np.random.default_rng(0)
    fake, score = np.asarray(fake, bool), np.asarray(score, float)
    parts = [np.flatnonzero(fake), np.flatnonzero(~fake)]
    values = []
    for _ in range(draws):
        rows = np.concatenate([rng.choice(part, len(part)) for part in parts if len(part)])
        values.append(figure(fake[rows], score[rows]))
    return tuple(np.nanpercentile(values, [2.5, 97.5]).tolist())


def calibration_error(fake: np.ndarray, probability: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error over equal-width bins."""
    fake, probability = np.asarray(fake, float), np.asarray(probability, float)
    place = np.minimum((probability * bins).astype(int), bins - 1)
    return float(sum(abs(fake[place == b].mean() - probability[place == b].mean()) * (place == b).mean()
                     for b in range(bins) if (place == b).any()))


def reliability(fake: np.ndarray, probability: np.ndarray, bins: int = 10) -> list[tuple[float, float, int]]:
    """Per non-empty bin: mean probability, share of fakes, count."""
    fake, probability = np.asarray(fake, float), np.asarray(probability, float)
    place = np.minimum((probability * bins).astype(int), bins - 1)
    return [(float(probability[place == b].mean()), float(fake[place == b].mean()), int((place == b).sum()))
            for b in range(bins) if (place == b).any()]


def share(parts: list[int], wholes: list[int]) -> dict:
    """Sum of parts over sum of wholes, with a 95 % interval by bootstrap over the clips they come from."""
    parts, wholes = np.asarray(parts, float), np.asarray(wholes, float)
    if not wholes.sum():
        return {"share": float("nan"), "low": float("nan"), "high": float("nan")}
    rng = np.random.default_rng(0)
    drawn = [rng.integers(0, len(parts), len(parts)) for _ in range(1000)]
    values = [parts[rows].sum() / max(1e-9, wholes[rows].sum()) for rows in drawn]
    low, high = np.percentile(values, [2.5, 97.5])
    return {"share": float(parts.sum() / wholes.sum()), "low": float(low), "high": float(high)}


def proportion(count: int, of: int) -> dict:
    """A share of `of` independent units with its exact 95 % interval (Clopper and Pearson)."""
    low = float(beta.ppf(0.025, count, of - count + 1)) if count else 0.0
    high = float(beta.ppf(0.975, count + 1, of - count)) if count < of else 1.0
    return {"share": count / of, "low": low, "high": high}
