"""Makes the demo's two videos from a still portrait: `make_demo.py PORTRAIT OUTDIR`. Called by `setup.sh`.

PORTRAIT is NASA's astronaut picture (public domain, 512x512) from scikit-image's wheel. It is set in motion (camera
sway, head turns and tilts, blinks, a moving mouth) with sensor noise and exposure flicker, and encoded as
1280x720 H.264 at 25 fps, 20 s that loop:
    untouched.mp4     just that
    manipulated.mp4   same motion, noise and encoder; the inner face is blended in from a resampled, colour-shifted
                      copy of itself that jitters from frame to frame, as a face swapper's output does

All positions below are in pixels of the portrait, measured on it once with the face mesh.
"""

import subprocess
import sys
from multiprocessing import Process
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT, FPS, SECONDS = 1280, 720, 25, 20
# One portrait pixel is two frame pixels, so that the face is about 210 px wide.
SCALE = 2
# The portrait is mirrored outwards by this much, and out of focus there, to fill 16:9.
MARGIN = 110
# Centre of the frame.
VIEW = np.array([256.0, 180.0])
HEAD, NECK = np.array([225.0, 118.0]), np.array([222.0, 190.0])
EYES = np.array([[203.2, 101.2], [246.7, 103.5]])
MOUTH = np.array([223.1, 143.6])
OVAL = [
    (226, 70), (251, 73), (267, 83), (273, 98), (272, 116), (269, 135), (260, 154), (248, 166), (237, 174),
    (221, 177), (206, 172), (196, 163), (185, 149), (179, 130), (178, 111), (179, 93), (186, 79), (202, 70),
]  # fmt: skip
# The part of the portrait that holds the face oval: left, top, right, bottom.
FACE = (160, 55, 290, 190)
# Side of the mesh cells that carry the motion, frame pixels.
CELL = 20
BLINKS = (1.9, 5.2, 8.8, 9.3, 13.1, 17.4)


def wave(t: float, cycles: int, phase: float) -> float:
    """A sine that closes over the clip: `cycles` periods in its length."""
    return np.sin(2 * np.pi * (cycles * t / SECONDS + phase))


def rotation(degrees: float) -> np.ndarray:
    a = np.radians(degrees)
    return np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])


def canvas_of(portrait: Image.Image) -> Image.Image:
    """The portrait with its margin, at frame resolution."""
    wide = Image.fromarray(np.pad(np.asarray(portrait), ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), mode="reflect"))
    x = np.arange(wide.width)
    beyond = np.maximum(MARGIN + 10 - x, x - (wide.width - MARGIN - 11))
    focus = Image.fromarray(np.tile((np.clip(beyond / 30, 0, 1) * 255).astype(np.uint8), (wide.height, 1)))
    wide.paste(wide.filter(ImageFilter.GaussianBlur(9)), mask=focus)
    return wide.resize((wide.width * SCALE, wide.height * SCALE), Image.Resampling.BICUBIC)


def motion(points: np.ndarray, t: float) -> np.ndarray:
    """Where in the portrait the frame shows at `points` ([..., 2], portrait pixels about the view) at time `t`."""
    # The camera: hand-held sway, a breath of zoom and roll.
    zoom = 1.02 + 0.015 * wave(t, 2, 0.1)
    sway = np.array([4 * wave(t, 2, 0.0) + 1.2 * wave(t, 7, 0.3), 2 * wave(t, 3, 0.6) + 0.7 * wave(t, 9, 0.2)])
    at = (points - VIEW) @ rotation(0.5 * wave(t, 3, 0.25)).T / zoom + VIEW + sway

    # The head: tilts about the neck and fades into the still background; a dome of depth makes it turn and nod.
    reach = np.linalg.norm((at - HEAD) / [80, 95], axis=-1)
    weight = np.clip((1.9 - reach) / 0.9, 0, 1)[..., None]
    weight = weight * weight * (3 - 2 * weight)
    tilt = rotation(2.2 * wave(t, 3, 0.4) + 0.8 * wave(t, 8, 0.1))
    at = at + weight * ((at - NECK) @ tilt.T - (at - NECK))
    depth = np.sqrt(np.clip(1 - (np.linalg.norm((at - HEAD) / [62, 78], axis=-1)) ** 2, 0, None))
    turn = np.array([4.5 * wave(t, 3, 0.7) + 1.5 * wave(t, 7, 0.5), 2.0 * wave(t, 5, 0.2)])
    at = at + depth[..., None] * turn

    # Blinks squeeze the eyes shut, speech opens and closes the mouth a little.
    shut = max(np.exp(-(((t - blink) / 0.07) ** 2)) for blink in BLINKS)
    for eye in EYES:
        off = at - eye
        at[..., 1] += 1.1 * shut * off[..., 1] * np.exp(-((off / [15, 9]) ** 2).sum(-1))
    speech = 0.10 * wave(t, 37, 0.0) * (0.5 + 0.5 * wave(t, 4, 0.1)) + 0.05 * wave(t, 61, 0.0)
    off = at - MOUTH
    at[..., 1] += speech * off[..., 1] * np.exp(-((off / [26, 16]) ** 2).sum(-1))
    return at


