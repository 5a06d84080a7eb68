#!/usr/bin/env python3
"""Bad tokenizer.json files: what we say of each, and what `tokenizers` does with it.

    tests/oracle/bad_files_oracle.py --write tests/golden/bad-files.jsonl     the cases that test_bad_files.c runs

A line is {"name", "file", "error", "reference", "texts"}: the text of the file, our message (null: it is read), whether the
reference reads it, and, where both do, [text, ids] by the reference. The messages are written here by hand.
"""
import argparse
import json

from tokenizers import Tokenizer

TEXTS = ["", "a", "abc cab  ab", "[CLS] a\u0301b", "x\u00e9\u4e2d"]


def special(content, id):
    return {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}


def file(model, **stages):
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None,
            "model": model, **stages}


def wordpiece(**more):
    return {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
            "vocab": {"[UNK]": 0, "a": 1, "b": 2, "##b": 3, "##c": 4, "[CLS]": 5}, **more}


def bpe(merges, vocab=("[UNK]", "a", "b", "c", "ab", "abc", "ca"), **more):
    return {"type": "BPE", "dropout": None, "unk_token": "[UNK]", "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
            "ignore_merges": False, "vocab": {p: i for i, p in enumerate(vocab)}, "merges": merges, **more}


def unigram(vocab=(("<unk>", 0.0), ("a", -1.0), ("b", -2.0), ("ab", -2.5), ("c", -3.0)), unk_id=0, **more):
    return {"type": "Unigram", "unk_id": unk_id, "vocab": [list(p) for p in vocab], "byte_fallback": False, **more}


def template(single, special_tokens):
    return {"type": "TemplateProcessing", "single": single, "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": special_tokens}


def nested(depth, stage, inner, key):
    for _ in range(depth):
        inner = {"type": "Sequence", key: [inner]}
    return file(wordpiece(), **{stage: inner})


def split(pattern):
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


A = {"Sequence": {"id": "A", "type_id": 0}}
CLS = {"SpecialToken": {"id": "[CLS]", "type_id": 0}}
whole = json.dumps(file(wordpiece(), normalizer={"type": "Lowercase"}))


