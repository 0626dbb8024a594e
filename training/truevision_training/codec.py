"""What a camera, a call or a platform does to a picture: H.264 and JPEG. Lists of crops in, the same after decoding out.

A real face and its fake always go through one encoder together: the crops of a sequence are the tiles of one mosaic
video, so both members get the same rate control. Called by degrade.
"""

import io

import av
import cv2
import numpy as np


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """[H, W, 3] u8 through JPEG."""
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def h264(frames: list[np.ndarray], crf: int, rate: int = 25, preset: str = "superfast") -> list[np.ndarray]:
    """Frames [H, W, 3] u8 RGB, H and W even, encoded as one H.264 clip of constant quality and decoded again."""
    height, width = frames[0].shape[:2]
    store = io.BytesIO()
    with av.open(store, "w", format="h264") as out:
        stream = out.add_stream("libx264", rate=rate, options={"crf": str(crf), "preset": preset, "bf": "0", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        out.mux(stream.encode())
    store.seek(0)
    with av.open(store, "r", format="h264") as back:
        return [frame.to_ndarray(format="rgb24") for frame in back.decode(video=0)]


def tile(images: list[np.ndarray], cell: int) -> np.ndarray:
    """Square crops of any size up to `cell` -> one mosaic, two rows; borders replicated so that no edge is added."""
    columns = (len(images) + 1) // 2
    page = np.zeros((2 * cell, columns * cell, 3), np.uint8)
    for i, image in enumerate(images):
        y, x = (i % 2) * cell, (i // 2) * cell
        room = cell - image.shape[0]
        page[y:y + cell, x:x + cell] = cv2.copyMakeBorder(image, 0, room, 0, room, cv2.BORDER_REPLICATE)
    return page


def together(sequences: list[list[np.ndarray]], crf: int) -> list[list[np.ndarray]]:
    """Sequences of equal length (crops of one size within a sequence) through one H.264 encoder; the same shapes come back."""
    cell = -(-max(s[0].shape[0] for s in sequences) // 16) * 16
    pages = [tile([s[t] for s in sequences], cell) for t in range(len(sequences[0]))]
    decoded = h264(pages, crf)
    out = []
    for i, sequence in enumerate(sequences):
        y, x, size = (i % 2) * cell, (i // 2) * cell, sequence[0].shape[0]
        out.append([page[y:y + size, x:x + size] for page in decoded])
    return out
