"""A clip in, the crops of its face at the detector's rate out, kept in a cache folder. Called by evaluate."""

import hashlib
from pathlib import Path

import cv2
import numpy as np

from .faces import Faces
from .geometry import CropRule, crop

LONGEST_S = 10.0


def crops(path: Path, part: str, faces: Faces, rule: CropRule, rate: float, cache: Path) -> np.ndarray:
    """[T, size, size, 3] u8 at `rate` a second, at most LONGEST_S seconds, frames without a face left out.

    `part`: `all`, or `left` / `right` half of a picture that shows an original and its fake side by side.
    """
    key = hashlib.sha256(f"{path.resolve()} {path.stat().st_size} {part} {rule} {rate}".encode()).hexdigest()[:24]
    kept = cache / f"{key}.npy"
    if kept.is_file():
        return np.load(kept)
    video = cv2.VideoCapture(str(path))
    spacing = (video.get(cv2.CAP_PROP_FPS) or 25.0) / rate
    found, number, wanted = [], 0, 0.0
    while video.grab() and len(found) < LONGEST_S * rate:
        if number >= wanted - 0.5:
            wanted += spacing
            good, image = video.retrieve()
            if good:
                middle = image.shape[1] // 2
                image = {"all": image, "left": image[:, :middle], "right": image[:, middle:]}[part]
                image = np.ascontiguousarray(image[..., ::-1])
                face = faces.detect_close(image)
                if face is not None:
                    found.append(crop(image, face.points, rule))
        number += 1
    video.release()
    result = np.stack(found) if found else np.zeros((0, rule.size, rule.size, 3), np.uint8)
    cache.mkdir(parents=True, exist_ok=True)
    np.save(kept, result)
    return result
