"""History in, PNG of loss and held-out AUC out; calibration in, reliability plot out. Called by the trainers and by evaluate."""

from typing import BinaryIO

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend must be chosen first)


def draw(history: list[dict], out: BinaryIO) -> None:
    """Entries with `loss` and entries with `select` over their steps."""
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4))
    rows = [h for h in history if "loss" in h]
    left.plot([h["step"] for h in rows], [h["loss"] for h in rows], label="loss")
    left.plot([h["step"] for h in rows], [h["above_twin"] for h in rows], label="fake above its twin")
    picked = [h for h in history if "select" in h]
    for key in (k for k in (picked[-1]["select"] if picked else {}) if not k.endswith("above_twin")):
        right.plot([h["step"] for h in picked], [h["select"][key] for h in picked], label=key)
    for axis, title in ((left, "training"), (right, "AUC, held-out simulators")):
        axis.set_title(title)
        axis.set_xlabel("step")
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(out, dpi=90, format="png")
    pyplot.close(figure)


def reliability(rows: list[tuple[float, float, int]], error: float, out: BinaryIO) -> None:
    """Rows of `metrics.reliability`: said against found, a dot's area by its count."""
    figure, axis = pyplot.subplots(figsize=(5, 5))
    said, found, counts = zip(*rows)
    axis.plot([0, 1], [0, 1], linestyle="--", color="grey", label="perfect")
    axis.plot(said, found, color="tab:blue")
    axis.scatter(said, found, s=[20 + 2 * n for n in counts], color="tab:blue", label=f"held-out simulators, n {sum(counts)}, ECE {error:.3f}")
    axis.set_xlabel("confidence said")
    axis.set_ylabel("share of fakes")
    axis.set_title("reliability")
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8, loc="upper left")
    figure.tight_layout()
    figure.savefig(out, dpi=90, format="png")
    pyplot.close(figure)
