#!/usr/bin/env python3
"""The pre-tokenizers that are held against `tokenizers`, the texts, and tests/golden/pretokenizers.jsonl.

    pretokenizers.py [FILE]      writes the golden file

Each line of it is {"name", "pre_tokenizer", "cases": [[text, [[piece, begin, end], …]], …]}: what pre_tokenize_str() of
`tokenizers` gives, with begin and end in bytes of the text. tests/oracle/pretokenizer_oracle.py compares with many more
texts.
"""
import json
import pathlib
import random
import sys

from tokenizers import Tokenizer

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/pretokenizers.jsonl"

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
WORD = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
WORD2 = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
SUFFIX = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
TAIL = r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
O200K = WORD + SUFFIX + "|" + WORD2 + SUFFIX + r"|\p{N}{1,3}" + TAIL
TEKKEN = WORD + "|" + WORD2 + r"|\p{N}" + TAIL
DEEPSEEK = ("[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
            "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+")
NOT_HAN = r"\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]"
KIMI = (r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}" + NOT_HAN + r"*[\p{Ll}" + NOT_HAN + "+" + SUFFIX + r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}"
        + NOT_HAN + r"+[\p{Ll}" + NOT_HAN + "*" + SUFFIX + r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
EXAONE = (r"(?:\r?\n)+(?!\r?\n)|(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?"
          r"|\s*[\r\n]|\s+(?!\S)|\s+")
CJK = "[一-龥぀-ゟ゠-ヿ]+"
BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]


def split(pattern, behavior="Isolated", invert=False, kind="Regex"):
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def byte_level(prefix=False, regex=True):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


def metaspace(scheme="always", cut=True, replacement="▁"):
    return {"type": "Metaspace", "replacement": replacement, "prepend_scheme": scheme, "split": cut}


def chain(*members):
    return {"type": "Sequence", "pretokenizers": list(members)}


def digits(individual):
    return {"type": "Digits", "individual_digits": individual}


