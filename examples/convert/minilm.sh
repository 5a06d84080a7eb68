#!/usr/bin/env bash
# Weights to an ONNX model directory: what the story's convert_model_to_onnx.py does, without PyTorch. The result is
# compared with the weights before it is put in place; the report is a page with a picture.
set -euo pipefail

rag-factory convert --model-name sentence-transformers/all-MiniLM-L6-v2 --output-dir ./onnx_models --report report.md

rag-factory embed "hello world" -m onnx_models/sentence-transformers_all-MiniLM-L6-v2 --format csv
