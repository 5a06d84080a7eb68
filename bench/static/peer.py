"""A peer's worker of bench/static/run: peer.py sentence-transformers|model2vec MODEL TEXTS THREADS; answers as embed_texts does."""
import pathlib
import sys
import time

import numpy as np
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import bench_texts  # noqa: E402


def main(name, model, texts, threads):
    torch.set_num_threads(int(threads))
    texts = [text.decode() for text in bench_texts.read(texts)]
    if name == "model2vec":
        from model2vec import StaticModel
        static = StaticModel.from_pretrained(model)
        embed = lambda: static.encode(texts, batch_size=1024, use_multiprocessing=False)
    else:
        from sentence_transformers import SentenceTransformer
        transformer = SentenceTransformer(model, device="cpu")
        embed = lambda: transformer.encode(texts, batch_size=1024, show_progress_bar=False, convert_to_numpy=True)
    for line in sys.stdin:
        start = time.perf_counter()
        vectors = embed()
        took = time.perf_counter() - start
        if line.startswith("vectors "):
            np.ascontiguousarray(vectors, np.float32).tofile(line[8:].rstrip("\n"))
            print(vectors.shape[1], flush=True)
        else:
            print(f"{took:.6f}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
