#!/usr/bin/env python3
"""Whole tokenizers at random, against `tokenizers`: any normalizers, pre-tokenizers, model, post-processor, decoder and added
tokens together, so that stages meet whose authors never thought of each other.

    random_oracle.py --program ENCODE_CASES [--tokenizers N] [--first N]

Each has a number and is the same in every run. Prints those that differ, as a file. Exit 1 when there is one.
"""
import json
import multiprocessing
import pathlib
import random
import sys
import tempfile

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "tools/oracle"))
import at_random  # noqa: E402
import bpe_oracle  # noqa: E402
import chains  # noqa: E402
import edges_oracle  # noqa: E402
import normalizer_oracle  # noqa: E402
import oracle  # noqa: E402
import pretokenizers  # noqa: E402
import texts  # noqa: E402
from compare import Case, Reference, compare, quiet  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

TEXTS = 60
SECONDS = 20
LETTERS = ["a", "b", "e", "s", "t", "A", "é", "中", "▁", "Ġ", "😀", "\n", " ", "#", "'", "1", ".", "<", "\u0301", "Ċ", "Ã", "©", "ð", "Ł"]


def some(rng, of, most):
    return [rng.choice(of) for _ in range(rng.randrange(most + 1))]


# ---- Parts ----------------------------------------------------------------------------------------------------------

def pieces_of(rng, marks=("",)):
    """Pieces of few letters, each letter among them."""
    letters = rng.sample(LETTERS, rng.randrange(4, len(LETTERS)))
    words = letters + ["".join(rng.choice(letters) for _ in range(rng.choice((2, 2, 3, 4)))) for _ in range(rng.randrange(60))]
    return list(dict.fromkeys(["[UNK]", *(mark + word for word in words + rng.sample(texts.WORDS, 6) for mark in marks)]))


def word_piece(rng):
    prefix = rng.choice(("##", "##", "", "▁"))
    pieces = pieces_of(rng, dict.fromkeys(("", prefix)))
    return chains.kind("WordPiece", unk_token="[UNK]", continuing_subword_prefix=prefix, max_input_chars_per_word=rng.choice((100, 100, 5, 1)),
                       vocab={p: i for i, p in enumerate(pieces)})


def word_level(rng):
    return chains.kind("WordLevel", unk_token="[UNK]", vocab={p: i for i, p in enumerate(pieces_of(rng))})


def unigram(rng):
    pieces = pieces_of(rng) + [f"<0x{b:02X}>" for b in range(256)]
    return chains.kind("Unigram", unk_id=0, byte_fallback=rng.random() < .5, vocab=[[p, -rng.randrange(1, 40) / 3] for p in pieces])


def bpe(rng):
    while True:
        model, _ = bpe_oracle.random_model(rng)
        if "type" in model and not (model["byte_fallback"] and (model["continuing_subword_prefix"] or model["end_of_word_suffix"])):
            break
    model["vocab"] = {piece: i for i, piece in enumerate(model["vocab"])}
    if rng.random() < .5:  # as byte-level models have them
        for i in range(256):
            model["vocab"].setdefault(chr(i if 33 <= i < 127 or 161 <= i < 256 and i != 173 else 256 + i % 68), max(model["vocab"].values()) + 1)
    return model


def added_tokens(rng):
    out = []
    for content in some(rng, texts.WORDS + LETTERS, 6):
        flags = {flag: rng.random() < .3 for flag in ("single_word", "lstrip", "rstrip", "normalized")}
        out.append({**chains.added(content, special=rng.random() < .4), **flags})
    return out


def post_processor(rng, ids):
    known = list(ids)
    a, b = (rng.choice(known) for _ in range(2))
    single, pair = rng.choice((("$A:0", "$A:0 $B:1"), (f"{a}:0 $A:0 {b}:0", f"{a}:0 $A:0 {b}:0 $B:1 {b}:1"), (f"$A:2 {b}:1", f"$B:3 {a}:0 $A:1")))
    kinds = [lambda ids: chains.kind("BertProcessing", sep=[b, ids[b]], cls=[a, ids[a]]), chains.roberta(b, a, rng.random() < .5, rng.random() < .5),
             lambda ids: chains.byte_level(rng.random() < .5, rng.random() < .5)]
    if ":" not in a + b and not any(c.isspace() for c in a + b) and "$" not in a + b and a and b:
        kinds.append(chains.template(single, pair))
    found = [make(ids) for make in rng.sample(kinds, rng.randrange(3))]
    return None if not found else found[0] if len(found) == 1 else chains.seq("processors", *found)


