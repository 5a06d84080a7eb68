#!/usr/bin/env python3
"""Compares Unigram and WordLevel with `tokenizers`: ids, byte offsets, special mask, decoding, errors.

    unigram_oracle.py --program ENCODE_CASES [--models N] [--texts N] [--trained 0|1] [--random N] [--seed N]

Models: random ones, with ties, duplicates, scores above 0, without unk_id, with and without byte fallback, unknown
pieces that fuse into a known one; and trained ones on tests/golden/texts.bin, their scores as JSON text of many digits.
Texts: random strings of the pieces and of what is none, every code point, texts.bin. Ends with the number of differences.
"""
import argparse
import json
import pathlib
import random
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from compare import Case, Reference, compare, quiet  # noqa: E402
from texts import golden as golden_texts, mutated, points, random_text  # noqa: E402
from tokenizers import Tokenizer, models, pre_tokenizers, trainers  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHARS = ["a", "b", "c", "é", "▁", "中", "😀", " ", "<", "\0"]


def random_pieces(rng):
    chars = rng.sample(CHARS, rng.randrange(1, len(CHARS)))
    pieces = ["".join(rng.choice(chars) for _ in range(rng.choice((1, 1, 2, 2, 3, 4, 9)))) for _ in range(rng.randrange(1, 60))]
    if rng.random() < 0.1:
        pieces += ["a" * rng.choice((60, 254, 255, 256, 300))]
    return pieces


def random_score(rng, kind):
    if kind == "ties":
        return rng.choice((-1.0, -2.0, -3.0, -0.5))
    if kind == "thirds":  # sums that are equal but for rounding
        return rng.randrange(-30, 0) / rng.choice((3.0, 7.0, 10.0))
    if kind == "high":
        return rng.choice((100.0, 50.25, 99.5, 120.0, 3))
    return rng.choice((-rng.random() * 20, -rng.random() * 1e-7, 0.0, -1e22 * rng.random(), -12345678901234567890))


def random_model(rng):
    kind = rng.choice(("ties", "ties", "thirds", "thirds", "high", "wild"))
    pieces = [[p, random_score(rng, kind)] for p in random_pieces(rng)]
    if rng.random() < 0.3:
        pieces += [["", -1.0]]
    if rng.random() < 0.7:
        pieces = list({p: [p, s] for p, s in pieces}.values())
    unk = None
    if rng.random() < 0.85:
        unk = rng.randrange(len(pieces) + 1)
        pieces.insert(unk, [rng.choice(("<unk>", "<unk>", "a", "é")), random_score(rng, kind)])
    byte_fallback = rng.random() < 0.4
    if byte_fallback:
        pieces += [[f"<0x{b:02X}>", random_score(rng, kind)] for b in range(256) if rng.random() < 0.995 or b == 0]
    model = {"type": "Unigram", "unk_id": unk, "vocab": pieces, "byte_fallback": byte_fallback}
    return {"version": "1.0", "added_tokens": [], "normalizer": None, "post_processor": None, "decoder": None, "model": model,
            "pre_tokenizer": {"type": "BertPreTokenizer"} if rng.random() < 0.5 else None}


def random_string(rng, pieces):
    out = []
    for _ in range(rng.choice((1, 2, 5, 20, 60))):
        out.append(rng.choice((rng.choice(pieces), rng.choice(CHARS), rng.choice(CHARS), rng.choice("xyz中文é"))))
    return "".join(out)


def trained():
    for byte_fallback in (False, True):
        t = Tokenizer(models.Unigram())
        t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        t.train_from_iterator(golden_texts(), trainers.UnigramTrainer(vocab_size=6000, special_tokens=["<unk>"], unk_token="<unk>",
                                                                      show_progress=False))
        data = json.loads(t.to_str())
        rng = random.Random(3)
        data["model"]["vocab"] = [[p, s - rng.random() * 1e-3] for p, s in data["model"]["vocab"]]
        data["added_tokens"] = []
        if byte_fallback:
            data["model"]["vocab"] += [[f"<0x{b:02X}>", -30.0] for b in range(256)]
            data["model"]["byte_fallback"] = True
        yield f"trained-{'bytes' if byte_fallback else 'plain'}", data
        data["pre_tokenizer"] = None
        yield f"trained-{'bytes' if byte_fallback else 'plain'}-whole", data


def word_level(rng):
    words = ["[UNK]", "a", "b", "hello", "world", "中", "a" * 40, ""]
    for unk in ("[UNK]", "absent"):
        for pre in ({"type": "BertPreTokenizer"}, None):
            data = {"version": "1.0", "model": {"type": "WordLevel", "vocab": {w: i for i, w in enumerate(words)}, "unk_token": unk},
                    "pre_tokenizer": pre}
            texts = [" ".join(rng.choice(words + ["x", "a" * 41]) for _ in range(rng.randrange(1, 6))) for _ in range(300)]
            yield f"word-level-{unk}-{pre is not None:d}", data, texts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=int, default=300)
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--trained", type=int, default=1)
    parser.add_argument("--random", type=int, default=100000)
    parser.add_argument("--seed", type=int, default=20260101)
    parser.add_argument("--program", required=True)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    totals = []
    quiet()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        path = folder / "tokenizer.json"

        def check(name, data, texts):
            path.write_text(json.dumps(data))
            compared, found, said = compare(args.program, name, path, Reference(Tokenizer.from_file(str(path))), [Case(t) for t in texts])
            if found:
                print(said, flush=True)
            return compared, found

        for name, data, texts in word_level(rng):
            totals.append(check(name, data, texts))
        for i in range(args.models):
            data = random_model(rng)
            pieces = [p for p, _ in data["model"]["vocab"]]
            texts = [random_string(rng, pieces) for _ in range(args.texts)]
            if i % 20 == 0:  # several windows
                texts += [random_string(rng, pieces)[:9] * rng.randrange(900, 4000), "".join(random_string(rng, pieces) for _ in range(900))]
            totals.append(check(f"random {i}", data, texts))
        if args.trained:
            golden = golden_texts()
            texts = golden + points(0, 1) + [random_text(rng) for _ in range(args.random // 2)]
            texts += [mutated(rng.choice(golden), rng) for _ in range(args.random - args.random // 2)] + ["".join(golden)]
            totals += [check(name, data, texts) for name, data in trained()]
    compared, differences = map(sum, zip(*totals))
    print(f"{len(totals)} models, {compared} cases, {differences} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
