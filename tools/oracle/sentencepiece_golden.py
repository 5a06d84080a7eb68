#!/usr/bin/env python3
"""Makes tests/golden/sentencepiece: small models of sentencepiece as the classes of `transformers` read them, one folder
each, with cases.jsonl: {"text": …, "ids": […]}; and seeds for tests/fuzz/corpus/sentencepiece.

    sentencepiece_golden.py        needs transformers (without torch), sentencepiece and protobuf
"""
import io
import json
import os
import pathlib
import random
import shutil
import tempfile

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
import sentencepiece  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT, SEEDS = ROOT / "tests/golden/sentencepiece", ROOT / "tests/fuzz/corpus/sentencepiece"
LINES = ["the quick brown fox jumps over the lazy dog", "the dog and the fox", "a fox, a dog; 12 foxes and 345 dogs!", "Überfox über den Hund",
         "the brown dog jumps over the brown fox", "dogs and foxes over dogs and foxes"] * 20
RULES = "41\t61\n42\t62\n43 44\t63 64\nDC\tFC\n2160\t49\n3000\t20\n200B\t\nFB01\t66 69\n"
CASES = ["", " ", "the quick fox", "  the   dog  ", "The DOG\nand the\tfox", "Über ABCD CDC ⅠⅠ ﬁ\u200bx", "中文 dog 😀", "▁the ▁▁dog", "<s> the </s> <mask>",
         "[CLS] dog [MASK] [SEP]", "``the'' dog", "<user>dog the <user>", "<extra_id_0> fox <extra_id_99>", "12 345", "\u3000the\u3000", "é e\u0301", "a" * 70,
         "<0x41>", "the,dog;fox!", "\n\n", "<start_of_turn>the"]
COMMON = dict(minloglevel=2, hard_vocab_limit=False, character_coverage=1.0)
# name: (options of the training, tokenizer class, its configuration)
MODELS = {
    "xlm-roberta": (dict(model_type="unigram", vocab_size=90), "XLMRobertaTokenizer", {}),
    "camembert": (dict(model_type="unigram", vocab_size=90), "CamembertTokenizer", {}),
    "t5": (dict(model_type="unigram", vocab_size=90, pad_id=0, eos_id=1, unk_id=2, bos_id=-1), "T5Tokenizer", {}),
    "albert": (dict(model_type="unigram", vocab_size=90, pad_id=0, unk_id=1, bos_id=-1, eos_id=-1, control_symbols=["[CLS]", "[SEP]"],
                    user_defined_symbols=["[MASK]"]), "AlbertTokenizer", {}),
    "deberta-v2": (dict(model_type="unigram", vocab_size=90, pad_id=0, unk_id=3, bos_id=1, eos_id=2, pad_piece="[PAD]", bos_piece="[CLS]",
                        eos_piece="[SEP]", unk_piece="[UNK]"), "DebertaV2Tokenizer", {"do_lower_case": True, "split_by_punct": True}),
    "llama-legacy": (dict(model_type="bpe", vocab_size=340, byte_fallback=True), "LlamaTokenizer", {"add_bos_token": True, "legacy": True}),
    "llama-new": (dict(model_type="bpe", vocab_size=340, byte_fallback=True), "LlamaTokenizer", {"add_bos_token": True, "add_eos_token": True}),
    "gemma": (dict(model_type="bpe", vocab_size=340, byte_fallback=True, add_dummy_prefix=False, remove_extra_whitespaces=False, pad_id=0, eos_id=1,
                   bos_id=2, unk_id=3, pad_piece="<pad>", eos_piece="<eos>", bos_piece="<bos>", user_defined_symbols=["<start_of_turn>"]),
              "GemmaTokenizer", {"add_bos_token": True}),
    "plain-unigram": (dict(model_type="unigram", vocab_size=350, byte_fallback=True, user_defined_symbols=["<user>", "the"]), "", {}),
    "plain-suffix": (dict(model_type="unigram", vocab_size=90, treat_whitespace_as_suffix=True), "", {}),
    "plain-spaces": (dict(model_type="unigram", vocab_size=90, add_dummy_prefix=False, remove_extra_whitespaces=False), "", {}),
    "plain-bpe": (dict(model_type="bpe", vocab_size=90), "", {}),
    "plain-bpe-user": (dict(model_type="bpe", vocab_size=90, user_defined_symbols=["<user>", "the ", "og", "\u2581fo"]), "", {}),
    "xlnet": (dict(model_type="unigram", vocab_size=90, unk_id=0, bos_id=1, eos_id=2, control_symbols=["<cls>", "<sep>", "<pad>", "<mask>", "<eod>"]),
              "XLNetTokenizer", {}),
    "big_bird": (dict(model_type="unigram", vocab_size=90, pad_id=0, eos_id=1, bos_id=2, unk_id=3, control_symbols=["[CLS]", "[SEP]"],
                      user_defined_symbols=["[MASK]"]), "BigBirdTokenizer", {}),
}


def train(options):
    out = io.BytesIO()
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as rules:
        rules.write(RULES)
        rules.flush()
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(LINES), model_writer=out, normalization_rule_tsv=rules.name, **COMMON, **options)
    return out.getvalue()


def main():
    SEEDS.mkdir(parents=True, exist_ok=True)
    rng = random.Random(1)
    texts = CASES + ["".join(rng.choice(("the", "dog", " ", "  ", "fox", "x", "é", "AB", "CD", "中", "\n", "9", "<s>", "▁", ",")) for _ in range(12)) for _ in range(30)]
    for i, (name, (options, of_class, config)) in enumerate(MODELS.items()):
        folder = OUT / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        model = train(options)
        (folder / "tokenizer.model").write_bytes(model)
        (SEEDS / name).write_bytes(bytes([i]) + model)
        if of_class:
            (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": of_class, **config}) + "\n")
            with tempfile.TemporaryDirectory() as copy:  # transformers wants the file under the name of the class
                for file in ("sentencepiece.bpe.model", "spiece.model", "spm.model", "tokenizer.model"):
                    shutil.copy(folder / "tokenizer.model", f"{copy}/{file}")
                shutil.copy(folder / "tokenizer_config.json", copy)
                pathlib.Path(copy, "config.json").write_text(json.dumps({"model_type": name.split("-new")[0].split("-legacy")[0]}))
                encode = AutoTokenizer.from_pretrained(copy).backend_tokenizer
                cases = [(t, encode.encode(t).ids) for t in texts]
        else:
            plain = sentencepiece.SentencePieceProcessor(model_proto=model)
            cases = [(t, plain.encode(t)) for t in texts]
        (folder / "cases.jsonl").write_text("".join(json.dumps({"text": t, "ids": ids}, ensure_ascii=False) + "\n" for t, ids in cases))


if __name__ == "__main__":
    main()
