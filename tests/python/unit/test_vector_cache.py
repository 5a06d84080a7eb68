"""Vectors that are kept: found again by another provider, the same bits, with figures."""
import pytest

from conftest import MINILM
from rag_factory.services.embeddings import ONNXLocalEmbedding

TEXTS = ["red apples", "green pears", "red apples", "a longer text about apples and pears"]


@pytest.mark.parametrize("fp16", [False, True])
def test_found_again(tmp_path, fp16):
    options = {"model_path": MINILM, "vector_cache": tmp_path / "deep/vectors.db", "vector_cache_fp16": fp16}
    with ONNXLocalEmbedding(**options) as provider:
        first = provider.embed_documents(TEXTS)
        assert provider.embed_documents(TEXTS) == first
        stats = provider.stats()
        assert (stats["texts"], stats["repeated"], stats["cache_misses"], stats["cache_hits"]) == (8, 2, 3, 3)
        assert stats["cache_bytes"] > 0 and stats["cache_memory_bytes"] > 0 and stats["cache_damaged"] == 0
    with ONNXLocalEmbedding(**options) as provider:
        assert provider.embed_documents(TEXTS) == first
        stats = provider.stats()
        assert (stats["cache_hits"], stats["cache_memory_hits"], stats["cache_misses"]) == (3, 0, 0)
    with ONNXLocalEmbedding(model_path=MINILM) as provider:
        exact = provider.embed_documents(TEXTS)
        assert (exact == first) != fp16
        assert all(abs(a - b) < 1e-3 for row, other in zip(exact, first) for a, b in zip(row, other))


def test_memory_alone():
    with ONNXLocalEmbedding(model_path=MINILM, vector_memory_mb=1) as provider:
        assert provider.embed_query("red") == provider.embed_query("red")
        assert provider.stats()["cache_memory_hits"] == 1 and provider.stats()["cache_bytes"] == 0


def test_another_file(tmp_path):
    (tmp_path / "diary").write_text("dear diary")
    with pytest.raises(ValueError, match="is no cache of vectors"):
        ONNXLocalEmbedding(model_path=MINILM, fallback=None, vector_cache=tmp_path / "diary")
    assert (tmp_path / "diary").read_text() == "dear diary"