def all_kinds():
    kinds = {
        "bert": {"type": "BertPreTokenizer"},
        "whitespace": {"type": "Whitespace"},
        "whitespace-split": {"type": "WhitespaceSplit"},
        "digits": digits(False),
        "digits-individual": digits(True),
        "char-delimiter": {"type": "CharDelimiterSplit", "delimiter": "-"},
        "char-delimiter-wide": {"type": "CharDelimiterSplit", "delimiter": "é"},
        "unicode-scripts": {"type": "UnicodeScripts"},
        "fixed-length": {"type": "FixedLength"},
        "fixed-length-2": {"type": "FixedLength", "length": 2},
        "byte-level": byte_level(),
        "byte-level-prefix": byte_level(prefix=True),
        "byte-level-no-regex": byte_level(regex=False),
        "byte-level-prefix-no-regex": byte_level(prefix=True, regex=False),
        "metaspace-old": {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True, "str_rep": "▁"},
        "metaspace-old-never": {"type": "Metaspace", "replacement": "▁", "add_prefix_space": False,
                                "prepend_scheme": "never"},
        "metaspace-one-byte": metaspace(replacement="_"),
        "gpt2-split": split(GPT2),
        "llama3": chain(split(LLAMA3), byte_level(regex=False)),
        "gpt4-removed": chain(split(LLAMA3, "Removed", True), byte_level(regex=False)),
        "llama3-matches-removed": split(LLAMA3, "Removed"),
        "llama3-contiguous": split(LLAMA3, "Contiguous"),
        "qwen2": chain(split(LLAMA3.replace("{1,3}", "")), byte_level(regex=False)),
        "llama3-any-digits": split(LLAMA3.replace("{1,3}", "+")),
        "o200k": chain(split(O200K), byte_level(regex=False)),
        "tekken": split(TEKKEN),
        "deepseek-v3": chain(split(r"\p{N}{1,3}"), split(CJK), split(DEEPSEEK), byte_level(regex=False)),
        "deepseek-alone": split(DEEPSEEK),
        "deepseek-removed": split(DEEPSEEK, "Removed", True),
        "cjk": split(CJK),
        "deepseek-v2": chain(split("[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"),
                             split("[一-龥ࠀ-一가-퟿]+"), digits(True), byte_level(regex=False)),
        "starcoder": chain(digits(True), byte_level()),
        "bloom": chain(split(r" ?[^(\s|[.,!?…。，、।۔،])]+"), byte_level(regex=False)),
        "gemma": split(" ", "MergedWithPrevious", kind="String"),
        "llama-next": split(" ", "MergedWithNext", kind="String"),
        "t5": chain({"type": "WhitespaceSplit"}, metaspace()),
        "punctuation-digits": chain({"type": "WhitespaceSplit"}, {"type": "Punctuation", "behavior": "Isolated"},
                                    digits(True)),
        "scripts-after-whitespace": chain({"type": "WhitespaceSplit"}, {"type": "UnicodeScripts"}),
        "prefix-for-each-word": chain({"type": "WhitespaceSplit"}, byte_level(prefix=True)),
        "first-after-split": chain({"type": "WhitespaceSplit"}, metaspace("first")),
        "metaspace-punctuation": chain(metaspace(), {"type": "Punctuation"}),
        "twice-mapped": chain(byte_level(), byte_level(regex=False)),
        "words": split(r"\w+|[^\w\s]+", "Removed", True),
        "empty-pattern": split(""),
        "empty-string": split("", kind="String"),
        "empty-matches": split("b*"),
        "empty-matches-next": split("b*", "MergedWithNext"),
        "lookbehind": split(r"(?<=\p{L})(?=\p{N})"),
        "line-ends": split(r"$"),
        "posix-brackets": split(r"[[:punct:][:cntrl:]]+|[[:upper:]][[:lower:]]*"),
        "categories": split(r"\p{Lu}|\p{Mn}+|[\p{Sc}\p{Sm}\p{So}]|\p{Cf}|\p{Pd}|\p{Nl}|\p{Zs}|\p{Cn}|\p{Co}"),
        "scripts": split(r"\p{Han}|\p{Greek}+|\p{Cyrillic}+|\p{Garay}|\p{Common}|\p{Inherited}"),
        "shorthands": split(r"\d|\h|\w|\s"),
        "case-folding": split(r"(?i:k|ss|é)"),
    }
    for pattern in [r"\s+", r"\s", r"\p{N}", r"\p{N}+", r"\p{L}+", "[\r\n]", "[0-9][0-9][0-9]"]:
        kinds["run " + pattern] = split(pattern)
    for behavior in BEHAVIORS:
        kinds[f"punctuation {behavior}"] = {"type": "Punctuation", "behavior": behavior}
        for invert in False, True:
            kinds[f"regex {behavior} {invert}"] = split(r"\d+|-", behavior, invert)
            kinds[f"string {behavior} {invert}"] = split("aa", behavior, invert, "String")
            kinds[f"character {behavior} {invert}"] = split("▁", behavior, invert, "String")
            kinds[f"run {behavior} {invert}"] = split(r"\p{N}{1,3}", behavior, invert)
    for scheme in "always", "first", "never":
        for cut in False, True:
            kinds[f"metaspace {scheme} {cut}"] = metaspace(scheme, cut)
    kinds |= {
        "kimi": chain(split(KIMI), byte_level(regex=False)),
        "exaone": chain(split(EXAONE), byte_level(regex=False)),
        "falcon": chain({"type": "Punctuation", "behavior": "Contiguous"}, byte_level(), digits(False), split("[0-9][0-9][0-9]")),
        "clip": chain(split(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+", "Removed", True), byte_level(regex=False)),
        "mapped-digits-mapped": chain(byte_level(), digits(True), byte_level(regex=False)),
        "spaced-digits-spaced": chain(metaspace(), digits(True), metaspace("first"), digits(False), metaspace("never", False, "-")),
    }
    return kinds


PARTS = ["a", "b", "Z", "É", "ß", "é", "ǅ", "ª", "ʰ", "中", "国", "の", "カ", "ー", "한", "ا", "अ", "ก", "𐐀", "𐐨",
         "\u0301", "\u093f", "\u20dd", "1", "2", "٣", "Ⅷ", "½", "²", "〇", " ", " ", "  ", "\n", "\r\n", "\r", "\t",
         "\u00a0", "\u2028", "\x85", "\u3000", "'", "'s", "'S", "'ſ", "'t", "'re", "'RE", "'Ve", "'ll", "'lL", "'d",
         "'m", "’s", ".", ",", "!", "-", "--", "_", "/", "//", "$", "+", "€", "…", "。", "😀", "👩\u200d💻", "\u200b",
         "\u00ad", "\ue000", "\U000e0001", "\u0378", "\0", "\x1b", "▁", "▁▁", "Ġ", "hello", "World", "HTTP", "aB", "aa",
         "2024", "12345", "   ", "\n\n", " \n ", "\U0010d50a", "\U0001e5d0", "ẞ", "K", "~", "`a", "(b"]


def random_text(rng):
    return "".join(rng.choice(PARTS) for _ in range(rng.choice([1, 2, 3, 4, 6, 9, 14, 30])))


def random_chain(rng):
    """Kinds of all_kinds() after each other."""
    single = [kind for kind in all_kinds().values() if kind["type"] != "Sequence"]
    return chain(*(rng.choice(single) for _ in range(rng.randrange(2, 6))))


def tokenizer_of(pre_tokenizer):
    return Tokenizer.from_str(json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": pre_tokenizer, "post_processor": None, "decoder": None,
        "model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}}))


def pieces_of(pre_tokenizer, text):
    """[(piece, begin, end)], in bytes of the text."""
    starts, at = [], 0
    for c in text:
        starts.append(at)
        at += len(c.encode())
    starts.append(at)
    return [(piece, starts[begin], starts[end]) for piece, (begin, end) in pre_tokenizer.pre_tokenize_str(text)]


def main():
    rng = random.Random(4)
    texts = ["", " ", "Hello, world! It's 12345 o'clock.\n\n  We'll meet\tat 7pm…  ", "the-final--countdown-"]
    with open(sys.argv[1] if len(sys.argv) > 1 else GOLDEN, "w", encoding="utf-8") as out:
        for name, kind in all_kinds().items():
            pre_tokenizer = tokenizer_of(kind).pre_tokenizer
            cases = [(text, pieces_of(pre_tokenizer, text)) for text in texts + [random_text(rng) for _ in range(12)]]
            json.dump({"name": name, "pre_tokenizer": kind, "cases": cases}, out, ensure_ascii=False, separators=(",", ":"))
            out.write("\n")


if __name__ == "__main__":
    main()
