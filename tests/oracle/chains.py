"""The tokenizers of the oracle: real files, the exact stage chains of well-known models on vocabularies trained here, and
probes, each of which shows one kind of a stage with its flags. Values are tokenizer.json files.
"""
import itertools
import json
import random

import training
from texts import ALPHABETS

BERT_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


# ---- Parts of a file ----------------------------------------------------------------------------------------------

def kind(name, **values):
    return {"type": name, **values}


def seq(key, *items):
    return {"type": "Sequence", key: list(items)}


def norm(*items):
    return seq("normalizers", *items)


def pre(*items):
    return seq("pretokenizers", *items)


def dec(*items):
    return seq("decoders", *items)


def added(content, special=False, **flags):
    return {"content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": not special, "special": special, **flags}


def specials(*contents):
    return [added(c, special=True) for c in contents]


def file(model, normalizer=None, pre_tokenizer=None, post_processor=None, decoder=None, tokens=()):
    """Added tokens get the id that the vocabulary has for them, others the next."""
    vocab = model["vocab"]
    ids = dict(vocab) if isinstance(vocab, dict) else {p: i for i, (p, _) in reversed(list(enumerate(vocab)))}
    free, listed = max(ids.values()) + 1, []
    for token in {t["content"]: t for t in tokens}.values():
        if token["content"] not in ids:
            ids[token["content"]] = free
            free += 1
        listed.append({"id": ids[token["content"]], **token})
    listed.sort(key=lambda t: t["id"])
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": listed, "normalizer": normalizer, "pre_tokenizer": pre_tokenizer,
            "post_processor": post_processor(ids) if callable(post_processor) else post_processor, "decoder": decoder, "model": model}


def template(single, pair, **more):
    """Written as `tokenizers` prints it: "[CLS]:0 $A:0 [SEP]:0"."""
    def make(ids):
        def items(text):
            out = []
            for word in text.split():
                name, type_id = word.rsplit(":", 1)
                sort, name = ("Sequence", name[1:]) if name in ("$A", "$B") else ("SpecialToken", name)
                out.append({sort: {"id": name, "type_id": int(type_id)}})
            return out
        a, b = items(single), items(pair)
        used = {i["SpecialToken"]["id"] for i in a + b if "SpecialToken" in i}
        known = {n: {"id": n, "ids": [ids[n]], "tokens": [n]} for n in used if n not in more}
        return {"type": "TemplateProcessing", "single": a, "pair": b, "special_tokens": {**known, **{n: more[n] for n in used if n in more}}}
    return make


def bert_template(cls="[CLS]", sep="[SEP]"):
    return template(f"{cls}:0 $A:0 {sep}:0", f"{cls}:0 $A:0 {sep}:0 $B:1 {sep}:1")


def bert_processing(ids):
    return kind("BertProcessing", sep=["[SEP]", ids["[SEP]"]], cls=["[CLS]", ids["[CLS]"]])


def roberta(sep="</s>", cls="<s>", trim=True, space=False):
    return lambda ids: kind("RobertaProcessing", sep=[sep, ids[sep]], cls=[cls, ids[cls]], trim_offsets=trim, add_prefix_space=space)


def bert_normalizer(lowercase=True, clean=True, chinese=True, strip=None):
    return kind("BertNormalizer", clean_text=clean, handle_chinese_chars=chinese, strip_accents=strip, lowercase=lowercase)


def byte_level(space=False, trim=True, regex=True):
    return kind("ByteLevel", add_prefix_space=space, trim_offsets=trim, use_regex=regex)


def replace(pattern, content, regex=False):
    return kind("Replace", pattern={"Regex" if regex else "String": pattern}, content=content)


def split(pattern, behavior, invert=False, regex=True):
    return kind("Split", pattern={"Regex" if regex else "String": pattern}, behavior=behavior, invert=invert)


def metaspace(scheme="always", split=True, char="▁"):
    return kind("Metaspace", replacement=char, prepend_scheme=scheme, split=split)


