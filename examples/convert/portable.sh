#!/usr/bin/env bash
# One file of standard operators, for any program that reads ONNX: other runtimes, compilers, browsers.
set -euo pipefail

rag-factory convert -m sentence-transformers/all-MiniLM-L6-v2 -o ./portable_models --name minilm --portable

ls -l portable_models/minilm/model.onnx
