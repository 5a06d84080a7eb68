"""The configuration: models by name, values and where they come from, and the same file as the program's."""

import pytest

from conftest import MINILM
from rag_factory.services.embeddings import Configuration, ONNXLocalEmbedding, OpenAIEmbedding, RagFactoryError


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(
        "model: notes\n"
        "threads: 1\n"
        "models:\n"
        "  notes:\n"
        "    source: {}\n"
        "    dimensions: 8\n"
        "    normalize: false\n"
        "    prompts: {{query: 'ask: '}}\n"
        "    session: {{inter_op_num_threads: 1}}\n"
        "  plain: {{source: {}}}\n".format(MINILM, MINILM))
    return path


def test_models_by_name(file):
    configuration = Configuration(file)
    assert configuration.file == str(file)
    assert configuration.models == ["notes", "plain"]
    with configuration.embedding() as notes, configuration.embedding("plain") as plain:
        assert notes.dimension == 8 and plain.dimension == 384
        assert notes.info["threads"] == 1 and notes.replaces == ""
        with ONNXLocalEmbedding(str(MINILM), dimensions=8, normalize=False) as by_hand:
            assert notes.embed_query("cats") == by_hand.embed_query("ask: cats")
            assert notes.embed_documents(["cats"]) == by_hand.embed_documents(["cats"])
    with configuration.embedding("notes", dimensions=16) as other:
        assert other.dimension == 16


def test_where_values_come_from(file, monkeypatch):
    monkeypatch.setenv("RAG_FACTORY_MAX_TOKENS", "32")
    values = Configuration(file).values()
    assert values["threads"] == ("1", "{}:2".format(file))
    assert values["dimensions"].value == "8"
    assert values["max_tokens"].origin == "RAG_FACTORY_MAX_TOKENS"
    assert values["precision"] == ("auto", "default")
    assert values["prompts.query"].value == "ask: "
    monkeypatch.setenv("RAG_FACTORY_CONFIG", str(file))
    assert Configuration().models == ["notes", "plain"]


def test_none(surroundings):
    configuration = Configuration()
    assert configuration.file == "" and configuration.models == []
    with configuration.embedding(str(MINILM)) as provider:
        assert provider.dimension == 384


@pytest.mark.parametrize("text, message", [
    ("thread: 1", r"config\.yaml:1: unknown key 'thread'; did you mean 'threads'\?"),
    ("threads: x", r"config\.yaml:1: threads is 'x', expected a whole number"),
    ("a: [", r"config\.yaml:1: "),
])
def test_what_is_wrong(tmp_path, text, message):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(RagFactoryError, match=message):
        Configuration(path)


def test_fails_without_a_fallback(file):
    with pytest.raises(RagFactoryError):
        Configuration(file).embedding("./nowhere")
    with pytest.raises(RagFactoryError, match="nowhere.yaml"):
        Configuration("nowhere.yaml")


def test_remote_models(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(
        "threads: 1\n"
        "precision: fp32\n"
        "providers:\n"
        "  openai: {api_key: secret, base_url: 'http://127.0.0.1:9/v1', timeout: 3, max_retries: 1}\n"
        "models:\n"
        "  cloud: {source: 'openai:text-embedding-3-small'}\n")
    configuration = Configuration(path)
    assert configuration.values("cloud")["api_key"].value == "(set)"
    with configuration.embedding("cloud", dimensions=64) as provider:  # its length is known: nothing is asked yet
        assert isinstance(provider, OpenAIEmbedding) and provider.dimension == 64
