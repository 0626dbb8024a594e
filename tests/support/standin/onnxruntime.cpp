// Tests only: ONNX Runtime as on a machine with a GPU. The real library, named in STANDIN_ONNXRUNTIME, does all the work on
// the CPU; this one stands before it, says that CUDA is there, takes device memory for host memory (as libcuda.cpp makes
// it), and lets calls fail as a GPU's do: the file named in STANDIN_FAULT says how, and may change at any time.
// Compiled by `mod.rs`, which gives the places of functions in the table (-DRUN=...).

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <unistd.h>

using Function = void (*)();
struct Base {
    const Function *(*get_api)(unsigned version);
    const char *(*get_version_string)();
};

static const Base *real_base;
static const Function *real;
static Function table[TABLE];

template <typename F> static F *as(int place, F *) { return reinterpret_cast<F *>(real[place]); }

static void *failure(const char *message) {
    using Create = void *(int code, const char *message);
    return reinterpret_cast<Create *>(real[CREATE_STATUS])(1, message);
}

// The first dimension of a tensor.
static long rows(const void *tensor) {
    using Shape = void *(const void *, void **);
    using Dimensions = void *(const void *, long *, size_t);
    using Release = void(void *);
    void *info = nullptr;
    long first = 0;
    reinterpret_cast<Shape *>(real[SHAPE])(tensor, &info);
    reinterpret_cast<Dimensions *>(real[DIMENSIONS])(info, &first, 1);
    reinterpret_cast<Release *>(real[RELEASE_SHAPE])(info);
    return first;
}

// Null, or the status of a call on so many rows that fails.
static void *fault(long rows) {
    char text[64] = "";
    if (const char *path = getenv("STANDIN_FAULT")) {
        if (FILE *file = fopen(path, "r")) {
            text[fread(text, 1, sizeof text - 1, file)] = 0;
            fclose(file);
        }
    }
    long held = 0;
    if (!strncmp(text, "lost", 4)) {
        return failure("CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; hostname=here ; file=x ; line=1 ; expr=y; ");
    }
    if (!strncmp(text, "silent", 6)) {
        return failure("TensorRT EP execution context enqueue failed.");
    }
    while (!strncmp(text, "hang", 4)) {
        pause();
    }
    if (sscanf(text, "memory %ld", &held) == 1 && rows > held) {
        return failure("Failed to allocate memory for requested buffer of size 1073741824");
    }
    return nullptr;
}

static void *run(void *session, const void *options, const char *const *names, const void *const *inputs, size_t count,
                 const char *const *output_names, size_t outputs, void **answers) {
    void *status = count ? fault(rows(inputs[0])) : nullptr;
    return status ? status : as(RUN, run)(session, options, names, inputs, count, output_names, outputs, answers);
}

static void *providers(char ***names, int *count) {
    static char cuda[] = "CUDAExecutionProvider", cpu[] = "CPUExecutionProvider";
    static char *all[] = {cuda, cpu};
    *names = all;
    *count = 2;
    return nullptr;
}

static void *release_providers(char **, int) { return nullptr; }

static void *create_options(void **options) {
    static int none;
    *options = &none;
    return nullptr;
}

static void *update_options(void *, const char *const *, const char *const *, size_t) { return nullptr; }

static void release_options(void *) {}

static void *append_cuda(void *, const void *) { return nullptr; }

static const Function *get_api(unsigned version) {
    real = real_base->get_api(version);
    if (!real) {
        return nullptr;
    }
    memcpy(table, real, sizeof table);
    const auto put = [](int place, auto *function) { table[place] = reinterpret_cast<Function>(function); };
    put(RUN, run);
    put(PROVIDERS, providers);
    put(RELEASE_PROVIDERS, release_providers);
    put(CREATE_OPTIONS, create_options);
    put(UPDATE_OPTIONS, update_options);
    put(RELEASE_OPTIONS, release_options);
    put(APPEND_CUDA, append_cuda);
    return table;
}

static const char *get_version_string() { return real_base->get_version_string(); }

extern "C" const Base *OrtGetApiBase() {
    static const Base base = {get_api, get_version_string};
    if (!real_base) {
        const char *path = getenv("STANDIN_ONNXRUNTIME");
        void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : nullptr;
        void *function = library ? dlsym(library, "OrtGetApiBase") : nullptr;
        if (!function) {
            fprintf(stderr, "the stand-in finds no onnx runtime: %s\n", path ? dlerror() : "STANDIN_ONNXRUNTIME is not set");
            abort();
        }
        real_base = reinterpret_cast<const Base *(*)()>(function)();
    }
    return &base;
}
