"""A model as a file: safetensors and ONNX."""
