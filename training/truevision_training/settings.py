"""A training's settings: a TOML file in, checked `Settings` out. Called by the command line; configs/ holds the files."""

import tomllib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from .errors import UserError
from .network import Shape
from .stills import BALANCES, FAMILIES


@dataclass(frozen=True)
class Settings:
    """Lengths are steps of one batch; `pairs` real faces and as many fakes a batch."""

    name: str = "truevision-b0-112"
    shape: Shape = field(default_factory=Shape)
    seed: int = 1
    pairs: int = 16
    steps: int = 4000
    warmup: int = 150
    hold: float = 0.55
    """Share of the steps at the full rate before the fall to zero."""
    schedule: str = "hold-cosine"
    """`hold-cosine`, or `restarts`: cosine with `cycles` warm restarts."""
    cycles: int = 3
    rate: float = 1e-3
    weight_decay: float = 0.05
    optimiser: str = "adamw"
    """`adamw` or `sam` (sharpness-aware, two passes a step, over AdamW)."""
    sam_radius: float = 0.05
    ema: float = 0.999
    clip: float = 5.0
    map_weight: float = 1.0
    pair_weight: float = 0.5
    """Weight of the loss that a fake must score above its own twin."""
    focal: float = 0.0
    smoothing: float = 0.0
    easy_steps: int = 0
    frozen_stages: int = 0
    """First stages of an EfficientNet, with the stem, whose weights stay as given: the finest maps cost 40 % of a CPU step."""
    checkpoint_every: int = 200
    select_every: int = 400
    select_pairs: int = 96
    """Held-out pairs a family, a multiple of 16."""
    window_pairs: int = 1600
    window_held_out: int = 320
    window_epochs: int = 60
    """The head stage: pairs of windows to train on and to hold out, and passes over them."""
    balance: str = "root"
    """How often a group (a data set of stills, a clip) is drawn: `size`, as often as it is large; `root`, by the root of its size;
    `over`, all alike, so that rows of small groups come again; `under`, all alike, of each only as many rows as the smallest has."""
    patience: int = 0
    """Selections without a gain after which the stage ends; 0: never."""
    threads: int = 1
    """CPU threads. On a shared machine two OpenMP threads spin at every barrier while one is preempted: measured 5 images/s
    with two, 42 with one, beside other work on two cores."""
    device: str = "auto"
    families: dict[str, float] = field(default_factory=lambda: {"self": 0.34, "cross": 0.12, "swap": 0.18, "decoder": 0.12, "reenact": 0.14, "drift": 0.1})

    @staticmethod
    def load(file: Path) -> "Settings":
        try:
            table = tomllib.loads(file.read_text())
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise UserError(f"settings {file} cannot be read: {error}") from error
        return Settings.of(table, str(file))

    @staticmethod
    def of(table: dict, origin: str) -> "Settings":
        shape = table.pop("shape", {})
        for part, known, given in (("", Settings, table), ("shape.", Shape, shape)):
            unknown = set(given) - {f.name for f in fields(known)}
            if unknown:
                raise UserError(f"settings {origin}: unknown key {part}{sorted(unknown)[0]}; see truevision_training/settings.py for all keys")
        for part, known, given in (("", Settings(), table), ("shape.", Shape(), shape)):
            for key, value in given.items():
                wanted = type(getattr(known, key))
                if type(value) is not wanted and not (wanted is float and type(value) is int):
                    raise UserError(f"settings {origin}: {part}{key} is {value!r}, expected {wanted.__name__}")
        settings = Settings(**table, shape=Shape(**shape))
        for key, allowed in (("schedule", ("hold-cosine", "restarts")), ("optimiser", ("adamw", "sam")), ("balance", BALANCES)):
            if getattr(settings, key) not in allowed:
                raise UserError(f"settings {origin}: {key} is {getattr(settings, key)!r}, expected one of {', '.join(allowed)}")
        unknown = set(settings.families) - set(FAMILIES)
        if unknown or not settings.families:
            raise UserError(f"settings {origin}: family {sorted(unknown)[0] if unknown else '(none)'!r} is unknown, expected some of {', '.join(FAMILIES)}")
        if settings.pairs < 2 or settings.steps < 1:
            raise UserError(f"settings {origin}: pairs must be at least 2 and steps at least 1")
        return settings

    def table(self) -> dict:
        return asdict(self)
