"""Versions of a model beside it: `models/<name>.versions/<version>/`. Called by the `registry` command."""

import json
import shutil
import tomllib
from pathlib import Path

import numpy as np

from .errors import UserError


NAMES = {"list": 0, "keep": 0, "compare": 2, "rollback": 1}
"""Versions that each action takes."""


def do(model: Path, action: str, versions: tuple[str, ...]) -> str:
    if len(versions) != NAMES[action]:
        raise UserError(f"{action} takes {NAMES[action]} versions, {len(versions)} were given; kept of {model}: {' '.join(list(model).split())}")
    return {"list": list, "keep": keep, "compare": compare, "rollback": rollback}[action](model, *versions)


def version_of(folder: Path) -> str:
    try:
        return tomllib.loads((folder / "model.toml").read_text())["version"]
    except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"{folder} is no model folder ({error}): export a model first") from error


def shelf(model: Path) -> Path:
    return model.with_name(model.name + ".versions")


def list(model: Path) -> str:  # noqa: A001  (the command's name)
    """Kept versions, the live one marked."""
    live = version_of(model)
    kept = sorted(p.name for p in shelf(model).iterdir()) if shelf(model).is_dir() else []
    return "\n".join(f"{v}{' (live)' if v == live else ''}" for v in sorted({live, *kept}))


def keep(model: Path) -> str:
    """Copies the live version to the shelf. A version is written once."""
    version = version_of(model)
    target = shelf(model) / version
    if target.exists():
        raise UserError(f"version {version} of {model.name} is kept already: raise `version` and export again")
    shutil.copytree(model, target)
    return f"kept {version}"


def compare(model: Path, first: str, second: str) -> str:
    """Development figures of two versions; both must have been evaluated on the same clips."""
    tables = []
    for version in (first, second):
        file = (model if version_of(model) == version else shelf(model) / version) / "figures.json"
        if not file.is_file():
            raise UserError(f"{file} is missing: run `evaluate` on version {version} first")
        table = json.loads(file.read_text())
        if "labelled" not in table:
            raise UserError(f"{file} is of an older evaluation: run `evaluate` on version {version} again")
        tables.append(table)
    if tables[0]["clips"] != tables[1]["clips"]:
        raise UserError(f"versions {first} and {second} were evaluated on different clips: evaluate both on one folder")
    figures = {"AUC of labelled clips": lambda t: t["labelled"]["windows"]["all"]["auc"], "AUC of live swaps": lambda t: t["live"]["windows"]["auc"],
               "live swaps above their twin": lambda t: t["live"]["windows"]["above_twin"], "false alarms an hour": lambda t: t["genuine"]["hourly"][0],
               "share UNCERTAIN, genuine": lambda t: t["genuine"]["unsure"]["share"],
               "simulators, mean AUC": lambda t: np.mean([f["auc"] for f in t["simulators"]["families"].values()]),
               "simulators, ECE": lambda t: t["simulators"]["ece"], "encoder, ms a crop": lambda t: t["speed"]["encoder_ms"]}
    rows = [f"{'':28s} {first:>10s} {second:>10s}"]
    for name, value in figures.items():
        try:
            rows.append(f"{name:28s} {value(tables[0]):10.3f} {value(tables[1]):10.3f}")
        except TypeError:  # not measured: None
            continue
    return "\n".join(rows)


def rollback(model: Path, version: str) -> str:
    """Makes a kept version live; the one replaced stays on the shelf."""
    source = shelf(model) / version
    if not source.is_dir():
        raise UserError(f"version {version} of {model.name} is not kept; kept: {', '.join(list(model).splitlines())}")
    if not (shelf(model) / version_of(model)).exists():
        keep(model)
    old, fresh = (model.with_name(model.name + suffix) for suffix in (".old", ".new"))
    shutil.rmtree(fresh, ignore_errors=True)  # of a rollback that was broken off
    shutil.copytree(source, fresh)
    model.rename(old)
    fresh.rename(model)
    shutil.rmtree(old)
    return f"{model.name} is {version} now"
