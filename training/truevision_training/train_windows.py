"""The head stage: a frame checkpoint in, the window head out. Called by the `train` command after the frame stage.

The encoder is frozen: windows are made and encoded once, their embeddings kept in the run folder, and the head is trained on
them. It begins as the mean of the frame logits and may only add to it.
"""

import functools
import json
import logging
from pathlib import Path
from zipfile import BadZipFile

import cv2
import numpy as np
import torch

from . import checkpoint, curves, losses, metrics, network, synthetic
from .errors import UserError
from .pack import Pack
from .settings import Settings
from .stills import Stills, eigenfaces
from .windows import FAMILIES, Windows

log = logging.getLogger(__name__)
TOGETHER = 4
"""Pairs that share one codec run."""


@torch.no_grad()
def embed(encoder: network.Encoder, maker: Windows, seed: int, families: list[str], split: int) -> np.ndarray:
    """[n, 2, 8, dim] f32: embeddings of real and fake windows, one pair per name."""
    encoder.eval()
    out = []
    for start in range(0, len(families), TOGETHER):
        for pair in maker.pairs((seed, 1000 + split, start), families[start:start + TOGETHER]):
            crops = torch.from_numpy(np.concatenate(pair))
            out.append(encoder(crops).numpy().reshape(2, len(pair[0]), -1))
        if start % 200 == 0:
            log.info("windows %d of %d", start, len(families))
    return np.stack(out).astype(np.float32)


def names(rng: np.random.Generator, count: int) -> list[str]:
    return [str(n) for n in rng.choice(list(FAMILIES), count, p=np.array(list(FAMILIES.values())) / sum(FAMILIES.values()))]


def stored(folder: Path, name: str, families: list[str], make) -> np.ndarray:
    """Embeddings kept from an interrupted run when they fit, else made and kept."""
    file = folder / f"{name}.npz"
    if file.is_file():
        try:
            with np.load(file) as kept:
                if list(kept["families"]) == families:
                    return kept["embeddings"]
        except (ValueError, KeyError, BadZipFile) as error:
            log.warning("%s is damaged (%s) and is made anew", file, error)
    made = make()
    checkpoint.arrays(file, embeddings=made, families=np.array(families))
    return made


def figures(head: network.Head, embeddings: np.ndarray, families: list[str]) -> dict[str, float]:
    """Window AUC by family; under `mean ...` that of the plain mean of frame logits."""
    head.eval()
    with torch.no_grad():
        flat = torch.from_numpy(embeddings.reshape(-1, *embeddings.shape[2:]))
        window = head(flat)[0].numpy().reshape(-1, 2)
        plain = head.frame(flat)[..., 0].mean(1).numpy().reshape(-1, 2)
    result = {}
    for family in FAMILIES:
        rows = np.array([f == family for f in families])
        if rows.any():
            fake = np.tile([False, True], rows.sum())
            result[family] = metrics.auc(fake, window[rows].ravel())
            result[f"mean {family}"] = metrics.auc(fake, plain[rows].ravel())
    fake = np.tile([False, True], len(families))
    result["all"], result["mean all"] = metrics.auc(fake, window.ravel()), metrics.auc(fake, plain.ravel())
    return result


def train(pack_folder: Path, settings: Settings, folder: Path, frames: Path) -> Path:
    """Writes `model.pt`: shape, encoder, head, held-out figures. `frames`: a checkpoint with averaged frame weights."""
    torch.set_num_threads(settings.threads)
    cv2.setNumThreads(1)
    state = checkpoint.load(frames)
    checkpoint.require_shape(state, settings.shape.frames(), frames)
    net = network.FrameNet(settings.shape)
    checkpoint.fill(net, state["mean"], frames)
    pairs, epochs = settings.window_pairs, settings.window_epochs
    pack, rng = Pack(pack_folder), np.random.default_rng(settings.seed)

    @functools.cache
    def stills(trained: bool) -> Stills:
        """Made when needed: a run that goes on finds its windows stored."""
        return Stills(pack, eigenfaces(pack, settings.seed, not trained), trained, settings.shape.size, settings.families)

    sets = {}
    for split, (name, count) in enumerate((("held-out", settings.window_held_out), ("train", pairs))):
        chosen = names(rng, count)
        trained = name == "train"
        def make(trained=trained, chosen=chosen, split=split):
            return embed(net.encoder, Windows(stills(trained), trained), settings.seed, chosen, split)
        sets[name] = (stored(folder, f"windows-{name}", chosen, make), chosen)
    torch.manual_seed(settings.seed)
    head = network.Head(settings.shape)
    head.frame.load_state_dict(net.logit.state_dict())
    head.norm.load_state_dict({"weight": torch.ones(settings.shape.dim), "bias": torch.zeros(settings.shape.dim)})
    best, best_state, history = figures(head, *sets["held-out"])["all"], {k: v.clone() for k, v in head.state_dict().items()}, []
    log.info("before: held-out AUC %.3f (mean of frames)", best)
    data = torch.from_numpy(sets["train"][0])
    optimiser = torch.optim.AdamW(head.parameters(), lr=1e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-3, total_steps=epochs * (len(data) // 32 or 1))
    for epoch in range(epochs):
        head.train()
        total = 0.0
        for rows in torch.randperm(len(data)).split(32):
            if len(rows) < 32 and len(data) >= 32:
                continue
            flat = data[rows].flatten(0, 1)
            logit = head(flat)[0]
            fake = torch.tensor([0.0, 1.0]).repeat(len(rows))
            loss = losses.classes(logit, fake, settings.focal, settings.smoothing) + settings.pair_weight * losses.twins(logit)
            if not torch.isfinite(loss):
                raise UserError(f"loss of the head stage is {loss.item()} in epoch {epoch}: are the embeddings of {frames} finite?")
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(head.parameters(), settings.clip)
            optimiser.step()
            schedule.step()
            total += loss.item()
        found = figures(head, *sets["held-out"])
        history += [{"step": epoch, "loss": total / max(1, len(data) // 32), "above_twin": float("nan")}, {"step": epoch, "select": found}]
        if found["all"] > best:
            best, best_state = found["all"], {k: v.clone() for k, v in head.state_dict().items()}
    head.load_state_dict(best_state)
    checkpoint.text(json.dumps(history), folder / "history-windows.json")
    checkpoint.replace(folder / "curves-windows.png", lambda out: curves.draw(history, out))
    final = figures(head, *sets["held-out"])
    if head.synthetic is not None:
        splits, counts = {t: stills(t) for t in (True, False)}, {True: pairs, False: settings.window_held_out}
        final["synthetic"] = synthetic.train(head.synthetic, net.encoder, splits, settings.seed, counts)
    log.info("held-out %s", " ".join(f"{k} {v:.3f}" for k, v in final.items()))
    checkpoint.save({"shape": vars(settings.shape), "encoder": net.encoder.state_dict(), "head": head.state_dict(), "held_out": final,
                     "pairs": pairs, "step": state["step"]}, folder / "model.pt")
    return folder / "model.pt"
