"""The converted face models against LiteRT, MediaPipe's own runtime, on the demo's portrait and on noise."""

import fnmatch
import unittest
import zipfile
from pathlib import Path

import numpy as np
import onnxruntime
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from convert_faces import MODELS
from tflite2onnx.convert import Signature, convert
from tflite2onnx.reader import read

ROOT = Path(__file__).resolve().parent.parent.parent
WHEELS = ROOT / ".cache/wheels"
# Largest difference that reordered f32 sums may make: box values reach hundreds of pixels.
TOLERANCE = 1e-3


def wheel(pattern: str) -> zipfile.ZipFile:
    [path] = WHEELS.glob(pattern)
    return zipfile.ZipFile(path)


def portrait() -> Image.Image:
    with wheel("scikit_image-*.whl") as archive, archive.open("skimage/data/astronaut.png") as file:
        return Image.open(file).convert("RGB")


def images(size: int) -> np.ndarray:
    """[3, size, size, 3] u8: the whole portrait, its face close up, noise."""
    whole = portrait()
    noise = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    close = whole.resize((size, size), box=(130, 20, 320, 210))
    return np.stack([np.asarray(whole.resize((size, size))), np.asarray(close), noise])


def reference(model: bytes, signature: Signature, image: np.ndarray) -> dict[str, np.ndarray]:
    """LiteRT's outputs under our names."""
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    values = (image[None].astype(np.float32) - signature.mean) / signature.scale
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
    interpreter.invoke()
    outputs = {}
    for detail in interpreter.get_output_details():
        name, shape = signature.outputs[detail["name"]]
        outputs[name] = interpreter.get_tensor(detail["index"]).reshape(shape)
    return outputs


class Parity(unittest.TestCase):
    def check(self, name: str):
        [(path, signature)] = [(path, s) for path, s in MODELS.items() if s.name == name]
        with wheel("mediapipe-*.whl") as archive:
            model = archive.read(path)
        session = onnxruntime.InferenceSession(ROOT / "models/fetched" / f"{name}.onnx")
        size = session.get_inputs()[0].shape[1]
        batch = images(size)
        names = [output.name for output in session.get_outputs()]
        ours = dict(zip(names, session.run(names, {"image": batch})))

        largest = dict.fromkeys(names, 0.0)
        for number, image in enumerate(batch):
            for output, expected in reference(model, signature, image).items():
                self.assertEqual(ours[output].shape, (len(batch), *expected.shape))
                largest[output] = max(largest[output], float(np.abs(ours[output][number] - expected).max()))
        print(f"{name}: largest difference from LiteRT", {k: f"{v:.1e}" for k, v in largest.items()}, flush=True)
        self.assertLessEqual(max(largest.values()), TOLERANCE)

    def test_blazeface_full(self):
        self.check("blazeface_full")

    def test_blazeface_short(self):
        self.check("blazeface_short")

    def test_facemesh(self):
        self.check("facemesh")


class Decoding(unittest.TestCase):
    """The decoding that docs/setup.md describes finds the portrait's face."""

    # Size, then (cells a side, anchors a cell) of each layer.
    LAYERS = {"blazeface_full": (192, [(48, 1)]), "blazeface_short": (128, [(16, 2), (8, 6)])}
    # Right eye, left eye, nose, mouth on the 512 px portrait, by the face mesh.
    POINTS = np.array([[203, 101], [247, 103], [223, 131], [223, 144]])

    def check(self, name: str):
        size, layers = self.LAYERS[name]
        anchors = np.array(
            [((x + 0.5) / n, (y + 0.5) / n) for n, k in layers for y in range(n) for x in range(n) for _ in range(k)]
        )
        session = onnxruntime.InferenceSession(ROOT / "models/fetched" / f"{name}.onnx")
        image = np.asarray(portrait().resize((size, size)))
        boxes, scores = session.run(["boxes", "scores"], {"image": image[None]})
        best = scores[0].argmax()
        self.assertGreater(1 / (1 + np.exp(-scores[0, best])), 0.8)
        values = boxes[0, best].reshape(8, 2) / size
        centre = (values[0] + anchors[best]) * 512
        points = (values[2:6] + anchors[best]) * 512
        self.assertLess(np.abs(points - self.POINTS).max(), 12, points)
        self.assertLess(np.abs(centre - [225, 123]).max(), 12, centre)
        self.assertTrue(np.all((values[1] * 512 > 85) & (values[1] * 512 < 130)), values[1] * 512)

    def test_blazeface_full(self):
        self.check("blazeface_full")

    def test_blazeface_short(self):
        self.check("blazeface_short")


class Refusals(unittest.TestCase):
    def test_what_is_no_tflite_file(self):
        with self.assertRaisesRegex(ValueError, "identifier TFL3 missing"):
            read(b"\x08\x00\x00\x00ONNX" + bytes(32))

    def test_an_operator_that_is_not_known(self):
        with wheel("mediapipe-*.whl") as archive:
            [path] = fnmatch.filter(archive.namelist(), "*/selfie_segmentation.tflite")
            model = archive.read(path)
        with self.assertRaisesRegex(ValueError, "not supported"):
            convert(read(model), Signature("any", 0.0, 1.0, {}))


if __name__ == "__main__":
    unittest.main()