def moved(canvas: Image.Image, t: float) -> Image.Image:
    """The frame at time `t`, before noise."""
    columns, rows = np.meshgrid(np.arange(0, WIDTH + 1, CELL), np.arange(0, HEIGHT + 1, CELL))
    frame = np.stack([columns, rows], -1).astype(float)
    source = (motion(frame / SCALE + VIEW - [WIDTH / 2 / SCALE, HEIGHT / 2 / SCALE], t) + MARGIN) * SCALE
    # Pillow wants each target cell with its source corners north-west, south-west, south-east, north-east.
    quads = np.concatenate([source[:-1, :-1], source[1:, :-1], source[1:, 1:], source[:-1, 1:]], -1).reshape(-1, 8)
    corners = frame[:-1, :-1].reshape(-1, 2).astype(int)
    mesh = [((x, y, x + CELL, y + CELL), tuple(quad)) for (x, y), quad in zip(corners.tolist(), quads.tolist())]
    return canvas.transform((WIDTH, HEIGHT), Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)


class Swapper:
    """Blends an altered copy of the inner face over itself, a little differently each frame."""

    def __init__(self, canvas: Image.Image, random: np.random.Generator):
        self.random = random
        self.box = tuple((v + MARGIN) * SCALE for v in FACE)
        face = canvas.crop(self.box)
        small = face.resize((face.width * 2 // 5, face.height * 2 // 5), Image.Resampling.BICUBIC)
        self.altered = small.resize(face.size, Image.Resampling.BICUBIC)
        mask = Image.new("L", face.size)
        oval = (np.array(OVAL) - MOUTH) * [0.92, 0.88] + MOUTH
        ImageDraw.Draw(mask).polygon([tuple((p - FACE[:2]) * SCALE) for p in oval], fill=255)
        self.mask = mask.filter(ImageFilter.GaussianBlur(5))
        # Shift x and y (canvas pixels), turn (degrees), growth: each wanders about its mean.
        self.drift = np.zeros(4)

    def apply(self, canvas: Image.Image) -> Image.Image:
        self.drift = 0.7 * self.drift + self.random.normal(0, [0.9, 0.9, 0.35, 0.004])
        shift, turn, growth = self.drift[:2] + [1.5, -1.0], self.drift[2], 1.015 + self.drift[3]
        centre = np.array(self.altered.size) / 2
        linear = rotation(turn) / growth
        offset = centre - linear @ (centre + shift)
        affine = (*linear[0], offset[0], *linear[1], offset[1])
        warped = self.altered.transform(self.altered.size, Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR)
        gains = np.array([1.07, 0.98, 0.93]) * (1 + self.random.normal(0, 0.01, 3))
        coloured = np.clip(np.asarray(warped) * gains + 3, 0, 255).astype(np.uint8)
        swapped = canvas.copy()
        swapped.paste(Image.fromarray(coloured), self.box[:2], self.mask)
        return swapped


def encoder(target: Path) -> subprocess.Popen:
    """Takes raw RGB frames on its standard input and writes `target`."""
    pipeline = (
        f"fdsrc fd=0 ! rawvideoparse format=rgb width={WIDTH} height={HEIGHT} framerate={FPS}/1 ! videoconvert"
        " ! video/x-raw,format=I420,colorimetry=bt709"
        f" ! x264enc pass=qual quantizer=20 speed-preset=veryfast key-int-max={2 * FPS} threads=1"
        f" ! h264parse ! mp4mux ! filesink location={target}"
    )
    return subprocess.Popen(["gst-launch-1.0", "-q", *pipeline.split()], stdin=subprocess.PIPE)


def make(portrait: Path, target: Path, manipulated: bool) -> None:
    canvas = canvas_of(Image.open(portrait).convert("RGB"))
    # The same seed for both files: the same noise and flicker.
    random, flicker = np.random.default_rng(7), 0.0
    grain = random.normal(0, 2.3, (HEIGHT + 256, WIDTH + 256, 3)).round().astype(np.int16)
    swapper = Swapper(canvas, np.random.default_rng(11)) if manipulated else None
    part = target.with_suffix(".part")
    process = encoder(part)
    for number in range(FPS * SECONDS):
        t = number / FPS
        shown = moved(swapper.apply(canvas) if swapper else canvas, t)
        flicker = 0.8 * flicker + random.normal(0, 0.003)
        exposure = np.clip(np.arange(256) * (1 + 0.01 * wave(t, 5, 0.0) + flicker), 0, 255).astype(np.int16)
        y, x = random.integers(0, 256, 2)
        noisy = exposure[np.asarray(shown)] + grain[y : y + HEIGHT, x : x + WIDTH]
        process.stdin.write(np.clip(noisy, 0, 255).astype(np.uint8).tobytes())
    process.stdin.close()
    if process.wait():
        raise RuntimeError(f"gst-launch-1.0 could not encode {target}: see its message above")
    part.rename(target)


def main(portrait: Path, out: Path) -> None:
    jobs = [
        Process(target=make, args=(portrait, out / "untouched.mp4", False)),
        Process(target=make, args=(portrait, out / "manipulated.mp4", True)),
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    if any(job.exitcode for job in jobs):
        sys.exit(1)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: make_demo.py PORTRAIT OUTDIR")
    main(Path(sys.argv[1]), Path(sys.argv[2]))