def old_metaspace(space=True, char="▁"):
    return {"type": "Metaspace", "replacement": char, "add_prefix_space": space, "str_rep": char, **({} if space else {"prepend_scheme": "never"})}


BERT_PRE = kind("BertPreTokenizer")
WORDPIECE_DECODER = kind("WordPiece", prefix="##", cleanup=True)
LLAMA_DECODER = dec(replace("▁", " "), kind("ByteFallback"), kind("Fuse"), kind("Strip", content=" ", start=1, stop=0))
XLMR_PRE = pre(kind("WhitespaceSplit"), metaspace())


# ---- The chains of well-known models -------------------------------------------------------------------------------

def known(models):
    xlmr, xlmr_map = models["spm-xlmr"]
    t5, t5_map = models["spm-t5"]
    albert, albert_map = models["spm-albert"]
    gpt2, gpt4, llama = models["gpt2"], models["gpt4"], models["llama"]
    charsmap = kind("Precompiled", precompiled_charsmap=xlmr_map)
    gpt4_pre = pre(split(training.GPT4, "Isolated"), byte_level(regex=False))
    mask = added("<mask>", special=True, lstrip=True)
    out = {
        "bert-base-cased": file(models["wordpiece-cased"], bert_normalizer(False), BERT_PRE, bert_template(), WORDPIECE_DECODER, specials(*BERT_SPECIAL)),
        "bert-base-uncased": file(models["wordpiece-uncased"], bert_normalizer(), BERT_PRE, bert_template(), WORDPIECE_DECODER, specials(*BERT_SPECIAL)),
        "mpnet": file(models["wordpiece-uncased"], bert_normalizer(), BERT_PRE, roberta(), WORDPIECE_DECODER,
                      [*specials("<s>", "<pad>", "</s>", "[UNK]"), mask]),
        "roberta": file({**gpt2, "continuing_subword_prefix": "", "end_of_word_suffix": ""}, None, byte_level(), roberta(), byte_level(True),
                        [*specials("<s>", "<pad>", "</s>", "<unk>"), mask]),
        "bart-prefix-space": file(gpt2, None, byte_level(True), roberta(space=True), byte_level(True), [*specials("<s>", "<pad>", "</s>", "<unk>"), mask]),
        "gpt2": file({**gpt2, "unk_token": "<unk>"}, None, byte_level(), byte_level(True, False), byte_level(True), specials("<|endoftext|>")),
        "xlm-roberta": file(xlmr, charsmap, XLMR_PRE, bert_template("<s>", "</s>"), metaspace(), [*specials("<s>", "<pad>", "</s>", "<unk>"), mask]),
        "multilingual-e5": file(xlmr, norm(charsmap, replace(" {2,}", " ", regex=True)), pre(metaspace()), bert_template("<s>", "</s>"), metaspace(),
                                [*specials("<s>", "<pad>", "</s>", "<unk>"), mask]),
        "xlm-roberta-old": file(xlmr, norm(charsmap), pre(kind("WhitespaceSplit"), old_metaspace()), bert_template("<s>", "</s>"), old_metaspace(),
                                [*specials("<s>", "<pad>", "</s>", "<unk>"), mask]),
        "t5": file(t5, norm(kind("Precompiled", precompiled_charsmap=t5_map)), XLMR_PRE, template("$A:0 </s>:0", "$A:0 </s>:0 $B:0 </s>:0"), metaspace(),
                   specials("<pad>", "</s>", "<unk>", *(f"<extra_id_{i}>" for i in range(100)))),
        "albert": file(albert, norm(replace("``", '"'), replace("''", '"'), kind("NFKD"), kind("StripAccents"), kind("Lowercase"),
                                    kind("Precompiled", precompiled_charsmap=albert_map)), XLMR_PRE, bert_template(), metaspace(),
                       [*specials("<pad>", "<unk>", "[CLS]", "[SEP]"), added("[MASK]", special=True, lstrip=True)]),
        "deberta-v2": file(xlmr, norm(kind("Strip", strip_left=True, strip_right=True), charsmap, replace(" {2,}", " ", regex=True)),
                           pre(kind("Punctuation", behavior="Isolated"), metaspace()), bert_template(), metaspace(), specials("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]")),
        "llama2-trained": file({**llama, "fuse_unk": True}, norm(kind("Prepend", prepend="▁"), replace(" ", "▁")), None,
                               template("<s>:0 $A:0", "<s>:0 $A:0 <s>:1 $B:1"), LLAMA_DECODER, specials("<unk>", "<s>", "</s>")),
        "mistral": file(llama, None, metaspace("first", False), template("<s>:0 $A:0", "<s>:0 $A:0 <s>:1 $B:1"), LLAMA_DECODER,
                        [*specials("<unk>", "<s>", "</s>"), added("[INST]"), added("<|im_start|>", special=True)]),
        "gemma-trained": file(llama, replace(" ", "▁"), split(" ", "MergedWithPrevious", regex=False), template("<s>:0 $A:0", "<s>:0 $A:0 $B:1"),
                              dec(replace("▁", " "), kind("ByteFallback"), kind("Fuse")), [*specials("<unk>", "<s>", "</s>"), added("\n\n"), added("  ")]),
        "llama3-trained": file({**gpt4, "ignore_merges": True}, None, gpt4_pre,
                               lambda ids: seq("processors", byte_level(True, False), template("<|begin_of_text|>:0 $A:0", "<|begin_of_text|>:0 $A:0 <|begin_of_text|>:1 $B:1")(ids)),
                               byte_level(True), specials("<|begin_of_text|>", "<|eot_id|>")),
        "qwen2": file({**gpt2, "continuing_subword_prefix": "", "end_of_word_suffix": ""}, kind("NFC"),
                      pre(split(training.GPT4.replace("{1,3}", ""), "Isolated"), byte_level(trim=False, regex=False)), byte_level(trim=False, regex=False),
                      byte_level(trim=False, regex=False), specials("<|endoftext|>", "<|im_start|>", "<|im_end|>")),
        "modernbert": file(gpt2, kind("NFC"), byte_level(), bert_template(), byte_level(),
                           [*(added(" " * n) for n in range(2, 25)), added("|||IP_ADDRESS|||", normalized=True), *specials("[UNK]", "[CLS]", "[SEP]", "[PAD]"),
                            added("[MASK]", special=True, lstrip=True)]),
        "clip": file({**models["clip"], "unk_token": "<|endoftext|>", "continuing_subword_prefix": ""},
                     norm(kind("NFC"), replace("\\s+", " ", regex=True), kind("Lowercase")), pre(split(training.CLIP, "Removed", invert=True), byte_level()),
                     roberta("<|endoftext|>", "<|startoftext|>", trim=False), byte_level(True), specials("<|startoftext|>", "<|endoftext|>")),
    }
    return out


