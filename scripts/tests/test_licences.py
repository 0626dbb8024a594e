"""Every Rust dependency's licence against the allow list of deny.toml, as `cargo deny check licenses` would."""

import json
import re
import subprocess
import tomllib
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def allowed(expression: str, allow: set[str]) -> bool:
    """Whether an SPDX expression can be met with licences of `allow`; crates also write `/` for OR."""
    tokens = re.findall(r"[()]|[^\s()/]+|/", expression)
    position = 0

    def take() -> str:
        nonlocal position
        position += 1
        return tokens[position - 1]

    def next_is(*words: str) -> bool:
        return position < len(tokens) and tokens[position] in words

    def single() -> bool:
        if next_is("("):
            take()
            value = alternatives()
            take()
            return value
        name = take()
        if next_is("WITH"):
            name = f"{name} {take()} {take()}"
        return name in allow

    def all_of() -> bool:
        value = single()
        while next_is("AND"):
            take()
            value = single() and value
        return value

    def alternatives() -> bool:
        value = all_of()
        while next_is("OR", "/"):
            take()
            value = all_of() or value
        return value

    return alternatives()


class Licences(unittest.TestCase):
    def test_expressions(self):
        allow = {"MIT", "Apache-2.0 WITH LLVM-exception", "IJG"}
        for expression in ("MIT", "GPL-3.0/MIT", "Apache-2.0 WITH LLVM-exception OR X", "(X OR MIT) AND IJG"):
            self.assertTrue(allowed(expression, allow), expression)
        for expression in ("GPL-3.0", "MIT AND X", "Apache-2.0", "(MIT OR X) AND Y"):
            self.assertFalse(allowed(expression, allow), expression)

    def test_every_dependency_is_allowed(self):
        deny = tomllib.loads((ROOT / "deny.toml").read_text())
        allow = set(deny["licenses"]["allow"])
        target = deny["graph"]["targets"][0]
        metadata = subprocess.run(
            ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target],
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
        packages = json.loads(metadata)["packages"]
        self.assertGreater(len(packages), 100)
        refused = [
            f"{package['name']} {package['version']}: {package['license']}"
            for package in packages
            if not allowed(package["license"] or "none", allow)
        ]
        self.assertEqual(refused, [])


if __name__ == "__main__":
    unittest.main()
