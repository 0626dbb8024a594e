"""A small TFLite to ONNX converter for MediaPipe's face models: `reader.read` then `convert.convert`."""
