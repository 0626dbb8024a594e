"""Faces in a picture by the ONNX models of the Rust program. RGB picture in, `Face`s and dense landmarks out.

BlazeFace full range and face mesh are the MediaPipe models that set-up converts into models/fetched/.
Called by prep and evaluate. A session is one thread wide: prep runs several processes.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from .errors import UserError

THRESHOLD = 0.5
"""Least score of a face; MediaPipe's default."""
OVERLAP = 0.3
"""Intersection over union from which two boxes are one face; MediaPipe's default."""


@dataclass
class Face:
    """`box` x, y, w, h; `points` [4, 2] image-left eye, image-right eye, nose, mouth; pixels of the picture."""

    box: np.ndarray
    points: np.ndarray
    score: float


def session(path: Path) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session on one CPU thread."""
    if not path.is_file():
        raise UserError(f"face model {path} is missing: run the project's set-up, which fetches the face models")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class Faces:
    """BlazeFace full range and face mesh of one folder."""

    def __init__(self, folder: Path):
        self.detector = session(folder / "blazeface_full.onnx")
        self.mesh = session(folder / "facemesh.onnx")
        cells = np.arange(48) + 0.5
        grid = np.stack(np.meshgrid(cells, cells), -1).reshape(-1, 1, 2) * 4.0
        self.anchors = grid  # one anchor a cell of 4 x 4 pixels of the 192 px input, row by row

    def detect(self, image: np.ndarray) -> list[Face]:
        """[H, W, 3] u8 RGB -> faces, largest first."""
        height, width = image.shape[:2]
        zoom = 192 / max(height, width)
        small = cv2.resize(image, (max(1, round(width * zoom)), max(1, round(height * zoom))),
                           interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR)
        left, top = (192 - small.shape[1]) // 2, (192 - small.shape[0]) // 2
        page = np.zeros((192, 192, 3), np.uint8)
        page[top:top + small.shape[0], left:left + small.shape[1]] = small
        raw, logits = self.detector.run(["boxes", "scores"], {"image": page[None]})
        scores = 1 / (1 + np.exp(-np.clip(logits[0], -60, 60)))
        keep = np.flatnonzero(scores >= THRESHOLD)
        if not len(keep):
            return []
        values = raw[0, keep].reshape(-1, 8, 2).astype(np.float64)
        places = (values + self.anchors[keep] - (left, top)) / zoom
        extent = values[:, 1] / zoom
        boxes = np.hstack([places[:, 0] - extent / 2, extent])
        chosen = cv2.dnn.NMSBoxes(boxes.tolist(), scores[keep].tolist(), THRESHOLD, OVERLAP)
        # BlazeFace order: the subject's right eye (image left), left eye, nose, mouth, ears.
        found = [Face(boxes[i], places[i, 2:6], float(scores[keep][i])) for i in np.ravel(chosen)]
        return sorted(found, key=lambda face: -face.box[2] * face.box[3])

    def detect_close(self, image: np.ndarray) -> Face | None:
        """The largest face, looked at twice: a small face of a large picture is found coarsely, then again close up."""
        faces = self.detect(image)
        if not faces:
            return None
        face = faces[0]
        side = float(max(face.box[2:]))
        if side * 3 >= max(image.shape[:2]):
            return face
        x, y = (face.box[:2] + face.box[2:] / 2 - 1.25 * side).astype(int).clip(0)
        part = image[y:y + int(2.5 * side), x:x + int(2.5 * side)]
        again = self.detect(part)
        if not again:
            return face
        near = again[0]
        near.box[:2] += (x, y)
        near.points += (x, y)
        return near

    def landmarks(self, image: np.ndarray, face: Face) -> tuple[np.ndarray, float]:
        """[468, 2] pixels of the picture and the mesh's presence logit (above 0: a face)."""
        from .geometry import apply, cut, matrix

        left, right = face.points[:2]
        roll = float(np.arctan2(*(right - left)[::-1]))
        centre = face.box[:2] + face.box[2:] / 2
        to_mesh = matrix(centre, 1.5 * float(max(face.box[2:])), roll, 192)
        points, presence = self.mesh.run(["landmarks", "presence"], {"image": cut(image, to_mesh, 192)[None]})
        back = cv2.invertAffineTransform(to_mesh)
        return apply(back, points[0, :, :2].astype(np.float64)), float(presence.ravel()[0])
