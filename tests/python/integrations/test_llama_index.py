"""LlamaIndex: an index of documents, and its embedding interface."""

import asyncio

import pytest

pytest.importorskip("llama_index.core")
from llama_index.core import Document, VectorStoreIndex

from rag_factory.integrations.llama_index import RagFactoryEmbedding


@pytest.fixture(scope="module")
def model(surroundings):
    return RagFactoryEmbedding(embed_batch_size=32, options={"threads": 2})


def test_interface(model, embedder):
    assert model.class_name() == "RagFactoryEmbedding" and model.embed_batch_size == 32
    assert model.get_query_embedding("hello") == embedder.embed_query("hello")
    assert model.get_text_embedding("hello") == embedder.embed_documents(["hello"])[0]
    assert model.get_text_embedding_batch(["a", "b"]) == embedder.embed_documents(["a", "b"])
    assert asyncio.run(model.aget_query_embedding("hello")) == embedder.embed_query("hello")
    assert asyncio.run(model.aget_text_embedding_batch(["a", "b"])) == embedder.embed_documents(["a", "b"])


def test_index(model):
    documents = [Document(text=t) for t in ("Cats like fish.", "The sea is deep.", "Bell invented the telephone.")]
    retriever = VectorStoreIndex.from_documents(documents, embed_model=model).as_retriever(similarity_top_k=1)
    assert retriever.retrieve("Who made the first phone?")[0].text == "Bell invented the telephone."
