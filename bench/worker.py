"""What the workers in Python share: the protocol of bench/embed_texts.c, spoken for any function from texts to vectors."""
import sys
import time

import numpy as np

import bench_texts


def serve(open_model, files):
    """open_model() gives embed(texts, batch); files are those of bench_texts. A batch of 0 leaves it to the peer."""
    sets = [[text.decode() for text in bench_texts.read(path)] for path in files]
    start = time.perf_counter()
    embed = open_model()
    embed(sets[0][:1], 1)
    print(f"{time.perf_counter() - start:.6f}", flush=True)
    for line in sys.stdin:
        what, number, *rest = line.rstrip("\n").split(" ", 2)
        texts = sets[int(number)]
        if what == "latency":
            print(" ".join(f"{took(embed, [texts[i % len(texts)]], 1):.7f}" for i in range(int(rest[0]))), flush=True)
        elif what == "embed":
            print(f"{took(embed, texts, int(rest[0]) if rest else 0):.6f}", flush=True)
        elif what == "vectors":
            vectors = np.ascontiguousarray(embed(texts, 0), np.float32)
            vectors.tofile(rest[0])
            print(vectors.shape[1], flush=True)


def took(embed, texts, batch):
    start = time.perf_counter()
    embed(texts, batch)
    return time.perf_counter() - start
