"""A face swapper of our own: clips of real people in, any of them with another's pose and expression out.

In the latents of `tiny`, aligned faces of one person differ by pose, expression and light in much the same directions as another's
(measured: 200 components hold half of the variance within 81 clips). So a swap is linear: what sets a face apart from its own person's
mean, in those components, is laid on the other person. Nothing is trained but the components, in seconds; the decoder is what gives a
swap its trace. Called by the `swapper` command, drawn (fakes for training) and envelope (swapped clips).
"""

import logging
from pathlib import Path

import cv2
import numpy as np
import torch

from . import alter, blend, checkpoint, masks
from .blend import Face, Fake
from .errors import UserError
from .pack import Pack
from .tiny import Tiny

SIDE = 128
"""Pixels of the aligned face's square."""
FILL = 0.86
"""Share of the square's side that the mean face fills."""
FRAMES = 64
"""Frames of a clip that are learnt from, every second one."""
COMPONENTS = 200
SAME = 0.1
"""Mean squared gap between two means of latents up to which they are taken for one person's in one place."""
NEAR = 8
"""Frames of the other person that are nearest in pose and expression, whose mean is drawn on."""

log = logging.getLogger(__name__)


def template(pack: Pack) -> np.ndarray:
    """The mean face's landmarks [468, 2] f32 in the aligned square."""
    shapes = pack.landmarks["stills"][pack.trained["stills"]][::7]
    shapes = shapes - shapes.mean(1, keepdims=True)
    mean = (shapes / np.sqrt((shapes**2).sum(2).mean(1))[:, None, None]).mean(0)
    low, high = mean.min(0), mean.max(0)
    return ((mean - (low + high) / 2) * (FILL * SIDE / (high - low).max()) + SIDE / 2).astype(np.float32)


