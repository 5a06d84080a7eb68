"""Threads, forks, other processes, signals, and coroutines."""

import asyncio
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import pytest

from conftest import MINILM
from rag_factory.services.embeddings import ONNXLocalEmbedding, RagFactoryError

TEXTS = ["text number {} of many".format(i) for i in range(64)]
LONG = ["{} ".format(i) + "a long text " * 60 for i in range(120)]  # different ones: the same is computed once


def in_child(work, seconds=60):
    """Runs work() in a fork; its exit code, or None where it hung."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if work() else 2
        finally:
            os._exit(code)
    deadline = time.time() + seconds
    while time.time() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def test_threads(embedder):
    expected = embedder.embed_documents(TEXTS)
    results = [None] * 8

    def work(i):
        results[i] = [embedder.embed_documents(TEXTS[i:]) for _ in range(3)]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(results))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(r == [expected[i:]] * 3 for i, r in enumerate(results))


def test_the_gil_is_released(embedder):
    turns, over = [0], threading.Event()

    def turn():
        while not over.is_set():
            turns[0] += 1
            time.sleep(0.001)

    thread = threading.Thread(target=turn)
    thread.start()
    time.sleep(0.02)
    before = turns[0]
    embedder.session.embed(LONG, "document")
    during = turns[0] - before
    over.set()
    thread.join()
    assert during > 5


def test_progress(embedder):
    seen = []
    embedder.embed_documents(TEXTS, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (64, 64) and [s[0] for s in seen] == sorted(s[0] for s in seen)


def test_progress_cancels(embedder):
    with pytest.raises(RagFactoryError) as raised:
        embedder.embed_documents(LONG, progress=lambda done, total: False)
    assert raised.value.status == "cancelled"


def test_an_exception_of_progress_comes_out(embedder):
    def fail(done, total):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        embedder.embed_documents(LONG, progress=fail)
    assert len(embedder.embed_query("still there")) == 384


def test_control_c():
    code = ("import sys; from rag_factory.services.embeddings import ONNXLocalEmbedding as E\n"
            "e = E(model_path=sys.argv[1]); print('ready', flush=True)\n"
            "e.embed_documents([f'{i} ' + 'a long text ' * 60 for i in range(20000)])")
    process = subprocess.Popen([sys.executable, "-c", code, str(MINILM)], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, universal_newlines=True,
                               # a job in the background ignores it, and so would its child
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    try:
        assert process.stdout.readline() == "ready\n"
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert "KeyboardInterrupt" in errors and process.returncode != 0


def test_close():
    with ONNXLocalEmbedding(model_path=MINILM) as provider:
        provider.embed_query("x")
    provider.close()
    assert provider.session.closed
    for call in (lambda: provider.embed_query("x"), lambda: provider.dimension, lambda: provider.info,
                 lambda: provider.stats(), lambda: provider.trim(), lambda: provider.warm_up()):
        with pytest.raises(RagFactoryError, match="the model is closed"):
            call()


def test_close_while_another_thread_embeds():
    provider = ONNXLocalEmbedding(model_path=MINILM)
    results = []
    thread = threading.Thread(target=lambda: results.append(provider.embed_documents(LONG)))
    thread.start()
    while not provider.session.busy:
        time.sleep(0.001)
    with pytest.raises(RuntimeError, match="another thread embeds"):
        provider.trim()
    provider.close()
    thread.join()
    assert len(results[0]) == len(LONG) and provider.session.closed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
class TestFork:
    def test_the_child_shares_the_model(self, embedder):
        expected = embedder.embed_documents(TEXTS)
        assert in_child(lambda: embedder.embed_documents(TEXTS) == expected) == 0
        assert embedder.embed_documents(TEXTS) == expected

    def test_while_another_thread_embeds(self, embedder):
        expected = embedder.embed_documents(TEXTS)
        thread = threading.Thread(target=lambda: embedder.embed_documents(LONG))
        thread.start()
        while not embedder.session.busy:
            time.sleep(0.001)
        codes = [in_child(lambda: embedder.embed_documents(TEXTS) == expected) for _ in range(3)]
        thread.join()
        assert codes == [0] * 3

    def test_with_threads_of_onnx_runtime(self):
        provider = ONNXLocalEmbedding(model_path=MINILM, precision="fp32", intra_op_num_threads=2)
        expected = provider.embed_documents(TEXTS)
        assert in_child(lambda: provider.embed_documents(TEXTS) == expected) == 0
        assert in_child(lambda: provider.dimension == 384) == 0
        assert provider.embed_documents(TEXTS) == expected


def test_pickle(embedder):
    copy = pickle.loads(pickle.dumps(embedder))
    assert copy.embed_query("hello") == embedder.embed_query("hello")
    assert copy.model_name == embedder.model_name


@pytest.mark.parametrize("method", [m for m in ("spawn", "forkserver", "fork") if m in multiprocessing.get_all_start_methods()])
def test_pools(embedder, method):
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(embedder.embed_query, TEXTS[:6]) == [embedder.embed_query(t) for t in TEXTS[:6]]


def test_coroutines(embedder):
    async def work():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                await asyncio.sleep(0.001)
                ticks += 1

        ticker = asyncio.ensure_future(tick())
        documents, query, array, _ = await asyncio.gather(
            embedder.aembed_documents(TEXTS), embedder.aembed_query("hello"), embedder.aembed_documents_array(TEXTS),
            embedder.aembed_documents(LONG))
        ticker.cancel()
        return documents, query, array, ticks

    documents, query, array, ticks = asyncio.run(work())
    assert documents == array.tolist() == embedder.embed_documents(TEXTS)
    assert query == embedder.embed_query("hello")
    assert ticks > 5


def test_memory_stays_flat(embedder):
    def grown(n):
        before = embedder.stats()["memory_now"]
        for i in range(n):
            embedder.embed_documents(["short {}".format(i)] * 4)
            embedder.embed_documents_buffer(["short"])
            try:
                embedder.embed_documents(["a", None])
            except TypeError:
                pass
        return embedder.stats()["memory_now"] - before

    # what is first touched comes once, a leak in each round
    assert min(grown(200) for _ in range(4)) < 1 << 20
