"""Texts of a given number of tokens, cut out of the words of manual pages and of tests/golden/texts.bin."""
import pathlib
import random
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import bench_texts  # noqa: E402


def words(size=3_000_000):
    """English, from the manual pages that tests/oracle/run brings and of the golden texts; where there are none, of these alone."""
    texts = bench_texts.english(size) + [text.decode().replace("\0", " ") for text in bench_texts.read(bench_texts.GOLDEN)]
    return [word for word in " ".join(texts).split() if len(word) < 40 and word.isascii()]


def n_tokens(program, model, listed):
    """How many tokens each of the words has: neither WordPiece nor Unigram behind Metaspace joins two."""
    known = list(dict.fromkeys(listed))
    out = subprocess.run([program, "tokenize", "-m", model, "--offline", "--count", "--no-special-tokens"], input="\n".join(known) + "\n", check=True, capture_output=True, text=True).stdout
    counts = dict(zip(known, map(int, out.split())))
    return [counts[word] for word in listed]


def cut(listed, counts, lengths):
    """For each of the lengths a text of so many tokens, the special ones before and behind it included; no text comes twice."""
    draw, seen = random.Random(17), set()
    for length in lengths:
        while True:
            begin = end = draw.randrange(len(listed) - length)
            total = 2
            while total < length and end < len(listed):
                total += counts[end]
                end += 1
            text = " ".join(listed[begin:end])
            if total == length and text not in seen:
                break
        seen.add(text)
        yield text
