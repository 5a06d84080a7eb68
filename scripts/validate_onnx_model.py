"""An ONNX model against its weights or another model; the console script of the same name.

    python scripts/validate_onnx_model.py -m ./onnx_models/sentence-transformers_all-MiniLM-L6-v2
"""

from rag_factory.services.utils.model_converter import main_validate

if __name__ == "__main__":
    main_validate()
