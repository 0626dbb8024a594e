"""The command line, `python -m truevision_training COMMAND`: one function a command, errors as one line. See docs/training.md.

A command imports what it needs itself: PyTorch takes seconds to load and most commands do without it.
"""

import argparse
import errno
import json
import logging
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from .errors import UserError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def discover(args) -> None:
    from . import discover as discovery

    for found in discovery.under(args.data):
        print("\n".join(discovery.lines(found)))


def prep(args) -> None:
    from . import prep as preparation
    from . import readers
    from .geometry import CropRule

    items = [i for folder in args.data for i in readers.read(folder)]
    manifest = preparation.build(items, args.pack, args.faces, CropRule(args.size, args.side, args.center), set(args.exclude))
    print(json.dumps(Counter(f.get("skipped", "kept").split(":")[0] for f in manifest["files"])))


def preview(args) -> None:
    from . import preview as sheets
    from .pack import Pack
    from .settings import Settings
    from .stills import Stills, eigenfaces

    settings, pack = Settings.load(args.config), Pack(args.pack)
    sheets.write(Stills(pack, eigenfaces(pack, settings.seed, False), True, settings.shape.size, settings.families), settings.seed, args.out)


def swapper(args) -> None:
    from . import swapper as swapping
    from .pack import Pack
    from .tiny import Tiny

    people = swapping.learn(Pack(args.pack), Tiny(args.autoencoder), not args.held_out, args.out)
    print(f"{args.out}: {people} people")


def draw(args) -> None:
    from . import drawn
    from .pack import Pack
    from .swapper import Swapper
    from .tiny import Tiny

    tiny = Tiny(args.autoencoder)
    count = drawn.make(Pack(args.pack), tiny, args.kind, args.count, args.seed, Swapper(args.swapper, tiny) if args.swapper else None)
    print(f"{count} faces drawn")


def train(args) -> None:
    from . import train as frames
    from . import train_windows
    from .settings import Settings

    settings = Settings.load(args.config)
    if args.device:
        settings = replace(settings, device=args.device)
    done = frames.train(args.pack, settings, args.run, args.init)
    train_windows.train(args.pack, settings, args.run, done)


def export(args) -> None:
    from . import calibrate
    from . import export as exporting
    from .geometry import CropRule

    crops = None
    if args.precision == "int8":
        if not args.pack:
            raise UserError("int8 measures its ranges on training crops: give --pack")
        crops = calibrate.training_crops(args.pack, args.run / "model.pt")
    bias, temperature = calibrate.of_run(args.run)
    about = exporting.about(args.about)
    worst = exporting.export(args.run / "model.pt", args.model, CropRule(args.size, args.side, args.center), about["about"],
                             about["score"] | {"bias": bias, "temperature": temperature}, about["quality"], args.precision, crops)
    print(f"{args.model}: parity {worst:.1e}")


def evaluate(args) -> None:
    from . import card, checkpoint, curves, report

    figures = report.measure(args.model, args.clips, args.faces, args.pack, args.cache, args.pairs, args.generated,
                             tuple(args.rates))
    sims = figures["simulators"]
    checkpoint.replace(args.model / "reliability.png", lambda out: curves.reliability(sims["reliability"], sims["ece"], out))
    checkpoint.text(json.dumps(figures, indent=1) + "\n", args.model / "figures.json")
    checkpoint.text(card.text(args.model, figures), args.model / "card.md")
    print(f"{args.model / 'card.md'}, figures.json and reliability.png written")


def envelope(args) -> None:
    from . import card, checkpoint
    from . import envelope as mapping
    from .model import Model
    from .pack import Pack
    from .swapper import Swapper
    from .tiny import Tiny

    swap = Swapper(args.swapper, Tiny(args.autoencoder))
    figures = mapping.measure(Model(args.model), Pack(args.pack), args.clips, args.faces, swap)
    checkpoint.replace(args.model / "envelope.png", lambda out: mapping.draw(figures, out))
    checkpoint.text(json.dumps(figures, indent=1) + "\n", args.model / "envelope.json")
    written = "envelope.json and envelope.png"
    if (args.model / "figures.json").is_file():
        checkpoint.text(card.text(args.model, json.loads((args.model / "figures.json").read_text())), args.model / "card.md")
        written += ", and the card with them"
    print(f"{args.model}: {written} written")


