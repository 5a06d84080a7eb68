"""Text to embedding vectors on a CPU, on ONNX Runtime, without PyTorch.

    from rag_factory.services.embeddings import ONNXLocalEmbedding

    embedder = ONNXLocalEmbedding()
    vectors = embedder.embed_documents(["Document 1", "Document 2"])
"""

from rag_factory import _native
from rag_factory.errors import RagFactoryError

__version__ = _native.version()

__all__ = ["RagFactoryError", "__version__"]
