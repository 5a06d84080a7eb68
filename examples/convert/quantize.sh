#!/usr/bin/env bash
# Near-lossless int8 for any ONNX Runtime; the story's flags. Where a text falls below the threshold nothing is written,
# and the exit code is 1.
set -euo pipefail

rag-factory convert --model-name sentence-transformers/all-MiniLM-L6-v2 --output-dir ./onnx_models --quantize int8 \
    --threshold 0.999 --report report.md
