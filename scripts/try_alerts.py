"""Tries alerts as an operator would, and says what was seen: `try_alerts.py seconds | outage [MINUTES] | drop | flapping | cost`.

Needs `make setup`, a build (TRUEVISION=PROGRAM, default target/release/truevision), for `seconds` Debian's prometheus and
prometheus-alertmanager, and for `drop` `cargo build --example rtsp_server`. Figures go into docs/alerting.md by hand.

The trial model is not sure enough of the demo's clip, so every run uses a copy with another bias, by which each face is FAKE.
"""

import atexit
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / os.environ.get("TRUEVISION", "target/release/truevision")
CLIP = ROOT / ".cache/demo/manipulated.mp4"
PATIENCE_SECS = 300


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def ask(url: str, method: str = "GET", body: dict | None = None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read()
    return json.loads(text) if text.startswith((b"{", b"[")) else text.decode()


def wait(what: str, question, pause: float = 0.1):
    """The first true answer of `question`; a server that is not there yet counts as no answer."""
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE_SECS:
        try:
            if answer := question():
                return answer
        except OSError:
            pass
        time.sleep(pause)
    sys.exit(f"waited {PATIENCE_SECS} s for {what}")


class Receiver:
    """A webhook receiver: the keys it took, with the time."""

    def __init__(self, port: int):
        self.taken: list[tuple[str, float]] = []
        taken = self.taken

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                taken.append((self.headers["idempotency-key"], time.time()))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        threading.Thread(target=ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever, daemon=True).start()

    def doubles(self) -> list[str]:
        return [key for key, count in Counter(key for key, _ in self.taken).items() if count > 1]


class TrueVision:
    """The program with a folder and a webhook's address of its own."""

    def __init__(self, folder: Path, settings: str = "", alerts: str = ""):
        self.folder = folder
        self.hook = free_port()
        model = self.folder / "model"
        shutil.copytree(ROOT / "models/trial-112", model)
        contract = (model / "model.toml").read_text()
        (model / "model.toml").write_text(re.sub(r"^bias = .*$", "bias = -8.0", contract, flags=re.M))
        (self.folder / "settings.toml").write_text(
            f'streams_max = 256\n{alerts}\n[alerts.webhook]\nurl = "http://127.0.0.1:{self.hook}/"\n{settings}'
        )
        self.start()
        # However this script ends, the program ends with it.
        atexit.register(lambda: self.process.kill())

    def start(self):
        environment = {
            "TRUEVISION__RECORD__FOLDER": f"{self.folder}/record",
            "TRUEVISION__ANALYSES__FOLDER": f"{self.folder}/analyses",
            "TRUEVISION__ALERTS__DATABASE": f"{self.folder}/alerts.db",
            "TRUEVISION__EVIDENCE__FOLDER": f"{self.folder}/evidence",
            "TRUEVISION__ALERTS__WEBHOOK__SECRET": "a-key",
            "TRUEVISION__DETECTOR__MODEL": f"{self.folder}/model",
        }
        self.process = subprocess.Popen(
            [PROGRAM, "run", "--listen", "127.0.0.1:0", "--config", self.folder / "settings.toml"],
            cwd=ROOT, env=os.environ | environment, stdout=subprocess.PIPE, text=True,
            stderr=(self.folder / "log").open("a"),
        )
        self.url = self.process.stdout.readline().strip().split(": ", 1)[1]

    def alerts(self, query: str = "") -> list[dict]:
        return ask(f"{self.url}api/v1/alerts?limit=200&{query}")["alerts"]

    def target(self) -> dict:
        return ask(f"{self.url}api/v1/targets")["targets"][0]

    def metric(self, series: str) -> float:
        found = re.search(rf"^{re.escape(series)} (\S+)$", ask(f"{self.url}metrics"), re.M)
        return float(found[1]) if found else 0.0

    def memory_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024 / 1e6

    def latency(self, stream: str) -> dict[str, float]:
        """Cumulated counts by upper bound."""
        text = ask(f"{self.url}metrics")
        rows = re.findall(rf'^truevision_end_to_end_seconds_bucket{{stream="{stream}",le="(\S+)"}} (\S+)$', text, re.M)
        return {le: float(count) for le, count in rows}

    def stop(self):
        self.process.terminate()
        self.process.wait()


def small(folder: Path) -> Path:
    """The clip at 640x360 and 10 fps, so that what is tried is alerts and not the decoder."""
    clip = folder / "small.mp4"
    caps = "video/x-raw,width=640,height=360,framerate=10/1"
    chain = f"filesrc location={CLIP} ! decodebin ! videoconvert ! videoscale ! videorate ! {caps} ! x264enc ! mp4mux"
    subprocess.run(["gst-launch-1.0", "-q", *f"{chain} ! filesink location={clip}".split()], check=True)
    return clip


def stream(name: str, url: Path) -> str:
    return f'[[streams]]\nid = "{name}"\nurl = "{url}"\nrepeat = true\n'


def seconds(folder: Path):
    """From the start of a manipulated stream to everybody who is told, with the intervals and rules that ship."""
    manager, prometheus = free_port(), free_port()
    seen = TrueVision(folder, alerts=f'[alerts.alertmanager]\nurl = "http://127.0.0.1:{manager}"')
    receiver = Receiver(seen.hook)
    (seen.folder / "token").write_text("unused")
    text = (ROOT / "deploy/prometheus/prometheus.yaml").read_text()
    for shipped, here in {
        "/etc/prometheus/": f"{ROOT}/deploy/prometheus/",
        "/run/secrets/truevision_token": f"{seen.folder}/token",
        "truevision:8080": seen.url.removeprefix("http://").strip("/"),
        "alertmanager:9093": f"127.0.0.1:{manager}",
    }.items():
        text = text.replace(shipped, here)
    (seen.folder / "prometheus.yaml").write_text(text)
    servers = [
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for command in (
            ["prometheus", f"--config.file={seen.folder}/prometheus.yaml", f"--storage.tsdb.path={seen.folder}/tsdb",
             f"--web.listen-address=127.0.0.1:{prometheus}"],
            ["prometheus-alertmanager", f"--config.file={ROOT}/deploy/alertmanager/alertmanager.yaml",
             f"--storage.path={seen.folder}/am", f"--web.listen-address=127.0.0.1:{manager}",
             "--cluster.listen-address="],
        )
    ]  # fmt: skip
    try:
        reached = f"http://127.0.0.1:{prometheus}/api/v1/query?query=up%7Bjob%3D%22truevision%22%7D%3D%3D1"
        wait("Prometheus to reach TrueVision", lambda: ask(reached)["data"]["result"])
        clip = small(folder)
        began = time.monotonic()
        ask(f"{seen.url}api/streams", "POST", {"id": "door", "url": str(clip), "repeat": True})

        def said(what: str, question):
            wait(what, question)
            print(f"{time.monotonic() - began:6.1f} s  {what}", flush=True)

        def held(name: str) -> bool:
            alerts = ask(f"http://127.0.0.1:{manager}/api/v2/alerts")
            return any(alert["labels"]["alertname"] == name for alert in alerts)

        def fires() -> bool:
            alerts = ask(f"http://127.0.0.1:{prometheus}/api/v1/alerts")["data"]["alerts"]
            wanted = ("TrueVisionFakeFace", "firing")
            return any((alert["labels"]["alertname"], alert["state"]) == wanted for alert in alerts)

        said("the verdict is FAKE", lambda: seen.metric('truevision_verdict{stream="door",verdict="FAKE"}'))
        said("the alert is open", lambda: seen.alerts("state=open"))
        said("the webhook is told", lambda: receiver.taken)
        said("Alertmanager holds TrueVision's own alert", lambda: held("TrueVisionAlert"))
        said("Prometheus' alert TrueVisionFakeFace fires", fires)
        said("Alertmanager holds it", lambda: held("TrueVisionFakeFace"))
    finally:
        for server in servers:
            server.terminate()
            server.wait()
        seen.stop()


def outage(folder: Path, minutes: float):
    """Alerts come and go while the receiver is down; when it is back it must be told all of it once."""
    rules = "[alerts.rules]\ndwell_secs = 1.0\nquiet_secs = 0.0"
    clip = small(folder)
    seen = TrueVision(folder, stream("door", clip) + stream("gate", clip), rules)
    until = time.monotonic() + minutes * 60
    while time.monotonic() < until:
        for alert in seen.alerts("state=open"):
            ask(f"{seen.url}api/v1/alerts/{alert['id']}/resolve", "POST", {})
        time.sleep(10)
    waiting, failed = seen.target()["waiting"], seen.metric('truevision_deliveries_total{kind="webhook",outcome="failed"}')
    print(f"after {minutes:g} minutes without a receiver: {waiting} deliveries wait, {failed:.0f} attempts failed", flush=True)
    for name in ("door", "gate"):
        ask(f"{seen.url}api/streams/{name}", "DELETE")
    began = time.monotonic()
    receiver = Receiver(seen.hook)
    wait("an empty queue", lambda: seen.target()["waiting"] == 0)
    took = time.monotonic() - began
    alerts = [alert for alert in seen.alerts() if alert["opened"]]
    expected = {f"{alert['id']}-{event}" for alert in alerts for event in ("opened", "resolved")}
    got = {key for key, _ in receiver.taken}
    print(f"{took:.1f} s after it was back all was told: {len(alerts)} alerts, {len(receiver.taken)} deliveries")
    print(f"missing {len(expected - got)}, unexpected {len(got - expected)}, doubled {len(receiver.doubles())}")
    seen.stop()


def drop(folder: Path):
    """An open alert while its camera dies and comes back, and while the program is killed."""
    port = free_port()
    camera = [ROOT / "target/debug/examples/rtsp_server", str(port), str(small(folder))]

    def film() -> subprocess.Popen:
        return subprocess.Popen(camera, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    filming = film()
    extra = 'transport = "tcp"\nno_frames_secs = 2.0\n'
    seen = TrueVision(folder, f'[[streams]]\nid = "cam"\nurl = "rtsp://127.0.0.1:{port}/camera"\n{extra}')
    receiver = Receiver(seen.hook)
    state = lambda: next(s for s in ask(f"{seen.url}api/streams")["streams"] if s["id"] == "cam")["state"]  # noqa: E731
    first = wait("an open alert", lambda: seen.alerts("state=open"))[0]
    filming.kill()
    filming.wait()
    wait("the loss", lambda: state() == "fault")
    time.sleep(15)
    filming = film()
    wait("the camera again", lambda: state() == "live")
    back = time.monotonic()
    wait("its face again", lambda: seen.alerts()[0]["track"] != first["track"] or len(seen.alerts()) > 1)
    alerts = seen.alerts()
    print(f"camera away for 15 s: {len(alerts)} alert, the same: {alerts[0]['id'] == first['id']}, state "
          f"{alerts[0]['state']}, joined {time.monotonic() - back:.1f} s after the camera was back")
    seen.process.kill()
    seen.process.wait()
    seen.start()
    track = wait("the alert", lambda: seen.alerts("state=open"))[0]["track"]
    began = time.monotonic()
    wait("its face", lambda: seen.alerts()[0]["updated"] > alerts[0]["updated"])
    alerts = seen.alerts()
    print(f"kill -9: open at once: {alerts[0]['id'] == first['id']} (track {track}), its face joined after "
          f"{time.monotonic() - began:.1f} s; {len(alerts)} alert in all")
    time.sleep(10)
    print(f"the webhook was told {[key.split('-')[1] for key, _ in receiver.taken]}, doubled {receiver.doubles()}")
    filming.kill()
    seen.stop()


def flapping(folder: Path):
    """100 cameras that hang up as soon as they are called, beside a stream that must not notice."""
    secs, port = 60, free_port()
    listener = socket.create_server(("127.0.0.1", port), backlog=512)
    calls = []

    def hang_up():
        while True:
            caller, _ = listener.accept()
            calls.append(time.monotonic())
            caller.close()

    threading.Thread(target=hang_up, daemon=True).start()
    seen = TrueVision(folder, stream("door", small(folder)), "[alerts.rules]\nquiet_secs = 0.0")
    receiver = Receiver(seen.hook)
    wait("an open alert", lambda: seen.alerts("state=open"))

    def measure(what: str):
        before = seen.latency("door")
        time.sleep(secs)
        counts = {le: count - before[le] for le, count in seen.latency("door").items()}
        p95 = next(le for le, count in counts.items() if count >= 0.95 * counts["+Inf"])
        print(f"{what}: {seen.memory_mb():.0f} MB, {counts['+Inf'] / secs:.1f} verdicts a second, p95 within {p95} s", flush=True)

    measure("alone")
    for number in range(100):
        ask(f"{seen.url}api/streams", "POST", {"id": f"flap-{number}", "url": f"rtsp://127.0.0.1:{port}/x"})
    called = len(calls)
    measure("with 100 flapping")
    print(f"{len(calls) - called} calls in {secs} s")
    ask(f"{seen.url}api/v1/alerts/{seen.alerts('state=open')[0]['id']}/resolve", "POST", {})
    began = time.monotonic()
    wait("a second alert", lambda: len([key for key, _ in receiver.taken if key.endswith("opened")]) == 2)
    print(f"a new alert reached the webhook {time.monotonic() - began:.1f} s after the first was closed")
    measure("another minute later")
    print(f"verdicts that alerts lost: {seen.metric('truevision_alert_verdicts_lost_total'):.0f}, doubled {receiver.doubles()}")
    seen.stop()


def cost(folder: Path):
    """What keeping evidence costs: four 1280x720 streams, each alert closed by hand as it opens, with evidence and without in turn."""
    secs = 60
    streams = "".join(stream(f"door-{number}", CLIP) for number in range(4))
    rules = "[alerts.rules]\ndwell_secs = 1.0\nquiet_secs = 0.0"
    for number, on in enumerate((True, False, False, True)):
        place = folder / str(number)
        place.mkdir()
        seen = TrueVision(place, streams, f"{rules}\n[evidence]\non = {str(on).lower()}")
        wait("an open alert", lambda: seen.alerts("state=open"))
        spent = lambda: sum(map(int, Path(f"/proc/{seen.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]))  # noqa: E731
        before, began = spent(), time.monotonic()
        while time.monotonic() - began < secs:
            for alert in seen.alerts("state=open"):
                ask(f"{seen.url}api/v1/alerts/{alert['id']}/resolve", "POST", {})
            time.sleep(5)
        took = time.monotonic() - began
        share = (spent() - before) / os.sysconf("SC_CLK_TCK") / took
        kept = sum(file.stat().st_size for file in (place / "evidence").rglob("*") if file.is_file()) / 1e6
        print(f"evidence {'on' if on else 'off':3}: {share:.1%} of a core, {seen.memory_mb():.0f} MB, {len(seen.alerts())} alerts, "
              f"{kept:.0f} MB on disk", flush=True)
        seen.stop()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="truevision-try-") as made:
        match sys.argv[1:]:
            case ["seconds"]:
                seconds(Path(made))
            case ["outage", *minutes]:
                outage(Path(made), float(minutes[0]) if minutes else 10)
            case ["drop"]:
                drop(Path(made))
            case ["flapping"]:
                flapping(Path(made))
            case ["cost"]:
                cost(Path(made))
            case _:
                sys.exit(__doc__)
