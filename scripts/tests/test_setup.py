"""What `setup.sh` says about a machine it cannot set up: one line and its remedy for each thing, and nothing done."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# What setup.sh itself calls before it installs anything.
NEEDED = ["bash", "comm", "cut", "dirname", "head", "mkdir", "sed", "sort", "tr"]
# A machine that has everything, as scripts on PATH.
WHOLE = {
    "uname": "echo Linux x86_64",
    "apt-get": "exit 1",
    "cargo": "echo 'cargo 1.99.0 (0000000 2026-01-01)'",
    "node": "echo v22.1.0",
    "npm": "exit 1",
    "python3": 'case "$2" in *version_info*) echo 3.12 ;; esac',
    "id": "echo 0",
    "dpkg-query": "exit 0",
}


def setup(**machine: str | None) -> tuple[int, list[str]]:
    """Exit code and lines on standard error of `setup.sh run` on WHOLE, changed by `machine` (None: not there)."""
    with tempfile.TemporaryDirectory() as folder:
        checkout, path = Path(folder, "checkout"), Path(folder, "bin")
        (checkout / "scripts").mkdir(parents=True)
        path.mkdir()
        shutil.copy(ROOT / "scripts/setup.sh", checkout / "scripts")
        (checkout / "Cargo.toml").write_text('[package]\nrust-version = "1.92"\n')
        for name in NEEDED:
            (path / name).symlink_to(shutil.which(name))
        for name, script in {**WHOLE, **machine}.items():
            if script is not None:
                (path / name).write_text(f"#!{path}/bash\n{script}\n")
                (path / name).chmod(0o755)
        done = subprocess.run(
            [path / "bash", checkout / "scripts/setup.sh", "run"],
            env={**os.environ, "PATH": str(path)},
            capture_output=True,
            text=True,
        )
    return done.returncode, done.stderr.splitlines()


class Complaints(unittest.TestCase):
    def complains(self, text: str, **machine: str | None):
        code, lines = setup(**machine)
        self.assertEqual((code, len(lines)), (1, 1), lines)
        self.assertIn(text, lines[0])

    def test_other_machines(self):
        self.complains("this is Darwin arm64", uname="echo Darwin arm64")
        self.complains("apt-get is missing", **{"apt-get": None})

    def test_rust(self):
        self.complains("Rust is missing: install it with rustup", cargo=None)
        self.complains("cargo 1.85.0 is too old, 1.92 or newer is needed: run 'rustup", cargo="echo cargo 1.85.0")

    def test_node(self):
        self.complains("Node is missing: install Node 20", node=None)
        self.complains("Node is missing: install Node 20 or newer with npm", npm=None)
        self.complains("Node v18.20.4 is too old", node="echo v18.20.4")

    def test_python(self):
        self.complains("Python 3 is missing: run 'apt-get install", python3=None)
        self.complains("python3 is 3.9: put Python 3.11 to 3.14 first on PATH", python3="echo 3.9")
        self.complains("python3 is 3.15", python3="echo 3.15")

    def test_packages_without_sudo(self):
        self.complains("there is no sudo: run 'apt-get install build-essential", id="echo 1000")

    def test_a_missing_venv_module_is_one_more_package(self):
        python = 'case "$2" in *version_info*) echo 3.12 ;; *) exit 1 ;; esac'
        self.complains("python3-venv", id="echo 1000", python3=python)

    def test_all_at_once(self):
        code, lines = setup(cargo=None, node=None, python3=None)
        self.assertEqual((code, len(lines)), (1, 3), lines)


if __name__ == "__main__":
    unittest.main()
