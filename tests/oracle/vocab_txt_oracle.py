#!/usr/bin/env python3
"""Compares a tokenizer read from vocab.txt with the BertTokenizer of `transformers`: ids of random texts under every
combination of the files that may lie beside it. Exit 1 when there is a difference.

    vocab_txt_oracle.py ENCODE_CASES

Needs tools/oracle/requirements.txt.
"""
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")
from transformers import AutoTokenizer  # noqa: E402

import compare  # noqa: E402
import texts  # noqa: E402

TOKEN = {"content": "[NEW]", "lstrip": True, "normalized": True, "rstrip": False, "single_word": False, "special": False}
BERT = {"tokenizer_class": "BertTokenizer"}
CONFIGS = {
    "none": {},
    "empty": {"tokenizer_config.json": BERT},
    "cased": {"tokenizer_config.json": BERT | {"do_lower_case": False}},
    "cased-strip": {"tokenizer_config.json": BERT | {"do_lower_case": False, "strip_accents": True}},
    "keep": {"tokenizer_config.json": BERT | {"strip_accents": False, "tokenize_chinese_chars": False}},
    "names": {"tokenizer_config.json": BERT | {"cls_token": "<s>", "sep_token": "</s>", "unk_token": "hello", "bos_token": "foo"}},
    "name-object": {"tokenizer_config.json": BERT | {"mask_token": TOKEN | {"__type": "AddedToken", "content": "[MASK]"}}},
    "decoder": {"tokenizer_config.json": BERT | {"added_tokens_decoder": {
        "900": TOKEN, "3": TOKEN | {"content": "[SEP]", "normalized": False, "special": True},
        "1000": TOKEN | {"content": "New York", "single_word": True, "rstrip": True}}}},
    "decoder-and-map": {"tokenizer_config.json": BERT | {"added_tokens_decoder": {"7": TOKEN}}, "special_tokens_map.json": {"cls_token": "<s>"}},
    "map": {"tokenizer_config.json": BERT | {"cls_token": "foo"}, "special_tokens_map.json": {"cls_token": "<s>", "sep_token": TOKEN | {"content": "</s>"}}},
    "map-alone": {"special_tokens_map.json": {"unk_token": "world", "mask_token": {"content": "[MASK]", "lstrip": True, "normalized": False, "rstrip": False,
                                                                                   "single_word": False}}},
    "added": {"tokenizer_config.json": BERT, "added_tokens.json": {"[NEW]": 5000, "Foo": 4000, "[MASK]": 1}},
    "extra": {"tokenizer_config.json": BERT | {"additional_special_tokens": ["[NEW]", "ab"]}},
    "extra-map": {"tokenizer_config.json": BERT, "special_tokens_map.json": {"additional_special_tokens": ["[NEW]", "ab"]}},
    "other-token": {"tokenizer_config.json": BERT | {"image_token": "<s>", "extra_special_tokens": ["abcd"]}},
}
LINES = {
    "plain": lambda pieces: "".join(p + "\n" for p in pieces),
    "odd": lambda pieces: "".join(p + e for p, e in zip(pieces, ["\r\n", " \n", "\u3000\n", "\n", "\t\r\n"] * 1000)) + "\nthe\nlast",
    "no-special": lambda pieces: "\n".join(pieces[5:]),
}


def vocabulary():
    letters = sorted(set("".join(texts.ALPHABETS)) - set(" \t\n\r\v\f\0"))
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "hello", "world", "un", "##aff", "##able", "new", "##s", "york", "##ing", "mask", "don", "not",
              "do", "New", "foo"]
    return list(dict.fromkeys(pieces + letters + ["##" + c for c in letters]))


def main():
    rng = random.Random(20240302)
    pieces = vocabulary()
    program = sys.argv[1]
    differences = 0
    with tempfile.TemporaryDirectory() as temporary:
        temporary = pathlib.Path(temporary)
        for lines, write in LINES.items():
            for config, files in CONFIGS.items():
                folder = temporary / f"{lines}-{config}"
                folder.mkdir()
                (folder / "vocab.txt").write_text(write(pieces), encoding="utf-8", newline="")
                (folder / "config.json").write_text('{"model_type": "bert"}')
                for name, content in files.items():
                    (folder / name).write_text(json.dumps(content))
                tokenizer = AutoTokenizer.from_pretrained(str(folder)).backend_tokenizer
                cases = [compare.Case(texts.random_text(rng)) for _ in range(400)]
                _, different, said = compare.compare(program, folder.name, folder, compare.Reference(tokenizer), cases)
                print(said)
                differences += different
                shutil.rmtree(folder)
    print(f"{differences} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