# ---- Probes ---------------------------------------------------------------------------------------------------------

def normalizer_probes(models):
    charsmap = [models[f"spm-{n}"][1] for n in ("xlmr", "t5", "albert")]
    kinds = {
        "nfc": kind("NFC"), "nfd": kind("NFD"), "nfkc": kind("NFKC"), "nfkd": kind("NFKD"), "nmt": kind("Nmt"), "lowercase": kind("Lowercase"),
        "stripaccents": kind("StripAccents"), "nfd-stripaccents": norm(kind("NFD"), kind("StripAccents")),
        "strip-left": kind("Strip", strip_left=True, strip_right=False), "strip-right": kind("Strip", strip_left=False, strip_right=True),
        "strip-both": kind("Strip", strip_left=True, strip_right=True), "strip-none": kind("Strip", strip_left=False, strip_right=False),
        "prepend": kind("Prepend", prepend="▁"), "prepend-long": kind("Prepend", prepend="é中x"),
        "replace-string": replace("ab", "é"), "replace-grow": replace("a", "abc"), "replace-away": replace(" ", ""), "replace-same": replace("aa", "b"),
        "replace-regex": replace("[aeiou]+\\s?", "_", regex=True), "replace-regex-empty": replace("\\d*", "#", regex=True), "replace-anchor": replace("^\\s+|\\s+$", "", regex=True),
        "replace-class": replace("(?i)foo|\\p{Lu}{2,}", "中中", regex=True), "replace-look": replace("(?<=a)b(?!c)", "X", regex=True),
        "precompiled-xlmr": kind("Precompiled", precompiled_charsmap=charsmap[0]), "precompiled-cf": kind("Precompiled", precompiled_charsmap=charsmap[2]),
        "bytelevel": kind("ByteLevel"), "nested": norm(kind("NFD"), norm(kind("Lowercase"), norm()), kind("NFC")), "empty": norm(),
        "all": norm(kind("Nmt"), kind("NFKC"), replace("``", '"'), kind("Strip", strip_left=True, strip_right=True), kind("Lowercase"), kind("NFD"),
                    kind("StripAccents"), kind("Prepend", prepend="x")),
        "lower-nfkc-replace": norm(kind("Lowercase"), kind("NFKC"), replace("ss", "ß"), kind("Precompiled", precompiled_charsmap=charsmap[0])),
        "bert-then-prepend": norm(bert_normalizer(), kind("Prepend", prepend="▁"), replace(" ", "▁")),
    }
    for name, value in kinds.items():
        yield f"normalizer-{name}", file(models["bytes"], value, None, None, dec(kind("ByteFallback"), kind("Fuse")), [added("foo"), added("Ábc", normalized=True), added("<s>", special=True)])


