// A webcam without hardware, for tests/webcam.rs: loaded before the C library (LD_PRELOAD), it answers the system calls
// by which GStreamer's real v4l2src talks to /dev/video97. In: the folder named by WEBCAM, with `format` ("YUYV 640 480"
// or "MJPG 640 480") and `frame` (one picture's bytes), both as long as it is plugged in. Out: that picture at 25 fps.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define DEVICE "/dev/video97"
#define BUFFERS 4
#define PERIOD_NS 40000000
// Where each buffer begins in the device's memory; room for any picture of the tests.
#define STRIDE (4u << 20)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int memory = -1;
static unsigned buffers, queued[BUFFERS], waiting, sequence;

// The opened camera is a timer, on which poll() wakes up when a picture is due.
static int is_camera(int fd) {
  char link[64], name[64] = {0};
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  return readlink(link, name, sizeof name - 1) > 0 && strstr(name, "[timerfd]") != NULL;
}

static FILE *part(const char *name) {
  char path[4096];
  const char *folder = getenv("WEBCAM");
  snprintf(path, sizeof path, "%s/%s", folder ? folder : "", name);
  return fopen(path, "rb");
}

// What it shows; 0 when it was pulled out.
static int describe(struct v4l2_pix_format *pix) {
  char code[5] = {0};
  FILE *file = part("format");
  if (!file) return 0;
  int found = fscanf(file, "%4s %u %u", code, &pix->width, &pix->height);
  fclose(file);
  pix->pixelformat = v4l2_fourcc(code[0], code[1], code[2], code[3]);
  int raw = pix->pixelformat == V4L2_PIX_FMT_YUYV;
  pix->field = V4L2_FIELD_NONE;
  pix->colorspace = raw ? V4L2_COLORSPACE_SMPTE170M : V4L2_COLORSPACE_JPEG;
  pix->bytesperline = raw ? 2 * pix->width : 0;
  pix->sizeimage = 2 * pix->width * pix->height;
  return found == 3;
}

static int fail(int code) {
  errno = code;
  return -1;
}

static int take(int fd, struct v4l2_buffer *buffer) {
  unsigned long long due;
  if (!waiting || read(fd, &due, sizeof due) < 0) return fail(EAGAIN);
  unsigned index = queued[0];
  memmove(queued, queued + 1, --waiting * sizeof *queued);
  unsigned char *place = mmap(NULL, STRIDE, PROT_WRITE, MAP_SHARED, memory, (off_t)index * STRIDE);
  FILE *picture = part("frame");
  if (place == MAP_FAILED || !picture) return fail(ENODEV);
  size_t bytes = fread(place, 1, STRIDE, picture);
  fclose(picture);
  munmap(place, STRIDE);
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  buffer->index = index;
  buffer->bytesused = bytes;
  buffer->length = STRIDE;
  buffer->flags = V4L2_BUF_FLAG_MAPPED | V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
  buffer->field = V4L2_FIELD_NONE;
  buffer->timestamp = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
  buffer->sequence = sequence++;
  return 0;
}

