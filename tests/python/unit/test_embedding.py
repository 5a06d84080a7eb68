"""Texts in, vectors out: the same bits as the program's, in every form that Python may want."""

import json
import struct
import subprocess

import numpy as np
import pytest

from conftest import GOLDEN, MINILM
from rag_factory.program import PROGRAM
from rag_factory.services.embeddings import ONNXLocalEmbedding, RagFactoryError

TEXTS = ["The cat sits on the mat.", "", "Zwölf Boxkämpfer", "a\0b", "\U0001f600 漢字", "word " * 400]


def golden_texts(n):
    data = (GOLDEN / "texts.bin").read_bytes()
    texts, at = [], 0
    for _ in range(n):
        (size,) = struct.unpack_from("<I", data, at)
        texts.append(data[at + 4:at + 4 + size].decode("utf-8", "replace"))
        at += 4 + size
    return texts


def test_vectors_are_those_of_sentence_transformers(embedder):
    ours = embedder.embed_documents_array(golden_texts(400))
    theirs = np.load(str(GOLDEN / "all-MiniLM-L6-v2.npy"))[:400].astype(np.float32)
    cosines = (ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
    assert cosines.min() >= 0.99999


def test_same_bits_as_the_program(embedder):
    out = subprocess.run([PROGRAM, "embed", "-q", "-m", str(MINILM), "--document", "--null", "--format", "f32"],
                         input="\0".join(t for t in TEXTS if "\0" not in t).encode() + b"\0",
                         stdout=subprocess.PIPE, check=True).stdout
    array = embedder.embed_documents_array([t for t in TEXTS if "\0" not in t])
    assert array.tobytes() == out


def test_every_form_has_the_same_numbers(embedder):
    array = embedder.embed_documents_array(TEXTS)
    lists = embedder.embed_documents(TEXTS)
    buffer = embedder.embed_documents_buffer(TEXTS)
    assert array.shape == (len(TEXTS), 384) and array.dtype == np.float32
    assert lists == array.tolist() == buffer.tolist()
    assert type(lists) is list and type(lists[0]) is list and type(lists[0][0]) is float
    assert np.asarray(buffer).tobytes() == array.tobytes()


def test_arrays_are_made_without_a_copy(embedder):
    array = embedder.embed_documents_array(["a", "b"])
    base = array
    while isinstance(base, np.ndarray):
        base = base.base
    assert isinstance(base, (bytearray, memoryview)) and array.flags.writeable
    buffer = embedder.embed_documents_buffer(["a", "b"])
    view = np.asarray(buffer)
    view[0, 0] = 5
    assert buffer[0, 0] == 5


def test_a_text_alone_and_among_others(embedder):
    together = embedder.embed_documents(TEXTS)
    assert [embedder.embed_documents([t])[0] for t in TEXTS] == together
    assert embedder.embed_documents(list(reversed(TEXTS))) == together[::-1]


@pytest.mark.parametrize("make", [list, tuple, iter, lambda t: (x for x in t), lambda t: np.array(t, dtype=object)])
def test_whatever_gives_texts(embedder, make):
    texts = ["one", "two"]
    assert embedder.embed_documents(make(texts)) == embedder.embed_documents(texts)


def test_no_texts(embedder):
    assert embedder.embed_documents([]) == []
    assert embedder.embed_documents(np.array([], dtype=object)) == []
    assert embedder.embed_documents_array([]).shape == (0, 384)
    assert len(embedder.embed_documents_buffer([])) == 0


def test_surrogates(embedder):
    assert embedder.embed_query("\ud83d\ude00 x") == embedder.embed_query("\U0001f600 x")
    assert embedder.embed_query("a \udead b") == embedder.embed_query("a \ufffd b")


@pytest.mark.parametrize("texts, message", [
    ("one text", r"texts is one str: give a list"),
    (b"bytes", r"texts is one bytes"),
    (["a", 3], r"texts\[1\] is a builtins\.int, not a str"),
    (["a", None], r"texts\[1\] is a builtins\.NoneType"),
    ([b"a"], r"texts\[0\] is a builtins\.bytes"),
    (7, "not iterable"),
])
def test_what_is_no_text(embedder, texts, message):
    for method in (embedder.embed_documents, embedder.embed_documents_array, embedder.embed_documents_buffer):
        with pytest.raises(TypeError, match=message):
            method(texts)


def test_a_query_is_a_str(embedder):
    with pytest.raises(TypeError, match="not a str"):
        embedder.embed_query(None)


def test_prompts_of_queries_and_documents():
    folder = GOLDEN / "bert-tiny-prompts"
    texts = json.loads((folder / "texts.json").read_text())["texts"]
    with ONNXLocalEmbedding(model_path=folder, precision="fp32") as provider:
        documents = provider.embed_documents_array(texts)
        queries = np.array([provider.embed_query(t) for t in texts], dtype=np.float32)
        assert provider.session.prompt("query") == "query: "
        assert provider.session.prompt("nothing") is None
    np.testing.assert_allclose(documents, np.load(str(folder / "expected_document.npy")), atol=2e-6)
    np.testing.assert_allclose(queries, np.load(str(folder / "expected_query.npy")), atol=2e-6)
    assert not np.allclose(documents, queries, atol=1e-3)


def test_options():
    def vector(**options):
        with ONNXLocalEmbedding(model_path=MINILM, **options) as provider:
            return np.array(provider.embed_query("hello " * 20))

    plain = vector()
    assert np.dot(plain, vector(precision="fp32")) > 0.99999
    assert np.dot(plain, vector(pooling="cls")) < 0.99
    assert abs(np.linalg.norm(plain) - 1) < 1e-5
    assert abs(np.linalg.norm(vector(normalize=False)) - 1) > 0.1
    assert np.dot(plain, vector(max_tokens=8)) < 0.999
    assert len(vector(dimensions=128)) == 128
    assert vector(threads=1).tobytes() == plain.tobytes()


def test_options_of_onnx_runtime():
    tuned = ONNXLocalEmbedding(model_path=MINILM, precision="fp32", intra_op_num_threads=2, inter_op_num_threads=1,
                               enable_cpu_mem_arena=False, providers=["CPUExecutionProvider"])
    assert len(tuned.embed_query("x")) == 384
    with pytest.raises(RagFactoryError, match="unknown session option 'nothing'"):
        ONNXLocalEmbedding(model_path=MINILM, nothing=1, fallback=None)
    with pytest.raises(ValueError, match="CUDAExecutionProvider"):
        ONNXLocalEmbedding(model_path=MINILM, providers=["CUDAExecutionProvider"], fallback=None)


@pytest.mark.parametrize("options, message", [
    ({"pooling": "middle"}, "pooling is 'middle' .one of: mean, cls, max, last"),
    ({"truncate": "up"}, "truncate is 'up' .one of: right, left, error"),
    ({"long_text": "all"}, "long_text is 'all' .one of: cut, mean"),
    ({"precision": "int3"}, "precision is 'int3' .one of: auto, fp32"),
    ({"threads": -1}, "threads is -1, not a whole number"),
    ({"max_tokens": 1 << 40}, "max_tokens is 1099511627776"),
    ({"dimensions": 1.5}, "dimensions is 1.5"),
    ({"dimensions": 385}, "385"),
])
def test_options_that_are_wrong(options, message):
    with pytest.raises(ValueError, match=message):
        ONNXLocalEmbedding(model_path=MINILM, fallback=None, **options)


def test_texts_over_the_limit(caplog):
    with ONNXLocalEmbedding(model_path=MINILM, max_tokens=8) as provider:
        with caplog.at_level("WARNING", "rag_factory"):
            provider.embed_documents(["word " * 50, "short"])
        assert "1 of 2 texts was longer than 8 tokens and was cut" in caplog.text
        assert provider.stats()["truncated"] == 1
    with ONNXLocalEmbedding(model_path=MINILM, max_tokens=8, truncate="error") as provider:
        with pytest.raises(RagFactoryError) as raised:
            provider.embed_documents(["short", "word " * 50])
        assert raised.value.status == "text too long" and "text 1" in str(raised.value)


def test_long_texts_in_windows():
    text = " ".join("number {}".format(i) for i in range(100))
    with ONNXLocalEmbedding(model_path=MINILM, max_tokens=32, long_text="mean") as provider:
        whole = provider.embed_query(text)
        assert provider.stats()["long_texts"] == 1 and provider.stats()["windows"] > 4
        assert provider.info["long_text"] == "mean"
    with ONNXLocalEmbedding(model_path=MINILM, max_tokens=32) as provider:
        assert provider.embed_query(text) != whole


def test_what_is_told(embedder, caplog):
    info = embedder.info
    assert info["dim"] == embedder.dimension == embedder.embedding_dim == 384
    assert info["modules"] == "Transformer, Pooling(mean), Normalize"
    assert info["max_tokens"] == 256 and info["normalize"] is True and info["pooling"] == "mean"
    assert info["n_parameters"] > 22000000 and info["similarity"] == "cosine"
    assert embedder.model_path.suffix == ".onnx" and embedder.model_path.is_file()
    assert embedder.model_name == str(MINILM)
    before = embedder.stats()
    embedder.warm_up()
    assert embedder.stats()["texts"] == before["texts"]
    embedder.embed_documents(["a", "b"])
    after = embedder.stats()
    assert after["texts"] == before["texts"] + 2 and after["calls"] == before["calls"] + 1
    embedder.trim()
    assert len(embedder.embed_query("still there")) == 384
    with caplog.at_level("DEBUG", "rag_factory"), ONNXLocalEmbedding(model_path=MINILM):
        pass
    names = {(r.name, r.levelname) for r in caplog.records}
    assert ("rag_factory.services.embeddings.onnx_local", "INFO") in names
    assert ("rag_factory.services.embeddings.onnx_local", "DEBUG") in names