def pretokenizer_probes(models):
    kinds = {
        "bert": BERT_PRE, "whitespace": kind("Whitespace"), "whitespacesplit": kind("WhitespaceSplit"), "unicodescripts": kind("UnicodeScripts"),
        "digits-together": kind("Digits", individual_digits=False), "digits-alone": kind("Digits", individual_digits=True),
        "chardelimiter": kind("CharDelimiterSplit", delimiter=" "), "chardelimiter-a": kind("CharDelimiterSplit", delimiter="é"),
        "fixedlength-1": kind("FixedLength", length=1), "fixedlength-5": kind("FixedLength", length=5), "nested": pre(pre(kind("Whitespace")), pre(kind("Digits", individual_digits=True))),
        "scripts-punctuation": pre(kind("Whitespace"), kind("UnicodeScripts"), kind("Punctuation", behavior="Contiguous")), "empty": pre(),
        "lindera-like": pre(kind("WhitespaceSplit"), split("(?<=\\p{Han})|(?=\\p{Han})", "Isolated")),
        "punctuation-default": kind("Punctuation"), "old-metaspace": old_metaspace(), "old-metaspace-no": old_metaspace(False), "old-metaspace-char": old_metaspace(True, "_"),
        "two-metaspaces": pre(metaspace("always"), metaspace("first", False, "é")), "metaspace-then-bytes": pre(metaspace("first"), byte_level(True)),
        "split-then-bytes": pre(kind("Digits", individual_digits=True), kind("Whitespace"), byte_level(True, regex=True)),
    }
    for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        kinds[f"punctuation-{behavior}"] = kind("Punctuation", behavior=behavior)
        for invert in (False, True):
            kinds[f"split-{behavior}-{invert:d}"] = split("\\s|[aeiou]", behavior, invert)
            kinds[f"split-string-{behavior}-{invert:d}"] = split(" ", behavior, invert, regex=False)
            kinds[f"split-runs-{behavior}-{invert:d}"] = split("\\w+|[^\\w\\s]+", behavior, invert)
            kinds[f"split-empty-{behavior}-{invert:d}"] = split("x*", behavior, invert)
    for scheme, whether in itertools.product(("always", "first", "never"), (True, False)):
        kinds[f"metaspace-{scheme}-{whether:d}"] = metaspace(scheme, whether)
    for space, regex, trim in itertools.product((True, False), repeat=3):
        kinds[f"bytelevel-{space:d}{regex:d}{trim:d}"] = byte_level(space, trim, regex)
    tokens = [added("foo"), added("[MASK]", special=True, lstrip=True), added("ab", single_word=True), added(" x", rstrip=True)]
    for name, value in kinds.items():
        yield f"pretokenizer-{name}", file(models["words"], None, value, None, None, tokens)
        if "metaspace" in name or "bytelevel" in name or "bytes" in name:
            yield f"pretokenizer-{name}-content", file(models["bytes"], None, value, None, dec(kind("ByteFallback"), kind("Fuse")), tokens)


