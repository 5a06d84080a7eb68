#!/usr/bin/env python3
"""What our kernels make of every architecture at a real size, beside ONNX Runtime with the same weights and torch: docs/performance.md,
"Architectures".

    tools/oracle/kernel_sizes.py WORKER TOKENIZER_DIRECTORY [--rounds 3] [--threads 2] [NAME…] > table.md

WORKER is build/release/bench/embed_texts. Models are those of convert_sizes.py, random weights in the layers and widths of models that people
use, spread as transformers spreads those of a new model (0.02). First the vectors of all texts by each precision are compared with torch's (mean of the hidden states, scaled to length
1); then 60 queries of 12 words and 20 passages of 400 bytes, cut out of English manual pages (tests/oracle/run brings them), are
embedded round by round in an order that changes. Times are of the wall clock, as multiples of what ONNX Runtime takes for them with the graph that
is made of the weights (`--precision file`): the median of the rounds.
"""
import argparse
import pathlib
import random
import shutil
import statistics
import sys
import tempfile

import numpy as np
import torch
from tokenizers import Tokenizer

import convert_sizes

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import bench_texts  # noqa: E402
from worker import Worker  # noqa: E402

PRECISIONS = ("file", "fp32", "int16", "int8")
SPREAD = 0.02


def texts():
    pages = bench_texts.english(200_000)
    return [" ".join(page.split()[1:13]) for page in pages[:60]], [" ".join(page[:400].split()) for page in pages[60:80]]


def start(args, model, precision, files, home):
    """A process of ours with the model open in a precision; None where it is not to be had in it."""
    worker = Worker([args.worker, model, args.threads, precision, *files], env={"HF_HUB_CACHE": str(home / "cache")})
    try:
        worker.answer()
    except SystemExit:
        return None
    return worker


def vectors(worker, n_sets, out):
    found = []
    for i in range(n_sets):
        width = int(worker.ask("vectors", i, out))
        found.append(np.fromfile(out, "<f4").reshape(-1, width))
    return np.concatenate(found).astype(np.float64)


def expected(encoder, tokenizer, sets):
    reader = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    reader.no_padding()
    reader.no_truncation()
    with torch.no_grad():
        states = [convert_sizes.states_of(encoder, reader.encode(text).ids).mean(0) for texts in sets for text in texts]
    return np.stack(states).astype(np.float64)


def cosines(a, b):
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def measure(args, name):
    folder, sets = pathlib.Path(tempfile.mkdtemp()), texts()
    model = folder / "model"
    model.mkdir()
    _, encoder = convert_sizes.make_network(*convert_sizes.EVERY[name], model, list(convert_sizes.EVERY).index(name), SPREAD)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(args.tokenizer / file, model / file)
    files = [folder / "queries", folder / "passages"]
    for file, some in zip(files, sets):
        bench_texts.write(file, some)
    truth, size = expected(encoder, args.tokenizer, sets), convert_sizes.count(encoder)
    del encoder
    workers = {p: start(args, model, p, files, folder) for p in PRECISIONS}
    workers = {p: worker for p, worker in workers.items() if worker is not None}
    lowest = {p: cosines(truth, vectors(w, len(files), folder / "vectors")).min() for p, w in workers.items()}
    seconds = {(p, i): [] for p in workers for i in range(len(files))}
    for _ in range(args.rounds):
        for p in random.sample(list(workers), len(workers)):
            for i in range(len(files)):
                seconds[p, i].append(float(workers[p].ask("embed", i)))
    for p in PRECISIONS[1:]:
        if p in workers:
            times = [statistics.median(a / b for a, b in zip(seconds["file", i], seconds[p, i])) for i in range(len(files))]
            print(f"| {name} | {size} | {p} | {lowest[p]:.7f} | " + " | ".join(f"{t:.2f}" for t in times) + " |", flush=True)
        else:
            print(f"| {name} | {size} | {p} | not for the kernels | | |", flush=True)
    for worker in workers.values():
        worker.end()
    shutil.rmtree(folder)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("worker", type=pathlib.Path)
    p.add_argument("tokenizer", type=pathlib.Path)
    p.add_argument("names", nargs="*", metavar="NAME")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--threads", type=int, default=2)
    args = p.parse_intermixed_args()
    print("| model_type | parameters | precision | lowest cosine with torch | queries, times as fast as ONNX Runtime | passages |\n"
          "|---|---|---|---|---|---|", flush=True)
    for name in args.names or convert_sizes.MODELS:
        measure(args, name)


if __name__ == "__main__":
    main()
