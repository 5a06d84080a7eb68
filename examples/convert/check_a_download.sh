#!/usr/bin/env bash
# Is a file that somebody else made what it should be? Here: the ONNX file of a model beside the model's weights. The
# threshold is that of numbers which differ by rounding alone. Vectors that were kept from an earlier set-up serve as well.
set -euo pipefail

rag-factory convert -m sentence-transformers/all-MiniLM-L6-v2 -o ./downloads --name somebodys --no-validate -q

rag-factory validate -m downloads/somebodys --against sentence-transformers/all-MiniLM-L6-v2 --threshold 0.99999

printf 'one text\nanother text\n' > texts.txt
rag-factory embed -i texts.txt -m sentence-transformers/all-MiniLM-L6-v2 -o kept.npy
rag-factory validate -m downloads/somebodys -i texts.txt --against kept.npy --threshold 0.9999 --format json
