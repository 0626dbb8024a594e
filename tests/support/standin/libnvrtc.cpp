// Tests only: NVRTC, for libcuda.cpp. "Compiles" to a marker with the architecture that was asked for and the kernels that
// the source has; libcuda.cpp takes no other module.

#include <cstring>
#include <string>

struct Program {
    std::string source, ptx;
};

extern "C" {
int nvrtcVersion(int *major, int *minor) { return *major = 13, *minor = 0, 0; }
const char *nvrtcGetErrorString(int) { return "error"; }
int nvrtcCreateProgram(Program **made, const char *source, const char *, int, const char *const *, const char *const *) {
    return *made = new Program{source, ""}, 0;
}
int nvrtcCompileProgram(Program *program, int count, const char *const *options) {
    program->ptx = "stand-in";
    for (int i = 0; i < count; i++) {
        if (!strncmp(options[i], "--gpu-architecture=", 19)) {
            program->ptx += std::string(" ") + options[i];
        }
    }
    for (const char *kernel : {"crop", "letterbox"}) {
        const std::string declared = std::string("extern \"C\" __global__ void ") + kernel + "(";
        program->ptx += program->source.find(declared) == std::string::npos ? "" : std::string(" ") + kernel;
    }
    return 0;
}
int nvrtcGetPTXSize(Program *program, size_t *size) { return *size = program->ptx.size() + 1, 0; }
int nvrtcGetPTX(Program *program, char *ptx) { return memcpy(ptx, program->ptx.c_str(), program->ptx.size() + 1), 0; }
int nvrtcGetProgramLogSize(Program *, size_t *size) { return *size = 1, 0; }
int nvrtcGetProgramLog(Program *, char *log) { return *log = 0, 0; }
int nvrtcDestroyProgram(Program **program) { return delete *program, 0; }
}
