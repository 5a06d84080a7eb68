"""Which model is opened: names, files, the fallback, and what is no model."""

import shutil

import pytest

from conftest import MINILM
from rag_factory.services.embeddings import DEFAULT_MODEL, EmbeddingProvider, ONNXLocalEmbedding, RagFactoryError
from rag_factory.services.utils import onnx_utils


@pytest.fixture
def empty_home(monkeypatch, tmp_path_factory):
    """Without models in the caches that are looked at in any case."""
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


def test_default_model_comes_from_the_hub(embedder, tmp_path, empty_home):
    seen = []
    with ONNXLocalEmbedding(cache_dir=str(tmp_path), progress=lambda done, total: seen.append((done, total))) as provider:
        assert isinstance(provider, EmbeddingProvider)
        assert provider.model_name == DEFAULT_MODEL == "sentence-transformers/all-MiniLM-L6-v2"
        assert provider.cache_dir == tmp_path
        assert len(str(provider.info["revision"])) == 40 and provider.replaces == ""
        assert provider.embed_query("hello") == embedder.embed_query("hello")
    assert max(total for _, total in seen) > 90000000
    cached = [m for m in onnx_utils.cached_models(tmp_path) if m["cache_dir"] == str(tmp_path)]
    assert [m["name"] for m in cached] == [DEFAULT_MODEL] and cached[0]["complete"] is True
    again = ONNXLocalEmbedding(cache_dir=tmp_path, offline=True)
    assert again.embed_query("hello") == embedder.embed_query("hello")


def test_download_is_cancelled(tmp_path, empty_home):
    with pytest.raises(RagFactoryError) as raised:
        ONNXLocalEmbedding(cache_dir=tmp_path, progress=lambda done, total: False)
    assert raised.value.status == "cancelled"


def test_download_model(tmp_path, empty_home):
    folder = onnx_utils.download_model(DEFAULT_MODEL, tmp_path)
    assert (folder / "tokenizer.json").is_file()
    assert ONNXLocalEmbedding(cache_dir=tmp_path, offline=True, fallback=None).dimension == 384
    variants = onnx_utils.model_variants(folder)
    assert all(set(v) == {"path", "precision", "made_for", "bytes", "fits", "is_here"} for v in variants)
    with pytest.raises(ValueError, match="Could not download ONNX model 'no/such'"):
        onnx_utils.download_model("no/such", tmp_path)


def test_cache_folder_by_default(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    provider = ONNXLocalEmbedding(model_path=MINILM)
    assert provider.cache_dir == tmp_path / ".cache/rag_factory/onnx_models"
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    assert ONNXLocalEmbedding(model_path=MINILM).cache_dir == tmp_path / "hub"


def test_fallback(caplog):
    with caplog.at_level("WARNING", "rag_factory"):
        provider = ONNXLocalEmbedding("no/such-model")
    assert provider.model_name == DEFAULT_MODEL and provider.replaces == "no/such-model"
    assert "'no/such-model' cannot be opened" in caplog.text and DEFAULT_MODEL in caplog.text
    assert provider.dimension == 384


@pytest.mark.parametrize("options, status", [({}, "not found"), ({"offline": True}, "not found")])
def test_without_fallback(options, status):
    with pytest.raises(ValueError, match="Could not download ONNX model 'no/such-model'") as raised:
        ONNXLocalEmbedding("no/such-model", fallback=None, **options)
    assert isinstance(raised.value, RagFactoryError) and raised.value.status == status


def test_no_network(no_hub):
    with pytest.raises(ValueError, match="Could not download ONNX model .*HTTPS_PROXY") as raised:
        ONNXLocalEmbedding(fallback=None)
    assert raised.value.status == "network error"


def test_an_onnx_file(embedder):
    folder = MINILM.parent / "all-MiniLM-L6-v2-onnx"
    with ONNXLocalEmbedding(model_path=folder / "model.onnx", fallback=None, precision="file") as provider:
        assert provider.model_path == folder / "model.onnx"
        assert provider.info["kernels"] == "ONNX Runtime"
        as_it_is = provider.embed_query("hello")
    # The encoder in it is recognized: our kernels run one that was built of the same weights, in the cache.
    with ONNXLocalEmbedding(model_path=folder / "model.onnx", fallback=None) as provider:
        assert provider.model_path.is_file() and provider.model_path != folder / "model.onnx"
        assert provider.info["kernels"] != "ONNX Runtime"
        recognized = provider.embed_query("hello")
    for vector in (as_it_is, recognized):
        assert sum(a * b for a, b in zip(vector, embedder.embed_query("hello"))) > 0.99999


class TestTorch:
    """There is no torch here, and nothing pretends that there is."""

    @pytest.mark.parametrize("name", ["model.pt", "model.pth", "last.ckpt", "weights.bin", "pytorch_model.bin"])
    def test_files_of_torch(self, tmp_path, name):
        (tmp_path / name).write_bytes(b"PK\3\4")
        with pytest.raises(ValueError, match="is a file of PyTorch's, not an ONNX model.*save_pretrained"):
            ONNXLocalEmbedding(model_path=tmp_path / name)

    def test_weights_with_their_configuration_are_opened(self, tmp_path):
        golden = MINILM.parent  # a folder of weights is made into ONNX without torch
        shutil.copytree(str(golden / "all-MiniLM-L6-v2"), str(tmp_path / "m"))
        assert ONNXLocalEmbedding(model_path=tmp_path / "m/model.safetensors", fallback=None).dimension == 384

    def test_tensors_as_texts(self, embedder):
        tensor = type("Tensor", (), {"__module__": "torch"})()
        with pytest.raises(TypeError, match="texts is a torch tensor: this package has no torch.*list of str"):
            embedder.embed_documents(tensor)
        with pytest.raises(TypeError, match=r"texts\[1\] is a torch\.Tensor.*give the text itself"):
            embedder.embed_documents(["a", tensor])

    def test_models_in_memory(self):
        module = type("BertModel", (), {"__module__": "transformers.models.bert"})()
        for keywords in ({"model_name": module}, {"model_path": module}):
            with pytest.raises(TypeError, match="transformers.models.bert.BertModel.*models in memory.*cannot be run"):
                ONNXLocalEmbedding(**keywords)


def test_bad_files(tmp_path):
    with pytest.raises(ValueError, match="nowhere"):
        ONNXLocalEmbedding(model_path=tmp_path / "nowhere.onnx", fallback=None)
    (tmp_path / "bad.onnx").write_bytes(b"not onnx")
    with pytest.raises(ValueError):
        ONNXLocalEmbedding(model_path=tmp_path / "bad.onnx", fallback=None)


class TestArithmetic:
    def test_cosine_similarity(self):
        assert onnx_utils.cosine_similarity([1.0, 0.0], [1.0, 1.0]) == pytest.approx(0.5 ** 0.5)

    def test_pooling_and_normalize(self):
        import numpy as np

        states = np.array([[[1.0, 2.0], [3.0, 6.0], [9.0, 9.0]]])
        assert onnx_utils.mean_pooling(states, np.array([[1, 1, 0]])).tolist() == [[2.0, 4.0]]
        assert onnx_utils.mean_pooling(states, np.array([[0, 0, 0]])).tolist() == [[0.0, 0.0]]
        assert onnx_utils.normalize(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist() == [[0.6, 0.8], [0.0, 0.0]]
