"""Grafana's boards: as scripts/make_boards.py makes them, by Grafana's own schema, and what it asks of a board besides."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import make_boards  # noqa: E402
from grafana_foundation_sdk.cog import encoder, plugins  # noqa: E402
from grafana_foundation_sdk.models.dashboard import Dashboard  # noqa: E402

BOARDS = sorted((ROOT / "deploy/grafana/boards").glob("*.json"))
PROVISIONED = (ROOT / "deploy/grafana/provisioning/datasources/prometheus.yaml").read_text()


def unknown(board, read, place: str):
    """Where a board says something that the schema's classes left out or changed. They add defaults, which is no matter."""
    if isinstance(board, dict) and isinstance(read, dict):
        for key, value in board.items():
            yield from unknown(value, read[key], f"{place}.{key}") if key in read else [f"{place}.{key}"]
    elif isinstance(board, list) and isinstance(read, list) and len(board) == len(read):
        for at, pair in enumerate(zip(board, read)):
            yield from unknown(*pair, f"{place}[{at}]")
    elif board != read:
        yield place


class Boards(unittest.TestCase):
    def test_the_files_are_what_the_script_makes(self):
        with tempfile.TemporaryDirectory() as folder:
            make_boards.main(Path(folder))
            made = {file.name: file.read_text() for file in Path(folder).iterdir()}
        self.assertEqual(made, {file.name: file.read_text() for file in BOARDS})

    def test_grafanas_own_schema_knows_every_field(self):
        plugins.register_default_plugins()
        self.assertTrue(BOARDS)
        for file in BOARDS:
            board = json.loads(file.read_text())
            read = json.loads(encoder.JSONEncoder().encode(Dashboard.from_json(board)))
            self.assertEqual(list(unknown(board, read, file.name)), [])

    def test_panels_have_what_grafana_needs_and_do_not_overlap(self):
        for file in BOARDS:
            board = json.loads(file.read_text())
            self.assertEqual(board["uid"], f"truevision-{file.stem}")
            ids = [panel["id"] for panel in board["panels"]]
            self.assertEqual(len(ids), len(set(ids)))
            taken = set()
            for panel in board["panels"]:
                self.assertIn(panel["type"], {"timeseries", "stat", "table"})
                place = panel["gridPos"]
                self.assertLessEqual(place["x"] + place["w"], 24)
                cells = {(place["x"] + i, place["y"] + j) for i in range(place["w"]) for j in range(place["h"])}
                self.assertFalse(cells & taken, panel["title"])
                taken |= cells
                for target in panel["targets"]:
                    self.assertTrue(target["expr"] and target["refId"])
                    self.assertIn(f"uid: {target['datasource']['uid']}\n", PROVISIONED)


if __name__ == "__main__":
    unittest.main()
