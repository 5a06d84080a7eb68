"""Providers whose vectors a server computes, against tests/remote/fake_server.py."""

import asyncio
import os
import pickle
import sys

import pytest

from conftest import ROOT
from rag_factory.services.embeddings import CohereEmbedding, EmbeddingProvider, OpenAIEmbedding, RagFactoryError

sys.path.insert(0, str(ROOT / "tests/remote"))
from fake_server import KEY, FakeServer, vector  # noqa: E402


@pytest.fixture
def server(monkeypatch):
    server = FakeServer()
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", server.url + "/v1")
    monkeypatch.setenv("CO_API_KEY", KEY)
    monkeypatch.setenv("CO_API_URL", server.url)
    monkeypatch.setenv("RF_REMOTE_BACKOFF_MS", "10")
    yield server
    server.stop()


@pytest.mark.parametrize("kind", [OpenAIEmbedding, CohereEmbedding])
def test_a_provider_like_the_local_one(server, kind):
    with kind("some-model") as embedder:
        assert isinstance(embedder, EmbeddingProvider)
        assert embedder.dimension == embedder.embedding_dim == 8
        assert embedder.embed_documents(["a", "b"]) == [vector("a", 8), vector("b", 8)]
        assert embedder.embed_query("c") == vector("c", 8)
        assert embedder.embed_documents([]) == []
        assert embedder.info["provider"] == kind._prefix[:-1]
        assert embedder.stats()["texts"] == 3
        assert asyncio.run(embedder.aembed_documents(["a"])) == [vector("a", 8)]


def test_defaults(server):
    assert OpenAIEmbedding().dimension == 1536
    assert CohereEmbedding(dimensions=256).dimension == 256
    assert server.requests[-1]["body"]["model"] == "text-embedding-3-small"


def test_roles_of_cohere(server):
    embedder = CohereEmbedding("m")
    embedder.embed_query("a")
    embedder.embed_documents(["a"])
    assert [request["body"]["input_type"] for request in server.requests[-2:]] == ["search_query", "search_document"]


def test_options_arrive(server):
    embedder = OpenAIEmbedding("m", KEY, server.url + "/v1", dimensions=4, user="me", organization="org-1",
                               project="p-1", batch_size=2, max_requests=1)
    embedder.embed_documents(["a", "b", "c"])
    assert [len(request["texts"]) for request in server.requests] == [2, 1]
    assert server.requests[0]["body"]["user"] == "me"
    assert server.requests[0]["body"]["dimensions"] == 4
    assert server.requests[0]["headers"]["OpenAI-Organization"] == "org-1"


def test_an_array_without_a_copy(server):
    numpy = pytest.importorskip("numpy")
    array = OpenAIEmbedding("m").embed_documents_array(["a", "b"])
    assert array.shape == (2, 8) and array.dtype == numpy.float32
    assert array[1].tolist() == vector("b", 8)


def test_errors_have_the_servers_words_and_not_the_key(server):
    with pytest.raises(RagFactoryError, match="answered 401: Incorrect API key provided") as caught:
        OpenAIEmbedding("m", "sk-another-key")
    assert "sk-another-key" not in str(caught.value)
    with pytest.raises(ValueError, match="no key"):
        OpenAIEmbedding(api_key=" ", base_url="https://api.openai.com/v1")


def test_a_call_that_failed_is_made_again_without_paying_twice(server):
    embedder = OpenAIEmbedding("m", batch_size=5, max_retries=0, max_requests=1)
    texts = ["text {}".format(i) for i in range(20)]
    server.fault(500, having=texts[12])
    with pytest.raises(RagFactoryError, match="500"):
        embedder.embed_documents(texts)
    assert embedder.embed_documents(texts) == [vector(text, 8) for text in texts]
    assert {server.billed[text] for text in texts} == {1}
    assert embedder.embed_documents(texts[:2]) == [vector(text, 8) for text in texts[:2]]


def test_progress_cancels(server):
    embedder = OpenAIEmbedding("m", batch_size=1)
    with pytest.raises(RagFactoryError, match="cancelled"):
        embedder.embed_documents(["a"] * 50, progress=lambda done, total: False)


def test_a_pickle_opens_the_model_again(server):
    embedder = pickle.loads(pickle.dumps(OpenAIEmbedding("m", dimensions=8)))
    assert embedder.embed_query("a") == vector("a", 8)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_child_has_connections_of_its_own(server):
    embedder = OpenAIEmbedding("m", dimensions=8)
    embedder.embed_query("a")
    child = os.fork()
    if child == 0:
        os._exit(0 if embedder.embed_query("b") == vector("b", 8) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert embedder.embed_query("c") == vector("c", 8)
    assert len({request["connection"] for request in server.requests}) == 2
