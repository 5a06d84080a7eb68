"""LangChain: pip install langchain-core."""

from typing import Any, List

from rag_factory.services.embeddings import DEFAULT_MODEL, ONNXLocalEmbedding
from rag_factory.services.embeddings.base import in_thread

try:
    from langchain_core.embeddings import Embeddings
except ImportError:
    raise ImportError("rag_factory.integrations.langchain needs LangChain: pip install langchain-core") from None


class RagFactoryEmbeddings(Embeddings):
    """langchain_core's Embeddings. Takes what ONNXLocalEmbedding takes; `model` is its model_name."""

    def __init__(self, model: str = DEFAULT_MODEL, **options: Any) -> None:
        self.model = model
        self.provider = ONNXLocalEmbedding(model, **options)

    def embed_documents(self, texts: List[str]) -> List[List[float]]:
        return self.provider.embed_documents(texts)

    def embed_query(self, text: str) -> List[float]:
        return self.provider.embed_query(text)

    async def aembed_documents(self, texts: List[str]) -> List[List[float]]:
        return await in_thread(self.embed_documents, texts)

    async def aembed_query(self, text: str) -> List[float]:
        return await in_thread(self.embed_query, text)
