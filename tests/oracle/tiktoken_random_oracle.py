#!/usr/bin/env python3
"""Rank files at random, against `tiktoken`: ids.

    tiktoken_random_oracle.py --program ENCODE_CASES [--files N] [--first N]

Every byte has a rank, and pieces of several bytes come in any order: those that no merges lead to, and those whose parts rank
behind them, as training does not leave them. Each file has a number and is the same in every run. Exit 1 when one differs.
"""
import base64
import pathlib
import random
import sys
import tempfile

import at_random
import tiktoken
from compare import Case, IdsReference, compare, quiet
from files import SPECIAL, pattern
from texts import ALPHABETS, WORDS, random_text

LETTERS = ["a", "b", "e", " ", " a", "'s", "é", "中", "😀", "1", "\n", "A", "\r\n", ".", "\u0301"]


def random_ranks(rng):
    parts = [letter.encode() for letter in rng.sample(LETTERS, rng.randrange(3, len(LETTERS)))]
    parts += [rng.choice(WORDS).encode() for _ in range(rng.randrange(6))]
    pieces = [bytes([b]) for b in range(256)]
    some = [bytes([b]) for part in parts for b in part] + parts
    for _ in range(rng.choice((0, 5, 40, 200))):
        piece = rng.choice(some) + rng.choice(some)
        if len(piece) < 24:
            some.append(piece)
            if rng.random() < .9:
                pieces.append(piece)
    pieces = list(dict.fromkeys(pieces + [part for part in parts if rng.random() < .3]))
    if rng.random() < .7:  # bytes first, as training has them
        head, tail = pieces[:256], pieces[256:]
        rng.shuffle(head)
        if rng.random() < .5:
            rng.shuffle(tail)
        pieces = head + tail
    else:
        rng.shuffle(pieces)
    return {piece: rank for rank, piece in enumerate(pieces)}, parts


def cases(rng, parts):
    letters = [part.decode() for part in parts] + ["x", " "]
    for i in range(60):
        own = "".join(rng.choice(letters) for _ in range(rng.choice((1, 2, 4, 9, 20, 60, 300))))
        yield Case(own if i % 3 else random_text(rng) if i % 2 else rng.choice(ALPHABETS) * rng.randrange(1, 5))


def check(program, number):
    rng = random.Random(number)
    name = rng.choice(list(SPECIAL))
    ranks, parts = random_ranks(rng)
    encoding = tiktoken.Encoding(str(number), pat_str=pattern(name), mergeable_ranks=ranks, special_tokens=SPECIAL[name])
    reference = IdsReference(lambda text: encoding.encode(text, allowed_special="all"))
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / f"{name}.tiktoken"
        path.write_bytes(b"".join(base64.b64encode(piece) + b" %d\n" % rank for piece, rank in ranks.items()))
        return compare(program, number, path, reference, list(cases(rng, parts)))


def main():
    args = at_random.arguments("files").parse_args()
    quiet()
    return at_random.run(args, "files", lambda number: check(args.program, number))


if __name__ == "__main__":
    sys.exit(main())