def model_probes(models):
    chars, prefixed, llama, gpt2, words = (models[n] for n in ("chars", "prefixed", "llama", "gpt2", "words"))
    xlmr = models["spm-xlmr"][0]
    space = kind("WhitespaceSplit")
    yield "bpe-suffix", file(chars, None, space, None, kind("BPEDecoder", suffix="</w>"), specials("<unk>"))
    yield "bpe-suffix-fuse", file({**chars, "fuse_unk": True}, None, space, None, kind("BPEDecoder", suffix="</w>"))
    yield "bpe-suffix-no-unk", file({**chars, "unk_token": None}, None, space, None, kind("BPEDecoder", suffix="</w>"))
    yield "bpe-prefix", file(prefixed, kind("Lowercase"), kind("Whitespace"), None, kind("WordPiece", prefix="##", cleanup=False), specials("[UNK]"))
    yield "bpe-prefix-fuse", file({**prefixed, "fuse_unk": True}, None, kind("Whitespace"), None, None, specials("[UNK]"))
    yield "bpe-prefix-ignore-merges", file({**prefixed, "ignore_merges": True}, None, kind("Whitespace"), None, None, specials("[UNK]"))
    yield "bpe-fallback-partial", file({**llama, "vocab": {p: i for i, p in enumerate(p for p in llama["vocab"] if p not in ("<0xE4>", "<0xF0>"))},
                                        "fuse_unk": True}, None, metaspace(), None, LLAMA_DECODER, specials("<unk>"))
    yield "bpe-fallback-no-fuse", file({**llama, "fuse_unk": False}, None, metaspace(), None, LLAMA_DECODER, specials("<unk>"))
    yield "bpe-merges-as-text", file({**gpt2, "merges": [" ".join(m) for m in gpt2["merges"]]}, None, byte_level(), None, byte_level())
    yield "bpe-ignore-merges", file({**gpt2, "ignore_merges": True}, None, byte_level(), None, byte_level())
    yield "bpe-no-pretokenizer", file(llama, replace(" ", "▁"), None, None, LLAMA_DECODER, specials("<unk>"))
    yield "bpe-bytes-in-normalizer", file(gpt2, norm(kind("NFC"), kind("ByteLevel")), None, None, byte_level())
    yield "bpe-bytes-in-normalizer-split", file(gpt2, kind("ByteLevel"), split("Ġ", "MergedWithNext", regex=False), None, byte_level(), [added("foo"), added("é")])
    yield "unigram-fallback", file(models["spm-bytes"][0], None, metaspace("first", False), None, LLAMA_DECODER, specials("<unk>"))
    yield "unigram-no-fallback", file({**models["spm-bytes"][0], "byte_fallback": False}, None, metaspace(), None, metaspace(), specials("<unk>"))
    yield "unigram-no-pretokenizer", file(xlmr, replace(" ", "▁"), None, None, metaspace(), specials("<unk>", "<s>"))
    yield "unigram-words", file(xlmr, None, kind("Whitespace"), None, None, [added("foo", single_word=True)])
    yield "unigram-no-unk", file({**xlmr, "unk_id": None, "vocab": xlmr["vocab"][3:]}, None, metaspace(), None, metaspace())
    yield "wordlevel-whitespace", file(words, kind("Lowercase"), kind("Whitespace"), bert_template(), None, [*specials(*BERT_SPECIAL)])
    yield "wordlevel-split", file(words, norm(kind("NFD"), kind("StripAccents")), space, None, None)
    yield "wordpiece-at", file({**models["wordpiece-cased"], "continuing_subword_prefix": "@@", "vocab": {p.replace("##", "@@", 1): i for p, i in models["wordpiece-cased"]["vocab"].items()}},
                               bert_normalizer(False), BERT_PRE, bert_processing, kind("WordPiece", prefix="@@", cleanup=False), specials(*BERT_SPECIAL))
    yield "wordpiece-short-words", file({**models["wordpiece-uncased"], "max_input_chars_per_word": 3}, bert_normalizer(), kind("Whitespace"), bert_processing,
                                        WORDPIECE_DECODER, specials(*BERT_SPECIAL))
    yield "wordpiece-no-pretokenizer", file({**models["wordpiece-uncased"], "max_input_chars_per_word": 10**6}, bert_normalizer(), None, bert_processing, None, specials(*BERT_SPECIAL))
    yield "wordpiece-no-prefix", file({**models["wordpiece-uncased"], "continuing_subword_prefix": ""}, bert_normalizer(), BERT_PRE, bert_processing, WORDPIECE_DECODER, specials(*BERT_SPECIAL))


