// Tests only: NVIDIA's decoders, of which there are none. GStreamer's plug-in for NVIDIA registers nothing, not even
// cudaupload, where this library is missing.

extern "C" {
#define NOT_HERE(name) int name() { return 801; }
NOT_HERE(cuvidCtxLockCreate)
NOT_HERE(cuvidCtxLockDestroy)
NOT_HERE(cuvidCtxLock)
NOT_HERE(cuvidCtxUnlock)
NOT_HERE(cuvidCreateDecoder)
NOT_HERE(cuvidDestroyDecoder)
NOT_HERE(cuvidDecodePicture)
NOT_HERE(cuvidCreateVideoParser)
NOT_HERE(cuvidDestroyVideoParser)
NOT_HERE(cuvidParseVideoData)
NOT_HERE(cuvidMapVideoFrame64)
NOT_HERE(cuvidUnmapVideoFrame64)
NOT_HERE(cuvidGetDecoderCaps)
}
