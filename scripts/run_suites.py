"""Runs test suites one after the other and closes with their totals: `run_suites.py SUITE...` (names: `SUITES`).

Called by `make test` and `make test-training`. The suites' own output passes through as it comes. The last line is
`N passed, N failed, N skipped`; the exit code is 1 when anything failed or a suite ran no test.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS_PYTHON = str(ROOT / ".cache/venv/bin/python")
TRAINING_PYTHON = str(ROOT / ".cache/train-venv/bin/python")


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def number(word: str, text: str) -> int:
    """The number before `word` in `text`, 0 without one."""
    found = re.search(rf"(\d+) {word}", text)
    return int(found[1]) if found else 0


def cargo(output: str) -> Counts:
    """`test result: ok. 3 passed; 0 failed; 1 ignored; ...`, one for each test program."""
    total = Counts()
    for line in re.findall(r"^test result: .*$", output, re.M):
        total += Counts(number("passed", line), number("failed", line), number("ignored", line))
    return total


def vitest(output: str) -> Counts:
    """`Tests  1 failed | 3 passed | 2 skipped (6)`"""
    total = Counts()
    for line in re.findall(r"^\s*Tests\s.*$", output, re.M):
        total += Counts(number("passed", line), number("failed", line), number("skipped", line))
    return total


def pytest(output: str) -> Counts:
    """`1 failed, 3 passed, 2 skipped, 1 error in 0.12s`, the last such line."""
    lines = re.findall(r"^.*\d+ (?:passed|failed|skipped|error).* in [\d.]+s.*$", output, re.M)
    last = lines[-1] if lines else ""
    return Counts(number("passed", last), number("failed", last) + number("error", last), number("skipped", last))


def unittest(output: str) -> Counts:
    """`Ran 6 tests in 0.1s`, then `OK (skipped=2)` or `FAILED (failures=1, errors=1, skipped=2)`"""
    ran = re.search(r"^Ran (\d+) tests? in", output, re.M)
    parts = {word: int(count) for word, count in re.findall(r"(\w+)=(\d+)", output[ran.start() :] if ran else "")}
    failed, skipped = parts.get("failures", 0) + parts.get("errors", 0), parts.get("skipped", 0)
    return Counts(int(ran[1]) - failed - skipped, failed, skipped) if ran else Counts()


@dataclass
class Suite:
    command: list[str]
    count: Callable[[str], Counts]
    folder: str = "."


SUITES = {
    "scripts": Suite([TOOLS_PYTHON, "-m", "unittest", "discover", "-v", "-s", "scripts/tests", "-t", "scripts"], unittest),
    "rust": Suite(["cargo", "test", "--locked", "--no-fail-fast"], cargo),
    "dashboard": Suite(["npm", "test"], vitest, "dashboard"),
    "browser": Suite(["npm", "run", "test:browser"], vitest, "dashboard"),
    "training": Suite([TRAINING_PYTHON, "-m", "pytest", "tests"], pytest, "training"),
}


def run(name: str) -> Counts:
    """Runs one suite; a suite that breaks off or runs nothing counts as one more failure."""
    suite = SUITES[name]
    print(f"\n== {name}: {' '.join(suite.command)}", flush=True)
    # Colour codes would hide the counts.
    environment = {**os.environ, "NO_COLOR": "1", "CARGO_TERM_COLOR": "never"}
    output = []
    with subprocess.Popen(
        suite.command,
        cwd=ROOT / suite.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            output.append(line)
    counts, code = suite.count("".join(output)), process.returncode
    if counts.failed == 0 and (code != 0 or counts.passed == 0):
        print(f"== {name}: exit code {code} with {counts}: counted as failed")
        counts += Counts(failed=1)
    return counts


def main(names: list[str]) -> int:
    results = {name: run(name) for name in names}
    print()
    for name, counts in results.items():
        print(f"{name:10} {counts.passed:5} passed {counts.failed:5} failed {counts.skipped:5} skipped")
    total = sum(results.values(), Counts())
    print(total)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    unknown = [name for name in sys.argv[1:] if name not in SUITES]
    if len(sys.argv) < 2 or unknown:
        sys.exit(f"usage: run_suites.py SUITE... (of {', '.join(SUITES)})")
    sys.exit(main(sys.argv[1:]))
