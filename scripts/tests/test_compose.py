"""deploy/compose.yaml: what it mounts and builds from is there, the files that its programs look for are mounted, and TrueVision
takes its environment and command. (tests/stack.rs runs the same wiring without containers.)"""

import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"
COMPOSE = (DEPLOY / "compose.yaml").read_text()
SERVICES, VOLUMES = COMPOSE.split("\nservices:\n")[1].split("\nvolumes:\n")
MOUNTS = re.findall(r"- (\./[^:\s]+):([^:\s]+):ro$", SERVICES, re.M)
ENVIRONMENT = dict(re.findall(r"^ {6}(TRUEVISION__\w+): (\S+)$", SERVICES, re.M))
SECRET = "/run/secrets/truevision_token"


def service(name: str) -> str:
    return re.search(rf"^  {name}:\n((?:    .*\n|\n)+)", SERVICES, re.M)[1]


class Compose(unittest.TestCase):
    def test_what_it_names_exists(self):
        self.assertGreaterEqual(len(MOUNTS), 6)
        for here, _ in MOUNTS:
            self.assertTrue((DEPLOY / here).exists(), here)
        for file in re.findall(r"dockerfile: (\S+)", COMPOSE + (DEPLOY / "compose.gpu.yaml").read_text()):
            self.assertTrue((ROOT / file).is_file(), file)
        named = set(re.findall(r"^  (\w+):$", VOLUMES, re.M))
        used = set(re.findall(r"[\"\s](\w+):/", SERVICES)) - {"http"}
        self.assertEqual(named, used)

    def test_programs_find_what_their_settings_name(self):
        mounted = {there: (DEPLOY / here) for here, there in MOUNTS}
        settings = (DEPLOY / "prometheus/prometheus.yaml").read_text()
        for file in re.findall(r"^  - (/\S+)$", settings, re.M):
            self.assertTrue(mounted[file].is_file(), file)
        self.assertIn(f"credentials_file: {SECRET}", settings)
        self.assertIn("secrets: [truevision_token]", service("prometheus"))
        boards = (DEPLOY / "grafana/provisioning/dashboards/truevision.yaml").read_text()
        self.assertIn(re.search(r"path: (\S+)", boards)[1], mounted)
        home = re.search(r"HOME_DASHBOARD_PATH: (\S+)", SERVICES)[1]
        self.assertTrue((mounted[str(Path(home).parent)] / Path(home).name).is_file(), home)
        # Who is called must be a service, on the port that it is given.
        sources = (DEPLOY / "grafana/provisioning/datasources/prometheus.yaml").read_text()
        called = set(re.findall(r"\b([a-z]+):(\d{4})\b", settings + sources + " ".join(ENVIRONMENT.values())))
        self.assertEqual({name for name, _ in called}, {"truevision", "prometheus", "alertmanager"})
        for name, port in called:
            self.assertIn(f":{port}", service(name).split("ports:")[1])

    def test_truevision_takes_its_environment(self):
        programs = [ROOT / "target" / kind / "truevision" for kind in ("release", "debug")]
        program = max((one for one in programs if one.exists()), key=lambda one: one.stat().st_mtime)
        self.assertEqual(ENVIRONMENT["TRUEVISION__WEB__TOKEN_FILE"], SECRET)
        command = re.search(r"command: \[(.*)\]", service("truevision"))[1].replace('"', "").split(", ")
        listen = command[command.index("--listen") + 1]
        settings = command[command.index("--config") + 1]
        with tempfile.NamedTemporaryFile("w") as token:
            token.write("0123456789abcdef0123456789abcdef")
            token.flush()
            given = ENVIRONMENT | {"TRUEVISION__WEB__TOKEN_FILE": token.name, "TRUEVISION__WEB__LISTEN": listen}

            def check(environment: dict[str, str]) -> subprocess.CompletedProcess:
                return subprocess.run(
                    [program, "check-config", settings],
                    cwd=ROOT, env=os.environ | environment, capture_output=True, text=True,
                )  # fmt: skip

            done = check(given)
            self.assertEqual(done.returncode, 0, done.stderr)
            wrong = check(given | {"TRUEVISION__ALERTS__NO_SUCH_KEY": "x"})
            self.assertNotEqual(wrong.returncode, 0)
            self.assertIn("no_such_key", wrong.stderr.lower())

    def test_what_is_kept_is_kept_on_the_volume(self):
        default = (ROOT / "configs/default.toml").read_text()
        # Every setting whose default lies in data/, which in a container goes with it.
        section, kept = "", []
        for line in default.splitlines():
            if found := re.match(r"#?\|? ?\[(\w+)\]", line):
                section = found[1]
            elif found := re.match(r'#?\|? ?(\w+) = "data["/]', line):
                kept.append(f"TRUEVISION__{section}__{found[1]}".upper())
        self.assertGreaterEqual(len(kept), 3)
        for key in kept:
            self.assertTrue(ENVIRONMENT[key].startswith("/var/lib/truevision/"), key)
        self.assertIn("truevision:/var/lib/truevision", service("truevision"))


if __name__ == "__main__":
    unittest.main()
