"""Tools for ONNX models."""
