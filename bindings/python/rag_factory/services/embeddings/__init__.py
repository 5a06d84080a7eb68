"""Providers of embedding vectors."""

from rag_factory.errors import RagFactoryError
from rag_factory.services.embeddings.base import EmbeddingProvider
from rag_factory.services.embeddings.cohere import DEFAULT_COHERE_MODEL, CohereEmbedding
from rag_factory.services.embeddings.config import Configuration, ConfigurationValue
from rag_factory.services.embeddings.onnx_local import DEFAULT_MODEL, ONNXLocalEmbedding
from rag_factory.services.embeddings.openai import DEFAULT_OPENAI_MODEL, OpenAIEmbedding

__all__ = [
    "DEFAULT_COHERE_MODEL",
    "DEFAULT_MODEL",
    "DEFAULT_OPENAI_MODEL",
    "CohereEmbedding",
    "Configuration",
    "ConfigurationValue",
    "EmbeddingProvider",
    "ONNXLocalEmbedding",
    "OpenAIEmbedding",
    "RagFactoryError",
]
