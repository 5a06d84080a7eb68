#!/usr/bin/env python3
"""Compares our pre-tokenizers with `tokenizers`: pieces and byte offsets.

    pretokenizer_oracle.py [--random N] [--sanitize] [--only WORD] [--code-points all|some]

Needs `tokenizers` (tools/oracle/requirements.txt), Oniguruma and a C compiler. The kinds are those of
tools/oracle/pretokenizers.py. Texts: every code point alone and between letters, digits and spaces; random ones. Ends with
the number of differences; exit 1 when there is one.
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


def build(folder, sanitize):
    sources = [ROOT / "tests/oracle/pretokenize_cases.c", ROOT / "third_party/yyjson/yyjson.c"]
    for sub in ("src/base", "src/os", "src/os/unix", "src/unicode", "src/tokenizer"):
        sources += sorted((ROOT / sub).glob("*.c"))
    flags = ["-O1", "-g", "-fsanitize=address,undefined"] if sanitize else ["-O2"]
    program = folder / "pretokenize_cases"
    subprocess.run(["cc", "-std=c11", "-D_DEFAULT_SOURCE", "-DRF_STATIC", "-DYYJSON_DISABLE_UTILS=1", *flags,
                    *(f"-I{ROOT / d}" for d in ("src", "include", "third_party/yyjson")),
                    *map(str, sources), "-o", str(program), "-pthread", "-ldl", "-lm", "-lonig"], check=True)
    return program


def code_points(which):
    for c in range(0x110000):
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
    parser.add_argument("--random", type=int, default=100000)
    parser.add_argument("--sanitize", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--code-points", choices=("all", "some"), default="all")
    options = parser.parse_args()
    rng = random.Random(os.environ.get("RF_SEED", "1"))
    texts = list(code_points(options.code_points)) + [reference.random_text(rng) for _ in range(options.random)]
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        program = build(folder, options.sanitize)
        for name, kind in reference.all_kinds().items():
            if options.only not in name:
                continue
            differ = compare(program, folder, name, kind, texts)
            total += differ
            print(f"{name}: {len(texts)} texts, {differ} differences", flush=True)
    print(f"{total} differences")
    return total > 0


if __name__ == "__main__":
    sys.exit(main())