def decoder(rng, kinds):
    found = some(rng, kinds, 3)
    return None if not found else found[0] if len(found) == 1 else chains.dec(*found)


class WholeReference(Reference):
    """Which ids are special does not decide what is left out of a text: a token that is normalized to the content of one that is
    special is left out too."""
    def __init__(self, tokenizer):
        super().__init__(tokenizer)
        self.special = set(tokenizer.get_added_tokens_decoder())


class Kinds:
    """What to choose from: each kind of a stage with flags."""
    def __init__(self, folder):
        # without what writes in front of a text where nothing was: the reference loses count there once something else does too
        self.normalizers = [kind for kind in normalizer_oracle.chains(folder).values() if kind.get("pattern") != {"Regex": "a*"}]
        self.pre_tokenizers = list(pretokenizers.all_kinds().values())
        self.decoders = []
        for made in edges_oracle.decoder_kinds().values():
            if made is not None:
                t = edges_oracle.base()
                t.decoder = made
                self.decoders.append(json.loads(t.to_str())["decoder"])

    def file(self, rng):
        normalizers, splitters = (some(rng, kinds, 3) for kinds in (self.normalizers, self.pre_tokenizers))
        model = rng.choice((word_piece, word_level, unigram, bpe, bpe))(rng)
        return chains.file(model, chains.norm(*normalizers) if normalizers else None, chains.pre(*splitters) if splitters else None,
                           lambda ids: post_processor(rng, ids), decoder(rng, self.decoders), added_tokens(rng))


# ---- Texts ----------------------------------------------------------------------------------------------------------

def cases(rng, tokenizer, n):
    contents = [t.content for t in tokenizer.get_added_tokens_decoder().values()] + LETTERS
    found = []
    for i in range(n):
        own = "".join(rng.choice(contents) for _ in range(rng.choice((1, 2, 4, 9, 20))))
        found.append(own if i % 2 else texts.random_text(rng))
    return [Case(text) for text in found] + oracle.limited(found[:n // 4], rng, tokenizer)


def is_left_to_chance(tokenizer):
    """An added token that is normalized to nothing, which we find nowhere and the reference between the bytes of a character;
    two that are normalized to the same."""
    if tokenizer.normalizer is None:
        return False
    normal = [tokenizer.normalizer.normalize_str(t.content) for t in tokenizer.get_added_tokens_decoder().values() if t.normalized]
    return "" in normal or len(set(normal)) < len(normal)


def check(program, kinds, seed):
    """One tokenizer. Returns (cases, differences, what to print)."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "tokenizer.json"
        path.write_text(json.dumps(kinds.file(rng)))
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:
            return 0, 1, f"{seed}: the reference refuses it: {error}"
        if is_left_to_chance(tokenizer):
            return 0, 0, ""
        compared, differences, said = compare(program, seed, path, WholeReference(tokenizer), cases(rng, tokenizer, TEXTS))
        return compared, differences, f"{said}\n{path.read_text()}"


def check_apart(*args):
    """In a process of its own, as the reference can end it: then there is nothing to compare."""
    mine, its = multiprocessing.Pipe()
    process = multiprocessing.Process(target=lambda: (quiet(), its.send(check(*args))))
    process.start()
    its.close()
    try:
        return mine.recv() if mine.poll(SECONDS) else (0, 0, "")
    except EOFError:
        return 0, 0, ""
    finally:
        process.kill()
        process.join()


def main():
    args = at_random.arguments("tokenizers").parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kinds = Kinds(pathlib.Path(folder))
    return at_random.run(args, "tokenizers", lambda number: check_apart(args.program, kinds, number))


if __name__ == "__main__":
    sys.exit(main())
