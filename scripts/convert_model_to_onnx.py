"""Weights into an ONNX model, without PyTorch; the console script of the same name.

    python scripts/convert_model_to_onnx.py --model-name sentence-transformers/all-MiniLM-L6-v2 --output-dir ./onnx_models
"""

from rag_factory.services.utils.model_converter import main

if __name__ == "__main__":
    main()