def edge_probes(models):
    gpt2, words = models["gpt2"], models["wordpiece-uncased"]
    tokens = [*specials("<s>", "</s>"), added("<mask>", special=True, lstrip=True, rstrip=True), added(" \t", rstrip=True)]
    for trim, space in itertools.product((True, False), repeat=2):
        yield f"post-bytelevel-{trim:d}{space:d}", file(gpt2, None, byte_level(), byte_level(space, trim), byte_level(), tokens)
        yield f"post-roberta-{trim:d}{space:d}", file(gpt2, None, byte_level(space), roberta(trim=trim, space=space), byte_level(), tokens)
        yield f"post-sequence-{trim:d}{space:d}", file(gpt2, None, byte_level(), lambda ids, t=trim, s=space: seq(
            "processors", template("<s>:0 $A:0 </s>:2", "<s>:1 $A:0 </s>:1 $B:3 </s>:4")(ids), byte_level(s, t)), byte_level(), tokens)
    uncased = (bert_normalizer(), BERT_PRE)
    yield "post-template", file(words, *uncased, template("[CLS]:0 $A:3 [SEP]:1 two:2", "[SEP]:0 $B:1 [CLS]:4 $A:0 two:5 [SEP]:1",
                                                          two={"id": "two", "ids": [5, 6], "tokens": ["x", "y"]}), WORDPIECE_DECODER, specials(*BERT_SPECIAL))
    yield "post-template-empty", file(words, *uncased, template("$A:0", "$A:0 $B:1"), WORDPIECE_DECODER, specials(*BERT_SPECIAL))
    yield "post-bert", file(words, *uncased, bert_processing, WORDPIECE_DECODER, specials(*BERT_SPECIAL))
    yield "post-none", file(words, *uncased, None, WORDPIECE_DECODER, specials(*BERT_SPECIAL))
    decoders = {
        "ctc": kind("CTC", pad_token="<pad>", word_delimiter_token="|", cleanup=True), "ctc-plain": kind("CTC", pad_token="[UNK]", word_delimiter_token="e", cleanup=False),
        "bpe": kind("BPEDecoder", suffix="e"), "replace": replace("e", " é "), "replace-regex": replace("[ae]+", "_", regex=True), "fuse": kind("Fuse"),
        "strip": kind("Strip", content="a", start=1, stop=2), "strip-fused": dec(kind("Fuse"), kind("Strip", content="t", start=3, stop=3)),
        "bytefallback": kind("ByteFallback"), "bytelevel": byte_level(), "wordpiece": WORDPIECE_DECODER, "wordpiece-plain": kind("WordPiece", prefix="##", cleanup=False),
        "metaspace": metaspace(), "metaspace-never": metaspace("never"), "metaspace-first": metaspace("first", True, "e"), "metaspace-old": old_metaspace(True, "t"), "none": None,
        "sequence": dec(replace("##", ""), dec(kind("Fuse")), replace("\\s+", " ", regex=True)), "empty": dec(),
    }
    for name, value in decoders.items():
        yield f"decoder-{name}", file(words, *uncased, None, value, specials("[UNK]", "[CLS]"))
        yield f"decoder-{name}-bytes", file(models["llama"], replace(" ", "▁"), None, None, value, [*specials("<unk>", "<s>"), added("foo bar")])


