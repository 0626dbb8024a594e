"""A tiny generated pack: smooth coloured pictures with made-up landmarks, enough for every code path, no face needed."""

import json

import cv2
import numpy as np
import pytest

from truevision_training import masks

SIZE = 208


def landmarks(rng) -> np.ndarray:
    """468 points on a rough face: outline on an ellipse, features where they belong, the rest anywhere inside."""
    points = rng.uniform(-0.6, 0.6, (468, 2))
    turn = np.linspace(-np.pi / 2, 1.5 * np.pi, len(masks.OVAL), endpoint=False)
    points[masks.OVAL] = np.stack([0.8 * np.cos(turn), np.sin(turn)], 1)
    for part, (x, y) in ((masks.LIPS, (0, 0.5)), (masks.NOSE, (0, 0.1)), (masks.EYE_LEFT, (-0.35, -0.2)), (masks.EYE_RIGHT, (0.35, -0.2)),
                         (masks.BROW_LEFT, (-0.35, -0.4)), (masks.BROW_RIGHT, (0.35, -0.4))):
        points[part] = np.array([x, y]) + rng.normal(0, 0.06, (len(part), 2))
    return (SIZE / 2 + 60 * points).astype(np.float32)


def picture(rng) -> np.ndarray:
    return cv2.resize(rng.integers(0, 256, (16, 16, 3), np.uint8), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="session")
def pack_folder(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("pack"), np.random.default_rng(0)
    files, arrays = [], {}
    for kind, count, faces in (("stills", 40, 1), ("clips", 4, 24)):
        rows = []
        for i in range(count):
            first, shape = picture(rng), landmarks(rng)
            for frame in range(faces):
                rows.append((np.roll(first, frame, 1), len(files), frame, shape + frame * 0.1))
            files.append({"file": f"{kind}{i}.jpg", "dataset": kind, "identity": f"{kind}/{i}", "source": f"{kind}/{i}", "sha256": "0",
                          "split": "held-out" if i % 4 == 0 else "train", "faces": faces})
        np.save(folder / f"{kind}.npy", np.stack([r[0] for r in rows]))
        arrays |= {f"{kind}_file": np.array([r[1] for r in rows]), f"{kind}_frame": np.array([r[2] for r in rows]),
                   f"{kind}_landmarks": np.stack([r[3] for r in rows]).astype(np.float32),
                   f"{kind}_to_crop": np.tile(np.eye(2, 3), (len(rows), 1, 1)), f"{kind}_side": np.full(len(rows), 149.0)}
    np.savez(folder / "pack.npz", **arrays)
    (folder / "manifest.json").write_text(json.dumps({"crop": {}, "margin": 1.4, "size": SIZE, "files": files}))
    return folder
