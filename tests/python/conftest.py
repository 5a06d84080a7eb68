"""What every test has: a hub on this machine with the default model, a home of its own, and the models."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = pathlib.Path(os.environ.get("RF_MODELS_DIR", str(ROOT / ".deps/models"))).resolve()
MINILM = MODELS / "all-MiniLM-L6-v2"
GOLDEN = ROOT / "tests/golden"


def start_hub(folder):
    repository = folder / "hub/sentence-transformers"
    repository.mkdir(parents=True)
    (repository / "all-MiniLM-L6-v2").symlink_to(MINILM)
    for name in ("all-mpnet-base-v2", "bge-small-en-v1.5"):  # named in the story; another model stands for them
        organisation = repository.parent / ("BAAI" if name.startswith("bge") else "sentence-transformers")
        organisation.mkdir(exist_ok=True)
        (organisation / name).symlink_to(MINILM)
    hub = subprocess.Popen(
        [sys.executable, str(ROOT / "tests/hub/fake_hub.py"), str(folder / "hub"), "--until-eof"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True)
    for line in hub.stdout:
        if line.startswith("HF_ENDPOINT="):
            return hub, line.strip().split("=", 1)[1]
    raise RuntimeError("the local hub did not start")


def start_server():
    """A server with OpenAI's API and Cohere's, and the environment that leads to it."""
    server = subprocess.Popen([sys.executable, str(ROOT / "tests/remote/fake_server.py")],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True)
    return server, dict(server.stdout.readline().strip().split("=", 1) for _ in range(4))


@pytest.fixture(scope="session", autouse=True)
def surroundings(tmp_path_factory):
    """Environment variables for this process and those that it starts."""
    folder = tmp_path_factory.mktemp("surroundings")
    kept = dict(os.environ)
    for name in list(os.environ):
        if name.startswith(("HF_", "RAG_FACTORY_", "XDG_")):
            del os.environ[name]
    hub, endpoint = start_hub(folder)
    server, variables = start_server()
    os.environ.update(variables, HF_ENDPOINT=endpoint, HOME=str(folder / "home"), NO_COLOR="1")
    yield folder
    for process in (hub, server):
        process.stdin.close()
        process.wait()
    os.environ.clear()
    os.environ.update(kept)
    shutil.rmtree(str(folder), ignore_errors=True)


@pytest.fixture
def no_hub(monkeypatch, tmp_path):
    """A machine without network and with an empty cache."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture(scope="session")
def embedder(surroundings):
    from rag_factory.services.embeddings import ONNXLocalEmbedding

    with ONNXLocalEmbedding(model_path=MINILM) as provider:
        yield provider