def wordpiece_variants(models):
    """BertNormalizer's flags, and added tokens with every combination of theirs."""
    letters = sorted(set("".join(ALPHABETS)) - set(" \t\n\r\v\f\0"))
    pieces = BERT_SPECIAL + ["the", "hello", "world", "un", "##aff", "##able", "new", "##s", "york", "##ing", "mask", "don", "not", "do", "New", "foo"]
    pieces += letters + ["##" + c for c in letters]
    model = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
             "vocab": {p: i for i, p in enumerate(dict.fromkeys(pieces))}}

    def bert(normalizer=None, tokens=()):
        return file(model, normalizer or bert_normalizer(), BERT_PRE, bert_processing, WORDPIECE_DECODER, [*specials(*BERT_SPECIAL), *tokens])
    for clean, chinese, strip, lower in itertools.product((True, False), (True, False), (None, True, False), (True, False)):
        yield f"bert-{clean:d}{chinese:d}{'n' if strip is None else int(strip)}{lower:d}", bert(bert_normalizer(lower, clean, chinese, strip))
    contents = ["foo", "New York", "[NEW]", "é", "<s>", " ", "ab", "abcd", "中文", "it's"]
    names = ("single_word", "lstrip", "rstrip", "normalized", "special")
    gpt2 = models["gpt2"]
    for bits in itertools.product((False, True), repeat=5):
        flags = dict(zip(names, bits))
        tokens = [added(c, **flags) for c in contents if c != " " or not (flags["rstrip"] or flags["lstrip"])]
        yield "added-" + "".join(f"{b:d}" for b in bits), bert(None, tokens)
        yield "added-bytes-" + "".join(f"{b:d}" for b in bits), file(gpt2, kind("NFKC"), byte_level(True), byte_level(True, True), byte_level(), tokens)
    rng = random.Random(7)
    for n in range(24):
        tokens = [added(c, **{f: rng.random() < .4 for f in names}) for c in rng.sample(contents + ["a", "foobar", "oba", "york city", "\u00a0x", "Ó", "_"], 8)]
        yield f"mixed-{n}", bert(bert_normalizer(rng.random() < .5, rng.random() < .7), tokens)
        if n == 1:  # the reference panics while it panics, and takes its process along
            continue
        yield f"mixed-unigram-{n}", file(models["spm-xlmr"][0], rng.choice((None, kind("Lowercase"), kind("NFKC"), kind("Strip", strip_left=True, strip_right=True))),
                                         metaspace(rng.choice(("first", "always", "never")), rng.random() < .7), None, metaspace(), tokens)


def all_files(models):
    """The known chains, and the probes: {name: tokenizer.json}."""
    probes = {}
    for some in (normalizer_probes, pretokenizer_probes, model_probes, edge_probes, wordpiece_variants):
        probes.update(some(models))
    return [{name: json.dumps(value, ensure_ascii=False) for name, value in group.items()} for group in (known(models), probes)]