def cases():
    """name, file, our message; None: it is read."""
    for cut in (0, 1, len(whole) // 3, len(whole) - 1):
        yield f"cut at {cut}", whole[:cut], f"tokenizer.json: is not JSON: unexpected end of data at byte {cut}; it is cut short, get it anew" if cut else \
            "tokenizer.json: is empty, expected JSON; get it anew"
    yield "two documents", whole + whole, "tokenizer.json: is not JSON: unexpected content after document at byte 369"
    yield "another version", file(wordpiece()) | {"version": "2.0"}, "tokenizer.json: unsupported: version '2.0', expected '1.0'"

    # Stages that nobody knows
    for stage in ("normalizer", "pre_tokenizer", "post_processor", "decoder"):
        yield f"unknown {stage}", file(wordpiece(), **{stage: {"type": "Reverse"}}), f"tokenizer.json: unsupported: {stage} 'Reverse'; a newer rag_factory may know it"
    yield "unknown model", file({"type": "Markov", "vocab": {}}), "tokenizer.json: unsupported: model 'Markov'; a newer rag_factory may know it"
    yield "unknown normalizer in a sequence", nested(3, "normalizer", {"type": "Reverse"}, "normalizers"), "tokenizer.json: unsupported: normalizer 'Reverse'; a newer rag_factory may know it"
    yield "a normalizer as pre_tokenizer", file(wordpiece(), pre_tokenizer={"type": "NFC"}), "tokenizer.json: unsupported: pre_tokenizer 'NFC'; a newer rag_factory may know it"
    yield "an unknown behavior", file(wordpiece(), pre_tokenizer=split("a") | {"behavior": "Kept"}), "tokenizer.json: pre_tokenizer 'Split' has the unknown behavior 'Kept'"

    # Nesting
    yield "a sequence of 30 levels", nested(28, "normalizer", {"type": "Lowercase"}, "normalizers"), None
    yield "a sequence of 40 levels", nested(40, "normalizer", {"type": "Lowercase"}, "normalizers"), "tokenizer.json: is nested deeper than 64 levels"
    yield "40 normalizers", file(wordpiece(), normalizer={"type": "Sequence", "normalizers": [{"type": "Lowercase"}] * 40}), "tokenizer.json: more than 32 normalizers in a row"
    yield "40 pre_tokenizers", file(wordpiece(), pre_tokenizer={"type": "Sequence", "pretokenizers": [{"type": "Whitespace"}] * 40}), "tokenizer.json: more than 32 pre-tokenizers in a row"
    yield "40 decoders", file(wordpiece(), decoder={"type": "Sequence", "decoders": [{"type": "Fuse"}] * 40}), "tokenizer.json: more than 32 decoders in a row"

    # Merges
    yield "a merge of a piece that is none", file(bpe(["a b", "ab x"])), "tokenizer.json: the merges need the piece 'x', which the vocabulary does not have"
    yield "a merge into a piece that is none", file(bpe([["a", "b"], ["b", "c"]])), "tokenizer.json: the merges need the piece 'bc', which the vocabulary does not have"
    yield "merges in a circle", file(bpe([["ab", "c"], ["a", "b"], ["c", "a"], ["abc", "a"], ["b", "c"]], vocab=("[UNK]", "a", "b", "c", "ab", "abc", "ca", "abca", "bc"))), None
    yield "a merge with nothing", file(bpe([["", "a"], ["a", ""]], vocab=("[UNK]", "", "a", "b"))), None
    yield "a merge twice", file(bpe([["a", "b"], ["ab", "c"], ["a", "b"]])), None
    yield "merges of two forms", file(bpe(["a b", ["ab", "c"]])), "tokenizer.json: merge 2 is an array, expected a string, as the others are"
    yield "a merge of three", file(bpe([["a", "b", "c"]])), "tokenizer.json: merge 1 is no pair of strings, as the others are"
    yield "a merge without a space", file(bpe(["ab"])), "tokenizer.json: merge 1 is 'ab', expected two pieces with a space between"
    yield "merges, no vocabulary", file({"type": "BPE", "merges": []}), "tokenizer.json: 'model' has no 'vocab'"
    yield "an unknown token that is no piece", file(bpe(["a b"], unk_token="<none>")), None
    yield "byte_fallback without bytes", file(bpe(["a b"], byte_fallback=True)), None

    # Vocabularies
    yield "two pieces, one id", file(wordpiece(vocab={"[UNK]": 0, "a": 1, "b": 1, "##b": 2, "##c": 3})), None
    yield "an id too high", file(wordpiece(vocab={"[UNK]": 0, "a": 4294967295})), "tokenizer.json: the id of 'a' in 'model.vocab' is out of range, expected 0 to 16777215"
    yield "an id below zero", file(wordpiece(vocab={"[UNK]": 0, "a": -1})), "tokenizer.json: the id of 'a' in 'model.vocab' is out of range, expected 0 to 16777215"
    yield "no unknown piece", file(wordpiece(vocab={"a": 0})), None
    yield "the vocabulary as a list", file(wordpiece(vocab=["a"])), "tokenizer.json: 'vocab' is an array, expected an object"
    yield "unk_id out of range", file(unigram(unk_id=5)), "tokenizer.json: 'model.unk_id' is 5, but there are 5 pieces"
    yield "no unk_id", file(unigram(unk_id=None)), None
    yield "a score that is no number", file(unigram(vocab=(("<unk>", "0"),))), "tokenizer.json: element 0 of 'model.vocab' is not a piece and its score"
    yield "a piece twice", file(unigram(vocab=(("<unk>", 0.0), ("a", -1.0), ("a", -5.0), ("b", -2.0)))), None
    yield "no pieces", file(unigram(vocab=(), unk_id=None)), None

    # Added tokens
    yield "an added token with another id", file(wordpiece(), added_tokens=[special("[CLS]", 900)]), None
    yield "an added token twice", file(wordpiece(), added_tokens=[special("[CLS]", 5), special("[CLS]", 5) | {"special": False, "normalized": True}]), None
    yield "an added token of nothing", file(wordpiece(), added_tokens=[special("", 5)]), None
    yield "an added token without content", file(wordpiece(), added_tokens=[{"id": 5}]), "tokenizer.json: 'added_tokens' has an element without 'content'"

    # Strings that are too long
    long = "a" * 4097
    yield "a piece that is too long", file(wordpiece(vocab={"[UNK]": 0, long: 1})), "tokenizer.json: 'model.vocab': unsupported: piece 1 has 4097 bytes; the limit is 4096"
    yield "the longest piece", file(wordpiece(vocab={"[UNK]": 0, long[1:]: 1})), None
    yield "an added token that is too long", file(wordpiece(), added_tokens=[special(long, 5)]), "tokenizer.json: unsupported: an added token of 4097 bytes; the limit is 4096"
    yield "a string that is too long to split at", file(wordpiece(), pre_tokenizer=split("a") | {"pattern": {"String": long}}), "tokenizer.json: pre_tokenizer 'Split': unsupported: a string of 4097 bytes to split at; the limit is 4096"
    yield "a decoder's string that is too long", file(wordpiece(), decoder={"type": "Replace", "pattern": {"String": long}, "content": ""}), "tokenizer.json: unsupported: 'decoder.pattern' has 4097 bytes; the limit is 4096"

    # Post-processors
    yield "a template with an unknown token", file(wordpiece(), post_processor=template([CLS, A], {})), "tokenizer.json: 'post_processor.single' names '[CLS]', which 'post_processor.special_tokens' does not have"
    yield "a template with an id that is no piece", file(wordpiece(), post_processor=template([CLS, A], {"[CLS]": {"id": "[CLS]", "ids": [900], "tokens": ["[CLS]"]}})), None
    yield "a template of a third text", file(wordpiece(), post_processor=template([{"Sequence": {"id": "C", "type_id": 0}}], {})), "tokenizer.json: 'post_processor.single' has the sequence 'C', expected 'A' or 'B'"
    yield "a template for one with two", file(wordpiece(), post_processor=template([{"Sequence": {"id": "B", "type_id": 0}}], {})), "tokenizer.json: 'post_processor.single' has the sequence 'B', but there is one text only"
    yield "a template without the text", file(wordpiece(), post_processor=template([CLS], {"[CLS]": {"id": "[CLS]", "ids": [5], "tokens": ["[CLS]"]}})), None
    yield "BertProcessing without sep", file(wordpiece(), post_processor={"type": "BertProcessing", "cls": ["[CLS]", 5]}), "tokenizer.json: 'post_processor.sep' names no id, expected [\"TOKEN\", id]"

    # Regular expressions
    yield "a regular expression that is none", file(wordpiece(), pre_tokenizer=split("a(b")), "tokenizer.json: pre_tokenizer 'Split': regular expression 'a(b': end pattern with unmatched parenthesis"
    yield "an unknown property", file(wordpiece(), pre_tokenizer=split("\\p{Nonsense}")), "tokenizer.json: pre_tokenizer 'Split': regular expression '\\p{Nonsense}': invalid character property name {Nonsense}"
    yield "groups of 2,000 levels", file(wordpiece(), pre_tokenizer=split("(" * 2000 + ")" * 2000)), "tokenizer.json: pre_tokenizer 'Split': regular expression '((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((': parse depth limit over"
    yield "a repeat that is too long", file(wordpiece(), pre_tokenizer=split("a{200000}")), "tokenizer.json: pre_tokenizer 'Split': regular expression 'a{200000}': too big number for repeat range"
    yield "a replacement by a broken expression", file(wordpiece(), normalizer={"type": "Replace", "pattern": {"Regex": "[b-a]"}, "content": ""}), "tokenizer.json: normalizer 'Replace': regular expression '[b-a]': empty range in char class"

    # Values of other types
    yield "a list", [], "tokenizer.json: is an array, expected an object"
    yield "no model", {"version": "1.0"}, "tokenizer.json: has no 'model', so it is no tokenizer.json; expected one, or a model directory"
    yield "a model that is a number", {"model": 7}, "tokenizer.json: 'model' is a number, expected an object"
    yield "lowercase as a number", file(wordpiece(), normalizer={"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": 1}), "tokenizer.json: 'lowercase' is a number, expected true or false"
    yield "a charsmap that is none", file(wordpiece(), normalizer={"type": "Precompiled", "precompiled_charsmap": "AAAA"}), "tokenizer.json: normalizer 'Precompiled': precompiled_charsmap: no trie of the size that it names, of 3 bytes"
    yield "a charsmap that is no base64", file(wordpiece(), normalizer={"type": "Precompiled", "precompiled_charsmap": "=!"}), "tokenizer.json: normalizer 'Precompiled': precompiled_charsmap is not valid base64"


def reference(text):
    """The tokenizer, or None."""
    try:
        return Tokenizer.from_str(text)
    except BaseException:  # a panic is no Exception
        return None


def ids(tokenizer, text):
    try:
        return tokenizer.encode(text).ids
    except BaseException:
        return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", required=True)
    with open(parser.parse_args().write, "w") as out:
        for name, content, error in cases():
            text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
            theirs = reference(text)
            line = {"name": name, "file": text, "error": error, "reference": theirs is not None}
            if error is None:
                line["texts"] = [[t, ids(theirs, t)] for t in TEXTS]
            out.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
