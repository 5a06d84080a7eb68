"""Writes tests/golden/texts.bin: 2,000 texts of mixed length, language and oddity, always the same ones.

    [u32 length in bytes][UTF-8 bytes] repeated, little-endian, no header, no terminator

Order: the hand-made texts of edges.py, then udhr, then manual pages.
"""
import pathlib
import random
import struct
import sys

import corpus
import edges

COUNT = 2000
MAN = {"": 380, "de": 70, "fr": 70, "ja": 70, "zh_CN": 50, "zh_TW": 20, "ru": 50, "es": 45, "pl": 45}


def udhr_texts(count, rng):
    declarations = corpus.declarations()
    codes = list(declarations)
    rounds = codes * (count // len(codes)) + sorted(rng.sample(codes, count % len(codes)))
    return [corpus.pick(declarations[code], rng, layout=False) for code in rounds]


def man_texts(language, count, rng):
    texts = []
    pages = corpus.man_pages(language)
    for path in rng.sample(pages, len(pages)):
        paragraphs = corpus.render(path)
        if sum(map(len, paragraphs)) < 600:
            continue
        texts.append(corpus.pick(paragraphs, rng, layout=rng.random() < 0.5))
        if len(texts) == count:
            return texts
    raise SystemExit(f"too few manual pages in {language!r}")


def build():
    rng = random.Random(20240229)
    texts = edges.texts()
    texts += udhr_texts(COUNT - len(texts) - sum(MAN.values()), rng)
    for language, count in MAN.items():
        texts += man_texts(language, count, rng)
    assert len(texts) == COUNT
    return texts


def write(path, texts):
    with open(path, "wb") as out:
        for text in texts:
            data = text.encode()
            out.write(struct.pack("<I", len(data)) + data)


def read(path):
    data, at, texts = pathlib.Path(path).read_bytes(), 0, []
    while at < len(data):
        size, = struct.unpack_from("<I", data, at)
        texts.append(data[at + 4:at + 4 + size].decode())
        at += 4 + size
    return texts


def byte_starts(text):
    """Where each character begins in the UTF-8 bytes, and the end: character offsets become byte offsets by look-up."""
    starts = [0]
    for character in text:
        starts.append(starts[-1] + len(character.encode()))
    return starts


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2] / "tests/golden/texts.bin")
    target.parent.mkdir(parents=True, exist_ok=True)
    write(target, build())
    print(f"{target}: {COUNT} texts, {target.stat().st_size} bytes")
