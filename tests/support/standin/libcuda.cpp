// Tests only: NVIDIA's driver without its GPU. Device memory is the host's, streams do their work at once, and the kernels
// are `kernels.cu` itself, compiled for this machine's processor; so what the program asks of the driver (addresses, sizes,
// order of arguments, grids, errors) is done and can be compared. Allocations lie between guards that no kernel may touch.
// Faults: the file named in STANDIN_FAULT (or by standin_fault) says `lost`, or `device N`: no allocation above N bytes.
// Compiled by `mod.rs` to libcuda.so.1; what GStreamer's libgstcuda needs of a driver is here as well.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>

#include "../../../src/pixels/host.cpp"

using Result = int;
static const Result SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_FOUND = 500, ILLEGAL_ADDRESS = 700, NOT_SUPPORTED = 801;

static std::recursive_mutex all;
using Lock = std::lock_guard<std::recursive_mutex>;

static std::string fault_file;
static bool lost;

// The fault in force. A lost device stays lost, as a real context does.
static Result fault(size_t bytes = 0) {
    if (lost) {
        return ILLEGAL_ADDRESS;
    }
    const char *variable = getenv("STANDIN_FAULT");
    const std::string path = !fault_file.empty() ? fault_file : variable ? variable : "";
    char text[64] = "";
    if (FILE *file = path.empty() ? nullptr : fopen(path.c_str(), "r")) {
        text[fread(text, 1, sizeof text - 1, file)] = 0;
        fclose(file);
    }
    lost = !strncmp(text, "lost", 4);
    size_t most = 0;
    if (sscanf(text, "device %zu", &most) == 1 && bytes > most) {
        return OUT_OF_MEMORY;
    }
    return lost ? ILLEGAL_ADDRESS : SUCCESS;
}

// Allocations by address; around each, GUARD bytes of 0xA5.
static const size_t GUARD = 256;
static std::map<uint64_t, size_t> allocations;

static bool within(uint64_t address, size_t bytes) {
    const auto after = allocations.upper_bound(address);
    if (after == allocations.begin()) {
        return false;
    }
    const auto &[start, length] = *std::prev(after);
    return address + bytes <= start + length;
}

static bool guards_hold() {
    for (const auto &[start, length] : allocations) {
        const auto *before = reinterpret_cast<const unsigned char *>(start) - GUARD;
        const auto *behind = reinterpret_cast<const unsigned char *>(start) + length;
        for (size_t i = 0; i < GUARD; i++) {
            if (before[i] != 0xA5 || behind[i] != 0xA5) {
                return false;
            }
        }
    }
    return true;
}

static Result allocate(uint64_t *address, size_t bytes) {
    Lock lock(all);
    if (const Result error = fault(bytes)) {
        return error;
    }
    auto *memory = static_cast<unsigned char *>(malloc(bytes + 2 * GUARD));
    memset(memory, 0xA5, bytes + 2 * GUARD);
    // What was never written is no zero on a GPU either.
    memset(memory + GUARD, 0x5A, bytes);
    *address = reinterpret_cast<uint64_t>(memory + GUARD);
    allocations[*address] = bytes;
    return SUCCESS;
}

static Result release(uint64_t address) {
    Lock lock(all);
    if (!allocations.erase(address)) {
        return INVALID_VALUE;
    }
    free(reinterpret_cast<unsigned char *>(address) - GUARD);
    return lost ? ILLEGAL_ADDRESS : SUCCESS;
}

static Result copy(void *to, const void *from, size_t bytes, uint64_t device_to, uint64_t device_from) {
    Lock lock(all);
    if (const Result error = fault()) {
        return error;
    }
    if ((device_to && !within(device_to, bytes)) || (device_from && !within(device_from, bytes))) {
        return INVALID_VALUE;
    }
    memcpy(to, from, bytes);
    return SUCCESS;
}

static void *at(uint64_t address) { return reinterpret_cast<void *>(address); }

struct Event {
    std::chrono::steady_clock::time_point when;
};

// cuMemcpy2D's argument, as cuda.h has it.
struct Copy2D {
    size_t from_x, from_y;
    unsigned from_kind;
    const void *from_host;
    uint64_t from_device;
    void *from_array;
    size_t from_pitch, to_x, to_y;
    unsigned to_kind;
    void *to_host;
    uint64_t to_device;
    void *to_array;
    size_t to_pitch, width, height;
};

static thread_local void *current;
static int context, stream_, module_, crop_, letterbox_;

