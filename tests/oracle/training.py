"""The models that the tokenizers of chains.py are made of, trained here and kept in a folder: JSON values as they stand
under "model" of a tokenizer.json. Small vocabularies: what is tested are the stages, and the real files have large ones.
"""
import base64
import json

import sentencepiece
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers  # noqa: F401

import texts

BYTES = [f"<0x{b:02X}>" for b in range(256)]
GPT4 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CLIP = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def corpus():
    return texts.declarations()[::8] + texts.pages()[::12] + texts.code()[::8]


def trained(model, trainer, normalizer=None, pre=None):
    t = Tokenizer(model)
    if normalizer:
        t.normalizer = normalizer
    if pre:
        t.pre_tokenizer = pre
    t.train_from_iterator(corpus(), trainer)
    return json.loads(t.to_str())["model"]


def wordpiece(lowercase):
    return trained(models.WordPiece(unk_token="[UNK]"),
                   trainers.WordPieceTrainer(vocab_size=8000, show_progress=False, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]),
                   normalizers.BertNormalizer(lowercase=lowercase), pre_tokenizers.BertPreTokenizer())


def bpe(pre, special, normalizer=None, alphabet=(), size=8000, **options):
    keep = {k: options.pop(k) for k in ("end_of_word_suffix", "continuing_subword_prefix") if k in options}
    return trained(models.BPE(**options), trainers.BpeTrainer(vocab_size=size, show_progress=False, special_tokens=special,
                                                             initial_alphabet=list(alphabet), **keep), normalizer, pre)


def byte_level(pre=None, **options):
    return bpe(pre or pre_tokenizers.ByteLevel(add_prefix_space=False), ["<s>", "<pad>", "</s>", "<unk>"], alphabet=pre_tokenizers.ByteLevel.alphabet(), **options)


def field(data, number):
    """The last occurrence of a length-delimited field of a protobuf message."""
    at, found = 0, b""

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(data):
        key = varint()
        kind = key & 7
        if kind == 2:
            size = varint()
            if key >> 3 == number:
                found = data[at:at + size]
            at += size
        elif kind == 0:
            varint()
        else:
            at += 8 if kind == 1 else 4
    return found


def sentencepiece_model(path, **options):
    """Trains a .model file beside the others."""
    import io
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(t.replace("\n", " ") for t in corpus()), model_writer=out, num_threads=2,
                                             minloglevel=2, input_sentence_size=10000, shuffle_input_sentence=False, max_sentence_length=6000, **options)
    path.write_bytes(out.getvalue())


def unigram(path):
    """A sentencepiece model as Hugging Face's converter lays it out: the model, and the charsmap of its normalizer."""
    sp = sentencepiece.SentencePieceProcessor(model_file=str(path))
    vocab = [[sp.id_to_piece(i), sp.get_score(i)] for i in range(sp.vocab_size())]
    charsmap = field(field(path.read_bytes(), 3), 2)
    return ({"type": "Unigram", "unk_id": sp.unk_id(), "vocab": vocab, "byte_fallback": any(sp.is_byte(i) for i in range(sp.vocab_size()))},
            base64.b64encode(charsmap).decode())


def ranks(path):
    return {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in path.read_bytes().splitlines() if line)}


def unicode_of_bytes():
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table, n = {b: chr(b) for b in plain}, 0
    for b in range(256):
        if b not in table:
            table[b] = chr(256 + n)
            n += 1
    return table


def bpe_of_ranks(path):
    """A tiktoken file as vocabulary and merges: a token's merge is of the two parts that the lower ranks leave of it."""
    table, by_bytes = unicode_of_bytes(), ranks(path)

    def name(token):
        return "".join(table[b] for b in token)
    merges = []
    for token, rank in sorted(by_bytes.items(), key=lambda item: item[1]):
        parts = [token[i:i + 1] for i in range(len(token))]
        while len(parts) > 2:
            best = min((by_bytes.get(parts[i] + parts[i + 1], 1 << 30), i) for i in range(len(parts) - 1))
            if best[0] >= rank:
                break
            parts[best[1]:best[1] + 2] = [parts[best[1]] + parts[best[1] + 1]]
        if len(parts) == 2:
            merges.append([name(parts[0]), name(parts[1])])
    return {"type": "BPE", "vocab": {name(t): r for t, r in by_bytes.items()}, "merges": merges}


