"""Conversion without torch: the functions, the console scripts, and the story's scripts."""

import logging
import os
import shutil
import subprocess
import sys

import pytest

from conftest import GOLDEN, MINILM, ROOT
from rag_factory.services.embeddings import ONNXLocalEmbedding, RagFactoryError
from rag_factory.services.utils import model_converter

TINY = GOLDEN / "bert-tiny-mean-gelu"


def script(name):
    return shutil.which(name, path=os.path.dirname(sys.executable))


@pytest.fixture(scope="module")
def converted(tmp_path_factory, surroundings):
    return model_converter.convert_to_onnx(
        "sentence-transformers/all-MiniLM-L6-v2", tmp_path_factory.mktemp("converted"), validate=False)


def test_a_name_on_the_hub(converted, embedder):
    assert converted.name == "sentence-transformers_all-MiniLM-L6-v2"
    with ONNXLocalEmbedding(model_path=converted, fallback=None) as provider:
        assert str(provider.model_path).startswith(str(converted))
        ours, theirs = provider.embed_query("hello"), embedder.embed_query("hello")
    assert model_converter.cosine_similarity(ours, theirs) > 0.99999


def test_validation(converted, caplog):
    with caplog.at_level(logging.INFO, "rag_factory"):
        assert model_converter.validate_conversion(MINILM, converted) is True
        assert "Validation passed" in caplog.text
        assert model_converter.validate_conversion(MINILM.parent / "bge-small-en-v1.5-onnx", converted) is False
        assert "Validation failed" in caplog.text


def test_a_report(tmp_path):
    seen = []
    folder = model_converter.convert_to_onnx(TINY, tmp_path, name="tiny", progress=lambda *p: seen.append(p))
    assert folder == tmp_path / "tiny" and seen
    report = model_converter.validate_onnx_model(folder, TINY, ["one", "two", ""])
    assert report["passed"] is True and len(report["cosines"]) == 3 and report["min"] > 0.99999
    assert all(check["passed"] for check in report["checks"])
    alone = model_converter.validate_onnx_model(folder)
    assert alone["passed"] is True and alone["cosines"] == [] and alone["checks"]
    other = model_converter.validate_onnx_model(folder, MINILM)
    assert other["passed"] is False
    assert ["384" in c["detail"] for c in other["checks"] if c["name"] == "dimension" and not c["passed"]] == [True]


def test_portable(tmp_path):
    folder = model_converter.convert_to_onnx(TINY, tmp_path, optimize=False)
    assert model_converter.validate_onnx_model(folder, TINY)["min"] > 0.99999


@pytest.mark.parametrize("quantize", [True, "int8-dynamic", "int4", "fp16"])
def test_quantized(tmp_path, quantize):
    """In the place where the story has it, and as the program does."""
    whole = model_converter.convert_to_onnx(TINY, tmp_path / "fp32", validate=False)
    folder = model_converter.convert_to_onnx(TINY, tmp_path / "out", quantize, threshold=0.9)
    subprocess.run([script("rag-factory"), "convert", "--model-name", str(TINY), "--output-dir", str(tmp_path / "program"),
                    "--quantize=" + ("int8" if quantize is True else quantize), "--no-validate"], check=True,
                   stdout=subprocess.PIPE)
    (theirs,) = (tmp_path / "program").glob("*/**/*.onnx")
    (ours,) = folder.glob("**/*.onnx")
    (fp32,) = whole.glob("**/*.onnx")
    assert ours.read_bytes() == theirs.read_bytes()
    assert ours.read_bytes() != fp32.read_bytes()
    assert model_converter.validate_onnx_model(folder, TINY, threshold=0.9)["passed"] is True


def test_quantized_wrongly(tmp_path):
    with pytest.raises(ValueError, match="int3"):
        model_converter.convert_to_onnx(TINY, tmp_path, "int3")
    with pytest.raises(ValueError):
        model_converter.convert_to_onnx(TINY, tmp_path, True, optimize=False)
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_pass_is_not_written(tmp_path):
    with pytest.raises(RagFactoryError, match="does not pass, nothing was written: similarity"):
        model_converter.convert_to_onnx(TINY, tmp_path, precision="int16", threshold=1.0)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_converted(tmp_path):
    with pytest.raises(ValueError, match="Could not download ONNX model 'no/such'"):
        model_converter.convert_to_onnx("no/such", tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty"):
        model_converter.convert_to_onnx(tmp_path / "empty", tmp_path / "out")


@pytest.mark.parametrize("command", [
    [script("convert_model_to_onnx")], [sys.executable, str(ROOT / "scripts/convert_model_to_onnx.py")]])
def test_scripts(tmp_path, command):
    subprocess.run(command + ["--model-name", str(TINY), "--output-dir", str(tmp_path / "out"), "--optimize"],
                   check=True, cwd=str(tmp_path))
    (folder,) = (tmp_path / "out").iterdir()
    for validate in ([script("validate_onnx_model")], [sys.executable, str(ROOT / "scripts/validate_onnx_model.py")]):
        out = subprocess.run(validate + ["-m", str(folder), "--against", str(TINY)], check=True,
                             stdout=subprocess.PIPE, universal_newlines=True).stdout
        assert "1.0000" in out, out
