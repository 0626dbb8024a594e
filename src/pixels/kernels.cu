// The letterbox and the crop rule (docs/crop-rule.md) on a GPU, one thread a pixel of the result, any number of pictures
// of any number of frames in one launch. In: descriptors as `descriptors.rs` makes them. Out: [n, size, size, 3] u8 RGB,
// what the networks read. Compiled by NVRTC at start (`cuda.rs`), and by the tests as plain C++ (`host.cpp`): no header.

// A decoded 4:2:0 picture in device memory.
struct Frame {
    const unsigned char *y, *u, *v;
    // Bytes from one row to the next.
    int y_stride, u_stride, v_stride;
    // Bytes from one chroma sample to the next: 1 for I420, 2 for NV12.
    int chroma_step;
    int width, height;
    // Y' = (Y - offset) * luma, C' = (C - 128) * chroma; then what Cb and Cr add to R, G and B.
    float offset, luma, chroma;
    float red_cr, green_cb, green_cr, blue_cb;
};

// The way of a turned square through one plane, in cells of box x box samples, fixed point with 32 fractional bits.
struct Walk {
    // Of the first pixel: cell coordinates less half a cell, so that the whole part is the upper left of four cells.
    long long x, y;
    // From one pixel to the next of its row.
    long long dx, dy;
    int box;
};

struct Crop {
    Frame frame;
    Walk luma, chroma;
};

struct Letterbox {
    Frame frame;
    // Frame pixels a thumbnail pixel.
    double ratio;
    // Where the picture lies in the thumbnail; the rest is black.
    int left, top, width, height;
};

static_assert(sizeof(Frame) == 80 && sizeof(Crop) == 160 && sizeof(Letterbox) == 104, "as descriptors.rs has them");

// One channel of a frame: samples `step` bytes apart.
struct Plane {
    const unsigned char *data;
    int stride, step, width, height;
};

__device__ inline Plane luma(const Frame &f) { return {f.y, f.y_stride, 1, f.width, f.height}; }

__device__ inline Plane chroma(const Frame &f, const unsigned char *data, int stride) {
    return {data, stride, f.chroma_step, (f.width + 1) / 2, (f.height + 1) / 2};
}

__device__ inline int clamped(int x, int low, int high) { return x < low ? low : x > high ? high : x; }

// Rounded and clamped to 0-255.
__device__ inline unsigned char to_byte(float x) {
    return (unsigned char)((x < 0.0f ? 0.0f : x > 255.0f ? 255.0f : x) + 0.5f);
}

__device__ inline void write_rgb(const Frame &f, float y, float u, float v, unsigned char *out) {
    const float grey = (y - f.offset) * f.luma;
    const float cb = (u - 128.0f) * f.chroma, cr = (v - 128.0f) * f.chroma;
    out[0] = to_byte(grey + f.red_cr * cr);
    out[1] = to_byte(grey + f.green_cb * cb + f.green_cr * cr);
    out[2] = to_byte(grey + f.blue_cb * cb);
}

// Mean of the box x box samples of a cell; beyond the plane its border is repeated.
__device__ inline float cell(const Plane &p, int box, int a, int b) {
    unsigned sum = 0;
    for (int j = 0; j < box; j++) {
        const unsigned char *row = p.data + (long long)clamped(b * box + j, 0, p.height - 1) * p.stride;
        for (int i = 0; i < box; i++) {
            sum += row[clamped(a * box + i, 0, p.width - 1) * p.step];
        }
    }
    return (float)sum / (float)(box * box);
}

// The 24 highest fractional bits as a number.
__device__ inline float fraction(long long fixed) { return (float)((unsigned)fixed >> 8) * (1.0f / 16777216.0f); }

