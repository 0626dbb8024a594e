"""Faces in a picture by the ONNX models of the Rust program. RGB picture in, `Face`s and dense landmarks out.

BlazeFace (full and short range) and face mesh are the MediaPipe models that set-up converts into models/fetched/.
Called by prep and clips. A session is one thread wide: prep runs several processes.
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


@dataclass(frozen=True)
class Network:
    """One BlazeFace: `side` of its input, the anchors' centres [A, 2] in its pixels."""

    session: onnxruntime.InferenceSession
    side: int
    anchors: np.ndarray

    @staticmethod
    def load(file: Path, side: int, grids: list[tuple[int, int]]) -> "Network":
        """`grids`: stride and anchors a cell, in the order of the answer."""
        centres = []
        for stride, count in grids:
            cells = (np.arange(side // stride) + 0.5) * stride
            centres.append(np.repeat(np.stack(np.meshgrid(cells, cells), -1).reshape(-1, 2), count, 0))
        return Network(session(file), side, np.concatenate(centres))

    def find(self, page: np.ndarray) -> list[Face]:
        """[side, side, 3] u8 RGB -> faces in its pixels, best first; several answers for one face become their mean weighted by score."""
        raw, logits = self.session.run(["boxes", "scores"], {"image": page[None]})
        scores = 1 / (1 + np.exp(-np.clip(logits.ravel(), -60, 60).astype(np.float64)))
        keep = np.flatnonzero(scores >= THRESHOLD)
        keep = keep[np.argsort(-scores[keep], kind="stable")]
        values = raw[0, keep].reshape(-1, 8, 2).astype(np.float64)
        extent = values[:, 1].copy()
        values += self.anchors[keep][:, None]
        boxes = np.hstack([values[:, 0] - extent / 2, extent])
        faces, left = [], np.arange(len(keep))
        while len(left):
            same = np.array([overlap(boxes[left[0]], boxes[i]) > OVERLAP or i == left[0] for i in left])
            rows, left = left[same], left[~same]
            share = scores[keep[rows]] / scores[keep[rows]].sum()
            # BlazeFace order: the subject's right eye (image left), left eye, nose, mouth, ears.
            faces.append(Face(share @ boxes[rows], np.einsum("n,npc->pc", share, values[rows, 2:6]), float(scores[keep[rows[0]]])))
        return faces


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes x, y, w, h."""
    common = np.prod(np.maximum(0, np.minimum(a[:2] + a[2:], b[:2] + b[2:]) - np.maximum(a[:2], b[:2])))
    return float(common / max(1e-9, a[2] * a[3] + b[2] * b[3] - common))


class Faces:
    """BlazeFace full and short range and face mesh of one folder."""

    def __init__(self, folder: Path):
        self.whole = Network.load(folder / "blazeface_full.onnx", 192, [(4, 1)])
        self.near = Network.load(folder / "blazeface_short.onnx", 128, [(8, 2), (16, 6)])
        self.mesh = session(folder / "facemesh.onnx")

    def detect(self, image: np.ndarray) -> list[Face]:
        """[H, W, 3] u8 RGB -> faces, largest first."""
        height, width = image.shape[:2]
        zoom = 192 / max(height, width)
        small = cv2.resize(image, (max(1, round(width * zoom)), max(1, round(height * zoom))),
                           interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR)
        left, top = (192 - small.shape[1]) // 2, (192 - small.shape[0]) // 2
        page = np.zeros((192, 192, 3), np.uint8)
        page[top:top + small.shape[0], left:left + small.shape[1]] = small
        found = self.whole.find(page)
        for face in found:
            face.box = np.hstack([(face.box[:2] - (left, top)) / zoom, face.box[2:] / zoom])
            face.points = (face.points - (left, top)) / zoom
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
