"""What is installed: no dependencies, no torch, the program, types, and how quick it is."""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time
from importlib import metadata

import pytest

import rag_factory
from conftest import GOLDEN, MINILM, ROOT
from rag_factory.program import PROGRAM
from rag_factory.services.embeddings import ONNXLocalEmbedding

PACKAGE = pathlib.Path(rag_factory.__file__).parent

FIRST_VECTOR = """
import sys, time
start = time.perf_counter()
from rag_factory.services.embeddings import ONNXLocalEmbedding
vector = ONNXLocalEmbedding(model_path=sys.argv[1]).embed_query("hello")
print(time.perf_counter() - start, len(vector))
"""

NO_TORCH = """
import sys

class Refuse:
    names = ("torch", "transformers", "sentence_transformers", "onnxruntime", "huggingface_hub", "numpy")
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.names:
            raise AssertionError("import of " + name)

sys.meta_path.insert(0, Refuse())
""" + FIRST_VECTOR + """
import rag_factory.services.utils.model_converter, rag_factory.services.utils.onnx_utils
outside = [n for n, m in sys.modules.items() if "site-packages" in (getattr(m, "__file__", None) or "")
           and n.split(".")[0] not in ("rag_factory", "_distutils_hack", "_virtualenv", "sitecustomize")]
print("outside:", outside)
"""


def python(code, *arguments):
    return subprocess.run([sys.executable, "-c", code] + [str(a) for a in arguments], stdout=subprocess.PIPE,
                          check=True, universal_newlines=True).stdout


def test_version():
    header = (ROOT / "include/rag_factory.h").read_text()
    assert '#define RF_VERSION       "{}"'.format(rag_factory.__version__) in header
    assert metadata.version("rag_factory") == rag_factory.__version__


def test_it_depends_on_nothing():
    requires = metadata.requires("rag_factory") or []
    assert [r for r in requires if "extra ==" not in r] == []


def test_nothing_else_is_imported(embedder):
    assert "outside: []" in python(NO_TORCH, MINILM)


def test_the_hook_would_notice():
    with pytest.raises(subprocess.CalledProcessError):
        python(NO_TORCH.replace("start = time", "import torch; start = time"), MINILM)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads ldd")
def test_nothing_like_torch_is_linked():
    for file in [PROGRAM] + list(PACKAGE.glob("*.so")) + list(PACKAGE.glob("lib/*.so*")):
        linked = subprocess.run(["ldd", str(file)], stdout=subprocess.PIPE, universal_newlines=True).stdout
        assert "not found" not in linked
        assert not any(word in linked for word in ("libtorch", "libc10", "libcuda", "libpython"))


def test_the_program():
    script = shutil.which("rag-factory", path=os.path.dirname(sys.executable))
    assert script
    for command in ([script], [sys.executable, "-m", "rag_factory"]):
        assert rag_factory.__version__ in subprocess.run(
            command + ["--version"], stdout=subprocess.PIPE, check=True, universal_newlines=True).stdout
    assert subprocess.run([script, "no-such-command"], stderr=subprocess.DEVNULL).returncode == 2


def test_size():
    size = sum(f.stat().st_size for f in PACKAGE.rglob("*") if f.is_file())
    print("installed: {:.1f} MB".format(size / 1e6))
    assert size < 60e6


def test_import_and_first_vector(embedder):
    seconds = min(float(python(FIRST_VECTOR, MINILM).split()[0]) for _ in range(10))  # of a machine that others use too
    print("import and first vector: {:.3f} s".format(seconds))
    assert seconds < 0.5


def test_overhead_of_a_call():
    """Wall time of a call less what the library says that it spent."""
    with ONNXLocalEmbedding(model_path=GOLDEN / "modules-static") as provider:
        for call in (lambda: provider.embed_query("hello world"), lambda: provider.embed_documents(["hello world"])):
            times = []
            for _ in range(300):
                before = provider.stats()
                start = time.perf_counter()
                call()
                wall = time.perf_counter() - start
                after = provider.stats()
                inside = sum(after[k] - before[k] for k in ("tokenize_ns", "compute_ns"))
                times.append(wall - inside / 1e9)
            overhead = statistics.median(times)
            print("overhead: {:.1f} µs".format(overhead * 1e6))
            assert overhead < 50e-6


@pytest.mark.skipif(sys.version_info < (3, 10), reason="mypy checks it once")
class TestTypes:
    def mypy(self, *arguments):
        return subprocess.run([sys.executable, "-m", "mypy", "--strict", "--no-incremental"] + list(arguments),
                              stdout=subprocess.PIPE, universal_newlines=True, cwd=str(ROOT))

    def test_the_package(self):
        run = self.mypy("bindings/python/rag_factory")
        assert run.returncode == 0, run.stdout

    def test_a_user(self, tmp_path):
        user = tmp_path / "user.py"
        user.write_text(
            "from typing import List\n"
            "from rag_factory.services.embeddings import EmbeddingProvider, ONNXLocalEmbedding\n"
            "provider: EmbeddingProvider = ONNXLocalEmbedding()\n"
            "vectors: List[List[float]] = provider.embed_documents(['a'])\n"
            "wrong: int = provider.embed_query('a')\n")
        run = self.mypy(str(user))
        assert "Found 1 error" in run.stdout and "user.py:5" in run.stdout, run.stdout


@pytest.mark.skipif(sys.version_info < (3, 10), reason="checked once")
def test_python_3_8_is_enough():
    files = [str(f) for f in (ROOT / "bindings/python/rag_factory").rglob("*.py")]
    run = subprocess.run([os.path.join(os.path.dirname(sys.executable), "vermin"), "-t=3.8-", "--no-tips", "--violations"] + files,
                         stdout=subprocess.PIPE, universal_newlines=True)
    assert run.returncode == 0, run.stdout
