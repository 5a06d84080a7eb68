#!/usr/bin/env python3
"""The special tokens of model directories without a tokenizer.json, at random, against `transformers`: vocab.txt, vocab.json or a model
of sentencepiece with any tokenizer_config.json, special_tokens_map.json and added_tokens.json beside it, settings of the class included.

    special_tokens_random_oracle.py --program ENCODE_CASES [--directories N] [--first N]
    special_tokens_random_oracle.py --golden [--directories N]      writes tests/golden/special-tokens.jsonl

Needs transformers (without torch), sentencepiece and protobuf. Each has a number and is the same in every run. Exit 1 when one differs.
Of a class the golden file has the model that lies in tests/golden/sentencepiece.
"""
import json
import os
import pathlib
import random
import sys
import tempfile

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")
import sentencepiece  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402

import at_random  # noqa: E402
from compare import Case, Reference, compare, quiet  # noqa: E402
from sentencepiece_oracle import CLASSES, FILES, MODELS, TYPES  # noqa: E402

WORDS = ["the", "ab", "a", "b", "New", "York", "é", "1", "x", "##b", "▁", "."]
TOKENS = ["[MASK]", "<mask>", "[CLS]", "[SEP]", "<s>", "</s>", "<pad>", "[UNK]", "<unk>", "<extra_id_0>", "<x1>", "<X2>", "ab", "the", "New York", "<user>", ""]
NAMES = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"]
SETTINGS = ["add_prefix_space", "do_lower_case", "keep_accents", "strip_accents", "tokenize_chinese_chars", "split_by_punct", "legacy", "add_bos_token",
            "add_eos_token", "trim_offsets"]
FLAGS = ["lstrip", "rstrip", "single_word", "normalized", "special"]


# ---- The files ------------------------------------------------------------------------------------------------------

def flags(rng):
    return {flag: rng.random() < .5 for flag in FLAGS if rng.random() < .7}


def token(rng, content=None, **kind):
    content = content or rng.choice(TOKENS)
    return content if rng.random() < .5 else {**kind, "content": content, **flags(rng)}


def several(rng, **kind):
    return [token(rng, content, **kind) for content in rng.sample(TOKENS, rng.choice((0, 1, 2, 3)))]


def names(rng, **kind):
    """Of these, most classes need cls and sep."""
    return {name: None if name[:3] not in ("cls", "sep") and rng.random() < .1 else token(rng, **kind) for name in NAMES if rng.random() < .2}


def config(rng, of_class, settings):
    kind = {"__type": "AddedToken"}
    out = {**settings, **{key: rng.random() < .5 for key in SETTINGS if rng.random() < .2}, **names(rng, **kind)}
    if rng.random() < .8 or of_class in ("LlamaTokenizer", "GemmaTokenizer"):  # else model_type says it; of these it says less
        out["tokenizer_class"] = of_class
    for key in ("additional_special_tokens", "extra_special_tokens"):
        if rng.random() < .25:
            out[key] = several(rng, **kind) if rng.random() < .9 else None
    if rng.random() < .1:
        out["extra_special_tokens"] = {f"{name}_token": rng.choice(TOKENS) for name in ("image", "video")}
    if rng.random() < .1:
        out["audio_token"] = token(rng, **kind)
    if rng.random() < .3:
        out["added_tokens_decoder"] = {str(number): {"content": content, **flags(rng)} for number, content in zip(rng.sample(range(60), 3), rng.sample(TOKENS, 3))}
    return out


def token_map(rng):
    out = names(rng)
    if rng.random() < .3:
        out["additional_special_tokens"] = rng.sample(TOKENS, 3)
    if rng.random() < .2:
        out["extra_special_tokens"] = several(rng)
    return out


def companions(rng, of_class, settings):
    files = {"tokenizer_config.json": config(rng, of_class, settings)}
    if rng.random() < .4:
        files["special_tokens_map.json"] = token_map(rng)
    # Not followed: the unknown piece of Camembert's is the first of its name; Albert's loses its template with these settings.
    for key in {"CamembertTokenizer": ("pad_token", "unk_token"), "AlbertTokenizer": ("add_bos_token", "add_eos_token")}.get(of_class, ()):
        for content in files.values():
            content.pop(key, None)
    if rng.random() < .4:
        files["added_tokens.json"] = dict(zip(rng.sample(TOKENS, 3), rng.sample(range(1000, 1010), 3)))
    return files


