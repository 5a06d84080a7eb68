"""Haystack: pipelines that index and ask, saved and loaded again."""

import pytest

pytest.importorskip("haystack")
from haystack import Document, Pipeline
from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
from haystack.components.writers import DocumentWriter
from haystack.document_stores.in_memory import InMemoryDocumentStore

from rag_factory.integrations.haystack import RagFactoryDocumentEmbedder, RagFactoryTextEmbedder

TEXTS = ("Cats like fish.", "The sea is deep.", "Bell invented the telephone.")


def test_components(embedder):
    out = RagFactoryTextEmbedder().run("hello")
    assert out["embedding"] == embedder.embed_query("hello")
    assert out["meta"] == {"model": "sentence-transformers/all-MiniLM-L6-v2"}
    documents = [Document(content="body", meta={"title": "Title", "n": None}), Document(content=None)]
    given = RagFactoryDocumentEmbedder(meta_fields_to_embed=["title", "n"]).run(documents)["documents"]
    assert [d.embedding for d in given] == embedder.embed_documents(["Title\nbody", ""])
    assert documents[0].embedding is None  # what was given is left as it was
    with pytest.raises(TypeError, match="RagFactoryDocumentEmbedder"):
        RagFactoryTextEmbedder().run(documents)
    with pytest.raises(TypeError, match="RagFactoryTextEmbedder"):
        RagFactoryDocumentEmbedder().run("hello")


def test_pipelines():
    store = InMemoryDocumentStore(embedding_similarity_function="cosine")
    indexing = Pipeline()
    indexing.add_component("embedder", RagFactoryDocumentEmbedder(options={"threads": 2}))
    indexing.add_component("writer", DocumentWriter(store))
    indexing.connect("embedder.documents", "writer.documents")
    indexing.run({"embedder": {"documents": [Document(content=t) for t in TEXTS]}})
    asking = Pipeline()
    asking.add_component("embedder", RagFactoryTextEmbedder())
    asking.add_component("retriever", InMemoryEmbeddingRetriever(store, top_k=1))
    asking.connect("embedder.embedding", "retriever.query_embedding")
    found = asking.run({"embedder": {"text": "Who made the first phone?"}})
    assert found["retriever"]["documents"][0].content == "Bell invented the telephone."


def test_saved_and_loaded(embedder):
    pipeline = Pipeline()
    pipeline.add_component("embedder", RagFactoryTextEmbedder(options={"threads": 1}))
    pipeline.add_component("documents", RagFactoryDocumentEmbedder(embedding_separator=" - "))
    again = Pipeline.loads(pipeline.dumps(), allowed_modules=["rag_factory.integrations.haystack"])
    assert again.get_component("embedder").options == {"threads": 1}
    assert again.get_component("documents").embedding_separator == " - "
    out = again.run({"embedder": {"text": "hello"}, "documents": {"documents": []}})
    assert out["embedder"]["embedding"] == embedder.embed_query("hello")
