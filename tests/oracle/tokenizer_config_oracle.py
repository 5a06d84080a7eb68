#!/usr/bin/env python3
"""A tokenizer.json with a tokenizer_config.json beside it, in every variant of the fields that change ids, and with
special_tokens_map.json and added_tokens.json, against `transformers` (AutoTokenizer of the directory). Versions 4 and 5
differ with some lists of special tokens in the latter two, and 4 does not look at MPNet's tokenize_chinese_chars; a
case in which both differ from ours is a mistake.

    tokenizer_config_oracle.py LIBRARY [--only WORD]       LIBRARY is librag_factory.so

Needs transformers, without torch. Ends with the number of comparisons and of differences.
"""
import argparse
import ctypes as c
import itertools
import json
import os
import pathlib
import sys
import tempfile

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from transformers import AutoTokenizer  # noqa: E402

from edges_oracle import Ours  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
ABSENT = object()
TEXTS = ["The caf\u00e9 and the \u00c9cole", "\u4e2d\u6587 the\u4e2d dog", "[CLS] a [MASK] b [SEP]", "<s> a <mask> b </s>", "an [NEW] one [new] [OTHER]x", "\u0130stanbul a\u0301\u0323 stra\u00dfe",
         "  a   b  ", ""]
# Of each class the type of its model, and the names of its special tokens: with those of another one transformers adds them
# above the vocabulary, where no model has a vector.
CLASSES = {"BertTokenizer": ("bert", "bert"), "BertTokenizerFast": ("bert", "bert"), "DistilBertTokenizer": ("distilbert", "bert"), "ElectraTokenizer": ("electra", "bert"),
           "MPNetTokenizer": ("mpnet", "mpnet"), "MPNetTokenizerFast": ("mpnet", "mpnet"), "PreTrainedTokenizerFast": ("bert", "bert")}
NAMES = {"bert": {}, "mpnet": {"[CLS]": "<s>", "[SEP]": "</s>", "[PAD]": "<pad>", "[MASK]": "<mask>"}}
NAMED = {"bert": {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "mask_token": "[MASK]", "unk_token": "[UNK]"},
         "mpnet": {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "pad_token": "<pad>", "mask_token": "<mask>", "unk_token": "[UNK]"}}
CASE = dict(special=True, limit=None, pair=None)


def renamed(value, names):
    if isinstance(value, dict):
        return {names.get(k, k): renamed(v, names) for k, v in value.items()}
    if isinstance(value, list):
        return [renamed(v, names) for v in value]
    return names.get(value, value) if isinstance(value, str) else value


def tokenizer_json(names, **normalizer):
    file = renamed(json.loads((ROOT / "tests/golden/matrix-bert/tokenizer.json").read_text()), NAMES[names])
    file["truncation"] = file["padding"] = None
    file["normalizer"].update(normalizer)
    return file


def token(content, **flags):
    return {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True, **flags}


