"""The CUDA kernels as NVIDIA's own compiler takes them, for every generation of GPU that they are meant for. NVRTC comes
from the package registry (scripts/pins/tests.txt) and needs no GPU."""

import ctypes
import sysconfig
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = ROOT / "src/pixels/kernels.cu"
ARCHITECTURES = (75, 80, 86, 89, 90, 100)


class Nvrtc:
    """NVRTC's C interface, as far as it is needed."""

    def __init__(self):
        libraries = Path(sysconfig.get_path("purelib")) / "nvidia/cu13/lib"
        self.library = ctypes.CDLL(str(libraries / "libnvrtc.so.13"))

    def text(self, program: ctypes.c_void_p, what: str) -> str:
        size = ctypes.c_size_t()
        getattr(self.library, f"nvrtcGet{what}Size")(program, ctypes.byref(size))
        text = ctypes.create_string_buffer(size.value)
        getattr(self.library, f"nvrtcGet{what}")(program, text)
        return text.value.decode()

    def compile(self, source: str, architecture: int) -> tuple[bool, str, str]:
        """Whether it compiled, the log, and the PTX; with the options that src/pixels/cuda.rs gives."""
        program = ctypes.c_void_p()
        made = self.library.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernels.cu", 0, None, None)
        assert made == 0, made
        options = [f"--gpu-architecture=compute_{architecture}".encode(), b"--std=c++17"]
        failed = self.library.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
        log = self.text(program, "ProgramLog")
        ptx = "" if failed else self.text(program, "PTX")
        self.library.nvrtcDestroyProgram(ctypes.byref(program))
        return not failed, log, ptx


class Kernels(unittest.TestCase):
    def test_every_generation_of_gpu(self):
        nvrtc = Nvrtc()
        for architecture in ARCHITECTURES:
            with self.subTest(architecture):
                compiled, log, ptx = nvrtc.compile(SOURCE.read_text(), architecture)
                self.assertTrue(compiled, log)
                self.assertEqual(log, "", "warnings")
                self.assertIn(f".target sm_{architecture}", ptx)
                for kernel in ("crop", "letterbox"):
                    self.assertIn(f".visible .entry {kernel}(", ptx)

    def test_a_mistake_is_told_with_its_line(self):
        compiled, log, _ = Nvrtc().compile(SOURCE.read_text().replace("int box;", "int boxes;", 1), 80)
        self.assertFalse(compiled)
        self.assertIn("kernels.cu(", log)

    def test_options_are_those_of_the_program(self):
        program = (ROOT / "src/pixels/cuda.rs").read_text()
        self.assertIn("--gpu-architecture=compute_{arch}", program)
        self.assertIn("--std=c++17", program)


if __name__ == "__main__":
    unittest.main()
