"""The frame stage: a pack and settings in, a checkpoint folder out. Called by the `train` command.

A run folder holds `frames.pt` (everything needed to go on exactly), `best.pt` (best on held-out simulators), `history.json`,
`curves.png`. Time spent stopped by a signal is nobody's: nothing here depends on the clock.
"""

import copy
import json
import logging
import math
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader
from tqdm import tqdm

from . import checkpoint, curves, losses, metrics, network, optim, warm
from .errors import UserError
from .pack import Pack
from .settings import Settings
from .stills import Steps, Stills, eigenfaces

log = logging.getLogger(__name__)


def device_of(name: str) -> torch.device:
    """`auto`: CUDA when there is one. A device asked for by name and missing is an error."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise UserError(f"device {name!r} asked for but PyTorch finds no CUDA GPU: set device = \"auto\" or \"cpu\"")
    return torch.device(name)


@torch.no_grad()
def logits(model: network.FrameNet, crops: np.ndarray, device: torch.device) -> np.ndarray:
    """[N, s, s, 3] u8 -> frame logits [N]."""
    model.eval()
    return np.concatenate([model.score(torch.from_numpy(crops[i:i + 64]).to(device)).float().cpu().numpy()
                           for i in range(0, len(crops), 64)])


def selection_set(pack: Pack, settings: Settings) -> dict[str, np.ndarray]:
    """Held-out identities, held-out decoder, fixed seed: crops [2 select_pairs, s, s, 3] of each family."""
    maker = Stills(pack, eigenfaces(pack, settings.seed, held_out=True), False, settings.shape.size, settings.families)
    return {family: np.concatenate([maker.batch((settings.seed, 77, f, part), 16, families=[family] * 16).crops
                                    for part in range(max(1, settings.select_pairs // 16))])
            for f, family in enumerate(maker.families)}


def select(model: network.FrameNet, sets: dict[str, np.ndarray], device: torch.device) -> dict[str, float]:
    """AUC and share of fakes above their twin, by family, and the mean AUC."""
    result = {}
    for family, crops in sets.items():
        values = logits(model, crops, device)
        fake = np.arange(len(values)) % 2 == 1
        result[family] = metrics.auc(fake, values)
        result[f"{family}_above_twin"] = float((values[1::2] > values[0::2]).mean())
    result["mean"] = float(np.mean([result[family] for family in sets]))
    return result


class Run:
    """Model, averaged model, optimiser, step and history of one folder."""

    def __init__(self, settings: Settings, folder: Path):
        self.settings, self.folder = settings, folder
        self.device = device_of(settings.device)
        torch.manual_seed(settings.seed)
        self.model = network.FrameNet(settings.shape)
        if settings.frozen_stages:
            network.freeze(self.model.encoder.trunk, settings.frozen_stages)
        self.model.to(self.device, memory_format=torch.channels_last)
        self.mean = copy.deepcopy(self.model)
        self.optimiser = optim.adamw(self.model, settings)
        self.step, self.history, self.best = 0, [], {"mean": 0.0, "step": 0}

    @property
    def file(self) -> Path:
        return self.folder / "frames.pt"

    def state(self) -> dict:
        return {"shape": vars(self.settings.shape), "settings": self.settings.table(), "step": self.step, "best": self.best,
                "model": self.model.state_dict(), "mean": self.mean.state_dict(), "optimiser": self.optimiser.state_dict(),
                "random": torch.get_rng_state(), "history": self.history}

    def save(self) -> None:
        checkpoint.save(self.state(), self.file)
        checkpoint.text(json.dumps(self.history), self.folder / "history.json")

    def resume(self) -> None:
        state = checkpoint.load(self.file)
        checkpoint.require_shape(state, self.settings.shape.frames(), self.file)
        checkpoint.fill(self.model, state["model"], self.file)
        checkpoint.fill(self.mean, state["mean"], self.file)
        self.optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["random"])
        self.step, self.history, self.best = state["step"], state["history"], state["best"]

    def begin(self, origin: Path, maker: Stills) -> None:
        """Starts from given weights instead of random ones, see warm."""
        crops = torch.from_numpy(maker.batch((self.settings.seed, 99), warm.CALIBRATION // 2).crops)
        warm.begin(self.model.cpu(), origin, crops)
        self.model.to(self.device, memory_format=torch.channels_last)
        self.mean = copy.deepcopy(self.model)

    def loss(self, crops: torch.Tensor, truth: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Total loss and the frame logits; mixed precision on a GPU only (bf16 is slower on the CPUs measured)."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            logit, low, high = self.model(crops)
        logit, low, high = logit.float(), low.float(), high.float()
        fake = torch.tensor([0.0, 1.0], device=self.device).repeat(len(truth))
        total = losses.classes(logit, fake, self.settings.focal, self.settings.smoothing)
        if self.settings.pair_weight:
            total = total + self.settings.pair_weight * losses.twins(logit)
        if self.settings.map_weight:
            total = total + self.settings.map_weight * losses.maps(low, high, truth)
        return total, logit.detach()

    def advance(self, crops: torch.Tensor, truth: torch.Tensor) -> tuple[float, float]:
        """One step; returns the loss and the share of fakes above their twin."""
        settings = self.settings
        crops, truth = crops.to(self.device), truth.to(self.device)
        for group in self.optimiser.param_groups:
            group["lr"] = optim.rate(self.step, settings)
        self.model.train()
        self.optimiser.zero_grad(set_to_none=True)
        total, logit = self.loss(crops, truth)
        if not math.isfinite(total.item()):
            kept = f"{self.file} holds the last good state" if self.file.exists() else "no checkpoint was written yet"
            raise UserError(f"loss is {total.item()} at step {self.step}: lower `rate` in the settings and give the same command again; {kept}")
        total.backward()
        if settings.optimiser == "sam":
            taken = optim.climb(self.model, settings.sam_radius)
            self.optimiser.zero_grad(set_to_none=True)
            self.loss(crops, truth)[0].backward()
            optim.descend(taken)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip)
        self.optimiser.step()
        optim.average(self.mean, self.model, settings.ema, self.step)
        self.step += 1
        return total.item(), float((logit[1::2] > logit[0::2]).float().mean())


def batches(pack_folder: Path, run: Run, decoders) -> DataLoader:
    """The remaining steps' batches, made by one process beside the training; spawned, since OpenCV and torch threads do not fork."""
    settings = run.settings
    data = Steps(pack_folder, decoders, settings.seed, settings.pairs, settings.shape.size, settings.easy_steps, settings.families,
                 settings.balance)
    workers = 1 if run.device.type == "cpu" else 8
    # Its own generator: a loader draws a number when it starts, which would move the dropout of a resumed run.
    return DataLoader(data, batch_size=None, sampler=range(run.step, settings.steps), num_workers=workers, prefetch_factor=6,
                      multiprocessing_context="spawn", generator=torch.Generator())