def variants():
    """Class, name, tokenizer.json, tokenizer_config.json; and, where there are more, {name: value} of the other files."""
    flags = list(itertools.product((ABSENT, True, False), (ABSENT, None, True, False), (ABSENT, True, False)))
    for of_class, cased, (lower, strip, chinese) in itertools.product(CLASSES, (False, True), flags):
        config = {"tokenizer_class": of_class, "do_lower_case": lower, "strip_accents": strip, "tokenize_chinese_chars": chinese}
        config = {k: v for k, v in config.items() if v is not ABSENT}
        yield of_class, f"{of_class} {config}", tokenizer_json(CLASSES[of_class][1], lowercase=not cased, strip_accents=False if cased else None), config
    tokens = {
        "nothing": {},
        "decoder": {"added_tokens_decoder": {"228": token("[NEW]")}},
        "decoder, plain": {"added_tokens_decoder": {"228": token("[NEW]", special=False, normalized=True), "229": token("[OTHER]", special=False)}},
        "decoder, lstrip": {"added_tokens_decoder": {"228": token("[NEW]", lstrip=True, rstrip=True, single_word=True)}},
        "extra": {"additional_special_tokens": ["[NEW]", "[OTHER]"]},
        "mask": {"mask_token": {"__type": "AddedToken", **token("[NEW]", lstrip=True)}},
    }
    for of_class, cased, (sort, more), are_named in itertools.product(CLASSES, (False, True), tokens.items(), (False, True)):
        config = {"tokenizer_class": of_class, "do_lower_case": not cased, **(NAMED[CLASSES[of_class][1]] if are_named else {}), **more}
        yield of_class, f"{of_class} {config}", tokenizer_json(CLASSES[of_class][1], lowercase=not cased, strip_accents=False if cased else None), config
    for of_class, cased, (lower, strip, chinese) in itertools.product(("BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "MPNetTokenizer"), (False, True), flags):
        config = {"do_lower_case": lower, "strip_accents": strip, "tokenize_chinese_chars": chinese}
        config = {k: v for k, v in config.items() if v is not ABSENT}
        yield of_class, f"{of_class} by config.json {config}", tokenizer_json(CLASSES[of_class][1], lowercase=not cased, strip_accents=False if cased else None), config
    new, both = {"mask_token": {"__type": "AddedToken", **token("[NEW]", lstrip=True)}}, {"[OTHER]": 228, "[NEW]": 229}
    decoder, extra, plain = tokens["decoder, plain"], {"additional_special_tokens": ["[NEW]"]}, {"mask_token": "[NEW]"}
    image, video = {"extra_special_tokens": {"image_token": "[NEW]"}}, {"extra_special_tokens": {"b_token": "[OTHER]", "a_token": "[NEW]"}}
    more = [(config, {"special_tokens_map.json": map}) for config in ({}, decoder, {"additional_special_tokens": ["[OTHER]"]}, {"mask_token": "[OTHER]"})
            for map in (extra, new, plain, {**plain, "additional_special_tokens": ["[OTHER]", "[NEW]"]}, {"additional_special_tokens": [token("[NEW]", rstrip=True)]})]
    more += [(config, {"added_tokens.json": added}) for config in ({}, decoder, extra, plain, {"additional_special_tokens": ["[OTHER]"]}, tokens["decoder, lstrip"])
             for added in ({"[NEW]": 228}, both, {"[new]": 228, "[CLS]": 101}, {"an": 300})]
    more += [({**image, **config}, files) for config in ({}, decoder, plain) for files in ({}, {"added_tokens.json": both}, {"special_tokens_map.json": extra})]
    more += [(video, {}), ({**video, "additional_special_tokens": ["x"]}, {}), ({}, {"special_tokens_map.json": extra, "added_tokens.json": both})]
    for of_class, are_named, (config, files) in itertools.product(("BertTokenizer", "MPNetTokenizerFast", "PreTrainedTokenizerFast"), (False, True), more):
        config = {"tokenizer_class": of_class, **(NAMED[CLASSES[of_class][1]] if are_named else {}), **config}
        yield of_class, f"{of_class} {config} {files}", tokenizer_json(CLASSES[of_class][1]), config, files


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    lib = c.CDLL(str(pathlib.Path(args.library).resolve()))
    lib.rf_tokenizer_free.restype = lib.rf_encoding_free.restype = None
    lib.rf_tokenizer_free.argtypes = lib.rf_encoding_free.argtypes = [c.c_void_p]
    n = differences = refused = 0
    for of_class, name, file, config, *more in variants():
        if args.only not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "tokenizer.json").write_text(json.dumps(file))
            pathlib.Path(folder, "tokenizer_config.json").write_text(json.dumps(config))
            for other, content in (more[0] if more else {}).items():
                pathlib.Path(folder, other).write_text(json.dumps(content))
            pathlib.Path(folder, "config.json").write_text(json.dumps({"model_type": CLASSES[of_class][0]}))
            try:
                theirs = AutoTokenizer.from_pretrained(folder)
            except Exception as error:
                refused += 1
                print(f"{name}: transformers: {error!r:.200}")
                continue
            ours = Ours(lib, folder)
            wrong = []
            for text in TEXTS:
                expected, got = theirs(text)["input_ids"], ours.encode({"text": text, **CASE}).get("ids")
                n += 1
                if expected != got:
                    wrong.append((text, expected, got))
            differences += len(wrong)
            if wrong:
                print(f"{name}: {len(wrong)} differ, such as {wrong[0]}", flush=True)
            lib.rf_tokenizer_free(ours.t)
    print(f"{n} comparisons, {differences} differences, {refused} refused by transformers")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
