// Tests only: kernels.cu on this machine's processor. Every block and thread in turn; `host.rs` compiles and calls it.

#include <cmath>

#define __global__
#define __device__ static

using std::ceil;
using std::fmax;
using std::fmin;

struct Index {
    unsigned x, y, z;
};
static thread_local Index blockIdx, blockDim, threadIdx;

#include "kernels.cu"

// The grid that `cuda.rs` launches: blocks of 16 x 16 threads over size x size pixels, n pictures deep.
template <typename Kernel> static void launch(unsigned n, unsigned size, Kernel kernel) {
    blockDim = {16, 16, 1};
    const unsigned blocks = (size + 15) / 16;
    for (unsigned picture = 0; picture < n; picture++) {
        for (unsigned at = 0; at < blocks * blocks * 256; at++) {
            const unsigned block = at / 256, thread = at % 256;
            blockIdx = {block % blocks, block / blocks, picture};
            threadIdx = {thread % 16, thread / 16, 0};
            kernel();
        }
    }
}

extern "C" void host_crop(const Crop *crops, unsigned char *out, int size, unsigned n) {
    launch(n, (unsigned)size, [=] { crop(crops, out, size); });
}

extern "C" void host_letterbox(const Letterbox *letterboxes, unsigned char *out, int side, unsigned n) {
    launch(n, (unsigned)side, [=] { letterbox(letterboxes, out, side); });
}
