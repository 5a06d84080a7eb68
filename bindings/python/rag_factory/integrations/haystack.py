"""Haystack: pip install haystack-ai."""

from dataclasses import replace
from typing import Any, Dict, List, Optional

from rag_factory.services.embeddings import DEFAULT_MODEL, ONNXLocalEmbedding

try:
    from haystack import Document, component, default_to_dict
except ImportError:
    raise ImportError("rag_factory.integrations.haystack needs Haystack: pip install haystack-ai") from None


class _Embedder:
    """What the two components share: a model that is opened when it is first needed, as Haystack asks for."""

    def __init__(self, model: str, options: Optional[Dict[str, Any]]) -> None:
        self.model = model
        self.options = options or {}
        self._provider: Optional[ONNXLocalEmbedding] = None

    def warm_up(self) -> None:
        """Opens the model."""
        self._opened()

    def _opened(self) -> ONNXLocalEmbedding:
        if self._provider is None:
            self._provider = ONNXLocalEmbedding(self.model, **self.options)
        return self._provider

    def _meta(self) -> Dict[str, Any]:
        return {"model": self._opened().model_name}


@component
class RagFactoryTextEmbedder(_Embedder):
    """Queries. `options` are those of ONNXLocalEmbedding."""

    def __init__(self, model: str = DEFAULT_MODEL, options: Optional[Dict[str, Any]] = None) -> None:
        _Embedder.__init__(self, model, options)  # super() would miss the class that @component makes

    def to_dict(self) -> Dict[str, Any]:
        saved: Dict[str, Any] = default_to_dict(self, model=self.model, options=self.options)
        return saved

    @component.output_types(embedding=List[float], meta=Dict[str, Any])
    def run(self, text: str) -> Dict[str, Any]:
        if not isinstance(text, str):
            raise TypeError("RagFactoryTextEmbedder takes a str; documents go to RagFactoryDocumentEmbedder")
        return {"embedding": self._opened().embed_query(text), "meta": self._meta()}


@component
class RagFactoryDocumentEmbedder(_Embedder):
    """Documents. Fields of `meta_fields_to_embed` are put in front of the content, as Haystack's own embedders do."""

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        options: Optional[Dict[str, Any]] = None,
        meta_fields_to_embed: Optional[List[str]] = None,
        embedding_separator: str = "\n",
    ) -> None:
        _Embedder.__init__(self, model, options)
        self.meta_fields_to_embed = meta_fields_to_embed or []
        self.embedding_separator = embedding_separator

    def to_dict(self) -> Dict[str, Any]:
        saved: Dict[str, Any] = default_to_dict(
            self,
            model=self.model,
            options=self.options,
            meta_fields_to_embed=self.meta_fields_to_embed,
            embedding_separator=self.embedding_separator,
        )
        return saved

    def _text(self, document: Document) -> str:
        fields = [str(document.meta[f]) for f in self.meta_fields_to_embed if document.meta.get(f) is not None]
        return self.embedding_separator.join(fields + [document.content or ""])

    @component.output_types(documents=List[Document], meta=Dict[str, Any])
    def run(self, documents: List[Document]) -> Dict[str, Any]:
        if not isinstance(documents, list) or not all(isinstance(d, Document) for d in documents):
            raise TypeError("RagFactoryDocumentEmbedder takes a list of Documents; a str goes to RagFactoryTextEmbedder")
        vectors = self._opened().embed_documents([self._text(d) for d in documents])
        return {"documents": [replace(d, embedding=v) for d, v in zip(documents, vectors)], "meta": self._meta()}
