/* Tests only: an nvh264dec that decodes on the CPU and leaves its frames in (stand-in) CUDA memory, as NVIDIA's does: what
 * comes behind it, from GStreamer's own CUDA memory to the kernels, is the real thing. */

#include <gst/gst.h>

#define PACKAGE "truevision-tests"

typedef GstBin NvDec;
typedef GstBinClass NvDecClass;
GType nv_dec_get_type(void);
G_DEFINE_TYPE(NvDec, nv_dec, GST_TYPE_BIN)

static GstStaticPadTemplate sink = GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS("video/x-h264, stream-format=(string){avc, byte-stream}, alignment=(string)au"));
static GstStaticPadTemplate source = GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS("video/x-raw(memory:CUDAMemory); video/x-raw"));

static void nv_dec_class_init(NvDecClass *class) {
    GstElementClass *element = GST_ELEMENT_CLASS(class);
    gst_element_class_set_static_metadata(element, "stand-in", "Codec/Decoder/Video/Hardware", "tests", "tests");
    gst_element_class_add_static_pad_template(element, &sink);
    gst_element_class_add_static_pad_template(element, &source);
}

static GstElement *add(NvDec *self, const char *factory) {
    GstElement *element = gst_element_factory_make(factory, NULL);
    g_assert(element);
    gst_bin_add(GST_BIN(self), element);
    return element;
}

static void expose(NvDec *self, GstElement *element, const char *name) {
    GstPad *pad = gst_element_get_static_pad(element, name);
    gst_element_add_pad(GST_ELEMENT(self), gst_ghost_pad_new(name, pad));
    gst_object_unref(pad);
}

static void nv_dec_init(NvDec *self) {
    // The last one copies to the host where nobody behind takes CUDA memory, as NVIDIA's decoder does.
    GstElement *decode = add(self, "avdec_h264"), *upload = add(self, "cudaupload"), *download = add(self, "cudadownload");
    gboolean linked = gst_element_link_many(decode, upload, download, NULL);
    g_assert(linked);
    expose(self, decode, "sink");
    expose(self, download, "src");
}

static gboolean init(GstPlugin *plugin) { return gst_element_register(plugin, "nvh264dec", GST_RANK_PRIMARY, nv_dec_get_type()); }

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, standin, "stand-in", init, "1", "LGPL", PACKAGE, "tests")
