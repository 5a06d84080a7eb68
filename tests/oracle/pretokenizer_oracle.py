#!/usr/bin/env python3
"""Compares our pre-tokenizers with `tokenizers`: pieces and byte offsets.

    pretokenizer_oracle.py --program PRETOKENIZE_CASES [--random N] [--chains N] [--only WORD] [--code-points all|some|none]

Needs `tokenizers`. The kinds are those of tools/oracle/pretokenizers.py. Texts: every code point alone and between letters,
digits and spaces; random ones. Then --chains of kinds at random, random texts alone. Ends with the number of differences; exit 1 when there is one.
"""
import argparse
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/oracle"))
import pretokenizers as reference  # noqa: E402

SHOWN = 3  # differences printed for one kind


def code_points(which):
    for c in range(0x110000 if which != "none" else 0):
        if 0xD800 <= c < 0xE000 or (which == "some" and c >= 0x3400 and c % 61 and not 0xA600 <= c < 0xAC00):
            continue
        yield chr(c)
        yield f"a{chr(c)}b {chr(c)}1{chr(c)}\n{chr(c)}'{chr(c)}s{chr(c)}{chr(c)}-"


def answer_of(stream):
    def u32():
        return struct.unpack("<I", stream.read(4))[0]
    n = u32()
    if n == 0xFFFFFFFF:
        return None
    pieces = []
    for _ in range(n):
        begin, end, length = struct.unpack("<III", stream.read(12))
        pieces.append((stream.read(length).decode(), begin, end))
    return pieces


def compare(program, folder, name, kind, texts):
    path = folder / "tokenizer.json"
    pre_tokenizer = reference.tokenizer_of(kind).pre_tokenizer
    path.write_text(reference.json.dumps({"pre_tokenizer": kind}))
    run = subprocess.Popen([program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1 << 20)

    def feed():
        for text in texts:
            raw = text.encode()
            run.stdin.write(struct.pack("<I", len(raw)) + raw)
        run.stdin.close()
    feeder = threading.Thread(target=feed)
    feeder.start()
    differ = 0
    for text in texts:
        expected, found = reference.pieces_of(pre_tokenizer, text), answer_of(run.stdout)
        if expected != found:
            differ += 1
            if differ <= SHOWN:
                print(f"{name}: {text!r}\n  expected {expected}\n  found    {found}")
    feeder.join()
    run.wait()
    return differ


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--random", type=int, default=100000)
    parser.add_argument("--chains", type=int, default=1000)
    parser.add_argument("--only", default="")
    parser.add_argument("--code-points", choices=("all", "some", "none"), default="all")
    options = parser.parse_args()
    rng = random.Random(os.environ.get("RF_SEED", "1"))
    texts = list(code_points(options.code_points)) + [reference.random_text(rng) for _ in range(options.random)]
    jobs = [(name, kind, texts) for name, kind in reference.all_kinds().items()]
    jobs += [(f"chain {i}", reference.random_chain(rng), [reference.random_text(rng) for _ in range(100)]) for i in range(options.chains)]
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, kind, some in jobs:
            if options.only not in name:
                continue
            differ = compare(options.program, folder, name, kind, some)
            total += differ
            if differ:
                print(f"{name}: {len(some)} texts, {differ} differences", flush=True)
    print(f"{len(jobs)} pre-tokenizers, {sum(len(some) for _, _, some in jobs)} texts, {total} differences")
    return total > 0


if __name__ == "__main__":
    sys.exit(main())