def trained(scratch):
    """Small models of sentencepiece by their name in MODELS."""
    out = {}
    for name in dict.fromkeys(model for model, _, _ in CLASSES.values()):
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["the cab and the bat a b x 1 é New York"] * 9), model_prefix=str(scratch / name), minloglevel=2,
            hard_vocab_limit=False, vocab_size=300 if MODELS[name].get("byte_fallback") else 60, **MODELS[name])
        out[name] = (scratch / f"{name}.model").read_bytes()
    return out


def write_vocabulary(rng, folder, models):
    """Returns the class and its settings. `models`: bytes by the name of the model or of its class."""
    kind = rng.choice(("vocab.txt", "vocab.json", "sentencepiece"))
    if kind == "vocab.txt":
        of_class, model_type = rng.choice((("BertTokenizer", "bert"), ("DistilBertTokenizer", "distilbert"), ("ElectraTokenizer", "electra"), ("MPNetTokenizer", "mpnet")))
        own = ["<s>", "<pad>", "</s>", "[UNK]"] if model_type == "mpnet" else ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        (folder / kind).write_text("\n".join([*own, "the", "york", "<x1>", *"abx1.é", "##b", "##a", *["<mask>"] * (model_type == "mpnet")]))
        (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
        return of_class, {}
    if kind == "vocab.json":
        pieces = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "Ġ", *"abthexNYork1.Ã©<>", "th", "the", "ab", "Ġthe"]
        (folder / kind).write_text(json.dumps({piece: i for i, piece in enumerate(pieces)}))
        (folder / "merges.txt").write_text("#version: 0.2\nt h\nth e\na b\nĠ the\n")
        of_class, model_type = rng.choice((("RobertaTokenizer", "roberta"), ("GPT2Tokenizer", "gpt2"), ("BartTokenizer", "bart")))
        (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
        return of_class, {}
    model, of_class, settings = rng.choice([entry for entry in CLASSES.values() if entry[1]])
    name = of_class.removesuffix("Fast")
    (folder / FILES.get(name, "tokenizer.model")).write_bytes(models.get(model) or models[name])
    (folder / "config.json").write_text(json.dumps({"model_type": TYPES[name]}))
    return of_class, settings


# ---- Comparing ------------------------------------------------------------------------------------------------------

def texts(rng):
    for _ in range(40):
        yield "".join(rng.choice(TOKENS + WORDS) + rng.choice(("", " ", "  ")) for _ in range(rng.randrange(1, 8)))


def check(program, number, models):
    rng = random.Random(number)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        files = companions(rng, *write_vocabulary(rng, folder, models))
        for name, content in files.items():
            (folder / name).write_text(json.dumps(content))
        try:
            reference = Reference(AutoTokenizer.from_pretrained(folder).backend_tokenizer)
        except Exception:
            return 0, 0, ""
        cases, differences, said = compare(program, f"directory {number}", folder, reference, [Case(text) for text in texts(rng)])
        return cases, differences, said + "\n" + json.dumps(files, ensure_ascii=False) if differences else ""


def write_golden(n):
    """A line a directory: its files, that of a model by its place in tests/golden, and texts with their ids."""
    golden, lines = pathlib.Path(__file__).resolve().parents[2] / "tests/golden", []
    places = {name: f"sentencepiece/{ {'BigBirdTokenizer': 'big_bird', 'LlamaTokenizer': 'llama-new'}.get(name, TYPES[name]) }/tokenizer.model" for name in TYPES}
    models = {name: (golden / place).read_bytes() for name, place in places.items()}
    for number in range(n):
        rng = random.Random(number)
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            of_class, settings = write_vocabulary(rng, folder, models)
            beside = companions(rng, of_class, settings)
            for name, content in beside.items():
                (folder / name).write_text(json.dumps(content))
            try:
                tokenizer = AutoTokenizer.from_pretrained(folder).backend_tokenizer
                cases = [{"text": text, "ids": tokenizer.encode(text).ids} for text in list(texts(rng))[:5]]
            except Exception:
                continue
            files = {path.name: path.read_text() for path in sorted(folder.iterdir()) if path.suffix != ".model"}
            model = {path.name: places[of_class.removesuffix("Fast")] for path in folder.glob("*.model")}
        lines.append(json.dumps({"files": files, "model": model, "cases": cases}, ensure_ascii=False))
    (golden / "special-tokens.jsonl").write_text("\n".join(lines) + "\n")


def main():
    parser = at_random.arguments("directories")
    parser.add_argument("--golden", action="store_true")
    args = parser.parse_args()
    if args.golden:
        return write_golden(args.directories)
    with tempfile.TemporaryDirectory() as scratch:
        models = trained(pathlib.Path(scratch))
        quiet()
        return at_random.run(args, "directories", lambda number: check(args.program, number, models))


if __name__ == "__main__":
    sys.exit(main())
