#!/usr/bin/env python3
"""Models of sentencepiece opened without a tokenizer.json, against `transformers` where it knows the class, and against
`sentencepiece` where it does not.

    sentencepiece_oracle.py --program ENCODE_CASES [--random N] [--only WORD] [--folder DIR] [--parts] [--models N]

Needs transformers (without torch), sentencepiece and protobuf. Trains the models on tests/golden/texts.bin (once, when
--folder names where to keep them). Texts: texts.bin, every code point alone and between letters, random and mutated
strings. Then N models at random (sentencepiece_random_oracle.py), each as one of the classes. Ends with the number of differences.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import sentencepiece  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402

from compare import Case, IdsReference, Reference, compare  # noqa: E402
import sentencepiece_random_oracle as random_oracle  # noqa: E402
import texts as texts_module  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = {"XLMRobertaTokenizer": "sentencepiece.bpe.model", "CamembertTokenizer": "sentencepiece.bpe.model", "T5Tokenizer": "spiece.model",
         "AlbertTokenizer": "spiece.model", "XLNetTokenizer": "spiece.model", "BigBirdTokenizer": "spiece.model", "DebertaV2Tokenizer": "spm.model"}
TYPES = {"XLMRobertaTokenizer": "xlm-roberta", "CamembertTokenizer": "camembert", "T5Tokenizer": "t5", "AlbertTokenizer": "albert",
         "XLNetTokenizer": "xlnet", "BigBirdTokenizer": "big_bird",
         "DebertaV2Tokenizer": "deberta-v2", "LlamaTokenizer": "llama", "GemmaTokenizer": "gemma"}
MODELS = {
    "uni": dict(model_type="unigram", normalization_rule_name="nmt_nfkc"),
    "uni-bytes": dict(model_type="unigram", normalization_rule_name="nmt_nfkc_cf", byte_fallback=True, split_digits=True,
                      user_defined_symbols=["<user>", "the ", "▁foo", "é"]),
    "uni-identity": dict(model_type="unigram", normalization_rule_name="identity", add_dummy_prefix=False, remove_extra_whitespaces=False),
    "uni-suffix": dict(model_type="unigram", normalization_rule_name="nfkc", treat_whitespace_as_suffix=True),
    "uni-cross": dict(model_type="unigram", normalization_rule_name="nfkc", split_by_whitespace=False, split_by_unicode_script=False),
    "t5": dict(model_type="unigram", normalization_rule_name="nmt_nfkc", pad_id=0, eos_id=1, unk_id=2, bos_id=-1),
    "albert": dict(model_type="unigram", normalization_rule_name="nmt_nfkc", pad_id=0, unk_id=1, bos_id=-1, eos_id=-1,
                   control_symbols=["[CLS]", "[SEP]"], user_defined_symbols=["[MASK]", "new york"]),
    "xlnet": dict(model_type="unigram", normalization_rule_name="nmt_nfkc", unk_id=0, bos_id=1, eos_id=2,
                  control_symbols=["<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>"]),
    "bigbird": dict(model_type="unigram", normalization_rule_name="nmt_nfkc", pad_id=0, eos_id=1, bos_id=2, unk_id=3, control_symbols=["[CLS]", "[SEP]"],
                    user_defined_symbols=["[MASK]"]),
    "deberta": dict(model_type="unigram", normalization_rule_name="nmt_nfkc", pad_id=0, unk_id=3, bos_id=1, eos_id=2, pad_piece="[PAD]",
                    bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]"),
    "bpe": dict(model_type="bpe", normalization_rule_name="identity", byte_fallback=True, split_digits=True, remove_extra_whitespaces=False,
                allow_whitespace_only_pieces=True),
    "bpe-user": dict(model_type="bpe", normalization_rule_name="nmt_nfkc", user_defined_symbols=["<user>", "ab", "the "]),
    "gemma": dict(model_type="bpe", normalization_rule_name="identity", byte_fallback=True, split_digits=True, remove_extra_whitespaces=False,
                  add_dummy_prefix=False, pad_id=0, eos_id=1, bos_id=2, unk_id=3, pad_piece="<pad>", eos_piece="<eos>", bos_piece="<bos>",
                  user_defined_symbols=["<mask>", "<start_of_turn>", "\n\n"], allow_whitespace_only_pieces=True),
}
CLASSES = {
    "xlmr": ("uni", "XLMRobertaTokenizer", {}),
    "xlmr-mask": ("uni-bytes", "XLMRobertaTokenizerFast", {"mask_token": {"__type": "AddedToken", "content": "<mask>", "lstrip": True}, "add_prefix_space": False}),
    "xlmr-type": ("uni-cross", None, {}),
    "camembert": ("uni", "CamembertTokenizer", {}),
    "t5": ("t5", "T5Tokenizer", {}),
    "t5-extra": ("t5", "T5Tokenizer", {"extra_ids": 7}),
    "albert": ("albert", "AlbertTokenizer", {}),
    "albert-accents": ("albert", "AlbertTokenizer", {"keep_accents": True, "do_lower_case": False}),
    "xlnet": ("xlnet", "XLNetTokenizer", {}),
    "xlnet-lower": ("xlnet", "XLNetTokenizer", {"do_lower_case": True}),
    "bigbird": ("bigbird", "BigBirdTokenizer", {}),
    "bigbird-plain": ("bigbird", "BigBirdTokenizer", {"add_prefix_space": False}),
    "deberta": ("deberta", "DebertaV2Tokenizer", {}),
    "deberta-lower": ("deberta", "DebertaV2Tokenizer", {"do_lower_case": True, "split_by_punct": True}),
    "llama": ("bpe", "LlamaTokenizer", {}),
    "llama-legacy": ("bpe", "LlamaTokenizer", {"add_bos_token": True, "legacy": True}),
    "llama-new": ("bpe", "LlamaTokenizer", {"add_bos_token": True, "add_eos_token": True, "legacy": False}),
    "llama-user": ("bpe-user", "LlamaTokenizer", {"add_bos_token": True}),
    "gemma": ("gemma", "GemmaTokenizer", {"add_bos_token": True}),
}


def train(folder):
    lines = [line for text in texts_module.golden() for line in text.split("\n") if line.strip()]
    for name, options in MODELS.items():
        path = folder / name
        if not path.with_suffix(".model").exists():
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(lines), model_prefix=str(path), minloglevel=2, hard_vocab_limit=False, max_sentence_length=100000,
                character_coverage=0.998, vocab_size=5000 if options["model_type"] == "bpe" else 4000, **options)


def class_directory(folder, models, name):
    model, of_class, config = CLASSES[name]
    kind = (of_class or "XLMRobertaTokenizer").removesuffix("Fast")
    path = folder / name
    path.mkdir()
    shutil.copy(models / f"{model}.model", path / FILES.get(kind, "tokenizer.model"))
    if of_class:
        (path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": of_class, **config}))
    (path / "config.json").write_text(json.dumps({"model_type": TYPES[kind]}))
    return path


def random_models(program, folder, n):
    """Returns the number of differences; models that transformers refuses are left out."""
    maps, differences = random_oracle.charsmaps(folder), 0
    for seed in range(n):
        rng = random.Random(seed)
        model, pieces = random_oracle.random_model(rng, maps)
        kind = "bpe" if random_oracle.is_bpe(model) else "unigram"
        name = rng.choice([name for name, (trained, _, _) in CLASSES.items() if MODELS[trained]["model_type"] == kind])
        with tempfile.TemporaryDirectory() as scratch:
            scratch = pathlib.Path(scratch)
            (scratch / f"{CLASSES[name][0]}.model").write_bytes(model)
            path = class_directory(scratch, scratch, name)
            try:
                reference = Reference(AutoTokenizer.from_pretrained(path).backend_tokenizer)
            except Exception:
                continue
            _, found, said = compare(program, f"{name} of model {seed}", path, reference, list(random_oracle.cases(rng, pieces)))
        if found:
            print(said, flush=True)
        differences += found
    print(f"{n} models at random: {differences} differences", flush=True)
    return differences


def points(part, parts):
    return [Case(t) for t in texts_module.points(part % parts, parts)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--random", type=int, default=20000)
    parser.add_argument("--only", default="")
    parser.add_argument("--folder")
    parser.add_argument("--parts", action="store_true")
    parser.add_argument("--models", type=int, default=250)
    args = parser.parse_args()
    rng = random.Random(20260102)
    golden = texts_module.golden()
    texts = golden + [texts_module.random_text(rng) for _ in range(args.random // 2)]
    texts += [texts_module.mutated(rng.choice(golden), rng) for _ in range(args.random // 2)]
    total = 0
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        models = pathlib.Path(args.folder) if args.folder else scratch
        train(models)
        parts = len(CLASSES) + len(MODELS) if args.parts else 1  # with --parts each sees a part of the code points
        cases = [Case(t) for t in texts]
        pairs = [Case(rng.choice(golden)[:200], rng.choice(golden)[:200]) for _ in range(500)]
        for i, name in enumerate(CLASSES):
            if args.only in name:
                path = class_directory(scratch, models, name)
                reference = Reference(AutoTokenizer.from_pretrained(path).backend_tokenizer)
                _, differences, said = compare(args.program, name, path, reference, cases + pairs + points(i, parts))
                print(said, flush=True)
                total += differences
        for i, name in enumerate(MODELS, len(CLASSES)):
            if args.only in f"plain-{name}":
                path = models / f"{name}.model"
                plain = sentencepiece.SentencePieceProcessor(model_file=str(path))
                _, differences, said = compare(args.program, f"plain-{name}", path, IdsReference(plain.encode), cases + points(i, parts))
                print(said, flush=True)
                total += differences
        total += random_models(args.program, scratch, args.models)
    print(f"{total} differences")
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
