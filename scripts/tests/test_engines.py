"""Every graph through TensorRT-RTX's builder, where `make check-engines` has set it up."""

import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON = ROOT / ".cache/engines/bin/python"


@unittest.skipUnless(PYTHON.exists(), "TensorRT-RTX is not set up; `make check-engines` does it (95 MB)")
class Engines(unittest.TestCase):
    def test_every_graph_converts(self):
        done = subprocess.run([PYTHON, ROOT / "scripts/check_engines.py"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("models/truevision-lite0-112/encoder.onnx: converts", done.stdout)
        self.assertIn("models/truevision-lite0-112/head.onnx: converts", done.stdout)


if __name__ == "__main__":
    unittest.main()
