#!/usr/bin/env python3
"""The vectors that a program for another processor gives, beside those of sentence-transformers and of this machine's own build.

    vectors.py --program PROGRAM --emulator COMMAND --native PROGRAM --scratch DIR [--best neon] [--kernels neon,plain]

Takes golden texts of all lengths, from the shortest to those that the limit of 256 tokens cuts, and embeds them with all-MiniLM-L6-v2
in each precision, by two threads; each program makes the model's files itself, in a cache of its own, and they are compared, too. For
each kind of kernels (--best is the one that the program is to choose by itself) and precision: every text's cosine with
sentence-transformers' vector, at least 0.99999, int8 0.999 and 0.9997 on average; the bits of the native program (but of plain fp32,
which is left to ONNX Runtime: its difference is told); the same bits for the shorter half by one thread in the opposite order, and for
some texts alone. Last line: "N passed, N failed".
"""
import argparse
import json
import math
import os
import pathlib
import shlex
import struct
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
import bench_texts  # noqa: E402
from bench_vectors import cosine, rows  # noqa: E402

GOLDEN = ROOT / "tests/golden"
MODEL = pathlib.Path(os.environ.get("RF_MODELS_DIR", ROOT / ".deps/models")) / "all-MiniLM-L6-v2"
LOWEST = {"fp32": 0.99999, "int16": 0.99999, "int8": 0.999}
MEAN = {"fp32": 0.99999, "int16": 0.99999, "int8": 0.9997}
DIM, LIMIT = 384, 256
ALONE = 4  # texts

passed = failed = 0


def check(is_right, what):
    global passed, failed
    passed, failed = passed + is_right, failed + (not is_right)
    print("ok     " if is_right else "FAILED ", what, flush=True)


def golden(n):
    """n texts, their numbers of tokens and their vectors: every so many of all in the order of their lengths."""
    texts = bench_texts.read(bench_texts.GOLDEN)
    counts = struct.unpack_from(f"<{len(texts)}I", (GOLDEN / "minilm-ids.bin").read_bytes(), 8)
    halves = (GOLDEN / "all-MiniLM-L6-v2.npy").read_bytes()[-2 * DIM * len(texts):]
    usable = sorted((i for i, text in enumerate(texts) if b"\0" not in text), key=lambda i: counts[i])
    chosen = [usable[round(k * (len(usable) - 1) / (n - 1))] for k in range(n)]
    vectors = [struct.unpack_from(f"<{DIM}e", halves, 2 * DIM * i) for i in chosen]
    return [texts[i] for i in chosen], [min(counts[i], LIMIT) for i in chosen], vectors


class Program:
    def __init__(self, command, scratch):
        self.command, self.scratch = command, scratch
        scratch.mkdir(parents=True, exist_ok=True)

    def run(self, *arguments, kernels=None):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("RF_CPU", "RAG_FACTORY_"))}
        if kernels:
            environment["RF_CPU"] = kernels
        command = [*self.command, *arguments, "-m", str(MODEL), "--offline", "--cache-dir", str(self.scratch / "cache")]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment).stdout

    def embed(self, texts, precision, threads, kernels=None):
        (self.scratch / "texts").write_bytes(b"".join(t + b"\0" for t in texts))
        out = self.run("embed", "-q", "-i", str(self.scratch / "texts"), "--null", "--format", "f32", "--precision", precision, "--threads",
                       str(threads), kernels=kernels)
        return rows(out, len(texts))

    def made(self):
        """The files made of the model, by name."""
        return {path.name: path.read_bytes() for path in sorted((self.scratch / "cache/.rag_factory/onnx").glob("*/*.onnx*"))}


def differences(a, b):
    """How many vectors differ in a bit, and the largest difference of a number."""
    return sum(x.tobytes() != y.tobytes() for x, y in zip(a, b)), max(abs(p - q) for x, y in zip(a, b) for p, q in zip(x, y))


def same(a, b, what):
    n, largest = differences(a, b)
    check(len(a) == len(b) and n == 0, f"{what}: {n} of {len(a)} vectors differ" + (f", by {largest:.3g} at most" if n else ""))


def check_kernels(program, precision, asked, expected):
    found = json.loads(program.run("models", "info", "--format", "json", "--precision", precision, kernels=asked))["kernels"]
    check(found == expected, f"{asked or 'chosen for'} {precision}: computed by {found}, expected {expected}")


def compare(program, native, kernels, precision, texts, counts, expected):
    name = f"{kernels} {precision}"
    is_ours = (kernels, precision) != ("plain", "fp32")
    check_kernels(program, precision, kernels, kernels if is_ours else "ONNX Runtime")
    begin = time.monotonic()
    vectors = program.embed(texts, precision, 2, kernels)
    seconds = time.monotonic() - begin
    like = sorted(map(cosine, expected, vectors))
    mean = math.fsum(like) / len(like)
    check(like[0] >= LOWEST[precision] and mean >= MEAN[precision],
          f"{name}: {len(like)} texts, {sum(counts)} tokens, in {seconds:.0f} s: cosine with sentence-transformers {like[0]:.8f} at least, {mean:.8f} on average")
    if is_ours:
        same(vectors, native, f"{name}, this machine's build")
    else:
        print(f"        {name}, this machine's build: {differences(vectors, native)[1]:.3g} is the largest difference")
    half = len(texts) // 2
    same(vectors[:half], program.embed(texts[half - 1::-1], precision, 1, kernels)[::-1], f"{name}, in the opposite order, one thread")
    some = [round(k * (len(texts) - 1) / (ALONE - 1)) for k in range(ALONE)]
    same([vectors[i] for i in some], [program.embed([texts[i]], precision, 1, kernels)[0] for i in some], f"{name}, alone")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--program", required=True)
    p.add_argument("--emulator", default="", help="the command in front of it")
    p.add_argument("--native", required=True)
    p.add_argument("--scratch", type=pathlib.Path, required=True)
    p.add_argument("--texts", type=int, default=40)
    p.add_argument("--best", default="neon")
    p.add_argument("--kernels", default="neon")
    p.add_argument("--precisions", default="fp32,int16,int8")
    args = p.parse_args()
    other = Program([*shlex.split(args.emulator), args.program], args.scratch / "other")
    native = Program([args.native], args.scratch / "native")
    texts, counts, expected = golden(max(args.texts, ALONE))
    precisions = args.precisions.split(",")
    check_kernels(other, precisions[0], None, args.best)
    for precision in precisions:
        bits = native.embed(texts, precision, 2)
        for kernels in args.kernels.split(","):
            compare(other, bits, kernels, precision, texts, counts, expected)
    ours, made = native.made(), other.made()
    both = sorted(made.keys() & ours.keys())
    differ = [name for name in both if made[name] != ours[name]]
    check(bool(both) and not differ, f"{len(both)} files made of the model, not as on this machine: {', '.join(differ) or 'none'}")
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
