"""Prometheus' rules: `promtool` takes them, each alert is shown firing and quiet, and has its page in the runbook; rules and
boards ask for no metric that docs/metrics.md does not list."""

import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"
RULES = (DEPLOY / "prometheus/rules.yaml").read_text()
RECORDING = (DEPLOY / "prometheus/recording.yaml").read_text()
ALERTS = re.findall(r"- alert: (\w+)", RULES)


class Rules(unittest.TestCase):
    def promtool(self, *arguments: str):
        done = subprocess.run(["promtool", *arguments], cwd=DEPLOY / "prometheus", capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_promtool_takes_them(self):
        self.promtool("check", "rules", "rules.yaml", "recording.yaml")

    def test_every_alert_fires_and_stays_quiet(self):
        self.promtool("test", "rules", "tests/rules.yaml")
        names = re.findall(r"- name: '?(\w+) (fires|quiet)", (DEPLOY / "prometheus/tests/rules.yaml").read_text())
        for alert in ALERTS:
            self.assertIn((alert, "fires"), names)
            self.assertIn((alert, "quiet"), names)

    def test_every_alert_has_its_words_and_its_page(self):
        sections = {line[3:].lower() for line in (ROOT / "docs/runbook.md").read_text().splitlines() if line[:3] == "## "}
        for part in RULES.split("- alert: ")[1:]:
            name = part.split()[0]
            for key in ("severity:", "summary:", "description:", f"runbook_url: docs/runbook.md#{name.lower()}\n"):
                self.assertIn(key, part + "\n", name)
            self.assertIn(name.lower(), sections)

    def test_every_metric_asked_for_exists(self):
        listed = set(re.findall(r"^\| `(truevision_\w+)`", (ROOT / "docs/metrics.md").read_text(), re.M))
        recorded = set(re.findall(r"record: (\S+)", RECORDING))
        asked = RULES + RECORDING + "".join(file.read_text() for file in (DEPLOY / "grafana/boards").glob("*.json"))
        for name in set(re.findall(r"\w+:truevision_\w+:\w+", asked)):
            self.assertIn(name, recorded)
        for name in set(re.findall(r"(?<![:\w])truevision_[a-z_]+\b(?!:)", re.sub(r"\w+:truevision_\w+:\w+", "", asked))):
            self.assertIn(re.sub(r"_(bucket|sum|count)$", "", name), listed)


if __name__ == "__main__":
    unittest.main()