extern "C" {
void standin_fault(const char *path) {
    Lock lock(all);
    fault_file = path;
    lost = false;
}
size_t standin_allocations() {
    Lock lock(all);
    return allocations.size();
}

Result cuInit(unsigned) { return SUCCESS; }
Result cuDriverGetVersion(int *version) { return *version = 13000, SUCCESS; }
Result cuGetErrorName(Result error, const char **name) {
    *name = error == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : error == ILLEGAL_ADDRESS ? "CUDA_ERROR_ILLEGAL_ADDRESS" : "CUDA_ERROR";
    return SUCCESS;
}
Result cuGetErrorString(Result error, const char **text) {
    *text = error == OUT_OF_MEMORY ? "out of memory" : error == ILLEGAL_ADDRESS ? "an illegal memory access was encountered" : "error";
    return SUCCESS;
}

Result cuDeviceGet(int *device, int ordinal) { return *device = ordinal, ordinal ? INVALID_VALUE : SUCCESS; }
Result cuDeviceGetCount(int *count) { return *count = 1, SUCCESS; }
Result cuDeviceGetName(char *name, int length, int) { return snprintf(name, length, "stand-in"), SUCCESS; }
Result cuDeviceTotalMem_v2(size_t *bytes, int) { return *bytes = 1 << 30, SUCCESS; }
Result cuDeviceGetAttribute(int *value, int attribute, int) {
    // Texture alignment, compute capability 9.0, memory pools; everything else the kernels do not need.
    *value = attribute == 14 ? 512 : attribute == 75 ? 9 : attribute == 76 ? 0 : attribute == 115 ? 1 : 0;
    return SUCCESS;
}
Result cuDeviceCanAccessPeer(int *can, int, int) { return *can = 0, SUCCESS; }

Result cuDevicePrimaryCtxRetain(void **primary, int) { return *primary = &context, SUCCESS; }
Result cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }
Result cuCtxCreate_v2(void **made, unsigned, int) { return *made = current = malloc(1), SUCCESS; }
Result cuCtxDestroy_v2(void *gone) { return free(gone), SUCCESS; }
Result cuCtxGetCurrent(void **now) { return *now = current, SUCCESS; }
Result cuCtxSetCurrent(void *wanted) { return current = wanted, SUCCESS; }
Result cuCtxPushCurrent_v2(void *wanted) { return current = wanted, SUCCESS; }
Result cuCtxPopCurrent_v2(void **was) {
    if (was) {
        *was = current;
    }
    return SUCCESS;
}
Result cuCtxEnablePeerAccess(void *, unsigned) { return NOT_SUPPORTED; }
Result cuCtxDisablePeerAccess(void *) { return NOT_SUPPORTED; }
Result cuCtxSynchronize() { return fault(); }

Result cuStreamCreate(void **made, unsigned) { return *made = &stream_, SUCCESS; }
Result cuStreamDestroy_v2(void *) { return SUCCESS; }
Result cuStreamDestroy(void *) { return SUCCESS; }
Result cuStreamWaitEvent(void *, void *, unsigned) { return fault(); }
Result cuStreamSynchronize(void *) {
    Lock lock(all);
    return guards_hold() ? fault() : ILLEGAL_ADDRESS;
}
Result cuEventCreate(void **made, unsigned) { return *made = new Event, SUCCESS; }
Result cuEventDestroy_v2(void *gone) { return delete static_cast<Event *>(gone), SUCCESS; }
Result cuEventRecord(void *event, void *) { return static_cast<Event *>(event)->when = std::chrono::steady_clock::now(), fault(); }
Result cuEventSynchronize(void *) { return fault(); }
Result cuEventQuery(void *) { return fault(); }
Result cuEventElapsedTime_v2(float *ms, void *began, void *ended) {
    *ms = std::chrono::duration<float, std::milli>(static_cast<Event *>(ended)->when - static_cast<Event *>(began)->when).count();
    return SUCCESS;
}

