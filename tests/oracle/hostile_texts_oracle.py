#!/usr/bin/env python3
"""Texts that are made to hurt, against `tokenizers`: ids and offsets of each, as two numbers.

    tests/oracle/hostile_texts_oracle.py --write tests/golden/hostile-texts.jsonl [--large]

The cases that test_hostile_texts.c runs. A text is {"first", "units", "bytes"}: `first`, then `units` again and again (both
hexadecimal) until it has so many bytes. With --large the sizes of the issue come as well: a word of 50 MB and 10 MB of
combining marks; the test takes them where RF_LARGE_TEXTS is set. The numbers are FNV-1a of the ids, and of begin and end of
each token, in characters; what is not UTF-8 is given to the reference as Python decodes it with U+FFFD.
"""
import argparse
import json

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

SMALL = 200_000
UNITS = {  # name: first, units, large size
    "one word": (b"", b"unaffablelyqzx", 50_000_000),
    "one letter": (b"", b"a", 50_000_000),
    "combining marks": (b"a", "\u0301\u0323".encode(), 10_000_000),
    "marks out of order": (b"a", "\u0345\u0301\u0338\u0323".encode(), 10_000_000),
    "only special tokens": (b"", b"<s>", 10_000_000),
    "special tokens, cut": (b"", b"<s><s", 10_000_000),
    "not UTF-8": (b"", b"\xff", 10_000_000),
    "cut characters": (b"", b"a\xf0\x9f\x98", 10_000_000),
    "surrogates": (b"", b"\xed\xa0\x80\xed\xb0\x80", 10_000_000),
    "NUL": (b"", b"\0", 10_000_000),
    "white space": (b"", b" ", 50_000_000),
    "not in the vocabulary": (b"", "\U000F0000".encode(), 10_000_000),
}
PIECES = ["un", "aff", "able", "ly", "q", "z", "x", "\u0301", "a\u0301", "aa", "aaaa"]


def word_pieces():
    vocab = ["[UNK]", "[CLS]", "[SEP]", "<s>", *"abcdefghijklmnopqrstuvwxyz", *("##" + p for p in [*"abcdefghijklmnopqrstuvwxyz", *PIECES]), *PIECES]
    t = Tokenizer(models.WordPiece({p: i for i, p in enumerate(dict.fromkeys(vocab))}, unk_token="[UNK]", max_input_chars_per_word=100))
    t.normalizer = normalizers.BertNormalizer()
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    return t


def merges(letters):
    made = [("u", "n"), ("a", "f"), ("af", "f"), ("a", "b"), ("ab", "l"), ("abl", "e"), ("l", "y"), ("a", "a"), ("aa", "aa"), ("aaaa", "aaaa"), ("un", "aff")]
    vocab = dict.fromkeys([*letters, *(a + b for a, b in made)])
    return {p: i for i, p in enumerate(vocab)}, made


def byte_level():
    vocab, made = merges(sorted(pre_tokenizers.ByteLevel.alphabet()))
    t = Tokenizer(models.BPE(vocab, made))
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    return t


def bytes_of_last_resort():
    vocab, made = merges(["<unk>", *(f"<0x{b:02X}>" for b in range(256)), "\u2581", *"abcdefghijklmnopqrstuvwxyz"])
    t = Tokenizer(models.BPE(vocab, made, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    return t


def unigram(*pre):
    vocab = [("<unk>", 0.0), ("\u2581", -2.0), *((c, -4.0 - i / 8) for i, c in enumerate("abcdefghijklmnopqrstuvwxyz")), *((p, -3.0 - i / 4) for i, p in enumerate(PIECES) if len(p) > 1)]
    t = Tokenizer(models.Unigram(vocab, 0, False))
    t.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    if pre:
        t.pre_tokenizer = pre_tokenizers.Sequence([*pre])
    return t


TOKENIZERS = {
    "WordPiece": word_pieces,
    "byte level": byte_level,
    "byte fallback": bytes_of_last_resort,
    "Unigram": lambda: unigram(pre_tokenizers.Metaspace()),
    "Unigram, not split": unigram,
}


def fnv(numbers):
    h = 0xCBF29CE484222325
    for n in numbers:
        h = (h ^ n) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{h:016x}"


def make_text(first, units, size):
    return first + units * -(-(size - len(first)) // len(units))


def case(tokenizer, name, size):
    first, units, _ = UNITS[name]
    e = tokenizer.encode(make_text(first, units, size).decode(errors="replace"))
    return {"text": name, "first": first.hex(), "units": units.hex(), "bytes": size, "n": len(e.ids), "ids": fnv(e.ids), "offsets": fnv(n for pair in e.offsets for n in pair)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", required=True)
    parser.add_argument("--large", action="store_true")
    args = parser.parse_args()
    with open(args.write, "w") as out:
        for kind, make in TOKENIZERS.items():
            t = make()
            t.add_special_tokens([AddedToken("<s>", special=True, normalized=False)])
            out.write(json.dumps({"name": kind, "tokenizer": json.loads(t.to_str())}) + "\n")
            for name, (_, _, large) in UNITS.items():
                for size in (SMALL, large) if args.large else (SMALL,):
                    out.write(json.dumps(case(t, name, size)) + "\n")
                    out.flush()


if __name__ == "__main__":
    main()
