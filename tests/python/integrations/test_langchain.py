"""LangChain's own suites for embeddings, and a vector store of its own."""

import pytest

pytest.importorskip("langchain_core")
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests

from rag_factory.integrations.langchain import RagFactoryEmbeddings


class TestUnit(EmbeddingsUnitTests):
    @property
    def embeddings_class(self):
        return RagFactoryEmbeddings

    @property
    def embedding_model_params(self):
        return {"model": "sentence-transformers/all-MiniLM-L6-v2"}


class TestIntegration(EmbeddingsIntegrationTests):
    @property
    def embeddings_class(self):
        return RagFactoryEmbeddings

    @property
    def embedding_model_params(self):
        return {"model": "sentence-transformers/all-MiniLM-L6-v2"}


def test_vector_store(embedder):
    model = RagFactoryEmbeddings(fallback=None)
    assert model.embed_query("hello") == embedder.embed_query("hello")
    store = InMemoryVectorStore(model)
    store.add_texts(["Cats like fish.", "The sea is deep.", "Bell invented the telephone."])
    assert store.similarity_search("Who made the first phone?", k=1)[0].page_content == "Bell invented the telephone."
