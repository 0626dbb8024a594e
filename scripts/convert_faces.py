"""Makes the face models from MediaPipe's wheel: `convert_faces.py WHEEL OUTDIR` writes three ONNX files.

Called by `setup.sh`. All take `image` [N, S, S, 3] u8 RGB; docs/setup.md says what the outputs mean.
    blazeface_full.onnx   S 192: boxes [N, 2304, 16], scores [N, 2304]
    blazeface_short.onnx  S 128: boxes [N, 896, 16], scores [N, 896]
    facemesh.onnx         S 192: landmarks [N, 468, 3], presence [N]   (training only)
"""

import sys
import zipfile
from pathlib import Path

import onnx

from tflite2onnx.convert import Signature, convert
from tflite2onnx.reader import read

# File inside the wheel -> what becomes of it. The means and scales are those of MediaPipe's graphs: the face
# detectors read [-1, 1], the mesh reads [0, 1].
MODELS = {
    "mediapipe/modules/face_detection/face_detection_full_range_sparse.tflite": Signature(
        "blazeface_full",
        mean=127.5,
        scale=127.5,
        outputs={"Identity": ("boxes", (2304, 16)), "Identity_1": ("scores", (2304,))},
    ),
    "mediapipe/modules/face_detection/face_detection_short_range.tflite": Signature(
        "blazeface_short",
        mean=127.5,
        scale=127.5,
        outputs={"regressors": ("boxes", (896, 16)), "classificators": ("scores", (896,))},
    ),
    "mediapipe/modules/face_landmark/face_landmark.tflite": Signature(
        "facemesh",
        mean=0.0,
        scale=255.0,
        outputs={"conv2d_21": ("landmarks", (468, 3)), "conv2d_31": ("presence", ())},
    ),
}


def main(wheel: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        for path, signature in MODELS.items():
            model = convert(read(archive.read(path)), signature)
            target = out / f"{signature.name}.onnx"
            onnx.save(model, target)
            print(f"{target}: {target.stat().st_size / 1e6:.1f} MB from {path}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: convert_faces.py WHEEL OUTDIR")
    main(Path(sys.argv[1]), Path(sys.argv[2]))
