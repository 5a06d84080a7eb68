"""The story's guide (guide.md, unchanged): its snippets, with a real path where it says /path/to, and its benchmark."""

import pathlib
import re
import subprocess
import sys

import pytest

from conftest import MODELS, ROOT

HERE = pathlib.Path(__file__).parent
GUIDE = (HERE / "guide.md").read_text()
SNIPPETS = re.findall(r"^```python\n(.*?)^```", GUIDE, re.M | re.S)
MODEL = str(MODELS / "all-MiniLM-L6-v2-onnx/model.onnx")
IMPORT = "from rag_factory.services.embeddings import ONNXLocalEmbedding\n"


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_snippet(number):
    scope = {}
    exec(IMPORT + SNIPPETS[number].replace("/path/to/model.onnx", MODEL), scope)
    assert len(scope["embedder"].embed_query("x")) == 384
    assert scope["embedder"].replaces == ""


def test_models_of_the_guide():
    names = re.findall(r"^- `([^`]+)`", GUIDE, re.M)
    assert len(names) == 3
    from rag_factory.services.embeddings import ONNXLocalEmbedding

    for name in names:
        with ONNXLocalEmbedding(model_name=name, fallback=None) as embedder:
            assert embedder.model_name == name


def test_command(tmp_path):
    (command,) = re.findall(r"^```bash\n(.*?)^```", GUIDE, re.M | re.S)
    command = command.replace("\\\\\n", "\\\n")  # Markdown inside Python inside Markdown doubled the backslashes
    command = command.replace("your-model-name", "sentence-transformers/all-MiniLM-L6-v2")
    command = command.replace("python scripts/", "{} {}/scripts/".format(sys.executable, ROOT))
    subprocess.run(["bash", "-euc", command], check=True, cwd=str(tmp_path))
    assert (tmp_path / "onnx_models/sentence-transformers_all-MiniLM-L6-v2/model.onnx").is_file()


def test_benchmark():
    out = subprocess.run([sys.executable, str(HERE / "performance/benchmark_onnx_embeddings.py")],
                         stdout=subprocess.PIPE, check=True, universal_newlines=True).stdout
    print(out)
    assert "Batch 32:" in out and out.count("p95") == 3
