"""LlamaIndex: pip install llama-index-core."""

from typing import Any, List

from rag_factory.services.embeddings import DEFAULT_MODEL, ONNXLocalEmbedding
from rag_factory.services.embeddings.base import in_thread

try:
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.bridge.pydantic import PrivateAttr
except ImportError:
    raise ImportError("rag_factory.integrations.llama_index needs LlamaIndex: pip install llama-index-core") from None


class RagFactoryEmbedding(BaseEmbedding):
    """LlamaIndex's BaseEmbedding. Takes what ONNXLocalEmbedding takes, in `options`, and what BaseEmbedding takes."""

    _provider: ONNXLocalEmbedding = PrivateAttr()

    def __init__(self, model_name: str = DEFAULT_MODEL, *, options: Any = None, **keywords: Any) -> None:
        super().__init__(model_name=model_name, **keywords)
        self._provider = ONNXLocalEmbedding(model_name, **(options or {}))

    @classmethod
    def class_name(cls) -> str:
        return "RagFactoryEmbedding"

    def _get_text_embedding(self, text: str) -> List[float]:
        return self._provider.embed_documents([text])[0]

    def _get_text_embeddings(self, texts: List[str]) -> List[List[float]]:
        return self._provider.embed_documents(texts)

    def _get_query_embedding(self, query: str) -> List[float]:
        return self._provider.embed_query(query)

    async def _aget_text_embedding(self, text: str) -> List[float]:
        return await in_thread(self._get_text_embedding, text)

    async def _aget_text_embeddings(self, texts: List[str]) -> List[List[float]]:
        return await in_thread(self._get_text_embeddings, texts)

    async def _aget_query_embedding(self, query: str) -> List[float]:
        return await in_thread(self._get_query_embedding, query)