// Sample of column i and row j: bilinear between four cells. A row's step is a column's turned by a right angle.
__device__ inline float sample(const Plane &p, const Walk &w, int i, int j) {
    const long long x = w.x + i * w.dx - j * w.dy, y = w.y + i * w.dy + j * w.dx;
    const int a = (int)(x >> 32), b = (int)(y >> 32);
    const float f = fraction(x), g = fraction(y);
    const float left_top = cell(p, w.box, a, b), left_bottom = cell(p, w.box, a, b + 1);
    const float top = left_top + f * (cell(p, w.box, a + 1, b) - left_top);
    const float bottom = left_bottom + f * (cell(p, w.box, a + 1, b + 1) - left_bottom);
    return top + g * (bottom - top);
}

// What a thumbnail pixel covers along one axis: samples first to last, the two ends in part.
struct Span {
    int first, last;
    // Shares of the first and the last sample; 0 for the last when it is the first.
    float head, tail;
    // 1 / length.
    float norm;
};

__device__ inline Span span(int i, double ratio, int source) {
    const double low = fmin(i * ratio, source - 1e-6);
    const double high = fmax(fmin((i + 1) * ratio, (double)source), low + 1e-6);
    Span s;
    s.first = (int)low;
    // `high` may be a rounding error above a whole number: that is not one more sample.
    s.last = clamped((int)ceil(high - 1e-9) - 1, s.first, source - 1);
    s.head = (float)(s.last == s.first ? high - low : s.first + 1 - low);
    s.tail = (float)(s.last == s.first ? 0.0 : high - s.last);
    s.norm = (float)(1.0 / (high - low));
    return s;
}

// Mean over the rectangle that the pixel of column i and row j covers.
__device__ inline float area(const Plane &p, double ratio, int i, int j) {
    const Span column = span(i, ratio, p.width), row = span(j, ratio, p.height);
    float sum = 0.0f;
    for (int y = row.first; y <= row.last; y++) {
        const unsigned char *line = p.data + (long long)y * p.stride;
        unsigned inner = 0;
        for (int x = column.first + 1; x < column.last; x++) {
            inner += line[x * p.step];
        }
        const float ends = column.head * (float)line[column.first * p.step] + column.tail * (float)line[column.last * p.step];
        sum += (y == row.first ? row.head : y == row.last ? row.tail : 1.0f) * ((float)inner + ends);
    }
    return sum * column.norm * row.norm;
}

// crops: [gridDim.z]. out: [gridDim.z, size, size, 3] RGB.
extern "C" __global__ void crop(const Crop *crops, unsigned char *out, int size) {
    const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x), j = (int)(blockIdx.y * blockDim.y + threadIdx.y);
    if (i >= size || j >= size) {
        return;
    }
    const Crop &c = crops[blockIdx.z];
    const Frame &f = c.frame;
    const float y = sample(luma(f), c.luma, i, j);
    const float u = sample(chroma(f, f.u, f.u_stride), c.chroma, i, j);
    const float v = sample(chroma(f, f.v, f.v_stride), c.chroma, i, j);
    write_rgb(f, y, u, v, out + (((long long)blockIdx.z * size + j) * size + i) * 3);
}

// letterboxes: [gridDim.z]. out: [gridDim.z, side, side, 3] RGB.
extern "C" __global__ void letterbox(const Letterbox *letterboxes, unsigned char *out, int side) {
    const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x), j = (int)(blockIdx.y * blockDim.y + threadIdx.y);
    if (i >= side || j >= side) {
        return;
    }
    const Letterbox &l = letterboxes[blockIdx.z];
    const Frame &f = l.frame;
    unsigned char *pixel = out + (((long long)blockIdx.z * side + j) * side + i) * 3;
    const int x = i - l.left, y = j - l.top;
    if (x < 0 || y < 0 || x >= l.width || y >= l.height) {
        pixel[0] = pixel[1] = pixel[2] = 0;
        return;
    }
    const double half = l.ratio / 2.0;
    write_rgb(f, area(luma(f), l.ratio, x, y), area(chroma(f, f.u, f.u_stride), half, x, y),
              area(chroma(f, f.v, f.v_stride), half, x, y), pixel);
}
