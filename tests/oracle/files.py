"""The tokenizers of a run as files, and the reference that each is held against."""
import dataclasses
import pathlib

import sentencepiece
import tiktoken
from tiktoken_ext import openai_public
from tokenizers import Tokenizer, normalizers

import texts
import training
from compare import IdsReference, Reference

REAL = ("all-MiniLM-L6-v2", "all-MiniLM-L6-v2-onnx", "bge-small-en-v1.5-onnx", "bge-small-zh-v1.5-onnx", "e5-small-v2-onnx")

SPECIAL = {
    "cl100k_base": {"<|endoftext|>": 100257, "<|fim_prefix|>": 100258, "<|fim_middle|>": 100259, "<|fim_suffix|>": 100260, "<|endofprompt|>": 100276},
    "o200k_base": {"<|endoftext|>": 199999, "<|endofprompt|>": 200018}, "p50k_base": {"<|endoftext|>": 50256}, "r50k_base": {"<|endoftext|>": 50256},
}


@dataclasses.dataclass
class File:
    name: str
    sort: str  # real, known, probe, lower, tiktoken, sentencepiece
    path: pathlib.Path


def pattern(encoding):
    """As tiktoken has it, which would ask the network for the ranks."""
    openai_public.load_tiktoken_bpe = openai_public.data_gym_to_mergeable_bpe_ranks = lambda *_, **__: {}
    return getattr(openai_public, encoding)()["pat_str"]


def r50k(folder):
    """The ranks of r50k_base are the first 50,256 of p50k_base."""
    source = texts.HOME / "tokenizers/p50k_base/p50k_base.tiktoken"
    if source.is_file():
        lines = [line for line in source.read_bytes().splitlines(keepends=True) if int(line.split()[1]) < 50256]
        (folder / "r50k_base.tiktoken").write_bytes(b"".join(lines))


def everything(known, probes, folder, models):
    """All of them: those of packages, those made (written into `folder`)."""
    out = [File(name, "real", models / name / "tokenizer.json") for name in REAL if (models / name / "tokenizer.json").is_file()]
    out.append(File("all-MiniLM-L6-v2, do_lower_case", "lower", out[0].path))
    packages = texts.HOME / "tokenizers"
    out += [File(path.parent.name, "real", path) for path in sorted(packages.glob("*/tokenizer.json"))]
    for sort, group in (("known", known), ("probe", probes)):
        for name, text in group.items():
            path = folder / name / "tokenizer.json"
            path.parent.mkdir()
            path.write_text(text)
            out.append(File(name, sort, path))
    r50k(folder)
    for path in (*sorted(packages.glob("*/*.tiktoken")), *folder.glob("*.tiktoken")):
        out.append(File(path.stem, "tiktoken", path))
    for path in (*sorted(packages.glob("*/tokenizer.model")), *sorted((texts.HOME / "made").glob("*/tokenizer.model"))):
        out.append(File(f"{path.parent.name}.model", "sentencepiece", path))
    return out


def lowered(tokenizer):
    before = tokenizer.normalizer
    tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), *([before] if before else [])])
    return tokenizer


def open_reference(sort, path):
    """What `path` is compared with, and the tokenizer that tells how many tokens are added (None where nothing is cut)."""
    if sort == "tiktoken":
        encoding = tiktoken.Encoding(path.stem, pat_str=pattern(path.stem), mergeable_ranks=training.ranks(path), special_tokens=SPECIAL[path.stem])
        return IdsReference(lambda text: encoding.encode(text, allowed_special="all")), None
    if sort == "sentencepiece":
        model = sentencepiece.SentencePieceProcessor(model_file=str(path))
        return IdsReference(model.encode), None
    tokenizer = Tokenizer.from_file(str(path))
    if sort == "lower":
        tokenizer = lowered(tokenizer)
    return Reference(tokenizer), tokenizer
