#!/usr/bin/env python3
"""Compares our BPE model with that of `tokenizers`: ids, word ids, offsets, decoding, errors.

    bpe_oracle.py --program build/release/tests/encode_cases [--models N] [--texts N] [--seed N]

Models: vocabularies and merges at random, sound and unsound, with every flag, so that orders of merges appear which no
training gives. Texts: strings of their characters and of others. Exit 1 when there is a difference.
"""
import argparse
import json
import pathlib
import random
import sys
import tempfile

from compare import Case, IdsReference, Reference, compare, quiet
from tokenizers import Tokenizer

LETTERS = ["a", "b", "c", "é", "中", "▁", "😀", "\n", "#", "<"]
UNKNOWN = ["x", "ß", "文", "🎉", " "]


def random_model(rng):
    """A model of random pieces and merges. Merges come in an order that training never gives."""
    letters = rng.sample(LETTERS, rng.randrange(2, len(LETTERS)))
    prefix = rng.choice([None, None, None, "", "#", "##", "é"])
    suffix = rng.choice([None, None, None, "", "#", "</w>"])
    skip, rest = prefix or "", suffix or ""
    pieces = list(letters)
    if skip:
        pieces += [skip + c for c in letters if rng.random() < .9]
    if rest:
        pieces += [c + rest for c in letters if rng.random() < .9] + [skip + c + rest for c in letters if rng.random() < .9]
    unk = rng.choice([None, "<unk>", "<unk>", "a", "missing"])
    fallback = rng.random() < .4
    if unk == "<unk>":
        pieces.append(unk)
    if fallback:
        pieces += [f"<0x{b:02X}>" for b in range(256) if rng.random() < .97 or b == 0xC3]
    pieces = list(dict.fromkeys(pieces))
    merges = []
    some = [p for p in pieces if not p.startswith("<0x") or rng.random() < .05]
    for _ in range(rng.choice((0, 3, 20, 60, 150))):
        left, right = rng.choice(some), rng.choice(some)
        if skip and rng.random() < .9 and not right.startswith(skip):
            right = skip + right if skip + right in pieces else right
        if len(right.encode()) < len(skip.encode()) or not right.encode()[len(skip.encode()):].decode(errors="ignore").encode() == right.encode()[len(skip.encode()):]:
            continue
        new = left + right.encode()[len(skip.encode()):].decode()
        if len(new) > 12:
            continue
        merges.append([left, right])
        if new not in pieces:
            pieces.append(new)
            some.append(new)
    if rng.random() < .6:
        merges = [list(m) for m in dict.fromkeys(map(tuple, merges))]
    if rng.random() < .3:
        rng.shuffle(merges)
    ids = list(range(len(pieces)))
    if rng.random() < .5:
        ids = rng.sample(range(3 * len(pieces)), len(pieces))
    if rng.random() < .1:
        ids = [rng.choice(ids) for _ in pieces]
    if rng.random() < .4 and not any(" " in side for m in merges for side in m):
        merges = [" ".join(m) for m in merges]
        if rng.random() < .3:
            merges.insert(0, "#version: 0.2")
    model = {"type": "BPE", "dropout": rng.choice([None, 0.0]), "unk_token": unk, "continuing_subword_prefix": prefix,
             "end_of_word_suffix": suffix, "fuse_unk": rng.random() < .5, "byte_fallback": fallback,
             "ignore_merges": rng.random() < .3, "vocab": dict(zip(pieces, ids)), "merges": merges}
    if rng.random() < .2:
        del model["type"]
    return model, letters


def random_texts(rng, model, letters, n):
    texts = []
    for _ in range(n):
        alphabet = letters + (rng.sample(UNKNOWN, 3) if rng.random() < .4 else [])
        if rng.random() < .3:
            alphabet = rng.sample(alphabet, min(2, len(alphabet)))
        if rng.random() < .3:
            alphabet = alphabet + list(model["vocab"])[-20:]
        size = rng.choice((1, 2, 3, 5, 8, 13, 30, 60, 100, 300))
        texts.append("".join(rng.choice(alphabet) for _ in range(size)))
    texts += [text * rng.randrange(2, 40) for text in texts[:3]]
    texts += rng.sample(list(model["vocab"]), min(20, len(model["vocab"])))
    return texts


def reference_of(model, tokenizer):
    """Only the ids where the reference leaves something to chance: which of two pieces an id names, and where bytes of a
    prefix or suffix lie, with which it comes to offsets outside the text."""
    ids = list(model["vocab"].values())
    extra = model["continuing_subword_prefix"] or model["end_of_word_suffix"]
    if len(set(ids)) == len(ids) and not (model["byte_fallback"] and extra):
        return Reference(tokenizer)

    def encode(text):
        try:
            return tokenizer.encode(text).ids
        except Exception:
            return None
    return IdsReference(encode)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--models", type=int, default=300)
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng, compared, differences = random.Random(args.seed), 0, 0
    quiet()
    with tempfile.TemporaryDirectory() as folder:
        for i in range(args.models):
            model, letters = random_model(rng)
            if rng.random() < .3:
                letters = letters + rng.sample(UNKNOWN, 2)
            text = json.dumps({"version": "1.0", "model": model})
            path = pathlib.Path(folder) / f"model-{i}.json"
            path.write_text(text)
            cases = [Case(t) for t in random_texts(rng, model, letters, args.texts)]
            n, found, said = compare(args.program, f"model {i}", path, reference_of(model, Tokenizer.from_str(text)), cases)
            compared += n
            differences += found
            if found:
                print(said, text, sep="\n")
    print(f"{compared} cases, {differences} differences")
    return differences > 0


if __name__ == "__main__":
    sys.exit(main())