def word_level():
    words = {}
    for text in corpus():
        for word in text.split():
            words[word] = words.get(word, 0) + 1
    common = sorted(words, key=lambda w: (-words[w], w))[:3000]
    names = ["[UNK]", "[PAD]", *common]
    names += [c for c in map(chr, range(33, 0x500)) if c not in words]
    return {"type": "WordLevel", "vocab": {w: i for i, w in enumerate(dict.fromkeys(names))}, "unk_token": "[UNK]"}


def bytes_only():
    """Every character as its bytes: shows what a normalizer wrote."""
    vocab = {p: i for i, p in enumerate(["<unk>", *BYTES])}
    return {"type": "BPE", "vocab": vocab, "merges": [], "unk_token": "<unk>", "byte_fallback": True}


def all_models(folder):
    """{name: value}; the second value of a sentencepiece name is its charsmap."""
    spm = {
        "xlmr": dict(model_type="unigram", vocab_size=6000, character_coverage=0.98, normalization_rule_name="nmt_nfkc"),
        "t5": dict(model_type="unigram", vocab_size=4000, character_coverage=0.98, normalization_rule_name="nmt_nfkc", pad_id=0, eos_id=1, unk_id=2, bos_id=-1),
        "albert": dict(model_type="unigram", vocab_size=4000, character_coverage=0.98, normalization_rule_name="nmt_nfkc_cf"),
        "bytes": dict(model_type="unigram", vocab_size=4000, character_coverage=0.98, byte_fallback=True, normalization_rule_name="identity",
                      remove_extra_whitespaces=False),
        "bpe": dict(model_type="bpe", vocab_size=4000, character_coverage=0.98, byte_fallback=True, normalization_rule_name="identity",
                    remove_extra_whitespaces=False, split_digits=True),
        "bpe-nfkc": dict(model_type="bpe", vocab_size=4000, character_coverage=0.98, normalization_rule_name="nmt_nfkc"),
    }
    for name, options in spm.items():
        (folder / f"spm-{name}").mkdir()
        sentencepiece_model(folder / f"spm-{name}/tokenizer.model", **options)
    metaspace = pre_tokenizers.Metaspace()
    out = {f"spm-{name}": unigram(folder / f"spm-{name}/tokenizer.model") for name in ("xlmr", "t5", "albert", "bytes")}
    out.update({
        "wordpiece-cased": wordpiece(False),
        "wordpiece-uncased": wordpiece(True),
        "gpt2": byte_level(),
        "gpt4": byte_level(pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(GPT4), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])),
        "clip": bpe(pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(CLIP), "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]),
                    ["<|startoftext|>", "<|endoftext|>"], alphabet=pre_tokenizers.ByteLevel.alphabet(), normalizer=normalizers.Lowercase(),
                    end_of_word_suffix="</w>"),
        "prefixed": bpe(pre_tokenizers.Whitespace(), ["[UNK]"], unk_token="[UNK]", size=5000, continuing_subword_prefix="##"),
        "llama": bpe(metaspace, ["<unk>", "<s>", "</s>", *BYTES], size=5000, unk_token="<unk>", byte_fallback=True, fuse_unk=True),
        "chars": bpe(pre_tokenizers.WhitespaceSplit(), ["<unk>"], size=3000, unk_token="<unk>", end_of_word_suffix="</w>"),
        "words": word_level(),
        "bytes": bytes_only(),
    })
    return out


def load(folder, made_of):
    """The models from `folder`, which is for exactly what `made_of` says; made anew where that differs."""
    import shutil
    import tempfile
    stamp = folder / "made-of"
    if not stamp.is_file() or stamp.read_text() != made_of:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            new = folder.parent / (temporary + "/new")
            new.mkdir()
            (new / "models.json").write_text(json.dumps(all_models(new)))
            (new / "made-of").write_text(made_of)
            shutil.rmtree(folder, ignore_errors=True)
            new.rename(folder)
    return json.loads((folder / "models.json").read_text())