def align(landmarks: np.ndarray, onto: np.ndarray) -> np.ndarray:
    """[2, 3] similarity (turn, zoom, shift) from the landmarks' picture to the aligned square, by least squares (Umeyama, 1991)."""
    a, b = landmarks[masks.ANCHORS].astype(np.float64), onto[masks.ANCHORS].astype(np.float64)
    middle_a, middle_b = a.mean(0), b.mean(0)
    a, b = a - middle_a, b - middle_b
    cos, sin = (a * b).sum(), (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()
    turn = np.array([[cos, -sin], [sin, cos]]) / (a**2).sum()
    return np.hstack([turn, (middle_b - turn @ middle_a)[:, None]])


def cut(face: Face, to_square: np.ndarray) -> np.ndarray:
    """The aligned face [SIDE, SIDE, 3] u8."""
    zoom = np.hypot(*to_square[0, :2])
    picture = cv2.GaussianBlur(face.crop, (0, 0), 0.35 / zoom) if zoom < 0.9 else face.crop
    return cv2.warpAffine(picture, to_square, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def squares(faces: list[Face], onto: np.ndarray) -> np.ndarray:
    """The aligned faces [n, SIDE, SIDE, 3] u8."""
    return np.stack([cut(face, align(face.landmarks, onto)) for face in faces])


class Swapper:
    """`people`: the clips' names; `latents` [n, 32 * 16 * 16] of their frames, `person` [n] whose, `basis` [c, 32 * 16 * 16]."""

    def __init__(self, file: Path, tiny: Tiny):
        try:
            with np.load(file) as kept:
                latents, self.person, self.onto = torch.from_numpy(kept["latents"]).float(), torch.from_numpy(kept["person"]), kept["onto"]
                self.people = [str(name) for name in kept["people"]]
        except (OSError, ValueError, KeyError) as error:
            raise UserError(f"swapper {file} is missing or damaged ({error}): make it with the `swapper` command") from error
        self.tiny, self.shape, self.latents = tiny, latents.shape[1:], latents.flatten(1)
        self.means = torch.stack([self.latents[self.person == number].mean(0) for number in range(len(self.people))])
        away = self.latents - self.means[self.person]
        torch.manual_seed(0)  # svd_lowrank begins at random
        self.basis = torch.svd_lowrank(away, min(COMPONENTS, len(away) - 1), niter=3)[2].T
        self.codes = away @ self.basis.T

    def alike(self, seen: torch.Tensor) -> list[int]:
        """All people but the one whose latents are given, most alike first: who wants to pass for another takes one who looks and sits like him."""
        gaps = (self.means - seen.flatten(1).mean(0)).square().mean(1)
        return [int(person) for person in gaps.argsort() if gaps[person] > SAME]

    def draw(self, seen: torch.Tensor, person: int, count: int, near: bool) -> np.ndarray:
        """Latents [n, 32, 16, 16] of somebody, whose mean is that of these, -> the aligned faces [n, SIDE, SIDE, 3] u8 drawn as the person, by `count`
        components; `near`: on the mean of the frames that look most alike instead of all."""
        code = (seen - seen.mean(0)).flatten(1) @ self.basis.T
        known = self.person == person
        base, missing = self.means[person], code
        if near:
            gaps = torch.cdist(code[:, :20], self.codes[known][:, :20])
            nearest = gaps.topk(min(NEAR, gaps.shape[1]), largest=False)
            weight = torch.softmax(-nearest.values / nearest.values.mean(1, keepdim=True), 1)[..., None]
            base = (weight * self.latents[known][nearest.indices]).sum(1)
            missing = code - (weight * self.codes[known][nearest.indices]).sum(1)
        made = base + missing[:, :count] @ self.basis[:count]
        return self.tiny.decode(made.view(-1, *self.shape))


def paste(seed: int, face: Face, drawn: np.ndarray, onto: np.ndarray) -> Fake:
    """The drawn square put back as a live tool does: colours matched, whole-face mask with a soft rim, sometimes sharpened. The same
    seed draws the same choices on every frame."""
    rng = np.random.default_rng(seed)
    size = face.crop.shape[1], face.crop.shape[0]
    to_square = align(face.landmarks, onto)
    sharp, amount = rng.random(2)
    if sharp < 0.5:
        drawn = alter.sharpen(drawn, 0.2 + 0.6 * amount, 1.0)
    hull = np.zeros((SIDE, SIDE), np.float32)
    masks.fill(hull, masks.around(face.landmarks[masks.OVAL] @ to_square[:, :2].T + to_square[:, 2], float(rng.uniform(0.8, 0.95))))
    drawn = alter.reposition(drawn, cut(face, to_square), hull)
    mask = cv2.GaussianBlur(hull, (0, 0), float(rng.uniform(2, 6)))
    mask = np.clip((mask - 0.15) / 0.85, 0, 1)
    back = cv2.invertAffineTransform(to_square)
    laid, mask = (cv2.warpAffine(v, back, size, flags=flag) for v, flag in ((drawn, cv2.INTER_CUBIC), (mask, cv2.INTER_LINEAR)))
    return Fake(blend.mix(laid, face.crop, mask), mask)


def learn(pack: Pack, tiny: Tiny, trained: bool, out: Path) -> int:
    """Writes what a `Swapper` knows of the clips of one split; returns how many people it has."""
    onto, latents, person, people = template(pack), [], [], []
    for number, run in enumerate(pack.runs(trained)):
        faces = [pack.face("clips", int(row)) for row in run[::2][:FRAMES]]
        latents.append(tiny.encode(squares(faces, onto)).half().numpy())
        person += [number] * len(faces)
        people.append(pack.manifest["files"][int(pack.file["clips"][run[0]])]["file"])
        log.info("latents of %s (%d frames)", people[-1], len(faces))
    if len(people) < 2:
        raise UserError(f"pack {pack.folder} has {len(people)} clips in this split, a swapper needs at least 2: prep with more clips")
    checkpoint.arrays(out, latents=np.concatenate(latents), person=np.array(person), people=np.array(people), onto=onto)
    return len(people)
