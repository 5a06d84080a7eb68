"""Providers of embedding vectors."""

from rag_factory.errors import RagFactoryError
from rag_factory.services.embeddings.base import EmbeddingProvider
from rag_factory.services.embeddings.config import Configuration, ConfigurationValue
from rag_factory.services.embeddings.onnx_local import DEFAULT_MODEL, ONNXLocalEmbedding

__all__ = [
    "DEFAULT_MODEL",
    "Configuration",
    "ConfigurationValue",
    "EmbeddingProvider",
    "ONNXLocalEmbedding",
    "RagFactoryError",
]
