"""Copies files out of a wheel: `unpack.py WHEEL PATTERN... FOLDER`. Called by `setup.sh`.

Each glob pattern has to match; the files land in FOLDER by their last name.
"""

import fnmatch
import sys
import zipfile
from pathlib import Path


def main(wheel: str, patterns: list[str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        for pattern in patterns:
            members = fnmatch.filter(archive.namelist(), pattern)
            if not members:
                sys.exit(f"{wheel} has no {pattern}")
            for member in members:
                (folder / Path(member).name).write_bytes(archive.read(member))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:-1], Path(sys.argv[-1]))
