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
import subprocess
import sys
import tempfile

import numpy as np
import torch
from tokenizers import Tokenizer

import convert_sizes

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import bench_texts  # noqa: E402

PRECISIONS = ("file", "fp32", "int16", "int8")
SPREAD = 0.02


def texts():
    pages = bench_texts.english(200_000)
    return [" ".join(page.split()[1:13]) for page in pages[:60]], [" ".join(page[:400].split()) for page in pages[60:80]]


class Worker:
    """One process of ours with one precision open."""
    def __init__(self, worker, model, threads, precision, files, home):
        self.process = subprocess.Popen([worker, model, str(threads), precision, *files], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env={"HF_HOME": str(home)})
        self.is_open = self.process.stdout.readline() != ""

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def vectors(self, n_sets, out):
        found = []
        for i in range(n_sets):
            width = int(self.ask(f"vectors {i} {out}"))
            found.append(np.fromfile(out, "<f4").reshape(-1, width))
        return np.concatenate(found).astype(np.float64)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


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
    workers = {p: Worker(args.worker, model, args.threads, p, files, folder) for p in PRECISIONS}
    lowest = {p: cosines(truth, w.vectors(len(files), folder / "vectors")).min() for p, w in workers.items() if w.is_open}
    seconds = {(p, i): [] for p in workers for i in range(len(files))}
    for _ in range(args.rounds):
        for p in random.sample(PRECISIONS, len(PRECISIONS)):
            for i in range(len(files)):
                if workers[p].is_open:
                    seconds[p, i].append(float(workers[p].ask(f"embed {i}")))
    for p in PRECISIONS[1:]:
        if p in lowest:
            times = [statistics.median(a / b for a, b in zip(seconds["file", i], seconds[p, i])) for i in range(len(files))]
            print(f"| {name} | {size} | {p} | {lowest[p]:.7f} | " + " | ".join(f"{t:.2f}" for t in times) + " |", flush=True)
        else:
            print(f"| {name} | {size} | {p} | {workers[p].process.stderr.read().strip().rsplit(': ', 1)[-1]} | | |", flush=True)
    for worker in workers.values():
        worker.close()
    shutil.rmtree(folder)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("worker", type=pathlib.Path)
    p.add_argument("tokenizer", type=pathlib.Path)
    p.add_argument("names", nargs="*", metavar="NAME")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--threads", type=int, default=2)
    args = p.parse_args()
    print("| model_type | parameters | precision | lowest cosine with torch | queries, times as fast as ONNX Runtime | passages |\n"
          "|---|---|---|---|---|---|", flush=True)
    for name in args.names or convert_sizes.MODELS:
        measure(args, name)


if __name__ == "__main__":
    main()
