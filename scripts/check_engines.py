"""Whether TensorRT takes every graph: builds an engine of each `models/*/*.onnx` with TensorRT-RTX's ahead-of-time
builder, which needs no GPU. Called by `make check-engines`, and by the tests where that has been set up. Prints a line a
graph; exit code 1 when one does not convert that should, or one does that should not.

What this cannot show: that the engine runs, how fast, and how near its answers are."""

import ctypes
import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Graphs that are known not to convert, and why.
KNOWN = {
    "models/trial-112/encoder.onnx": "int8 with 32-bit biases in DequantizeLinear, which TensorRT does not take",
}

# Batches that an engine must serve: least, usual, most (src/infer/ladder.rs has the same).
BATCHES = (1, 16, 256)


def tensorrt():
    """The Python bindings; they find the libraries of the other package only once they are loaded."""
    folder = Path(importlib.util.find_spec("tensorrt_rtx_libs").origin).parent
    for name in ("libtensorrt_rtx.so.1", "libtensorrt_onnxparser_rtx.so.1"):
        ctypes.CDLL(str(folder / name), mode=ctypes.RTLD_GLOBAL)
    import tensorrt_rtx_bindings

    return tensorrt_rtx_bindings


def convert(trt, path: Path) -> tuple[int | None, str]:
    """Bytes of the engine, or None and why."""

    class Log(trt.ILogger):
        said: list[str] = []

        def log(self, severity, message):
            # Without a driver every call complains of it once.
            if severity <= trt.ILogger.ERROR and "CUDA driver version" not in message:
                self.said.append(message)

    log = Log()
    log.said = []
    builder = trt.Builder(log)
    network = builder.create_network(0)
    parser = trt.OnnxParser(network, log)
    if not parser.parse(path.read_bytes()):
        return None, parser.get_error(0).desc().splitlines()[1] if parser.num_errors else "; ".join(log.said)
    config = builder.create_builder_config()
    profile = builder.create_optimization_profile()
    for i in range(network.num_inputs):
        tensor = network.get_input(i)
        shapes = [tuple(batch if side < 0 else side for side in tensor.shape) for batch in BATCHES]
        profile.set_shape(tensor.name, *shapes)
    config.add_optimization_profile(profile)
    engine = builder.build_serialized_network(network, config)
    return (None, "; ".join(log.said)) if engine is None else (engine.nbytes, "")


def main() -> int:
    trt = tensorrt()
    print(f"TensorRT-RTX {trt.__version__}, batches {BATCHES[0]} to {BATCHES[-1]}")
    faults = 0
    for path in sorted((ROOT / "models").glob("*/*.onnx")):
        name = str(path.relative_to(ROOT))
        size, why = convert(trt, path)
        if size is not None:
            print(f"{name}: converts, engine of {size / 1e6:.1f} MB")
            if name in KNOWN:
                print(f"{name}: was known not to convert: take it out of KNOWN")
                faults += 1
        else:
            print(f"{name}: does not convert{', as known' if name in KNOWN else ''}: {KNOWN.get(name, why)}")
            faults += name not in KNOWN
    return min(faults, 1)


if __name__ == "__main__":
    sys.exit(main())