static int answer(int fd, unsigned long request, void *argument) {
  struct v4l2_pix_format pix = {0};
  if (!describe(&pix)) return fail(ENODEV);
  switch (request) {
  case VIDIOC_QUERYCAP: {
    struct v4l2_capability *cap = argument;
    memset(cap, 0, sizeof *cap);
    strcpy((char *)cap->driver, "test");
    strcpy((char *)cap->card, "Webcam of a test");
    cap->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
    cap->capabilities = cap->device_caps | V4L2_CAP_DEVICE_CAPS;
    return 0;
  }
  case VIDIOC_ENUMINPUT: {
    struct v4l2_input *input = argument;
    if (input->index) return fail(EINVAL);
    input->type = V4L2_INPUT_TYPE_CAMERA;
    return 0;
  }
  case VIDIOC_G_INPUT:
    *(int *)argument = 0;
    return 0;
  case VIDIOC_S_INPUT:
    return 0;
  case VIDIOC_ENUM_FMT: {
    struct v4l2_fmtdesc *format = argument;
    if (format->index || format->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return fail(EINVAL);
    format->pixelformat = pix.pixelformat;
    return 0;
  }
  case VIDIOC_ENUM_FRAMESIZES: {
    struct v4l2_frmsizeenum *size = argument;
    if (size->index || size->pixel_format != pix.pixelformat) return fail(EINVAL);
    size->type = V4L2_FRMSIZE_TYPE_DISCRETE;
    size->discrete.width = pix.width;
    size->discrete.height = pix.height;
    return 0;
  }
  case VIDIOC_ENUM_FRAMEINTERVALS: {
    struct v4l2_frmivalenum *interval = argument;
    if (interval->index || interval->pixel_format != pix.pixelformat) return fail(EINVAL);
    interval->type = V4L2_FRMIVAL_TYPE_DISCRETE;
    interval->discrete = (struct v4l2_fract){1, 25};
    return 0;
  }
  case VIDIOC_G_FMT:
  case VIDIOC_S_FMT:
  case VIDIOC_TRY_FMT: {
    struct v4l2_format *format = argument;
    if (format->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return fail(EINVAL);
    format->fmt.pix = pix;
    return 0;
  }
  case VIDIOC_G_PARM:
  case VIDIOC_S_PARM: {
    struct v4l2_streamparm *parameters = argument;
    parameters->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
    parameters->parm.capture.timeperframe = (struct v4l2_fract){1, 25};
    return 0;
  }
  case VIDIOC_REQBUFS: {
    struct v4l2_requestbuffers *wanted = argument;
    if (wanted->memory != V4L2_MEMORY_MMAP) return fail(EINVAL);
    if (wanted->count > BUFFERS) wanted->count = BUFFERS;
    buffers = wanted->count;
    waiting = 0;
    wanted->capabilities = V4L2_BUF_CAP_SUPPORTS_MMAP;
    if (memory < 0) memory = memfd_create("webcam", 0);
    return ftruncate(memory, (off_t)BUFFERS * STRIDE);
  }
  case VIDIOC_QUERYBUF:
  case VIDIOC_QBUF: {
    struct v4l2_buffer *buffer = argument;
    if (buffer->index >= buffers) return fail(EINVAL);
    if (request == VIDIOC_QBUF) queued[waiting++] = buffer->index;
    buffer->length = STRIDE;
    buffer->m.offset = buffer->index * STRIDE;
    buffer->flags = request == VIDIOC_QBUF ? V4L2_BUF_FLAG_QUEUED : 0;
    return 0;
  }
  case VIDIOC_DQBUF:
    return take(fd, argument);
  case VIDIOC_STREAMON:
    return 0;
  case VIDIOC_STREAMOFF:
    waiting = 0;
    return 0;
  default:
    return fail(request == VIDIOC_QUERYCTRL || request == VIDIOC_G_CTRL ? EINVAL : ENOTTY);
  }
}

int ioctl(int fd, unsigned long request, ...) {
  va_list arguments;
  va_start(arguments, request);
  void *argument = va_arg(arguments, void *);
  va_end(arguments);
  if (_IOC_TYPE(request) == 'V' && is_camera(fd)) {
    pthread_mutex_lock(&lock);
    int result = answer(fd, request, argument);
    pthread_mutex_unlock(&lock);
    return result;
  }
  return ((int (*)(int, unsigned long, void *))dlsym(RTLD_NEXT, "ioctl"))(fd, request, argument);
}

static int plug(void) {
  struct v4l2_pix_format pix = {0};
  if (!describe(&pix)) return fail(ENOENT);
  int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  struct itimerspec every = {{0, PERIOD_NS}, {0, PERIOD_NS}};
  timerfd_settime(fd, 0, &every, NULL);
  return fd;
}

#define OPEN(name)                                                                      \
  int name(const char *path, int flags, ...) {                                          \
    va_list arguments;                                                                  \
    va_start(arguments, flags);                                                         \
    mode_t mode = va_arg(arguments, mode_t);                                            \
    va_end(arguments);                                                                  \
    if (!strcmp(path, DEVICE)) return plug();                                           \
    return ((int (*)(const char *, int, mode_t))dlsym(RTLD_NEXT, #name))(path, flags, mode); \
  }
OPEN(open)
OPEN(open64)

#define STAT(name, type)                                                                \
  int name(const char *path, type *about) {                                             \
    struct v4l2_pix_format pix = {0};                                                   \
    if (strcmp(path, DEVICE))                                                           \
      return ((int (*)(const char *, type *))dlsym(RTLD_NEXT, #name))(path, about);     \
    if (!describe(&pix)) return fail(ENOENT);                                           \
    memset(about, 0, sizeof *about);                                                    \
    about->st_mode = S_IFCHR | 0666;                                                    \
    return 0;                                                                           \
  }
STAT(stat, struct stat)
STAT(stat64, struct stat64)

#define MAP(name, offset_type)                                                          \
  void *name(void *at, size_t length, int access, int flags, int fd, offset_type offset) { \
    if (fd >= 0 && (flags & MAP_SHARED) && is_camera(fd)) fd = memory;                  \
    return ((void *(*)(void *, size_t, int, int, int, offset_type))dlsym(RTLD_NEXT, #name))( \
        at, length, access, flags, fd, offset);                                         \
  }
MAP(mmap, off_t)
MAP(mmap64, off64_t)