def registry(args) -> None:
    from . import registry as versions

    print(versions.do(args.models, args.action, tuple(args.names)))


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="truevision_training", description=__doc__)
    commands = top.add_subparsers(required=True)

    def add(name, run, help, /, **options):
        part = commands.add_parser(name, help=help)
        part.set_defaults(run_command=run)
        for flag, kind in options.items():
            options = {"type": Path, "required": True} | kind
            part.add_argument(f"--{flag.replace('_', '-')}", **{k: v for k, v in options.items() if v is not None})

    faces = {"default": Path("models/fetched"), "required": False, "help": "folder of the face models in ONNX"}
    autoencoder = {"help": "folder of TAEF2's weights, see docs/training.md"}
    crop = {"size": {"type": int, "default": 112, "required": False}, "side": {"type": float, "default": 2.8, "required": False},
            "center": {"type": float, "default": 0.36, "required": False}}
    add("discover", discover, "what data sets lie under one root", data={})
    add("prep", prep, "crops, landmarks and manifest of real faces", data={"nargs": "+"}, pack={}, faces=faces,
        exclude={"type": str, "nargs": "*", "default": [], "required": False, "help": "recordings never to train on"}, **crop)
    add("preview", preview, "contact sheet of simulated fakes", pack={}, config={}, out={})
    add("swapper", swapper, "a face swapper from the pack's clips", pack={}, out={}, autoencoder=autoencoder,
        held_out={"action": "store_true", "type": None, "required": False, "help": "of the clips that are held out, to measure with"})
    add("draw", draw, "faces drawn anew, for the family `drawn`", pack={}, autoencoder=autoencoder,
        kind={"type": str, "choices": ["stills", "clips"]}, count={"type": int, "default": 6000, "required": False},
        seed={"type": int, "default": 1, "required": False}, swapper={"default": None, "required": False, "help": "draws clips as other people"})
    add("train", train, "frame stage, then head stage; goes on where it stopped", pack={}, config={}, run={},
        init={"default": None, "required": False, "help": "ImageNet weights of EfficientNet-Lite0, or a model folder to go on from"},
        device={"type": str, "default": None, "required": False, "help": "auto, cpu or cuda; instead of the settings' own"})
    add("export", export, "model folder from a run", run={}, model={}, about={}, **crop,
        precision={"type": str, "choices": ["fp32", "fp16", "int8"], "default": "fp32", "required": False},
        pack={"default": None, "required": False, "help": "where int8 finds training crops"})
    add("evaluate", evaluate, "figures and card of a model folder", model={}, clips={}, faces=faces, pack={},
        cache={"default": Path(".cache/clips"), "required": False},
        pairs={"type": int, "default": 48, "required": False, "help": "simulated pairs a family and a cell"},
        rates={"type": float, "nargs": "*", "default": [10.0, 15.0, 25.0, 30.0], "required": False, "help": "frame rates of the clips to be tried"},
        generated={"default": None, "required": False, "help": "pictures of generated faces, for a synthetic head"})
    add("envelope", envelope, "at which size, bitrate and frame rate a swap is seen", model={}, pack={}, faces=faces, swapper={}, autoencoder=autoencoder,
        clips={"help": "folder of the genuine clips that the pack was made from"})
    add("registry", registry, "versions of a model: list, keep, compare, rollback", models={},
        action={"type": str, "choices": ["list", "keep", "compare", "rollback"]}, names={"type": str, "nargs": "*", "default": [], "required": False})
    return top


def main(arguments: list[str] | None = None) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    args = parser().parse_args(arguments)
    try:
        args.run_command(args)
    except UserError as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 2
    except OSError as error:
        remedy = "free space there and give the same command again" if error.errno in FULL else "see that the file is there and may be read or written"
        print(f"error: {error.filename or 'a file'}: {error.strerror or error}: {remedy}", file=sys.stderr)
        return 2
    return 0


def one_line(error: UserError) -> str:
    """A worker process wraps its error in a traceback, whose last line is the message."""
    text = str(error).strip()
    if "Traceback (most recent call last)" in text:
        text = text.splitlines()[-1].removeprefix("truevision_training.errors.UserError: ")
    return " ".join(text.split())