def train(pack_folder: Path, settings: Settings, folder: Path, init: Path | None = None) -> Path:
    """Trains to the settings' last step, going on from the folder's checkpoint when there is one. Returns the checkpoint."""
    torch.set_num_threads(settings.threads)
    cv2.setNumThreads(1)
    torch.set_flush_denormal(True)  # denormals stall AdamW on CPUs
    folder.mkdir(parents=True, exist_ok=True)
    pack = Pack(pack_folder)
    decoders = eigenfaces(pack, settings.seed, held_out=False)
    run = Run(settings, folder)
    if run.file.exists():
        run.resume()
        log.info("going on at step %d of %d", run.step, settings.steps)
    elif init:
        run.begin(init, Stills(pack, decoders, True, settings.shape.size, settings.families))
    sets = selection_set(pack, settings)
    window, started = [], time.process_time()
    with tqdm(total=settings.steps, initial=run.step, unit="step", mininterval=20, smoothing=0.05) as bar:
        for crops, truth in batches(pack_folder, run, decoders):
            window.append(run.advance(crops, truth))
            bar.update(1)
            if run.step % 50 == 0 or run.step == settings.steps:
                loss, above = np.mean(window, 0)
                run.history.append({"step": run.step, "images": run.step * 2 * settings.pairs, "loss": float(loss), "above_twin": float(above),
                                    "rate": optim.rate(run.step - 1, settings)})
                bar.set_postfix(loss=f"{loss:.3f}", twin=f"{above:.3f}", cpu_s=int(time.process_time() - started))
                window = []
            last = run.step == settings.steps
            if run.step % settings.select_every == 0 or last:
                figures = select(run.mean, sets, run.device)
                run.history.append({"step": run.step, "select": figures})
                log.info("step %d %s", run.step, " ".join(f"{k} {v:.3f}" for k, v in figures.items()))
                if figures["mean"] > run.best["mean"]:
                    run.best = {"mean": figures["mean"], "step": run.step}
                    checkpoint.save({"shape": vars(settings.shape), "step": run.step, "mean": run.mean.state_dict()}, folder / "best.pt")
            if run.step % settings.checkpoint_every == 0 or last:
                run.save()
            if run.step % settings.select_every == 0 or last:
                checkpoint.replace(folder / "curves.png", lambda out: curves.draw(run.history, out))
            if settings.patience and run.step - run.best["step"] > settings.patience * settings.select_every:
                log.info("no gain on held-out simulators since step %d: stopping early", run.best["step"])
                run.save()
                break
    return run.file