Result cuMemAlloc_v2(uint64_t *address, size_t bytes) { return allocate(address, bytes); }
Result cuMemAllocAsync(uint64_t *address, size_t bytes, void *) { return allocate(address, bytes); }
Result cuMemAllocPitch_v2(uint64_t *address, size_t *pitch, size_t width, size_t height, unsigned) {
    *pitch = (width + 511) / 512 * 512;
    return allocate(address, *pitch * height);
}
Result cuMemFree_v2(uint64_t address) { return release(address); }
Result cuMemFreeAsync(uint64_t address, void *) { return release(address); }
Result cuMemAllocHost_v2(void **memory, size_t bytes) { return *memory = malloc(bytes), *memory ? SUCCESS : OUT_OF_MEMORY; }
Result cuMemFreeHost(void *memory) { return free(memory), SUCCESS; }
Result cuMemsetD8Async(uint64_t address, unsigned char value, size_t count, void *) {
    Lock lock(all);
    return !within(address, count) ? INVALID_VALUE : (memset(at(address), value, count), fault());
}
Result cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *) { return copy(at(to), from, bytes, to, 0); }
Result cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *) { return copy(to, at(from), bytes, 0, from); }
Result cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, void *) { return copy(at(to), at(from), bytes, to, from); }
Result cuMemcpy2DAsync_v2(const Copy2D *c, void *) {
    const char *from = c->from_kind == 1 ? static_cast<const char *>(c->from_host) : static_cast<const char *>(at(c->from_device));
    char *to = c->to_kind == 1 ? static_cast<char *>(c->to_host) : static_cast<char *>(at(c->to_device));
    for (size_t y = 0; y < c->height; y++) {
        const char *source = from + (c->from_y + y) * c->from_pitch + c->from_x;
        char *target = to + (c->to_y + y) * c->to_pitch + c->to_x;
        const auto device = [](unsigned kind, const char *row) { return kind == 2 ? reinterpret_cast<uint64_t>(row) : 0; };
        if (const Result error = copy(target, source, c->width, device(c->to_kind, target), device(c->from_kind, source))) {
            return error;
        }
    }
    return SUCCESS;
}
Result cuMemcpy2D_v2(const Copy2D *c) { return cuMemcpy2DAsync_v2(c, nullptr); }

// Only what the stand-in's compiler made: the marker, and the architecture that cuDeviceGetAttribute tells.
Result cuModuleLoadData(void **made, const void *image) {
    *made = &module_;
    return strcmp(static_cast<const char *>(image), "stand-in --gpu-architecture=compute_90 crop letterbox") ? NOT_SUPPORTED : SUCCESS;
}
Result cuModuleUnload(void *) { return SUCCESS; }
Result cuModuleGetFunction(void **made, void *, const char *name) {
    *made = !strcmp(name, "crop") ? &crop_ : !strcmp(name, "letterbox") ? &letterbox_ : nullptr;
    return *made ? SUCCESS : NOT_FOUND;
}
Result cuLaunchKernel(void *kernel, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,
                      unsigned block_z, unsigned, void *, void **arguments, void **) {
    Lock lock(all);
    if (const Result error = fault()) {
        return error;
    }
    if (block_x * block_y * block_z > 1024 || grid_y > 65535 || grid_z > 65535) {
        return INVALID_VALUE;
    }
    const int size = *static_cast<int *>(arguments[2]);
    auto *out = *static_cast<unsigned char **>(arguments[1]);
    blockDim = {block_x, block_y, block_z};
    for (unsigned z = 0; z < grid_z; z++) {
        for (unsigned y = 0; y < grid_y * block_y; y++) {
            for (unsigned x = 0; x < grid_x * block_x; x++) {
                blockIdx = {x / block_x, y / block_y, z};
                threadIdx = {x % block_x, y % block_y, 0};
                if (kernel == &crop_) {
                    crop(*static_cast<const Crop **>(arguments[0]), out, size);
                } else {
                    letterbox(*static_cast<const Letterbox **>(arguments[0]), out, size);
                }
            }
        }
    }
    return guards_hold() ? SUCCESS : ILLEGAL_ADDRESS;
}

// Nothing of OpenGL and textures is here.
#define NOT_HERE(name) Result name() { return NOT_SUPPORTED; }
NOT_HERE(cuGLGetDevices_v2)
NOT_HERE(cuGraphicsGLRegisterBuffer)
NOT_HERE(cuGraphicsGLRegisterImage)
NOT_HERE(cuGraphicsMapResources)
NOT_HERE(cuGraphicsUnmapResources)
NOT_HERE(cuGraphicsResourceGetMappedPointer_v2)
NOT_HERE(cuGraphicsResourceSetMapFlags_v2)
NOT_HERE(cuGraphicsSubResourceGetMappedArray)
NOT_HERE(cuGraphicsUnregisterResource)
NOT_HERE(cuTexObjectCreate)
NOT_HERE(cuTexObjectDestroy)
}
