"""Runs TrueVision for a long time against cameras that die and come back, and says whether its memory stays flat.

    python3 scripts/soak.py [MINUTES]          needs `make setup` and `cargo build --example rtsp_server`

Two RTSP cameras of 320x240 are killed and restarted in turn, each about every 14 s; the demo's two 1280x720 clips play
beside them, and somebody watches all pictures' events. Every 10 s the resident memory, the threads and the open files
are written to standard output as CSV; at the end the slope of the memory after the first 5 minutes and the reconnects.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CAMERA = ROOT / "target/debug/examples/rtsp_server"
PROGRAM = ROOT / "target/release/truevision"
PORTS = [28554, 28555]
LIFE_SECS = 14
WARM_UP_SECS = 300

SETTINGS = "".join(
    f'[[streams]]\nid = "camera-{port}"\nurl = "rtsp://127.0.0.1:{port}/camera"\ntransport = "tcp"\nno_frames_secs = 2.0\n'
    for port in PORTS
) + "".join(
    f'[[streams]]\nid = "{clip}"\nurl = ".cache/demo/{clip}.mp4"\nrepeat = true\n' for clip in ("untouched", "manipulated")
)


def camera(port: int) -> subprocess.Popen:
    return subprocess.Popen([CAMERA, str(port), "test"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024 / 1e6


def slope(points: list[tuple[float, float]]) -> float:
    """Least squares, MB an hour."""
    n = len(points)
    mean_t, mean_m = sum(t for t, _ in points) / n, sum(m for _, m in points) / n
    spread = sum((t - mean_t) ** 2 for t, _ in points)
    return 3600 * sum((t - mean_t) * (m - mean_m) for t, m in points) / spread if spread else 0.0


def main() -> None:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 30
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as settings:
        settings.write(SETTINGS)
        settings.flush()
        cameras = {port: camera(port) for port in PORTS}
        program = subprocess.Popen(
            [PROGRAM, "run", "--listen", "127.0.0.1:0", "--config", settings.name],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        address = program.stdout.readline().strip().split(": ", 1)[1]
        began = time.monotonic()
        points, restarts, next_sample = [], 0, 0.0
        print("secs,rss_mb,threads,files,restarts", flush=True)
        while (now := time.monotonic() - began) < minutes * 60:
            # In turn, half a life apart.
            turn = int(now / (LIFE_SECS / len(PORTS)))
            if turn > restarts:
                port = PORTS[turn % len(PORTS)]
                cameras[port].kill()
                cameras[port].wait()
                cameras[port] = camera(port)
                restarts = turn
            if now >= next_sample:
                next_sample += 10
                proc = Path(f"/proc/{program.pid}")
                threads, files = len(list((proc / "task").iterdir())), len(list((proc / "fd").iterdir()))
                rss = resident_mb(program.pid)
                points.append((now, rss))
                print(f"{now:.0f},{rss:.1f},{threads},{files},{restarts}", flush=True)
            time.sleep(0.2)
        with urllib.request.urlopen(address + "api/streams") as answer:
            streams = json.load(answer)["streams"]
        for stream in streams:
            print(f"# {stream['id']}: {stream['state']}, {stream['reconnects']} reconnects, dropped {stream['dropped']}")
        steady = [point for point in points if point[0] >= WARM_UP_SECS] or points
        print(f"# {sum(s['reconnects'] for s in streams)} reconnects; memory {steady[0][1]:.0f} -> {steady[-1][1]:.0f} MB,")
        print(f"# {slope(steady):+.2f} MB an hour after the first {WARM_UP_SECS} s")
        program.terminate()
        program.wait()
        for process in cameras.values():
            process.kill()


if __name__ == "__main__":
    main()
