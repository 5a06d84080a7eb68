#!/usr/bin/env python3
"""Models of sentencepiece at random, against `sentencepiece`: ids.

    sentencepiece_random_oracle.py --program ENCODE_CASES [--models N] [--first N]
    sentencepiece_random_oracle.py --golden NUMBER      writes tests/golden/sentencepiece/random-NUMBER

Unigram and BPE, any flags of the normalizer and the trainer that change ids, pieces of every type. Each has a number and is the
same in every run. Exit 1 when one differs.
"""
import json
import pathlib
import random
import struct
import sys
import tempfile

import at_random
import sentencepiece
from compare import Case, IdsReference, compare, quiet
from texts import WORDS, random_text

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
UNIGRAM, BPE = 1, 2
LETTERS = ["a", "b", "e", "s", "t", "A", "é", "中", "▁", "😀", "'", "1", ".", "<", "\u0301", "▁a", "▁▁", "ﬁ"]


# ---- The file -------------------------------------------------------------------------------------------------------

def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    """Of protobuf: a whole number, a float or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def charsmaps(folder):
    """Of the normalizers that sentencepiece knows by name."""
    out = [b""]
    for rule in ("nmt_nfkc", "nmt_nfkc_cf", "nfkc"):
        path = folder / rule
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(["a b c"] * 9), model_prefix=str(path), vocab_size=8, minloglevel=2,
                                                 hard_vocab_limit=False, normalization_rule_name=rule)
        out.append(charsmap_of(path.with_suffix(".model").read_bytes()))
    return out


def fields(data):
    """(number, value) of each field that is bytes or a whole number."""
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        size, at = (4, at) if key & 7 == 5 else read_varint(data, at)
        if key & 7 == 0:
            yield key >> 3, size
        else:
            yield key >> 3, data[at:at + size]
            at += size


def read_varint(data, at):
    n = shift = 0
    while True:
        n |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return n, at


def charsmap_of(model):
    return dict(fields(dict(fields(model))[3]))[2]


def is_bpe(model):
    return dict(fields(dict(fields(model))[2]))[3] == BPE


def random_model(rng, maps):
    kind = rng.choice((UNIGRAM, BPE))
    letters = rng.sample(LETTERS, rng.randrange(4, len(LETTERS)))
    words = letters + ["".join(rng.choice(letters) for _ in range(rng.choice((2, 2, 3, 4, 6)))) for _ in range(rng.randrange(80))]
    if kind == BPE:  # as training leaves it; we refuse others
        words = list(dict.fromkeys("".join(words))) + words
    fallback = rng.random() < .4
    pieces = [("<unk>", 0.0, UNKNOWN), ("<s>", 0.0, CONTROL), ("</s>", 0.0, CONTROL)]
    for i, word in enumerate(dict.fromkeys(words)):
        sort = rng.choices((NORMAL, USER_DEFINED, CONTROL, UNUSED), (30, 2, 1, 2))[0]
        if kind == BPE and (sort == UNUSED or len(word) == 1):  # we refuse some
            sort = NORMAL
        score = -rng.randrange(1, 40) / 3 if kind == UNIGRAM else -rng.randrange(200) - i / 1000  # of BPE all differ, as we rank pieces
        pieces.append((word, 0.0 if sort in (USER_DEFINED, CONTROL) else score, sort))
    known = {piece for piece, _, _ in pieces}
    for word in dict.fromkeys(rng.sample(WORDS, rng.randrange(6))):
        if word.strip() and word not in known and not word.startswith("<0x"):
            pieces.append((word, 0.0, USER_DEFINED))
    if fallback:
        pieces += [(f"<0x{b:02X}>", 0.0, BYTE) for b in range(256)]
    trainer = field(3, kind) + field(24, int(rng.random() < .2)) + field(35, int(fallback))
    normalizer = b"".join(field(n, int(rng.random() < odds)) for n, odds in ((3, .7), (4, .6), (5, .9)))
    normalizer += field(2, rng.choice(maps))
    out = b"".join(field(1, field(1, piece.encode()) + field(2, score) + field(3, sort)) for piece, score, sort in pieces)
    return out + field(2, trainer) + field(3, normalizer), [piece for piece, _, _ in pieces]


# ---- Texts ----------------------------------------------------------------------------------------------------------

def cases(rng, pieces):
    for i in range(60):
        own = "".join(rng.choice(pieces[3:] + LETTERS + [" ", "  ", "\t", "\u3000"]) for _ in range(rng.choice((0, 1, 2, 4, 9, 20, 60))))
        yield Case(own.replace("▁", rng.choice(("▁", " "))) if i % 2 else random_text(rng))


def write_golden(seed, maps):
    rng = random.Random(seed)
    model, pieces = random_model(rng, maps)
    folder = pathlib.Path(__file__).resolve().parents[2] / f"tests/golden/sentencepiece/random-{seed}"
    folder.mkdir(exist_ok=True)
    (folder / "tokenizer.model").write_bytes(model)
    encode = sentencepiece.SentencePieceProcessor(model_proto=model).encode
    (folder / "cases.jsonl").write_text("".join(json.dumps({"text": case.text, "ids": encode(case.text)}, ensure_ascii=False) + "\n" for case in cases(rng, pieces)))


def check(program, number, maps):
    rng = random.Random(number)
    model, pieces = random_model(rng, maps)
    try:
        encode = sentencepiece.SentencePieceProcessor(model_proto=model).encode
    except Exception:
        return 0, 0, ""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "tokenizer.model"
        path.write_bytes(model)
        return compare(program, number, path, IdsReference(encode), list(cases(rng, pieces)))


def main():
    parser = at_random.arguments("models")
    parser.add_argument("--golden", type=int)
    args = parser.parse_args()
    quiet()
    with tempfile.TemporaryDirectory() as folder:
        maps = charsmaps(pathlib.Path(folder))
    if args.golden is not None:
        return write_golden(args.golden, maps)
    return at_random.run(args, "models", lambda number: check(args.program, number, maps))


if __name__ == "__main__":
    sys.exit(main())
