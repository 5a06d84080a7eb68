"""Which stages and flags the tokenizers of a run have: features() of each, and REQUIRED, the list of the product."""
import json


def stages(value, key):
    """The kinds of a stage, Sequences opened (and themselves)."""
    if value is None:
        return
    yield value
    if value["type"] == "Sequence":
        for item in value[key]:
            yield from stages(item, key)


def flags(stage, value):
    name = f"{stage} {value['type']}"
    yield name
    for flag, setting in value.items():
        if isinstance(setting, (bool, type(None))) or flag in ("behavior", "prepend_scheme"):
            yield f"{name} {flag}={json.dumps(setting)}"
    if "pattern" in value:
        sort = next(iter(value["pattern"]))
        yield f"{name} {sort}"
        if "behavior" in value:
            yield f"{name} {value['behavior']} invert={json.dumps(value['invert'])}"
    if value["type"] == "Metaspace":
        yield f"{name} {'old' if 'add_prefix_space' in value else 'new'}"


def features(text):
    file = json.loads(text)
    model = file["model"]
    out = {f"model {model['type']}"}
    for stage, key in (("normalizer", "normalizers"), ("pre_tokenizer", "pretokenizers"), ("post_processor", "processors"), ("decoder", "decoders")):
        for value in stages(file.get(stage), key):
            out.update(flags(stage, value))
    for flag in ("byte_fallback", "fuse_unk", "ignore_merges"):
        if flag in model:
            out.add(f"model {model['type']} {flag}={json.dumps(bool(model[flag]))}")
    for flag in ("continuing_subword_prefix", "end_of_word_suffix", "unk_token", "unk_id"):
        out.add(f"model {model['type']} {flag}" + ("" if model.get(flag) not in (None, "") else " none"))
    if model.get("merges"):
        out.add(f"model BPE merges as {'text' if isinstance(model['merges'][0], str) else 'pairs'}")
    for token in file["added_tokens"]:
        for flag in ("single_word", "lstrip", "rstrip", "normalized", "special"):
            out.add(f"added {flag}={json.dumps(token[flag])}")
    return out


BEHAVIORS = ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")
BOTH = ("true", "false")
REQUIRED = {
    *(f"normalizer {n}" for n in ("Sequence", "BertNormalizer", "NFC", "NFD", "NFKC", "NFKD", "Nmt", "Lowercase", "Strip", "StripAccents", "Prepend",
                                  "Replace String", "Replace Regex", "Precompiled", "ByteLevel")),
    *(f"normalizer BertNormalizer {f}={b}" for f in ("clean_text", "handle_chinese_chars", "lowercase", "strip_accents") for b in BOTH),
    "normalizer BertNormalizer strip_accents=null",
    *(f"normalizer Strip {f}={b}" for f in ("strip_left", "strip_right") for b in BOTH),
    *(f"pre_tokenizer {n}" for n in ("Sequence", "BertPreTokenizer", "ByteLevel", "Whitespace", "WhitespaceSplit", "Metaspace old", "Metaspace new", "Punctuation", "Digits",
                                     "Split String", "Split Regex", "CharDelimiterSplit", "UnicodeScripts", "FixedLength")),
    *(f"pre_tokenizer ByteLevel {f}={b}" for f in ("add_prefix_space", "use_regex", "trim_offsets") for b in BOTH),
    *(f'pre_tokenizer Metaspace prepend_scheme="{s}"' for s in ("always", "first", "never")), *(f"pre_tokenizer Metaspace split={b}" for b in BOTH),
    *(f"pre_tokenizer Digits individual_digits={b}" for b in BOTH), *(f'pre_tokenizer Punctuation behavior="{b}"' for b in BEHAVIORS),
    *(f"pre_tokenizer Split {b} invert={i}" for b in BEHAVIORS for i in BOTH),
    *(f"model {n}" for n in ("WordPiece", "BPE", "Unigram", "WordLevel")), *(f"model BPE {f}={b}" for f in ("byte_fallback", "fuse_unk", "ignore_merges") for b in BOTH),
    *(f"model BPE {f}{n}" for f in ("continuing_subword_prefix", "end_of_word_suffix", "unk_token") for n in ("", " none")),
    "model BPE merges as text", "model BPE merges as pairs", *(f"model Unigram byte_fallback={b}" for b in BOTH), "model Unigram unk_id none",
    *(f"post_processor {n}" for n in ("Sequence", "TemplateProcessing", "BertProcessing", "RobertaProcessing", "ByteLevel")),
    *(f"post_processor {n} {f}={b}" for n in ("RobertaProcessing", "ByteLevel") for f in ("trim_offsets", "add_prefix_space") for b in BOTH),
    *(f"decoder {n}" for n in ("Sequence", "ByteLevel", "WordPiece", "Metaspace", "BPEDecoder", "CTC", "Replace String", "Replace Regex", "Fuse", "Strip", "ByteFallback")),
    *(f"decoder {n} cleanup={b}" for n in ("WordPiece", "CTC") for b in BOTH),
    *(f"added {f}={b}" for f in ("single_word", "lstrip", "rstrip", "normalized", "special") for b in BOTH),
}
