#!/usr/bin/env python3
"""How far rf_estimate_tokens is from what cl100k_base counts, on tests/golden/texts.bin.

    tests/oracle/estimate_oracle.py LIBRARY RANKS

LIBRARY is librag_factory.so, RANKS cl100k_base.tiktoken (PyPI litellm carries it). Texts of fewer than 20 tokens are left
out: a rule says little about a few words. Needs tiktoken.
"""
import base64
import ctypes as c
import pathlib
import statistics
import struct
import sys

import tiktoken

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
GROUPS = {"edge cases": (0, 287), "human rights": (287, 1200), "manual pages": (1200, 2000), "languages": (287, 2000)}


class Text(c.Structure):
    _fields_ = [("data", c.c_char_p), ("len", c.c_size_t)]


def golden_texts():
    data, texts, at = (ROOT / "tests/golden/texts.bin").read_bytes(), [], 0
    while at < len(data):
        n = struct.unpack_from("<I", data, at)[0]
        texts.append(data[at + 4:at + 4 + n])
        at += 4 + n
    return texts


def main():
    lib = c.CDLL(sys.argv[1])
    lib.rf_estimate_tokens.argtypes, lib.rf_estimate_tokens.restype = [Text], c.c_size_t
    ranks = {base64.b64decode(k): int(v) for k, v in (line.split() for line in open(sys.argv[2], "rb"))}
    encoding = tiktoken.Encoding("cl100k", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})
    texts = golden_texts()
    for name, (begin, end) in GROUPS.items():
        errors = []
        for text in texts[begin:end]:
            n = len(encoding.encode(text.decode()))
            if n >= 20:
                errors.append(abs(lib.rf_estimate_tokens(Text(text, len(text))) - n) / n)
        print(f"{name}: {len(errors)} texts, mean {statistics.mean(errors):.3f}, median {statistics.median(errors):.3f}, "
              f"p95 {statistics.quantiles(errors, n=20)[-1]:.3f}, worst {max(errors):.2f}")


if __name__ == "__main__":
    main()
