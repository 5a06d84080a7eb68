#!/usr/bin/env python3
"""A server's vectors against those of the same model on this machine, by the program: the lowest and the mean cosine, and the
greatest difference of two numbers.

    compare.py PROGRAM MODEL_DIRECTORY BASE_URL [N]

The texts are the first N (500) of tests/golden/texts.bin below 500 bytes, hostile ones among them. Where the server tells the ids
of a text (llama.cpp's /tokenize), those whose ids are not the reference's are counted and left out: they are other texts to it.
"""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOST_BYTES = 500


def golden_texts():
    """tests/golden/texts.bin: a number of bytes before each text."""
    data = (ROOT / "tests/golden/texts.bin").read_bytes()
    at = 0
    while at < len(data):
        (n,) = struct.unpack_from("<I", data, at)
        text = data[at + 4:at + 4 + n]
        at += 4 + n
        if 0 < n < MOST_BYTES and text.strip() and b"\0" not in text:
            yield text


def run(program, texts, command, *options):
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"".join(text + b"\0" for text in texts))
        file.flush()
        return subprocess.run([program, command, "-q", "--null", "-i", file.name, *options], check=True, stdout=subprocess.PIPE).stdout


def embed(program, texts, *options):
    numbers = numpy.frombuffer(run(program, texts, "embed", "--format", "f32", *options), "<f4")
    return numbers.reshape(len(texts), -1).astype(numpy.float64)


def ids_of_server(url, text):
    body = json.dumps({"content": text.decode(errors="replace"), "add_special": True}).encode()
    with urllib.request.urlopen(urllib.request.Request(url.rsplit("/", 1)[0] + "/tokenize", body)) as answer:
        return json.load(answer)["tokens"]


def of_the_same_ids(program, model, url, texts):
    lines = run(program, texts, "tokenize", "-m", model, "--format", "ids").decode().splitlines()
    try:
        return [text for text, line in zip(texts, lines) if ids_of_server(url, text) == [int(word) for word in line.split()]]
    except urllib.error.HTTPError:
        return texts


def unit(vectors):
    return vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)


def main():
    program, model, url = sys.argv[1:4]
    n = int(sys.argv[4]) if len(sys.argv) > 4 else 500
    given = [text for text, _ in zip(golden_texts(), range(n))]
    texts = of_the_same_ids(program, model, url, given)
    local = unit(embed(program, texts, "-m", model, "--precision", "fp32"))
    remote = unit(embed(program, texts, "-m", "openai:minilm", "--base-url", url, "--max-batch", "16", "--timeout", "600"))
    cosines = (local * remote).sum(axis=1)
    print(json.dumps({"texts": len(texts), "with other ids": len(given) - len(texts), "dimension": local.shape[1],
                      "lowest cosine": float(cosines.min()), "mean cosine": float(cosines.mean()),
                      "greatest difference": float(abs(local - remote).max()),
                      "lowest": texts[int(cosines.argmin())].decode(errors="replace")[:60]}, ensure_ascii=False))


if __name__ == "__main__":
    main()
